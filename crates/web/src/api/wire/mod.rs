//! What goes over the wire, and how it is made from what a lens shows.

mod house;
mod incident;
mod report;

pub(super) use house::*;
pub(super) use incident::*;
pub(super) use report::*;

use super::schema::{Key, Moment, wire};
use desk::Desk;
use desk::accounts::Role;
use desk::ids::{Reference, Timestamp};
use desk::lens::Tlp;
use desk::outbox::{NoticeView, Purpose, StandingKey};
use desk::register::{BoardId, BoardView};
use desk::view;

wire! {
    /// A board, by its statistical code and name.
    out struct Board {
        /// Statistical code (REFNIS), five digits.
        refnis: String,
        /// Its name.
        name: String,
    }

    /// Who did something.
    out struct Who {
        /// The account; null: Bolwerk itself, by a rule.
        account: Option<u32>,
        /// The person's name; null when erased.
        name: Option<String>,
        /// The person's organisation.
        organisation: Option<String>,
    }

    /// Who may see a thing.
    out struct SeenBy {
        /// The label.
        tlp: Tlp,
        /// Organisations addressed.
        organisations: Vec<String>,
        /// Under RED, the named persons; null for a name that was erased.
        persons: Vec<Option<String>>,
        /// Organisations of this desk that do not see it; told to the team alone.
        not: Vec<String>,
    }

    /// A proposal's reason.
    out struct Reason {
        /// Which reason.
        key: String,
        /// What was met: the word, the domain, the address.
        found: String,
    }

    /// An act was carried out, durably.
    out struct Done {
        /// The report or incident that it was done to.
        reference: Option<Reference>,
        /// When it was recorded.
        at: Moment,
        /// Give this to `POST /api/v1/undo` to take it back; null when nothing had to change.
        undo: Option<String>,
    }

    /// A mail that leaves, or left.
    out struct Notice {
        /// Its one Message-ID, without angle brackets; names it in `/outbox/{message_id}/retry`.
        message_id: String,
        /// Whose conversation it belongs to.
        reference: Reference,
        /// To whom; null when erased.
        to: Option<String>,
        /// Subject; null when erased.
        subject: Option<String>,
        /// Text; null when erased.
        text: Option<String>,
        /// Why.
        purpose: Purpose,
        /// Who wrote it.
        who: Who,
        /// Where it stands.
        standing: Key<StandingKey>,
        /// When it came to stand there.
        standing_at: Option<Moment>,
        /// The next try.
        next_at: Option<Moment>,
        /// The report that it came back as.
        bounce: Option<Reference>,
        /// Tries made.
        tries: u32,
        /// What the next hop said last.
        last_said: Option<String>,
        /// When it was written.
        at: Moment,
        /// The connection broke between the end of the mail and the answer: it may arrive twice.
        unsure: bool,
    }

    /// How many mails stand where.
    out struct OutboxCounts {
        /// Not tried yet.
        waiting: usize,
        /// Tried without success so far.
        retrying: usize,
        /// Taken by the next hop.
        sent: usize,
        /// Not delivered.
        failed: usize,
        /// Came back.
        bounced: usize,
        /// Taken back before they left.
        withdrawn: usize,
    }

    /// A page of mails, the newest first.
    out struct OutboxPage {
        /// The mails.
        rows: Vec<Notice>,
        /// Give this as `after` for the next page; null at the end.
        next: Option<String>,
        /// How many stand where, of all that may be seen.
        counts: OutboxCounts,
    }

    /// A board in a list.
    out struct BoardRow {
        /// Statistical code (REFNIS), five digits.
        refnis: String,
        /// Its name.
        name: String,
        /// What kind of legal person.
        kind: String,
        /// Province.
        province: String,
        /// Inhabitants.
        population: u32,
        /// Latitude of its centre, WGS84 degrees.
        lat: f64,
        /// Longitude of its centre, WGS84 degrees.
        lon: f64,
        /// Reports that may be seen.
        reports: usize,
        /// Of these, hit now and undecided.
        hit_now: usize,
        /// Open incidents that may be seen.
        incidents_open: usize,
    }

    /// Boards under a filter, by name.
    out struct BoardPage {
        /// The boards.
        rows: Vec<BoardRow>,
        /// Give this as `after` for the next page; null at the end.
        next: Option<String>,
        /// How many there are under the filter.
        total: usize,
    }

    /// A board with everything around it. Source of the register: Statbel (CC BY 4.0).
    out struct BoardWhole {
        /// Statistical code (REFNIS), five digits.
        refnis: String,
        /// Its name.
        name: String,
        /// What kind of legal person.
        kind: String,
        /// Province.
        province: String,
        /// Inhabitants.
        population: u32,
        /// First day of its existence as far as the register knows, ISO 8601.
        valid_from: String,
        /// Last day, ISO 8601; null: it exists.
        valid_to: Option<String>,
        /// Into which it merged.
        successors: Vec<Board>,
        /// Boards that merged into it.
        predecessors: Vec<Board>,
        /// Other names.
        former_names: Vec<String>,
        /// Mail domains known to be its own.
        domains: Vec<String>,
        /// Boards with a common border.
        neighbours: Vec<Board>,
        /// Reports about it, the newest first.
        reports: Vec<Report>,
        /// How many there are.
        reports_total: usize,
        /// Incidents, what changed last first.
        incidents: Vec<Incident>,
        /// How many there are.
        incidents_total: usize,
    }

    /// Something found.
    out struct Hit {
        /// `report`, `incident`, `board` or `observable`.
        kind: String,
        /// Its reference; boards and observables have none.
        reference: Option<Reference>,
        /// The board.
        board: Option<Board>,
        /// Title, subject, name or value; null when erased.
        title: Option<String>,
        /// Whom it is from, or whom it concerns; empty when nobody knows.
        who: String,
        /// First words.
        snippet: String,
        /// Its label; boards and observables have none.
        tlp: Option<Tlp>,
        /// When it came or changed.
        at: Option<Moment>,
        /// Where it met the question: the field as key, and what was met.
        why: Vec<Reason>,
    }

    /// A count.
    out struct Count {
        /// Of what.
        key: String,
        /// How many.
        count: usize,
    }

    /// A word that was read as another one.
    out struct Corrected {
        /// As typed.
        typed: String,
        /// As read.
        read_as: String,
    }

    /// What a search found, the best first.
    out struct Found {
        /// The hits.
        rows: Vec<Hit>,
        /// Give this as `after` for the next page; null at the end.
        next: Option<String>,
        /// How many there are.
        total: usize,
        /// By kind, of those with the state that was asked for.
        kinds: Vec<Count>,
        /// Reports by status and incidents by phase, of the kind that was asked for.
        states: Vec<Count>,
        /// Words that were read as others, because nothing bears the ones typed.
        corrected: Vec<Corrected>,
    }

    /// A colleague.
    out struct Person {
        /// The account.
        account: u32,
        /// Name; null when erased.
        name: Option<String>,
        /// What it may do.
        role: Role,
        /// Its organisation.
        organisation: String,
        /// May not sign in any more.
        disabled: bool,
    }

    /// Colleagues of one's own organisation; the team sees everybody.
    out struct People {
        /// The colleagues.
        rows: Vec<Person>,
    }

    /// An organisation that works on this desk.
    out struct Organisation {
        /// Its number; 0 is the team.
        number: u32,
        /// Its name.
        name: String,
    }

    /// Organisations of this desk.
    out struct Organisations {
        /// The organisations.
        rows: Vec<Organisation>,
    }

    /// In whose name a token acts.
    out struct Me {
        /// The account.
        account: u32,
        /// Its name; null when erased.
        name: Option<String>,
        /// What it may do.
        role: Role,
        /// Its organisation's number; 0 is the team.
        organisation: u32,
        /// The team whose desk this is.
        house: String,
        /// The one address.
        address: Option<String>,
        /// Everything here is invented.
        demo: bool,
    }
}

/// A statistical code as it is written.
pub(super) fn refnis(code: u32) -> String {
    format!("{code:05}")
}

pub(super) fn moment(at: Option<Timestamp>) -> Option<Moment> {
    at.map(Moment)
}

impl Board {
    pub(super) fn of(desk: &Desk, board: BoardId) -> Option<Board> {
        desk.register().get(board).map(|b| Board { refnis: refnis(b.refnis), name: b.name.clone() })
    }

    fn links(desk: &Desk, links: &[view::BoardLink]) -> Vec<Board> {
        links.iter().filter_map(|l| Board::of(desk, l.id)).collect()
    }
}

impl From<view::Who> for Who {
    fn from(who: view::Who) -> Who {
        match who {
            view::Who::Rule => Who { account: None, name: None, organisation: None },
            view::Who::Person { account, name, organisation } => {
                Who { account: Some(account.0), name, organisation: Some(organisation) }
            }
        }
    }
}

impl From<view::SeenBy> for SeenBy {
    fn from(seen: view::SeenBy) -> SeenBy {
        let view::SeenBy { tlp, organisations, persons, not } = seen;
        SeenBy { tlp, organisations, persons, not }
    }
}

impl From<desk::intake::Reason> for Reason {
    fn from(reason: desk::intake::Reason) -> Reason {
        Reason { key: reason.key, found: reason.found }
    }
}

impl From<NoticeView> for Notice {
    fn from(view: NoticeView) -> Notice {
        Notice {
            message_id: view.message_id,
            reference: view.reference,
            to: view.to,
            subject: view.subject,
            text: view.text,
            purpose: view.purpose,
            who: view.who.into(),
            standing: Key::new(view.standing.key()),
            standing_at: moment(view.standing_at),
            next_at: moment(view.next_at),
            bounce: view.bounce,
            tries: view.tries,
            last_said: view.last_said,
            at: Moment(view.at),
            unsure: view.unsure,
        }
    }
}

impl BoardRow {
    pub(super) fn of(desk: &Desk, row: desk::register::BoardRow) -> BoardRow {
        BoardRow {
            refnis: desk.register().get(row.id).map_or_else(String::new, |b| refnis(b.refnis)),
            name: row.name,
            kind: row.kind.key().to_owned(),
            province: row.province,
            population: row.population,
            lat: row.lat,
            lon: row.lon,
            reports: row.reports,
            hit_now: row.hit_now,
            incidents_open: row.incidents_open,
        }
    }
}

impl BoardWhole {
    pub(super) fn of(desk: &Desk, view: BoardView) -> BoardWhole {
        let board = view.board;
        BoardWhole {
            refnis: refnis(board.refnis),
            name: board.name,
            kind: board.kind.key().to_owned(),
            province: board.province,
            population: board.population,
            valid_from: board.valid_from,
            valid_to: board.valid_to,
            successors: Board::links(desk, &view.successors),
            predecessors: Board::links(desk, &view.predecessors),
            former_names: board.former_names,
            domains: board.domains,
            neighbours: Board::links(desk, &view.neighbours),
            reports: view.reports.into_iter().map(|r| Report::of(desk, r)).collect(),
            reports_total: view.reports_total,
            incidents: view.incidents.into_iter().map(Incident::from).collect(),
            incidents_total: view.incidents_total,
        }
    }
}

impl From<desk::accounts::PersonRow> for Person {
    fn from(row: desk::accounts::PersonRow) -> Person {
        let desk::accounts::PersonRow { account, name, role, organisation, disabled, login: _ } = row;
        Person { account: account.0, name, role, organisation, disabled }
    }
}
