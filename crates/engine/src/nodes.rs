//! Several nodes, one desk: hearing what the others wrote, and which node sends and reads.

use crate::content::ContentFault;
use crate::engine::{Engine, Inner, WeakEngine};
use crate::writer::Job;
use desk::ids::ReportId;
use journal::{Duty, Node, Reader};
use std::path::Path;
use std::sync::Weak;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Between two looks at the journal when nobody says that there is something new.
const LOOK: Duration = Duration::from_secs(1);
/// Between two questions whether the duty is still ours.
const ASK: Duration = Duration::from_secs(1);
/// So long an answer is trusted.
const TRUST: Duration = Duration::from_secs(5);
/// A node that takes the duty over waits so long: by then the one before has stopped, also where it only lost its connection.
const HANDOVER: Duration = Duration::from_secs(6);

/// Whether this node sends and reads. Nothing of it is in the journal: it is about processes, not about the desk.
pub(crate) struct OnDuty {
    /// `None` where one node runs alone.
    until: Option<watch::Sender<Instant>>,
}

impl OnDuty {
    /// Always, or once the server says so.
    pub(crate) fn new(several: bool) -> OnDuty {
        OnDuty { until: several.then(|| watch::Sender::new(Instant::now())) }
    }

    pub(crate) fn is_now(&self) -> bool {
        self.until.as_ref().is_none_or(|until| Instant::now() < *until.borrow())
    }

    /// Resolves when this node is off duty.
    pub(crate) async fn ended(&self) {
        let Some(until) = &self.until else { return std::future::pending().await };
        loop {
            let end = *until.borrow();
            if Instant::now() >= end {
                return;
            }
            tokio::time::sleep_until(end.into()).await;
        }
    }

    fn set(&self, end: Instant) {
        if let Some(until) = &self.until {
            until.send_replace(end);
        }
    }
}

/// Starts the threads of a node among others.
pub(crate) fn start(inner: &std::sync::Arc<Inner>, queue: mpsc::WeakSender<Job>) -> std::io::Result<()> {
    let (weak, data) = (std::sync::Arc::downgrade(inner), inner.data.clone());
    let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
    named("follower").spawn(move || listen(&data, &queue))?;
    let data = inner.data.clone();
    named("duty").spawn(move || keep_duty(&data, &weak)).map(drop)
}

/// Tells the writer whenever there are new entries, whoever wrote them.
fn listen(data: &Path, queue: &mpsc::WeakSender<Job>) {
    let (mut reader, mut size) = (None, 0);
    while queue.strong_count() > 0 {
        if reader.is_none() {
            reader = Reader::open(data).ok();
        }
        let heard = reader.as_ref().map(|reader| reader.wait(size, LOOK));
        match heard {
            Some(Ok(now)) if now == size => continue,
            Some(Ok(now)) => size = now,
            // The writer finds out, and says so.
            _ => {
                reader = None;
                std::thread::park_timeout(LOOK);
            }
        }
        if let Some(queue) = queue.upgrade() {
            // Where the writer is gone the loop ends.
            drop(queue.blocking_send(Job::Look));
        }
    }
}

/// Asks for the duty, again and again.
fn keep_duty(data: &Path, inner: &Weak<Inner>) {
    let (mut duty, mut since) = (None, None);
    loop {
        let asked = Instant::now();
        if duty.is_none() {
            duty = Duty::open(data).ok();
        }
        let held = duty.as_ref().map(|duty: &Duty| duty.hold());
        let Some(inner) = inner.upgrade() else { return };
        match held {
            Some(Ok(true)) => {
                let first = *since.get_or_insert_with(|| match is_alone(data) {
                    true => asked,
                    false => asked + HANDOVER,
                });
                if Instant::now() >= first {
                    inner.on_duty.set(asked + TRUST);
                    inner.wake();
                }
            }
            Some(Ok(false)) => since = None,
            _ => (duty, since) = (None, None),
        }
        drop(inner);
        std::thread::park_timeout(ASK);
    }
}

/// Whether there is no other node that could have had the duty.
fn is_alone(data: &Path) -> bool {
    Reader::open(data).and_then(|reader| reader.nodes()).is_ok_and(|nodes| nodes.iter().all(|node| node.here))
}

/// An erasure that not every node has carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenErasure {
    /// Its place in the journal.
    pub seq: u64,
    /// The nodes that it waits for, by name.
    pub waits_for: Vec<String>,
}

/// The nodes that serve a desk, and the erasures that still wait for some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// By name; empty where one node runs alone.
    pub nodes: Vec<Node>,
    /// The oldest first.
    pub open: Vec<OpenErasure>,
}

impl Nodes {
    fn of(reader: &Reader) -> Result<Nodes, journal::Error> {
        // What is erased meanwhile is for the next look.
        let (open, nodes) = (reader.unconfirmed()?, reader.nodes()?);
        let waits = |seq: u64| nodes.iter().filter(|n| n.cleared <= seq).map(|n| n.name.clone()).collect();
        let open = open.into_iter().map(|seq| OpenErasure { seq, waits_for: waits(seq) });
        let open = open.filter(|erasure: &OpenErasure| !erasure.waits_for.is_empty()).collect();
        Ok(Nodes { nodes, open })
    }
}

impl Engine {
    /// The nodes that serve this desk, and what erasures wait for.
    ///
    /// # Errors
    /// What the store says.
    pub async fn nodes(&self) -> Result<Nodes, ContentFault> {
        self.with_reader(Nodes::of).await
    }
}

/// Makes findable what other nodes read.
pub(crate) async fn index(engine: WeakEngine, mut read: mpsc::UnboundedReceiver<(ReportId, u64)>) {
    while let Some((report, seq)) = read.recv().await {
        let Some(strong) = engine.upgrade() else { return };
        crate::reading::index_one(&strong, report, seq).await;
    }
}
