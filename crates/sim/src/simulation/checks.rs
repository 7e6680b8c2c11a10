//! What is checked, and when.

use super::Simulation;
use crate::disk::Disk;
use crate::invariant::{Broken, Check, Invariant, broken, holds};
use crate::machine::{Group, Machine, written};
use crate::people::COUNT;
use crate::store::Flaw;
use desk::Desk;
use desk::fact::Fact;
use desk::ids::AccountId;
use desk::intake;
use desk::outbox::About;
use engine::core::Store;
use std::collections::HashMap;

/// The chain is computed again after so many steps, besides after each start.
const CHAIN_STEPS: u32 = 64;
/// Lines of a difference that are told.
const DIFFERENCES: usize = 12;

impl Simulation {
    pub(super) fn disk(&self) -> &Disk {
        self.machine.as_ref().map_or(&self.disk, |m| &m.core.store.disk)
    }

    /// What the model says of the facts that it was just fed.
    pub(super) fn check_facts(&mut self) -> Check {
        self.model.broken.drain(..).next().map_or(Ok(()), Err)
    }

    /// After each step.
    pub(super) fn check_step(&mut self) -> Check {
        if self.step.is_multiple_of(CHAIN_STEPS) {
            self.check_chain()?;
        }
        // What is behind another node shows what was.
        let fit = |m: &&Machine| m.group.is_none() && m.frozen.is_none() && m.is_up_to_date();
        let Some(machine) = self.machine.as_ref().filter(fit) else { return Ok(()) };
        let numbers =
            (machine.core.next, machine.applied, machine.durable, machine.core.store.next_seq(), self.model.next);
        let (next, size) = (numbers.0, numbers.3);
        holds(next == size && numbers.2 <= next && numbers.4 == size, Invariant::NumbersCountUp, || {
            format!("next, applied, durable, stored, told: {numbers:?}")
        })?;
        holds(
            size == machine.core.store.disk.size() || self.options.flaw != Flaw::None,
            Invariant::AnsweredAfterDurable,
            || "the store says that more is durable than is".to_owned(),
        )?;
        if self.step.is_multiple_of(self.options.compare_every) {
            self.compare((self.step / self.options.compare_every) as usize)?;
        }
        Ok(())
    }

    /// Every view of one account against its recount; which account comes round and round.
    fn compare(&mut self, round: usize) -> Check {
        // The administrator sees the most, the other organisations must see the least.
        let who = [0, 4, 5, 1, 3, 4, 2][round % 7].min(COUNT - 1);
        self.compare_as(AccountId(who as u32))
    }

    fn compare_as(&mut self, account: AccountId) -> Check {
        let now = self.clock();
        let Some(machine) = &self.machine else { return Ok(()) };
        self.model.compare(&machine.desk, account, now)
    }

    /// A fact that was said to be durable stands where it must, as it was decided.
    pub(super) fn check_written(&self, seq: u64, fact: &Fact) -> Check {
        let written = fact.written();
        let Some(entry) = self.disk().entries.get(seq as usize) else {
            return broken(Invariant::AnsweredAfterDurable, format!("fact {seq} ({}) is not durable", written.kind));
        };
        holds(entry.kind == written.kind && entry.body == written.body, Invariant::NumbersCountUp, || {
            format!("entry {seq} is {}, must be {}", entry.kind, written.kind)
        })
    }

    /// The newest checkpoint follows from the one before it.
    pub(super) fn checkpoint(&mut self) -> Check {
        let now = self.disk().checkpoint();
        let Some(before) = self.checkpoints.last().copied().filter(|b| *b != now) else { return Ok(()) };
        self.checkpoints.push(now);
        self.consistent(before, now)
    }

    fn consistent(&self, old: crate::disk::Checkpoint, new: crate::disk::Checkpoint) -> Check {
        let proof = if old.size <= new.size { self.disk().consistency(old.size, new.size) } else { Vec::new() };
        let fine = journal::verify_consistency(old.size, new.size, &old.root, &new.root, &proof);
        holds(fine, Invariant::CheckpointsAreConsistent, || {
            format!("the checkpoint of {} does not lead to that of {}", old.size, new.size)
        })
    }

    /// Computes the chain again.
    pub(super) fn check_chain(&self) -> Check {
        self.disk().verify().map_err(|what| Broken { invariant: Invariant::ChainIsRecomputed, what })
    }

    /// After a start: nothing acknowledged is lost, and the state is what it was.
    pub(super) fn check_start(&mut self) -> Check {
        self.checkpoint()?;
        for kept in &self.acknowledged {
            let entry = self.disk().entries.get(kept.seq as usize);
            holds(entry.is_some_and(|e| e.leaf == kept.leaf), Invariant::AcknowledgedIsKept, || {
                format!("fact {} was acknowledged and is lost or another", kept.seq)
            })?;
        }
        self.check_kept()?;
        let before = self.before.take();
        if let (Some(before), Some(machine)) = (before, &self.machine) {
            self.summary.counts.entry("replays compared").and_modify(|n| *n += 1).or_insert(1);
            same(&before, &machine.desk, Invariant::ReplayEqualsLive)?;
            let alike = written(&before)
                .and_then(|live| Ok(written(&machine.desk)? == live))
                .or_else(|why| broken(Invariant::ReplayEqualsLive, why))?;
            holds(alike, Invariant::ReplayEqualsLive, || "the same desk has two snapshots".to_owned())?;
        }
        let size = self.disk().size();
        self.follow_to(size)?;
        if !self.erased.is_empty() {
            self.check_erased()?;
        }
        Ok(())
    }

    /// Every mail that was acknowledged is a report, with its content unless that was erased.
    fn check_kept(&self) -> Check {
        let Some(machine) = &self.machine else { return Ok(()) };
        for (coming, reference) in self.world.acknowledged() {
            let report = machine.desk.report_of(reference).and_then(|r| self.model.reports.get(r.index()));
            let Some(report) = report.filter(|r| r.reference == reference) else {
                return broken(
                    Invariant::AcknowledgedIsKept,
                    format!("{coming:?} was taken as {reference} and is lost"),
                );
            };
            let part = self.disk().entries.get(report.seq as usize).and_then(|e| e.parts.get(1));
            let erased = report.erasure == crate::model::Erasure::Done;
            let content = part.and_then(|p| p.content.as_deref());
            let raw = self.world.facts_of(coming).2;
            let same =
                content.is_some_and(|c| c == raw || post::scan::without_trace(c) == post::scan::without_trace(raw));
            holds(same || (erased && content.is_none()), Invariant::AcknowledgedIsKept, || {
                format!("the content of {reference} is not what came in (erased: {erased})")
            })?;
        }
        Ok(())
    }

    /// Where both stand at the same place, the follower is what the writer is.
    pub(super) fn check_follower(&mut self) -> Check {
        let Some(machine) = &self.machine else { return Ok(()) };
        let comparable = machine.group.is_none() && machine.frozen.is_none() && self.follower.at == machine.core.next;
        if !comparable || self.follower.at != machine.core.store.disk.size() {
            return Ok(());
        }
        self.summary.counts.entry("followers compared").and_modify(|n| *n += 1).or_insert(1);
        same(&machine.desk, &self.follower.desk, Invariant::FollowerEqualsWriter)
    }

    /// Erasures of a group: the words are remembered, and must be gone.
    pub(super) fn erasures(&mut self, group: &Group) -> Check {
        let facts = group.decided.iter().filter_map(|d| d.answer.as_ref().ok()).flat_map(|d| &d.facts);
        let mut some = false;
        for fact in facts {
            if let Fact::Intake(intake::Fact::Erased { report, .. }) = &fact.fact {
                some = true;
                self.summary.counts.entry("erased").and_modify(|n| *n += 1).or_insert(1);
                if let Some(source) = self.model.reports[report.index()].source {
                    self.erased.insert(self.world.facts_of(source).0.to_owned());
                }
                let letters = self.model.notices.iter().filter(|n| n.about == About::Report(*report));
                self.erased.extend(letters.filter(|n| !n.word.is_empty()).map(|n| n.word.clone()));
            }
            if let Fact::Incidents(desk::incidents::Fact::Erased { incident, .. }) = &fact.fact {
                some = true;
                self.summary.counts.entry("incidents erased").and_modify(|n| *n += 1).or_insert(1);
                self.erased.extend(self.model.incidents[incident.index()].words.iter().cloned());
                let letters = self.model.notices.iter().filter(|n| n.about == About::Incident(*incident));
                self.erased.extend(letters.filter(|n| !n.word.is_empty()).map(|n| n.word.clone()));
            }
        }
        if some { self.check_erased() } else { Ok(()) }
    }

    /// No word of an erased report is left in the desk or the store.
    fn check_erased(&mut self) -> Check {
        let Some(machine) = &self.machine else { return Ok(()) };
        let desk = format!("{:?}", machine.desk);
        let left = self.erased.iter().find(|word| desk.contains(word.as_str()));
        let check = holds(left.is_none(), Invariant::ErasedIsGone, || {
            let word = left.map_or("", String::as_str);
            let at = desk.find(word).unwrap_or(0);
            let from = (0..=at.saturating_sub(160)).rev().find(|n| desk.is_char_boundary(*n)).unwrap_or(0);
            format!("{word} is still in the desk: …{}", desk[from..].chars().take(700).collect::<String>())
        });
        let parts = machine.core.store.disk.entries.iter().flat_map(|e| e.parts.iter().map(move |p| (e, p)));
        let mut texts = parts.filter_map(|(e, p)| Some((e, std::str::from_utf8(p.content.as_deref()?).ok()?)));
        let found = texts.find_map(|(e, text)| self.erased.iter().find(|w| text.contains(w.as_str())).map(|w| (e, w)));
        let stored = holds(found.is_none(), Invariant::ErasedIsGone, || {
            found.map(|(e, w)| format!("{w} is still in entry {} ({})", e.seq, e.kind)).unwrap_or_default()
        });
        check?;
        stored
    }

    /// At the end: everything.
    pub(super) fn check_all(&mut self) -> Check {
        self.check_chain()?;
        (0..COUNT).try_for_each(|who| self.compare_as(AccountId(who as u32)))?;
        let size = self.disk().size();
        self.follow_to(size)?;
        self.check_kept()?;
        for _ in 0..8 {
            let old = self.checkpoints[self.chance.below(self.checkpoints.len())];
            let new = self.checkpoints[self.chance.below(self.checkpoints.len())];
            if old.size <= new.size {
                self.consistent(old, new)?;
            }
        }
        if !self.erased.is_empty() {
            self.check_erased()?;
        }
        self.crash("is stopped for good")?;
        self.start()
    }

    /// Counts what is worth counting.
    pub(super) fn count(&mut self, fact: &Fact) {
        use desk::{house, incidents, outbox};
        let past_term = |reason: &str| reason == crate::people::PAST_TERM;
        let what = match fact {
            Fact::House(house::Fact::RestoreTested { .. }) => "restores tested",
            Fact::Intake(intake::Fact::ErasureAsked { reason, .. }) if past_term(reason) => "past term: proposed",
            Fact::Incidents(incidents::Fact::ErasureAsked { reason, .. }) if past_term(reason) => {
                "past term: proposed, incidents"
            }
            Fact::Intake(intake::Fact::Erased { reason, .. }) if past_term(reason) => "past term: erased",
            Fact::Incidents(incidents::Fact::Erased { reason, .. }) if past_term(reason) => {
                "past term: erased, incidents"
            }
            Fact::Intake(intake::Fact::Decided { by: desk::command::Actor::Rule, .. }) => "joined by rule",
            Fact::Intake(intake::Fact::Decided { .. }) => "decided by people",
            Fact::Outbox(outbox::Fact::Queued { purpose: outbox::Purpose::Receipt, .. }) => "receipts",
            Fact::Outbox(outbox::Fact::Bounced { .. }) => "bounced",
            Fact::Incidents(incidents::Fact::Opened { from: Some(_), .. }) => "incidents split off",
            Fact::Incidents(incidents::Fact::Opened { .. }) => "incidents",
            Fact::Incidents(incidents::Fact::Dropped { .. }) => "incidents dropped",
            Fact::Incidents(incidents::Fact::Merged { .. }) => "incidents merged",
            Fact::Incidents(incidents::Fact::Parted { .. }) => "incidents parted",
            Fact::Intake(intake::Fact::Moved { .. }) => "reports moved",
            _ => return,
        };
        *self.summary.counts.entry(what).or_default() += 1;
    }
}

/// Two desks are one, or where they differ: lines that the one has and the other has not, for maps have no order.
pub(super) fn same(one: &Desk, other: &Desk, invariant: Invariant) -> Check {
    holds(one == other, invariant, || {
        let (one, other) = (format!("{one:#?}"), format!("{other:#?}"));
        let only = |of: &str, without: &str| {
            let mut counts: HashMap<&str, i32> = HashMap::new();
            without.lines().for_each(|line| *counts.entry(line).or_default() += 1);
            let left = of.lines().enumerate().filter(|(_, line)| {
                let count = counts.entry(line).or_default();
                *count -= 1;
                *count < 0
            });
            left.take(DIFFERENCES).map(|(n, line)| format!("{n}: {}", line.trim())).collect::<Vec<_>>().join(" ")
        };
        format!("only the one has: {} | only the other: {}", only(&one, &other), only(&other, &one))
    })
}
