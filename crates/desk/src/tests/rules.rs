//! What people may do, what is refused, and what can be taken back.

use crate::accounts::{self, Role};
use crate::command::{Actor, Command, Refusal};
use crate::house::Configured;
use crate::ids::{AccountId, OrganisationId, Reference};
use crate::incidents::{self, Change, Note, NoteKind, Phase, Severity};
use crate::intake::{self, Kind, QueueFilter, Status, Verdict};
use crate::lens::{Leave, Tlp};
use crate::register::{BoardId, Which};
use crate::sealed::Sealed;
use crate::testing::{Mail, Story, digest};

fn question<'a>() -> Mail<'a> {
    Mail { subject: "vraag over punt 7", text: "Geldt punt 7 ook voor ons?", ..Mail::default() }
}

fn decide(story: &Story, by: AccountId, reference: Reference, verdict: Verdict) -> Command {
    Command::Intake(intake::Command::Decide(story.report(by, reference), verdict))
}

#[test]
fn each_verdict_is_decided_once_and_undone_once() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let first = story.mail(&question());
    let of = story.desk.report_of(first).expect("it is there");
    for verdict in [Verdict::NoIncident, Verdict::Spam, Verdict::Duplicate(of), Verdict::FollowUp(of)] {
        let reference = story.mail(&question());
        let command = decide(&story, duty, reference, verdict);
        story.act(duty, command.clone());
        let seq = story.last_seq();
        let view = story.lens(duty).report(reference).expect("seen");
        assert_eq!((view.row.status, view.undo), (Status::Decided(verdict), Some(seq)));
        assert_eq!(story.lens(colleague).report(reference).and_then(|v| v.undo), None);
        assert_eq!(story.submit(Actor::Person(duty), command), Err(Refusal::TooLate { why: "decided" }));
        let other = story.submit(Actor::Person(colleague), Command::Undo { by: colleague, of: seq });
        assert_eq!(other, Err(Refusal::NotFound));
        let disguised = story.submit(Actor::Person(colleague), Command::Undo { by: duty, of: seq });
        assert_eq!(disguised, Err(Refusal::NotFound));
        story.act(duty, Command::Undo { by: duty, of: seq });
        assert_eq!(story.lens(duty).report(reference).map(|v| v.row.status), Some(Status::New));
        let twice = story.submit(Actor::Person(duty), Command::Undo { by: duty, of: seq });
        assert_eq!(twice, Err(Refusal::TooLate { why: "undone" }));
    }
}

#[test]
fn an_undo_that_comes_late_does_not_take_back_what_somebody_else_decided_since() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let reference = story.mail(&question());
    let command = decide(&story, duty, reference, Verdict::Spam);
    story.act(duty, command);
    let seq = story.last_seq();
    let leave = story.report(colleague, reference);
    story.act(colleague, Command::Intake(intake::Command::Reopen { report: leave, widen: false }));
    let command = decide(&story, colleague, reference, Verdict::NoIncident);
    story.act(colleague, command);
    let late = story.submit(Actor::Person(duty), Command::Undo { by: duty, of: seq });
    assert_eq!(late, Err(Refusal::TooLate { why: "undone" }));
    assert_eq!(story.lens(duty).report(reference).map(|v| v.row.status.key()), Some("no_incident"));
}

#[test]
fn many_decided_by_one_act_are_undone_by_one_act() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let references: Vec<Reference> = (0..20).map(|_| story.mail(&question())).collect();
    let command = decide(&story, colleague, references[3], Verdict::NoIncident);
    story.act(colleague, command);
    let leaves: Vec<Leave<_>> = references.iter().chain(&references[..2]).map(|r| story.report(duty, *r)).collect();
    let before = story.last_seq();
    story.act(duty, Command::Intake(intake::Command::DecideMany(leaves, Verdict::Spam)));
    assert_eq!(story.last_seq() - before, 19, "the one that was decided, and those named twice, are passed over");
    let seq = story.last_seq();
    // One of them is judged again by somebody: it stays as it is then.
    let leave = story.report(colleague, references[5]);
    story.act(colleague, Command::Intake(intake::Command::Reopen { report: leave, widen: false }));
    let command = decide(&story, colleague, references[5], Verdict::NoIncident);
    story.act(colleague, command);
    let view = story.lens(duty).report(references[0]).expect("seen");
    assert_eq!((view.undo.is_some(), view.undo_others), (true, 17));
    story.act(duty, Command::Undo { by: duty, of: seq });
    let status = |n: usize| story.lens(duty).report(references[n]).map(|v| v.row.status.key());
    assert_eq!(
        (status(0), status(3), status(5), status(19)),
        (Some("new"), Some("no_incident"), Some("no_incident"), Some("new"))
    );
    let again = story.submit(Actor::Person(duty), Command::Undo { by: duty, of: seq });
    assert_eq!(again, Err(Refusal::TooLate { why: "undone" }));
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn a_restore_that_was_tested_is_said_by_an_administrator_and_shown_to_the_team() {
    let mut story = Story::new();
    let (admin, duty) = (story.admin, story.duty);
    assert_eq!(story.lens(duty).admin(), None);
    let leave = story.lens(admin).admin().expect("an administrator");
    let say = |backup: &str, made_at| Command::TestRestore { leave, backup: backup.to_owned(), made_at };
    let now = story.now;
    let later = story.submit(Actor::Person(admin), say("b.age", now.plus_seconds(60)));
    assert_eq!(later, Err(Refusal::Invalid { field: "made-at", why: "future" }));
    let nameless = story.submit(Actor::Person(admin), say(" ", now));
    assert_eq!(nameless, Err(Refusal::Invalid { field: "backup", why: "length" }));
    story.act(admin, say("b.age", now.plus_seconds(-3600)));
    let rows = story.lens(duty).restore_tests();
    assert_eq!(rows.iter().map(|r| (r.backup.as_str(), r.at)).collect::<Vec<_>>(), [("b.age", now)]);
    assert!(story.lens(story.outsider).restore_tests().is_empty());
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn too_many_at_once_are_refused() {
    let mut story = Story::new();
    let duty = story.duty;
    let reference = story.mail(&question());
    let leaves = vec![story.report(duty, reference); 501];
    let many = story.submit(Actor::Person(duty), Command::Intake(intake::Command::DecideMany(leaves, Verdict::Spam)));
    assert_eq!(many, Err(Refusal::Invalid { field: "reports", why: "too-many" }));
}

#[test]
fn claims_are_taken_over_and_let_go() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let reference = story.mail(&question());
    let (mine, theirs) = (story.report(duty, reference), story.report(colleague, reference));
    let who = |story: &Story| story.lens(duty).report(reference).and_then(|v| v.row.claimed_by);
    story.act(duty, Command::Intake(intake::Command::Claim(mine)));
    let before = story.last_seq();
    story.act(duty, Command::Intake(intake::Command::Claim(mine)));
    assert_eq!(story.last_seq(), before, "it is so already");
    story.act(colleague, Command::Intake(intake::Command::Claim(theirs)));
    assert_eq!(who(&story), Some("Naam duty2".to_owned()));
    let filter = QueueFilter { mine: true, ..QueueFilter::default() };
    assert_eq!(story.lens(colleague).queue(story.now, &filter).judge.len(), 1);
    assert_eq!(story.lens(duty).queue(story.now, &filter).judge.len(), 0);
    story.act(duty, Command::Intake(intake::Command::Release(mine)));
    assert_eq!(who(&story), None);
}

#[test]
fn a_corrected_board_is_learned_for_the_next_message() {
    let mut story = Story::new();
    let duty = story.duty;
    let mail =
        Mail { from: "an@privemail.example", subject: "vraag", text: "Geldt punt 7 ook voor ons?", ..Mail::default() };
    let (first, second) = (story.mail(&mail), story.mail(&mail));
    let board = |name: &str| story.desk.register().find(name);
    let (libelrode, marterbeek) = (board("Libelrode"), board("Marterbeek"));
    let set = |story: &mut Story, reference, board| {
        let report = story.report(duty, reference);
        let appraise = intake::Command::Appraise { report, kind: None, hit_now: None, board: Some(board) };
        story.act(duty, Command::Intake(appraise));
    };
    let guessed = |story: &mut Story| {
        let reference = story.mail(&mail);
        let row = story.lens(duty).report(reference).expect("seen").row;
        (row.board_id, row.board_certain)
    };
    assert_eq!(guessed(&mut story), (None, false));
    set(&mut story, first, libelrode);
    assert_eq!(guessed(&mut story), (libelrode, true));
    // A slip on the same report is mended, not held against the sender.
    set(&mut story, first, marterbeek);
    assert_eq!(guessed(&mut story), (marterbeek, true));
    // Another report of the same sender about another board: the address writes for several.
    set(&mut story, second, libelrode);
    assert_eq!(guessed(&mut story), (None, false));
}

#[test]
fn an_opinion_is_corrected_and_taken_back() {
    let mut story = Story::new();
    let duty = story.duty;
    let reference = story.mail(&question());
    let report = story.report(duty, reference);
    let appraise = |kind, hit_now, board| Command::Intake(intake::Command::Appraise { report, kind, hit_now, board });
    story.act(duty, appraise(Some(Kind::Incident), Some(true), None));
    assert_eq!(story.lens(duty).queue(story.now, &QueueFilter::default()).call.len(), 1);
    let of = story.lens(duty).report(reference).and_then(|v| v.undo).expect("it can be taken back");
    story.act(duty, Command::Undo { by: duty, of });
    assert_eq!(story.lens(duty).queue(story.now, &QueueFilter::default()).call.len(), 0);
    let unknown = story.submit(Actor::Person(duty), appraise(None, None, Some(Some(BoardId(9999)))));
    assert_eq!(unknown, Err(Refusal::Invalid { field: "board", why: "unknown" }));
}

#[test]
fn conversations_do_not_bite_their_tails() {
    let mut story = Story::new();
    let duty = story.duty;
    let (a, b) = (story.mail(&question()), story.mail(&question()));
    let id = |r| story.desk.report_of(r).expect("it is there");
    let (of_a, of_b) = (id(a), id(b));
    let command = decide(&story, duty, a, Verdict::Duplicate(of_b));
    story.act(duty, command);
    let circle = decide(&story, duty, b, Verdict::FollowUp(of_a));
    assert_eq!(story.submit(Actor::Person(duty), circle), Err(Refusal::Invalid { field: "of", why: "circle" }));
    let itself = decide(&story, duty, b, Verdict::Duplicate(of_b));
    assert_eq!(story.submit(Actor::Person(duty), itself), Err(Refusal::Invalid { field: "of", why: "itself" }));
}

#[test]
fn an_incident_opened_by_mistake_goes_while_nothing_else_happened_to_it() {
    let mut story = Story::new();
    let duty = story.duty;
    let (a, b) = (story.mail(&question()), story.mail(&question()));
    let incident = story.open(duty, "Vergissing", &[a, b]);
    let of = story.last_seq();
    story.act(duty, Command::Undo { by: duty, of });
    let status = |story: &Story, r| story.lens(duty).report(r).map(|v| v.row.status);
    assert_eq!((status(&story, a), status(&story, b)), (Some(Status::New), Some(Status::New)));
    assert_eq!(
        story.lens(duty).incidents(&incidents::IncidentFilter { all: true, ..Default::default() }, None, 10).total,
        0
    );
    assert!(story.lens(duty).incident(incident).is_some_and(|v| v.dropped), "its address still says what became of it");
    let into = Verdict::Incident { incident: story.lens(duty).incident_id(incident).expect("seen"), opened: false };
    let command = decide(&story, duty, a, into);
    assert_eq!(story.submit(Actor::Person(duty), command), Err(Refusal::TooLate { why: "dropped" }));

    let second = story.open(duty, "Echt", &[a]);
    let of = story.last_seq();
    story.wait(1);
    let work = story.incident(duty, second);
    story.act(
        duty,
        Command::Incidents(incidents::Command::Change {
            incident: work,
            change: Change::Severity(Some(Severity::C1)),
            expected: None,
        }),
    );
    let late = story.submit(Actor::Person(duty), Command::Undo { by: duty, of });
    assert_eq!(late, Err(Refusal::TooLate { why: "worked-on" }));
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn fields_are_saved_one_by_one_and_never_silently_overwritten() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let reference = story.mail(&question());
    let incident = story.open(duty, "Een", &[reference]);
    story.wait(1);
    let change = |by, story: &Story, change, expected| {
        Command::Incidents(incidents::Command::Change { incident: story.incident(by, incident), change, expected })
    };
    let title = |text: &str| Change::Title(Sealed::Open(text.to_owned()));
    let command = change(duty, &story, title("Twee"), Some(title("Een")));
    story.act(duty, command);
    let mine = story.last_seq();
    let stale = change(colleague, &story, title("Drie"), Some(title("Een")));
    assert_eq!(story.submit(Actor::Person(colleague), stale), Err(Refusal::Conflict { field: "title" }));
    let command = change(colleague, &story, title("Drie"), Some(title("Twee")));
    story.act(colleague, command);
    let late = story.submit(Actor::Person(duty), Command::Undo { by: duty, of: mine });
    assert_eq!(late, Err(Refusal::TooLate { why: "changed" }));
    // The phase is compared by itself: its reason is no part of what somebody saw.
    let phase = |phase, reason: &str| Change::Phase(phase, Sealed::Open(reason.to_owned()));
    let command = change(duty, &story, phase(Phase::Confirmed, "gezien"), Some(phase(Phase::Reported, "")));
    story.act(duty, command);
    let command = change(duty, &story, phase(Phase::Contained, "dicht"), Some(phase(Phase::Confirmed, "anders")));
    story.act(duty, command);
    for (bad, field) in [
        (title("  "), "title"),
        (title(&"x".repeat(201)), "title"),
        (Change::Class(String::new(), true), "class"),
        (Change::Board(BoardId(9999), true), "board"),
        (Change::Organisation(OrganisationId(9), true), "organisation"),
        (Change::Organisation(OrganisationId(0), false), "organisation"),
        (Change::Lead(Some(AccountId(99))), "lead"),
        (Change::Lead(Some(story.outsider)), "lead"),
        (Change::Person(AccountId(99), true), "person"),
    ] {
        let command = change(duty, &story, bad, None);
        let refused = story.submit(Actor::Person(duty), command);
        assert!(matches!(refused, Err(Refusal::Invalid { field: f, .. }) if f == field), "{field}: {refused:?}");
    }
}

#[test]
fn a_line_is_taken_back_by_its_writer_alone() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let reference = story.mail(&question());
    let incident = story.open(duty, "Een", &[reference]);
    story.wait(1);
    let work = story.incident(duty, incident);
    let note = Note { text: "Verkeerd dossier: geheimpje".to_owned(), why: String::new() };
    let command = incidents::Command::Note {
        incident: work,
        kind: NoteKind::Note,
        event_at: None,
        certain: true,
        tlp: Tlp::Amber,
        note,
    };
    story.act(duty, Command::Incidents(command));
    let entry = story.lens(duty).incident(incident).expect("seen").timeline[0].entry;
    let theirs = story.incident(colleague, incident);
    let withdraw = |incident| Command::Incidents(incidents::Command::Withdraw { incident, entry });
    assert_eq!(story.submit(Actor::Person(colleague), withdraw(theirs)), Err(Refusal::Forbidden));
    story.act(duty, withdraw(work));
    let line = story.lens(colleague).incident(incident).expect("seen").timeline[0].clone();
    assert!(line.withdrawn.is_some());
    assert_eq!(line.what, incidents::LineView::Noted(NoteKind::Note, None));
    assert_eq!(story.lens(duty).search("geheimpje", 0, 10).total, 0);
    assert_eq!(story.submit(Actor::Person(duty), withdraw(work)), Err(Refusal::TooLate { why: "undone" }));
}

#[test]
fn tasks_are_done_open_again_and_only_for_people_who_see_them() {
    let mut story = Story::new();
    let duty = story.duty;
    let reference = story.mail(&question());
    let incident = story.open(duty, "Een", &[reference]);
    story.wait(1);
    let work = story.incident(duty, incident);
    let add = |assignee| {
        Command::Incidents(incidents::Command::AddTask { incident: work, text: "Bel".to_owned(), assignee, due: None })
    };
    let blind = story.submit(Actor::Person(duty), add(Some(story.outsider)));
    assert_eq!(blind, Err(Refusal::Invalid { field: "assignee", why: "cannot-see" }));
    story.act(duty, add(Some(story.colleague)));
    let task = story.lens(duty).incident(incident).expect("seen").tasks[0].task;
    let set = |done| Command::Incidents(incidents::Command::SetTask { incident: work, task, done });
    story.act(duty, set(true));
    let of = story.last_seq();
    assert_eq!(story.lens(duty).incident(incident).expect("seen").row.tasks_open, 0);
    story.act(duty, Command::Undo { by: duty, of });
    assert_eq!(story.lens(duty).incident(incident).expect("seen").row.tasks_open, 1);
    let missing =
        Command::Incidents(incidents::Command::SetTask { incident: work, task: crate::ids::TaskId(9), done: true });
    assert_eq!(story.submit(Actor::Person(duty), missing), Err(Refusal::NotFound));
}

#[test]
fn readers_hold_no_leave_and_one_that_outlived_its_rights_is_refused() {
    let mut story = Story::new();
    let (admin, duty) = (story.admin, story.duty);
    let reference = story.mail(&question());
    let incident = story.open(duty, "Een", &[reference]);
    let reader = story.lens(story.reader);
    assert!(reader.report(reference).is_some_and(|v| v.leave.is_none() && v.similar.is_empty()));
    assert!(reader.incident(incident).is_some_and(|v| v.leave.is_none()));
    assert!(
        reader.report_leave(reference).is_none()
            && reader.incident_leave(incident).is_none()
            && reader.admin().is_none()
    );
    let open = |by| {
        Command::Incidents(incidents::Command::Open {
            by,
            title: "Nee".to_owned(),
            severity: None,
            tlp: Tlp::Amber,
            since: None,
            boards: Vec::new(),
            classes: Vec::new(),
            reports: Vec::new(),
        })
    };
    assert_eq!(story.submit(Actor::Person(story.reader), open(story.reader)), Err(Refusal::Forbidden));
    let (report, work) = (story.report(duty, reference), story.incident(duty, incident));
    let leave = story.lens(admin).admin().expect("an administrator");
    story.act(admin, Command::Accounts(accounts::Command::Disable(leave, duty)));
    let claim = story.submit(Actor::Person(duty), Command::Intake(intake::Command::Claim(report)));
    assert_eq!(claim, Err(Refusal::Forbidden));
    let hold = incidents::Command::Hold { incident: work, reason: "gerecht".to_owned() };
    assert_eq!(story.submit(Actor::Person(duty), Command::Incidents(hold)), Err(Refusal::Forbidden));
}

#[test]
fn accounts_and_settings_are_for_administrators_of_the_team() {
    let mut story = Story::new();
    let (admin, duty) = (story.admin, story.duty);
    let configure = Command::Configure(Configured {
        organisation: "Anders".to_owned(),
        address: "a@b.be".to_owned(),
        ..Configured::default()
    });
    assert_eq!(story.submit(Actor::Person(duty), configure.clone()), Err(Refusal::Forbidden));
    story.act(admin, configure);
    let add = Command::AddOrganisation { name: "VVSG".to_owned() };
    assert_eq!(story.submit(Actor::Person(duty), add), Err(Refusal::Forbidden));
    let other = story.submit(Actor::Person(admin), Command::LoadRegister(Which::Flanders));
    assert_eq!(other, Err(Refusal::TooLate { why: "register-loaded" }));
    let person = accounts::Person { login: "nieuw".to_owned(), name: "Nieuw".to_owned(), password: String::new() };
    let create = |leave, role, organisation| {
        Command::Accounts(accounts::Command::Create {
            leave,
            organisation,
            role,
            preferences: Default::default(),
            person: person.clone(),
        })
    };
    let own = story.lens(duty).own();
    assert_eq!(
        story.submit(Actor::Person(duty), create(Some(own), Role::Admin, OrganisationId(0))),
        Err(Refusal::Forbidden)
    );
    assert_eq!(
        story.submit(Actor::Person(duty), create(None, Role::Admin, OrganisationId(0))),
        Err(Refusal::Forbidden)
    );
    let leave = story.lens(admin).admin();
    let nowhere = story.submit(Actor::Person(admin), create(leave, Role::Duty, OrganisationId(9)));
    assert_eq!(nowhere, Err(Refusal::Invalid { field: "organisation", why: "unknown" }));
    story.act(admin, create(leave, Role::Duty, OrganisationId(0)));
    let twice = story.submit(Actor::Person(admin), create(leave, Role::Duty, OrganisationId(0)));
    assert_eq!(twice, Err(Refusal::Invalid { field: "login", why: "taken" }));
    let last = Command::Accounts(accounts::Command::Disable(leave.expect("an administrator"), admin));
    assert_eq!(story.submit(Actor::Person(admin), last), Err(Refusal::Invalid { field: "account", why: "last-admin" }));
    let set = |leave, account| {
        let password = "$argon2id$x".to_owned();
        Command::Accounts(accounts::Command::SetPassword { leave, account, password, keep: None })
    };
    assert_eq!(story.submit(Actor::Person(duty), set(own, admin)), Err(Refusal::Forbidden));
    story.act(duty, set(own, duty));
    assert!(story.desk.credentials("duty1").is_some());
}

#[test]
fn a_new_password_shuts_out_whoever_got_in_by_the_old_one() {
    let mut story = Story::new();
    let (admin, duty) = (story.admin, story.duty);
    let origin = accounts::Origin { address: "192.0.2.1".to_owned(), agent: "x".to_owned() };
    for (account, name) in [(duty, "thief"), (duty, "own"), (admin, "admin")] {
        story.rule(Command::Accounts(accounts::Command::SignIn {
            account,
            token: digest(name),
            origin: origin.clone(),
        }));
    }
    for (account, name) in [(duty, "machine"), (admin, "other")] {
        let (label, secret) = ("x".to_owned(), digest(name));
        story.act(account, Command::Accounts(accounts::Command::MakeToken { account, label, secret }));
    }
    let running = |story: &Story| {
        let sessions = ["thief", "own", "admin"].map(|s| story.desk.session(&digest(s), story.now).is_some());
        (sessions, ["machine", "other"].map(|t| story.desk.token(&digest(t)).is_some()))
    };
    assert_eq!(running(&story), ([true; 3], [true; 2]));
    let set = |leave, keep| {
        let password = "$argon2id$x".to_owned();
        Command::Accounts(accounts::Command::SetPassword { leave, account: duty, password, keep })
    };
    let session = |story: &Story, name: &str| story.desk.session(&digest(name), story.now).and_then(|s| s.session);
    let (own, leave, admins) = (session(&story, "own"), story.lens(duty).own(), session(&story, "admin"));
    story.act(duty, set(leave, own));
    assert_eq!(running(&story), ([false, true, true], [false, true]));
    story.act(duty, set(leave, admins));
    assert_eq!(running(&story), ([false, false, true], [false, true]), "another's session is none of one's own");
    story.rule(Command::Accounts(accounts::Command::SignIn { account: duty, token: digest("again"), origin }));
    let (leave, again) = (story.lens(admin).admin().expect("an administrator"), session(&story, "again"));
    story.act(admin, set(leave, again));
    assert!(session(&story, "again").is_none(), "after a reset nothing is kept");
}

#[test]
fn sessions_and_tokens_end() {
    let mut story = Story::new();
    let (admin, duty) = (story.admin, story.duty);
    let origin = accounts::Origin { address: "192.0.2.1".to_owned(), agent: "x".to_owned() };
    let sign_in = |account, name: &str| {
        Command::Accounts(accounts::Command::SignIn { account, token: digest(name), origin: origin.clone() })
    };
    story.rule(sign_in(duty, "a"));
    story.rule(sign_in(duty, "b"));
    assert_eq!(story.desk.session(&digest("a"), story.now).map(|s| s.viewer.account), Some(duty));
    let rows = story.lens(duty).sessions(story.now);
    assert_eq!(rows.len(), 2);
    let own = story.lens(duty).own();
    story.act(duty, Command::Accounts(accounts::Command::SignOut(own, rows[0].session)));
    assert!(story.desk.session(&digest("b"), story.now).is_none());
    story.wait(accounts::SESSION_SECONDS_MAX + 1);
    assert!(story.desk.session(&digest("a"), story.now).is_none());
    story.act(
        duty,
        Command::Accounts(accounts::Command::MakeToken { account: duty, label: "x".to_owned(), secret: digest("t") }),
    );
    assert!(story.desk.token(&digest("t")).is_some());
    let leave = story.lens(admin).admin().expect("an administrator");
    story.act(admin, Command::Accounts(accounts::Command::Disable(leave, duty)));
    assert!(story.desk.token(&digest("t")).is_none());
}

mod erasure {
    use super::*;

    fn erase(story: &Story, by: AccountId, reference: Reference, alone: bool) -> Command {
        let report = story.report(by, reference);
        Command::Intake(intake::Command::Erase { report, reason: "vraag van de betrokkene".to_owned(), alone })
    }

    fn secret<'a>() -> Mail<'a> {
        Mail {
            from: "zeldzamenaam@privemail.example",
            subject: "zeldzaamonderwerp hier",
            text: "zeldzaamwoord en 203.0.113.77 en zeldzaamdomein.example",
            ..Mail::default()
        }
    }

    fn remains(story: &Story) -> bool {
        let desk = format!("{:?}", story.desk);
        ["zeldzamenaam", "zeldzaamonderwerp", "zeldzaamwoord", "203.0.113.77", "zeldzaamdomein"]
            .iter()
            .any(|w| desk.contains(w))
    }

    #[test]
    fn two_people_erase_and_nothing_is_left_in_memory() {
        let mut story = Story::new();
        let (duty, colleague) = (story.duty, story.colleague);
        let reference = story.mail(&secret());
        let leave = story.report(duty, reference);
        let draft = story.draft(secret().from, "zeldzaamonderwerp");
        story.act(duty, Command::Intake(intake::Command::Reply { report: leave, draft, ask: false }));
        let early = erase(&story, duty, reference, false);
        assert_eq!(
            story.submit(Actor::Person(duty), early),
            Err(Refusal::Invalid { field: "report", why: "undecided" })
        );
        let command = decide(&story, duty, reference, Verdict::NoIncident);
        story.act(duty, command);
        assert!(story.lens(duty).search("zeldzaamwoord", 0, 9).total == 1 && remains(&story));
        let command = erase(&story, duty, reference, false);
        story.act(duty, command);
        let confirm = |by: AccountId, story: &Story| {
            Command::Intake(intake::Command::ConfirmErasure(story.report(by, reference)))
        };
        let own = confirm(duty, &story);
        assert_eq!(story.submit(Actor::Person(duty), own), Err(Refusal::Forbidden));
        let command = confirm(colleague, &story);
        story.act(colleague, command);
        assert!(!remains(&story), "{}", format!("{:?}", story.desk.index).len());
        assert!(story.desk.is_erased(crate::fact::Subject::Report(leave.id())));
        let view = story.lens(duty).report(reference).expect("the report itself stays");
        assert!(view.row.erased && view.head.is_none() && view.arrival.is_none() && view.body.is_none());
        assert!(view.notices.iter().all(|n| n.to.is_none() && n.text.is_none() && n.leave.is_none()));
        assert_eq!(story.desk.due(story.now, 99).len(), 0, "what did not leave leaves no more");
        for word in [
            "zeldzaamwoord",
            "zeldzaamonderwerp",
            "203.0.113.77",
            "203.0.113.0/24",
            "zeldzaamdomein.example",
            "zeldzaamwoort",
        ] {
            assert_eq!(story.lens(duty).search(word, 0, 9).hits.len(), 0, "{word}");
        }
        story.desk.index_text(leave.id(), "zeldzaamwoord");
        assert!(!remains(&story), "text that arrives late is not taken");
        assert_eq!(story.replayed(), story.desk);
        let again = erase(&story, duty, reference, false);
        assert_eq!(story.submit(Actor::Person(duty), again), Err(Refusal::Erased));
    }

    #[test]
    fn one_alone_leaves_a_countersign_open() {
        let mut story = Story::new();
        let (admin, duty) = (story.admin, story.duty);
        let reference = story.mail(&secret());
        let command = decide(&story, duty, reference, Verdict::Spam);
        story.act(duty, command);
        let command = erase(&story, duty, reference, true);
        assert_eq!(story.submit(Actor::Person(duty), command), Err(Refusal::Forbidden));
        let command = erase(&story, admin, reference, true);
        story.act(admin, command);
        assert!(!remains(&story));
        let sign =
            |by: AccountId, story: &Story| Command::Intake(intake::Command::Countersign(story.report(by, reference)));
        let own = sign(admin, &story);
        assert_eq!(story.submit(Actor::Person(admin), own), Err(Refusal::Forbidden));
        let command = sign(duty, &story);
        story.act(duty, command.clone());
        assert_eq!(story.submit(Actor::Person(duty), command), Err(Refusal::TooLate { why: "countersigned" }));
        assert_eq!(story.replayed(), story.desk);
    }

    #[test]
    fn a_legal_hold_stops_it_and_a_question_goes_stale() {
        let mut story = Story::new();
        let (duty, colleague) = (story.duty, story.colleague);
        let reference = story.mail(&secret());
        let incident = story.open(duty, "Dossier", &[reference]);
        let work = story.incident(duty, incident);
        let command = erase(&story, duty, reference, false);
        story.act(duty, command.clone());
        story.act(duty, Command::Incidents(incidents::Command::Hold { incident: work, reason: "parket".to_owned() }));
        let confirm = Command::Intake(intake::Command::ConfirmErasure(story.report(colleague, reference)));
        let held = story.submit(Actor::Person(colleague), confirm.clone());
        assert_eq!(held, Err(Refusal::TooLate { why: "held" }));
        assert!(story.lens(duty).incident(incident).is_some_and(|v| v.hold.is_some() && v.row.held));
        story.act(
            duty,
            Command::Incidents(incidents::Command::LiftHold { incident: work, reason: "vrijgegeven".to_owned() }),
        );
        story.wait(intake::ERASURE_ASK_SECONDS + 1);
        assert_eq!(
            story.submit(Actor::Person(colleague), confirm.clone()),
            Err(Refusal::TooLate { why: "asked-long-ago" })
        );
        story.act(duty, command);
        story.act(colleague, confirm);
        assert!(!remains(&story));
        assert_eq!(story.replayed(), story.desk);
    }
}
