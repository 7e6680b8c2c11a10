//! A writer killed at random moments loses nothing that it acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use journal::{Content, Keep, KeyId, Reader, verify};

use crate::support::*;

contract! {
    a_writer_killed_at_random_moments_loses_nothing_acknowledged
}

/// How often the writer is killed.
const KILLS: u64 = 32;
const DIR: &str = "BOLWERK_KILL_DIR";
/// How long to wait for a line that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The content that the part of an entry has.
fn content(seq: u64, number: usize) -> Vec<u8> {
    let len = if number == 2 { FILE_BYTES } else { 500 };
    seq.to_be_bytes().iter().copied().chain([number as u8]).cycle().take(len).collect()
}

/// The writer: appends and erases without end, and says what was acknowledged. Only ever run by the test below.
#[test]
#[ignore = "the process that is killed"]
fn writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let mut writer = open(Path::new(&dir));
    let mut out = std::io::stdout();
    let mut keys: Vec<KeyId> = Vec::new();
    for round in 0u64.. {
        let mut group = Vec::new();
        for n in 0..1 + round % 5 {
            let key = writer.new_key().unwrap();
            keys.push(key);
            let seq = writer.next_seq() + n;
            let contents: Vec<Vec<u8>> = (0..2 + usize::from(round % 7 == 0)).map(|part| content(seq, part)).collect();
            let parts: Vec<(KeyId, Keep, &[u8])> = contents
                .iter()
                .enumerate()
                .map(|(part, bytes)| (key, if part == 0 { Keep::Replayed } else { Keep::OnDemand }, bytes.as_slice()))
                .collect();
            group.push(vec![sealed("a", &parts)]);
        }
        let appended = writer.append(group, 0).unwrap();
        writeln!(out, "\nhave {}", appended.last().unwrap().seqs.end).unwrap();
        if round % 4 == 3 {
            let gone = keys.remove(keys.len() / 2);
            let appended = writer.erase(&[gone], entry("journal.erased", "{}"), 0).unwrap();
            writeln!(out, "\nhave {}\ngone {}", appended.seqs.end, gone.0).unwrap();
        }
        out.flush().unwrap();
    }
}

fn start(dir: &Path) -> (Child, Receiver<String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::writer", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (lines, received) = mpsc::channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    (child, received)
}

/// What the writers acknowledged.
#[derive(Default)]
struct Acknowledged {
    have: u64,
    gone: Vec<KeyId>,
}

impl Acknowledged {
    fn note(&mut self, line: &str) -> bool {
        let mut words = line.split(' ');
        let (Some(word), Some(Ok(n)), None) = (words.next(), words.next().map(str::parse), words.next()) else {
            return false;
        };
        match word {
            "have" => self.have = self.have.max(n),
            "gone" => self.gone.push(KeyId(n)),
            _ => return false,
        }
        true
    }
}

fn a_writer_killed_at_random_moments_loses_nothing_acknowledged<F: Fixture>() {
    let dir = F::folder();
    let mut acknowledged = Acknowledged::default();
    let mut state = 0x5eed_u64;
    // A busy machine gets less done between two kills: then there are more of them.
    let enough = |acknowledged: &Acknowledged| acknowledged.have > 100 && acknowledged.gone.len() > 2;
    for kill in 0..20 * KILLS {
        if kill >= KILLS && enough(&acknowledged) {
            break;
        }
        let (mut child, lines) = start(dir.path());
        // The first kills come early, while the journal is being made and opened.
        let mut until = Instant::now() + PATIENCE;
        if kill >= 6 {
            while !acknowledged.note(&lines.recv_timeout(PATIENCE).unwrap()) {}
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        until =
            until.min(Instant::now() + Duration::from_micros((state >> 33) % if kill >= 6 { 90_000 } else { 40_000 }));
        while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            acknowledged.note(&line);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            acknowledged.note(&line);
        }
        check(dir.path(), &acknowledged);
    }
    assert!(enough(&acknowledged), "{} entries, {} erasures", acknowledged.have, acknowledged.gone.len());
}

fn check(dir: &Path, acknowledged: &Acknowledged) {
    if acknowledged.have == 0 && !dir.join("keys").exists() {
        return;
    }
    let verified = verify(dir, None, &mut |_, _| {}).unwrap();
    assert!(verified.size >= acknowledged.have, "{} of {} are there", verified.size, acknowledged.have);
    let reader = Reader::open(dir).unwrap();
    for stored in all(&reader) {
        for (number, part) in stored.parts.iter().enumerate() {
            let found = reader.part(stored.seq, number).unwrap();
            match acknowledged.gone.contains(&part.key) {
                true => assert_eq!(found, Content::Erased),
                false if found == Content::Erased => {}
                false => assert_eq!(found, Content::Open(content(stored.seq, number))),
            }
        }
    }
}
