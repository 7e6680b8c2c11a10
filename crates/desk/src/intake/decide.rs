//! What may become of a message.

use super::{Appraisal, Command, Fact, Status, Thread, Verdict};
use crate::Desk;
use crate::command::{Actor, Context, Decision, Outcome, Refusal};
use crate::fact::{self, Recorded};
use crate::ids::{Named, Reference, ReportId, Timestamp};
use crate::lens::Leave;
use crate::outbox::{self, About, Purpose};
use crate::sealed::Sealed;

/// At most one automatic answer per sender in so many seconds, and no other throttle (RFC 3834 §2).
pub const ANSWER_INTERVAL_SECONDS: i64 = 3600;
/// Reports decided by one act, at most.
pub const BULK_MAX: usize = 500;

fn intake(fact: Fact) -> fact::Fact {
    fact::Fact::Intake(fact)
}

pub(crate) fn decide(desk: &Desk, context: &mut Context<'_>, command: Command) -> Result<Decision, Refusal> {
    match command {
        Command::Receive(incoming) => {
            if let Some(known) = desk.intake.by_digest.get(&incoming.digest) {
                let reference = desk.intake.get(*known).reference;
                return Ok(Decision::nothing(Outcome::Report { reference, new: false }));
            }
            let reference = fresh_reference(desk, context, Named::Report);
            let fact = intake(Fact::Received {
                report: ReportId(desk.intake.reports.len() as u32),
                reference,
                via: incoming.via,
                received_at: context.now,
                event_at: incoming.event_at,
                digest: incoming.digest,
                sender: incoming.sender,
                size: incoming.raw.len() as u64,
                by: context.actor,
                arrival: Sealed::Open(incoming.arrival),
            });
            Ok(Decision {
                facts: vec![Recorded { fact, content: Some(incoming.raw) }],
                outcome: Outcome::Report { reference, new: true },
            })
        }
        Command::Read(report, findings) => decide_read(desk, context, report, *findings),
        Command::Claim(leave) => {
            let (report, by) = (leave.id, leave.by);
            match desk.intake.get(report).claimed_by {
                Some(other) if other == by => Ok(Decision::nothing(Outcome::Done)),
                // Taking over is allowed and visible: at 3 a.m. the first claimer may have fallen asleep.
                _ => Ok(Decision::one(intake(Fact::Claimed { report, by }), Outcome::Done)),
            }
        }
        Command::Release(leave) => match desk.intake.get(leave.id).claimed_by {
            None => Ok(Decision::nothing(Outcome::Done)),
            Some(_) => Ok(Decision::one(intake(Fact::Released { report: leave.id, by: leave.by }), Outcome::Done)),
        },
        Command::Appraise { report, kind, hit_now, board } => {
            let before = &desk.intake.get(report.id).appraisal;
            let appraisal = Appraisal {
                kind: kind.unwrap_or(before.kind),
                hit_now: hit_now.unwrap_or(before.hit_now),
                board: board.unwrap_or(before.board),
                board_certain: board.map_or(before.board_certain, |b| b.is_some()),
                ..before.clone()
            };
            if appraisal == *before {
                return Ok(Decision::nothing(Outcome::Done));
            }
            if let Some(Some(board)) = board
                && desk.register.get(board).is_none()
            {
                return Err(Refusal::invalid("board", "unknown"));
            }
            let fact = Fact::Appraised { report: report.id, by: report.by, appraisal };
            Ok(Decision::one(intake(fact), Outcome::Done))
        }
        Command::Decide(leave, verdict) => decide_verdict(desk, leave, verdict),
        Command::DecideMany(leaves, verdict) => {
            if leaves.len() > BULK_MAX {
                return Err(Refusal::invalid("reports", "too-many"));
            }
            let mut decision = Decision::default();
            for leave in leaves {
                match decide_verdict(desk, leave, verdict) {
                    Ok(one) => decision.facts.extend(one.facts),
                    // One that somebody else decided meanwhile does not stop the others.
                    Err(Refusal::TooLate { .. }) => {}
                    Err(other) => return Err(other),
                }
            }
            Ok(decision)
        }
        Command::Snooze(leave, until) => {
            undecided(desk, leave.id)?;
            if until <= context.now {
                return Err(Refusal::invalid("until", "past"));
            }
            Ok(Decision::one(intake(Fact::Snoozed { report: leave.id, by: leave.by, until }), Outcome::Done))
        }
        Command::Reply { report, draft, ask } => {
            let queued = outbox::queue(desk, context, About::Report(report.id), Purpose::Reply, draft)?;
            let mut decision = queued;
            if ask && matches!(desk.intake.get(report.id).status, Status::New | Status::Snoozed(_)) {
                decision.facts.push(intake(Fact::Waits { report: report.id, by: report.by }).into());
            }
            Ok(decision)
        }
    }
}

fn decide_read(
    desk: &Desk,
    context: &mut Context<'_>,
    report: ReportId,
    findings: super::Findings,
) -> Result<Decision, Refusal> {
    let kept = desk.intake.reports.get(report.index()).ok_or(Refusal::NotFound)?;
    if kept.reading.is_some() {
        return Ok(Decision::nothing(Outcome::Done));
    }
    let thread = findings.thread.map(|t| proven(desk, report, t));
    let content = serde_json::to_vec(&findings.body).expect("a reading is plain data");
    let fact = intake(Fact::Read {
        report,
        completeness: findings.completeness,
        automatic: findings.automatic,
        language: findings.language,
        appraisal: findings.appraisal,
        thread,
        head: Sealed::Open(findings.head),
    });
    let mut facts = vec![Recorded { fact, content: Some(content) }];
    match thread {
        Some(Thread::Continues(of)) => {
            let verdict = match desk.intake.get(of).status {
                Status::Decided(Verdict::Incident { incident, .. }) => Verdict::Incident { incident, opened: false },
                _ => Verdict::FollowUp(of),
            };
            facts.push(intake(Fact::Decided { report, by: Actor::Rule, verdict }).into());
        }
        Some(Thread::Returns(notice)) => {
            facts.push(fact::Fact::Outbox(outbox::bounced(desk, notice, report)).into());
            if let About::Report(of) = desk.outbox.get(notice).about {
                let verdict = Verdict::FollowUp(of);
                facts.push(intake(Fact::Decided { report, by: Actor::Rule, verdict }).into());
            }
        }
        Some(Thread::Mentions(_)) | None => {}
    }
    if let Some(answer) = findings.answer.filter(|_| may_answer_again(desk, report, context.now)) {
        let continues = matches!(thread, Some(Thread::Continues(_)));
        if !continues && let Ok(queued) = outbox::queue(desk, context, About::Report(report), Purpose::Receipt, answer) {
            facts.extend(queued.facts);
        }
    }
    Ok(Decision { facts, outcome: Outcome::Done })
}

/// A token of ours counts only together with a sender who takes part in that conversation already.
fn proven(desk: &Desk, report: ReportId, thread: Thread) -> Thread {
    match thread {
        Thread::Continues(of) => {
            let sender = desk.intake.get(report).sender;
            let root = conversation_root(desk, of);
            if sender.is_some_and(|s| desk.takes_part(root, &s)) { Thread::Continues(root) } else { Thread::Mentions(of) }
        }
        other => other,
    }
}

/// The report that a chain of follow-ups began with.
fn conversation_root(desk: &Desk, report: ReportId) -> ReportId {
    let mut at = report;
    // A follow-up always points to an earlier report, so this ends.
    while let Status::Decided(Verdict::FollowUp(of)) = desk.intake.get(at).status {
        if of >= at {
            break;
        }
        at = of;
    }
    at
}

fn may_answer_again(desk: &Desk, report: ReportId, now: Timestamp) -> bool {
    let kept = desk.intake.get(report);
    let Some(sender) = kept.sender else { return false };
    if kept.via == super::Via::Import {
        return false;
    }
    desk.intake.answered.get(&sender).is_none_or(|last| now.seconds_since(*last) >= ANSWER_INTERVAL_SECONDS)
}

fn undecided(desk: &Desk, report: ReportId) -> Result<(), Refusal> {
    match desk.intake.get(report).status {
        Status::Decided(_) => Err(Refusal::TooLate { why: "decided" }),
        _ => Ok(()),
    }
}

fn decide_verdict(desk: &Desk, leave: Leave<ReportId>, verdict: Verdict) -> Result<Decision, Refusal> {
    undecided(desk, leave.id)?;
    match verdict {
        Verdict::Duplicate(of) | Verdict::FollowUp(of) if of == leave.id => {
            return Err(Refusal::invalid("of", "itself"));
        }
        Verdict::Duplicate(of) | Verdict::FollowUp(of) if of.index() >= desk.intake.reports.len() => {
            return Err(Refusal::NotFound);
        }
        Verdict::Incident { incident, .. } if incident.index() >= desk.incidents.incidents.len() => {
            return Err(Refusal::NotFound);
        }
        _ => {}
    }
    let fact = Fact::Decided { report: leave.id, by: Actor::Person(leave.by), verdict };
    Ok(Decision::one(intake(fact), Outcome::Done))
}

/// Take a decision back.
pub(crate) fn reopen(desk: &Desk, report: ReportId, by: Actor) -> Result<Decision, Refusal> {
    match desk.intake.get(report).status {
        Status::Decided(_) => Ok(Decision::one(intake(Fact::Reopened { report, by }), Outcome::Done)),
        _ => Err(Refusal::TooLate { why: "undone" }),
    }
}

/// A reference that is not in use. 40 random bits: after a million the next one collides once in a million times.
pub(crate) fn fresh_reference(desk: &Desk, context: &mut Context<'_>, named: Named) -> Reference {
    loop {
        let reference = Reference::new(named, context.random.bits());
        if !desk.intake.by_reference.contains_key(&reference) && !desk.incidents.by_reference.contains_key(&reference) {
            return reference;
        }
    }
}

