//! Reports, told again.

use super::Model;
use crate::invariant::Invariant;
use crate::world::{Coming, World, digest};
use desk::Digest;
use desk::accounts::Role;
use desk::command::Actor;
use desk::ids::{AccountId, IncidentId, Reference, ReportId, Timestamp};
use desk::intake::{Appraisal, Fact, Status, Thread, Verdict, Via};
use desk::outbox::About;

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// Nobody asked.
    None,
    /// Asked by one.
    Asked(AccountId),
    /// Done.
    Done,
}

/// A report, told again.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its reference.
    pub reference: Reference,
    /// The fact that it came with.
    pub seq: u64,
    /// How it came.
    pub via: Via,
    /// When it came.
    pub received_at: Timestamp,
    /// What it is in the world outside.
    pub source: Option<Coming>,
    /// A word that stands in it and nowhere else.
    pub word: String,
    /// Its sender.
    pub sender: Option<Digest>,
    /// Whether it was read.
    pub read: bool,
    /// What the reading said of its conversation.
    pub thread: Option<Thread>,
    /// What is thought of it.
    pub appraisal: Appraisal,
    /// A person said what it is about.
    pub appraised: bool,
    /// Where it stands.
    pub status: Status,
    /// When and by which fact it was decided, while it is.
    pub decided: Option<(Timestamp, u64)>,
    /// Who works on it.
    pub claimed_by: Option<AccountId>,
    /// The newest message of its conversation.
    pub last_at: Timestamp,
    /// How far its erasure is.
    pub erasure: Erasure,
}

impl Report {
    /// Whether it is decided.
    pub fn is_decided(&self) -> bool {
        matches!(self.status, Status::Decided(_))
    }
}

impl Model {
    pub(super) fn feed_intake(&mut self, seq: u64, at: Timestamp, fact: &Fact, world: &World) {
        let report = fact.report().index();
        if let Fact::Received { .. } = fact {
            return self.received(seq, at, fact, world);
        }
        let what = crate::brief(fact);
        let by = match fact {
            // It is the second who does it; the first had to be allowed to ask.
            Fact::Erased { second: Some(second), .. } => Actor::Person(*second),
            _ => fact.by(),
        };
        self.may_report(seq, by, report, &what);
        match fact {
            Fact::Received { .. } => {}
            Fact::Read { appraisal, thread, .. } => {
                let kept = &self.reports[report];
                let (read, erasure) = (kept.read, kept.erasure);
                let overruled = kept.appraised && kept.appraisal != *appraisal;
                self.expect(!overruled, Invariant::DecisionStands, || {
                    format!("fact {seq}: a person said what report {report} is, and the reader says otherwise")
                });
                self.expect(!read, Invariant::DecisionStands, || format!("fact {seq}: report {report} is read again"));
                self.expect(erasure != Erasure::Done, Invariant::ErasedIsGone, || {
                    format!("fact {seq}: report {report} was erased, and what it says is recorded again")
                });
                let kept = &mut self.reports[report];
                (kept.read, kept.appraisal, kept.thread) = (true, appraisal.clone(), *thread);
            }
            Fact::Claimed { by, .. } => self.reports[report].claimed_by = Some(*by),
            Fact::Released { .. } => self.reports[report].claimed_by = None,
            Fact::Appraised { appraisal, .. } => {
                let kept = &mut self.reports[report];
                (kept.appraisal, kept.appraised) = (appraisal.clone(), true);
            }
            Fact::Decided { by, verdict, .. } => self.decided(seq, at, report, *by, *verdict, world),
            Fact::Reopened { .. } => {
                if let Status::Decided(Verdict::Incident { incident, .. }) = self.reports[report].status {
                    self.timeline(incident.index());
                }
                let decided = self.reports[report].is_decided();
                let held = self.is_report_held(report);
                self.expect(decided && !held, Invariant::DecisionStands, || {
                    format!("fact {seq}: report {report} is reopened: was decided {decided}, is held {held}")
                });
                let kept = &mut self.reports[report];
                (kept.status, kept.decided) = (Status::New, None);
            }
            Fact::Moved { by, to, .. } => self.moved(seq, at, report, *by, to.index()),
            Fact::Waits { .. } => self.undecided(seq, report, Status::Waiting),
            Fact::Snoozed { until, .. } => self.undecided(seq, report, Status::Snoozed(*until)),
            Fact::Woken { .. } => self.undecided(seq, report, Status::New),
            Fact::ErasureAsked { by, .. } => self.reports[report].erasure = Erasure::Asked(*by),
            Fact::ErasureWithdrawn { .. } => {
                let asked = matches!(self.reports[report].erasure, Erasure::Asked(_));
                self.expect(asked, Invariant::ErasedByTwo, || {
                    format!("fact {seq}: of report {report} no erasure was asked")
                });
                self.reports[report].erasure = Erasure::None;
            }
            Fact::Erased { by, second, .. } => self.erased(seq, report, *by, *second),
            Fact::Countersigned { .. } => {
                let done = self.reports[report].erasure == Erasure::Done;
                self.expect(done, Invariant::ErasedByTwo, || format!("fact {seq}: report {report} was not erased"));
            }
        }
    }

    fn received(&mut self, seq: u64, at: Timestamp, fact: &Fact, world: &World) {
        let Fact::Received { report, reference, via, received_at, digest, sender, .. } = fact else { return };
        let place = self.reports.len();
        self.expect(report.index() == place, Invariant::NumbersCountUp, || format!("{report:?} is number {place}"));
        self.expect(*received_at == at, Invariant::TimeNeverGoesBack, || {
            format!("fact {seq}: received at {received_at:?}, recorded at {at:?}")
        });
        let source = world.behind(digest);
        let again = source.is_some() && self.reports.iter().any(|r| r.source == source);
        self.expect(!again, Invariant::SameMailOneReport, || format!("fact {seq}: {source:?} is a report already"));
        self.new_reference(*reference);
        self.reports.push(Report {
            reference: *reference,
            seq,
            via: *via,
            received_at: at,
            source,
            word: source.map(|s| world.facts_of(s).0.to_owned()).unwrap_or_default(),
            sender: *sender,
            read: false,
            thread: None,
            appraisal: Appraisal::unknown(),
            appraised: false,
            status: Status::New,
            decided: None,
            claimed_by: None,
            last_at: at,
            erasure: Erasure::None,
        });
    }

    fn moved(&mut self, seq: u64, at: Timestamp, report: usize, by: Actor, to: usize) {
        self.may_incident(seq, by, to, "moved");
        let from = match self.reports[report].status {
            Status::Decided(Verdict::Incident { incident, .. }) => Some(incident.index()),
            _ => None,
        };
        let after = self.holds(to);
        let freed = from.is_some_and(|from| self.holds(from).iter().any(|hold| !after.contains(hold)));
        self.expect(from.is_some() && from != Some(to) && !freed, Invariant::DecisionStands, || {
            format!("fact {seq}: report {report} goes from incident {from:?} to {to} (out of a hold: {freed})")
        });
        from.into_iter().chain([to]).for_each(|incident| self.timeline(incident));
        let kept = &mut self.reports[report];
        kept.status = Status::Decided(Verdict::Incident { incident: IncidentId(to as u32), opened: false });
        kept.decided = Some((at, seq));
    }

    fn undecided(&mut self, seq: u64, report: usize, status: Status) {
        let decided = self.reports[report].is_decided();
        self.expect(!decided, Invariant::DecisionStands, || {
            format!("fact {seq}: report {report} is decided and becomes {status:?}")
        });
        self.reports[report].status = status;
    }

    fn decided(&mut self, seq: u64, at: Timestamp, report: usize, by: Actor, verdict: Verdict, world: &World) {
        let before = self.reports[report].status;
        self.expect(!matches!(before, Status::Decided(_)), Invariant::DecisionStands, || {
            format!("fact {seq}: report {report} was decided as {before:?} and becomes {verdict:?} by {by:?}")
        });
        if by == Actor::Rule {
            self.joins(seq, report, verdict, world);
        }
        match verdict {
            Verdict::Incident { incident, .. } => self.may_incident(seq, by, incident.index(), "Decided"),
            Verdict::FollowUp(of) | Verdict::Duplicate(of) => {
                let circle = self.chain(of.index()).contains(&report);
                self.expect(!circle, Invariant::DecisionStands, || {
                    format!("fact {seq}: report {report} follows {of:?}, which follows it")
                });
                self.may_report(seq, by, of.index(), "followed");
            }
            Verdict::NoIncident | Verdict::Spam => {}
        }
        if let Verdict::Incident { incident, .. } = verdict {
            self.timeline(incident.index());
        }
        let kept = &mut self.reports[report];
        (kept.status, kept.decided) = (Status::Decided(verdict), Some((at, seq)));
        if let Verdict::FollowUp(of) = verdict {
            let (hit, came) = (kept.appraisal.hit_now, kept.received_at);
            let earlier = &mut self.reports[of.index()];
            earlier.last_at = earlier.last_at.max(came);
            earlier.appraisal.hit_now |= hit;
            if matches!(earlier.status, Status::Waiting | Status::Snoozed(_)) {
                earlier.status = Status::New;
            }
        }
    }

    /// A report, and what it follows or repeats, as far as that goes.
    pub(super) fn chain(&self, report: usize) -> Vec<usize> {
        let mut chain = vec![report];
        while let Status::Decided(Verdict::FollowUp(of) | Verdict::Duplicate(of)) =
            self.reports[*chain.last().expect("it begins with one")].status
        {
            if chain.contains(&of.index()) {
                break;
            }
            chain.push(of.index());
        }
        chain
    }

    /// A message joined a conversation by itself: it must bring a Message-ID of ours, and its sender must take part already.
    fn joins(&mut self, seq: u64, report: usize, verdict: Verdict, world: &World) {
        let kept = &self.reports[report];
        let raw = kept.source.map(|s| world.facts_of(s).2).unwrap_or_default();
        let brings = |message_id: &str| raw.windows(message_id.len()).any(|w| w == message_id.as_bytes());
        let reports = match verdict {
            Verdict::FollowUp(of) => vec![of.index()],
            Verdict::Incident { incident, .. } => {
                self.family(incident.index()).into_iter().flat_map(|i| self.reports_of(i)).collect()
            }
            _ => Vec::new(),
        };
        let incidents = match verdict {
            Verdict::Incident { incident, .. } => self.family(incident.index()),
            _ => Vec::new(),
        };
        let mut whole = reports.clone();
        for n in 0..self.reports.len() {
            if matches!(self.reports[n].status, Status::Decided(Verdict::FollowUp(of)) if reports.contains(&of.index()))
            {
                whole.push(n);
            }
        }
        let ours = |about: About| match about {
            About::Report(of) => whole.contains(&of.index()),
            About::Incident(of) => incidents.contains(&of.index()),
        };
        let (returns, takes_part) = match kept.thread {
            Some(Thread::Returns(notice) | Thread::Notes(notice)) => {
                let to = self.notices[notice.index()].to;
                let text = String::from_utf8_lossy(raw);
                let named = text.lines().filter_map(|line| line.strip_prefix("Final-Recipient: rfc822; "));
                (true, named.into_iter().any(|address| digest(address) == to))
            }
            _ => {
                let wrote = whole.iter().any(|n| self.reports[*n].sender == kept.sender);
                let was_written_to = self.notices.iter().any(|n| ours(n.about) && Some(n.to) == kept.sender);
                (false, kept.sender.is_some() && (wrote || was_written_to))
            }
        };
        // A mail of ours about any report from which the conversation is reached will do.
        let token = self.notices.iter().any(|n| brings(&n.message_id));
        self.expect(token && takes_part, Invariant::StrangerStaysOutside, || {
            format!("fact {seq}: report {report} joined {verdict:?} (our Message-ID: {token}, takes part: {takes_part}, bounce: {returns}), with {whole:?}")
        });
    }

    fn erased(&mut self, seq: u64, report: usize, by: AccountId, second: Option<AccountId>) {
        let kept = &self.reports[report];
        let held = self.is_report_held(report);
        let by_two = match second {
            Some(second) => kept.erasure == Erasure::Asked(by) && second != by && self.is_team(second),
            None => self.accounts[by.index()].role == Role::Admin,
        };
        let (decided, done) = (kept.is_decided(), kept.erasure == Erasure::Done);
        self.expect(decided && !done && !held && by_two, Invariant::ErasedByTwo, || {
            format!(
                "fact {seq}: report {report} erased: decided {decided}, already {done}, held {held}, by two {by_two}"
            )
        });
        self.reports[report].erasure = Erasure::Done;
        let of = ReportId(report as u32);
        self.notices.iter_mut().filter(|n| n.about == About::Report(of)).for_each(super::Notice::erase);
    }

    /// Whether a report belongs to an incident that is on hold, by itself or by what it follows or repeats.
    fn is_report_held(&self, report: usize) -> bool {
        self.chain(report).into_iter().any(|n| match self.reports[n].status {
            Status::Decided(Verdict::Incident { incident, .. }) => self.is_held(incident.index()),
            _ => false,
        })
    }

    /// Whether an account sees a report: as the incident or the report sees it that it belongs to, else the team alone.
    pub fn sees_report(&self, account: AccountId, report: usize) -> bool {
        let mut at = report;
        for _ in 0..=self.reports.len() {
            match self.reports[at].status {
                Status::Decided(Verdict::Incident { incident, .. }) => {
                    return self.sees_incident(account, incident.index());
                }
                Status::Decided(Verdict::FollowUp(of)) => at = of.index(),
                _ => return self.is_team(account),
            }
        }
        // A circle, which is said elsewhere.
        self.is_team(account)
    }
}
