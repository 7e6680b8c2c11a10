//! What happens to incidents.

use super::entry;
use crate::Desk;
use crate::command::{Actor, Inverse, Undoable};
use crate::ids::{AccountId, EntryId, IncidentId, NoticeId, Timestamp};
use crate::incidents::{Change, Entry, Fact, Hold, Incident, Line, Pap, Phase, Seen, Task};
use crate::intake::Erasure;
use crate::lens::{ClassId, Classes, Tlp};
use crate::outbox::About;

impl Desk {
    pub(super) fn apply_incident(&mut self, seq: u64, at: Timestamp, fact: &Fact) {
        let incident = fact.incident();
        match fact {
            Fact::Opened { .. } => self.opened(seq, at, fact),
            Fact::Changed { by, change, undoes, .. } => {
                self.changed(seq, at, incident, *by, change);
                // As if it had never been: each phase was reached when it was.
                if let (Change::Phase(..), Some(Inverse::Field(_, _, _, phase_at))) = (change, self.undone(*undoes)) {
                    self.incidents.incidents[incident.index()].phase_at = phase_at;
                }
            }
            Fact::Noted { by, kind, event_at, certain, tlp, note, .. } => {
                let (class, own_label) = self.class_within(incident, *tlp, *by);
                let what = Line::Noted(*kind, note.clone());
                let mut line = entry(seq, at, *event_at, Actor::Person(*by), class, what);
                (line.certain, line.own_label) = (*certain, own_label);
                let place = self.incidents.get(incident).next_entry();
                self.incidents.line(incident, line);
                self.index.noted(incident, place, class, note);
                self.undoable.insert(seq, Undoable { by: *by, what: Inverse::Line(incident, place) });
            }
            Fact::TaskAdded { task, by, assignee, due, text, .. } => {
                let class = self.incidents.get(incident).class;
                let line = entry(seq, at, at, Actor::Person(*by), class, Line::Task(*task));
                let place = self.incidents.get(incident).next_entry();
                self.incidents.line(incident, line).tasks.push(Task {
                    by: *by,
                    at,
                    assignee: *assignee,
                    due: *due,
                    text: text.clone(),
                    done: None,
                    set: None,
                    entry: place,
                    withdrawn: false,
                });
                self.index.task(incident, place, class, text);
                self.undoable.insert(seq, Undoable { by: *by, what: Inverse::Line(incident, place) });
            }
            Fact::TaskSet { task, by, done, undoes, .. } => {
                let class = self.incidents.get(incident).class;
                let line = entry(seq, at, at, Actor::Person(*by), class, Line::TaskSet(*task, *done));
                let before = match self.undone(*undoes) {
                    Some(Inverse::Task(_, _, before)) => before,
                    _ => done.then_some((at, *by)),
                };
                let kept = &mut self.incidents.line(incident, line).tasks[task.index()];
                let had = std::mem::replace(&mut kept.done, before);
                kept.set = Some(seq);
                self.undoable.insert(seq, Undoable { by: *by, what: Inverse::Task(incident, *task, had) });
            }
            Fact::Observed { by, tlp, observable, .. } => {
                let (class, own_label) = self.class_within(incident, *tlp, *by);
                let mut line = entry(seq, at, at, Actor::Person(*by), class, Line::Observed(observable.clone()));
                line.own_label = own_label;
                let place = self.incidents.get(incident).next_entry();
                self.incidents.line(incident, line).observed.push(Seen {
                    observable: observable.clone(),
                    class,
                    entry: place,
                    withdrawn: false,
                });
                self.index.observed(incident, place, class, observable);
                self.undoable.insert(seq, Undoable { by: *by, what: Inverse::Line(incident, place) });
            }
            Fact::Withdrawn { entry, .. } => self.withdrawn(at, incident, *entry),
            Fact::Dropped { by, .. } => {
                let class = self.incidents.get(incident).class;
                self.incidents.line(incident, entry(seq, at, at, *by, class, Line::Dropped)).dropped = true;
                self.index.drop_incident(incident);
            }
            Fact::Merged { by, into, .. } => self.merged(seq, at, incident, *by, *into),
            Fact::Parted { by, .. } => self.parted(seq, at, incident, *by),
            Fact::ErasureAsked { by, reason, .. } => {
                let what = Line::ErasureAsked(reason.clone());
                self.said(seq, at, incident, *by, what).erasure =
                    Erasure::Asked { by: *by, at, reason: reason.clone() };
            }
            Fact::ErasureWithdrawn { by, .. } => {
                self.said(seq, at, incident, *by, Line::ErasureWithdrawn).erasure = Erasure::None;
            }
            Fact::Erased { by, reason, second, .. } => {
                self.said(seq, at, incident, second.unwrap_or(*by), Line::Erased(reason.clone()));
                self.erased(at, incident, Erasure::Done { by: *by, at, reason: reason.clone(), second: *second });
            }
            Fact::Countersigned { by, .. } => {
                let kept = self.said(seq, at, incident, *by, Line::Countersigned);
                if let Erasure::Done { second, .. } = &mut kept.erasure {
                    *second = Some(*by);
                }
            }
            Fact::Held { by, reason, .. } => {
                let class = self.incidents.get(incident).class;
                let line = entry(seq, at, at, Actor::Person(*by), class, Line::Held(reason.clone()));
                self.incidents.line(incident, line).hold = Some(Hold { by: *by, at, reason: reason.clone() });
            }
            Fact::HoldLifted { by, reason, .. } => {
                let class = self.incidents.get(incident).class;
                let line = entry(seq, at, at, Actor::Person(*by), class, Line::HoldLifted(reason.clone()));
                self.incidents.line(incident, line).hold = None;
            }
        }
        self.incidents.refresh(incident);
    }

    /// How the act was to be taken back that a fact takes back.
    fn undone(&self, of: Option<u64>) -> Option<Inverse> {
        of.and_then(|of| self.undoable.get(&of)).map(|undoable| undoable.what.clone())
    }

    fn opened(&mut self, seq: u64, at: Timestamp, fact: &Fact) {
        let Fact::Opened { incident, reference, by, since, audience, severity, with, from, title } = fact else {
            return;
        };
        let class = self.classes.intern(audience.clone());
        let mut phase_at = [None; 6];
        phase_at[Phase::Reported as usize] = Some(*since);
        let lead = match by {
            Actor::Person(account) => {
                self.undoable.insert(seq, Undoable { by: *account, what: Inverse::Opening(*incident) });
                Some(*account)
            }
            Actor::Rule => None,
        };
        self.incidents.open(
            *incident,
            Incident {
                reference: *reference,
                opened_at: at,
                opening: seq..=seq + u64::from(*with),
                since: *since,
                title: title.clone(),
                severity: *severity,
                sector_severity: None,
                first: (*severity, audience.tlp),
                audience: audience.clone(),
                class,
                pap: Pap::default(),
                phase: Phase::Reported,
                phase_at,
                lead,
                classes: Vec::new(),
                boards: Vec::new(),
                reports: Vec::new(),
                notices: Vec::new(),
                timeline: vec![entry(seq, at, at, *by, class, Line::Opened)],
                tasks: Vec::new(),
                observed: Vec::new(),
                changed_at: at,
                hold: None,
                dropped: false,
                from: *from,
                merged: None,
                took_over: Vec::new(),
                erasure: Erasure::None,
            },
        );
        self.index.opened(*incident, class, title);
    }

    /// A line that says what somebody did to the incident as a whole.
    fn said(&mut self, seq: u64, at: Timestamp, incident: IncidentId, by: AccountId, what: Line) -> &mut Incident {
        let class = self.incidents.get(incident).class;
        self.incidents.line(incident, entry(seq, at, at, Actor::Person(by), class, what))
    }

    fn merged(&mut self, seq: u64, at: Timestamp, incident: IncidentId, by: AccountId, into: IncidentId) {
        self.said(seq, at, into, by, Line::TookOver(incident)).took_over.push(incident);
        self.said(seq, at, incident, by, Line::MergedInto(into)).merged = Some((into, seq));
        self.incidents.refresh(into);
        self.undoable.insert(seq, Undoable { by, what: Inverse::Merge(incident) });
    }

    fn parted(&mut self, seq: u64, at: Timestamp, incident: IncidentId, by: AccountId) {
        let Some((into, _)) = self.incidents.get(incident).merged else { return };
        self.said(seq, at, into, by, Line::Parted(incident)).took_over.retain(|i| *i != incident);
        self.said(seq, at, incident, by, Line::Parted(into)).merged = None;
        self.incidents.refresh(into);
    }

    /// What was written in it is gone, here and in every act that could bring a text of it back.
    fn erased(&mut self, at: Timestamp, incident: IncidentId, erasure: Erasure) {
        self.incidents.incidents[incident.index()].erase(&erasure);
        let about = |n: &NoticeId| self.outbox.get(*n).about == About::Incident(incident);
        let mails: Vec<NoticeId> = self.incidents.get(incident).notices.iter().copied().filter(about).collect();
        mails.into_iter().for_each(|notice| self.outbox.erase(at, notice));
        self.undoable.retain(|_, undoable| match undoable.what {
            Inverse::Field(of, ..) | Inverse::Line(of, _) | Inverse::Task(of, ..) | Inverse::Opening(of) => {
                of != incident
            }
            _ => true,
        });
        self.index.erase_incident(incident);
    }

    fn changed(&mut self, seq: u64, at: Timestamp, incident: IncidentId, by: Actor, change: &Change) {
        let kept = self.incidents.get(incident);
        let class = kept.class;
        if let Actor::Person(by) = by {
            let what = match kept.opening.contains(&seq) {
                true => Inverse::Opening(incident),
                false => Inverse::Field(incident, kept.current(change), change.clone(), kept.phase_at),
            };
            self.undoable.insert(seq, Undoable { by, what });
        }
        self.incidents.line(incident, entry(seq, at, at, by, class, Line::Changed(change.clone())));
        self.incidents.change(at, incident, by, change);
        match change {
            Change::Tlp(_) | Change::Organisation(..) | Change::Person(..) => self.readdress(incident),
            Change::Title(title) => self.index.retitled(incident, title),
            _ => {}
        }
    }

    fn withdrawn(&mut self, at: Timestamp, incident: IncidentId, place: EntryId) {
        let kept = &mut self.incidents.incidents[incident.index()];
        kept.timeline[place.index()].withdrawn = Some(at);
        kept.tasks.iter_mut().filter(|t| t.entry == place).for_each(|t| t.withdrawn = true);
        kept.observed.iter_mut().filter(|o| o.entry == place).for_each(|o| o.withdrawn = true);
        self.index.withdraw(incident, place);
    }

    /// The class of a line under a label of its own, and that label where it is stricter than the incident's.
    fn class_within(&mut self, incident: IncidentId, tlp: Tlp, by: AccountId) -> (ClassId, Option<Tlp>) {
        let kept = self.incidents.get(incident);
        if tlp <= kept.audience.tlp {
            return (kept.class, None);
        }
        let audience = kept.audience_within(tlp, by);
        (self.classes.intern(audience), Some(tlp))
    }

    /// The audience of an incident changed: its lines follow, those under a label of their own as far as that allows.
    fn readdress(&mut self, incident: IncidentId) {
        let kept = self.incidents.get(incident);
        let after = self.classes.intern(kept.audience.clone());
        let class_of = |line: &Entry, classes: &mut Classes| match (line.own_label, line.by) {
            (Some(label), Actor::Person(writer)) => classes.intern(kept.audience_within(label, writer)),
            _ => after,
        };
        let classes: Vec<ClassId> = kept.timeline.iter().map(|line| class_of(line, &mut self.classes)).collect();
        let kept = &mut self.incidents.incidents[incident.index()];
        kept.class = after;
        kept.timeline.iter_mut().zip(&classes).for_each(|(line, class)| line.class = *class);
        kept.observed.iter_mut().for_each(|seen| seen.class = classes[seen.entry.index()]);
        let reports = kept.reports.clone();
        for report in reports {
            self.readdress_report(report, after);
        }
        self.index.readdress_incident(incident, after, &classes);
    }
}
