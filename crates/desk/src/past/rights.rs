//! Today's rights on yesterday's content.

use super::Past;
use crate::Desk;
use crate::house::House;
use crate::ids::{EntryId, IncidentId, ReportId, Timestamp};
use crate::intake::{Erasure, Report};
use crate::lens::ClassId;
use crate::sealed::Sealed;

impl Past {
    /// Takes over who may see what, the labels, the people, the register and what was erased or taken back since, from the desk of today.
    /// Without it nothing of a past may be shown. Cheap while nothing happened since the last time.
    pub fn bear(&mut self, today: &Desk) {
        if self.bears(today) {
            return;
        }
        let desk = &mut self.desk;
        desk.accounts.clone_from(&today.accounts);
        // That a backup was restored happened on a day, and terms have days of their own; the rest of the house are its settings.
        let (restores, terms) = (std::mem::take(&mut desk.house.restores), std::mem::take(&mut desk.house.terms));
        desk.house = House { restores, terms, ..today.house.clone() };
        desk.classes.clone_from(&today.classes);
        if desk.register.which() != today.register.which() || desk.register.len() != today.register.len() {
            desk.register.clone_from(&today.register);
            desk.index.boards(&desk.register);
        }
        for report in (0..desk.intake.reports.len() as u32).map(ReportId) {
            bear_report(desk, today, report);
        }
        for (mine, theirs) in desk.outbox.notices.iter_mut().zip(&today.outbox.notices) {
            if theirs.letter == Sealed::Erased {
                (mine.letter, mine.last_said) = (Sealed::Erased, None);
            }
        }
        for incident in (0..desk.incidents.incidents.len() as u32).map(IncidentId) {
            bear_incident(desk, today, incident);
        }
        if let Some(end) = self.moment.as_of {
            // The last moment of that day: what existed then is asked of the register by it.
            desk.last_at = Timestamp(end.0.saturating_sub(1));
        }
        self.rights_of = Some(today.next);
    }

    /// Whether it bears the rights of today's desk as it stands.
    pub fn bears(&self, today: &Desk) -> bool {
        self.rights_of == Some(today.next)
    }

    /// Texts of messages can be found in the past as far as they can be today: copied, not fetched again. One part of the words at a time;
    /// gives back how many there are.
    pub fn take_texts(&mut self, today: &Desk, words: std::ops::Range<u32>) -> u32 {
        self.desk.index.take_texts(&today.index, words)
    }
}

fn bear_report(desk: &mut Desk, today: &Desk, report: ReportId) {
    let Some(theirs) = today.intake.reports.get(report.index()) else { return };
    let mine = &mut desk.intake.reports[report.index()];
    if mine.class == ClassId::NOBODY {
        return;
    }
    if theirs.is_erased() && !mine.is_erased() {
        erase(mine, &theirs.erasure);
        desk.intake.unread.remove(&report);
        desk.index.erase(report);
    }
    let mine = &mut desk.intake.reports[report.index()];
    if mine.class != theirs.class {
        mine.class = theirs.class;
        desk.intake.refresh(report);
        if !theirs.is_erased() {
            desk.index.readdress_report(report, theirs.class);
        }
    }
}

fn erase(mine: &mut Report, erasure: &Erasure) {
    mine.arrival = Sealed::Erased;
    if let Some(reading) = &mut mine.reading {
        reading.head = Sealed::Erased;
    }
    mine.erasure = erasure.clone();
}

fn bear_incident(desk: &mut Desk, today: &Desk, incident: IncidentId) {
    let Some(theirs) = today.incidents.incidents.get(incident.index()) else { return };
    let mine = &mut desk.incidents.incidents[incident.index()];
    if mine.class == ClassId::NOBODY {
        return;
    }
    if theirs.is_erased() && !mine.is_erased() {
        mine.erase(&theirs.erasure);
        desk.index.erase_incident(incident);
    }
    let mine = &mut desk.incidents.incidents[incident.index()];
    let mut moved = mine.class != theirs.class;
    (mine.class, mine.audience) = (theirs.class, theirs.audience.clone());
    let mut taken_back = Vec::new();
    for (n, (line, today)) in mine.timeline.iter_mut().zip(&theirs.timeline).enumerate() {
        if line.class == ClassId::NOBODY {
            continue;
        }
        moved |= line.class != today.class;
        (line.class, line.own_label) = (today.class, today.own_label);
        if today.withdrawn.is_some() && line.withdrawn.is_none() {
            line.withdrawn = today.withdrawn;
            taken_back.push(EntryId(n as u32));
        }
    }
    for place in &taken_back {
        mine.tasks.iter_mut().filter(|t| t.entry == *place).for_each(|t| t.withdrawn = true);
        mine.observed.iter_mut().filter(|o| o.entry == *place).for_each(|o| o.withdrawn = true);
    }
    if moved {
        let lines: Vec<ClassId> = mine.timeline.iter().map(|line| line.class).collect();
        mine.observed.iter_mut().for_each(|seen| seen.class = lines[seen.entry.index()]);
        desk.index.readdress_incident(incident, theirs.class, &lines);
    }
    taken_back.iter().for_each(|place| desk.index.withdraw(incident, *place));
    desk.incidents.refresh(incident);
}
