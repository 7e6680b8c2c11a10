//! What may become of a message.

use super::{Appraisal, Automatic, Command, Fact, Happened, Proof, Report, Status, Thread, Together, Verdict, erase};
use crate::Desk;
use crate::command::{Actor, Context, Decision, Outcome, Refusal};
use crate::fact::{self, Recorded};
use crate::ids::{AccountId, IncidentId, Named, Reference, ReportId, Timestamp};
use crate::incidents::Phase;
use crate::lens::{Audience, Leave};
use crate::outbox::{self, About, Purpose};
use crate::sealed::Sealed;

/// At most one automatic answer per sender in so many seconds, and no other throttle (RFC 3834 §2).
pub const ANSWER_INTERVAL_SECONDS: i64 = 3600;
/// Reports decided by one act, at most.
pub const BULK_MAX: usize = 500;

pub(super) fn intake(fact: Fact) -> fact::Fact {
    fact::Fact::Intake(fact)
}

pub(crate) fn decide(desk: &Desk, context: &mut Context<'_>, command: Command) -> Result<Decision, Refusal> {
    match command {
        Command::Receive(incoming) => {
            let mut digests = std::iter::once(&incoming.digest).chain(&incoming.digest_before);
            if let Some(known) = digests.find_map(|digest| desk.intake.by_digest.get(digest)) {
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
            match held(desk, leave)?.claimed_by {
                Some(other) if other == by => Ok(Decision::nothing(Outcome::Done)),
                // Taking over is allowed and visible: at 3 a.m. the first claimer may have fallen asleep.
                _ => Ok(Decision::one(intake(Fact::Claimed { report, by }), Outcome::Done)),
            }
        }
        Command::Release(leave) => match held(desk, leave)?.claimed_by {
            None => Ok(Decision::nothing(Outcome::Done)),
            Some(_) => Ok(Decision::one(intake(Fact::Released { report: leave.id, by: leave.by }), Outcome::Done)),
        },
        Command::Appraise { report, kind, hit_now, board } => {
            let before = &held(desk, report)?.appraisal;
            let appraisal = Appraisal {
                kind: kind.unwrap_or(before.kind),
                hit_now: hit_now.unwrap_or(before.hit_now),
                board: board.unwrap_or(before.board),
                board_certain: board.map_or(before.board_certain, |b| b.is_some()),
                ..before.clone()
            };
            if let Some(Some(board)) = board
                && desk.register.get(board).is_none()
            {
                return Err(Refusal::invalid("board", "unknown"));
            }
            if appraisal == *before {
                return Ok(Decision::nothing(Outcome::Done));
            }
            let fact = Fact::Appraised { report: report.id, by: report.by, appraisal };
            Ok(Decision::one(intake(fact), Outcome::Done))
        }
        Command::Decide(leave, verdict) => {
            Ok(Decision::one(intake(decide_verdict(desk, leave, verdict, None)?), Outcome::Done))
        }
        Command::DecideMany(leaves, verdict) => decide_many(desk, leaves, verdict),
        Command::Together(leaves, what) => together(desk, context, leaves, what),
        Command::Move { report, to, widen } => decide_move(desk, report, to, widen),
        Command::Reopen { report, widen } => {
            held(desk, report)?;
            let reopened = reopen(desk, report.id, Actor::Person(report.by))?;
            said(desk, report.id, &Audience::team(), widen)?;
            Ok(reopened)
        }
        Command::Snooze(leave, until) => {
            undecided(held(desk, leave)?)?;
            if until <= context.now {
                return Err(Refusal::invalid("until", "past"));
            }
            Ok(Decision::one(intake(Fact::Snoozed { report: leave.id, by: leave.by, until }), Outcome::Done))
        }
        Command::Wake(leave) => {
            let kept = held(desk, leave)?;
            undecided(kept)?;
            if kept.status == Status::New {
                return Ok(Decision::nothing(Outcome::Done));
            }
            let by = Actor::Person(leave.by);
            Ok(Decision::one(intake(Fact::Woken { report: leave.id, by }), Outcome::Done))
        }
        Command::Reply { report, draft, ask } => {
            let kept = held(desk, report)?;
            if kept.is_erased() {
                return Err(Refusal::Erased);
            }
            let mut decision = outbox::queue(desk, context, About::Report(report.id), Purpose::Reply, draft)?;
            if ask && matches!(kept.status, Status::New | Status::Snoozed(_)) {
                decision.facts.push(intake(Fact::Waits { report: report.id, by: report.by }).into());
            }
            Ok(decision)
        }
        Command::Erase { report, reason, alone } => erase::ask(desk, report, &reason, alone),
        Command::ConfirmErasure(leave) => erase::confirm(desk, context, leave),
        Command::WithdrawErasure(leave) => erase::withdraw(desk, context, leave),
        Command::Countersign(leave) => erase::countersign(desk, leave),
    }
}

/// The report behind a leave, if its holder may still act on it.
pub(super) fn held(desk: &Desk, leave: Leave<ReportId>) -> Result<&Report, Refusal> {
    let kept = desk.intake.reports.get(leave.id.index()).ok_or(Refusal::NotFound)?;
    desk.team_still_may(leave.by, kept.class)?;
    Ok(kept)
}

fn decide_read(
    desk: &Desk,
    context: &mut Context<'_>,
    report: ReportId,
    findings: super::Findings,
) -> Result<Decision, Refusal> {
    let kept = desk.intake.reports.get(report.index()).ok_or(Refusal::NotFound)?;
    // Erased while it was being read: nothing of it is recorded again.
    if kept.reading.is_some() || kept.is_erased() {
        return Ok(Decision::nothing(Outcome::Done));
    }
    // What a person said of it before it was read stands.
    let said = kept.history.iter().any(|event| event.what == Happened::Appraised);
    let appraisal = if said { kept.appraisal.clone() } else { findings.appraisal };
    let authentic = findings.head.authenticity.as_ref().is_none_or(|a| a.standing != Proof::Failed);
    let thread = findings.thread.and_then(|t| proven(desk, report, t, authentic));
    let content = serde_json::to_vec(&findings.body).expect("a reading is plain data");
    let fact = intake(Fact::Read {
        report,
        completeness: findings.completeness,
        automatic: findings.automatic,
        language: findings.language,
        appraisal,
        thread,
        head: Sealed::Open(findings.head),
    });
    let mut facts = vec![Recorded { fact, content: Some(content) }];
    if let Some(Thread::Returns(notice)) = thread {
        facts.push(fact::Fact::Outbox(outbox::bounced(desk, notice, report)).into());
    }
    let open = !matches!(kept.status, Status::Decided(_));
    if let Some(verdict) = thread.and_then(|thread| joins(desk, thread, findings.automatic)).filter(|_| open) {
        facts.push(intake(Fact::Decided { report, by: Actor::Rule, verdict, batch: None }).into());
    }
    if let Some(answer) = findings.answer.filter(|answer| may_answer_again(desk, report, answer, context.now)) {
        let continues = matches!(thread, Some(Thread::Continues(_) | Thread::Answers(_)));
        if !continues && let Ok(queued) = outbox::queue(desk, context, About::Report(report), Purpose::Receipt, answer)
        {
            facts.extend(queued.facts);
        }
    }
    Ok(Decision { facts, outcome: Outcome::Done })
}

/// Where a message belongs by itself. Never to what is over: an answer to a closed report or incident is for a person to see; only what
/// a machine sent back (a bounce, an absence) joins what it is about all the same.
fn joins(desk: &Desk, thread: Thread, automatic: Automatic) -> Option<Verdict> {
    let of = match thread {
        Thread::Continues(of) => of,
        Thread::Returns(notice) | Thread::Notes(notice) => match desk.outbox.get(notice).about {
            About::Report(of) => conversation_root(desk, of),
            About::Incident(incident) => return joins_incident(desk, incident),
        },
        Thread::Answers(incident) => return joins_incident(desk, incident),
        Thread::Mentions(_) => return None,
    };
    match desk.intake.get(of).status {
        Status::Decided(Verdict::Incident { incident, .. }) => joins_incident(desk, incident),
        Status::Decided(_) if automatic == Automatic::No => None,
        // What a person put behind another message is not the beginning of anything: following it could lead in a circle.
        Status::Decided(Verdict::FollowUp(_) | Verdict::Duplicate(_)) => None,
        Status::New | Status::Waiting | Status::Snoozed(_) | Status::Decided(_) => Some(Verdict::FollowUp(of)),
    }
}

fn joins_incident(desk: &Desk, incident: IncidentId) -> Option<Verdict> {
    let incident = desk.incidents.successor(incident);
    let kept = desk.incidents.get(incident);
    (kept.phase != Phase::Closed && !kept.dropped).then_some(Verdict::Incident { incident, opened: false })
}

/// A token of ours counts only together with a sender who takes part in that conversation already. An address that a check says the
/// mail is not from makes nobody that sender.
fn proven(desk: &Desk, report: ReportId, thread: Thread, authentic: bool) -> Option<Thread> {
    let sender = desk.intake.get(report).sender.filter(|_| authentic);
    match thread {
        Thread::Continues(of) => {
            let root = conversation_root(desk, of);
            let part = sender.is_some_and(|s| desk.takes_part(root, &s));
            Some(if part { Thread::Continues(root) } else { Thread::Mentions(of) })
        }
        Thread::Answers(incident) => {
            let notices = &desk.incidents.get(incident).notices;
            let part = sender.is_some_and(|s| notices.iter().any(|n| desk.outbox.get(*n).to == s));
            part.then_some(thread)
        }
        Thread::Mentions(_) | Thread::Returns(_) | Thread::Notes(_) => Some(thread),
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

fn may_answer_again(desk: &Desk, report: ReportId, answer: &outbox::Draft, now: Timestamp) -> bool {
    if desk.intake.get(report).via == super::Via::Import {
        return false;
    }
    // Who gets the receipt counts, not who says to have written.
    let last = desk.intake.answered.get(&answer.to_digest);
    last.is_none_or(|last| now.seconds_since(*last) >= ANSWER_INTERVAL_SECONDS)
}

fn undecided(kept: &Report) -> Result<(), Refusal> {
    match kept.status {
        Status::Decided(_) => Err(Refusal::TooLate { why: "decided" }),
        _ => Ok(()),
    }
}

fn decide_verdict(desk: &Desk, leave: Leave<ReportId>, verdict: Verdict, batch: Option<u64>) -> Result<Fact, Refusal> {
    undecided(held(desk, leave)?)?;
    let verdict = match verdict {
        Verdict::Duplicate(of) | Verdict::FollowUp(of) if of == leave.id => {
            return Err(Refusal::invalid("of", "itself"));
        }
        Verdict::Duplicate(of) | Verdict::FollowUp(of) => {
            let other = desk.intake.reports.get(of.index()).ok_or(Refusal::NotFound)?;
            desk.still_may(leave.by, other.class)?;
            // A chain of follow-ups that bites its own tail would hide all of them.
            if conversation(desk, of).contains(&leave.id) {
                return Err(Refusal::invalid("of", "circle"));
            }
            verdict
        }
        Verdict::Incident { incident, .. } => {
            let incident = goes_on(desk, leave.by, incident)?;
            Verdict::Incident { incident, opened: false }
        }
        Verdict::NoIncident | Verdict::Spam => verdict,
    };
    Ok(Fact::Decided { report: leave.id, by: Actor::Person(leave.by), verdict, batch })
}

/// Where an incident goes on, if the person may work there and anything can be added to it.
pub(crate) fn goes_on(desk: &Desk, by: AccountId, incident: IncidentId) -> Result<IncidentId, Refusal> {
    let kept = desk.incidents.incidents.get(incident.index()).ok_or(Refusal::NotFound)?;
    desk.still_may(by, kept.class)?;
    let incident = desk.incidents.successor(incident);
    let kept = desk.incidents.get(incident);
    desk.still_may(by, kept.class)?;
    if kept.is_erased() {
        return Err(Refusal::Erased);
    }
    if kept.dropped { Err(Refusal::TooLate { why: "dropped" }) } else { Ok(incident) }
}

/// Nobody gains sight of a message by a move without it being said, and none leaves a legal hold that way.
fn decide_move(desk: &Desk, leave: Leave<ReportId>, to: Leave<IncidentId>, widen: bool) -> Result<Decision, Refusal> {
    let Status::Decided(Verdict::Incident { incident: from, .. }) = held(desk, leave)?.status else {
        return Err(Refusal::TooLate { why: "not-in-incident" });
    };
    let to = goes_on(desk, leave.by, to.id)?;
    if from == to {
        return Ok(Decision::nothing(Outcome::Done));
    }
    desk.may_leave(from, Some(to))?;
    said(desk, leave.id, &desk.incidents.get(to).audience, widen)?;
    let by = Actor::Person(leave.by);
    Ok(Decision::one(intake(Fact::Moved { report: leave.id, by, to, undoes: None }), Outcome::Done))
}

/// Whether it was said that others see a message, where they do.
fn said(desk: &Desk, report: ReportId, to: &Audience, widen: bool) -> Result<(), Refusal> {
    if desk.is_widened(report, to) && !widen { Err(Refusal::invalid("widen", "others-see")) } else { Ok(()) }
}

/// A report goes back to the incident that it belonged to, while the fact `of` is the last one that decided about it.
pub(crate) fn undo_move(
    desk: &Desk,
    report: ReportId,
    from: IncidentId,
    of: u64,
    by: AccountId,
) -> Result<Decision, Refusal> {
    if desk.intake.get(report).decided_seq != Some(of) {
        return Err(Refusal::TooLate { why: "undone" });
    }
    let to = goes_on(desk, by, from)?;
    desk.team_still_may(by, desk.incidents.get(to).class)?;
    if desk.intake.get(report).status == Status::Decided(Verdict::Incident { incident: to, opened: false }) {
        return Ok(Decision::nothing(Outcome::Done));
    }
    desk.report_may_leave(report, Some(to))?;
    desk.may_show_again(report, Some(from), Some(to))?;
    Ok(Decision::one(intake(Fact::Moved { report, by: Actor::Person(by), to, undoes: Some(of) }), Outcome::Done))
}

/// A report and all that it is said to continue or to repeat.
fn conversation(desk: &Desk, report: ReportId) -> Vec<ReportId> {
    let mut chain = vec![report];
    while let Status::Decided(Verdict::FollowUp(of) | Verdict::Duplicate(of)) =
        desk.intake.get(*chain.last().expect("it begins with one")).status
    {
        if chain.contains(&of) {
            break;
        }
        chain.push(of);
    }
    chain
}

fn decide_many(desk: &Desk, mut leaves: Vec<Leave<ReportId>>, verdict: Verdict) -> Result<Decision, Refusal> {
    if leaves.len() > BULK_MAX {
        return Err(Refusal::invalid("reports", "too-many"));
    }
    leaves.sort_by_key(|l| l.id);
    leaves.dedup_by_key(|l| l.id);
    let mut decision = Decision::default();
    for leave in leaves {
        match decide_verdict(desk, leave, verdict, Some(desk.next)) {
            Ok(fact) => decision.facts.push(intake(fact).into()),
            // One that somebody else decided meanwhile does not stop the others.
            Err(Refusal::TooLate { .. }) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(decision)
}

/// The same for each, as far as it still may be: what a colleague decided or took meanwhile does not stop the others.
fn together(
    desk: &Desk,
    context: &mut Context<'_>,
    mut leaves: Vec<Leave<ReportId>>,
    what: Together,
) -> Result<Decision, Refusal> {
    if leaves.len() > BULK_MAX {
        return Err(Refusal::invalid("reports", "too-many"));
    }
    leaves.sort_by_key(|l| l.id);
    leaves.dedup_by_key(|l| l.id);
    let mut decision = Decision::default();
    for leave in leaves {
        let claimed = held(desk, leave)?.claimed_by;
        let one = match what {
            Together::Claim if claimed.is_some() => continue,
            Together::Release if claimed != Some(leave.by) => continue,
            Together::Claim => Command::Claim(leave),
            Together::Release => Command::Release(leave),
            Together::Snooze(until) => Command::Snooze(leave, until),
            Together::Wake => Command::Wake(leave),
        };
        match decide(desk, context, one) {
            Ok(one) => decision.facts.extend(one.facts),
            Err(Refusal::TooLate { .. }) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(decision)
}

fn reopen(desk: &Desk, report: ReportId, by: Actor) -> Result<Decision, Refusal> {
    desk.report_may_leave(report, None)?;
    match desk.intake.get(report).status {
        Status::Decided(_) => Ok(Decision::one(intake(Fact::Reopened { report, by }), Outcome::Done)),
        _ => Err(Refusal::TooLate { why: "undone" }),
    }
}

/// Take back the decision that this fact was, unless it was taken back or replaced already.
pub(crate) fn undo_decision(desk: &Desk, report: ReportId, of: u64, by: Actor) -> Result<Decision, Refusal> {
    if desk.intake.get(report).decided_seq != Some(of) {
        return Err(Refusal::TooLate { why: "undone" });
    }
    let reopened = reopen(desk, report, by)?;
    desk.may_show_again(report, None, None)?;
    Ok(reopened)
}

/// Take back what one act decided about many; what somebody changed since stays, and so does what this person may not act on any more.
pub(crate) fn undo_batch(desk: &Desk, batch: u64, by: AccountId) -> Result<Decision, Refusal> {
    let reports = desk.intake.batches.get(&batch).ok_or(Refusal::TooLate { why: "undo-gone" })?;
    let mut decision = Decision::default();
    for (seq, report) in reports {
        let kept = desk.intake.get(*report);
        if kept.decided_seq == Some(*seq) && desk.team_still_may(by, kept.class).is_ok() {
            desk.report_may_leave(*report, None)?;
            desk.may_show_again(*report, None, None)?;
            decision.facts.push(intake(Fact::Reopened { report: *report, by: Actor::Person(by) }).into());
        }
    }
    if decision.facts.is_empty() { Err(Refusal::TooLate { why: "undone" }) } else { Ok(decision) }
}

/// Give a report the opinion back that it had before the fact `of`, unless somebody, or a message that followed, changed it since.
pub(crate) fn undo_appraisal(
    desk: &Desk,
    report: ReportId,
    of: u64,
    before: &Appraisal,
    after: &Appraisal,
    by: AccountId,
) -> Result<Decision, Refusal> {
    if !desk.intake.get(report).appraised_by(of, after) {
        return Err(Refusal::TooLate { why: "changed" });
    }
    Ok(Decision::one(intake(Fact::Appraised { report, by, appraisal: before.clone() }), Outcome::Done))
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
