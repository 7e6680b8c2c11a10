//! `bench fill`: a large desk in minutes, by the same commands and the same journal, without mail around them.

mod story;
mod text;

use crate::chance::{self, Chance};
use crate::failure::{Failure, Tried};
use crate::number;
use clap::{Arg, ArgMatches, Command, value_parser};
use desk::accounts::{self, Origin};
use desk::command::{Actor, Outcome};
use desk::ids::{AccountId, Random, Timestamp};
use desk::{Desk, Digest};
use engine::Engine;
use engine::core::{Core, Decided};
use journal::Writer;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use story::Size;

/// Facts that share a moment and a commit.
const GROUP: usize = 128;
/// The first of those who sign in: sees everything.
pub const ALL: AccountId = AccountId(0);
/// The second: sees half.
pub const HALF: AccountId = AccountId(1);

/// Its command line.
pub fn command() -> Command {
    Command::new("fill")
        .about("Makes a large desk, and cookies of a reader who sees all and of one who sees half")
        .after_help("On a desk that is filled already it only makes new cookies: they last for one shift.")
        .arg(
            Arg::new("data")
                .long("data")
                .value_name("DIR")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The desk's folder; the cookies are written to DIR.all and DIR.half"),
        )
        .arg(number("facts", "1000000", "Facts in all; what is missing after the others becomes lines of timelines"))
        .arg(number("incidents", "25000", "Incidents; the second reader sees every other one"))
        .arg(number("reports", "100000", "Messages"))
        .arg(number("observables", "370000", "Observables found in the messages"))
        .arg(number("tasks", "12000", "Tasks"))
        .arg(chance::seed())
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let data = matches.get_one::<PathBuf>("data").expect("it is required");
    let seed = chance::seed_of(matches)?;
    let filled = data.exists();
    let mut filler = Filler::open(data, Chance::new(seed))?;
    if !filled {
        let of = |name: &str| crate::number_of(matches, name);
        let size = Size {
            facts: of("facts") as u64,
            incidents: of("incidents"),
            reports: of("reports"),
            observables: of("observables"),
            tasks: of("tasks"),
        };
        story::tell(&mut filler, &size)?;
        println!("{}: {} facts, seed {seed}", data.display(), filler.core.next);
    }
    for (account, ending) in [(ALL, "all"), (HALF, "half")] {
        let file = PathBuf::from(format!("{}.{ending}", data.display()));
        let cookie = filler.sign_in(account)?;
        std::fs::write(&file, cookie).at(&file)?;
        println!("{}: cookie of who sees {ending}", file.display());
    }
    filler.commit()
}

/// The desk, its journal, and what was decided and is not durable yet.
pub struct Filler {
    desk: Desk,
    core: Core<Writer>,
    waiting: Vec<Decided>,
    chance: Chance,
    now: Timestamp,
}

/// The desk's chance comes from the same seed.
struct Seeded<'a>(&'a mut Chance);

impl Random for Seeded<'_> {
    fn fill(&mut self, out: &mut [u8]) {
        for piece in out.chunks_mut(8) {
            piece.copy_from_slice(&self.0.bits().to_le_bytes()[..piece.len()]);
        }
    }
}

impl Filler {
    fn open(data: &Path, chance: Chance) -> Result<Filler, Failure> {
        let wrong = |e: &dyn std::fmt::Display| Failure::program(format!("{}: {e}", data.display()));
        let desk = match data.exists() {
            true => Engine::glance(data).map_err(|e| wrong(&e))?,
            false => Desk::new(desk::register::Register::default()),
        };
        let options = journal::Options { origin: "bolwerk/desk".to_owned() };
        let store = Writer::open(data, &options).map_err(|e| wrong(&e))?;
        let (next, last) = (store.next_seq(), desk.last_at());
        let core = Core {
            store,
            keys: HashMap::new(),
            owed: Default::default(),
            snapshot_keys: Default::default(),
            next,
            last,
        };
        Ok(Filler { desk, core, waiting: Vec::new(), chance, now: last })
    }

    /// Decides one command; it is durable with its group.
    fn submit(&mut self, actor: Actor, command: desk::command::Command) -> Result<Outcome, Failure> {
        let one = std::iter::once((actor, command));
        let mut decided = self.core.decide(&mut self.desk, one, self.now, &mut Seeded(&mut self.chance));
        let decided = decided.pop().ok_or_else(|| Failure::program("a command was not decided"))?;
        let outcome = match &decided.answer {
            Ok(decision) => decision.outcome.clone(),
            Err(refusal) => return Err(Failure::program(format!("the desk refused: {refusal}"))),
        };
        self.waiting.push(decided);
        Ok(outcome)
    }

    /// Makes everything durable that was decided.
    fn commit(&mut self) -> Result<(), Failure> {
        let mut group = std::mem::take(&mut self.waiting);
        self.core.commit(&mut group, |_, _| {}).map_err(|why| Failure::program(why.to_string()))
    }

    /// Time passes, once a group is full.
    fn pass(&mut self, to: Timestamp) -> Result<(), Failure> {
        if self.waiting.len() >= GROUP {
            self.commit()?;
            self.now = self.now.max(to);
        }
        Ok(())
    }

    fn sign_in(&mut self, account: AccountId) -> Result<String, Failure> {
        self.commit()?;
        self.now = Timestamp(jiff::Timestamp::now().as_microsecond());
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|e| Failure::program(e.to_string()))?;
        let secret: String = secret.iter().map(|b| format!("{b:02x}")).collect();
        let token = Digest(Sha256::digest(secret.as_bytes()).into());
        let origin = Origin { address: "127.0.0.1".to_owned(), agent: "bench".to_owned() };
        let command = accounts::Command::SignIn { account, token, origin };
        self.submit(Actor::Person(account), desk::command::Command::Accounts(command))?;
        Ok(format!("bolwerk={secret}"))
    }
}
