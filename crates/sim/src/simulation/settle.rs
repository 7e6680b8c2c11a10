//! The end of a story: nothing goes wrong any more, and everything must come to rest.

use super::Simulation;
use crate::invariant::{Check, Invariant, holds};

/// Rounds until the world must be at rest.
const ROUNDS_MAX: u32 = 600;
/// Nobody writes any more after so many rounds: echoes of echoes end by the hour's limit, but slowly.
const LISTEN_ROUNDS: u32 = 60;

impl Simulation {
    /// Lets the world come to rest: every mail is taken, read, answered, sent or given up.
    pub(super) fn settle(&mut self) -> Check {
        self.profile.calm();
        self.one_node()?;
        for round in 0..ROUNDS_MAX {
            self.step += 1;
            if self.round(round)? && self.world.waiting() == 0 {
                return self.at_rest();
            }
        }
        self.at_rest()
    }

    /// One round of everything; true when nothing was left to do.
    fn round(&mut self, round: u32) -> Result<bool, crate::invariant::Broken> {
        if self.machine.as_ref().is_some_and(|m| m.frozen.is_some()) {
            self.crash("is stopped, to be started again")?;
        }
        if self.machine.is_none() {
            self.start()?;
        }
        self.world.quiet = round >= LISTEN_ROUNDS;
        self.arrivals()?;
        self.drain()?;
        self.pick_to_read();
        while self.machine.as_ref().is_some_and(|m| m.frozen.is_none() && m.reading.iter().any(|r| !r.submitted)) {
            self.read()?;
            self.drain()?;
        }
        self.look_what_is_due()?;
        while let Some(place) = self.conversation(false) {
            self.hand_over(place)?;
        }
        while let Some(place) = self.conversation(true) {
            self.submit_what_came(place);
        }
        self.drain()?;
        self.check_step()?;
        let Some(machine) = &self.machine else { return Ok(false) };
        let busy = machine.desk.unread().next().is_some() || !machine.sending.is_empty() || !machine.queue.is_empty();
        let clock = self.clock();
        let due = machine.desk.next_due();
        let next = self.world.next_at();
        if busy || machine.frozen.is_some() {
            self.time += 1_000_000;
            return Ok(false);
        }
        let wait = due.map(|at| self.time + (at.0 - clock.0).max(0));
        match (wait, next) {
            (None, None) => return Ok(true),
            (a, b) => self.time = a.into_iter().chain(b).min().unwrap_or(self.time).max(self.time + 1),
        }
        Ok(false)
    }

    fn conversation(&self, came: bool) -> Option<usize> {
        let machine = self.machine.as_ref().filter(|m| m.frozen.is_none())?;
        machine.sending.iter().position(|c| c.came.is_some() == came && !c.submitted && c.seen <= machine.durable)
    }

    /// The writer works until its queue is empty.
    fn drain(&mut self) -> Check {
        for _ in 0..1000 {
            let Some(machine) = self.machine.as_ref().filter(|m| m.frozen.is_none()) else { return Ok(()) };
            if machine.queue.is_empty() && machine.group.is_none() {
                return Ok(());
            }
            self.decide(16)?;
            self.write(None)?;
        }
        Ok(())
    }

    fn at_rest(&mut self) -> Check {
        let settles = Invariant::EverythingSettles;
        let waiting = self.world.waiting();
        holds(waiting == 0, settles, || format!("{waiting} mails were never taken"))?;
        let Some(machine) = &self.machine else { return holds(false, settles, || "the machine is down".to_owned()) };
        let unread: Vec<_> = machine.desk.unread().collect();
        holds(unread.is_empty(), settles, || format!("never read: {unread:?}"))?;
        let waits: Vec<usize> = (0..self.model.notices.len()).filter(|n| self.model.notices[*n].waits()).collect();
        let check = holds(waits.is_empty(), Invariant::NoNoticeLost, || format!("notices {waits:?} never leave"));
        check?;
        let waiting = self.machine.as_ref().map_or(0, |m| m.desk.waiting_notices());
        holds(waiting == 0 || !waits.is_empty(), settles, || format!("{waiting} mails of ours wait"))
    }
}
