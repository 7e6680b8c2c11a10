//! An undo takes back the fact that it names, while that is the last one about its thing; whatever the clock says meanwhile.

use crate::accounts::{self, Role};
use crate::command::{Actor, Command, Outcome, Refusal};
use crate::house::Language;
use crate::ids::{AccountId, EntryId, OrganisationId, Reference, TEAM, TaskId};
use crate::incidents::{self, Change, Severity};
use crate::intake::{self, Kind, Status, Verdict};
use crate::lens::{Leave, Tlp};
use crate::outbox::{self, About, StandingKey};
use crate::past::Moment;
use crate::register::BoardId;
use crate::templates::Template;
use crate::testing::{Mail, Story, digest};
use proptest::prelude::*;

fn change(story: &mut Story, by: AccountId, incident: Reference, change: Change) -> u64 {
    let incident = story.incident(by, incident);
    story.act(by, Command::Incidents(incidents::Command::Change { incident, change, expected: None }));
    story.last_seq()
}

fn undo(story: &mut Story, by: AccountId, of: u64) -> Result<Outcome, Refusal> {
    story.submit(Actor::Person(by), Command::Undo { by, of })
}

fn open_with_board(story: &mut Story, board: BoardId) -> (Reference, u64) {
    let reports = vec![story.mail(&Mail::default())].into_iter().map(|r| story.report(story.duty, r)).collect();
    let open = incidents::Command::Open {
        by: story.duty,
        title: "Servers versleuteld".to_owned(),
        severity: None,
        tlp: Tlp::Amber,
        since: None,
        boards: vec![board],
        classes: vec!["malicious-code/infected-system".to_owned()],
        reports,
    };
    let opening = story.last_seq() + 1;
    let Outcome::Incident(reference) = story.act(story.duty, Command::Incidents(open)) else { panic!("an incident") };
    (reference, opening)
}

#[test]
fn an_opening_is_taken_back_by_any_of_its_facts_while_nothing_else_happened() {
    for fact in 0..4 {
        let mut story = Story::new();
        let (incident, opening) = open_with_board(&mut story, BoardId(4));
        assert_eq!(story.last_seq(), opening + 3, "opened, a board, a class, a report");
        let duty = story.duty;
        assert_eq!(undo(&mut story, duty, opening + fact), Ok(Outcome::Done));
        assert!(story.lens(duty).incident(incident).is_some_and(|i| i.dropped));
        assert_eq!(story.replayed(), story.desk);
    }
}

#[test]
fn what_comes_after_the_opening_at_the_same_moment_is_no_part_of_it() {
    // The clock stands still, as it does while it is behind the newest fact.
    let mut story = Story::new();
    let duty = story.duty;
    let (incident, opening) = open_with_board(&mut story, BoardId(4));
    let later = change(&mut story, duty, incident, Change::Board(BoardId(5), true));
    assert_eq!(undo(&mut story, duty, opening), Err(Refusal::TooLate { why: "worked-on" }));
    assert_eq!(undo(&mut story, duty, later), Ok(Outcome::Done));
    let view = story.lens(duty).incident(incident).expect("it stands");
    assert!(!view.dropped);
    assert_eq!(view.boards.iter().map(|b| b.id).collect::<Vec<_>>(), [BoardId(4)]);
    // Seen from the report, the opening is not offered any more either.
    let report = view.conversation.iter().find_map(|m| match m {
        incidents::Message::In { row, .. } => Some(row.reference),
        incidents::Message::Out(_) => None,
    });
    assert_eq!(report.and_then(|r| story.lens(duty).report(r)).and_then(|v| v.undo), None);
}

#[test]
fn a_field_that_went_away_and_came_back_is_not_what_was_set_then() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let incident = story.open(duty, "Servers", &[]);
    let severity = |s| Change::Severity(Some(s));
    let mine = change(&mut story, duty, incident, severity(Severity::C1));
    change(&mut story, colleague, incident, severity(Severity::C2));
    change(&mut story, colleague, incident, severity(Severity::C1));
    assert_eq!(undo(&mut story, duty, mine), Err(Refusal::TooLate { why: "changed" }));
    let offered = story.lens(duty).incident(incident).map(|i| i.undo).unwrap_or_default();
    assert!(offered.iter().all(|row| row.of != mine), "{offered:?}");
}

#[test]
fn a_task_is_set_back_by_whoever_set_it_last_and_not_once_it_is_taken_back() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let incident = story.open(duty, "Servers", &[]);
    let leave = story.incident(duty, incident);
    let text = "Bel de leverancier".to_owned();
    let add = incidents::Command::AddTask { incident: leave, text, assignee: None, due: None };
    story.act(duty, Command::Incidents(add));
    let entry = EntryId(story.desk.incidents.get(leave.id).timeline.len() as u32 - 1);
    let set = |story: &mut Story, by, done| {
        let incident = story.incident(by, incident);
        story.act(by, Command::Incidents(incidents::Command::SetTask { incident, task: TaskId(0), done }));
        story.last_seq()
    };
    let mine = set(&mut story, duty, true);
    set(&mut story, colleague, false);
    let theirs = set(&mut story, colleague, true);
    assert_eq!(undo(&mut story, duty, mine), Err(Refusal::TooLate { why: "changed" }));
    story.act(duty, Command::Incidents(incidents::Command::Withdraw { incident: leave, entry }));
    assert_eq!(undo(&mut story, colleague, theirs), Err(Refusal::TooLate { why: "withdrawn" }));
    let offered = story.lens(colleague).incident(incident).map(|i| i.undo).unwrap_or_default();
    assert!(offered.iter().all(|row| row.key != "task"), "{offered:?}");
}

#[test]
fn an_opinion_that_came_back_is_not_taken_from_whoever_gave_it_back() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let reference = story.mail(&Mail::default());
    let mut say = |by, kind| {
        let report = story.report(by, reference);
        let say = intake::Command::Appraise { report, kind: Some(kind), hit_now: None, board: None };
        story.act(by, Command::Intake(say));
        story.last_seq()
    };
    let mine = say(duty, Kind::Press);
    say(colleague, Kind::Citizen);
    say(colleague, Kind::Press);
    assert_eq!(undo(&mut story, duty, mine), Err(Refusal::TooLate { why: "changed" }));
}

#[test]
fn many_are_taken_back_as_far_as_the_person_may_still_act_on_them() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let incident = story.open(colleague, "Servers", &[]);
    let reports: Vec<Reference> = (0..3).map(|_| story.mail(&Mail::default())).collect();
    let verdict = |incident| Verdict::Incident { incident, opened: false };
    let leaves = reports.iter().map(|r| story.report(duty, *r)).collect();
    let to = verdict(story.incident(duty, incident).id);
    story.act(duty, Command::Intake(intake::Command::DecideMany(leaves, to)));
    let seq = story.last_seq();
    change(&mut story, colleague, incident, Change::Tlp(Tlp::Red));
    // All of them went where this person may not look any more.
    assert_eq!(undo(&mut story, duty, seq), Err(Refusal::TooLate { why: "undone" }));
    assert_eq!(story.desk.incidents.get(story.incident(colleague, incident).id).reports.len(), 3);
}

#[test]
fn what_was_written_about_a_report_leaves_an_incident_with_it() {
    let mut story = Story::new();
    let duty = story.duty;
    let report = story.mail(&Mail::default());
    let incident = story.open(duty, "Servers", &[report]);
    let stays = story.mail(&Mail { from: "burgemeester@elders.example", ..Mail::default() });
    let leave = story.report(duty, stays);
    let verdict = Verdict::Incident { incident: story.incident(duty, incident).id, opened: false };
    story.act(duty, Command::Intake(intake::Command::Decide(leave, verdict)));
    let draft = story.draft("supplier@ict.example", "hulp");
    let leave = story.report(duty, report);
    story.act(duty, Command::Intake(intake::Command::Reply { report: leave, draft, ask: false }));
    let (kept, supplier) = (leave.id, digest("supplier@ict.example"));
    let other = story.report(duty, stays).id;
    assert!(story.desk.takes_part(other, &supplier));
    story.act(duty, Command::Intake(intake::Command::Reopen { report: leave, widen: false }));
    assert!(story.desk.takes_part(kept, &supplier), "in the report's own conversation still");
    assert!(!story.desk.takes_part(other, &supplier), "in the incident no more");
    let of = story.incident(duty, incident).id;
    let about = |n: &crate::ids::NoticeId| story.desk.outbox.get(*n).about == About::Report(kept);
    assert!(!story.desk.incidents.get(of).notices.iter().any(about));
    assert_eq!(story.replayed(), story.desk);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Set { colleague: bool, field: u8, value: u8 },
    Undo { colleague: bool, back: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<bool>(), 0..4u8, 0..3u8).prop_map(|(colleague, field, value)| Step::Set { colleague, field, value }),
        2 => (any::<bool>(), 0..6u8).prop_map(|(colleague, back)| Step::Undo { colleague, back }),
    ]
}

fn value(field: u8, value: u8) -> Change {
    match field {
        0 => Change::Severity(Some(Severity::ALL[usize::from(value)])),
        1 => Change::Pap(incidents::Pap::ALL[usize::from(value)]),
        2 => Change::Class("fraud/phishing".to_owned(), value > 0),
        _ => Change::Board(BoardId(u32::from(value)), value > 0),
    }
}

proptest! {
    /// Two people change four fields and take back what they did, in any order, while the clock stands still: an undo works exactly
    /// while its fact is the last one about its field, and gives back what was there before it.
    #[test]
    fn an_undo_works_exactly_while_its_fact_is_the_last_one(steps in proptest::collection::vec(step(), 1..40)) {
        let mut story = Story::new();
        let incident = story.open(story.duty, "Servers", &[]);
        // Each fact: who, what it set, what was there before, whether a later one set the same.
        let mut acts: Vec<(u64, AccountId, Change, Change)> = Vec::new();
        for step in steps {
            let (by, of) = match step {
                Step::Set { colleague, field, value: v } => {
                    let by = if colleague { story.colleague } else { story.duty };
                    let leave = story.incident(by, incident);
                    let new = value(field, v);
                    let before = story.desk.incidents.get(leave.id).current(&new);
                    let last = story.last_seq();
                    if change(&mut story, by, incident, new.clone()) > last {
                        acts.push((story.last_seq(), by, new, before));
                    }
                    continue;
                }
                Step::Undo { colleague, back } => {
                    let by = if colleague { story.colleague } else { story.duty };
                    let mine = acts.iter().rev().filter(|a| a.1 == by);
                    match mine.clone().nth(usize::from(back)) {
                        Some(act) => (by, act.clone()),
                        None => continue,
                    }
                }
            };
            let (seq, _, set, before) = of;
            let stands = !acts.iter().any(|(later, _, other, _)| *later > seq && other.same_field(&set));
            let offered = story.lens(by).incident(incident).is_some_and(|i| i.undo.iter().any(|row| row.of == seq));
            prop_assert_eq!(offered, stands);
            let done = undo(&mut story, by, seq);
            prop_assert_eq!(done.is_ok(), stands, "{:?}", done);
            if stands {
                let leave = story.incident(by, incident);
                prop_assert_eq!(story.desk.incidents.get(leave.id).current(&set), before.clone());
                acts.push((story.last_seq(), by, before, set));
            }
        }
        prop_assert_eq!(story.replayed(), story.desk);
    }
}

#[test]
fn a_verdict_is_reopened_only_while_it_stands() {
    let mut story = Story::new();
    let duty = story.duty;
    let reference = story.mail(&Mail::default());
    let leave = story.report(duty, reference);
    story.act(duty, Command::Intake(intake::Command::Decide(leave, Verdict::Spam)));
    let first = story.last_seq();
    assert_eq!(undo(&mut story, duty, first), Ok(Outcome::Done));
    story.act(duty, Command::Intake(intake::Command::Decide(leave, Verdict::Spam)));
    assert_eq!(undo(&mut story, duty, first), Err(Refusal::TooLate { why: "undone" }));
    assert!(matches!(story.lens(duty).report(reference).map(|v| v.row.status), Some(Status::Decided(Verdict::Spam))));
}

fn mail_written(story: &mut Story, to: &str) -> (Reference, u64) {
    let duty = story.duty;
    let reference = story.mail(&Mail::default());
    let (report, draft) = (story.report(duty, reference), story.draft(to, "antwoord"));
    story.act(duty, Command::Intake(intake::Command::Reply { report, draft, ask: false }));
    (reference, story.last_seq())
}

fn last_mail(story: &Story) -> outbox::NoticeView {
    let filter = outbox::OutboxFilter { purpose: Some(outbox::Purpose::Reply), ..Default::default() };
    story.lens(story.duty).outbox(&filter).remove(0)
}

#[test]
fn a_mail_is_taken_back_while_it_has_not_left() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let (_, written) = mail_written(&mut story, "verkeerd@gemeente.example");
    assert_eq!(undo(&mut story, colleague, written), Err(Refusal::NotFound));
    assert_eq!(undo(&mut story, duty, written), Ok(Outcome::Done));
    let mail = last_mail(&story);
    assert_eq!(mail.standing, StandingKey::Withdrawn);
    assert!(story.desk.due(story.now, 99).iter().all(|m| m.notice != mail.id), "it leaves no more");
    assert!(!story.desk.is_to_leave(mail.id));
    assert_eq!(undo(&mut story, duty, written), Err(Refusal::TooLate { why: "undone" }));
    // It leaves after all.
    let leave = story.lens(colleague).notice_leave(mail.id).expect("colleagues see it");
    story.act(colleague, Command::Outbox(outbox::Command::Retry(leave)));
    assert!(story.desk.is_to_leave(mail.id));
    story.send_all();
    let withdraw = Command::Outbox(outbox::Command::Withdraw(leave));
    assert_eq!(story.submit(Actor::Person(colleague), withdraw), Err(Refusal::TooLate { why: "sent" }));
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn a_mail_that_was_on_its_way_out_when_it_was_taken_back_is_told_as_sent() {
    let mut story = Story::new();
    let duty = story.duty;
    let (_, written) = mail_written(&mut story, "it@gemeente.example");
    assert_eq!(undo(&mut story, duty, written), Ok(Outcome::Done));
    let notice = last_mail(&story).id;
    let later = outbox::Tried::Later { code: 451, said: "later".to_owned(), unsure: false };
    story.rule(Command::Outbox(outbox::Command::Tried(notice, later)));
    assert_eq!(last_mail(&story).standing, StandingKey::Withdrawn, "it is not tried again");
    let taken = outbox::Tried::Taken { said: "250 ok".to_owned() };
    story.rule(Command::Outbox(outbox::Command::Tried(notice, taken)));
    assert_eq!(last_mail(&story).standing, StandingKey::Sent);
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn what_became_of_a_mail_is_not_told_once_it_was_erased() {
    let mut story = Story::new();
    let (duty, admin) = (story.duty, story.admin);
    let (reference, written) = mail_written(&mut story, "it@gemeente.example");
    assert_eq!(undo(&mut story, duty, written), Ok(Outcome::Done));
    let notice = last_mail(&story).id;
    let decide = intake::Command::Decide(story.report(duty, reference), Verdict::Spam);
    story.act(duty, Command::Intake(decide));
    let (report, reason) = (story.report(admin, reference), "op verzoek".to_owned());
    story.act(admin, Command::Intake(intake::Command::Erase { report, reason, alone: true }));
    let before = story.last_seq();
    let taken = outbox::Tried::Taken { said: "250 ok".to_owned() };
    story.rule(Command::Outbox(outbox::Command::Tried(notice, taken)));
    assert_eq!(story.last_seq(), before, "nothing is sealed for what is erased");
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn whoever_asks_for_an_erasure_or_reads_of_it_can_stop_it() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let reference = story.mail(&Mail::default());
    let decide = intake::Command::Decide(story.report(duty, reference), Verdict::NoIncident);
    story.act(duty, Command::Intake(decide));
    for by in [duty, colleague] {
        let ask = |story: &Story| intake::Command::Erase {
            report: story.report(duty, reference),
            reason: "verkeerde melding".to_owned(),
            alone: false,
        };
        let command = Command::Intake(ask(&story));
        story.act(duty, command);
        let withdraw = Command::Intake(intake::Command::WithdrawErasure(story.report(by, reference)));
        story.act(by, withdraw.clone());
        assert!(story.lens(duty).report(reference).is_some_and(|r| r.erasure.is_none()));
        assert_eq!(story.submit(Actor::Person(by), withdraw), Err(Refusal::TooLate { why: "not-asked" }));
        let confirm = Command::Intake(intake::Command::ConfirmErasure(story.report(colleague, reference)));
        assert_eq!(story.submit(Actor::Person(colleague), confirm), Err(Refusal::TooLate { why: "not-asked" }));
    }
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn an_account_is_opened_again_renamed_and_given_other_rights() {
    let mut story = Story::new();
    let (admin, duty) = (story.admin, story.duty);
    let leave = story.lens(admin).admin().expect("an administrator");
    let say = |command| Command::Accounts(command);
    story.act(admin, say(accounts::Command::Disable(leave, duty)));
    assert_eq!(story.desk.viewer(duty), None);
    story.act(admin, say(accounts::Command::Enable(leave, duty)));
    assert!(story.desk.viewer(duty).is_some());
    let names = |login: &str| accounts::Names { login: login.to_owned(), name: " Nieuwe Naam ".to_owned() };
    let rename = |login: &str| say(accounts::Command::Rename { leave, account: duty, names: names(login) });
    story.act(admin, rename(" Nieuw "));
    let row = |story: &Story, by| story.lens(by).people().into_iter().find(|p| p.account == duty).expect("it is there");
    assert_eq!(row(&story, admin).name.as_deref(), Some("Nieuwe Naam"));
    assert_eq!(row(&story, admin).login.as_deref(), Some("nieuw"));
    assert_eq!(row(&story, duty).login, None, "how colleagues sign in is the administrators' to know");
    let taken = story.lens(admin).own_login().expect("it has one").to_owned();
    assert_eq!(
        story.submit(Actor::Person(admin), rename(&taken)),
        Err(Refusal::Invalid { field: "login", why: "taken" })
    );
    assert_eq!(
        story.submit(Actor::Person(admin), rename("a b")),
        Err(Refusal::Invalid { field: "login", why: "signs" })
    );
    let role = |account, role| say(accounts::Command::SetRole { leave, account, role });
    story.act(admin, role(duty, Role::Reader));
    assert!(!story.lens(duty).may_act());
    let last = story.submit(Actor::Person(admin), role(admin, Role::Duty));
    assert_eq!(last, Err(Refusal::Invalid { field: "account", why: "last-admin" }));
    let forged = crate::lens::Leave { id: duty, by: duty };
    let own = say(accounts::Command::SetRole { leave: forged, account: duty, role: Role::Admin });
    assert_eq!(story.submit(Actor::Person(duty), own), Err(Refusal::Forbidden));
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn a_restore_that_was_told_of_by_mistake_is_taken_back_on_every_day() {
    let mut story = Story::new();
    let admin = story.admin;
    let leave = story.lens(admin).admin().expect("an administrator");
    let made_at = story.now;
    let tell = Command::TestRestore { leave, backup: "verkeerd.age".to_owned(), made_at };
    story.act(admin, tell);
    let told = story.last_seq();
    assert_eq!(story.lens(admin).restore_tests()[0].undo, Some(told));
    story.wait(3 * 86_400);
    assert_eq!(undo(&mut story, admin, told), Ok(Outcome::Done));
    assert!(story.lens(admin).restore_tests().is_empty());
    assert_eq!(undo(&mut story, admin, told), Err(Refusal::TooLate { why: "undone" }));
    let past = story.past(Moment { as_of: Some(made_at.plus_seconds(86_400)), known_at: None });
    let viewer = story.desk.viewer(admin).expect("it may sign in");
    assert!(past.seen_by(viewer).restore_tests().is_empty(), "it was so on no day");
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn an_organisation_gets_another_name_and_the_team_does_not_that_way() {
    let mut story = Story::new();
    let admin = story.admin;
    let leave = story.lens(admin).admin().expect("an administrator");
    story.act(admin, Command::AddOrganisation { name: "Fedraal centrum".to_owned() });
    let added = story.lens(admin).organisations().last().expect("it is there").id;
    let rename = |organisation, name: &str| Command::RenameOrganisation { leave, organisation, name: name.to_owned() };
    story.act(admin, rename(added, " Federaal centrum "));
    assert_eq!(story.lens(admin).organisations().last().map(|o| o.name.clone()), Some("Federaal centrum".to_owned()));
    assert_eq!(story.submit(Actor::Person(admin), rename(TEAM, "x")), Err(Refusal::NotFound));
    assert_eq!(story.submit(Actor::Person(admin), rename(OrganisationId(60), "x")), Err(Refusal::NotFound));
    assert!(matches!(story.submit(Actor::Person(admin), rename(added, " ")), Err(Refusal::Invalid { .. })));
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn a_template_is_written_changed_withdrawn_and_each_is_taken_back_while_it_is_the_last() {
    let mut story = Story::new();
    let (admin, duty) = (story.admin, story.duty);
    let leave = story.lens(admin).admin().expect("an administrator");
    let said = |title: &str, text: &str| Template {
        language: Language::Nl,
        title: title.to_owned(),
        subject: "Wij bellen u [{reference}]".to_owned(),
        text: text.to_owned(),
    };
    let set = |template, said| Command::SetTemplate { leave, template, said };
    story.act(admin, set(None, said(" Wij\tbellen ", "\nDag {name}\n")));
    let written = story.last_seq();
    let texts = |story: &Story| story.lens(duty).templates().into_iter().map(|t| t.template.text).collect::<Vec<_>>();
    let first = story.lens(duty).templates().remove(0);
    assert_eq!((first.template.title.as_str(), first.template.text.as_str()), ("Wij bellen", "Dag {name}"));
    story.act(admin, set(Some(first.id), said("Wij bellen", "Goeiendag")));
    let changed = story.last_seq();
    assert_eq!(undo(&mut story, admin, written), Err(Refusal::TooLate { why: "undo-gone" }));
    assert_eq!(undo(&mut story, admin, changed), Ok(Outcome::Done));
    assert_eq!(texts(&story), ["Dag {name}"]);
    story.act(admin, Command::WithdrawTemplate { leave, template: first.id });
    let withdrawn = story.last_seq();
    assert!(texts(&story).is_empty());
    let gone = story.submit(Actor::Person(admin), set(Some(first.id), said("x", "y")));
    assert_eq!(gone, Err(Refusal::NotFound));
    assert_eq!(undo(&mut story, admin, withdrawn), Ok(Outcome::Done));
    assert_eq!(texts(&story), ["Dag {name}"]);
    assert!(story.lens(story.outsider).templates().is_empty(), "the words of the team");
    for (wrong, field) in [(said("", "x"), "title"), (said("x", " "), "text")] {
        let refused = story.submit(Actor::Person(admin), set(None, wrong));
        assert_eq!(refused, Err(Refusal::Invalid { field, why: "length" }));
    }
    let own = Leave { id: duty, by: duty };
    let forged = Command::SetTemplate { leave: own, template: None, said: said("x", "y") };
    assert_eq!(story.submit(Actor::Person(duty), forged), Err(Refusal::Forbidden));
    assert_eq!(story.replayed(), story.desk);
}
