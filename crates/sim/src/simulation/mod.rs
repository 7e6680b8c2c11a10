//! One story, from its seed to its end.

mod checks;
mod nodes;
mod profile;
mod settle;
mod tasks;
mod writer;

use crate::disk::{Checkpoint, Disk};
use crate::invariant::{Broken, Check, Invariant, broken};
use crate::machine::Machine;
use crate::model::Model;
use crate::people::People;
use crate::random::Chance;
use crate::store::Flaw;
use crate::tree::Hash;
use crate::world::{Coming, PARTIES, Wanted, World};
use desk::Desk;
use desk::ids::{NoticeId, Timestamp};
use desk::register::Register;
use profile::Profile;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// When every story begins: Wednesday 14 December 2022, 08:00 Europe/Brussels, µs.
const BEGINS: i64 = 1_671_001_200_000_000;
/// A day, µs.
const DAY: i64 = 86_400_000_000;
/// Where time passes, it is months or years so many times out of a thousand.
const YEARS: u32 = 500;
/// Steps that are kept for whoever looks for the cause.
const TRACE_MAX: usize = 30;
/// Steps of a story when nobody says how many.
pub const STEPS: u32 = 250;

/// Which story.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The seed.
    pub seed: u64,
    /// Steps before the world comes to rest.
    pub steps: u32,
    /// Compare every view with its recount after each so many steps; 1: after each.
    pub compare_every: u32,
    /// How the store or the engine is broken on purpose.
    pub flaw: Flaw,
}

impl Options {
    /// The story of a seed.
    pub fn new(seed: u64) -> Options {
        Options { seed, steps: STEPS, compare_every: 1, flaw: Flaw::None }
    }
}

/// What happened in a story.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Counts of what happened, by name.
    pub counts: BTreeMap<&'static str, u64>,
    /// In how many stories it happened at all.
    pub stories: BTreeMap<&'static str, u64>,
}

impl Summary {
    /// One more.
    fn add(&mut self, what: &'static str) {
        self.adds(what, 1);
    }

    fn adds(&mut self, what: &'static str, many: u64) {
        *self.counts.entry(what).or_default() += many;
    }

    /// How often something happened.
    pub fn count(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    /// In how many stories something happened.
    pub fn stories(&self, what: &str) -> u64 {
        self.stories.get(what).copied().unwrap_or(0)
    }

    /// Together with other stories.
    pub fn join(&mut self, other: &Summary) {
        other.counts.iter().for_each(|(what, n)| self.adds(what, *n));
        other.stories.iter().for_each(|(what, n)| *self.stories.entry(what).or_default() += n);
    }

    /// The story is at its end.
    fn told(mut self) -> Summary {
        self.stories = self.counts.iter().filter(|(_, n)| **n > 0).map(|(what, _)| (*what, 1)).collect();
        self
    }
}

/// A story in which something broke.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What broke.
    pub broken: Broken,
    /// At which step.
    pub step: u32,
    /// The last steps.
    pub trace: Vec<String>,
}

/// Tells a story. One that breaks is told a second time, with its steps written down.
pub fn run(options: Options) -> Result<Summary, Box<Failure>> {
    run_once(options, false).or_else(|_| run_once(options, true))
}

fn run_once(options: Options, traced: bool) -> Result<Summary, Box<Failure>> {
    let mut simulation = Simulation::new(options, traced);
    let ended = catch_unwind(AssertUnwindSafe(|| simulation.tell()));
    let ended = ended.unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().cloned();
        let what = what.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        broken(Invariant::NoPanic, what.unwrap_or_default())
    });
    let Err(broken) = ended else { return Ok(simulation.summary.told()) };
    let trace = simulation.trace.into();
    Err(Box::new(Failure { seed: options.seed, broken, step: simulation.step, trace }))
}

/// A desk that follows the writer's durable entries.
struct Follower {
    desk: Desk,
    at: u64,
    checkpoint: Checkpoint,
}

/// What was acknowledged: the last fact, and its leaf then.
struct Acknowledged {
    seq: u64,
    leaf: Hash,
}

struct Simulation {
    options: Options,
    chance: Chance,
    profile: Profile,
    summary: Summary,
    traced: bool,
    trace: VecDeque<String>,
    step: u32,
    /// True time, µs: only this one never goes back.
    time: i64,
    /// What the machine's clock adds to it, µs.
    offset: i64,
    machine: Option<Machine>,
    /// Of two nodes the one that does nothing now but wait for its turn; the disk is at the hand of `machine`.
    other: Option<Machine>,
    /// The disk while no machine runs on it.
    disk: Disk,
    world: World,
    people: People,
    model: Model,
    follower: Follower,
    acknowledged: Vec<Acknowledged>,
    checkpoints: Vec<Checkpoint>,
    /// Mails that the peer took and that were perhaps not recorded before a crash.
    taken: Vec<(String, NoticeId)>,
    /// The desk as it was when the machine died, where everything in it was durable.
    before: Option<Box<Desk>>,
    /// Words of erased reports.
    erased: HashSet<String>,
}

impl Simulation {
    fn new(options: Options, traced: bool) -> Simulation {
        let mut chance = Chance::new(options.seed);
        let mut profile = Profile::draw(&mut chance);
        profile.nodes = match options.flaw {
            Flaw::None => profile.nodes,
            Flaw::StaleLead => 250,
            _ => 0,
        };
        let disk = Disk::default();
        let follower = Follower { desk: Desk::new(Register::default()), at: 0, checkpoint: disk.checkpoint() };
        Simulation {
            options,
            profile,
            summary: Summary::default(),
            traced,
            trace: VecDeque::new(),
            step: 0,
            time: BEGINS,
            offset: 0,
            machine: None,
            other: None,
            checkpoints: vec![disk.checkpoint()],
            disk,
            world: World::new(chance.apart()),
            people: People::default(),
            model: Model::default(),
            follower,
            acknowledged: Vec::new(),
            taken: Vec::new(),
            before: None,
            erased: HashSet::new(),
            chance,
        }
    }

    fn tell(&mut self) -> Check {
        self.start()?;
        let first = crate::people::first_steps(self.profile.boards);
        if let Some(machine) = &mut self.machine {
            machine.queue.extend(first);
        }
        self.decide(usize::MAX)?;
        self.write(None)?;
        for step in 1..=self.options.steps {
            self.step = step;
            self.one_step()?;
            self.check_step()?;
        }
        self.settle()?;
        self.check_all()?;
        self.summary.adds("steps", u64::from(self.step));
        self.summary.adds("mails", self.world.mails.len() as u64);
        self.summary.adds("facts", self.model.next);
        self.summary.adds("mails of ours", self.model.notices.len() as u64);
        self.summary.adds("mails of ours that came twice", self.world.peer.repeated);
        Ok(())
    }

    /// What happened, for whoever looks for the cause.
    fn note(&mut self, what: impl FnOnce() -> String) {
        if !self.traced {
            return;
        }
        if self.trace.len() == TRACE_MAX {
            self.trace.pop_front();
        }
        let up = match &self.machine {
            None => "down".to_owned(),
            Some(m) if m.frozen.is_some() => "frozen".to_owned(),
            Some(m) => format!("{}/{}", m.durable, m.applied),
        };
        self.trace.push_back(format!("step {:>4} [{up:>9}] {}", self.step, what()));
    }

    /// What the machine's clock says.
    fn clock(&self) -> Timestamp {
        Timestamp(self.time + self.offset + self.machine.as_ref().map_or(0, |m| m.skew))
    }

    fn one_step(&mut self) -> Check {
        self.time += match self.chance.below(20) {
            0 => self.chance.between(1_000_000, 120_000_000),
            _ => self.chance.between(1_000, 3_000_000),
        };
        self.arrivals()?;
        if self.chance.permille(self.profile.clock) {
            self.set_clock();
        }
        if self.machine.is_none() {
            return match (self.chance.below(10), self.other.is_some()) {
                (0..=3, _) => self.start(),
                (4..=7, true) => self.take_over(),
                _ => Ok(()),
            };
        }
        if self.chance.permille(self.profile.nodes) {
            return self.between_nodes();
        }
        if self.machine.as_ref().is_some_and(|m| m.frozen.is_some()) && self.chance.permille(200) {
            return self.crash("is stopped, to be started again");
        }
        if self.chance.permille(self.profile.crash) {
            return self.crash("dies");
        }
        match self.chance.weighted(&self.profile.weights) {
            0 => self.new_mail(),
            1 => self.world.fill_in(self.time),
            2 => {
                // A page shows once all that it shows is durable.
                let fault = self.fault();
                self.write(fault)?;
                self.person();
            }
            3 if self.machine.as_ref().is_some_and(|m| m.group.is_none()) => {
                let most = 1 + self.chance.below(self.profile.group_max);
                self.decide(most)?;
            }
            3 => {
                let fault = self.fault();
                self.write(fault)?;
            }
            4 if self.chance.permille(400) => self.pick_to_read(),
            4 => self.read()?,
            5 => self.send()?,
            6 if self.chance.permille(YEARS) => {
                // So much later that terms are over: of spam, of what needed nothing, of messages, of incidents.
                let days = [91, 731, 1826, 3651][self.chance.below(4)];
                self.time += days * DAY;
                self.note(|| format!("{days} days go by"));
            }
            6 => self.time += self.chance.between(60_000_000, 14_400_000_000),
            7 => self.follow()?,
            _ => self.retry(),
        }
        Ok(())
    }

    /// The clock is set, by hand or by a machine that was off.
    fn set_clock(&mut self) {
        let scale = [1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000][self.chance.weighted(&[4, 4, 3, 1])];
        let jump = self.chance.between(-30, 30) * scale;
        // Somebody who notices sets it right again.
        self.offset = if self.chance.permille(250) { 0 } else { self.offset + jump };
        let offset = self.offset / 1_000_000;
        self.summary.add("clock set");
        self.note(|| format!("the clock is set: {offset} s from the truth"));
    }

    fn new_mail(&mut self) {
        let mut wanted = Wanted::default();
        if self.chance.permille(150)
            && let Some(report) = self.chance.pick(&self.model.reports)
        {
            // Anybody can quote a reference.
            wanted.quotes = Some(report.reference);
        }
        if self.chance.permille(30) {
            wanted.from = Some(PARTIES.len() - 1);
        }
        wanted.large = self.chance.permille(4);
        self.world.write(self.time, &wanted);
    }

    /// Whatever comes to the door now is let in, or told to come again.
    fn arrivals(&mut self) -> Check {
        while let Some(coming) = self.world.next(self.time) {
            self.offer(coming);
        }
        Ok(())
    }

    fn offer(&mut self, coming: Coming) {
        let clock = self.clock();
        let (time, what) = (self.time, coming);
        let Some(machine) = self.machine.as_mut().filter(|m| m.frozen.is_none()) else {
            self.summary.add("not taken");
            return self.world.plan_again(time, what);
        };
        let incoming = match coming {
            Coming::Mail(mail) => self.world.incoming(mail, clock),
            Coming::Form(form) => self.world.incoming_form(form),
        };
        let command = desk::command::Command::Intake(desk::intake::Command::Receive(Box::new(incoming)));
        let reply = crate::machine::Reply::Outside(coming);
        machine.queue.push_back(crate::machine::Job { actor: desk::command::Actor::Rule, command, reply });
        self.note(|| format!("{coming:?} is at the door"));
    }

    fn person(&mut self) {
        let clock = self.clock();
        let Some(machine) = self.machine.as_mut().filter(|m| m.is_settled()) else { return };
        let Some(job) = self.people.act(&mut self.chance, machine, &self.model, clock) else { return };
        let what = match self.traced {
            true => cut(format_args!("{:?} wants {:?}", job.actor, job.command), 200),
            false => String::new(),
        };
        machine.queue.push_back(job);
        self.summary.add("wishes of people");
        self.note(|| what);
    }

    fn retry(&mut self) {
        let Some(machine) = self.machine.as_mut().filter(|m| m.is_settled()) else { return };
        let Some((notice, job)) = self.people.retry(&mut self.chance, machine, &self.model) else { return };
        machine.queue.push_back(job);
        self.note(|| format!("somebody wants notice {notice} tried again"));
    }
}

/// The first so many bytes of what is written; the rest is not even made.
pub(crate) fn cut(what: std::fmt::Arguments<'_>, bytes_max: usize) -> String {
    struct Short(String, usize);
    impl std::fmt::Write for Short {
        fn write_str(&mut self, part: &str) -> std::fmt::Result {
            if self.0.len() >= self.1 {
                return Err(std::fmt::Error);
            }
            self.0.push_str(part);
            Ok(())
        }
    }
    let mut short = Short(String::new(), bytes_max);
    // An error is how it stops.
    let _stopped = std::fmt::write(&mut short, what);
    short.0.chars().take(bytes_max).collect()
}
