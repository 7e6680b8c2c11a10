//! Facts happen: the only place where the desk changes. It cannot fail; a fact that made it into the journal was decided upon.

mod incident;

use crate::Desk;
use crate::command::{Actor, Inverse, Undoable};
use crate::fact::Fact;
use crate::ids::{IncidentId, NoticeId, ReportId, Timestamp};
use crate::incidents::{Entry, Line};
use crate::intake::{self, Status, Verdict};
use crate::lens::{Audience, ClassId, Lens, Viewer};
use crate::outbox::{self, About};
use crate::register::Register;
use crate::{Digest, house};

/// Acts that can still be taken back, at most: the last few hours of a busy desk.
const UNDOABLE_MAX: usize = 1000;

impl Desk {
    /// An empty desk that knows these boards.
    pub fn new(register: Register) -> Desk {
        let mut desk = Desk::default();
        desk.index.boards(&register);
        desk.register = register;
        desk
    }

    /// The desk as this viewer may see it.
    pub fn seen_by(&self, viewer: Viewer) -> Lens<'_> {
        Lens::new(self, viewer)
    }

    /// Sequence number of the next fact.
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// The boards it knows.
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// Let a fact happen that was recorded at `at` under this sequence number.
    pub fn apply(&mut self, seq: u64, at: Timestamp, fact: &Fact) {
        self.next = seq + 1;
        self.last_at = self.last_at.max(at);
        match fact {
            Fact::House(fact) => {
                if let house::Fact::TemplateSet { template, by, .. } | house::Fact::TemplateWithdrawn { template, by } =
                    fact
                {
                    let before = self.house.templates.get(template.index()).filter(|t| !t.withdrawn);
                    let what = Inverse::Template(*template, before.map(|t| t.template.clone()));
                    self.undoable.insert(seq, Undoable { by: *by, what });
                }
                self.house.apply(seq, at, fact);
                match fact {
                    house::Fact::RegisterLoaded { which } => {
                        self.register = Register::shipped(*which);
                        self.index.boards(&self.register);
                    }
                    house::Fact::TermSet { term, by, .. } => {
                        self.undoable.insert(seq, Undoable { by: *by, what: Inverse::Term(*term) });
                    }
                    house::Fact::RestoreTested { by, .. } => {
                        let what = Inverse::Restore(self.house.restores.len() as u32 - 1);
                        self.undoable.insert(seq, Undoable { by: *by, what });
                    }
                    _ => {}
                }
            }
            Fact::Accounts(fact) => self.accounts.apply(at, fact),
            Fact::Intake(fact) => self.apply_intake(seq, at, fact),
            Fact::Outbox(fact) => self.apply_outbox(seq, at, fact),
            Fact::Incidents(fact) => self.apply_incident(seq, at, fact),
        }
        self.log.push(seq, at, fact, &self.incidents);
        while self.undoable.len() > UNDOABLE_MAX {
            self.undoable.pop_first();
        }
    }

    fn apply_intake(&mut self, seq: u64, at: Timestamp, fact: &intake::Fact) {
        let team = self.classes.intern(Audience::team());
        let report = fact.report();
        let before = match fact {
            intake::Fact::Reopened { .. } | intake::Fact::Moved { .. } => Some(self.intake.get(report).status),
            intake::Fact::Appraised { by, appraisal, .. } => {
                let had = self.intake.get(report).appraisal.clone();
                let what = Inverse::Appraisal(report, had, appraisal.clone());
                self.undoable.insert(seq, Undoable { by: *by, what });
                None
            }
            _ => None,
        };
        self.intake.apply(seq, at, team, fact);
        match fact {
            intake::Fact::Received { .. } => self.index.received(report, team),
            intake::Fact::Read { .. } => self.index.read(report, self.intake.get(report)),
            intake::Fact::Decided { by, verdict, batch, .. } => {
                self.decided(seq, at, report, *by, *verdict, *batch);
            }
            intake::Fact::Reopened { by, .. } => {
                self.readdress_report(report, team);
                self.left(seq, at, report, *by, before);
            }
            intake::Fact::Moved { by, to, .. } => self.moved(seq, at, report, *by, before, *to),
            intake::Fact::Erased { .. } => {
                for notice in self.intake.get(report).notices.clone() {
                    if self.outbox.get(notice).about == About::Report(report) {
                        self.outbox.erase(at, notice);
                    }
                }
                self.index.erase(report);
            }
            _ => {}
        }
    }

    fn decided(&mut self, seq: u64, at: Timestamp, report: ReportId, by: Actor, verdict: Verdict, batch: Option<u64>) {
        if let Actor::Person(by) = by {
            let what = match (verdict, batch) {
                (_, Some(batch)) => Inverse::Batch(batch),
                (Verdict::Incident { incident, opened: true }, _) => Inverse::Opening(incident),
                _ => Inverse::Reopen(report),
            };
            self.undoable.insert(seq, Undoable { by, what });
        }
        match verdict {
            Verdict::Incident { incident, .. } => self.belongs(seq, at, report, by, incident),
            Verdict::FollowUp(of) => {
                let class = self.intake.get(of).class;
                self.readdress_report(report, class);
            }
            Verdict::Duplicate(_) | Verdict::NoIncident | Verdict::Spam => {}
        }
    }

    /// A report leaves the incident that it belonged to.
    fn left(&mut self, seq: u64, at: Timestamp, report: ReportId, by: Actor, before: Option<Status>) {
        let Some(Status::Decided(Verdict::Incident { incident, .. })) = before else { return };
        let class = self.incidents.get(incident).class;
        let line = entry(seq, at, at, by, class, Line::ReportGone(report));
        let outbox = &self.outbox;
        let kept = self.incidents.line(incident, line);
        kept.reports.retain(|r| *r != report);
        // What was written about it leaves with it: whoever that went to takes no part in the incident any more.
        kept.notices.retain(|n| outbox.get(*n).about != About::Report(report));
    }

    fn moved(&mut self, seq: u64, at: Timestamp, report: ReportId, by: Actor, before: Option<Status>, to: IncidentId) {
        self.left(seq, at, report, by, before);
        let from = match before {
            Some(Status::Decided(Verdict::Incident { incident, .. })) => incident,
            _ => to,
        };
        self.belongs(seq, at, report, by, to);
        if let Actor::Person(by) = by {
            let what = match self.incidents.get(to).opening.contains(&seq) {
                true => Inverse::Opening(to),
                false => Inverse::Move(report, from),
            };
            self.undoable.insert(seq, Undoable { by, what });
        }
    }

    fn belongs(&mut self, seq: u64, at: Timestamp, report: ReportId, by: Actor, incident: IncidentId) {
        let class = self.incidents.get(incident).class;
        self.readdress_report(report, class);
        let event_at = self.intake.get(report).happened_at();
        let line = entry(seq, at, event_at, by, class, Line::Report(report));
        self.incidents.line(incident, line).reports.push(report);
    }

    /// A report, what continues it and what was found in them are seen by the same people.
    fn readdress_report(&mut self, report: ReportId, class: ClassId) {
        for moved in self.intake.readdress(report, class) {
            self.index.readdress_report(moved, class);
        }
    }

    fn apply_outbox(&mut self, seq: u64, at: Timestamp, fact: &outbox::Fact) {
        self.outbox.apply(at, fact);
        if let outbox::Fact::Queued { notice, about, by, purpose, to, letter, .. } = fact {
            if *purpose == outbox::Purpose::Receipt {
                self.intake.answered.insert(*to, at);
            }
            match about {
                About::Report(report) => {
                    self.intake.wrote(*report, at, seq, *by, *notice);
                    if let Status::Decided(Verdict::Incident { incident, .. }) = self.intake.get(*report).status {
                        self.notice_line(seq, at, incident, *by, *notice);
                    }
                }
                About::Incident(incident) => self.notice_line(seq, at, *incident, *by, *notice),
            }
            if let (outbox::Purpose::Reply, Actor::Person(by)) = (*purpose, *by) {
                self.undoable.insert(seq, Undoable { by, what: Inverse::Mail(*notice) });
            }
            if *purpose == outbox::Purpose::Reply {
                self.index.wrote(*about, self.class_of(*about), letter);
            }
        }
    }

    fn notice_line(&mut self, seq: u64, at: Timestamp, incident: IncidentId, by: Actor, notice: NoticeId) {
        let class = self.incidents.get(incident).class;
        let line = entry(seq, at, at, by, class, Line::Notice(notice));
        self.incidents.line(incident, line).notices.push(notice);
    }

    /// Whether this sender (by keyed digest) takes part in a report's conversation, or in its incident's.
    pub(crate) fn takes_part(&self, report: ReportId, sender: &Digest) -> bool {
        let part = |report: &intake::Report| {
            report.sender.as_ref() == Some(sender)
                || report.notices.iter().any(|n| self.outbox.get(*n).to == *sender)
                || report.follow_ups.iter().any(|f| self.intake.get(*f).sender.as_ref() == Some(sender))
        };
        let kept = self.intake.get(report);
        if part(kept) {
            return true;
        }
        match kept.status {
            Status::Decided(Verdict::Incident { incident, .. }) => {
                let family = self.incidents.family(self.incidents.successor(incident));
                family.into_iter().map(|i| self.incidents.get(i)).any(|incident| {
                    incident.reports.iter().any(|r| part(self.intake.get(*r)))
                        || incident.notices.iter().any(|n| self.outbox.get(*n).to == *sender)
                })
            }
            _ => false,
        }
    }
}

fn entry(seq: u64, recorded_at: Timestamp, event_at: Timestamp, by: Actor, class: ClassId, what: Line) -> Entry {
    Entry { seq, recorded_at, event_at, certain: true, by, class, what, withdrawn: None, own_label: None }
}
