//! What a viewer reads of boards: the register is public, what happens to a board is not.

use super::{Board, BoardId, BoardKind, day_of};
use crate::folding::squeezed;
use crate::ids::{ReportId, Timestamp};
use crate::incidents::{IncidentFilter, IncidentRow, Phase};
use crate::intake::ReportRow;
use crate::lens::Lens;
use crate::view::BoardLink;

/// Reports shown on a board's page, at most: the newest.
const REPORTS_MAX: usize = 50;
/// Incidents shown on a board's page, at most: what changed last.
const INCIDENTS_MAX: usize = 50;

/// Which boards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoardFilter {
    /// Part of a name, also a former one.
    pub text: String,
    /// Province.
    pub province: Option<String>,
    /// Only boards with reports or incidents that the viewer may see.
    pub active: bool,
    /// As of this day (ISO 8601); `None`: the day of the last fact.
    pub day: Option<String>,
}

/// A board in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardRow {
    /// Which.
    pub id: BoardId,
    /// Its name.
    pub name: String,
    /// What kind of legal person.
    pub kind: BoardKind,
    /// Province.
    pub province: String,
    /// Inhabitants.
    pub population: u32,
    /// Latitude, WGS84 degrees.
    pub lat: f64,
    /// Longitude, WGS84 degrees.
    pub lon: f64,
    /// Reports that the viewer may see.
    pub reports: usize,
    /// Of these, hit now and undecided.
    pub hit_now: usize,
    /// Open incidents that the viewer may see.
    pub incidents_open: usize,
}

/// A board with everything around it.
#[derive(Clone, Debug)]
pub struct BoardView {
    /// As the register has it.
    pub board: Board,
    /// Into which it merged.
    pub successors: Vec<BoardLink>,
    /// Boards that merged into it.
    pub predecessors: Vec<BoardLink>,
    /// Boards with a common border that exist on the day of the last fact.
    pub neighbours: Vec<BoardLink>,
    /// Reports about it, the newest first.
    pub reports: Vec<ReportRow>,
    /// How many there are.
    pub reports_total: usize,
    /// Incidents, what changed last first.
    pub incidents: Vec<IncidentRow>,
    /// How many there are.
    pub incidents_total: usize,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    reports: usize,
    hit_now: usize,
    incidents_open: usize,
}

impl Lens<'_> {
    /// Boards under a filter, by name.
    pub fn boards(&self, filter: &BoardFilter) -> Vec<BoardRow> {
        let tallies = self.tallies();
        let day = filter.day.clone().unwrap_or_else(|| self.today());
        let text = squeezed(&filter.text);
        let named = |b: &Board| {
            text.is_empty() || std::iter::once(&b.name).chain(&b.former_names).any(|n| squeezed(n).contains(&text))
        };
        let mut rows: Vec<BoardRow> = self
            .desk
            .register
            .on(&day)
            .filter(|b| named(b) && filter.province.as_ref().is_none_or(|p| *p == b.province))
            .map(|b| row(b, tallies[b.id.index()]))
            .filter(|r| !filter.active || r.reports + r.incidents_open > 0)
            .collect();
        rows.sort_by_key(|a| squeezed(&a.name));
        rows
    }

    /// A board with everything around it.
    pub fn board(&self, id: BoardId) -> Option<BoardView> {
        let register = &self.desk.register;
        let board = register.get(id)?.clone();
        let today = self.today();
        let link = |b: &BoardId| self.desk.board_link(*b);
        let lives = |b: &&BoardId| register.get(**b).is_some_and(|b| b.existed_on(&today));
        let briefs = self.desk.intake.briefs.iter().enumerate().rev();
        let about = briefs.filter(|(_, b)| b.board == Some(id) && self.may_see(b.class));
        let about: Vec<ReportId> = about.map(|(n, _)| ReportId(n as u32)).collect();
        let filter = IncidentFilter { all: true, board: Some(id), ..IncidentFilter::default() };
        let incidents = self.incidents(&filter, None, INCIDENTS_MAX);
        Some(BoardView {
            successors: board.successors.iter().filter_map(link).collect(),
            predecessors: register
                .iter()
                .filter(|b| b.successors.contains(&id))
                .map(|b| BoardLink { id: b.id, name: b.name.clone() })
                .collect(),
            neighbours: register.neighbours(id).iter().filter(lives).filter_map(link).collect(),
            reports_total: about.len(),
            reports: about.into_iter().take(REPORTS_MAX).map(|r| self.report_row(r)).collect(),
            incidents_total: incidents.total,
            incidents: incidents.rows,
            board,
        })
    }

    fn today(&self) -> String {
        let at = self.desk.last_at;
        if at == Timestamp::default() {
            // Nothing ever happened: any day on which the register's present boards exist.
            return "9999-12-31".to_owned();
        }
        day_of(at)
    }

    fn tallies(&self) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.desk.register.len()];
        for brief in self.desk.intake.briefs.iter().filter(|b| self.may_see(b.class)) {
            if let Some(tally) = brief.board.and_then(|b| tallies.get_mut(b.index())) {
                tally.reports += 1;
                tally.hit_now += usize::from(brief.hit_now && brief.status.is_open());
            }
        }
        for (board, incidents) in &self.desk.incidents.by_board {
            let open = incidents.iter().map(|i| &self.desk.incidents.briefs[i.index()]);
            let open = open.filter(|b| self.may_see(b.class) && !b.gone && b.phase != Phase::Closed);
            if let Some(tally) = tallies.get_mut(board.index()) {
                tally.incidents_open = open.count();
            }
        }
        tallies
    }
}

fn row(board: &Board, tally: Tally) -> BoardRow {
    BoardRow {
        id: board.id,
        name: board.name.clone(),
        kind: board.kind,
        province: board.province.clone(),
        population: board.population,
        lat: board.lat,
        lon: board.lon,
        reports: tally.reports,
        hit_now: tally.hit_now,
        incidents_open: tally.incidents_open,
    }
}
