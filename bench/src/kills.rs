//! `bench kills`: what was acknowledged while the server was killed at random moments is there, once, and answered once.

use crate::chance::{self, Chance};
use crate::failure::Failure;
use crate::mails::{self, Mail};
use crate::server::{self, Setting, Work};
use crate::sink::{Manners, Receipt, Sink};
use crate::smtp::{Client, Unsent};
use crate::table::{Held, Report, grouped};
use crate::{asked, corpus, corpus_of, machine, number, number_of, path_of, pause, results_of};
use clap::{ArgMatches, Command};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After the mails that trigger a kill, so long until it comes, at random.
const KILL_DELAY_MAX: Duration = Duration::from_millis(20);
/// One kill in so many hits a desk that is still starting.
const START_KILL_ONE_IN: u64 = 8;
/// The relay thinks so long before it says 250: mails in the window between the final dot and the reply.
const RELAY_THINKS: Duration = Duration::from_millis(5);
/// A resend is explained by a kill so long after the first handing over, at most.
const WINDOW: Duration = Duration::from_secs(1);
/// What the desk sent before it was killed may be read by the relay so much later: it was on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(250);
/// Pause of a client that was refused or found nobody.
const CLIENT_PAUSE: Duration = Duration::from_millis(20);
/// Longest wait for one more mail to be acknowledged.
const STUCK: Duration = Duration::from_secs(120);
/// Longest wait for one more answer to leave.
const ANSWERS_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest wait until everything is readable.
const READ_TIMEOUT: Duration = Duration::from_secs(300);

/// Its command line.
pub fn command() -> Command {
    Command::new("kills")
        .about("Mails acknowledged while the server is killed at random: 0 lost, 0 doubled, answers once")
        .arg(corpus())
        .arg(number("connections", "16", "SMTP connections at once"))
        .arg(number("mails", "20000", "Mails to have acknowledged"))
        .arg(number("kills", "200", "Times that the server is killed"))
        .arg(chance::seed())
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let (count, kills) = (number_of(matches, "mails"), number_of(matches, "kills"));
    let seed = chance::seed_of(matches)?;
    let work = Work::new(path_of(matches, "work"), "kills", matches.get_flag("keep"))?;
    let machine = machine::description(&work.path);
    let relay = Sink::start(Manners { think: RELAY_THINKS, pipelining: true, keep: true, ..Manners::default() })?;
    let setting = Setting::fresh(path_of(matches, "program"), &work, Some(relay.address()));
    let state = State::new(Letters::load(matches, count)?);
    eprintln!("{count} mails, {kills} kills, seed {seed} …");
    let began = Instant::now();
    let story = std::thread::scope(|scope| {
        for _ in 0..number_of(matches, "connections") {
            scope.spawn(|| state.client());
        }
        let story = kill_at_random(&setting, &state, kills, &mut Chance::new(seed));
        state.over.store(true, Ordering::Release);
        state.up.notify_all();
        story
    })?;
    let Story { running, kills, in_start, slowest_start } = story;
    let seconds = began.elapsed().as_secs_f64();
    wait_for_answers(&state, &relay);
    let unread = wait_until_read(&setting)?;
    running.stop()?;
    let found = Found::of(&setting.list("reports")?, &state);
    let verified = String::from_utf8_lossy(&setting.run(&["verify"])?).trim().to_owned();
    let outbox = relay.look(|all| Outbox::of(all, &kills, &state.letters));
    let mut report = tell(&state, &found, &outbox, kills.len() - in_start, in_start, seconds);
    report.note(format!(
        "seed {seed}; slowest start {:.2} s; {unread} unread in the end; verify: {}.",
        slowest_start.as_secs_f64(),
        verified.replace('\n', "; ")
    ));
    if !found.is_clean() {
        report.note(format!("examples: lost {:?}; doubled {:?}", found.examples_lost, found.examples_doubled));
    }
    report.publish(results_of(matches), &machine)
}

/// What is sent: every other mail is a letter from a sender of its own, who is owed exactly one answer; the others are real ones.
struct Letters {
    real: Vec<Mail>,
    count: usize,
    tag: String,
}

impl Letters {
    fn load(matches: &ArgMatches, count: usize) -> Result<Letters, Failure> {
        Ok(Letters { real: mails::load(&corpus_of(matches)?)?, count, tag: server::unique() })
    }

    fn owed(n: usize) -> bool {
        n.is_multiple_of(2)
    }

    fn sender(n: usize) -> String {
        format!("it{n}@stad{n}.example")
    }

    fn message_id(&self, n: usize) -> String {
        format!("kill-{}-{n}@bench.example", self.tag)
    }

    fn number(&self, message_id: &str) -> Option<usize> {
        let rest = message_id.trim_matches(['<', '>']).strip_prefix("kill-")?.strip_prefix(&self.tag)?;
        rest.strip_prefix('-')?.strip_suffix("@bench.example")?.parse().ok()
    }

    fn mail(&self, n: usize) -> Mail {
        if !Letters::owed(n) {
            return self.real[n / 2 % self.real.len()].clone();
        }
        let from = Letters::sender(n);
        let to = mails::MAILBOX;
        let text = format!("From: {from}\nTo: {to}\nSubject: bestanden versleuteld {n}\n\nWij zijn gehackt, {n}.\n");
        Mail::new("letter", text.as_bytes())
    }
}

struct State {
    letters: Letters,
    server: Mutex<Option<SocketAddr>>,
    up: Condvar,
    over: AtomicBool,
    next: AtomicUsize,
    acknowledged: Vec<AtomicBool>,
    count: AtomicUsize,
    /// Connections that broke while a mail was under way: its sender cannot know whether it was kept, and sends it again.
    unsure: AtomicUsize,
    refused: Mutex<HashMap<String, usize>>,
}

impl State {
    fn new(letters: Letters) -> State {
        State {
            acknowledged: (0..letters.count).map(|_| AtomicBool::new(false)).collect(),
            letters,
            server: Mutex::new(None),
            up: Condvar::new(),
            over: AtomicBool::new(false),
            next: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            unsure: AtomicUsize::new(0),
            refused: Mutex::new(HashMap::new()),
        }
    }

    fn set_server(&self, server: Option<SocketAddr>) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
        self.up.notify_all();
    }

    /// Waits until there is a server; `None` when it is over.
    fn server(&self) -> Option<SocketAddr> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        while server.is_none() && !self.over.load(Ordering::Acquire) {
            server = self.up.wait_timeout(server, CLIENT_PAUSE).unwrap_or_else(PoisonError::into_inner).0;
        }
        *server
    }

    /// One sender: takes the next mail and sends it until it is acknowledged, as a mail server does.
    fn client(&self) {
        let mut open = None;
        loop {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            if n >= self.letters.count {
                break;
            }
            let (mail, message_id) = (self.letters.mail(n), self.letters.message_id(n));
            loop {
                let Some(server) = self.server().filter(|_| !self.over.load(Ordering::Acquire)) else { return };
                match self.attempt(&mut open, server, &mail, &message_id) {
                    Ok(()) => {
                        self.acknowledged[n].store(true, Ordering::Release);
                        self.count.fetch_add(1, Ordering::AcqRel);
                        break;
                    }
                    Err(error) => {
                        self.failed(error);
                        pause(CLIENT_PAUSE);
                    }
                }
            }
        }
        open.into_iter().for_each(Client::quit);
    }

    fn attempt(
        &self,
        open: &mut Option<Client>,
        server: SocketAddr,
        mail: &Mail,
        message_id: &str,
    ) -> Result<(), Unsent> {
        let mut client = match open.take() {
            Some(client) => client,
            None => Client::connect(server)?,
        };
        let sent = client.send(mail, message_id);
        if matches!(&sent, Err(Unsent::Broken(_))) {
            self.unsure.fetch_add(1, Ordering::Relaxed);
        }
        sent?;
        *open = Some(client);
        Ok(())
    }

    fn failed(&self, error: Unsent) {
        if let Unsent::Refused { .. } = error {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            *refused.entry(error.to_string()).or_default() += 1;
        }
    }

    /// Waits until so many are acknowledged.
    fn wait_for(&self, count: usize) -> Result<(), Failure> {
        let (mut last, mut since) = (0, Instant::now());
        loop {
            let now = self.count.load(Ordering::Acquire);
            if now >= count {
                return Ok(());
            }
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if since.elapsed() > STUCK {
                let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
                return Err(Failure::program(format!(
                    "{now} mails acknowledged, then none for {STUCK:?}; refused: {refused:?}"
                )));
            }
            pause(Duration::from_millis(1));
        }
    }
}

struct Story {
    running: server::Desk,
    kills: Vec<Instant>,
    in_start: usize,
    slowest_start: Duration,
}

fn kill_at_random(setting: &Setting, state: &State, kills: usize, chance: &mut Chance) -> Result<Story, Failure> {
    let count = state.letters.count;
    let mut moments: Vec<usize> = (0..kills).map(|_| chance.below(count as u64) as usize).collect();
    moments.sort_unstable();
    let mut running = setting.start()?;
    state.set_server(Some(running.ready.smtp));
    let (mut killed, mut in_start, mut slowest_start) = (Vec::with_capacity(kills), 0, Duration::ZERO);
    for (n, moment) in moments.into_iter().enumerate() {
        if n % 10 == 9 {
            eprintln!("{} kills, {} acknowledged", n + 1, state.count.load(Ordering::Relaxed));
        }
        let while_starting = n > 0 && chance.one_in(START_KILL_ONE_IN);
        if while_starting {
            // At once after a start, and once more in the middle of the next one: two kills.
            killed.push(Instant::now());
            running.kill();
            state.set_server(None);
            let spawned = setting.spawn()?;
            pause(chance.up_to(slowest_start));
            killed.push(Instant::now());
            spawned.kill();
            in_start += 1;
        } else {
            state.wait_for(moment)?;
            pause(chance.up_to(KILL_DELAY_MAX));
            killed.push(Instant::now());
            running.kill();
            state.set_server(None);
        }
        let began = Instant::now();
        running = setting.start()?;
        slowest_start = slowest_start.max(began.elapsed());
        state.set_server(Some(running.ready.smtp));
    }
    state.wait_for(count)?;
    Ok(Story { running, kills: killed, in_start, slowest_start })
}

fn wait_for_answers(state: &State, relay: &Sink) {
    let owed = (0..state.letters.count).filter(|n| Letters::owed(*n)).count();
    let (mut last, mut since) = (0, Instant::now());
    while since.elapsed() < ANSWERS_TIMEOUT {
        let now = relay.count();
        if now != last {
            (last, since) = (now, Instant::now());
            if relay.look(|all| all.iter().filter_map(answered).collect::<HashSet<_>>().len()) >= owed {
                return;
            }
        }
        pause(Duration::from_millis(250));
    }
}

/// The letter that a mail answers, by its recipient.
fn answered(receipt: &Receipt) -> Option<usize> {
    let to = receipt.to.first()?.strip_prefix("it")?;
    to.split_once('@')?.0.parse().ok()
}

fn wait_until_read(setting: &Setting) -> Result<usize, Failure> {
    let began = Instant::now();
    loop {
        let unread = setting.list("reports")?.iter().filter(|r| r["complete"].is_null()).count();
        if unread == 0 || began.elapsed() > READ_TIMEOUT {
            return Ok(unread);
        }
        pause(Duration::from_secs(2));
    }
}

/// What the list shows of what was acknowledged.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    lost: usize,
    doubled: usize,
    foreign: usize,
    examples_lost: Vec<usize>,
    examples_doubled: Vec<usize>,
}

impl Found {
    fn of(reports: &[serde_json::Value], state: &State) -> Found {
        let mut times: HashMap<usize, usize> = HashMap::new();
        let mut foreign = 0;
        for report in reports {
            match report["message_id"].as_str().and_then(|id| state.letters.number(id)) {
                Some(n) => *times.entry(n).or_default() += 1,
                None => foreign += 1,
            }
        }
        let acknowledged = state.acknowledged.iter().enumerate().filter(|(_, a)| a.load(Ordering::Acquire));
        let lost: Vec<usize> = acknowledged.map(|(n, _)| n).filter(|n| !times.contains_key(n)).collect();
        let mut doubled: Vec<usize> = times.into_iter().filter(|(_, t)| *t > 1).map(|(n, _)| n).collect();
        doubled.sort_unstable();
        Found {
            lost: lost.len(),
            doubled: doubled.len(),
            foreign,
            examples_lost: lost.into_iter().take(5).collect(),
            examples_doubled: doubled.into_iter().take(5).collect(),
        }
    }

    fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.foreign == 0
    }
}

/// What the relay was given.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outbox {
    /// Letters that were answered.
    answered: usize,
    /// Letters that are owed an answer and got none.
    unanswered: usize,
    /// Letters that got answers under more than one Message-ID.
    two_answers: usize,
    /// Mails in all.
    receipts: usize,
    /// Mails that came again under the same Message-ID.
    resent: usize,
    /// Resends with another content than the first time.
    changed: usize,
    /// Mails whose envelope sender is the desk's own address: their bounces would loop.
    looping: usize,
    /// Resends without a kill in the window that allows one.
    unexplained: usize,
    /// Longest time from the first handing over to the kill that explains its resend.
    widest: Duration,
}

impl Outbox {
    fn of(receipts: &[Receipt], kills: &[Instant], letters: &Letters) -> Outbox {
        let mut answers: HashMap<usize, HashSet<&str>> = HashMap::new();
        let mut outbox = Outbox { receipts: receipts.len(), ..Outbox::default() };
        let mut last: HashMap<&str, &Receipt> = HashMap::new();
        for receipt in receipts {
            if let Some(n) = answered(receipt) {
                answers.entry(n).or_default().insert(&receipt.message_id);
            }
            outbox.looping += usize::from(receipt.from.eq_ignore_ascii_case(mails::MAILBOX));
            let Some(earlier) = last.insert(&receipt.message_id, receipt) else { continue };
            outbox.resent += 1;
            outbox.changed += usize::from(earlier.raw != receipt.raw);
            let after = earlier.dot.checked_sub(ON_ITS_WAY).unwrap_or(earlier.dot);
            let kill = kills.iter().copied().filter(|k| *k >= after && *k <= receipt.dot).min();
            match kill.map(|k| k.saturating_duration_since(earlier.dot)).filter(|gap| *gap <= WINDOW) {
                Some(gap) => outbox.widest = outbox.widest.max(gap),
                None => outbox.unexplained += 1,
            }
        }
        let owed = (0..letters.count).filter(|n| Letters::owed(*n));
        outbox.unanswered = owed.filter(|n| !answers.contains_key(n)).count();
        outbox.two_answers = answers.values().filter(|ids| ids.len() > 1).count();
        outbox.answered = answers.len();
        outbox
    }
}

fn tell(state: &State, found: &Found, outbox: &Outbox, kills: usize, in_start: usize, seconds: f64) -> Report {
    let head = ["", "mails", "lost", "doubled", "sent again, unsure", "answered", "owed, not answered", "resent"];
    let mut report = Report::new("kills", asked(), &head);
    let acknowledged = state.count.load(Ordering::Acquire);
    let unsure = state.unsure.load(Ordering::Relaxed);
    report.row(vec![
        format!("{kills} kills in {seconds:.0} s"),
        grouped(acknowledged as f64),
        found.lost.to_string(),
        found.doubled.to_string(),
        grouped(unsure as f64),
        grouped(outbox.answered as f64),
        outbox.unanswered.to_string(),
        outbox.resent.to_string(),
    ]);
    let held = Held::when;
    report.bar("0 lost", found.lost.to_string(), held(found.lost == 0));
    let doubled = format!("{} (and {} reports nobody sent)", found.doubled, found.foreign);
    report.bar("0 doubled", doubled, held(found.doubled == 0 && found.foreign == 0));
    report.bar(
        "every answer that is owed leaves",
        format!("{} missing", outbox.unanswered),
        held(outbox.unanswered == 0),
    );
    report.bar("one Message-ID per notice", format!("{} with two", outbox.two_answers), held(outbox.two_answers == 0));
    report.bar(
        "resends only for a kill right after DATA",
        format!("{} resent, {} without such a kill", outbox.resent, outbox.unexplained),
        held(outbox.unexplained == 0),
    );
    report.bar("a resend is the same mail", format!("{} changed", outbox.changed), held(outbox.changed == 0));
    report.bar(
        "no bounce can loop",
        format!("{} from the desk's own address", outbox.looping),
        held(outbox.looping == 0),
    );
    report.note(format!(
        "{in_start} more kills hit a desk that was still starting; a client whose connection broke sent the same mail again; \
         the relay took {} mails and thought {} ms before each 250; longest time from handing over to the kill behind a resend: {:.0} ms.",
        grouped(outbox.receipts as f64),
        RELAY_THINKS.as_millis(),
        outbox.widest.as_secs_f64() * 1000.0
    ));
    let refused = state.refused.lock().unwrap_or_else(PoisonError::into_inner);
    if !refused.is_empty() {
        let lines: Vec<String> = refused.iter().map(|(what, times)| format!("{what} ({times} times)")).collect();
        report.note(format!("refused and tried again: {}", lines.join("; ")));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn letters(count: usize) -> Letters {
        Letters { real: vec![Mail::new("r", b"Subject: r\n\nr\n")], count, tag: "t".to_owned() }
    }

    fn listed(ids: &[&str]) -> Vec<serde_json::Value> {
        ids.iter().map(|id| json!({ "message_id": id })).collect()
    }

    #[test]
    fn a_lost_a_doubled_and_a_foreign_report_are_seen() {
        let state = State::new(letters(4));
        (0..3).for_each(|n| state.acknowledged[n].store(true, Ordering::Release));
        let id = |n: usize| format!("<{}>", state.letters.message_id(n));
        let whole = Found::of(&listed(&[&id(0), &id(1), &id(2)]), &state);
        assert!(whole.is_clean());
        // Number 3 was not acknowledged: there or not, both are right.
        assert!(Found::of(&listed(&[&id(0), &id(1), &id(2), &id(3)]), &state).is_clean());
        let bad = Found::of(&listed(&[&id(0), &id(0), &id(2), "<x@y>"]), &state);
        assert_eq!((bad.lost, bad.doubled, bad.foreign, bad.examples_lost), (1, 1, 1, vec![1]));
    }

    #[test]
    fn a_resend_without_a_kill_behind_it_is_seen() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let receipt = |n: usize, id: &str, ms: u64| Receipt {
            from: if ms == 800 { mails::MAILBOX.to_owned() } else { String::new() },
            to: vec![Letters::sender(n)],
            message_id: id.to_owned(),
            dot: at(ms),
            raw: if ms == 700 { b"another".to_vec() } else { Vec::new() },
        };
        let receipts = [
            receipt(0, "a", 0),
            receipt(0, "a", 500),
            receipt(2, "b", 600),
            receipt(2, "b", 700),
            receipt(4, "c", 700),
            receipt(4, "d", 800),
        ];
        let outbox = Outbox::of(&receipts, &[at(40)], &letters(8));
        let expected = Outbox {
            answered: 3,
            unanswered: 1,
            two_answers: 1,
            receipts: 6,
            resent: 2,
            unexplained: 1,
            changed: 1,
            looping: 1,
            widest: Duration::from_millis(40),
        };
        assert_eq!(outbox, expected);
    }

    #[test]
    fn a_client_sends_each_mail_until_it_is_acknowledged() {
        let relay = Sink::start(Manners { pipelining: true, ..Manners::default() }).unwrap();
        let state = State::new(letters(6));
        state.set_server(Some(relay.address()));
        state.client();
        assert_eq!(state.count.load(Ordering::Acquire), 6);
        let receipts = relay.look(<[_]>::to_vec);
        let numbers: Vec<_> = receipts.iter().map(|r| state.letters.number(&r.message_id)).collect();
        assert_eq!(numbers, (0..6).map(Some).collect::<Vec<_>>());
        assert_eq!(
            (receipts[2].from.as_str(), receipts[1].from.as_str()),
            ("it2@stad2.example", "afzender@example.org")
        );
    }
}
