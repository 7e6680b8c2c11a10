//! Several nodes, one desk: a journal in a real PostgreSQL that the tests start.

use crate::server::{self, Server};
use desk::Desk;
use desk::accounts::{self, Person, Preferences, Role};
use desk::command::{Actor, Command, Outcome};
use desk::house::{Configured, Language};
use desk::ids::{AccountId, Reference, TEAM};
use desk::incidents;
use desk::intake::{self, Via};
use desk::lens::Tlp;
use engine::{Clock, Engine, FormReport, MailIn, Outbound};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(90);

struct Node {
    folder: TempDir,
    engine: Engine,
}

impl Node {
    fn start(folder: TempDir) -> Node {
        let engine = Engine::open(engine::Options {
            data: folder.path().to_owned(),
            clock: Arc::new(Clock::default()),
            address: Some("team@desk.example".to_owned()),
            outbound: Outbound::Sink,
            senders: engine::Senders::default(),
            worker: (PathBuf::from("/bin/false"), Vec::new()),
            workers: 1,
            snapshots: None,
        });
        Node { engine: engine.unwrap(), folder }
    }

    fn first(url: &str) -> Node {
        let folder = tempfile::tempdir().unwrap();
        journal::connect(folder.path(), url).unwrap();
        Node::start(folder)
    }

    /// Another node of the same desk.
    fn joined(&self, url: &str) -> Node {
        let folder = tempfile::tempdir().unwrap();
        journal::connect(folder.path(), url).unwrap();
        for name in ["keys.next", "keys"] {
            std::fs::copy(self.path().join(name), folder.path().join(name)).unwrap();
        }
        Node::start(folder)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn bytes(&self) -> Vec<u8> {
        self.engine.read(bytes).await.unwrap()
    }

    async fn rule(&self, command: Command) -> Outcome {
        self.engine.submit(Actor::Rule, command).await.unwrap().outcome
    }

    async fn act(&self, by: AccountId, command: Command) -> Outcome {
        self.engine.submit(Actor::Person(by), command).await.unwrap().outcome
    }

    /// One try; the reference when it is acknowledged.
    async fn mail(&self, id: &str) -> Option<Reference> {
        let raw = format!("From: a@stad.example\r\nSubject: {id}\r\nMessage-ID: <{id}>\r\n\r\nhelp\r\n").into_bytes();
        let envelope_from = Some("a@stad.example".to_owned());
        let mail = MailIn { via: Via::Smtp, envelope_from, peer: None, helo: None, tls: false, raw };
        self.engine.receive_mail(mail).await.ok().map(|received| received.reference)
    }
}

fn bytes(desk: &Desk) -> Vec<u8> {
    let mut bytes = Vec::new();
    desk.write(&(), &mut bytes).unwrap();
    bytes
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Both nodes hold the same desk, which is what a replay gives.
async fn same(a: &Node, b: &Node) {
    until("everything is read and sent", async || {
        let busy = |desk: &Desk| desk.unread().next().is_some() || desk.waiting_notices() > 0;
        (!a.engine.read(busy).await.unwrap() && !b.engine.read(busy).await.unwrap()).then_some(())
    })
    .await;
    until("both nodes are equal", async || (a.bytes().await == b.bytes().await).then_some(())).await;
    assert!(bytes(&Engine::glance(a.path()).unwrap()) == a.bytes().await, "a replay is another desk");
    journal::verify(b.path(), None, &mut |_, _| {}).unwrap();
}

fn run(story: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(story);
}

#[test]
fn what_is_written_on_one_node_is_read_decided_on_and_heard_of_on_the_other() {
    let Some(server) = server::shared() else { return };
    let url = server.schema();
    run(async {
        let a = Node::first(&url);
        let b = a.joined(&url);
        let mut heard = a.engine.events();
        a.rule(Command::Configure(Configured {
            organisation: "Cyberresponseteam".to_owned(),
            address: "team@desk.example".to_owned(),
            phone: None,
            languages: vec![Language::Nl],
            demo: true,
        }))
        .await;
        let person = Person { login: "wacht".to_owned(), name: "Wacht".to_owned(), password: String::new() };
        let (organisation, role, preferences) = (TEAM, Role::Admin, Preferences::default());
        let create = accounts::Command::Create { leave: None, organisation, role, preferences, person };
        let Outcome::Account(duty) = b.rule(Command::Accounts(create)).await else { panic!("no account") };

        let form = FormReport {
            what: "alle servers liggen plat".to_owned(),
            email: "it@stad.example".to_owned(),
            ..FormReport::default()
        };
        let reference = a.engine.receive_form(form, Via::Form, Actor::Rule).await.unwrap().reference;
        let leave = until("the other node knows the report", async || {
            b.engine.read(|desk| desk.seen_by(desk.viewer(duty)?).report_leave(reference)).await.unwrap()
        })
        .await;
        b.act(duty, Command::Intake(intake::Command::Claim(leave))).await;
        let open = incidents::Command::Open {
            by: duty,
            title: "Stad plat".to_owned(),
            severity: None,
            tlp: Tlp::Amber,
            since: None,
            boards: Vec::new(),
            classes: Vec::new(),
            reports: vec![leave],
        };
        let Outcome::Incident(incident) = b.act(duty, Command::Incidents(open)).await else { panic!("no incident") };
        until("the first node has the incident", async || {
            let seen = a.engine.read(|desk| desk.seen_by(desk.viewer(duty)?).incident_leave(incident)).await;
            seen.unwrap()
        })
        .await;
        until("listeners of the first node heard of it", async || {
            std::iter::from_fn(|| heard.try_recv().ok())
                .any(|event| matches!(event.touched, engine::Touched::Incident(_)))
                .then_some(())
        })
        .await;
        same(&a, &b).await;
        let receipts = a.engine.read(|desk| desk.sent().count()).await.unwrap();
        assert_eq!(receipts, 1, "one receipt, whoever sends");
        assert!(a.engine.is_on_duty() != b.engine.is_on_duty(), "one node sends and reads");

        let erase = intake::Command::Erase { report: leave, reason: "op vraag".to_owned(), alone: true };
        a.act(duty, Command::Intake(erase)).await;
        let watcher = journal::Reader::open(a.path()).unwrap();
        until("every node has destroyed the key", async || {
            let erasure = watcher.last_erasure().unwrap()?;
            watcher.lagging(erasure).unwrap().is_empty().then_some(())
        })
        .await;
        let b_keys = journal::verify(b.path(), None, &mut |_, _| {}).unwrap();
        assert!(b_keys.erased > 0 && b_keys.closed == 0, "{b_keys:?}");
    });
}

#[test]
fn an_erasure_names_the_node_that_it_waits_for_until_that_has_erased() {
    let Some(server) = server::shared() else { return };
    let url = server.schema();
    run(async {
        let a = Node::first(&url);
        let b = a.joined(&url);
        let person = Person { login: "wacht".to_owned(), name: "Wacht".to_owned(), password: String::new() };
        let (organisation, role, preferences) = (TEAM, Role::Admin, Preferences::default());
        let create = accounts::Command::Create { leave: None, organisation, role, preferences, person };
        let Outcome::Account(duty) = a.rule(Command::Accounts(create)).await else { panic!("no account") };
        let reference = a.mail("een@x.example").await.unwrap();
        same(&a, &b).await;
        let seen = a.engine.nodes().await.unwrap();
        assert_eq!((seen.nodes.len(), seen.open.len()), (2, 0));
        let name = seen.nodes.iter().find(|node| !node.here).unwrap().name.clone();

        let Node { folder, engine } = b;
        drop(engine);
        until("the other node has stopped", async || {
            let nodes = a.engine.nodes().await.unwrap().nodes;
            nodes.iter().all(|node| node.here || !node.runs).then_some(())
        })
        .await;
        let leave = a.engine.read(|desk| desk.seen_by(desk.viewer(duty)?).report_leave(reference)).await.unwrap();
        let report = leave.expect("the desk has it");
        a.act(duty, Command::Intake(intake::Command::Decide(report, intake::Verdict::Spam))).await;
        let erase = intake::Command::Erase { report, reason: "op vraag".to_owned(), alone: true };
        a.act(duty, Command::Intake(erase)).await;
        let open = until("the erasure waits for the other node alone", async || {
            let open = a.engine.nodes().await.unwrap().open;
            open.iter().all(|erasure| erasure.waits_for == [name.clone()]).then_some(open)
        })
        .await;
        assert_eq!(open.len(), 1, "{open:?}");
        assert!(a.engine.read(|desk| desk.recorded_at(open[0].seq)).await.unwrap().is_some());

        let _b = Node::start(folder);
        until("nothing waits any more", async || a.engine.nodes().await.unwrap().open.is_empty().then_some(())).await;
    });
}

#[test]
fn commands_on_two_nodes_at_once_are_neither_lost_nor_doubled() {
    const EACH: usize = 60;
    let Some(server) = server::shared() else { return };
    let url = server.schema();
    run(async {
        let a = Node::first(&url);
        let b = a.joined(&url);
        let work = async |node: &Node, name: &str| {
            let mut acknowledged = Vec::new();
            for n in 0..EACH {
                acknowledged.push(node.mail(&format!("{name}{n}@x.example")).await.unwrap());
                // Both nodes get this one.
                acknowledged.push(node.mail(&format!("both{n}@x.example")).await.unwrap());
            }
            acknowledged
        };
        let (of_a, of_b) = tokio::join!(work(&a, "a"), work(&b, "b"));
        let references: HashSet<Reference> = of_a.into_iter().chain(of_b).collect();
        assert_eq!(references.len(), 3 * EACH, "the same mail is one report, on whatever node it comes");
        same(&a, &b).await;
        let known = a.engine.read(|desk| references.iter().filter(|r| desk.report_of(**r).is_some()).count()).await;
        assert_eq!(known.unwrap(), 3 * EACH);
    });
}

#[test]
fn a_server_that_restarts_under_load_costs_nothing_that_was_acknowledged() {
    let Some(server) = Server::start("") else { return };
    let url = server.schema();
    run(async {
        let a = Node::first(&url);
        let b = a.joined(&url);
        let stop = AtomicBool::new(false);
        let load = async |node: &Node, name: &str| {
            let (mut acknowledged, mut refused) = (HashSet::new(), 0);
            for n in 0.. {
                match node.mail(&format!("{name}{n}@x.example")).await {
                    Some(reference) => drop(acknowledged.insert(reference)),
                    None => refused += 1,
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            (acknowledged, refused)
        };
        let trouble = async {
            for kill in [false, true] {
                let size = a.engine.last_moment();
                until("there is load", async || (a.engine.last_moment() > size).then_some(())).await;
                if kill {
                    server.kill();
                    // The killed server's other processes may still take some.
                    let mut sent = 0;
                    for node in [&a, &b] {
                        until("the kill is noticed", async || {
                            sent += 1;
                            node.mail(&format!("gone{sent}@x.example")).await.is_none().then_some(())
                        })
                        .await;
                    }
                    tokio::task::block_in_place(|| server.resume());
                } else {
                    tokio::task::block_in_place(|| server.restart(""));
                }
                for node in [&a, &b] {
                    until("it goes on", async || node.mail(&format!("after{kill}@x.example")).await).await;
                }
            }
            stop.store(true, Ordering::Relaxed);
        };
        let (of_a, of_b, ()) = tokio::join!(load(&a, "a"), load(&b, "b"), trouble);
        same(&a, &b).await;
        for reference in of_a.0.iter().chain(&of_b.0) {
            assert!(a.engine.read(|desk| desk.report_of(*reference)).await.unwrap().is_some(), "{reference} is lost");
        }
        let mails: HashSet<Reference> = of_a.0.into_iter().chain(of_b.0).collect();
        println!("{} acknowledged, {} refused", mails.len(), of_a.1 + of_b.1);
    });
}
