//! Mail leaves: what is due is handed to the relay, and what became of it is a fact.

use crate::engine::{AGAIN, Engine, Fault, Inner, WeakEngine};
use desk::command::{Actor, Command};
use desk::ids::{NoticeId, Timestamp};
use desk::outbox::{self, Purpose, Sending, Tried};
use parking_lot::Mutex;
use post::compose::{Outgoing, compose};
use post::send::{Delivery, Direct, Relay, Timeouts, deliver, deliver_direct};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Conversations with the relay at once.
const CONVERSATIONS_MAX: usize = 8;
/// Conversations with the servers of one domain at once: a slow one must not hold up the others.
const DOMAIN_CONVERSATIONS_MAX: usize = 2;
/// Mails that are looked at for one whose domain is free.
const LOOKED_AT_MAX: usize = 64;
/// So many domains that cannot be reached, one after another, are our own fault.
const UNREACHABLE_DOMAINS: usize = 2;
/// Such domains that are remembered.
const UNREACHABLE_KEPT: usize = 100;
/// The sender looks at the clock at least this often.
const LOOK_SECONDS_MAX: i64 = 5;

/// How mail leaves this desk.
#[derive(Clone, Debug)]
pub enum Outbound {
    /// It does not: the outbox holds and every page says so.
    None,
    /// Into a built-in sink that can be read in the desk: the demonstration.
    Sink,
    /// By the next hop.
    Relay(Relay),
    /// Straight to the servers of each recipient's domain.
    Direct(Direct),
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
    let in_hand = Arc::new(Mutex::new(HashMap::<NoticeId, String>::new()));
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
        let todo = next_to_send(&strong, now, &in_hand.lock());
        for sending in todo {
            in_hand.lock().insert(sending.notice, domain_of(&sending.letter.to));
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

/// The oldest mails that are due, as far as there is room: in all, and for each domain where mail goes straight there.
fn next_to_send(engine: &Engine, now: Timestamp, in_hand: &HashMap<NoticeId, String>) -> Vec<Sending> {
    let room = CONVERSATIONS_MAX.saturating_sub(in_hand.len());
    let direct = matches!(engine.inner.outbound, Outbound::Direct(_));
    let looked_at = if direct { LOOKED_AT_MAX } else { room + in_hand.len() };
    let mut busy: HashMap<String, usize> = HashMap::new();
    for domain in in_hand.values() {
        *busy.entry(domain.clone()).or_default() += 1;
    }
    let due = engine.peek(|desk| desk.due(now, looked_at)).into_iter();
    let free = due.filter(|s| !in_hand.contains_key(&s.notice)).filter(|s| {
        let talks = busy.entry(domain_of(&s.letter.to)).or_default();
        *talks += 1;
        !direct || *talks <= DOMAIN_CONVERSATIONS_MAX
    });
    free.take(room).collect()
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
    match engine.read(|desk| desk.is_to_leave(sending.notice)).await {
        Ok(true) => {}
        // Somebody took it back while it waited for its turn.
        Ok(false) => return None,
        Err(_) => {
            tokio::time::sleep(AGAIN).await;
            return None;
        }
    }
    let from = engine.address().unwrap_or_default();
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain).to_owned();
    let automatic = sending.purpose == Purpose::Receipt;
    Some(match &engine.inner.outbound {
        Outbound::None => return None,
        // The outbox itself keeps what was sent: that is the sink.
        Outbound::Sink => Tried::Taken { said: "250 2.0.0 kept in the built-in sink".to_owned() },
        way @ (Outbound::Relay(_) | Outbound::Direct(_)) => {
            let raw = compose(&outgoing(engine, &sending, &from, automatic));
            // RFC 3834 §3.3: an automatic answer has an empty envelope sender, so that nothing ever answers it.
            let envelope_from = if automatic { "" } else { from.as_str() };
            let (to, timeouts) = (sending.letter.to.as_str(), Timeouts::default());
            let handing_over = async {
                match way {
                    Outbound::Relay(relay) => Some(deliver(relay, &domain, envelope_from, to, &raw, &timeouts).await),
                    Outbound::Direct(direct) => {
                        Some(deliver_direct(direct, &domain, envelope_from, to, &raw, &timeouts).await)
                    }
                    Outbound::None | Outbound::Sink => None,
                }
            };
            let delivery = tokio::select! {
                delivery = handing_over => delivery?,
                // Another node takes over, and waits until this one has stopped.
                () = engine.inner.on_duty.ended() => return None,
            };
            note_way_out(engine, way, to, &delivery);
            match delivery {
                Delivery::Taken { said } => Tried::Taken { said },
                Delivery::Later { code, said, unsure } => Tried::Later { code, said, unsure },
                Delivery::Refused { code, said } => Tried::Refused { code, said },
            }
        }
    })
}

/// Whether mail can leave at all, for every page. A relay that does not take one mail takes none; a domain that cannot be reached says
/// nothing of the others, but several in a row say that it is us.
fn note_way_out(engine: &Engine, way: &Outbound, to: &str, delivery: &Delivery) {
    let mut failing = engine.inner.mail_failure.lock();
    let mut unreachable = engine.inner.unreachable.lock();
    match (way, delivery) {
        (Outbound::Direct(_), Delivery::Later { code: 0, said, .. }) => {
            if unreachable.len() < UNREACHABLE_KEPT {
                unreachable.insert(domain_of(to));
            }
            if unreachable.len() >= UNREACHABLE_DOMAINS {
                *failing = Some((engine.now(), said.clone()));
            }
        }
        // Nobody was asked: the domain is not there, or takes no mail.
        (Outbound::Direct(_), Delivery::Refused { .. }) => {}
        (Outbound::Direct(_), _) => {
            unreachable.clear();
            *failing = None;
        }
        (_, Delivery::Later { said, .. }) => *failing = Some((engine.now(), said.clone())),
        (_, _) => *failing = None,
    }
}

fn domain_of(address: &str) -> String {
    address.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase()
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
