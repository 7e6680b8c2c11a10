//! Rows, lists and facets of incidents.

use crate::ids::{AccountId, IncidentId, Reference, ReportId, Timestamp};
use crate::incidents::{Boards, Incident, Line, Pap, Phase, Severity};
use crate::lens::{Leave, Lens, Tlp};
use crate::outbox::Notice;
use crate::register::BoardId;
use crate::view::IncidentLink;
use std::ops::Bound;

/// Boards counted in the facets, the most frequent ones.
const FACET_BOARDS_MAX: usize = 20;

/// An incident in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentRow {
    /// Which. A counter: not shown.
    pub id: IncidentId,
    /// Its public name.
    pub reference: Reference,
    /// Its title; `None` when erased.
    pub title: Option<String>,
    /// Severity.
    pub severity: Option<Severity>,
    /// Severity for the sector.
    pub sector_severity: Option<Severity>,
    /// How far it is.
    pub phase: Phase,
    /// Its label.
    pub tlp: Tlp,
    /// What one may do with what one knows.
    pub pap: Pap,
    /// Who leads.
    pub lead: Option<String>,
    /// Whether that is the viewer.
    pub lead_me: bool,
    /// Boards concerned.
    pub boards: Vec<String>,
    /// RSIT types.
    pub classes: Vec<String>,
    /// Since when it goes on, as far as known.
    pub since: Timestamp,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When something changed last.
    pub changed_at: Timestamp,
    /// How many messages belong to it.
    pub reports: usize,
    /// Tasks not done.
    pub tasks_open: usize,
    /// When the first of them is due.
    pub next_due: Option<Timestamp>,
    /// A mail of ours about it could not be delivered.
    pub undelivered: bool,
    /// The newest message came from outside: nobody wrote or noted anything since.
    pub unanswered: bool,
    /// Legal hold.
    pub held: bool,
}

/// Which incidents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentFilter {
    /// Closed ones too.
    pub all: bool,
    /// How far.
    pub phase: Option<Phase>,
    /// Severity.
    pub severity: Option<Severity>,
    /// A board concerned.
    pub board: Option<BoardId>,
    /// Who leads.
    pub lead: Option<AccountId>,
    /// Words that must occur.
    pub text: String,
}

/// How many incidents there are by what, under the filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentFacets {
    /// By phase, in order; only those that occur.
    pub phases: Vec<(Phase, usize)>,
    /// By severity, the gravest first, without last; only those that occur.
    pub severities: Vec<(Option<Severity>, usize)>,
    /// By board, the most frequent first.
    pub boards: Vec<(BoardId, String, usize)>,
    /// By who leads; `None` as name: erased.
    pub leads: Vec<(AccountId, Option<String>, usize)>,
}

/// A page of incidents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentList {
    /// The rows, what changed last first.
    pub rows: Vec<IncidentRow>,
    /// Give this as cursor to get the rows after these; `None` at the end.
    pub next: Option<Reference>,
    /// How many there are under the filter.
    pub total: usize,
    /// Counts under the filter.
    pub facets: IncidentFacets,
}

impl Lens<'_> {
    /// The incident behind a reference, if the viewer may see it.
    pub fn incident_id(&self, reference: Reference) -> Option<IncidentId> {
        let incident = *self.desk.incidents.by_reference.get(&reference)?;
        self.may_see(self.desk.incidents.get(incident).class).then_some(incident)
    }

    /// Leave to work on an incident.
    pub fn incident_leave(&self, reference: Reference) -> Option<Leave<IncidentId>> {
        let incident = self.incident_id(reference)?;
        self.leave_on_incident(incident, self.desk.incidents.get(incident).class)
    }

    pub(crate) fn incident_link(&self, reference: Reference) -> Option<IncidentLink> {
        let kept = self.desk.incidents.get(self.incident_id(reference)?);
        Some(IncidentLink { reference, title: kept.title.open().cloned() })
    }

    /// An incident as a row. The caller has checked that it may be seen.
    pub(crate) fn incident_row(&self, incident: IncidentId) -> IncidentRow {
        let kept = self.desk.incidents.get(incident);
        let family = self.family(incident);
        let tasks = family.iter().flat_map(|(_, kept)| &kept.tasks);
        let open = tasks.filter(|t| t.done.is_none() && !t.withdrawn);
        let undelivered = family.iter().flat_map(|(_, kept)| self.mails_of(kept)).any(|mail| mail.is_undelivered());
        IncidentRow {
            id: incident,
            reference: kept.reference,
            title: kept.title.open().cloned(),
            severity: kept.severity,
            sector_severity: kept.sector_severity,
            phase: kept.phase,
            tlp: kept.audience.tlp,
            pap: kept.pap,
            lead: kept.lead.and_then(|a| self.desk.accounts.name(a)).map(str::to_owned),
            lead_me: kept.lead == Some(self.viewer.account),
            boards: kept.boards.iter().filter_map(|b| self.desk.register.get(*b)).map(|b| b.name.clone()).collect(),
            classes: kept.classes.clone(),
            since: kept.since,
            opened_at: kept.opened_at,
            changed_at: kept.changed_at,
            reports: family.iter().map(|(_, kept)| self.reports_of(kept)).sum(),
            tasks_open: open.clone().count(),
            next_due: open.filter_map(|t| t.due).min(),
            undelivered,
            unanswered: self.unanswered(kept),
            held: kept.hold.is_some(),
        }
    }

    /// Mails written about it and about what belongs to it, also before that belonged to it.
    fn mails_of<'k>(&'k self, kept: &'k Incident) -> impl Iterator<Item = &'k Notice> {
        let report = |id: ReportId| self.desk.intake.get(id);
        let all =
            kept.reports.iter().flat_map(move |r| std::iter::once(*r).chain(report(*r).follow_ups.iter().copied()));
        let notices = kept.notices.iter().chain(all.flat_map(move |r| report(r).notices.iter()));
        notices.map(|n| self.desk.outbox.get(*n)).filter(|n| self.may_see_notice(n))
    }

    fn unanswered(&self, kept: &Incident) -> bool {
        let visible = kept.timeline.iter().rev().filter(|line| self.may_see(line.class));
        let telling = visible
            .map(|line| &line.what)
            .find(|what| matches!(what, Line::Report(_) | Line::Notice(_) | Line::Noted(..) | Line::Opened));
        matches!(telling, Some(Line::Report(_))) && self.reports_of(kept) > 1
    }

    /// How many messages belong to it. In a past moment some may be addressed to others since.
    fn reports_of(&self, kept: &Incident) -> usize {
        kept.reports.iter().filter(|r| self.may_see(self.desk.intake.get(**r).class)).count()
    }

    /// Incidents under a filter, what changed last first, after the row with reference `after`.
    pub fn incidents(&self, filter: &IncidentFilter, after: Option<Reference>, limit: usize) -> IncidentList {
        let kept = &self.desk.incidents;
        let texts = (!filter.text.trim().is_empty()).then(|| self.incidents_matching(&filter.text));
        let of_board = filter.board.map(|b| kept.by_board.get(&b));
        let matches = |incident: &IncidentId| {
            let brief = &kept.briefs[incident.index()];
            self.may_see(brief.class)
                && !brief.gone
                && (filter.all || filter.phase == Some(Phase::Closed) || brief.phase != Phase::Closed)
                && filter.phase.is_none_or(|p| brief.phase == p)
                && filter.severity.is_none_or(|s| brief.severity == Some(s))
                && filter.lead.is_none_or(|l| brief.lead == Some(l))
                && of_board.is_none_or(|of| of.is_some_and(|of| of.contains(incident)))
                && texts.as_ref().is_none_or(|t| t.get(incident.index()).copied().unwrap_or(false))
        };
        let from = after.and_then(|a| kept.by_reference.get(&a)).map(|i| (kept.get(*i).changed_at, *i));
        let mut list = IncidentList::default();
        let mut count = Counting {
            boards: vec![0; self.desk.register.len()],
            leads: vec![0; self.desk.accounts.accounts.len()],
            ..Counting::default()
        };
        // All are counted in the order in which they lie in memory; the order of change is walked as far as there are rows.
        for incident in (0..kept.briefs.len() as u32).map(IncidentId).filter(matches) {
            list.total += 1;
            count.add(self, incident);
        }
        list.facets = count.facets(self);
        if limit == 0 || list.total == 0 {
            return list;
        }
        let upto = from.map_or(Bound::Unbounded, Bound::Excluded);
        for (_, incident) in kept.by_change.range((Bound::Unbounded, upto)).rev().filter(|(_, i)| matches(i)) {
            if list.rows.len() == limit {
                list.next = list.rows.last().map(|r| r.reference);
                break;
            }
            list.rows.push(self.incident_row(*incident));
        }
        list
    }
}

#[derive(Default)]
struct Counting {
    phases: [usize; 6],
    severities: [usize; 7],
    /// By place in the register.
    boards: Vec<usize>,
    /// By account.
    leads: Vec<usize>,
}

impl Counting {
    fn add(&mut self, lens: &Lens<'_>, incident: IncidentId) {
        let brief = &lens.desk.incidents.briefs[incident.index()];
        self.phases[brief.phase as usize] += 1;
        self.severities[brief.severity.map_or(6, |s| s as usize)] += 1;
        if let Some(lead) = brief.lead.and_then(|lead| self.leads.get_mut(lead.index())) {
            *lead += 1;
        }
        match brief.board {
            Boards::None => {}
            Boards::One(board) => self.board(board),
            Boards::Several => lens.desk.incidents.get(incident).boards.iter().for_each(|b| self.board(*b)),
        }
    }

    fn board(&mut self, board: BoardId) {
        if let Some(count) = self.boards.get_mut(board.index()) {
            *count += 1;
        }
    }

    fn facets(self, lens: &Lens<'_>) -> IncidentFacets {
        let phases = Phase::ALL.into_iter().map(|p| (p, self.phases[p as usize]));
        let severities = Severity::ALL.into_iter().map(Some).chain([None]);
        let severities = severities.map(|s| (s, self.severities[s.map_or(6, |s| s as usize)]));
        let counted = lens.desk.register.iter().zip(self.boards).filter(|(_, n)| *n > 0);
        let mut boards: Vec<_> = counted.map(|(board, n)| (board.id, board.name.clone(), n)).collect();
        boards.sort_unstable_by(|a, b| b.2.cmp(&a.2).then_with(|| a.1.cmp(&b.1)));
        boards.truncate(FACET_BOARDS_MAX);
        let name = |a: AccountId| lens.desk.accounts.name(a).map(str::to_owned);
        let leads = self.leads.into_iter().enumerate().filter(|(_, n)| *n > 0);
        let mut leads: Vec<_> = leads.map(|(a, n)| (AccountId(a as u32), n)).map(|(a, n)| (a, name(a), n)).collect();
        leads.sort_unstable_by(|a, b| b.2.cmp(&a.2).then(a.0.cmp(&b.0)));
        IncidentFacets {
            phases: phases.filter(|(_, n)| *n > 0).collect(),
            severities: severities.filter(|(_, n)| *n > 0).collect(),
            boards,
            leads,
        }
    }
}
