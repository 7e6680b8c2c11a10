//! People at the desk: what they do, through their lens, as the web would do it for them.

mod erasing;

use crate::machine::{Job, Machine, Reply};
use crate::model::Model;
use crate::random::Chance;
use crate::reader::draft;
use crate::world::PARTIES;
use desk::accounts::{self, Person, Preferences, Role};
use desk::command::{Actor, Command};
use desk::house::{Configured, Language};
use desk::ids::{AccountId, OrganisationId, ReportId, TEAM, TaskId, Timestamp};
use desk::incidents::{self, Change, Note, NoteKind, Pap, Phase, Severity};
use desk::intake::{self, Kind, Observable, Status, Verdict};
use desk::lens::{Leave, Lens, Tlp};
use desk::outbox;
use desk::register::{BoardId, Which};
use desk::sealed::Sealed;

/// Who works here: an administrator and two on duty of the team, one who only reads, and one of each of two other organisations.
const PEOPLE: [(u8, Role, &str); 6] = [
    (TEAM.0, Role::Admin, "ada"),
    (TEAM.0, Role::Duty, "bob"),
    (TEAM.0, Role::Duty, "cem"),
    (TEAM.0, Role::Reader, "dora"),
    (1, Role::Duty, "emir"),
    (2, Role::Duty, "fien"),
];
/// Acts that somebody may still want to take back.
const REMEMBERED_MAX: usize = 40;

/// The reason that is given for erasing what is past its term.
pub const PAST_TERM: &str = "termijn voorbij";

/// Number of people.
pub const COUNT: usize = PEOPLE.len();

/// What somebody did, as far as taking it back goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// Corrected what a report is about.
    Appraise,
    /// Decided a report.
    Decide,
    /// Decided many.
    DecideMany,
    /// Opened an incident.
    Open,
    /// Changed a field.
    Change(&'static str),
    /// Wrote a line, a task or an observable.
    Line,
    /// Set a task.
    Task,
    /// Brought a report to another incident.
    Move,
    /// Split an incident.
    Split,
    /// Merged an incident into another one.
    Merge,
    /// Took an act back.
    Undo(u64),
    /// Something that is not taken back this way.
    Other(&'static str),
}

/// What a person saw in the field of an incident that is to be changed: another value then is a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saw {
    /// Its severity.
    Severity(Option<Severity>),
    /// Its label.
    Tlp(Tlp),
    /// How far it is.
    Phase(Phase),
    /// Who leads.
    Lead(Option<AccountId>),
}

/// What somebody did.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// Who.
    pub who: AccountId,
    /// What.
    pub did: Did,
    /// What the person relied on, and in which incident.
    pub saw: Option<(usize, Saw)>,
}

/// Everybody at the desk, and what they remember.
#[derive(Default)]
pub struct People {
    /// Acts that were acknowledged: the fact, who, what.
    pub remembered: Vec<(u64, Act)>,
    stale: Vec<Leave<ReportId>>,
    notes: u32,
}

/// The first commands of a desk: first run, organisations, people.
pub fn first_steps(boards: bool) -> Vec<Job> {
    let configured = Configured {
        organisation: "Team".to_owned(),
        address: crate::world::ADDRESS.to_owned(),
        phone: Some("02 000 00 00".to_owned()),
        languages: vec![Language::Nl, Language::En],
        demo: false,
    };
    let mut commands = vec![Command::Configure(configured)];
    commands.extend(boards.then_some(Command::LoadRegister(Which::Demo)));
    commands.extend(["Partner", "Partij"].map(|name| Command::AddOrganisation { name: name.to_owned() }));
    commands.extend(PEOPLE.map(|(organisation, role, login)| {
        Command::Accounts(accounts::Command::Create {
            leave: None,
            organisation: OrganisationId(organisation),
            role,
            preferences: Preferences::default(),
            person: Person { login: login.to_owned(), name: login.to_owned(), password: "$argon2id$".to_owned() },
        })
    }));
    commands.into_iter().map(|command| Job { actor: Actor::Rule, command, reply: Reply::Nobody }).collect()
}

impl Saw {
    /// The value that a change gives, of the fields that are looked at.
    pub fn of(change: &Change) -> Option<Saw> {
        match change {
            Change::Severity(severity) => Some(Saw::Severity(*severity)),
            Change::Tlp(tlp) => Some(Saw::Tlp(*tlp)),
            Change::Phase(phase, _) => Some(Saw::Phase(*phase)),
            Change::Lead(lead) => Some(Saw::Lead(*lead)),
            _ => None,
        }
    }
}

impl People {
    /// An act was acknowledged, whose facts are these.
    pub fn remember(&mut self, seq: u64, act: Act) {
        if !matches!(act.did, Did::Other(_) | Did::Undo(_)) {
            self.remembered.push((seq, act));
            if self.remembered.len() > REMEMBERED_MAX {
                self.remembered.remove(0);
            }
        }
    }

    /// Somebody looks at the desk and does something, or finds nothing to do.
    pub fn act(&mut self, chance: &mut Chance, machine: &Machine, model: &Model, now: Timestamp) -> Option<Job> {
        let who = AccountId([0, 1, 1, 1, 2, 2, 2, 3, 4, 5][chance.below(10)]);
        if chance.permille(40) {
            return self.old_page(chance);
        }
        let lens = machine.desk.seen_by(machine.desk.viewer(who)?);
        if let Some(leave) = lens.admin().filter(|_| chance.permille(15)) {
            let gone = AccountId([2, 4, 5][chance.below(3)]);
            // Some were disabled by mistake.
            let (did, command) = match chance.permille(700) {
                true => ("disable", accounts::Command::Disable(leave, gone)),
                false => ("enable", accounts::Command::Enable(leave, gone)),
            };
            let (act, command) = (Act { who, did: Did::Other(did), saw: None }, Command::Accounts(command));
            return Some(Job { actor: Actor::Person(who), command, reply: Reply::Person(act) });
        }
        // Whoever has a list to work off, or a drill to record, does so rather than look around.
        let past_term = if lens.retention(now).due.is_empty() { 0 } else { 70 };
        let restore = if lens.admin().is_some() { 12 } else { 0 };
        let (did, command) = match chance.weighted(&[46, 60, 8, 36, past_term, restore]) {
            0 => self.on_report(chance, &lens, model, now)?,
            1 => self.on_incident(chance, &lens, model, now)?,
            2 => self.undo(chance, who)?,
            3 => erasing::erase(chance, &lens, model)?,
            4 => erasing::erase_past_term(chance, &lens, model, now)?,
            _ => erasing::test_restore(chance, &lens, now)?,
        };
        let saw = match &command {
            Command::Incidents(incidents::Command::Change { incident, expected: Some(expected), .. }) => {
                Saw::of(expected).map(|saw| (incident.id().index(), saw))
            }
            _ => None,
        };
        Some(Job { actor: Actor::Person(who), command, reply: Reply::Person(Act { who, did, saw }) })
    }

    fn undo(&mut self, chance: &mut Chance, who: AccountId) -> Option<(Did, Command)> {
        let mine: Vec<u64> = self.remembered.iter().filter(|(_, a)| a.who == who).map(|(seq, _)| *seq).collect();
        let of = *chance.pick(&mine)?;
        Some((Did::Undo(of), Command::Undo { by: who, of }))
    }

    /// A page is still open since long: its person may be gone, its report decided or erased.
    fn old_page(&mut self, chance: &mut Chance) -> Option<Job> {
        let leave = *chance.pick(&self.stale)?;
        let (did, command) = match chance.below(4) {
            0 => (Did::Other("claim"), intake::Command::Claim(leave)),
            1 => (Did::Decide, intake::Command::Decide(leave, Verdict::NoIncident)),
            2 => (Did::Other("reopen"), intake::Command::Reopen { report: leave, widen: false }),
            _ => {
                let text = self.text(chance);
                let draft = draft(chance, PARTIES[0].address, "Re: oud", &text, Vec::new());
                (Did::Other("reply"), intake::Command::Reply { report: leave, draft, ask: false })
            }
        };
        let act = Act { who: leave.by(), did, saw: None };
        Some(Job { actor: Actor::Person(leave.by()), command: Command::Intake(command), reply: Reply::Person(act) })
    }

    /// A report that somebody opens: mostly a recent one.
    fn report(&mut self, chance: &mut Chance, lens: &Lens<'_>, model: &Model) -> Option<(usize, Leave<ReportId>)> {
        let count = model.reports.len();
        let recent = if chance.permille(700) { 12 } else { count };
        let back = chance.below(count.min(recent));
        let report = count.checked_sub(1 + back)?;
        let leave = lens.report_leave(model.reports[report].reference)?;
        if chance.permille(100) {
            self.stale.push(leave);
        }
        Some((report, leave))
    }

    fn on_report(
        &mut self,
        chance: &mut Chance,
        lens: &Lens<'_>,
        model: &Model,
        now: Timestamp,
    ) -> Option<(Did, Command)> {
        let (mut report, mut leave) = self.report(chance, lens, model)?;
        let what = chance.weighted(&[8, 4, 8, 40, 4, 4, 5, 3, 8, 18, 34]);
        if matches!(what, 3 | 9) && chance.permille(800) {
            // Mostly one that waits for it.
            let waits = |n: &usize| !model.reports[*n].is_decided();
            report = *chance.pick(&(0..model.reports.len()).filter(waits).collect::<Vec<_>>())?;
            leave = lens.report_leave(model.reports[report].reference)?;
        }
        let kept = &model.reports[report];
        let other = Did::Other;
        let intake = |did, command| Some((did, Command::Intake(command)));
        match what {
            0 => intake(other("claim"), intake::Command::Claim(leave)),
            1 => intake(other("release"), intake::Command::Release(leave)),
            2 => intake(Did::Appraise, appraise(chance, leave, model)),
            3 => {
                let verdict = self.verdict(chance, lens, model)?;
                intake(Did::Decide, intake::Command::Decide(leave, verdict))
            }
            4 => {
                let mut leaves = vec![leave];
                leaves.extend((0..3).filter_map(|_| self.report(chance, lens, model)).map(|(_, leave)| leave));
                let verdict = self.verdict(chance, lens, model)?;
                intake(Did::DecideMany, intake::Command::DecideMany(leaves, verdict))
            }
            5 => intake(other("reopen"), intake::Command::Reopen { report: leave, widen: chance.permille(700) }),
            6 => {
                let until = now.plus_seconds(chance.between(-60, 40_000));
                intake(other("snooze"), intake::Command::Snooze(leave, until))
            }
            7 => intake(other("wake"), intake::Command::Wake(leave)),
            8 => {
                let ask = chance.permille(400);
                let to = PARTIES.get(chance.below(10)).map_or("", |p| p.address);
                let text = self.text(chance);
                let draft = draft(chance, to, &format!("Re: {}", kept.reference), &text, Vec::new());
                intake(other("reply"), intake::Command::Reply { report: leave, draft, ask })
            }
            10 => {
                // Mostly one that belongs to an incident.
                let belongs = |n: &usize| matches!(model.reports[*n].status, Status::Decided(Verdict::Incident { .. }));
                let those: Vec<usize> = (0..model.reports.len()).filter(belongs).collect();
                let of = chance.pick(&those).filter(|_| chance.permille(850)).copied().unwrap_or(report);
                let report = lens.report_leave(model.reports[of].reference)?;
                let to = lens.incident_leave(chance.pick(&model.incidents)?.reference)?;
                intake(Did::Move, intake::Command::Move { report, to, widen: chance.permille(700) })
            }
            _ => {
                let reports = if chance.permille(800) { vec![leave] } else { Vec::new() };
                self.open(chance, lens, model, reports)
            }
        }
    }

    fn verdict(&mut self, chance: &mut Chance, lens: &Lens<'_>, model: &Model) -> Option<Verdict> {
        Some(match chance.weighted(&[12, 4, 2, 5, 5]) {
            0 => {
                let kept = chance.pick(&model.incidents)?;
                Verdict::Incident { incident: lens.incident_id(kept.reference)?, opened: false }
            }
            1 => Verdict::FollowUp(lens.report_id(chance.pick(&model.reports)?.reference)?),
            2 => Verdict::Duplicate(lens.report_id(chance.pick(&model.reports)?.reference)?),
            3 => Verdict::NoIncident,
            _ => Verdict::Spam,
        })
    }

    /// Words that stand nowhere else.
    fn text(&mut self, chance: &mut Chance) -> String {
        self.notes += 1;
        let word = format!("ln{}q{:04x}", self.notes, chance.below(1 << 16));
        // Now and then somebody pastes a whole log.
        match chance.permille(3) {
            true => word.repeat(9_000 / word.len() * 10),
            false => word,
        }
    }

    fn open(
        &mut self,
        chance: &mut Chance,
        lens: &Lens<'_>,
        model: &Model,
        reports: Vec<Leave<ReportId>>,
    ) -> Option<(Did, Command)> {
        let by = lens.viewer().account;
        let tlp = Tlp::ALL[chance.weighted(&[1, 1, 12, 2, 2])];
        let boards =
            if model.boards && chance.permille(500) { vec![BoardId(chance.below(300) as u32)] } else { Vec::new() };
        let classes = if chance.permille(400) { vec!["malicious-code:ransomware".to_owned()] } else { Vec::new() };
        let title = self.text(chance).chars().take(100).collect();
        let severity = chance.permille(500).then_some(Severity::C4);
        let open = incidents::Command::Open { by, title, severity, tlp, since: None, boards, classes, reports };
        Some((Did::Open, Command::Incidents(open)))
    }

    fn on_incident(
        &mut self,
        chance: &mut Chance,
        lens: &Lens<'_>,
        model: &Model,
        now: Timestamp,
    ) -> Option<(Did, Command)> {
        let by = lens.viewer().account;
        if model.incidents.is_empty() || chance.permille(60) {
            return self.open(chance, lens, model, Vec::new());
        }
        let place = chance.below(model.incidents.len());
        let kept = &model.incidents[place];
        let incident = lens.incident_leave(kept.reference)?;
        let command = |did, command| Some((did, Command::Incidents(command)));
        let tlp = Tlp::ALL[chance.weighted(&[2, 2, 10, 3, 4])];
        match chance.weighted(&[26, 10, 5, 6, 3, 4, 3, 3, 4, 36, 5, 40]) {
            0 => {
                let (change, expected) = change(chance, lens, model, place);
                command(Did::Change(change.field()), incidents::Command::Change { incident, change, expected })
            }
            1 => {
                let note = Note { text: self.text(chance), why: String::new() };
                let event_at = chance.permille(300).then(|| now.plus_seconds(chance.between(-7200, 400)));
                let kind = if chance.permille(200) { NoteKind::Decision } else { NoteKind::Note };
                let certain = chance.permille(800);
                command(Did::Line, incidents::Command::Note { incident, kind, event_at, certain, tlp, note })
            }
            2 => {
                let assignee = chance.permille(400).then(|| AccountId(chance.below(COUNT) as u32));
                let (text, due) = (self.text(chance), chance.permille(500).then(|| now.plus_seconds(7200)));
                command(Did::Line, incidents::Command::AddTask { incident, text, assignee, due })
            }
            3 => {
                let task = TaskId(chance.below(kept.tasks.len().max(1)) as u32);
                command(Did::Task, incidents::Command::SetTask { incident, task, done: chance.permille(700) })
            }
            4 => {
                let value = format!("198.51.100.{}", chance.below(200));
                let observable = Observable { kind: "ipv4".to_owned(), value, ..Observable::default() };
                command(Did::Line, incidents::Command::Observe { incident, tlp, observable })
            }
            5 => {
                let to = PARTIES.get(chance.below(10)).map_or("", |p| p.address);
                let text = self.text(chance);
                let draft = draft(chance, to, &format!("Re: {}", kept.reference), &text, Vec::new());
                command(Did::Other("write"), incidents::Command::Reply { incident, draft })
            }
            6 => {
                let mine: Vec<usize> = kept.lines.iter().filter(|l| l.by == by).map(|l| l.entry).collect();
                let entry = desk::ids::EntryId(*chance.pick(&mine)? as u32);
                command(Did::Other("withdraw"), incidents::Command::Withdraw { incident, entry })
            }
            9 => {
                // Mostly one that goes its own way, into another such.
                let alone = |n: &usize| !model.incidents[*n].dropped && model.incidents[*n].merged.is_none();
                let alone: Vec<usize> = (0..model.incidents.len()).filter(alone).collect();
                let (from, into) = match chance.permille(850) {
                    true => (*chance.pick(&alone)?, *chance.pick(&alone)?),
                    false => (place, chance.below(model.incidents.len())),
                };
                let leave = |n: usize| lens.incident_leave(model.incidents[n].reference);
                let (incident, into) = (leave(from)?, leave(into)?);
                command(Did::Merge, incidents::Command::Merge { incident, into })
            }
            10 => command(Did::Other("part"), incidents::Command::Part(incident)),
            11 => {
                // Mostly one that has something to split off.
                let full = (0..model.incidents.len()).filter(|n| !model.reports_of(*n).is_empty()).collect::<Vec<_>>();
                let place = chance.pick(&full).filter(|_| chance.permille(850)).copied().unwrap_or(place);
                let incident = lens.incident_leave(model.incidents[place].reference)?;
                let mut reports = model.reports_of(place);
                reports.truncate(1 + chance.below(3));
                let leaves = reports.iter().filter_map(|r| lens.report_leave(model.reports[*r].reference));
                let (title, reports) = (self.text(chance).chars().take(100).collect(), leaves.collect());
                command(Did::Split, incidents::Command::Split { incident, title, reports })
            }
            7 => command(Did::Other("hold"), incidents::Command::Hold { incident, reason: "gerecht".to_owned() }),
            _ => command(Did::Other("lift"), incidents::Command::LiftHold { incident, reason: "gedaan".to_owned() }),
        }
    }

    /// Somebody looks at the outbox and has a mail tried again.
    pub fn retry(&mut self, chance: &mut Chance, machine: &Machine, model: &Model) -> Option<(usize, Job)> {
        let who = AccountId(chance.below(3) as u32);
        let lens = machine.desk.seen_by(machine.desk.viewer(who)?);
        let notice = chance.below(model.notices.len());
        let leave = lens.notice_leave(desk::ids::NoticeId(notice as u32))?;
        let (did, command) = match chance.permille(800) {
            true => ("retry", outbox::Command::Retry(leave)),
            false => ("withdraw", outbox::Command::Withdraw(leave)),
        };
        let (reply, command) = (Reply::Person(Act { who, did: Did::Other(did), saw: None }), Command::Outbox(command));
        Some((notice, Job { actor: Actor::Person(who), command, reply }))
    }
}

fn appraise(chance: &mut Chance, report: Leave<ReportId>, model: &Model) -> intake::Command {
    let kind = chance.permille(500).then(|| Kind::ALL[chance.below(Kind::ALL.len())]);
    let hit_now = chance.permille(400).then(|| chance.permille(500));
    let board =
        (model.boards && chance.permille(300)).then(|| chance.permille(800).then(|| BoardId(chance.below(310) as u32)));
    intake::Command::Appraise { report, kind, hit_now, board }
}

/// A new value of a field, and what the person saw there: now and then something older.
fn change(chance: &mut Chance, lens: &Lens<'_>, model: &Model, incident: usize) -> (Change, Option<Change>) {
    let kept = &model.incidents[incident];
    let account = AccountId(chance.below(COUNT) as u32);
    let organisation = OrganisationId(chance.between(0, 3) as u8);
    let saw = |chance: &mut Chance, now: Change, old: Change| {
        let expected = if chance.permille(850) { now } else { old };
        chance.permille(700).then_some(expected)
    };
    match chance.weighted(&[6, 8, 10, 3, 8, 5, 5, 14, 8, 4]) {
        0 => (Change::Title(Sealed::Open(format!("titel {}", chance.below(1000)))), None),
        1 => {
            let new = Change::Severity(Some(Severity::ALL[chance.below(6)]));
            (new, saw(chance, Change::Severity(kept.severity), Change::Severity(Some(Severity::C1))))
        }
        2 => {
            let new = Change::Tlp(Tlp::ALL[chance.weighted(&[2, 2, 10, 4, 6])]);
            (new, saw(chance, Change::Tlp(kept.tlp), Change::Tlp(Tlp::Green)))
        }
        3 => (Change::Pap(Pap::ALL[chance.below(4)]), None),
        4 => {
            let reason = Sealed::Open(format!("reden {}", chance.below(1000)));
            let new = Change::Phase(Phase::ALL[chance.below(6)], reason);
            let now = Change::Phase(kept.phase, Sealed::Open(String::new()));
            (new, saw(chance, now, Change::Phase(Phase::Recovery, Sealed::Erased)))
        }
        5 => {
            let new = Change::Lead(chance.permille(800).then_some(account));
            (new, saw(chance, Change::Lead(kept.lead), Change::Lead(None)))
        }
        6 => (Change::Class("availability:dos".to_owned(), chance.permille(600)), None),
        7 => (Change::Organisation(organisation, chance.permille(750)), None),
        8 => (Change::Person(account, chance.permille(700)), None),
        _ if model.boards => (Change::Board(BoardId(chance.below(310) as u32), chance.permille(700)), None),
        _ => (Change::Lead(Some(lens.viewer().account)), None),
    }
}
