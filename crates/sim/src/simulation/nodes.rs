//! Two nodes, one desk: they share the disk, hear what the other wrote, and lead in turn. What a node was asked while it waited is
//! decided when its turn comes, on a desk that holds what the other wrote by then.

use super::Simulation;
use super::checks::same;
use crate::disk::Entry;
use crate::invariant::{Check, Invariant, holds};
use crate::machine::{Machine, NoStart, Reply};
use crate::store::Flaw;
use desk::fact::Fact;
use desk::ids::Timestamp;
use desk::outbox;

impl Simulation {
    /// Something happens between the two.
    pub(super) fn between_nodes(&mut self) -> Check {
        match (self.chance.weighted(&[10, 4, 4, 1, 2]), self.other.is_some()) {
            (0, true) => self.turn(),
            (1, true) => {
                self.turn()?;
                self.look()?;
                self.turn()
            }
            (2, true) => self.look(),
            (3, true) => {
                self.turn()?;
                self.crash("dies beside another")
            }
            (4, true) => self.change_duty(),
            (_, false) => self.start_other(),
            _ => Ok(()),
        }
    }

    /// The other one is about to decide: nothing of a group that is not durable is in the way.
    fn turn(&mut self) -> Check {
        let free = |m: &&mut Machine| m.group.is_none() && m.frozen.is_none();
        let (Some(machine), Some(other)) = (self.machine.as_mut().filter(free), self.other.as_mut()) else {
            return Ok(());
        };
        machine.core.store.hand_over(&mut other.core.store);
        std::mem::swap(machine, other);
        self.summary.add("nodes: turns");
        self.note(|| "the other node's turn".to_owned());
        self.compare_nodes()
    }

    /// The node that is at hand hears of what the other wrote: some of it, or all.
    fn look(&mut self) -> Check {
        let Some(machine) = self.machine.as_ref().filter(|m| m.group.is_none() && m.frozen.is_none()) else {
            return Ok(());
        };
        let (next, size) = (machine.core.next, machine.core.store.disk.size());
        let some = self.chance.below(1 + 2 * size.saturating_sub(next) as usize) as u64;
        self.hear((next + some).min(size))?;
        self.compare_nodes()
    }

    /// Before a node decides it holds what the other wrote.
    pub(super) fn take_lead(&mut self) -> Check {
        let size = self.disk().size();
        let behind = self.other.is_some() && self.machine.as_ref().is_some_and(|m| m.core.next < size);
        self.summary.adds("nodes: decided after hearing of another", behind.into());
        if self.options.flaw == Flaw::StaleLead {
            return Ok(());
        }
        self.hear(size)?;
        let Some(machine) = self.machine.as_mut() else { return Ok(()) };
        let paid = machine.pay();
        self.model.next = self.model.next.max(machine.core.next);
        self.summary.adds("nodes: erasures of another carried out", (paid == Ok(true)).into());
        holds(paid.is_ok(), Invariant::ErasedIsGone, || format!("what another erased stays: {paid:?}"))
    }

    fn hear(&mut self, until: u64) -> Check {
        let Some(machine) = self.machine.as_mut().filter(|m| m.core.next < until) else { return Ok(()) };
        let (model, world) = (&mut self.model, &self.world);
        let mut retried = Vec::new();
        let heard = machine.follow(until, |entry, fact| {
            if let (Fact::Outbox(outbox::Fact::Retried { notice, .. }), true) = (fact, entry.seq >= model.next) {
                retried.push(*notice);
            }
            model.feed(entry.seq, Timestamp(entry.at), entry.first, fact, world);
        });
        self.model.next = self.model.next.max(machine.core.next);
        retried.into_iter().for_each(|notice| self.excuse(notice.index()));
        holds(heard.is_ok(), Invariant::FollowerEqualsWriter, || format!("a node cannot follow: {heard:?}"))?;
        self.note(|| format!("it heard of what is up to entry {until}"));
        self.check_facts()
    }

    /// A second node starts beside the one that is at work.
    fn start_other(&mut self) -> Check {
        let erase_fault = self.fault();
        let Some(machine) = self.machine.as_mut().filter(|m| m.group.is_none() && m.frozen.is_none()) else {
            return Ok(());
        };
        let disk = std::mem::take(&mut machine.core.store.disk);
        let (model, world) = (&mut self.model, &self.world);
        let mut retried = Vec::new();
        let each = |entry: &Entry, fact: &Fact| {
            if let (Fact::Outbox(outbox::Fact::Retried { notice, .. }), true) = (fact, entry.seq >= model.next) {
                retried.push(*notice);
            }
            model.feed(entry.seq, Timestamp(entry.at), entry.first, fact, world);
        };
        let started = Machine::start(disk, self.options.flaw, &mut self.chance, erase_fault, each);
        match started {
            Ok(mut node) => {
                node.core.store.hand_over(&mut machine.core.store);
                (node.on_duty, node.skew) = (!machine.on_duty, self.chance.between(-5_000_000, 5_000_000));
                self.model.next = self.model.next.max(node.core.next);
                self.other = Some(node);
                self.summary.add("nodes: started beside another");
            }
            Err(NoStart::Crash(disk)) => machine.core.store.disk = *disk,
            Err(NoStart::Closed(why)) => return crate::invariant::broken(Invariant::OpensAgain, why),
        }
        self.note(|| "a second node".to_owned());
        retried.into_iter().for_each(|notice| self.excuse(notice.index()));
        self.check_facts()?;
        self.compare_nodes()
    }

    /// The one at work is gone: the other goes on with the disk.
    pub(super) fn take_over(&mut self) -> Check {
        let Some(mut node) = self.other.take() else { return Ok(()) };
        node.core.store.take_over(std::mem::take(&mut self.disk));
        let size = node.core.store.disk.size();
        let idle = !node.on_duty;
        node.on_duty = true;
        self.machine = Some(node);
        // It writes on: what comes back is no more what went down.
        self.before = None;
        self.summary.add("nodes: took over");
        self.note(|| format!("the other node goes on with {size} entries"));
        self.hear(size)?;
        if idle {
            self.excuse_taken();
        }
        self.check_start()
    }

    /// The node at hand reads and sends from now on: it has heard of everything. What the other one had in its hand is put down, but
    /// for what only waits to be recorded.
    fn change_duty(&mut self) -> Check {
        let (Some(machine), Some(other)) = (self.machine.as_mut(), self.other.as_mut()) else { return Ok(()) };
        if machine.on_duty || machine.group.is_some() || machine.frozen.is_some() {
            return Ok(());
        }
        (machine.on_duty, other.on_duty) = (true, false);
        other.reading.retain(|reading| reading.submitted);
        other.sending.retain(|conversation| conversation.came.is_some());
        let conversations = other.sending.clone();
        let size = machine.core.store.disk.size();
        self.summary.add("nodes: duty passed on");
        self.note(|| "it reads and sends from now on".to_owned());
        self.hear(size)?;
        let taken = conversations.into_iter().filter(|c| matches!(c.came, Some((_, true))));
        self.taken.extend(taken.map(|c| (c.sending.message_id, c.sending.notice)));
        self.excuse_taken();
        Ok(())
    }

    /// One of the two is stopped, so that the other comes to rest.
    pub(super) fn one_node(&mut self) -> Check {
        if self.machine.is_none() {
            self.take_over()?;
        }
        let Some(node) = self.other.take() else { return Ok(()) };
        let replies = node.queue.into_iter().map(|job| job.reply).chain(node.group.into_iter().flat_map(|g| g.replies));
        let replies: Vec<Reply> = replies.collect();
        replies.into_iter().for_each(|reply| self.unanswered(reply));
        let taken = node.sending.into_iter().filter(|c| matches!(c.came, Some((_, true))));
        self.taken.extend(taken.map(|c| (c.sending.message_id, c.sending.notice)));
        let Some(machine) = self.machine.as_mut() else { return Ok(()) };
        machine.on_duty = true;
        if machine.group.is_none() && machine.frozen.is_none() {
            let size = machine.core.store.disk.size();
            self.hear(size)?;
        }
        self.excuse_taken();
        Ok(())
    }

    /// Where both hold as much they hold the same, and the same keys.
    fn compare_nodes(&mut self) -> Check {
        let (Some(machine), Some(other)) = (&self.machine, &self.other) else { return Ok(()) };
        let still = |m: &Machine| m.group.is_none() && m.frozen.is_none();
        if !still(machine) || !still(other) || machine.core.next != other.core.next {
            return Ok(());
        }
        self.summary.adds("nodes: compared", 1);
        same(&machine.desk, &other.desk, Invariant::FollowerEqualsWriter)?;
        holds(machine.core.keys == other.core.keys, Invariant::FollowerEqualsWriter, || {
            format!("keys of two nodes: {:?} and {:?}", machine.core.keys, other.core.keys)
        })
    }

    /// Whoever leads carries out what another one erased and did not live to destroy.
    pub(super) fn check_keys(&self) -> Check {
        let Some(machine) = &self.machine else { return Ok(()) };
        let left = machine.core.keys.iter().find(|(subject, _)| machine.desk.is_erased(**subject));
        holds(left.is_none(), Invariant::ErasedIsGone, || format!("{left:?} is the key of what is erased"))
    }
}
