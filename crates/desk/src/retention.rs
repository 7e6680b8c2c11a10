//! How long what came in and what was written is kept. Terms are dated data with a source; what is past its term is listed, and erased by
//! people in the usual way. Nothing is erased by itself.

use crate::Desk;
use crate::ids::{IncidentId, Reference, ReportId, Timestamp};
use crate::incidents::Phase;
use crate::intake::{Report, Status, Verdict};
use crate::lens::Lens;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

const DAY_SECONDS: i64 = 24 * 3600;
/// Rows of the list, at most: who erases so many comes back for the rest.
const DUE_MAX: usize = 500;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// A message that was spam; from its decision.
    Spam,
    /// A message that needed nothing; from its decision.
    NoIncident,
    /// A message of an incident; from the day on which that was closed.
    Message,
    /// What was written in an incident; from the day on which it was closed.
    Incident,
}

impl Kept {
    /// All, in the order in which they are shown.
    pub const ALL: [Kept; 4] = [Kept::Spam, Kept::NoIncident, Kept::Message, Kept::Incident];

    /// Its name in the words and the API.
    pub fn key(self) -> &'static str {
        ["spam", "no_incident", "message", "incident"][self as usize]
    }
}

/// How long something is kept, since when that holds, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// What.
    pub kind: Kept,
    /// So many days.
    pub days: u32,
    /// The day from which the term holds, `YYYY-MM-DD` (UTC); until a later one for the same kind.
    pub from: Day,
    /// Who decided it, or where it stands.
    pub source: String,
}

/// A day, as the moment at which it begins in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Day(pub Timestamp);

impl TryFrom<String> for Day {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Day, &'static str> {
        let wrong = "a day is written YYYY-MM-DD";
        let parts: Vec<i64> = text.split('-').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong)?;
        let [year @ 1970..=9999, month @ 1..=12, day @ 1..=31] = parts[..] else { return Err(wrong) };
        // Days since 1970-01-01 in the Gregorian calendar, counting years from March.
        let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
        Ok(Day(Timestamp::from_seconds(days * DAY_SECONDS)))
    }
}

/// The terms that ship with the program, the oldest first.
static TERMS: LazyLock<Vec<Term>> = LazyLock::new(|| {
    let mut terms: Vec<Term> = serde_json::from_str(include_str!("retention.json")).expect("a test reads it");
    terms.sort_by_key(|term| term.from);
    terms
});

/// The term that holds for a kind at a moment, among these.
fn holds(terms: &[Term], kind: Kept, now: Timestamp) -> Option<&Term> {
    terms.iter().filter(|t| t.kind == kind && t.from.0 <= now).max_by_key(|t| t.from)
}

/// Something that is past its term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What kind.
    pub kind: Kept,
    /// The report or incident.
    pub reference: Reference,
    /// From when its term ran.
    pub since: Timestamp,
    /// When its term ended.
    pub due: Timestamp,
    /// It is on legal hold: it stays.
    pub held: bool,
}

/// The terms, and what is past them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The terms that hold now.
    pub terms: Vec<Term>,
    /// What is past its term, the longest first; at most 500.
    pub due: Vec<Due>,
    /// How much there is.
    pub total: usize,
}

impl Lens<'_> {
    /// The terms that hold, and what is past them. For the team; others read nothing.
    pub fn retention(&self, now: Timestamp) -> Retention {
        if !self.is_team() {
            return Retention::default();
        }
        self.past_terms(&TERMS, now)
    }

    fn past_terms(&self, terms: &[Term], now: Timestamp) -> Retention {
        let due = |kind, reference, since: Timestamp, held| {
            let term = holds(terms, kind, now)?;
            let due = since.plus_seconds(i64::from(term.days) * DAY_SECONDS);
            (due <= now).then_some(Due { kind, reference, since, due, held })
        };
        let reports = self.desk.intake.reports.iter().enumerate().filter(|(_, r)| self.may_see(r.class));
        let reports = reports.filter(|(_, r)| !r.is_erased()).filter_map(|(n, report)| {
            let (kind, since, held) = self.desk.kept_since(ReportId(n as u32), report)?;
            due(kind, report.reference, since, held)
        });
        let incidents = self.desk.incidents.incidents.iter().enumerate().filter(|(_, i)| self.may_see(i.class));
        let incidents = incidents.filter(|(_, i)| !i.is_erased()).filter_map(|(n, incident)| {
            let of = IncidentId(n as u32);
            due(Kept::Incident, incident.reference, self.desk.over_since(of)?, self.desk.incidents.is_held(of))
        });
        let mut found: Vec<Due> = reports.chain(incidents).collect();
        found.sort_by_key(|d| (d.due, d.reference));
        let total = found.len();
        found.truncate(DUE_MAX);
        let terms = Kept::ALL.iter().filter_map(|kind| holds(terms, *kind, now)).cloned().collect();
        Retention { terms, due: found, total }
    }
}

impl Desk {
    /// When an incident was over: closed where it goes on, or dropped.
    fn over_since(&self, incident: IncidentId) -> Option<Timestamp> {
        let kept = self.incidents.get(incident);
        if kept.dropped {
            return Some(kept.changed_at);
        }
        let root = self.incidents.get(self.incidents.successor(incident));
        if root.phase == Phase::Closed { root.phase_at[Phase::Closed as usize] } else { None }
    }

    /// What a decided message is kept as, from when its term runs, and whether it is held. What follows another message is kept as that.
    fn kept_since(&self, report: ReportId, kept: &Report) -> Option<(Kept, Timestamp, bool)> {
        let (mut at, mut kept, mut steps) = (report, kept, 0);
        loop {
            let Status::Decided(verdict) = kept.status else { return None };
            let decided = kept.history.iter().rev().find(|e| Some(e.seq) == kept.decided_seq).map(|e| e.at);
            match verdict {
                Verdict::Spam => return Some((Kept::Spam, decided?, false)),
                Verdict::NoIncident => return Some((Kept::NoIncident, decided?, false)),
                Verdict::Incident { incident, .. } => {
                    return Some((Kept::Message, self.over_since(incident)?, self.incidents.is_held(incident)));
                }
                Verdict::FollowUp(of) | Verdict::Duplicate(of) if steps < self.intake.reports.len() && of != at => {
                    (at, kept, steps) = (of, self.intake.get(of), steps + 1);
                }
                Verdict::FollowUp(_) | Verdict::Duplicate(_) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::incidents::{self, Change};
    use crate::intake;
    use crate::sealed::Sealed;
    use crate::testing::{Mail, Story};

    fn term(kind: Kept, days: u32, from: &str) -> Term {
        let from = Day::try_from(from.to_owned()).expect("a day");
        Term { kind, days, from, source: "besluit".to_owned() }
    }

    #[test]
    fn days_are_read_and_nonsense_is_not() {
        let seconds = |text: &str| Day::try_from(text.to_owned()).map(|d| d.0.seconds());
        assert_eq!(seconds("1970-01-01"), Ok(0));
        assert_eq!(seconds("2022-12-15"), Ok(1_671_062_400));
        assert_eq!(seconds("2024-02-29"), Ok(1_709_164_800));
        for wrong in ["", "2022-12", "2022-13-01", "15-12-2022", "2022-12-15-1", "vandaag"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_shipped_terms_name_every_kind_and_claim_no_law() {
        for kind in Kept::ALL {
            let named = TERMS.iter().any(|t| t.kind == kind && t.days > 0);
            assert!(named, "{kind:?}");
        }
        // Nobody with authority has decided them: no source may say so.
        assert!(TERMS.iter().all(|t| t.source == "proposal / voorstel"));
    }

    #[test]
    fn the_term_is_the_one_that_holds_on_the_day() {
        let terms = [term(Kept::Spam, 90, "2022-12-01"), term(Kept::Spam, 30, "2023-06-01")];
        let at = |day: &str| Day::try_from(day.to_owned()).expect("a day").0;
        assert_eq!(holds(&terms, Kept::Spam, at("2022-11-30")), None);
        assert_eq!(holds(&terms, Kept::Spam, at("2022-12-01")).map(|t| t.days), Some(90));
        assert_eq!(holds(&terms, Kept::Spam, at("2023-06-01")).map(|t| t.days), Some(30));
    }

    #[test]
    fn what_is_past_its_term_is_listed_for_the_team_until_it_is_erased_and_a_hold_is_said() {
        let mut story = Story::new();
        let (duty, colleague, outsider) = (story.duty, story.colleague, story.outsider);
        let terms = [
            term(Kept::Spam, 10, "2022-12-01"),
            term(Kept::Message, 20, "2022-12-01"),
            term(Kept::Incident, 30, "2022-12-01"),
        ];
        let [spam, message] = [story.mail(&Mail::default()), story.mail(&Mail::default())];
        let incident = story.open(duty, "Servers", &[message]);
        let leave = story.report(duty, spam);
        story.act(duty, Command::Intake(intake::Command::Decide(leave, Verdict::Spam)));
        let due = |story: &Story, who| -> Vec<(Kept, Reference, bool)> {
            let due = story.lens(who).past_terms(&terms, story.now).due;
            due.into_iter().map(|d| (d.kind, d.reference, d.held)).collect()
        };
        story.wait(9 * DAY_SECONDS);
        assert_eq!(due(&story, duty), []);
        story.wait(DAY_SECONDS);
        assert_eq!(due(&story, duty), [(Kept::Spam, spam, false)]);
        assert_eq!(story.lens(outsider).retention(story.now), Retention::default());
        let leave = story.incident(duty, incident);
        let change = Change::Phase(Phase::Closed, Sealed::Open("klaar".to_owned()));
        let close = incidents::Command::Change { incident: leave, change, expected: None };
        story.act(duty, Command::Incidents(close));
        story.wait(30 * DAY_SECONDS);
        let hold = incidents::Command::Hold { incident: leave, reason: "gerecht".to_owned() };
        story.act(duty, Command::Incidents(hold));
        let all = [(Kept::Spam, spam, false), (Kept::Message, message, true), (Kept::Incident, incident, true)];
        assert_eq!(due(&story, duty), all);
        let (report, reason) = (story.report(duty, spam), "termijn voorbij".to_owned());
        story.act(duty, Command::Intake(intake::Command::Erase { report, reason, alone: false }));
        let report = story.report(colleague, spam);
        story.act(colleague, Command::Intake(intake::Command::ConfirmErasure(report)));
        assert_eq!(due(&story, duty), all[1..]);
    }
}
