//! What is found in mail and in files, with workers that are this very test program.

use desk::accounts::{self, Person, Preferences, Role};
use desk::command::{Actor, Command, Outcome};
use desk::ids::{AccountId, Reference, TEAM};
use desk::intake::{Completeness, ReportView, Source, Via};
use engine::{Clock, Engine, FormFile, FormReport, MailIn, Outbound};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long anything may take on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(90);

/// Not a test of its own: what the engine below starts.
#[test]
fn worker_process() {
    if std::env::args().any(|argument| argument == "read-worker") {
        post::worker::worker_main();
    }
}

struct House {
    engine: Engine,
    duty: AccountId,
    _folder: tempfile::TempDir,
}

impl House {
    async fn open() -> House {
        let folder = tempfile::tempdir().unwrap();
        let worker = ["--exact", "reading::worker_process", "read-worker", "--nocapture", "--test-threads=1"];
        let engine = Engine::open(engine::Options {
            data: folder.path().to_owned(),
            clock: Arc::new(Clock::default()),
            address: Some("team@desk.example".to_owned()),
            outbound: Outbound::Sink,
            senders: engine::Senders::default(),
            worker: (std::env::current_exe().unwrap(), worker.map(str::to_owned).to_vec()),
            workers: 1,
            snapshots: None,
        })
        .unwrap();
        let person = Person { login: "wacht".to_owned(), name: "Wacht".to_owned(), password: String::new() };
        let (organisation, role, preferences) = (TEAM, Role::Admin, Preferences::default());
        let create = accounts::Command::Create { leave: None, organisation, role, preferences, person };
        let outcome = engine.submit(Actor::Rule, Command::Accounts(create)).await.unwrap().outcome;
        let Outcome::Account(duty) = outcome else { panic!("no account") };
        House { engine, duty, _folder: folder }
    }

    /// The report once it was read.
    async fn report(&self, reference: Reference) -> ReportView {
        let began = Instant::now();
        loop {
            let view = self.engine.read(|desk| desk.seen_by(desk.viewer(self.duty)?).report(reference)).await.unwrap();
            match view.filter(|view| view.row.read) {
                Some(view) => return view,
                None => assert!(began.elapsed() < PATIENCE, "it is never read"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn mail(&self, raw: &str) -> ReportView {
        let mail = MailIn {
            via: Via::Smtp,
            envelope_from: Some("terug@kwaad.example".to_owned()),
            peer: None,
            helo: None,
            tls: false,
            raw: raw.as_bytes().to_vec(),
        };
        let reference = self.engine.receive_mail(mail).await.unwrap().reference;
        self.report(reference).await
    }

    /// References that a search for this gives, once the text is findable.
    async fn finds(&self, query: &str) -> bool {
        let found = self.engine.read(|desk| Some(desk.seen_by(desk.viewer(self.duty)?).search(query, 0, 10))).await;
        !found.unwrap().unwrap().hits.is_empty()
    }
}

fn source(view: &ReportView, kind: &str, value: &str) -> Option<Source> {
    let all = &view.head.as_ref().unwrap().observables;
    all.iter().find(|o| o.kind == kind && o.value == value && o.benign.is_none()).map(|o| o.source)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_of_a_mail_and_of_what_it_forwards_is_looked_at() {
    let house = House::open().await;
    let view = house
        .mail(
            "Received: from mail.kwaad.example (mail.kwaad.example [203.0.113.7])\r\n by mx.desk.example; Thu, 15 Dec 2022 03:04:05 +0100\r\n\
             X-Originating-IP: [203.0.113.44]\r\nFrom: An <an@prive.example>\r\nReply-To: antwoord@kwaad.example\r\nTo: team@desk.example\r\n\
             Subject: 192.0.2.99\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nzie bijlage\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
             X-Originating-IP: 198.51.100.7\r\nFrom: baas@bedrog.example\r\nSubject: x\r\n\r\nklik op http://bedrog.example/x\r\n--b\r\n\
             Content-Type: text/plain; name=\"fw_203.0.113.96_x.log\"\r\nContent-Disposition: attachment\r\n\r\ndeny 203.0.113.50\r\n--b--\r\n",
        )
        .await;
    assert_eq!(view.completeness, Some(Completeness::Full));
    for (kind, value, expected) in [
        ("ipv4", "192.0.2.99", Source::Text),
        ("ipv4", "203.0.113.44", Source::Header),
        ("email", "an@prive.example", Source::Header),
        ("email", "antwoord@kwaad.example", Source::Header),
        ("email", "terug@kwaad.example", Source::Header),
        ("ipv4", "203.0.113.7", Source::Route),
        ("domain", "mail.kwaad.example", Source::Route),
        ("ipv4", "198.51.100.7", Source::Header),
        ("email", "baas@bedrog.example", Source::Header),
        ("url", "http://bedrog.example/x", Source::Text),
        ("ipv4", "203.0.113.96", Source::Attachment),
        ("ipv4", "203.0.113.50", Source::Attachment),
    ] {
        assert_eq!(source(&view, kind, value), Some(expected), "{kind} {value}");
    }
    assert_eq!(source(&view, "email", "team@desk.example"), None, "our own is set aside, if it is found at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_form_are_read_as_those_of_a_mail() {
    let house = House::open().await;
    let log = b"deny 203.0.113.50 zonnebloemolie\n".to_vec();
    let form = FormReport {
        what: "zie bijlage".to_owned(),
        files: vec![
            FormFile { name: "fw.log".to_owned(), media_type: "text/plain".to_owned(), bytes: log },
            FormFile {
                name: "lang.txt".to_owned(),
                media_type: "text/plain".to_owned(),
                bytes: b"regel\n".repeat(400_000),
            },
        ],
        ..FormReport::default()
    };
    let reference = house.engine.receive_form(form, Via::Form, Actor::Rule).await.unwrap().reference;
    let view = house.report(reference).await;
    assert_eq!(source(&view, "ipv4", "203.0.113.50"), Some(Source::Attachment));
    let sha256 = &view.head.as_ref().unwrap().attachments[0].sha256;
    assert_eq!(source(&view, "sha256", sha256), Some(Source::Attachment));
    let cut = Completeness::Partial(vec![post::read::reason::ATTACHMENT_CUT.to_owned()]);
    assert_eq!(view.completeness, Some(cut), "what is cut is said");
    assert!(house.finds("zonnebloemolie").await, "a search finds what stands in a file");
}
