//! Mail that leaves, told again.

use super::{Erasure, Model};
use crate::invariant::Invariant;
use crate::world::World;
use desk::Digest;
use desk::ids::{AccountId, Timestamp};
use desk::intake::{Status, Verdict};
use desk::outbox::{About, Fact, Purpose, StandingKey};

/// An hour: no second receipt to one recipient within it, seconds.
const HOUR: i64 = 3600;

/// A mail of ours, told again.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Whose conversation.
    pub about: About,
    /// Why.
    pub purpose: Purpose,
    /// Its Message-ID.
    pub message_id: String,
    /// To whom.
    pub to: Digest,
    /// When it was written.
    pub at: Timestamp,
    /// Where it stands.
    pub standing: StandingKey,
    /// Tries made.
    pub tries: u32,
    /// Its text was erased.
    pub erased: bool,
    /// Words of its text that stand nowhere else; empty for a receipt.
    pub word: String,
}

impl Notice {
    /// It is to be sent.
    pub fn waits(&self) -> bool {
        matches!(self.standing, StandingKey::Waiting | StandingKey::Retrying)
    }

    pub(super) fn erase(&mut self) {
        self.erased = true;
        if matches!(self.standing, StandingKey::Waiting | StandingKey::Retrying) {
            self.standing = StandingKey::Failed;
        }
    }
}

impl Model {
    pub(super) fn feed_outbox(&mut self, seq: u64, at: Timestamp, fact: &Fact, world: &World) {
        let notice = fact.notice().index();
        let to = match fact {
            Fact::Queued { .. } => return self.queued(seq, at, fact, world),
            Fact::Deferred { .. } => StandingKey::Retrying,
            Fact::Sent { .. } => StandingKey::Sent,
            Fact::Failed { .. } => StandingKey::Failed,
            Fact::Bounced { .. } => StandingKey::Bounced,
            Fact::Retried { .. } => StandingKey::Waiting,
            Fact::Withdrawn { .. } => StandingKey::Withdrawn,
        };
        let before = self.notices[notice].standing;
        let waits = self.notices[notice].waits();
        let possible = match fact {
            Fact::Retried { .. } => before != StandingKey::Sent && !self.notices[notice].erased,
            Fact::Bounced { .. } => true,
            // It was on its way out when somebody took it back.
            Fact::Sent { .. } => waits || before == StandingKey::Withdrawn,
            _ => waits,
        };
        self.expect(possible, Invariant::NoNoticeLost, || {
            format!("fact {seq}: notice {notice} was {before:?}, now {fact:?}")
        });
        if let Fact::Sent { .. } = fact {
            let times = world.peer.times(&self.notices[notice].message_id);
            self.expect(times > 0, Invariant::NoNoticeLost, || format!("fact {seq}: notice {notice} was never taken"));
        }
        let kept = &mut self.notices[notice];
        kept.standing = to;
        kept.tries += u32::from(matches!(to, StandingKey::Retrying | StandingKey::Sent | StandingKey::Failed));
        if let (StandingKey::Waiting, 1..) = (to, kept.tries) {
            kept.standing = StandingKey::Retrying;
        }
    }

    fn queued(&mut self, seq: u64, at: Timestamp, fact: &Fact, world: &World) {
        let Fact::Queued { notice, about, purpose, message_id, to, by, letter, .. } = fact else { return };
        let place = self.notices.len();
        self.expect(notice.index() == place, Invariant::NumbersCountUp, || format!("{notice:?} is number {place}"));
        let new = self.message_ids.insert(message_id.clone());
        self.expect(new, Invariant::OneMessageId, || format!("fact {seq}: {message_id} is used twice"));
        match about {
            About::Report(report) => {
                self.may_report(seq, *by, report.index(), "Queued");
                let gone = self.reports[report.index()].erasure == Erasure::Done;
                self.expect(!gone, Invariant::ErasedIsGone, || {
                    format!("fact {seq}: {report:?} was erased, and a mail about it is written: it can never leave after a restart")
                });
            }
            About::Incident(incident) => self.may_incident(seq, *by, incident.index(), "Queued"),
        }
        if *purpose == Purpose::Receipt {
            let soon = |n: &&Notice| n.purpose == Purpose::Receipt && n.to == *to && at.seconds_since(n.at) < HOUR;
            let other = self.notices.iter().rev().find(soon).map(|n| at.seconds_since(n.at));
            self.expect(other.is_none(), Invariant::OneReceiptAnHour, || {
                format!("fact {seq}: a receipt for {to}, {} s after another one", other.unwrap_or_default())
            });
            if let About::Report(report) = about {
                let source = self.reports[report.index()].source;
                let robot = source.is_some_and(|s| world.facts_of(s).1);
                self.expect(!robot, Invariant::NoReceiptToRobots, || format!("fact {seq}: a receipt for {source:?}"));
            }
        }
        match about {
            About::Incident(incident) => self.timeline(incident.index()),
            About::Report(report) => {
                if let Status::Decided(Verdict::Incident { incident, .. }) = self.reports[report.index()].status {
                    self.timeline(incident.index());
                }
            }
        }
        self.notices.push(Notice {
            about: *about,
            purpose: *purpose,
            message_id: message_id.clone(),
            to: *to,
            at,
            standing: StandingKey::Waiting,
            tries: 0,
            erased: false,
            word: match purpose {
                Purpose::Reply => letter.open().map(|l| l.text.chars().take(10).collect()).unwrap_or_default(),
                Purpose::Receipt => String::new(),
            },
        });
    }

    /// Whether an account sees a mail of ours.
    pub fn sees_notice(&self, account: AccountId, notice: usize) -> bool {
        match self.notices[notice].about {
            About::Report(report) => self.sees_report(account, report.index()),
            About::Incident(incident) => self.sees_incident(account, incident.index()),
        }
    }
}
