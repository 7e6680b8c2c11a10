//! Two nodes on one disk, step by step: what the stories only come upon by chance.

use desk::accounts::Role;
use desk::command::{Actor, Command, Outcome};
use desk::ids::{AccountId, Timestamp};
use desk::incidents::{self, Change, Phase};
use desk::lens::Tlp;
use desk::sealed::Sealed;
use engine::core::StoreError;
use sim::Flaw;
use sim::disk::Disk;
use sim::machine::{Job, Machine, Reply};
use sim::random::Chance;
use sim::store::Fault;

/// The administrator of the first steps.
const ADA: AccountId = AccountId(0);
const NOW: Timestamp = Timestamp(1_671_001_200_000_000);
const SECRET: &str = "Annelies Verstappen-Geheim";

fn start(disk: Disk, chance: &mut Chance) -> Machine {
    Machine::start(disk, Flaw::None, chance, None, |_, _| {}).ok().expect("it starts")
}

/// Decides what is queued, and makes it durable.
fn write(node: &mut Machine, chance: &mut Chance) -> Result<Outcome, StoreError> {
    node.decide(usize::MAX, NOW, chance);
    let mut group = node.group.take().expect("something was queued");
    node.commit(&mut group)?;
    let last = group.decided.pop().expect("something was decided");
    Ok(last.answer.expect("it is allowed").outcome)
}

fn act(node: &mut Machine, chance: &mut Chance, command: incidents::Command) -> Result<Outcome, StoreError> {
    let (actor, command) = (Actor::Person(ADA), Command::Incidents(command));
    node.queue.push_back(Job { actor, command, reply: Reply::Nobody });
    write(node, chance)
}

#[test]
fn what_a_dead_node_erased_the_next_that_leads_destroys() {
    let mut chance = Chance::new(1);
    let mut one = start(Disk::default(), &mut chance);
    one.queue.extend(sim::people::first_steps(false));
    write(&mut one, &mut chance).unwrap();
    let (by, title) = (ADA, SECRET.to_owned());
    let (boards, classes, reports) = (Vec::new(), Vec::new(), Vec::new());
    let open =
        incidents::Command::Open { by, title, severity: None, tlp: Tlp::Amber, since: None, boards, classes, reports };
    let Outcome::Incident(reference) = act(&mut one, &mut chance, open).unwrap() else { panic!("it is open") };
    let viewer = one.desk.viewer(ADA).filter(|v| v.role == Role::Admin).expect("an administrator");
    let incident = one.desk.seen_by(viewer).incident_leave(reference).expect("it is seen");
    let change = Change::Phase(Phase::Closed, Sealed::Open(String::new()));
    act(&mut one, &mut chance, incidents::Command::Change { incident, change, expected: None }).unwrap();

    // The other node hears of all that; then the first records an erasure, and dies before it destroys the key.
    let mut other = start(one.core.store.disk.clone(), &mut chance);
    one.core.store.erase_fault = Some(Fault::CrashBefore);
    let erase = incidents::Command::Erase { incident, reason: "termijn voorbij".to_owned(), alone: true };
    act(&mut one, &mut chance, erase).unwrap_err();
    other.core.store.take_over(one.core.store.disk);
    let size = other.core.store.disk.size();
    other.follow(size, |_, _| {}).unwrap();
    let kept = |node: &Machine| {
        let mut parts = node.core.store.disk.entries.iter().flat_map(|entry| &entry.parts);
        parts.any(|part| part.content.as_deref().is_some_and(|c| String::from_utf8_lossy(c).contains(SECRET)))
    };
    assert!(kept(&other), "the key is still there");
    assert_eq!(other.pay(), Ok(true));
    assert!(!kept(&other), "it is gone with its key");
    assert_eq!(other.pay(), Ok(false), "once is enough");
}
