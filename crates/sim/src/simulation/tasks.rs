//! What goes on by itself beside the writer: reading mail, sending mail, following. Each step is a place where a crash may fall.

use super::Simulation;
use crate::invariant::{Check, Invariant, broken, holds};
use crate::machine::{Conversation, Job, Machine, Reply, read_back};
use crate::reader::{self, IN_HAND_MAX, InHand};
use crate::store::Flaw;
use crate::world::{Answer, Coming};
use desk::command::{Actor, Command};
use desk::ids::{ReportId, Timestamp};
use desk::intake::{self, Findings};
use desk::outbox;

/// Conversations with the next hop at once.
const CONVERSATIONS_MAX: usize = 8;
impl Simulation {
    /// The reader takes what is unread into its hands.
    pub(super) fn pick_to_read(&mut self) {
        let Some(machine) = self.machine.as_mut().filter(|m| m.on_duty) else { return };
        let room = IN_HAND_MAX.saturating_sub(machine.reading.len());
        let held = |report: &ReportId| machine.reading.iter().any(|r| r.report == *report);
        let todo: Vec<ReportId> = machine.desk.unread().map(|(r, _)| r).filter(|r| !held(r)).take(room).collect();
        let seen = machine.applied;
        machine.reading.extend(todo.iter().map(|report| InHand { report: *report, seen, submitted: false }));
    }

    /// The reader reads one of them, now that it is durable, and submits what it found.
    pub(super) fn read(&mut self) -> Check {
        let Some(machine) = self.machine.as_mut() else { return Ok(()) };
        let durable = machine.durable;
        let ready = |r: &InHand| !r.submitted && r.seen <= durable;
        let ready: Vec<usize> = (0..machine.reading.len()).filter(|n| ready(&machine.reading[*n])).collect();
        let Some(place) = self.chance.pick(&ready).copied() else { return Ok(()) };
        let report = machine.reading[place].report;
        let seq = machine.desk.unread().find(|(r, _)| *r == report).map(|(_, seq)| seq);
        let raw = seq.and_then(|seq| machine.raw(report, seq));
        let (Some(raw), Some(via)) = (raw, machine.desk.way_in(report)) else {
            machine.reading.remove(place);
            return Ok(());
        };
        machine.reading[place].submitted = true;
        let Some(source) = self.model.reports.get(report.index()).and_then(|r| r.source) else {
            return broken(Invariant::AcknowledgedIsKept, format!("{report:?} is no mail that was ever written"));
        };
        let findings = match source {
            Coming::Form(form) => reader::form(&machine.desk, &mut self.chance, report, &self.world, form),
            Coming::Mail(mail) => {
                let dies = self.chance.permille(self.profile.worker);
                let hit = self.world.mails[mail].hit;
                self.summary.adds("reading processes died", dies.into());
                reader::mail(&machine.desk, &mut self.chance, report, via, &raw, dies, hit)
            }
        };
        self.submit_findings(report, findings);
        Ok(())
    }

    fn submit_findings(&mut self, report: ReportId, findings: Findings) {
        let Some(machine) = self.machine.as_mut() else { return };
        let reply = Reply::Reader(report, findings.body.text.clone());
        let command = Command::Intake(intake::Command::Read(report, Box::new(findings)));
        machine.queue.push_back(Job { actor: Actor::Rule, command, reply });
        self.note(|| format!("report {} was read", report.0));
    }

    /// The sender of mail makes one step: look what is due, hand a mail over, or submit what came of it.
    pub(super) fn send(&mut self) -> Check {
        let Some(machine) = self.machine.as_ref() else { return Ok(()) };
        let early = self.options.flaw == Flaw::SendEarly;
        let over = |c: &Conversation| c.came.is_none() && (c.seen <= machine.durable || early);
        let told = |c: &Conversation| c.came.is_some() && !c.submitted;
        let places = |of: &dyn Fn(&Conversation) -> bool| -> Vec<usize> {
            (0..machine.sending.len()).filter(|n| of(&machine.sending[*n])).collect()
        };
        let (to_hand_over, to_record) = (places(&over), places(&told));
        match self.chance.weighted(&[2, 3 * u32::from(!to_hand_over.is_empty()), 3 * u32::from(!to_record.is_empty())])
        {
            0 => self.look_what_is_due(),
            1 => {
                let place = to_hand_over[self.chance.below(to_hand_over.len())];
                self.hand_over(place)
            }
            _ => {
                let place = to_record[self.chance.below(to_record.len())];
                self.submit_what_came(place);
                Ok(())
            }
        }
    }

    pub(super) fn look_what_is_due(&mut self) -> Check {
        let clock = self.clock();
        let free = |m: &&mut Machine| m.frozen.is_none() && m.on_duty;
        let Some(machine) = self.machine.as_mut().filter(free) else { return Ok(()) };
        // The machine's clock may be behind the newest fact.
        let now = clock.max(machine.desk.last_at());
        let room = CONVERSATIONS_MAX.saturating_sub(machine.sending.len());
        let due = machine.desk.due(now, room + machine.sending.len());
        let held = |id: &str| machine.sending.iter().any(|c| c.sending.message_id == id);
        let todo: Vec<outbox::Sending> = due.into_iter().filter(|s| !held(&s.message_id)).take(room).collect();
        let seen = machine.applied;
        machine.sending.extend(todo.into_iter().map(|sending| Conversation {
            sending,
            seen,
            came: None,
            submitted: false,
        }));
        // The model knows what is durable: where the desk is ahead of it there is nothing to compare.
        if machine.sending.len() >= CONVERSATIONS_MAX || machine.group.is_some() || !machine.is_up_to_date() {
            return Ok(());
        }
        let waits = |n: &&usize| self.model.notices[**n].waits() && self.model.notices[**n].tries == 0;
        let fresh: Vec<usize> = (0..self.model.notices.len()).collect();
        let held = |n: &&usize| !machine.sending.iter().any(|c| c.sending.notice.index() == **n);
        let late = fresh.iter().filter(waits).find(held);
        holds(late.is_none(), Invariant::MailLeavesWhateverTheClock, || {
            format!("notice {late:?} was never tried, and at {clock:?} nobody takes it up")
        })
    }

    pub(super) fn hand_over(&mut self, place: usize) -> Check {
        let answer = Answer::by(&mut self.chance, self.profile.peer);
        let time = self.time;
        let Some(machine) = self.machine.as_mut() else { return Ok(()) };
        let conversation = &mut machine.sending[place];
        conversation.came = Some((answer.tried(), answer.is_taken()));
        let sending = conversation.sending.clone();
        let known = self.model.notices.get(sending.notice.index()).is_some_and(|n| n.message_id == sending.message_id);
        holds(known, Invariant::SentAfterDurable, || {
            format!("{} leaves, and is not in the journal", sending.message_id)
        })?;
        self.world.hand_over(time, &sending, answer)?;
        if answer == Answer::BreaksAfter {
            self.world.peer.excuse(&sending.message_id);
        }
        self.summary.add(match answer {
            Answer::Takes => "peer: took",
            Answer::Defers => "peer: deferred",
            Answer::Refuses => "peer: refused",
            Answer::Unreachable => "peer: unreachable",
            Answer::BreaksAfter => "peer: broke after taking",
            Answer::BreaksBefore => "peer: broke before taking",
        });
        self.note(|| format!("notice {} to {}: {answer:?}", sending.notice.0, sending.letter.to));
        Ok(())
    }

    pub(super) fn submit_what_came(&mut self, place: usize) {
        let Some(machine) = self.machine.as_mut() else { return };
        let conversation = &mut machine.sending[place];
        let Some((tried, _)) = conversation.came.clone() else { return };
        conversation.submitted = true;
        let command = Command::Outbox(outbox::Command::Tried(conversation.sending.notice, tried));
        let reply = Reply::Sender(conversation.sending.message_id.clone());
        machine.queue.push_back(Job { actor: Actor::Rule, command, reply });
    }

    /// The follower reads on, some transactions or all.
    pub(super) fn follow(&mut self) -> Check {
        let size = self.disk().size();
        let behind = size.saturating_sub(self.follower.at) as usize;
        let to = self.follower.at + 1 + self.chance.below(behind * 2) as u64;
        self.follow_to(to.min(size))
    }

    /// The follower reads on to the end of the transaction that has this place.
    pub(super) fn follow_to(&mut self, to: u64) -> Check {
        let disk = self.machine.as_ref().map_or(&self.disk, |m| &m.core.store.disk);
        let follower = &mut self.follower;
        holds(follower.at <= disk.size(), Invariant::FollowerEqualsWriter, || {
            format!("the follower has {} entries, the writer {}", follower.at, disk.size())
        })?;
        let mut whole = true;
        while (follower.at as usize) < disk.entries.len() && (follower.at < to || !whole) {
            let entry = &disk.entries[follower.at as usize];
            match read_back(entry) {
                Ok(Some(fact)) => follower.desk.apply(entry.seq, Timestamp(entry.at), &fact),
                Ok(None) => {}
                Err(why) => return broken(Invariant::OpensAgain, format!("the follower cannot read on: {why}")),
            }
            (follower.at, whole) = (follower.at + 1, entry.last);
        }
        let (before, now) = (follower.checkpoint, disk.checkpoint());
        follower.checkpoint = now;
        let proof = disk.consistency(before.size.min(now.size), now.size);
        let holds_together = journal::verify_consistency(before.size, now.size, &before.root, &now.root, &proof);
        holds(holds_together, Invariant::CheckpointsAreConsistent, || {
            format!("the follower's checkpoint of {} does not lead to that of {}", before.size, now.size)
        })?;
        self.check_follower()
    }
}
