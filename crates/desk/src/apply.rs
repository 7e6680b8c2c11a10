//! Facts happen: the only place where the desk changes. It cannot fail; a fact that made it into the journal was decided upon.

use crate::Desk;
use crate::command::{Actor, Inverse, Undoable};
use crate::fact::Fact;
use crate::ids::Timestamp;
use crate::incidents::{self, Entry, Incident, Line, Pap, Phase, Task};
use crate::intake::{self, Verdict};
use crate::lens::{Audience, ClassId, Lens, Viewer};
use crate::outbox::{self, About};
use crate::register::Register;

/// Acts that can still be taken back, at most: the last few hours of a busy desk.
const UNDOABLE_MAX: usize = 1000;

impl Desk {
    /// An empty desk that knows these boards.
    pub fn new(register: Register) -> Desk {
        Desk { register, ..Desk::default() }
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
        match fact {
            Fact::House(fact) => self.house.apply(fact),
            Fact::Accounts(fact) => self.accounts.apply(at, fact),
            Fact::Intake(fact) => self.apply_intake(seq, at, fact),
            Fact::Outbox(fact) => self.apply_outbox(seq, at, fact),
            Fact::Incidents(fact) => self.apply_incident(seq, at, fact),
        }
        while self.undoable.len() > UNDOABLE_MAX {
            self.undoable.pop_first();
        }
    }

    fn apply_intake(&mut self, seq: u64, at: Timestamp, fact: &intake::Fact) {
        let team = self.classes.intern(Audience::team());
        let before = match fact {
            intake::Fact::Reopened { report, .. } => Some(self.intake.get(*report).status),
            _ => None,
        };
        self.intake.apply(seq, at, team, fact);
        match fact {
            intake::Fact::Decided { report, by, verdict } => {
                if let Actor::Person(by) = by {
                    self.undoable.insert(seq, Undoable { by: *by, what: Inverse::Reopen(*report) });
                }
                if let Verdict::Incident { incident, .. } = verdict {
                    let class = self.incidents.get(*incident).class;
                    let kept = &mut self.intake.reports[report.index()];
                    kept.class = class;
                    let event_at = kept.event_at.unwrap_or(kept.received_at);
                    let line = entry(seq, at, event_at, *by, class, Line::Report(*report));
                    self.incidents.line(*incident, line).reports.push(*report);
                }
            }
            intake::Fact::Reopened { report, by } => {
                if let Some(intake::Status::Decided(Verdict::Incident { incident, .. })) = before {
                    let class = self.incidents.get(incident).class;
                    self.intake.reports[report.index()].class = team;
                    let line = entry(seq, at, at, *by, class, Line::ReportGone(*report));
                    self.incidents.line(incident, line).reports.retain(|r| r != report);
                }
            }
            _ => {}
        }
    }

    fn apply_outbox(&mut self, seq: u64, at: Timestamp, fact: &outbox::Fact) {
        self.outbox.apply(at, fact);
        if let outbox::Fact::Queued { notice, about, by, purpose, to, .. } = fact {
            if *purpose == outbox::Purpose::Receipt {
                self.intake.answered.insert(*to, at);
            }
            match about {
                About::Report(report) => {
                    self.intake.wrote(*report, at, seq, *by, *notice);
                    if let intake::Status::Decided(Verdict::Incident { incident, .. }) = self.intake.get(*report).status
                    {
                        self.notice_line(seq, at, incident, *by, *notice);
                    }
                }
                About::Incident(incident) => self.notice_line(seq, at, *incident, *by, *notice),
            }
        }
    }

    fn notice_line(
        &mut self,
        seq: u64,
        at: Timestamp,
        incident: crate::ids::IncidentId,
        by: Actor,
        notice: crate::ids::NoticeId,
    ) {
        let class = self.incidents.get(incident).class;
        let line = entry(seq, at, at, by, class, Line::Notice(notice));
        self.incidents.line(incident, line).notices.push(notice);
    }

    fn apply_incident(&mut self, seq: u64, at: Timestamp, fact: &incidents::Fact) {
        use incidents::Fact as F;
        match fact {
            F::Opened { incident, reference, by, since, audience, severity, title } => {
                let class = self.classes.intern(audience.clone());
                let mut phase_at = [None; 6];
                phase_at[Phase::Reported as usize] = Some(*since);
                self.incidents.open(
                    *incident,
                    Incident {
                        reference: *reference,
                        opened_at: at,
                        since: *since,
                        title: title.clone(),
                        severity: *severity,
                        sector_severity: None,
                        audience: audience.clone(),
                        class,
                        pap: Pap::default(),
                        phase: Phase::Reported,
                        phase_at,
                        lead: match by {
                            Actor::Person(account) => Some(*account),
                            Actor::Rule => None,
                        },
                        classes: Vec::new(),
                        boards: Vec::new(),
                        reports: Vec::new(),
                        notices: Vec::new(),
                        timeline: vec![entry(seq, at, at, *by, class, Line::Opened)],
                        tasks: Vec::new(),
                        observed: Vec::new(),
                        changed_at: at,
                    },
                );
            }
            F::Changed { incident, by, change } => {
                let class = self.incidents.get(*incident).class;
                if let Actor::Person(by) = by {
                    let what = Inverse::Field(*incident, self.incidents.get(*incident).current(change));
                    self.undoable.insert(seq, Undoable { by: *by, what });
                }
                let kept = self.incidents.line(*incident, entry(seq, at, at, *by, class, Line::Changed(change.clone())));
                kept.change(at, change);
                if matches!(change, incidents::Change::Tlp(_) | incidents::Change::Organisation(..)) {
                    self.readdress(*incident);
                }
            }
            F::Noted { incident, by, kind, event_at, certain, tlp, note, .. } => {
                let class = self.class_within(*incident, *tlp, Some(*by));
                let mut line =
                    entry(seq, at, *event_at, Actor::Person(*by), class, Line::Noted(*kind, note.clone()));
                line.certain = *certain;
                self.incidents.line(*incident, line);
            }
            F::TaskAdded { incident, task, by, assignee, due, text } => {
                let class = self.incidents.get(*incident).class;
                let line = entry(seq, at, at, Actor::Person(*by), class, Line::Task(*task));
                self.incidents.line(*incident, line).tasks.push(Task {
                    by: *by,
                    at,
                    assignee: *assignee,
                    due: *due,
                    text: text.clone(),
                    done: None,
                });
            }
            F::TaskSet { incident, task, by, done } => {
                let class = self.incidents.get(*incident).class;
                let line = entry(seq, at, at, Actor::Person(*by), class, Line::TaskSet(*task, *done));
                self.incidents.line(*incident, line).tasks[task.index()].done = done.then_some((at, *by));
            }
            F::Observed { incident, by, tlp, observable } => {
                let class = self.class_within(*incident, *tlp, Some(*by));
                let line = entry(seq, at, at, Actor::Person(*by), class, Line::Observed(observable.clone()));
                self.incidents.line(*incident, line).observed.push((observable.clone(), class));
            }
        }
    }

    /// The incident's audience under a label of its own.
    fn class_within(
        &mut self,
        incident: crate::ids::IncidentId,
        tlp: crate::lens::Tlp,
        by: Option<crate::ids::AccountId>,
    ) -> ClassId {
        let mut audience = self.incidents.get(incident).audience.clone();
        if tlp > audience.tlp {
            audience.tlp = tlp;
            if tlp == crate::lens::Tlp::Red {
                audience.persons = by.into_iter().collect();
            }
        }
        self.classes.intern(audience)
    }

    /// The audience of an incident changed: what carries the incident's own class follows; stricter lines keep their label.
    fn readdress(&mut self, incident: crate::ids::IncidentId) {
        let before = self.incidents.get(incident).class;
        let audience = self.incidents.get(incident).audience.clone();
        let after = self.classes.intern(audience.clone());
        let mut moved = std::collections::HashMap::from([(before, after)]);
        let stricter: Vec<ClassId> = self.incidents.get(incident).timeline.iter().map(|e| e.class).collect();
        for class in stricter {
            if !moved.contains_key(&class) {
                let mut own = self.classes.get(class).clone();
                own.organisations = audience.organisations;
                own.tlp = own.tlp.max(audience.tlp);
                let to = self.classes.intern(own);
                moved.insert(class, to);
            }
        }
        let kept = &mut self.incidents.incidents[incident.index()];
        kept.class = after;
        kept.timeline.iter_mut().for_each(|e| e.class = moved[&e.class]);
        for (_, class) in &mut kept.observed {
            *class = moved.get(class).copied().unwrap_or(after);
        }
        for report in kept.reports.clone() {
            self.intake.reports[report.index()].class = after;
        }
    }

    /// Whether this sender (by keyed digest) takes part in a report's conversation, or in its incident's.
    pub(crate) fn takes_part(&self, report: crate::ids::ReportId, sender: &crate::Digest) -> bool {
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
            intake::Status::Decided(Verdict::Incident { incident, .. }) => {
                let incident = self.incidents.get(incident);
                incident.reports.iter().any(|r| part(self.intake.get(*r)))
                    || incident.notices.iter().any(|n| self.outbox.get(*n).to == *sender)
            }
            _ => false,
        }
    }
}

fn entry(seq: u64, recorded_at: Timestamp, event_at: Timestamp, by: Actor, class: ClassId, what: Line) -> Entry {
    Entry { seq, recorded_at, event_at, certain: true, by, class, what }
}
