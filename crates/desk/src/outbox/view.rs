//! What a viewer reads of mail that leaves.

use super::{About, Notice, Purpose, Standing};
use crate::house::Language;
use crate::ids::{NoticeId, Reference, Timestamp};
use crate::lens::{Leave, Lens};
use crate::view::Who;

/// Mails listed when nobody says how many.
const ROWS_DEFAULT: usize = 200;

/// Where a mail stands, for lists and filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StandingKey {
    /// To be sent, not tried yet.
    Waiting,
    /// Tried without success; there will be another try.
    Retrying,
    /// The next hop took it.
    Sent,
    /// It cannot be delivered.
    Failed,
    /// It came back.
    Bounced,
    /// A person took it back before it left.
    Withdrawn,
}

impl StandingKey {
    /// All, in the order in which they are offered.
    pub const ALL: [StandingKey; 6] = [
        StandingKey::Waiting,
        StandingKey::Retrying,
        StandingKey::Sent,
        StandingKey::Failed,
        StandingKey::Bounced,
        StandingKey::Withdrawn,
    ];

    /// Its name in the words, the API and forms.
    pub fn key(self) -> &'static str {
        ["waiting", "retrying", "sent", "failed", "bounced", "withdrawn"][self as usize]
    }

    /// By its key.
    pub fn from_key(key: &str) -> Option<StandingKey> {
        StandingKey::ALL.into_iter().find(|s| s.key() == key)
    }
}

/// A mail that leaves, or left.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticeView {
    /// Which. A counter: not shown.
    pub id: NoticeId,
    /// Reference of its conversation: a report or an incident.
    pub reference: Reference,
    /// To whom; `None` when erased.
    pub to: Option<String>,
    /// Subject; `None` when erased.
    pub subject: Option<String>,
    /// Text; `None` when erased.
    pub text: Option<String>,
    /// Language of the text.
    pub language: Language,
    /// Why.
    pub purpose: Purpose,
    /// Who wrote it.
    pub who: Who,
    /// Where it stands.
    pub standing: StandingKey,
    /// When it came to stand there.
    pub standing_at: Option<Timestamp>,
    /// The next try.
    pub next_at: Option<Timestamp>,
    /// The report that it came back as, where the viewer may see it.
    pub bounce: Option<Reference>,
    /// Tries made.
    pub tries: u32,
    /// What the peer said last.
    pub last_said: Option<String>,
    /// When it was written.
    pub at: Timestamp,
    /// Broken between the end of DATA and the reply: it may arrive twice.
    pub unsure: bool,
    /// Its one Message-ID, without angle brackets.
    pub message_id: String,
    /// Leave to have it tried again.
    pub leave: Option<Leave<NoticeId>>,
}

/// Which mails.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutboxFilter {
    /// Only these.
    pub standing: Option<StandingKey>,
    /// Only receipts, or only replies.
    pub purpose: Option<Purpose>,
    /// At most so many; 0: 200.
    pub limit: usize,
}

/// How many mails stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Not tried yet.
    pub waiting: usize,
    /// Tried without success so far.
    pub retrying: usize,
    /// Taken by the next hop.
    pub sent: usize,
    /// Not delivered.
    pub failed: usize,
    /// Came back.
    pub bounced: usize,
    /// Taken back before they left.
    pub withdrawn: usize,
}

impl Lens<'_> {
    /// Mails that leave or left, the newest first.
    pub fn outbox(&self, filter: &OutboxFilter) -> Vec<NoticeView> {
        let limit = if filter.limit == 0 { ROWS_DEFAULT } else { filter.limit };
        let notices = (0..self.desk.outbox.notices.len() as u32).rev().map(NoticeId);
        notices
            .filter(|n| {
                let kept = self.desk.outbox.get(*n);
                filter.standing.is_none_or(|s| self.standing(*n) == s)
                    && filter.purpose.is_none_or(|p| kept.purpose == p)
                    && self.may_see_notice(kept)
            })
            .take(limit)
            .map(|n| self.notice_view(n))
            .collect()
    }

    /// How many mails stand where, of those that the viewer may see.
    pub fn outbox_counts(&self) -> OutboxCounts {
        let mut counts = OutboxCounts::default();
        for notice in (0..self.desk.outbox.notices.len() as u32).map(NoticeId) {
            if !self.may_see_notice(self.desk.outbox.get(notice)) {
                continue;
            }
            match self.standing(notice) {
                StandingKey::Waiting => counts.waiting += 1,
                StandingKey::Retrying => counts.retrying += 1,
                StandingKey::Sent => counts.sent += 1,
                StandingKey::Failed => counts.failed += 1,
                StandingKey::Bounced => counts.bounced += 1,
                StandingKey::Withdrawn => counts.withdrawn += 1,
            }
        }
        counts
    }

    /// Leave to have a mail tried again, by what the outbox page sends back.
    pub fn notice_leave(&self, notice: NoticeId) -> Option<Leave<NoticeId>> {
        let kept = self.desk.outbox.notices.get(notice.index())?;
        let may = self.may_act() && self.may_see_notice(kept);
        may.then_some(Leave { id: notice, by: self.viewer.account })
    }

    /// Whether a mail was written and its conversation may be seen.
    pub(crate) fn may_see_notice(&self, kept: &Notice) -> bool {
        kept.there && self.may_see(self.desk.class_of(kept.about))
    }

    fn standing(&self, notice: NoticeId) -> StandingKey {
        let kept = self.desk.outbox.get(notice);
        match kept.standing {
            Standing::Due(_) if kept.tries == 0 => StandingKey::Waiting,
            Standing::Due(_) => StandingKey::Retrying,
            Standing::Sent(_) => StandingKey::Sent,
            Standing::Failed(_) => StandingKey::Failed,
            Standing::Bounced(_) => StandingKey::Bounced,
            Standing::Withdrawn(_) => StandingKey::Withdrawn,
        }
    }

    /// A mail. The caller has checked that its conversation may be seen.
    pub(crate) fn notice_view(&self, notice: NoticeId) -> NoticeView {
        let kept = self.desk.outbox.get(notice);
        let letter = kept.letter.open();
        let reference = match kept.about {
            About::Report(report) => self.desk.intake.get(report).reference,
            About::Incident(incident) => self.desk.incidents.get(incident).reference,
        };
        let bounce = match kept.standing {
            Standing::Bounced(report) => Some(self.desk.intake.get(report)).filter(|r| self.may_see(r.class)),
            _ => None,
        };
        NoticeView {
            id: notice,
            reference,
            to: letter.map(|l| l.to.clone()),
            subject: letter.map(|l| l.subject.clone()),
            text: letter.map(|l| l.text.clone()),
            language: kept.language,
            purpose: kept.purpose,
            who: self.desk.who(kept.by),
            standing: self.standing(notice),
            standing_at: match kept.standing {
                Standing::Sent(at) | Standing::Failed(at) | Standing::Withdrawn(at) => Some(at),
                Standing::Bounced(_) => bounce.map(|b| b.received_at),
                Standing::Due(_) => None,
            },
            next_at: match kept.standing {
                Standing::Due(at) => Some(at),
                _ => None,
            },
            bounce: bounce.map(|b| b.reference),
            tries: kept.tries,
            last_said: kept.last_said.clone(),
            at: kept.at,
            unsure: kept.unsure,
            message_id: kept.message_id.clone(),
            leave: match kept.standing {
                Standing::Sent(_) => None,
                _ => letter.and_then(|_| self.notice_leave(notice)),
            },
        }
    }
}
