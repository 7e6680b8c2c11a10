//! The writer's steps: decide, make durable, answer; and the ends that a machine may come to.

use super::{Acknowledged, Simulation};
use crate::invariant::{Check, Invariant, broken, holds};
use crate::machine::{Group, Job, Machine, NoStart, Reply};
use crate::model::Model;
use crate::people::{Act, Did, Saw};
use crate::reader;
use crate::store::{Fault, Flaw};
use crate::world::Coming;
use desk::command::{Actor, Command, Decision, Outcome, Refusal};
use desk::fact::Fact;
use desk::ids::Timestamp;
use desk::{incidents, intake, outbox};
use engine::core::{Decided, Store, Trouble};

impl Simulation {
    /// What happens to the next write.
    pub(super) fn fault(&mut self) -> Option<Fault> {
        // Erasing has two writes, with a gap in between: it is worth more trouble.
        let group = self.machine.as_ref().and_then(|m| m.group.as_ref());
        let facts =
            group.into_iter().flat_map(|g| &g.decided).filter_map(|d| d.answer.as_ref().ok()).flat_map(|d| &d.facts);
        let erases = facts.into_iter().any(|f| f.fact.erases().is_some());
        let likely = self.profile.disk * if erases { 8 } else { 1 };
        self.chance.permille(likely).then(|| Fault::ALL[self.chance.below(Fault::ALL.len())])
    }

    /// The machine starts on its disk.
    pub(super) fn start(&mut self) -> Check {
        if self.step > 0 && self.chance.permille(4 * self.profile.clock) {
            // A machine that was off comes back with another time.
            self.set_clock();
        }
        let disk = std::mem::take(&mut self.disk);
        let erase_fault = self.fault().filter(|_| self.step > 0);
        let (model, world) = (&mut self.model, &self.world);
        let mut retried = Vec::new();
        let each = |entry: &crate::disk::Entry, fact: &Fact| {
            if let (Fact::Outbox(outbox::Fact::Retried { notice, .. }), true) = (fact, entry.seq >= model.next) {
                retried.push(*notice);
            }
            model.feed(entry.seq, Timestamp(entry.at), entry.first, fact, world);
        };
        let started = Machine::start(disk, self.options.flaw, &mut self.chance, erase_fault, each);
        retried.into_iter().for_each(|notice| self.excuse(notice.index()));
        match started {
            Ok(mut machine) => {
                machine.on_duty = self.other.as_ref().is_none_or(|other| !other.on_duty);
                self.started(machine)
            }
            Err(NoStart::Crash(disk)) => {
                self.disk = *disk;
                self.summary.add("crashes");
                self.summary.add("crashes: starting");
                self.note(|| "the machine dies while it starts".to_owned());
                Ok(())
            }
            Err(NoStart::Closed(why)) => broken(Invariant::OpensAgain, why),
        }
    }

    fn started(&mut self, machine: Machine) -> Check {
        let size = machine.core.store.next_seq();
        self.model.next = self.model.next.max(size);
        self.machine = Some(machine);
        self.note(|| format!("the machine is up with {size} entries"));
        self.check_facts()?;
        self.check_start()?;
        self.excuse_taken();
        self.check_chain()
    }

    /// What the peer took and a machine that is gone did not record may come once more.
    pub(super) fn excuse_taken(&mut self) {
        for (message_id, notice) in std::mem::take(&mut self.taken) {
            if self.model.notices.get(notice.index()).is_some_and(crate::model::Notice::waits) {
                self.world.peer.excuse(&message_id);
            }
        }
    }

    /// The machine is gone with everything in its memory.
    pub(super) fn crash(&mut self, how: &str) -> Check {
        let Some(machine) = self.machine.take() else { return Ok(()) };
        let decided = machine.group.as_ref().map_or(0, |g| g.decided.len());
        self.trace_crash(how, &machine, decided);
        let replies = machine.queue.into_iter().map(|job| job.reply);
        let replies: Vec<Reply> = replies.chain(machine.group.into_iter().flat_map(|g| g.replies)).collect();
        replies.into_iter().for_each(|reply| self.unanswered(reply));
        for conversation in machine.sending.into_iter().filter(|c| matches!(c.came, Some((_, true)))) {
            self.taken.push((conversation.sending.message_id, conversation.sending.notice));
        }
        self.disk = machine.core.store.disk;
        // What the dead machine held in memory can be compared with what comes back, where all of it was durable.
        let next = machine.desk.next_seq();
        let behind = self.disk.entries.iter().skip(next as usize).any(|entry| !entry.kind.starts_with("journal."));
        self.before = (next <= self.disk.size() && !behind).then(|| Box::new(machine.desk));
        Ok(())
    }

    fn trace_crash(&mut self, how: &str, machine: &Machine, decided: usize) {
        self.summary.add("crashes");
        self.summary.add(match (decided > 0, machine.sending.iter().any(|c| c.came.is_some())) {
            _ if machine.core.store.crashed => "crashes: writing",
            (true, _) => "crashes: decided, not written",
            (false, true) => "crashes: sent, not recorded",
            (false, false) => "crashes: at rest",
        });
        let (queued, sending) = (machine.queue.len(), machine.sending.len());
        let how = how.to_owned();
        self.note(|| format!("the machine {how}: {queued} queued, {decided} decided, {sending} being sent"));
    }

    /// Whoever waited gets no answer.
    pub(super) fn unanswered(&mut self, reply: Reply) {
        if let Reply::Outside(coming) = reply {
            self.world.plan_again(self.time, coming);
        }
    }

    /// The writer takes from its queue and decides.
    pub(super) fn decide(&mut self, most: usize) -> Check {
        let clock = self.clock();
        let Some(machine) = self.machine.as_mut() else { return Ok(()) };
        if machine.queue.is_empty() || machine.group.is_some() {
            return Ok(());
        }
        if machine.frozen.is_some() {
            let replies: Vec<Reply> = machine.queue.drain(..).map(|job| job.reply).collect();
            replies.into_iter().for_each(|reply| self.refused(reply));
            return Ok(());
        }
        self.take_lead()?;
        let Some(machine) = self.machine.as_mut() else { return Ok(()) };
        machine.decide(most, clock, &mut self.chance);
        let Some(group) = &machine.group else { return Ok(()) };
        let kinds: Vec<String> = group.decided.iter().filter(|_| self.traced).map(outcome).collect();
        self.note(|| format!("decided: {}", kinds.join(", ")));
        if self.options.flaw == Flaw::AnswerEarly {
            self.answer_early()?;
        }
        Ok(())
    }

    /// Somebody is told that the storage does not answer.
    fn refused(&mut self, reply: Reply) {
        match reply {
            Reply::Outside(_) => self.unanswered(reply),
            Reply::Reader(report, _) => self.drop_reading(report),
            Reply::Sender(message_id) => self.drop_conversation(&message_id),
            Reply::Person(_) | Reply::Nobody => {}
        }
    }

    fn drop_reading(&mut self, report: desk::ids::ReportId) {
        if let Some(machine) = &mut self.machine {
            machine.reading.retain(|r| r.report != report);
        }
    }

    /// What became of a mail could not be recorded: it is tried again, or where the machine is frozen, the mail may be sent again
    /// after a start.
    fn drop_conversation(&mut self, message_id: &str) {
        let Some(machine) = &mut self.machine else { return };
        if machine.frozen.is_none() {
            let conversation = machine.sending.iter_mut().find(|c| c.sending.message_id == message_id);
            return conversation.into_iter().for_each(|conversation| conversation.submitted = false);
        }
        let gone = machine.sending.iter().position(|c| c.sending.message_id == message_id);
        if let Some(conversation) = gone.map(|n| machine.sending.remove(n))
            && matches!(conversation.came, Some((_, true)))
        {
            self.taken.push((conversation.sending.message_id, conversation.sending.notice));
        }
    }

    /// The group becomes durable, or the storage fails.
    pub(super) fn write(&mut self, fault: Option<Fault>) -> Check {
        let raw_now = self.clock().0;
        let slow = self.chance.between(500, self.profile.write_micros_max);
        let Some(machine) = self.machine.as_mut() else { return Ok(()) };
        let Some(mut group) = machine.group.take() else { return Ok(()) };
        let store = &mut machine.core.store;
        store.raw_now = raw_now;
        match self.chance.weighted(&[5, 4, 1]) {
            0 => store.fault = fault,
            1 => store.erase_fault = fault,
            _ => store.no_key = fault == Some(Fault::Full),
        }
        let before = store.disk.size();
        let facts: usize = group.decided.iter().filter_map(|d| d.answer.as_ref().ok()).map(|d| d.facts.len()).sum();
        let written = machine.commit(&mut group);
        let store = &mut machine.core.store;
        (store.fault, store.erase_fault, store.no_key) = (None, None, false);
        // All of it, and perhaps the entry that says which keys are gone.
        let more = store.disk.size() - before;
        let whole = more == 0
            || (facts as u64..=facts as u64 + 1).contains(&more)
            || self.options.flaw == Flaw::AckBeforeDurable;
        holds(whole, Invariant::GroupsAreWhole, || format!("of {facts} facts {more} are durable"))?;
        self.time += slow;
        match written {
            Ok(()) => self.written(group),
            Err(error) if error.trouble == Trouble::Full => self.no_room(group),
            Err(error) => self.failed(group, error.why),
        }
    }

    /// Nothing of the group is kept, or its erasures are not carried out yet: whoever waits is refused, and the desk goes on.
    fn no_room(&mut self, group: Group) -> Check {
        self.summary.add("no room");
        self.note(|| "there is no room".to_owned());
        let Some(machine) = self.machine.as_mut() else { return Ok(()) };
        let (flaw, model, world) = (self.options.flaw, &mut self.model, &self.world);
        let (durable, mut retried) = (machine.durable, Vec::new());
        let back = machine.go_back(flaw, |entry, fact| {
            if let (Fact::Outbox(outbox::Fact::Retried { notice, .. }), true) = (fact, entry.seq >= model.next) {
                retried.push(*notice);
            }
            model.feed(entry.seq, Timestamp(entry.at), entry.first, fact, world);
        });
        let size = machine.core.store.next_seq();
        // What was looked at and never became durable is nobody's work.
        machine.reading.retain(|reading| reading.seen <= durable);
        machine.sending.retain(|conversation| conversation.seen <= durable);
        self.model.next = self.model.next.max(size);
        retried.into_iter().for_each(|notice| self.excuse(notice.index()));
        group.replies.into_iter().for_each(|reply| self.refused(reply));
        holds(back.is_ok(), Invariant::OpensAgain, || format!("{back:?}"))?;
        self.check_facts()
    }

    fn failed(&mut self, group: Group, why: String) -> Check {
        let Some(machine) = self.machine.as_mut() else { return Ok(()) };
        let store = &mut machine.core.store;
        if store.crashed {
            machine.group = Some(group);
            return self.crash("dies while it writes");
        }
        let refused = store.refused.take();
        machine.frozen = Some(why.clone());
        self.summary.add("freezes");
        self.note(|| format!("the storage fails: {why}"));
        group.replies.into_iter().for_each(|reply| self.refused(reply));
        match refused {
            Some(why) => broken(Invariant::JournalTakesIt, why),
            None => Ok(()),
        }
    }

    /// The group is durable: the model learns of it, and whoever waits is answered; unless the machine dies in between.
    fn written(&mut self, group: Group) -> Check {
        let size = self.machine.as_ref().map_or(0, |m| m.core.store.next_seq());
        for (reply, decided) in group.replies.iter().zip(&group.decided) {
            let Ok(decision) = &decided.answer else { continue };
            if let (Reply::Person(Act { who, saw: Some((incident, saw)), .. }), false) =
                (reply, decision.facts.is_empty())
            {
                let now = self.model.incidents.get(*incident).is_some_and(|i| i.has(*saw));
                holds(now, Invariant::NothingOverwritten, || {
                    format!(
                        "{who:?} saw {saw:?} in incident {incident}, which it is no more, and {:?} was done",
                        decision.facts
                    )
                })?;
            }
            for (n, recorded) in decision.facts.iter().enumerate() {
                let seq = decided.first + n as u64;
                self.check_written(seq, &recorded.fact)?;
                if let Reply::Person(Act { did: Did::Undo(of), .. }) = reply {
                    self.check_undo_fact(*of, &recorded.fact)?;
                }
                self.count(&recorded.fact);
                let at = self.machine.as_ref().map_or(Timestamp(0), |m| m.core.last);
                self.model.feed(seq, at, n == 0, &recorded.fact, &self.world);
                if let Fact::Outbox(outbox::Fact::Retried { notice, .. }) = &recorded.fact {
                    self.excuse(notice.index());
                }
            }
        }
        self.model.next = self.model.next.max(size);
        self.note(|| format!("durable: {size} entries"));
        self.check_facts()?;
        self.checkpoint()?;
        self.erasures(&group)?;
        self.check_keys()?;
        if self.options.flaw == Flaw::AnswerEarly {
            return Ok(());
        }
        let dies = self.chance.permille(self.profile.crash / 2).then(|| self.chance.below(group.replies.len()));
        for (n, (reply, decided)) in group.replies.into_iter().zip(group.decided).enumerate() {
            if self.machine.is_none() || dies == Some(n) {
                self.unanswered(reply);
                self.crash("dies before everybody was answered")?;
                continue;
            }
            self.answer(reply, decided)?;
        }
        Ok(())
    }

    /// A mail that a person has tried again after it was taken once may well come again.
    pub(super) fn excuse(&mut self, notice: usize) {
        let message_id = &self.model.notices[notice].message_id;
        if self.world.peer.times(message_id) > 0 {
            self.world.peer.excuse(message_id);
        }
    }

    /// The flaw: everybody is answered before anything is durable.
    fn answer_early(&mut self) -> Check {
        let Some(group) = self.machine.as_mut().and_then(|m| m.group.as_mut()) else { return Ok(()) };
        let replies = std::mem::replace(&mut group.replies, vec![Reply::Nobody; group.decided.len()]);
        let copies: Vec<Decided> =
            group.decided.iter().map(|d| Decided { answer: d.answer.clone(), first: d.first }).collect();
        replies.into_iter().zip(copies).try_for_each(|(reply, decided)| self.answer(reply, decided))
    }

    /// Somebody is answered: from here on the desk stands by it.
    fn answer(&mut self, reply: Reply, decided: Decided) -> Check {
        if let (Ok(decision), false) = (&decided.answer, matches!(reply, Reply::Nobody)) {
            self.acknowledge(decided.first, decision)?;
        }
        match reply {
            Reply::Nobody => holds(decided.answer.is_ok(), Invariant::EverythingSettles, || {
                format!("a first step was refused: {:?}", decided.answer)
            }),
            Reply::Outside(coming) => self.answer_outside(coming, decided.answer),
            Reply::Person(act) => self.answer_person(act, decided),
            Reply::Reader(report, text) => {
                self.drop_reading(report);
                if let Some(machine) = &mut self.machine {
                    machine.desk.index_text(report, &text);
                }
                Ok(())
            }
            Reply::Sender(message_id) => {
                if let Some(machine) = &mut self.machine {
                    machine.sending.retain(|c| c.sending.message_id != message_id);
                }
                Ok(())
            }
        }
    }

    fn acknowledge(&mut self, first: u64, decision: &Decision) -> Check {
        let Some(last) = (first + decision.facts.len() as u64).checked_sub(1) else { return Ok(()) };
        if decision.facts.is_empty() {
            return Ok(());
        }
        let Some(machine) = &self.machine else { return Ok(()) };
        match machine.core.store.disk.entries.get(last as usize) {
            Some(entry) => {
                self.acknowledged.push(Acknowledged { seq: last, leaf: entry.leaf });
                Ok(())
            }
            None => broken(Invariant::AnsweredAfterDurable, format!("fact {last} was acknowledged and is not durable")),
        }
    }

    fn answer_outside(&mut self, coming: Coming, answer: Result<Decision, Refusal>) -> Check {
        let Ok(Decision { outcome: Outcome::Report { reference, new }, .. }) = answer else {
            self.unanswered(Reply::Outside(coming));
            return Ok(());
        };
        if let (Coming::Form(form), true) = (coming, new) {
            self.read_form(form, reference);
        }
        if matches!(coming, Coming::Mail(_)) && self.chance.permille(self.profile.line) {
            self.summary.add("acknowledgements lost");
            self.unanswered(Reply::Outside(coming));
            return Ok(());
        }
        self.note(|| format!("{coming:?} is {reference}{}", if new { "" } else { ", known already" }));
        self.summary.add(if new { "reports" } else { "came again" });
        self.world.told(coming, reference)
    }

    /// A form is read at once, by whoever keeps it; if that is cut off, the reader does it later.
    fn read_form(&mut self, form: usize, reference: desk::ids::Reference) {
        let Some(machine) = self.machine.as_mut() else { return };
        let Some(report) = machine.desk.report_of(reference) else { return };
        let findings = reader::form(&machine.desk, &mut self.chance, report, &self.world, form);
        let command = Command::Intake(intake::Command::Read(report, Box::new(findings)));
        machine.queue.push_back(Job { actor: Actor::Rule, command, reply: Reply::Nobody });
    }

    fn answer_person(&mut self, act: Act, decided: Decided) -> Check {
        let Ok(decision) = decided.answer else {
            self.summary.add("refused to people");
            return Ok(());
        };
        self.summary.add("done for people");
        if let (Did::Undo(of), false) = (act.did, decision.facts.is_empty()) {
            self.check_undo(of, act, &decision)?;
        }
        for n in 0..decision.facts.len() as u64 {
            self.people.remember(decided.first + n, act);
        }
        Ok(())
    }

    /// An undo gives back what was, and takes nothing from somebody who changed it since.
    fn check_undo_fact(&mut self, of: u64, fact: &Fact) -> Check {
        let invariant = Invariant::UndoTakesBackThat;
        if let Some(latest) = Model::touched(fact).and_then(|t| self.model.latest.get(&t).copied()) {
            holds(latest == of, invariant, || {
                format!("fact {of} is undone though fact {latest} set the same since: {fact:?}")
            })?;
        }
        let Fact::Incidents(incidents::Fact::Changed { change, .. }) = fact else { return Ok(()) };
        match (self.model.before.get(&of), Saw::of(change)) {
            (Some(before), Some(now)) => holds(*before == now, invariant, || {
                format!("fact {of} is undone: the field was {before:?} and becomes {now:?}")
            }),
            _ => Ok(()),
        }
    }

    fn check_undo(&mut self, of: u64, act: Act, decision: &Decision) -> Check {
        let Some((_, undone)) = self.people.remembered.iter().find(|(seq, _)| *seq == of).copied() else {
            return Ok(());
        };
        self.summary.add("undone");
        let facts: Vec<&Fact> = decision.facts.iter().map(|f| &f.fact).collect();
        let reopened = |f: &&Fact| matches!(f, Fact::Intake(intake::Fact::Reopened { .. }));
        let moved = |f: &&Fact| matches!(f, Fact::Intake(intake::Fact::Moved { .. }));
        let dropped = |f: &&Fact| matches!(f, Fact::Incidents(incidents::Fact::Dropped { .. }));
        let fits = match (undone.did, facts.as_slice()) {
            (Did::Appraise, [Fact::Intake(intake::Fact::Appraised { .. })]) => true,
            (Did::Decide, [Fact::Intake(intake::Fact::Reopened { .. })]) => true,
            (Did::DecideMany, all) => all.iter().all(reopened),
            (Did::Open, all) => {
                all.iter().all(|f| reopened(f) || dropped(f)) && all.iter().filter(|f| dropped(f)).count() == 1
            }
            (Did::Change(field), [Fact::Incidents(incidents::Fact::Changed { change, .. })]) => change.field() == field,
            (Did::Line, [Fact::Incidents(incidents::Fact::Withdrawn { .. })]) => true,
            (Did::Merge, [Fact::Incidents(incidents::Fact::Parted { .. })]) => true,
            (Did::Move, [Fact::Intake(intake::Fact::Moved { .. })]) => true,
            (Did::Split, all) => {
                all.iter().all(|f| moved(f) || dropped(f)) && all.iter().filter(|f| dropped(f)).count() == 1
            }
            (Did::Task, [Fact::Incidents(incidents::Fact::TaskSet { .. })]) => true,
            _ => false,
        };
        holds(fits && undone.who == act.who, Invariant::UndoTakesBackThat, || {
            format!("{:?} took back fact {of} ({:?} of {:?}): {facts:?}", act.who, undone.did, undone.who)
        })
    }
}

/// What was decided, in few words.
fn outcome(decided: &Decided) -> String {
    match &decided.answer {
        Ok(decision) if decision.facts.is_empty() => "nothing".to_owned(),
        Ok(decision) => {
            let kinds = decision
                .facts
                .iter()
                .enumerate()
                .map(|(n, f)| format!("{} {}", decided.first + n as u64, kind(&f.fact)));
            kinds.collect::<Vec<_>>().join(" + ")
        }
        Err(refusal) => format!("no: {refusal}"),
    }
}

fn kind(fact: &Fact) -> String {
    super::cut(format_args!("{fact:?}"), 48)
}
