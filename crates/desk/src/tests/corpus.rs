//! Real mail and naughty strings, from the folder named by `BOLWERK_CORPUS`; without it these tests say that they were skipped.

use crate::hints::{Message, judge};
use crate::intake::{QueueFilter, ReportFilter};
use crate::observables;
use crate::testing::{Mail, Story};
use std::path::{Path, PathBuf};

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("BOLWERK_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: BOLWERK_CORPUS is not set");
    }
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|e| e.path()).filter(|p| p.is_file()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

#[test]
fn real_abuse_and_phishing_mail_is_judged_and_rings_no_bell() {
    let Some(corpus) = corpus() else { return };
    let story = Story::new();
    let (mut mails, mut alarms, mut found) = (0, Vec::new(), 0);
    for folder in ["abuse-desk", "phishing", "hard", "conformance"] {
        for file in files(&corpus.join("mail").join(folder)) {
            let raw = std::fs::read(&file).expect("the corpus can be read");
            let text = String::from_utf8_lossy(&raw);
            let subject = text.lines().find_map(|l| l.strip_prefix("Subject:")).unwrap_or_default().trim();
            let body = text.split_once("\n\n").or_else(|| text.split_once("\r\n\r\n")).map_or("", |(_, body)| body);
            let message = Message { subject, text: body, from_address: Some("x@y.example"), ..Message::default() };
            let opinion = judge(&story.desk, &message);
            assert!(!opinion.appraisal.board_certain, "{file:?}");
            if opinion.appraisal.hit_now {
                alarms.push(file.clone());
            }
            assert!(!judge(&story.desk, &Message { automatic: true, ..message }).appraisal.hit_now);
            found += observables::find(&text, None).len();
            mails += 1;
        }
    }
    println!("{mails} mails, {found} observables, false alarms: {alarms:?}");
    assert!(mails > 250, "the corpus holds what it should");
    assert!(found > mails, "there is something to find in abuse mail");
    assert!(alarms.len() * 100 <= mails, "at most one in a hundred: {alarms:?}");
}

#[test]
fn naughty_strings_in_every_field_are_kept_shown_and_found_without_harm() {
    let Some(corpus) = corpus() else { return };
    let json = std::fs::read_to_string(corpus.join("hostile/naughty_strings.json")).expect("the corpus can be read");
    let mut strings: Vec<String> = serde_json::from_str(&json).expect("a list of strings");
    let payloads = std::fs::read_to_string(corpus.join("hostile/xss_payloads.txt")).expect("the corpus can be read");
    // Thousands of them differ by one event's name: every twentieth stands for its neighbours.
    strings.extend(payloads.lines().step_by(20).map(str::to_owned));
    let mut story = Story::new();
    let duty = story.duty;
    for naughty in &strings {
        let reference = story.mail(&Mail { from: naughty, subject: naughty, text: naughty, ..Mail::default() });
        let view = story.lens(duty).report(reference).expect("it is a report");
        assert_eq!(view.row.subject.as_deref(), Some(naughty.as_str()), "shown as it came; the page escapes it");
        story.lens(duty).search(naughty, 0, 5);
        story.lens(duty).reports(&ReportFilter { text: naughty.clone(), ..ReportFilter::default() }, None, 5);
        observables::single(naughty);
    }
    story.lens(duty).queue(story.now, &QueueFilter::default());
    println!("{} strings", strings.len());
    assert!(strings.len() > 400);
    assert_eq!(story.replayed(), story.desk);
}
