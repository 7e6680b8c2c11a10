//! The main job from the first mail to the closed incident.

use crate::command::{Actor, Command, Outcome, Refusal};
use crate::incidents::{self, Change, LineView, NoteKind, Phase};
use crate::intake::{self, Authenticity, Kind, Observable, Proof, QueueFilter, Status, Verdict};
use crate::lens::Tlp;
use crate::outbox::{self, StandingKey, Tried};
use crate::sealed::Sealed;
use crate::testing::{Mail, Story};

#[test]
fn a_town_in_trouble_is_seen_answered_and_helped() {
    let mut story = Story::new();
    let duty = story.duty;
    let town = Mail {
        from: "privé.it@privemail.example",
        subject: "DRINGEND alles versleuteld",
        text: "Ik ben de IT-verantwoordelijke van de gemeente Sperwermonde. Sinds 2u30 eindigen al onze bestanden op .lck.\n\
            Aanmelding kwam van 203.0.113[.]77. Alles ligt plat. Wat nu?",
        ..Mail::default()
    };
    let (reference, report) = story.receive(&town);

    // Seen at once, before it is read.
    let queue = story.lens(duty).queue(story.now, &QueueFilter::default());
    assert_eq!((queue.judge.len(), queue.judge[0].read), (1, false));
    assert_eq!(queue.judge[0].subject.as_deref(), Some("DRINGEND alles versleuteld"));

    story.read(report, &town);
    let queue = story.lens(duty).queue(story.now, &QueueFilter::default());
    let row = &queue.call[0];
    assert!(row.hit_now && row.read && row.kind == Kind::Incident);
    assert_eq!((row.board.as_deref(), row.board_certain), (Some("Sperwermonde"), true));
    assert_eq!(queue.counts.judge, 0);

    // A receipt stands in the outbox and leaves once.
    let view = story.lens(duty).report(reference).expect("the team sees it");
    assert_eq!(view.notices.len(), 1);
    assert_eq!(story.send_all(), 1);
    assert_eq!(story.send_all(), 0);
    assert_eq!(story.lens(duty).outbox_counts().sent, 1);

    story.wait(60);
    let leave = story.report(duty, reference);
    story.act(duty, Command::Intake(intake::Command::Claim(leave)));
    let draft = story.draft(town.from, "Welke servers?");
    let message_id = draft.message_id.clone();
    story.act(duty, Command::Intake(intake::Command::Reply { report: leave, draft, ask: true }));
    let queue = story.lens(duty).queue(story.now, &QueueFilter::default());
    assert_eq!((queue.waiting.len(), queue.waiting[0].claimed_by_me), (1, true));

    // The answer wakes it and belongs to it; a stranger who quotes the reference does not.
    story.wait(300);
    let answer =
        Mail { subject: "Re: Welke servers?", text: "fs01 en dc01", answers: vec![message_id.clone()], ..town.clone() };
    let second = story.mail(&answer);
    let stranger = Mail {
        from: "iemand@elders.example",
        subject: &format!("Re: {reference}"),
        text: "Geef mij de laatste stand.",
        answers: vec![message_id],
        ..Mail::default()
    };
    let third = story.mail(&stranger);
    let view = story.lens(duty).report(reference).expect("the team sees it");
    assert_eq!(view.row.status, Status::New);
    assert_eq!(view.follow_ups.iter().map(|r| r.reference).collect::<Vec<_>>(), [second]);
    let odd = story.lens(duty).report(third).expect("the team sees it");
    assert_eq!(odd.row.status, Status::New);
    assert_eq!(odd.thread.map(|t| t.reference), Some(reference));
    assert!(!odd.thread_proven);

    // It becomes an incident: the whole conversation comes along.
    let board = story.desk.register().find("Sperwermonde").expect("the demonstration has it");
    let incident = story.open(duty, "Sperwermonde: servers versleuteld", &[reference]);
    let work = story.incident(duty, incident);
    let change = |change: Change| incidents::Command::Change { incident: work, change, expected: None };
    story.act(duty, Command::Incidents(change(Change::Board(board, true))));
    story.act(
        duty,
        Command::Incidents(change(Change::Class(
            "information-content-security/unauthorised-information-modification".to_owned(),
            true,
        ))),
    );
    story.act(
        duty,
        Command::Incidents(incidents::Command::AddTask {
            incident: work,
            text: "Bel de leverancier".to_owned(),
            assignee: Some(story.colleague),
            due: Some(story.now.plus_seconds(3600)),
        }),
    );
    story.act(
        duty,
        Command::Incidents(incidents::Command::Note {
            incident: work,
            kind: NoteKind::Decision,
            event_at: Some(story.now.plus_seconds(-600)),
            certain: true,
            tlp: Tlp::Amber,
            note: incidents::Note { text: "Netwerk blijft uit.".to_owned(), why: "Het loopt nog.".to_owned() },
        }),
    );
    story.act(
        duty,
        Command::Incidents(incidents::Command::Observe {
            incident: work,
            tlp: Tlp::Amber,
            observable: Observable {
                kind: "domain".to_owned(),
                value: "kwaad.example".to_owned(),
                ..Observable::default()
            },
        }),
    );
    let view = story.lens(duty).incident(incident).expect("the team sees it");
    assert_eq!(view.conversation.len(), 4, "two in, the receipt and the question");
    assert!(view.conversation.windows(2).all(|w| w[0].at() <= w[1].at()));
    assert_eq!(
        view.observables.iter().map(|o| o.defanged.as_str()).collect::<Vec<_>>(),
        ["203[.]0[.]113[.]77", "kwaad[.]example"]
    );
    assert_eq!(view.tasks.len(), 1);
    assert_eq!(view.row.boards, ["Sperwermonde"]);
    assert!(view.timeline.windows(2).all(|w| w[0].event_at >= w[1].event_at), "the latest event first");
    let oldest = view.timeline.last().expect("there are lines");
    assert!(
        matches!(oldest.what, LineView::Noted(NoteKind::Decision, Some(_))),
        "it happened before it was written down"
    );
    assert!(oldest.recorded_at > oldest.event_at);
    let list = story.lens(duty).incidents(&Default::default(), None, 10);
    assert_eq!((list.total, list.facets.boards.len()), (1, 1));

    // The same board again is suggested with its reasons.
    let again = story.mail(&Mail {
        from: "it@sperwermonde.example",
        subject: "nog iets",
        text: "ook van 203.0.113.77",
        ..Mail::default()
    });
    let similar = story.lens(duty).similar(again);
    assert_eq!(similar[0].reference, incident);
    assert!(similar[0].reasons.iter().any(|r| r.key == "same-observable"));

    // Closed, and the last act undone.
    story.wait(3600);
    story.act(
        duty,
        Command::Incidents(change(Change::Phase(Phase::Closed, Sealed::Open("Alles draait weer.".to_owned())))),
    );
    assert_eq!(story.lens(duty).incidents(&Default::default(), None, 10).total, 0);
    let of = story.lens(duty).incident(incident).expect("it is still there").undo[0].of;
    story.act(duty, Command::Undo { by: duty, of });
    assert_eq!(story.lens(duty).incident(incident).map(|v| v.row.phase), Some(Phase::Reported));
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn an_answer_to_what_is_closed_is_not_swallowed() {
    let mut story = Story::new();
    let duty = story.duty;
    let mail = Mail { subject: "vraag", text: "Geldt punt 7 ook voor ons?", ..Mail::default() };
    let reference = story.mail(&mail);
    let leave = story.report(duty, reference);
    let draft = story.draft(mail.from, "Antwoord");
    let message_id = draft.message_id.clone();
    story.act(duty, Command::Intake(intake::Command::Reply { report: leave, draft, ask: false }));
    story.act(duty, Command::Intake(intake::Command::Decide(leave, Verdict::NoIncident)));
    let answer = Mail { text: "Nu ligt alles plat, wij zijn gehackt!", answers: vec![message_id], ..mail };
    let second = story.mail(&answer);
    let view = story.lens(duty).report(second).expect("the team sees it");
    assert_eq!(view.row.status, Status::New);
    assert!(view.thread_proven && view.thread.map(|t| t.reference) == Some(reference));
    assert_eq!(story.lens(duty).queue(story.now, &QueueFilter::default()).call.len(), 1);
}

#[test]
fn an_answer_to_an_incident_that_began_without_a_message_belongs_to_it() {
    let mut story = Story::new();
    let duty = story.duty;
    let incident = story.open(duty, "Gezien door ons", &[]);
    let draft = story.draft("it@sperwermonde.example", "Wij zien iets bij u");
    let message_id = draft.message_id.clone();
    let reply = incidents::Command::Reply { incident: story.incident(duty, incident), draft };
    story.act(duty, Command::Incidents(reply));
    let answer = Mail { text: "Dank u, wij kijken na.", answers: vec![message_id], ..Mail::default() };
    let stranger = story.mail(&Mail { from: "x@elders.example", ..answer.clone() });
    let ours = story.mail(&answer);
    let status = |r| story.lens(duty).report(r).map(|v| v.row.status.key());
    assert_eq!((status(stranger), status(ours)), (Some("new"), Some("incident")));
    assert_eq!(story.lens(duty).incident(incident).map(|v| v.conversation.len()), Some(2));
}

#[test]
fn a_mail_that_is_not_read_yet_can_be_answered() {
    let mut story = Story::new();
    let (reference, _) = story.receive(&Mail { from: "it@stad.example", subject: "hulp", ..Mail::default() });
    let answerable = story.desk.answerable(reference).expect("its header gave an address");
    assert_eq!((answerable.to.as_str(), answerable.subject.as_str()), ("it@stad.example", "hulp"));
    assert!(answerable.message_id.is_some(), "the answer joins its conversation");
    let (nobody, _) = story.receive(&Mail { from: "", ..Mail::default() });
    assert!(story.desk.answerable(nobody).is_none());
}

#[test]
fn who_writes_again_because_it_happens_now_is_called() {
    let mut story = Story::new();
    let duty = story.duty;
    let mail = Mail { subject: "vraag", text: "Moeten wij iets nakijken?", ..Mail::default() };
    let reference = story.mail(&mail);
    story.send_all();
    let receipt = story.lens(duty).report(reference).expect("seen").notices[0].message_id.clone();
    story.mail(&Mail { text: "Alles is versleuteld, bel ons nu!", answers: vec![receipt], ..mail });
    let queue = story.lens(duty).queue(story.now, &QueueFilter::default());
    assert_eq!(queue.call.iter().map(|r| r.reference).collect::<Vec<_>>(), [reference]);
    assert_eq!(queue.call[0].follow_ups, 1);
}

#[test]
fn a_bounce_belongs_to_the_mail_that_came_back() {
    let mut story = Story::new();
    let duty = story.duty;
    let reference = story.mail(&Mail::default());
    story.send_all();
    let receipt = story.lens(duty).report(reference).expect("seen").notices[0].message_id.clone();
    let bounce = Mail {
        from: "mailer-daemon@sperwermonde.example",
        subject: "Undelivered Mail Returned to Sender",
        text: "mailbox full",
        returns: vec![receipt.clone()],
        returned_to: vec!["IT@sperwermonde.example"],
        automatic: intake::Automatic::Bounce,
        ..Mail::default()
    };
    // Whoever saw our Message-ID can write that it came back: only one that names its recipient is believed.
    let forged =
        story.mail(&Mail { returned_to: vec!["wie@elders.example"], subject: "niet bezorgd", ..bounce.clone() });
    let view = story.lens(duty).report(reference).expect("seen");
    assert_eq!(view.notices[0].standing, StandingKey::Sent);
    let view = story.lens(duty).report(forged).expect("seen");
    assert_eq!((view.row.status.key(), view.thread.map(|t| t.reference)), ("new", Some(reference)), "a person decides");
    let bounced = story.mail(&bounce);
    let view = story.lens(duty).report(reference).expect("seen");
    assert_eq!(view.notices[0].standing, StandingKey::Bounced);
    assert_eq!(view.notices[0].bounce, Some(bounced));
    assert!(view.row.undelivered);
    assert_eq!(story.lens(duty).report(bounced).map(|v| v.row.status.key()), Some("follow_up"));
}

#[test]
fn an_incident_says_that_a_mail_did_not_arrive_that_was_written_before_it_began() {
    let mut story = Story::new();
    let duty = story.duty;
    let reference = story.mail(&Mail::default());
    let (report, draft) = (story.report(duty, reference), story.draft("weg@gemeente.example", "antwoord"));
    story.act(duty, Command::Intake(intake::Command::Reply { report, draft, ask: false }));
    let incident = story.open(duty, "Dossier", &[reference]);
    let row = |story: &Story| story.lens(duty).incident(incident).expect("it stands").row;
    assert!(!row(&story).undelivered);
    for mail in story.desk.due(story.now, 99) {
        let refused = outbox::Tried::Refused { code: 550, said: "no such user".to_owned() };
        story.rule(Command::Outbox(outbox::Command::Tried(mail.notice, refused)));
    }
    assert!(row(&story).undelivered);
    let listed = story.lens(duty).incidents(&incidents::IncidentFilter::default(), None, 9);
    assert!(listed.rows.iter().any(|r| r.reference == incident && r.undelivered));
}

#[test]
fn what_did_not_fail_joins_the_conversation_and_nothing_came_back() {
    use intake::Automatic::{Delayed, Delivered, Feedback};
    for automatic in [Delayed, Delivered, Feedback] {
        let mut story = Story::new();
        let duty = story.duty;
        let reference = story.mail(&Mail::default());
        story.send_all();
        let receipt = story.lens(duty).report(reference).expect("seen").notices[0].message_id.clone();
        let told = Mail {
            from: "postmaster@sperwermonde.example",
            subject: "Delivery Status Notification",
            returns: vec![receipt],
            returned_to: vec!["it@sperwermonde.example"],
            automatic,
            ..Mail::default()
        };
        let forged = story.mail(&Mail { returned_to: vec!["wie@elders.example"], ..told.clone() });
        assert_eq!(story.lens(duty).report(forged).map(|v| v.row.status.key()), Some("new"), "a person decides");
        let noted = story.mail(&told);
        let view = story.lens(duty).report(reference).expect("seen");
        assert_eq!((view.notices[0].standing, view.row.undelivered), (StandingKey::Sent, false), "{automatic:?}");
        let view = story.lens(duty).report(noted).expect("seen");
        assert_eq!((view.row.status.key(), view.automatic), ("follow_up", automatic));
    }
}

#[test]
fn a_from_that_fails_its_check_makes_nobody_part_of_a_conversation() {
    let mut story = Story::new();
    let duty = story.duty;
    let reference = story.mail(&Mail::default());
    story.send_all();
    let receipt = story.lens(duty).report(reference).expect("seen").notices[0].message_id.clone();
    for (standing, key) in [(Proof::Failed, "new"), (Proof::Unproven, "follow_up"), (Proof::Verified, "follow_up")] {
        let authenticity = Some(Authenticity { standing, checks: Vec::new(), not_checked: None });
        let subject = standing.key();
        let answer = story.mail(&Mail { subject, answers: vec![receipt.clone()], authenticity, ..Mail::default() });
        let view = story.lens(duty).report(answer).expect("seen");
        assert_eq!(view.row.status.key(), key, "{subject}");
    }
}

#[test]
fn one_sender_gets_one_receipt_an_hour_and_imports_get_none() {
    let mut story = Story::new();
    story.mail(&Mail::default());
    story.wait(600);
    story.mail(&Mail { subject: "nog iets", ..Mail::default() });
    story.mail(&Mail { via: intake::Via::Import, from: "oud@lijsterhove.example", ..Mail::default() });
    assert_eq!(story.desk.due(story.now, 10).len(), 1);
    story.wait(3600);
    story.mail(&Mail { subject: "later", ..Mail::default() });
    assert_eq!(story.desk.due(story.now, 10).len(), 2);
}

#[test]
fn mail_is_tried_again_and_given_up_in_the_end() {
    let mut story = Story::new();
    let duty = story.duty;
    story.mail(&Mail::default());
    let notice = story.desk.due(story.now, 1)[0].notice;
    let later = || Tried::Later { code: 451, said: "greylisted".to_owned(), unsure: true };
    let mut tries = 0;
    while let Some(next) = story.desk.next_due() {
        story.now = next;
        story.rule(Command::Outbox(outbox::Command::Tried(notice, later())));
        tries += 1;
        assert!(tries < 200, "it ends");
    }
    let view = &story.lens(duty).outbox(&Default::default())[0];
    assert_eq!((view.standing, view.unsure), (StandingKey::Failed, true));
    let leave = view.leave.expect("a person may want it tried again");
    story.act(duty, Command::Outbox(outbox::Command::Retry(leave)));
    story.send_all();
    let sent = story.submit(Actor::Person(duty), Command::Outbox(outbox::Command::Retry(leave)));
    assert_eq!(sent, Err(Refusal::TooLate { why: "sent" }));
}

#[test]
fn a_snoozed_report_comes_back_by_itself_or_is_woken() {
    let mut story = Story::new();
    let duty = story.duty;
    let reference = story.mail(&Mail { subject: "vraag", text: "Geldt punt 7 ook voor ons?", ..Mail::default() });
    let leave = story.report(duty, reference);
    let until = story.now.plus_seconds(3600);
    story.act(duty, Command::Intake(intake::Command::Snooze(leave, until)));
    let parts = |story: &Story| {
        let queue = story.lens(duty).queue(story.now, &QueueFilter::default());
        (queue.judge.len(), queue.snoozed.len())
    };
    assert_eq!(parts(&story), (0, 1));
    assert_eq!(story.lens(duty).next_wake(story.now), Some(until));
    story.wait(3600);
    assert_eq!(parts(&story), (1, 0));
    story.act(duty, Command::Intake(intake::Command::Snooze(leave, story.now.plus_seconds(60))));
    story.act(duty, Command::Intake(intake::Command::Wake(leave)));
    assert_eq!(parts(&story), (1, 0));
    let past = story.submit(Actor::Person(duty), Command::Intake(intake::Command::Snooze(leave, story.now)));
    assert_eq!(past, Err(Refusal::Invalid { field: "until", why: "past" }));
}

#[test]
fn the_same_message_twice_is_one_report() {
    let mut story = Story::new();
    let (reference, report) = story.receive(&Mail::default());
    let Some((_, _, first)) = story.recorded.last().cloned() else { unreachable!("it was recorded") };
    let crate::fact::Fact::Intake(intake::Fact::Received { digest, .. }) = first.fact else { unreachable!("received") };
    let again = intake::Incoming {
        via: intake::Via::Imap,
        event_at: None,
        digest,
        digest_before: None,
        sender: None,
        arrival: intake::Arrival::default(),
        raw: Vec::new(),
    };
    // Kept while fewer fields were known as trace: today it has another digest, and the one of then beside it.
    let other = crate::testing::digest("as it is formed today");
    let kept_before = intake::Incoming { digest: other, digest_before: Some(digest), ..again.clone() };
    for again in [again, kept_before] {
        let outcome = story.rule(Command::Intake(intake::Command::Receive(Box::new(again))));
        assert_eq!(outcome, Outcome::Report { reference, new: false });
    }
    assert_eq!(story.desk.unread().map(|(r, _)| r).collect::<Vec<_>>(), [report]);
}
