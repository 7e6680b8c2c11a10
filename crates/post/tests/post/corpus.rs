//! Real mail, when the corpus is there; and an independent parser as a second opinion on it.

use std::collections::HashSet;
use std::path::Path;

use mail_parser::{MessageParser, MimeHeaders, PartType};
use post::files::mails_in;
use post::read::{ReadLimits, Reading, attachment, read};
use post::scan::{scan, without_trace};

use crate::support::corpus;

fn mails() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = corpus("mail") else { return Vec::new() };
    let mails: Vec<_> = mails_in(&[folder]).map(Result::unwrap).collect();
    assert!(mails.len() >= 300, "only {} mails found", mails.len());
    mails
}

#[test]
fn every_real_mail_is_read_within_limits() {
    let limits = ReadLimits::default();
    let (mut incomplete, mut empty) = (Vec::new(), Vec::new());
    let all = mails();
    for (origin, raw) in &all {
        let reading = read(raw, &limits);
        let scanned = scan(raw);
        // An id that is written is found, by both and the same.
        assert_eq!(scanned.message_id, reading.message_id, "{origin}");
        assert_eq!(scanned.date, reading.date, "{origin}");
        for part in &reading.attachments {
            let (again, bytes) = attachment(raw, part.index, &limits).expect("a listed part is found");
            assert_eq!((again.sha256.as_str(), bytes.len() as u64), (part.sha256.as_str(), part.size), "{origin}");
            assert!(!part.name.is_empty() && !part.name.contains('/') && part.name.chars().count() <= 120, "{origin}");
        }
        assert!(reading.text.len() <= limits.text_max && !reading.text.contains('\r'), "{origin}");
        if !reading.complete.is_empty() {
            incomplete.push(format!("{} {:?}", name(origin), reading.complete));
        }
        if reading.text.trim().is_empty() && reading.attachments.is_empty() && reading.nested.is_empty() {
            empty.push(name(origin));
        }
        assert_eq!(without_trace(&without_trace(raw)), without_trace(raw), "{origin}");
    }
    if !all.is_empty() {
        println!("{} mails; not complete: {incomplete:#?}; without any content: {empty:#?}", all.len());
        assert!(incomplete.len() * 10 < all.len(), "{incomplete:#?}");
    }
}

fn name(origin: &str) -> String {
    Path::new(origin).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// `mail-parser` splits and decodes on its own: where both find the same attachments, they find the same bytes; and
/// what it calls text is in our text.
#[test]
fn an_independent_parser_sees_the_same_mail() {
    let limits = ReadLimits::default();
    let mut differences = Vec::new();
    let all = mails();
    for (origin, raw) in &all {
        let reading = read(raw, &limits);
        let Some(theirs) = MessageParser::default().parse(raw.as_slice()) else { continue };
        let mut differ = |what: String| differences.push(format!("{}: {what}", name(origin)));
        // Where theirs has replacement characters, ours knew the charset or guessed it better.
        let broken = |text: &str| text.contains('\u{fffd}');
        let subject = theirs.subject().unwrap_or_default();
        if !broken(subject) && normal(subject) != normal(&reading.subject) {
            differ(format!("subject {:?} / {:?}", theirs.subject(), reading.subject));
        }
        let from = theirs.from().and_then(|from| from.iter().find_map(|one| one.address()));
        // Theirs finds none in some fields in which ours does.
        if from.is_some() && from.map(normal) != reading.from_address.as_deref().map(normal) {
            differ(format!("from {from:?} / {:?}", reading.from_address));
        }
        for number in 0..theirs.text_body_count() {
            let PartType::Text(text) = &theirs.text_part(number as u32).unwrap().body else { continue };
            if !broken(text) && !words(text).iter().all(|word| words(&everything(&reading)).contains(word)) {
                differ(format!("text {number} is not all there"));
            }
        }
        let ours: HashSet<u64> = reading.attachments.iter().map(|part| part.size).collect();
        for part in
            theirs.attachments().filter(|part| matches!(part.body, PartType::Binary(_) | PartType::InlineBinary(_)))
        {
            let size = part.contents().len() as u64;
            if size > 0 && !ours.contains(&size) {
                differ(format!("attachment {:?} of {size} bytes is not among {ours:?}", part.attachment_name()));
            }
        }
    }
    assert!(differences.is_empty(), "{} differences in {} mails: {differences:#?}", differences.len(), all.len());
}

fn everything(reading: &Reading) -> String {
    let parts = reading.attachments.iter().filter_map(|part| part.text.as_deref());
    parts.chain(reading.nested.iter().map(String::as_str)).fold(reading.text.clone(), |all, text| all + "\n" + text)
}

fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words long enough to be no accident.
fn words(text: &str) -> HashSet<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 5).map(str::to_owned).collect()
}
