//! Mail leaves: what is due is handed to the relay, and what became of it is a fact.

use crate::engine::{Engine, Fault, Inner, WeakEngine};
use desk::command::{Actor, Command};
use desk::ids::{NoticeId, Timestamp};
use desk::outbox::{self, Purpose, Sending, Tried};
use parking_lot::Mutex;
use post::compose::{Outgoing, compose};
use post::send::{Delivery, Relay, Timeouts, deliver};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Conversations with the relay at once.
const CONVERSATIONS_MAX: usize = 8;
/// The sender looks at the clock at least this often.
const LOOK_SECONDS_MAX: i64 = 5;

/// Time before what the storage did not take is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How mail leaves this desk.
#[derive(Clone, Debug)]
pub enum Outbound {
    /// It does not: the outbox holds and every page says so.
    None,
    /// Into a built-in sink that can be read in the desk: the demonstration.
    Sink,
    /// By the next hop.
    Relay(Relay),
}

/// A mail in the built-in sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkMail {
    /// When it left.
    pub at: Timestamp,
    /// To whom.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Text.
    pub text: String,
    /// Message-ID, without angle brackets.
    pub message_id: String,
}

/// How mail stands, for every page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailState {
    /// Mail can leave.
    pub outbound: bool,
    /// It goes into the built-in sink.
    pub sink: bool,
    /// The last try failed at the next hop: since when, and what it said.
    pub failing: Option<(Timestamp, String)>,
    /// Mails that wait.
    pub waiting: usize,
    /// The mailbox that is emptied into the desk, if there is one.
    pub mailbox: Option<MailboxState>,
}

/// How the mailbox stands that is emptied into the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailboxState {
    /// On the way.
    Connecting,
    /// Signed in; mail is being fetched.
    Connected,
    /// Everything is fetched, but for so many that are too large or were refused.
    Waiting {
        /// How many.
        left: usize,
    },
    /// Nothing is fetched.
    Failed {
        /// Since when.
        since: Timestamp,
        /// What went wrong.
        why: String,
    },
}

pub(crate) fn state(inner: &Inner) -> MailState {
    MailState {
        outbound: !matches!(inner.outbound, Outbound::None),
        sink: matches!(inner.outbound, Outbound::Sink),
        failing: inner.mail_failure.lock().clone(),
        waiting: inner.desk.read().waiting_notices(),
        mailbox: inner.mailbox.lock().clone(),
    }
}

/// Sends whatever is due, for as long as the engine lives.
pub(crate) async fn send_all(engine: WeakEngine) {
    let in_hand = Arc::new(Mutex::new(HashSet::<NoticeId>::new()));
    loop {
        let Some(strong) = engine.upgrade() else { return };
        if matches!(strong.inner.outbound, Outbound::None) {
            return;
        }
        // What cannot be recorded is not sent; nor what another node sends.
        if strong.frozen().is_some() || !strong.is_on_duty() {
            drop(strong);
            tokio::time::sleep(AGAIN).await;
            continue;
        }
        // The machine's clock may be behind the newest fact: what was due by then is due.
        let now = strong.now().max(strong.last_moment());
        let todo: Vec<Sending> = {
            let held = in_hand.lock();
            let room = CONVERSATIONS_MAX.saturating_sub(held.len());
            let due = strong.peek(|desk| desk.due(now, room + held.len()));
            due.into_iter().filter(|s| !held.contains(&s.notice)).take(room).collect()
        };
        for sending in todo {
            in_hand.lock().insert(sending.notice);
            let (engine, weak, in_hand) = (strong.clone(), strong.downgrade(), in_hand.clone());
            tokio::spawn(async move {
                let notice = sending.notice;
                let tried = send_one(&engine, sending).await;
                drop(engine);
                if let Some(tried) = tried {
                    record(&weak, notice, tried).await;
                }
                in_hand.lock().remove(&notice);
                if let Some(engine) = weak.upgrade() {
                    engine.inner.to_send.notify_one();
                }
            });
        }
        let next = strong.peek(|desk| desk.next_due_after(now));
        let wait = next.map_or(LOOK_SECONDS_MAX, |at| at.seconds_since(now).clamp(1, LOOK_SECONDS_MAX));
        let inner = strong.inner.clone();
        drop(strong);
        tokio::select! {
            () = inner.to_send.notified() => {}
            () = tokio::time::sleep(Duration::from_secs(wait.unsigned_abs())) => {}
        }
    }
}

/// Records what became of a mail, however long that takes: sent again it would come twice.
async fn record(engine: &WeakEngine, notice: NoticeId, tried: Tried) {
    loop {
        let Some(strong) = engine.upgrade() else { return };
        let command = Command::Outbox(outbox::Command::Tried(notice, tried.clone()));
        match strong.submit(Actor::Rule, command).await {
            Ok(_) => return,
            Err(Fault::Refused(refusal)) => {
                return eprintln!("bolwerk: what became of a mail could not be recorded: {refusal}");
            }
            Err(Fault::Frozen(_)) => {}
        }
        drop(strong);
        tokio::time::sleep(AGAIN).await;
    }
}

/// Hands one mail over; `None` when it was not, and is tried again by itself.
async fn send_one(engine: &Engine, sending: Sending) -> Option<Tried> {
    // Nothing leaves before the fact that it is to leave is durable.
    if engine.read(|_| ()).await.is_err() {
        tokio::time::sleep(AGAIN).await;
        return None;
    }
    let from = engine.address().unwrap_or_default();
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain).to_owned();
    let automatic = sending.purpose == Purpose::Receipt;
    Some(match &engine.inner.outbound {
        Outbound::None => return None,
        // The outbox itself keeps what was sent: that is the sink.
        Outbound::Sink => Tried::Taken { said: "250 2.0.0 kept in the built-in sink".to_owned() },
        Outbound::Relay(relay) => {
            let raw = compose(&outgoing(engine, &sending, &from, automatic));
            // RFC 3834 §3.3: an automatic answer has an empty envelope sender, so that nothing ever answers it.
            let envelope_from = if automatic { "" } else { from.as_str() };
            let timeouts = Timeouts::default();
            let delivery = tokio::select! {
                delivery = deliver(relay, &domain, envelope_from, &sending.letter.to, &raw, &timeouts) => delivery,
                // Another node takes over, and waits until this one has stopped.
                () = engine.inner.on_duty.ended() => return None,
            };
            let failure = match &delivery {
                Delivery::Later { said, .. } => Some((engine.now(), said.clone())),
                _ => None,
            };
            *engine.inner.mail_failure.lock() = failure;
            match delivery {
                Delivery::Taken { said } => Tried::Taken { said },
                Delivery::Later { code, said, unsure } => Tried::Later { code, said, unsure },
                Delivery::Refused { code, said } => Tried::Refused { code, said },
            }
        }
    })
}

fn outgoing(engine: &Engine, sending: &Sending, from: &str, automatic: bool) -> Outgoing {
    let letter = &sending.letter;
    Outgoing {
        message_id: sending.message_id.clone(),
        from_name: engine.peek(|desk| desk.house_name().map(str::to_owned)).unwrap_or_default(),
        from: from.to_owned(),
        to: letter.to.clone(),
        subject: letter.subject.clone(),
        text: letter.text.clone(),
        in_reply_to: letter.in_reply_to.clone(),
        references: letter.in_reply_to.clone(),
        date: sending.at.seconds(),
        auto_replied: automatic,
        language: sending.language.tag().to_owned(),
    }
}
