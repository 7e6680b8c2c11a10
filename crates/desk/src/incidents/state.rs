//! Incidents as the desk keeps them.

use super::{Change, Note, NoteKind, Pap, Phase, Severity};
use crate::command::Actor;
use crate::ids::{AccountId, EntryId, IncidentId, NoticeId, Reference, ReportId, TaskId, Timestamp};
use crate::intake::{Erasure, Observable};
use crate::lens::{Audience, ClassId, Tlp};
use crate::register::BoardId;
use crate::sealed::Sealed;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

/// A line of the timeline as the desk keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub(crate) seq: u64,
    pub(crate) recorded_at: Timestamp,
    pub(crate) event_at: Timestamp,
    pub(crate) certain: bool,
    pub(crate) by: Actor,
    pub(crate) class: ClassId,
    pub(crate) what: Line,
    /// When its writer took it back.
    pub(crate) withdrawn: Option<Timestamp>,
    /// The label that its writer chose, where that was stricter than the incident's: it stays whatever becomes of the incident's.
    pub(crate) own_label: Option<Tlp>,
}

/// What a line of the timeline is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Line {
    /// It was opened.
    Opened,
    /// Somebody wrote.
    Noted(NoteKind, Sealed<Note>),
    /// A field changed.
    Changed(Change),
    /// A message belongs to it.
    Report(ReportId),
    /// A message does not belong to it any more.
    ReportGone(ReportId),
    /// A mail went out.
    Notice(NoticeId),
    /// Something to do.
    Task(TaskId),
    /// Done, or open again.
    TaskSet(TaskId, bool),
    /// An observable was added.
    Observed(Sealed<Observable>),
    /// Legal hold, with the reason.
    Held(Sealed<String>),
    /// The hold ended, with the reason.
    HoldLifted(Sealed<String>),
    /// It was opened by mistake.
    Dropped,
    /// It goes on in another one.
    MergedInto(IncidentId),
    /// Another one goes on in it.
    TookOver(IncidentId),
    /// It and this one go their own ways again.
    Parted(IncidentId),
    /// Somebody wants it erased, with the reason.
    ErasureAsked(String),
    /// It is not to be erased after all.
    ErasureWithdrawn,
    /// What was written in it was erased, with the reason.
    Erased(String),
    /// A second person agreed afterwards.
    Countersigned,
}

/// Something to do, as the desk keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub(crate) by: AccountId,
    pub(crate) at: Timestamp,
    pub(crate) assignee: Option<AccountId>,
    pub(crate) due: Option<Timestamp>,
    pub(crate) text: Sealed<String>,
    pub(crate) done: Option<(Timestamp, AccountId)>,
    /// The fact that last said whether it is done.
    pub(crate) set: Option<u64>,
    /// Its line in the timeline.
    pub(crate) entry: EntryId,
    /// Taken back by whoever asked for it.
    pub(crate) withdrawn: bool,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    pub(crate) by: AccountId,
    pub(crate) at: Timestamp,
    pub(crate) reason: Sealed<String>,
}

/// An incident as the desk keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub(crate) reference: Reference,
    pub(crate) opened_at: Timestamp,
    /// The facts of the act that opened it.
    pub(crate) opening: RangeInclusive<u64>,
    pub(crate) since: Timestamp,
    pub(crate) title: Sealed<String>,
    pub(crate) severity: Option<Severity>,
    pub(crate) sector_severity: Option<Severity>,
    /// Severity and label with which it was opened.
    pub(crate) first: (Option<Severity>, Tlp),
    pub(crate) audience: Audience,
    pub(crate) class: ClassId,
    pub(crate) pap: Pap,
    pub(crate) phase: Phase,
    pub(crate) phase_at: [Option<Timestamp>; 6],
    pub(crate) lead: Option<AccountId>,
    pub(crate) classes: Vec<String>,
    pub(crate) boards: Vec<BoardId>,
    pub(crate) reports: Vec<ReportId>,
    pub(crate) notices: Vec<NoticeId>,
    pub(crate) timeline: Vec<Entry>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) observed: Vec<Seen>,
    /// When something changed that everybody may see who sees the incident.
    pub(crate) changed_at: Timestamp,
    pub(crate) hold: Option<Hold>,
    pub(crate) dropped: bool,
    /// The incident that it was split off from.
    pub(crate) from: Option<IncidentId>,
    /// Where it goes on, and the fact that said so.
    pub(crate) merged: Option<(IncidentId, u64)>,
    /// Incidents that go on in it.
    pub(crate) took_over: Vec<IncidentId>,
    pub(crate) erasure: Erasure,
}

/// An observable added by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) observable: Sealed<Observable>,
    pub(crate) class: ClassId,
    pub(crate) entry: EntryId,
    pub(crate) withdrawn: bool,
}

/// What lists and counts look at, packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Brief {
    pub(crate) class: ClassId,
    pub(crate) phase: Phase,
    pub(crate) severity: Option<Severity>,
    pub(crate) lead: Option<AccountId>,
    /// Opened by mistake, or it goes on in another one: not listed.
    pub(crate) gone: bool,
    /// The only board concerned; with several ones, or none, the incident itself is looked at.
    pub(crate) board: Boards,
    pub(crate) changed_at: Timestamp,
}

/// How many boards an incident concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Boards {
    None,
    One(BoardId),
    Several,
}

/// All incidents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Incidents {
    pub(crate) incidents: Vec<Incident>,
    /// One for each incident, kept true by [`Incidents::refresh`].
    pub(crate) briefs: Vec<Brief>,
    pub(crate) by_board: HashMap<BoardId, BTreeSet<IncidentId>>,
    pub(crate) by_reference: HashMap<Reference, IncidentId>,
    /// Newest change first: what the list looks at.
    pub(crate) by_change: BTreeSet<(Timestamp, IncidentId)>,
}

impl Incidents {
    pub(crate) fn get(&self, incident: IncidentId) -> &Incident {
        &self.incidents[incident.index()]
    }

    /// Where it goes on: itself, or what it was merged into in the end.
    pub(crate) fn successor(&self, incident: IncidentId) -> IncidentId {
        let mut at = incident;
        // Only what goes on nowhere else takes others over, so this ends.
        while let Some((into, _)) = self.get(at).merged {
            at = into;
        }
        at
    }

    /// An incident and all that go on in it.
    pub(crate) fn family(&self, incident: IncidentId) -> Vec<IncidentId> {
        let mut family = vec![incident];
        let mut at = 0;
        while let Some(next) = family.get(at) {
            family.extend(&self.get(*next).took_over);
            at += 1;
        }
        family
    }

    /// Whether it, or what it goes on in, is on legal hold.
    pub(crate) fn is_held(&self, incident: IncidentId) -> bool {
        self.holds(incident).next().is_some()
    }

    /// The holds that stand over an incident, each by the incident that has it: its own, and of what it goes on in.
    pub(crate) fn holds(&self, incident: IncidentId) -> impl Iterator<Item = IncidentId> {
        let way = std::iter::successors(Some(incident), |at| self.get(*at).merged.map(|(into, _)| into));
        way.filter(|at| self.get(*at).hold.is_some())
    }

    /// A line at the end of the timeline. Only a line that all see who see the incident moves it in the list: a stricter one would tell
    /// others that it exists.
    pub(crate) fn line(&mut self, incident: IncidentId, entry: Entry) -> &mut Incident {
        let kept = &mut self.incidents[incident.index()];
        if entry.class == kept.class {
            self.by_change.remove(&(kept.changed_at, incident));
            kept.changed_at = kept.changed_at.max(entry.recorded_at);
            self.by_change.insert((kept.changed_at, incident));
        }
        self.briefs[incident.index()].changed_at = kept.changed_at;
        kept.timeline.push(entry);
        kept
    }

    pub(crate) fn open(&mut self, incident: IncidentId, kept: Incident) {
        self.by_reference.insert(kept.reference, incident);
        self.by_change.insert((kept.changed_at, incident));
        self.briefs.push(kept.brief());
        self.incidents.push(kept);
    }

    /// An incident that is not there at the moment that is looked at: only its place.
    pub(crate) fn open_unseen(&mut self, kept: Incident) {
        self.briefs.push(kept.brief());
        self.incidents.push(kept);
    }

    /// It changed last at this time.
    pub(crate) fn changed(&mut self, incident: IncidentId, at: Timestamp) {
        let kept = &mut self.incidents[incident.index()];
        self.by_change.remove(&(kept.changed_at, incident));
        kept.changed_at = at;
        self.by_change.insert((at, incident));
        self.refresh(incident);
    }

    /// Its packed form follows the incident.
    pub(crate) fn refresh(&mut self, incident: IncidentId) {
        self.briefs[incident.index()] = self.incidents[incident.index()].brief();
    }

    pub(crate) fn change(&mut self, at: Timestamp, incident: IncidentId, by: Actor, change: &Change) {
        if let Change::Board(board, present) = change {
            let of = self.by_board.entry(*board).or_default();
            if *present {
                of.insert(incident)
            } else {
                of.remove(&incident)
            };
        }
        let kept = &mut self.incidents[incident.index()];
        kept.change(at, change);
        if matches!(change, Change::Tlp(Tlp::Red)) && kept.audience.persons.is_empty() {
            // Without a name nobody could see it, not even whoever chose the label.
            let chose = match by {
                Actor::Person(account) => Some(account),
                Actor::Rule => None,
            };
            kept.audience.persons.extend(chose);
            kept.audience.persons.extend(kept.lead.filter(|lead| chose != Some(*lead)));
        }
    }
}

impl Incident {
    /// Who sees a line that somebody wrote under a label of its own. Under RED only its writer, and nobody who does not see the incident.
    pub(crate) fn audience_within(&self, label: Tlp, writer: AccountId) -> Audience {
        let mut audience = self.audience.clone();
        audience.tlp = label.max(audience.tlp);
        if label == Tlp::Red {
            let kept = self.audience.tlp != Tlp::Red || self.audience.persons.contains(&writer);
            audience.persons = if kept { vec![writer] } else { Vec::new() };
        }
        audience
    }

    pub(crate) fn brief(&self) -> Brief {
        Brief {
            class: self.class,
            phase: self.phase,
            severity: self.severity,
            lead: self.lead,
            gone: self.dropped || self.merged.is_some(),
            board: match self.boards[..] {
                [] => Boards::None,
                [board] => Boards::One(board),
                _ => Boards::Several,
            },
            changed_at: self.changed_at,
        }
    }

    /// Whether nothing happened to it but its opening.
    pub(crate) fn untouched(&self) -> bool {
        !self.dropped && self.timeline.iter().all(|line| self.opening.contains(&line.seq))
    }

    /// The fact that last gave a value to the field that a change is about; `None` while it has the one it was opened with.
    pub(crate) fn last_set(&self, change: &Change) -> Option<u64> {
        let sets = |line: &&Entry| matches!(&line.what, Line::Changed(other) if other.same_field(change));
        self.timeline.iter().rev().find(sets).map(|line| line.seq)
    }

    /// The value that a field of one value had before the fact that changed it, as far as that is kept.
    pub(crate) fn before(&self, seq: u64, change: &Change) -> Option<Change> {
        let earlier = self.timeline.iter().rev().skip_while(|line| line.seq >= seq);
        let set = earlier.filter_map(|line| match &line.what {
            Line::Changed(other) if other.same_field(change) => Some(other.clone()),
            _ => None,
        });
        set.into_iter().next().or_else(|| {
            Some(match change {
                Change::Severity(_) => Change::Severity(self.first.0),
                Change::SectorSeverity(_) => Change::SectorSeverity(None),
                Change::Tlp(_) => Change::Tlp(self.first.1),
                Change::Pap(_) => Change::Pap(Pap::default()),
                Change::Phase(..) => Change::Phase(Phase::Reported, Sealed::Open(String::new())),
                Change::Lead(_) => Change::Lead(self.timeline.first().and_then(|line| match line.by {
                    Actor::Person(account) => Some(account),
                    Actor::Rule => None,
                })),
                _ => return None,
            })
        })
    }

    pub(crate) fn is_erased(&self) -> bool {
        matches!(self.erasure, Erasure::Done { .. })
    }

    /// Place of the next line.
    pub(crate) fn next_entry(&self) -> EntryId {
        EntryId(u32::try_from(self.timeline.len()).expect("a timeline is far shorter than 2^32"))
    }

    /// Place of the line that was written last.
    pub(crate) fn last_entry(&self) -> EntryId {
        EntryId(self.next_entry().0.saturating_sub(1))
    }

    /// The present value of the field that a change is about, to compare and to undo.
    pub(crate) fn current(&self, change: &Change) -> Change {
        match change {
            Change::Title(_) => Change::Title(self.title.clone()),
            Change::Severity(_) => Change::Severity(self.severity),
            Change::SectorSeverity(_) => Change::SectorSeverity(self.sector_severity),
            Change::Tlp(_) => Change::Tlp(self.audience.tlp),
            Change::Pap(_) => Change::Pap(self.pap),
            Change::Phase(..) => Change::Phase(self.phase, Sealed::Open(String::new())),
            Change::Lead(_) => Change::Lead(self.lead),
            Change::Class(class, _) => Change::Class(class.clone(), self.classes.contains(class)),
            Change::Board(board, _) => Change::Board(*board, self.boards.contains(board)),
            Change::Organisation(organisation, _) => {
                Change::Organisation(*organisation, self.audience.organisations >> organisation.0 & 1 == 1)
            }
            Change::Person(person, _) => Change::Person(*person, self.audience.persons.contains(person)),
        }
    }

    pub(crate) fn change(&mut self, at: Timestamp, change: &Change) {
        fn set<T: PartialEq + Clone>(list: &mut Vec<T>, item: &T, present: bool) {
            list.retain(|i| i != item);
            if present {
                list.push(item.clone());
            }
        }
        match change {
            Change::Title(title) => self.title = title.clone(),
            Change::Severity(severity) => self.severity = *severity,
            Change::SectorSeverity(severity) => self.sector_severity = *severity,
            Change::Tlp(tlp) => self.audience.tlp = *tlp,
            Change::Pap(pap) => self.pap = *pap,
            Change::Phase(phase, _) => {
                self.phase = *phase;
                self.phase_at[*phase as usize] = Some(at);
            }
            Change::Lead(lead) => self.lead = *lead,
            Change::Class(class, present) => set(&mut self.classes, class, *present),
            Change::Board(board, present) => set(&mut self.boards, board, *present),
            Change::Organisation(organisation, present) => {
                let bit = 1u64 << (organisation.0 & 63);
                if *present { self.audience.organisations |= bit } else { self.audience.organisations &= !bit }
            }
            Change::Person(person, present) => set(&mut self.audience.persons, person, *present),
        }
    }
}
