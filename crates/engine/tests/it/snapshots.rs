//! A desk that starts from a snapshot is the desk that starts from its journal, and a bad one is told from a good one.

use desk::accounts::{self, Person, Preferences, Role};
use desk::command::{Actor, Command, Outcome};
use desk::ids::{AccountId, Random, Reference, TEAM, Timestamp};
use desk::intake::{self, Arrival, Incoming, Via};
use desk::{Desk, Digest};
use engine::core::Core;
use engine::{Engine, Worth, check_snapshots, make_snapshot};
use journal::{Options, Snapshot, Writer};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

struct Counting(u64);

impl Random for Counting {
    fn fill(&mut self, out: &mut [u8]) {
        out.iter_mut().for_each(|byte| {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        });
    }
}

/// A writer's heart on a real folder.
struct House {
    folder: tempfile::TempDir,
    desk: Desk,
    core: Core<Writer>,
    random: Counting,
}

const SECRET: &str = "Annelies Verstappen-Geheim";

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let store = Writer::open(folder.path(), &Options { origin: "bolwerk/test".to_owned() }).unwrap();
        let (keys, snapshot_keys) = (HashMap::new(), BTreeSet::new());
        let core = Core { store, keys, snapshot_keys, owed: BTreeSet::new(), next: 0, last: Timestamp(0) };
        let mut house = House { folder, desk: Desk::default(), core, random: Counting(1) };
        let person = Person { login: "an".to_owned(), name: SECRET.to_owned(), password: String::new() };
        let preferences = Preferences::default();
        let create =
            accounts::Command::Create { leave: None, organisation: TEAM, role: Role::Admin, preferences, person };
        house.act(Actor::Rule, Command::Accounts(create));
        house
    }

    fn dir(&self) -> &Path {
        self.folder.path()
    }

    fn act(&mut self, actor: Actor, command: Command) -> Outcome {
        let commands = std::iter::once((actor, command));
        let now = Timestamp(self.core.last.0 + 1_000_000);
        let mut group = self.core.decide(&mut self.desk, commands, now, &mut self.random);
        self.core.commit(&mut group, |_, _| {}).unwrap();
        self.core.destroy(&group).unwrap();
        group.pop().unwrap().answer.unwrap().outcome
    }

    fn mail(&mut self, number: u8) -> Reference {
        let incoming = Incoming {
            via: Via::Smtp,
            event_at: None,
            digest: Digest([number; 32]),
            digest_before: None,
            sender: Some(Digest([number % 3; 32])),
            arrival: Arrival { from: Some(format!("{SECRET} {number}")), ..Arrival::default() },
            raw: SECRET.as_bytes().to_vec(),
        };
        match self.act(Actor::Rule, Command::Intake(intake::Command::Receive(Box::new(incoming)))) {
            Outcome::Report { reference, .. } => reference,
            other => panic!("{other:?}"),
        }
    }

    fn erase(&mut self, reference: Reference) {
        let by = AccountId(0);
        let viewer = self.desk.viewer(by).unwrap();
        let report = self.desk.seen_by(viewer).report_leave(reference).unwrap();
        let decided = intake::Command::Decide(report, intake::Verdict::NoIncident);
        self.act(Actor::Person(by), Command::Intake(decided));
        let reason = "gevraagd".to_owned();
        self.act(Actor::Person(by), Command::Intake(intake::Command::Erase { report, reason, alone: true }));
    }

    fn snapshot(&mut self) {
        self.core.ready_for_snapshot().unwrap();
        make_snapshot(self.dir()).unwrap();
    }

    fn worth(&self) -> Vec<Worth> {
        check_snapshots(self.dir()).unwrap().into_iter().map(|checked| checked.worth).collect()
    }
}

#[test]
fn a_start_from_a_snapshot_is_a_start_from_the_journal() {
    let mut house = House::new();
    (0..20).for_each(|n| _ = house.mail(n));
    house.snapshot();
    (20..40).for_each(|n| _ = house.mail(n));
    house.snapshot();
    (40..50).for_each(|n| _ = house.mail(n));
    assert_eq!(Engine::glance(house.dir()).unwrap(), house.desk);
    assert_eq!(house.worth(), [Worth::Good, Worth::Good]);
    // A damaged one is no worse than none, and is named.
    let newest = Snapshot::of(house.dir()).remove(0).path;
    let mut bytes = fs::read(&newest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&newest, &bytes).unwrap();
    assert_eq!(Engine::glance(house.dir()).unwrap(), house.desk);
    assert!(matches!(house.worth()[..], [Worth::Good, Worth::Bad(_)]));
}

#[test]
fn an_erasure_leaves_no_snapshot_and_the_next_one_knows_nothing_of_it() {
    let mut house = House::new();
    let references: Vec<Reference> = (0..5).map(|n| house.mail(n)).collect();
    house.snapshot();
    let copy = fs::read(&Snapshot::of(house.dir())[0].path).unwrap();
    assert!(!copy.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
    house.erase(references[2]);
    assert!(Snapshot::of(house.dir()).is_empty());
    assert!(make_snapshot(house.dir()).is_err(), "there is no key before the writer makes one");
    house.snapshot();
    assert_eq!(house.worth(), [Worth::Good]);
    assert_eq!(Engine::glance(house.dir()).unwrap(), house.desk);
    // An old copy that comes back is outdated, not dangerous.
    fs::write(house.dir().join("snapshots/00000000000000000003"), copy).unwrap();
    assert!(matches!(house.worth()[..], [Worth::Outdated(_), Worth::Good]));
    assert_eq!(Engine::glance(house.dir()).unwrap(), house.desk);
}
