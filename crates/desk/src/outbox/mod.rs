//! Outbox: every mail that leaves, with what became of it.

mod view;

pub use view::*;

use crate::command::{Actor, Context, Decision, Outcome, Refusal};
use crate::fact::{self, Subject};
use crate::house::Language;
use crate::ids::{AccountId, IncidentId, NoticeId, ReportId, Timestamp};
use crate::sealed::Sealed;
use crate::{Desk, Digest};
use serde::{Deserialize, Serialize};

/// Longest subject, characters.
pub const SUBJECT_CHARS_MAX: usize = 300;
/// Longest text, characters.
pub const TEXT_CHARS_MAX: usize = 100_000;
/// Waits between tries, seconds: soon at first, then hourly (RFC 5321 §4.5.4.1 asks for at least 30 minutes between most).
pub const RETRY_SECONDS: [i64; 6] = [30, 120, 600, 1800, 3600, 7200];
/// After so long without delivery a mail has failed, seconds (RFC 5321 asks for 4 to 5 days; help that late is no help: two).
pub const GIVE_UP_SECONDS: i64 = 2 * 24 * 3600;

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A report's conversation.
    Report(ReportId),
    /// An incident's conversation.
    Incident(IncidentId),
}

/// Why it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The automatic receipt with reference and first-hour advice (RFC 3834).
    Receipt,
    /// A person's answer.
    Reply,
}

/// A mail to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// To whom.
    pub to: String,
    /// Keyed digest of that address.
    pub to_digest: Digest,
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// Language of the text.
    pub language: Language,
    /// `Message-ID`s that this answers, newest last.
    pub in_reply_to: Vec<String>,
    /// Our own Message-ID, without angle brackets: one for ever, however often it is tried.
    pub message_id: String,
}

/// The personal part of a mail that leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// To whom.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// `Message-ID`s that this answers.
    pub in_reply_to: Vec<String>,
}

/// Facts about mail that leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// It is to be sent.
    Queued {
        /// Which.
        notice: NoticeId,
        /// Whose conversation.
        about: About,
        /// Why.
        purpose: Purpose,
        /// Who wrote it.
        by: Actor,
        /// Our Message-ID, without angle brackets.
        message_id: String,
        /// Keyed digest of the recipient's address.
        to: Digest,
        /// Language of the text.
        language: Language,
        /// What it says.
        letter: Sealed<Letter>,
    },
    /// A try failed; there will be another.
    Deferred {
        /// Which.
        notice: NoticeId,
        /// Whose conversation (for its key).
        about: About,
        /// SMTP reply code; 0 when there was no reply.
        code: u16,
        /// What the peer said, or what went wrong.
        said: Sealed<String>,
        /// The next try.
        next_at: Timestamp,
        /// The connection broke between the end of DATA and the reply: it may arrive twice, under one Message-ID.
        unsure: bool,
    },
    /// The next hop took it.
    Sent {
        /// Which.
        notice: NoticeId,
        /// Whose conversation.
        about: About,
        /// What the peer said.
        said: Sealed<String>,
    },
    /// It cannot be delivered.
    Failed {
        /// Which.
        notice: NoticeId,
        /// Whose conversation.
        about: About,
        /// SMTP reply code; 0 when time ran out.
        code: u16,
        /// What the peer said.
        said: Sealed<String>,
    },
    /// A bounce came back.
    Bounced {
        /// Which.
        notice: NoticeId,
        /// Whose conversation.
        about: About,
        /// The report that the bounce became.
        report: ReportId,
    },
    /// A person wants it tried again now.
    Retried {
        /// Which.
        notice: NoticeId,
        /// Whose conversation.
        about: About,
        /// Who.
        by: Actor,
    },
    /// A person took it back before it left.
    Withdrawn {
        /// Which.
        notice: NoticeId,
        /// Whose conversation.
        about: About,
        /// Who.
        by: AccountId,
    },
}

impl Fact {
    /// The mail it is about.
    pub fn notice(&self) -> NoticeId {
        let (Fact::Queued { notice, .. }
        | Fact::Deferred { notice, .. }
        | Fact::Sent { notice, .. }
        | Fact::Failed { notice, .. }
        | Fact::Bounced { notice, .. }
        | Fact::Retried { notice, .. }
        | Fact::Withdrawn { notice, .. }) = self;
        *notice
    }

    /// Whose conversation it belongs to.
    pub fn about(&self) -> About {
        let (Fact::Queued { about, .. }
        | Fact::Deferred { about, .. }
        | Fact::Sent { about, .. }
        | Fact::Failed { about, .. }
        | Fact::Bounced { about, .. }
        | Fact::Retried { about, .. }
        | Fact::Withdrawn { about, .. }) = self;
        *about
    }

    pub(crate) fn subject(&self) -> Subject {
        match self.about() {
            About::Report(report) => Subject::Report(report),
            About::Incident(incident) => Subject::Incident(incident),
        }
    }
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The next hop took it.
    Taken {
        /// What it said.
        said: String,
    },
    /// Not now.
    Later {
        /// SMTP reply code; 0 without one.
        code: u16,
        /// What it said.
        said: String,
        /// Broken between the end of DATA and the reply.
        unsure: bool,
    },
    /// Never.
    Refused {
        /// SMTP reply code.
        code: u16,
        /// What it said.
        said: String,
    },
}

/// What may be asked about mail that leaves.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A try was made.
    Tried(NoticeId, Tried),
    /// Try again now.
    Retry(crate::lens::Leave<NoticeId>),
    /// Take it back, while it has not left.
    Withdraw(crate::lens::Leave<NoticeId>),
}

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// To be sent, not before this moment.
    Due(Timestamp),
    /// The next hop took it.
    Sent(Timestamp),
    /// It cannot be delivered.
    Failed(Timestamp),
    /// It came back.
    Bounced(ReportId),
    /// A person took it back before it left.
    Withdrawn(Timestamp),
}

/// A mail as the desk keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    pub(crate) about: About,
    pub(crate) purpose: Purpose,
    pub(crate) by: Actor,
    pub(crate) at: Timestamp,
    pub(crate) message_id: String,
    pub(crate) to: Digest,
    pub(crate) language: Language,
    pub(crate) letter: Sealed<Letter>,
    pub(crate) standing: Standing,
    pub(crate) tries: u32,
    pub(crate) last_said: Option<String>,
    pub(crate) unsure: bool,
    /// Whether it was written at all at the moment that is looked at.
    pub(crate) there: bool,
}

impl Notice {
    /// Whether it was given up, or came back.
    pub(crate) fn is_undelivered(&self) -> bool {
        matches!(self.standing, Standing::Failed(_) | Standing::Bounced(_))
    }
}

/// All mail that leaves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outbox {
    pub(crate) notices: Vec<Notice>,
    /// Not yet taken by the next hop.
    pub(crate) due: std::collections::BTreeSet<(Timestamp, NoticeId)>,
    /// Given up, or come back: what a person must look at.
    pub(crate) failed: std::collections::BTreeSet<NoticeId>,
    pub(crate) by_message_id: std::collections::HashMap<String, NoticeId>,
}

impl Outbox {
    pub(crate) fn get(&self, notice: NoticeId) -> &Notice {
        &self.notices[notice.index()]
    }

    pub(crate) fn apply(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::Queued { notice, about, purpose, by, message_id, to, language, letter } => {
                self.by_message_id.insert(message_id.clone(), *notice);
                self.due.insert((at, *notice));
                self.notices.push(Notice {
                    about: *about,
                    purpose: *purpose,
                    by: *by,
                    at,
                    message_id: message_id.clone(),
                    to: *to,
                    language: *language,
                    letter: letter.clone(),
                    standing: Standing::Due(at),
                    tries: 0,
                    last_said: None,
                    unsure: false,
                    there: true,
                });
            }
            Fact::Deferred { notice, said, next_at, unsure, .. } => {
                let kept = self.settle(*notice, Standing::Due(*next_at));
                kept.tries += 1;
                kept.unsure |= unsure;
                kept.last_said = said.open().cloned();
            }
            Fact::Sent { notice, said, .. } => {
                let kept = self.settle(*notice, Standing::Sent(at));
                kept.tries += 1;
                kept.last_said = said.open().cloned();
            }
            Fact::Failed { notice, said, .. } => {
                let kept = self.settle(*notice, Standing::Failed(at));
                kept.tries += 1;
                kept.last_said = said.open().cloned();
            }
            Fact::Bounced { notice, report, .. } => {
                self.settle(*notice, Standing::Bounced(*report));
            }
            Fact::Retried { notice, .. } => {
                self.settle(*notice, Standing::Due(at));
            }
            Fact::Withdrawn { notice, .. } => {
                self.settle(*notice, Standing::Withdrawn(at));
            }
        }
    }

    /// A mail that was not written yet at the moment that is looked at: only its place.
    pub(crate) fn queue_unseen(&mut self, at: Timestamp, fact: &Fact) {
        let mut aside = Outbox::default();
        if matches!(fact, Fact::Queued { .. }) {
            aside.apply(at, fact);
        }
        let unseen = |notice| Notice { letter: Sealed::Erased, there: false, ..notice };
        self.notices.extend(aside.notices.into_iter().map(unseen));
    }

    fn settle(&mut self, notice: NoticeId, standing: Standing) -> &mut Notice {
        let kept = &mut self.notices[notice.index()];
        if let Standing::Due(before) = kept.standing {
            self.due.remove(&(before, notice));
        }
        if let Standing::Due(next) = standing {
            self.due.insert((next, notice));
        }
        match standing {
            Standing::Failed(_) | Standing::Bounced(_) => self.failed.insert(notice),
            Standing::Due(_) | Standing::Sent(_) | Standing::Withdrawn(_) => self.failed.remove(&notice),
        };
        kept.standing = standing;
        kept
    }

    /// What a mail says is gone; one that did not leave yet leaves no more.
    pub(crate) fn erase(&mut self, at: Timestamp, notice: NoticeId) {
        let kept = &mut self.notices[notice.index()];
        kept.letter = Sealed::Erased;
        kept.last_said = None;
        if matches!(kept.standing, Standing::Due(_)) {
            self.settle(notice, Standing::Failed(at));
        }
    }
}

/// Put a mail into the outbox.
pub(crate) fn queue(
    desk: &Desk,
    context: &mut Context<'_>,
    about: About,
    purpose: Purpose,
    draft: Draft,
) -> Result<Decision, Refusal> {
    if draft.text.trim().is_empty() || draft.text.chars().count() > TEXT_CHARS_MAX {
        return Err(Refusal::invalid("text", "length"));
    }
    if draft.subject.chars().count() > SUBJECT_CHARS_MAX {
        return Err(Refusal::invalid("subject", "length"));
    }
    if !draft.to.contains('@') {
        return Err(Refusal::invalid("to", "mailbox"));
    }
    let notice = NoticeId(desk.outbox.notices.len() as u32);
    let fact = Fact::Queued {
        notice,
        about,
        purpose,
        by: context.actor,
        message_id: draft.message_id,
        to: draft.to_digest,
        language: draft.language,
        letter: Sealed::Open(Letter {
            to: draft.to,
            subject: draft.subject,
            text: draft.text,
            in_reply_to: draft.in_reply_to,
        }),
    };
    Ok(Decision::one(fact::Fact::Outbox(fact), Outcome::Notice(notice)))
}

/// The fact that a mail of ours came back as this report.
pub(crate) fn bounced(desk: &Desk, notice: NoticeId, report: ReportId) -> Fact {
    Fact::Bounced { notice, about: desk.outbox.get(notice).about, report }
}

pub(crate) fn decide(desk: &Desk, context: &mut Context<'_>, command: Command) -> Result<Decision, Refusal> {
    let one = |fact: Fact| Ok(Decision::one(fact::Fact::Outbox(fact), Outcome::Done));
    match command {
        Command::Tried(notice, tried) => {
            let kept = desk.outbox.notices.get(notice.index()).ok_or(Refusal::NotFound)?;
            let about = kept.about;
            match (kept.standing, &tried) {
                // It was on its way out when it was taken back: what happened is what is recorded.
                (Standing::Due(_), _) => {}
                // What was said of an erased one would be kept under a new key.
                (Standing::Withdrawn(_), Tried::Taken { .. }) if kept.letter.open().is_some() => {}
                _ => return Ok(Decision::nothing(Outcome::Done)),
            }
            match tried {
                Tried::Taken { said } => one(Fact::Sent { notice, about, said: Sealed::Open(said) }),
                Tried::Refused { code, said } => one(Fact::Failed { notice, about, code, said: Sealed::Open(said) }),
                Tried::Later { code, said, .. } if context.now.seconds_since(kept.at) > GIVE_UP_SECONDS => {
                    one(Fact::Failed { notice, about, code, said: Sealed::Open(said) })
                }
                Tried::Later { code, said, unsure } => {
                    let wait = RETRY_SECONDS[(kept.tries as usize).min(RETRY_SECONDS.len() - 1)];
                    let next_at = context.now.plus_seconds(wait);
                    one(Fact::Deferred { notice, about, code, said: Sealed::Open(said), next_at, unsure })
                }
            }
        }
        Command::Withdraw(leave) => {
            let kept = desk.outbox.notices.get(leave.id.index()).ok_or(Refusal::NotFound)?;
            desk.still_may(leave.by, desk.class_of(kept.about))?;
            withdraw(desk, leave.id, leave.by)
        }
        Command::Retry(leave) => {
            let kept = desk.outbox.notices.get(leave.id.index()).ok_or(Refusal::NotFound)?;
            desk.still_may(leave.by, desk.class_of(kept.about))?;
            if kept.letter.open().is_none() {
                return Err(Refusal::Erased);
            }
            match kept.standing {
                Standing::Sent(_) => Err(Refusal::TooLate { why: "sent" }),
                _ => one(Fact::Retried { notice: leave.id, about: kept.about, by: Actor::Person(leave.by) }),
            }
        }
    }
}

/// Takes back a mail that did not leave yet. The caller has checked that its conversation may be seen.
pub(crate) fn withdraw(desk: &Desk, notice: NoticeId, by: AccountId) -> Result<Decision, Refusal> {
    let kept = desk.outbox.get(notice);
    match kept.standing {
        Standing::Due(_) => {
            Ok(Decision::one(fact::Fact::Outbox(Fact::Withdrawn { notice, about: kept.about, by }), Outcome::Done))
        }
        Standing::Withdrawn(_) => Err(Refusal::TooLate { why: "undone" }),
        Standing::Sent(_) | Standing::Failed(_) | Standing::Bounced(_) => Err(Refusal::TooLate { why: "sent" }),
    }
}

/// A mail that is to be sent now: for the sender of the engine, not for pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Which.
    pub notice: NoticeId,
    /// Message-ID, without angle brackets.
    pub message_id: String,
    /// Automatic answers go out with an empty envelope sender (RFC 3834 §3.3).
    pub purpose: Purpose,
    /// When it was written.
    pub at: Timestamp,
    /// Language of the text.
    pub language: Language,
    /// What it says.
    pub letter: Letter,
}

impl Desk {
    /// Who may see a conversation.
    pub(crate) fn class_of(&self, about: About) -> crate::lens::ClassId {
        match about {
            About::Report(report) => self.intake.get(report).class,
            About::Incident(incident) => self.incidents.get(incident).class,
        }
    }

    /// Mails that are due at `now`, oldest first, at most `limit`. Erased ones are passed over.
    pub fn due(&self, now: Timestamp, limit: usize) -> Vec<Sending> {
        let due = self.outbox.due.range(..=(now, NoticeId(u32::MAX)));
        due.filter_map(|(_, notice)| {
            let kept = self.outbox.get(*notice);
            Some(Sending {
                notice: *notice,
                message_id: kept.message_id.clone(),
                purpose: kept.purpose,
                at: kept.at,
                language: kept.language,
                letter: kept.letter.open()?.clone(),
            })
        })
        .take(limit)
        .collect()
    }

    /// Whether a mail is still to leave: nobody took it back, and nothing came of it.
    pub fn is_to_leave(&self, notice: NoticeId) -> bool {
        matches!(self.outbox.get(notice).standing, Standing::Due(_))
    }

    /// When the next mail is due, for the engine's timer.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.outbox.due.first().map(|(at, _)| *at)
    }

    /// Which mail of ours a Message-ID (without angle brackets) is.
    pub fn notice_by_message_id(&self, message_id: &str) -> Option<NoticeId> {
        self.outbox.by_message_id.get(message_id).copied()
    }
}
