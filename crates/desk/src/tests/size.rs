//! A desk of the size that a sector gathers in years. Shape is asserted; times are printed, they never decide a test:
//! `cargo test -p desk --release size -- --ignored --nocapture`.

use crate::command::Command;
use crate::fact::Fact;
use crate::ids::{AccountId, IncidentId, Named, OrganisationId, Reference, ReportId, TaskId, Timestamp};
use crate::incidents::{self, Change, IncidentFilter, Severity};
use crate::intake::{
    self, Appraisal, Arrival, Automatic, Completeness, Head, Incoming, Kind, Observable, QueueFilter, ReportFilter,
    Verdict, Via,
};
use crate::lens::{Audience, Tlp};
use crate::register::{BoardFilter, BoardId};
use crate::sealed::Sealed;
use crate::testing::{BEGINNING, Seeded, Story, digest};
use std::time::{Duration, Instant};

const INCIDENTS: u32 = 25_000;
const OBSERVABLES_EACH: u32 = 15;
const TASKS: u32 = 12_000;

const WORDS: [&str; 40] = [
    "server",
    "bestand",
    "firewall",
    "aanmelding",
    "leverancier",
    "gemeente",
    "wachtwoord",
    "factuur",
    "rekening",
    "mailbox",
    "back-up",
    "netwerk",
    "switch",
    "laptop",
    "scherm",
    "melding",
    "incident",
    "dossier",
    "burgerzaken",
    "loket",
    "telefoon",
    "router",
    "domein",
    "phishing",
    "virus",
    "update",
    "beheerder",
    "account",
    "toegang",
    "printer",
    "vergunning",
    "rijbewijs",
    "school",
    "bibliotheek",
    "zwembad",
    "verzekering",
    "politie",
    "brandweer",
    "parking",
    "belasting",
];

struct Builder {
    story: Story,
    seq: u64,
    at: Timestamp,
    random: Seeded,
}

impl Builder {
    fn apply(&mut self, fact: Fact) {
        self.at = self.at.plus_seconds(1);
        self.story.desk.apply(self.seq, self.at, &fact);
        self.seq += 1;
    }

    fn word(&mut self) -> String {
        let n = self.random.next_bits();
        let word = WORDS[(n % 40) as usize];
        // Names, numbers and the like: a vocabulary that grows with the desk.
        if n >> 8 & 3 == 0 { format!("{word}{}", n >> 32 & 0x3fff) } else { word.to_owned() }
    }

    fn sentence(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    fn incident(&mut self, n: u32) {
        let (report, incident) = (ReportId(n), IncidentId(n));
        let bits = u64::from(n) * 7919;
        let board = BoardId(n % 300);
        self.apply(Fact::Intake(received(report, self.at, n)));
        let observables = (0..OBSERVABLES_EACH).map(|k| observable(n, k)).collect();
        let head = Head {
            from_address: Some(format!("ict{}@bestuur{}.be", n % 7, n % 300)),
            subject: self.sentence(6),
            snippet: self.sentence(40),
            observables,
            ..Head::default()
        };
        let appraisal =
            Appraisal { kind: Kind::Incident, board: Some(board), board_certain: true, ..Appraisal::unknown() };
        self.apply(Fact::Intake(intake::Fact::Read {
            report,
            completeness: Completeness::Full,
            automatic: Automatic::No,
            language: None,
            appraisal,
            thread: None,
            head: Sealed::Open(head),
        }));
        // Every other one is addressed to the partner too.
        let organisations = if n.is_multiple_of(2) { 3 } else { 1 };
        let by = crate::command::Actor::Person(AccountId(1));
        let (title, text) = (self.sentence(5), self.sentence(8));
        self.apply(Fact::Incidents(incidents::Fact::Opened {
            incident,
            reference: Reference::new(Named::Incident, bits),
            by,
            since: self.at,
            audience: Audience { organisations, tlp: Tlp::Amber, persons: Vec::new() },
            severity: Severity::ALL.get((n % 6) as usize).copied(),
            with: 2,
            from: None,
            title: Sealed::Open(title),
        }));
        self.apply(Fact::Incidents(incidents::Fact::Changed {
            incident,
            by,
            change: Change::Board(board, true),
            undoes: None,
        }));
        let verdict = Verdict::Incident { incident, opened: true };
        self.apply(Fact::Intake(intake::Fact::Decided { report, by, verdict, batch: None }));
        if n < TASKS {
            self.apply(Fact::Incidents(incidents::Fact::TaskAdded {
                incident,
                task: TaskId(0),
                by: AccountId(1),
                assignee: None,
                due: None,
                text: Sealed::Open(text),
            }));
        }
    }
}

fn received(report: ReportId, at: Timestamp, n: u32) -> intake::Fact {
    intake::Fact::Received {
        report,
        reference: Reference::new(Named::Report, u64::from(n) * 7919),
        via: Via::Smtp,
        received_at: at,
        event_at: None,
        digest: digest(&format!("mail {n}")),
        sender: Some(digest(&format!("sender {}", n % 2000))),
        size: 4000,
        by: crate::command::Actor::Rule,
        arrival: Sealed::Open(Arrival {
            message_id: Some(format!("<{n}@voorbeeld.be>")),
            raw_sha256: "ab".repeat(32),
            envelope_from: Some("it@voorbeeld.be".to_owned()),
            from: Some("IT <it@voorbeeld.be>".to_owned()),
            from_address: Some("it@voorbeeld.be".to_owned()),
            subject: Some("melding".to_owned()),
            ..Arrival::default()
        }),
    }
}

fn observable(n: u32, k: u32) -> Observable {
    let number = n.wrapping_mul(2_654_435_761).wrapping_add(k * 977) % 200_000;
    let benign = k.is_multiple_of(5).then(|| "well-known".to_owned());
    let (kind, value) = match k % 3 {
        0 => ("ipv4", format!("203.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)),
        1 => ("domain", format!("host{number}.kwaad.be")),
        _ => ("sha256", format!("{number:064x}")),
    };
    Observable { kind: kind.to_owned(), value, benign, ..Observable::default() }
}

fn timed<T>(name: &str, rounds: u32, mut f: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let begin = Instant::now();
            std::hint::black_box(f());
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!("{name:<44} least {:>10.1?}   p50 {:>10.1?}   p99 {:>10.1?}", times[0], at(50), at(99));
    at(50)
}

fn large() -> Builder {
    let story = Story::new();
    let seq = story.last_seq() + 1;
    let mut builder = Builder { story, seq, at: BEGINNING, random: Seeded(5) };
    let begin = Instant::now();
    (0..INCIDENTS).for_each(|n| builder.incident(n));
    println!("{} facts applied in {:.1?}", builder.seq, begin.elapsed());
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        status.lines().filter(|l| l.starts_with("VmRSS")).for_each(|l| println!("{l}"));
    }
    builder
}

#[test]
#[ignore = "measures; run it in release"]
fn a_large_desk_answers_at_once() {
    let builder = large();
    let desk = &builder.story.desk;
    let partner = desk.viewer(builder.story.outsider).expect("it exists");
    assert_eq!(partner.organisation, OrganisationId(1));
    let lens = desk.seen_by(partner);
    timed("lens", 200, || desk.seen_by(partner).visible().clone());
    let counts = lens.observable_counts();
    assert_eq!(counts.iter().map(|c| c.1).sum::<usize>(), (INCIDENTS / 2 * OBSERVABLES_EACH) as usize);
    timed("facet counts over 375,000 observables", 200, || lens.observable_counts());
    let now = builder.at;
    timed("queue", 100, || lens.queue(now, &QueueFilter::default()));
    timed("incidents, first page with facets", 100, || lens.incidents(&IncidentFilter::default(), None, 50));
    let list = lens.incidents(&IncidentFilter::default(), None, 50);
    assert_eq!(list.total, INCIDENTS as usize / 2);
    let middle = lens.incidents(&IncidentFilter::default(), None, 10_000).next;
    timed("incidents, a page in the middle", 100, || lens.incidents(&IncidentFilter::default(), middle, 50));
    let filter = IncidentFilter { text: "firewall".to_owned(), ..IncidentFilter::default() };
    timed("incidents with a word", 100, || lens.incidents(&filter, None, 50));
    timed("incident page", 200, || lens.incident(list.rows[3].reference));
    timed("reports, first page", 100, || lens.reports(&ReportFilter::default(), None, 50));
    let reference = lens.reports(&ReportFilter::default(), None, 1).rows[0].reference;
    timed("report page (partner)", 200, || lens.report(reference));
    let team = desk.seen_by(desk.viewer(builder.story.duty).expect("it exists"));
    timed("report page with similar ones (team)", 200, || team.report(reference));
    timed("boards", 100, || lens.boards(&BoardFilter::default()));
    timed("board", 100, || lens.board(BoardId(5)));
    timed("outbox counts", 100, || lens.outbox_counts());
    timed("recent", 100, || lens.recent(50));
    for query in [
        "firewall",
        "fire",
        "f",
        "firewal",
        "leverancier wachtwoord",
        "factuur123 server",
        "vergunnink",
        "203.1.0.0/16",
        "kwaad.be",
        "host77.kwaad.be",
        "Sperwermonde",
        "M-0000-0000",
    ] {
        timed(&format!("search {query}"), 100, || lens.search(query, 0, 30));
    }
}

#[test]
#[ignore = "measures; run it in release"]
fn facts_are_applied_and_commands_decided_fast() {
    let mut builder = large();
    let first = INCIDENTS;
    let facts: Vec<Fact> =
        (first..first + 50_000).map(|n| Fact::Intake(received(ReportId(n), builder.at, n + 1_000_000))).collect();
    let begin = Instant::now();
    for fact in &facts {
        builder.story.desk.apply(builder.seq, builder.at, fact);
        builder.seq += 1;
    }
    println!("apply received: {:.2?} each", begin.elapsed() / 50_000);
    let incoming: Vec<Box<Incoming>> = (0..20_000)
        .map(|n| {
            Box::new(Incoming {
                via: Via::Smtp,
                event_at: None,
                digest: digest(&format!("other {n}")),
                digest_before: None,
                sender: Some(digest("x")),
                arrival: Arrival { subject: Some("melding".to_owned()), ..Arrival::default() },
                raw: vec![0; 4000],
            })
        })
        .collect();
    let mut random = Seeded(9);
    let begin = Instant::now();
    for incoming in incoming {
        let mut context =
            crate::command::Context { actor: crate::command::Actor::Rule, now: builder.at, random: &mut random };
        let command = Command::Intake(intake::Command::Receive(incoming));
        std::hint::black_box(builder.story.desk.decide(&mut context, command).expect("it is new"));
    }
    println!("decide receive: {:.2?} each", begin.elapsed() / 20_000);
    let text = builder.sentence(300);
    let begin = Instant::now();
    for n in 0..2000 {
        builder.story.desk.index_text(ReportId(n), &text);
    }
    println!("index a text of 300 words: {:.2?} each", begin.elapsed() / 2000);
    let begin = Instant::now();
    let incident_erased =
        intake::Fact::Erased { report: ReportId(3), by: AccountId(1), reason: "x".to_owned(), second: None };
    builder.story.desk.apply(builder.seq, builder.at, &Fact::Intake(incident_erased));
    println!("erase one report: {:.2?}", begin.elapsed());
    let mail = "Ik ben de IT-verantwoordelijke van de gemeente Sperwermonde. Sinds vannacht is alles versleuteld, zie 203.0.113.7. ".repeat(8);
    let message = crate::hints::Message { subject: "hulp", text: &mail, ..Default::default() };
    let desk = &builder.story.desk;
    timed("judge a mail of 120 words", 2000, || crate::hints::judge(desk, &message));
    timed("find observables in it", 2000, || crate::observables::find(&mail, None));
}
