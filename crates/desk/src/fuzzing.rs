//! One plain function for every reader of foreign text, for fuzz targets: each must return for any input.

use crate::Desk;
use crate::fact::Fact;
use crate::hints::{Message, judge};
use crate::ids::Reference;
use crate::observables::{FOUND_MAX, KINDS, defanged, find, single};

/// Observables: what is found is found again in the form in which it is shown, and that form opens nothing.
pub fn observables(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let found = find(&text, Some("cyberresponse@bolwerk.example"));
    assert!(found.len() <= FOUND_MAX);
    for one in &found {
        assert!(KINDS.contains(&one.kind.as_str()), "{one:?}");
        let shown = defanged(one);
        assert!(!shown.contains("http://") || one.kind != "url", "{shown}");
        // A host with an underscore, or of nothing but one or two letters, is one only inside an address: alone it is more often a word
        // or an abbreviation.
        if one.value.contains('_') || one.value.split('.').all(|label| label.chars().count() <= 2) {
            continue;
        }
        let again = find(&shown, None);
        assert!(again.iter().any(|o| (&o.kind, &o.value) == (&one.kind, &one.value)), "{one:?} as {shown}: {again:?}");
    }
    single(&text);
}

/// Questions: a bounded number of parts.
pub fn query(data: &[u8]) {
    crate::search::fuzz(&String::from_utf8_lossy(data));
}

/// References: what is read is written and read again.
pub fn reference(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for found in [text.parse().ok(), Reference::find_in(&text)].into_iter().flatten() {
        assert_eq!(found.to_string().parse(), Ok(found));
        assert_eq!(Reference::find_in(&found.to_string()), Some(found));
    }
}

/// What is thought of a mail; the subject is the first line, the sender the second.
pub fn hints(data: &[u8], desk: &Desk) {
    let text = String::from_utf8_lossy(data);
    let (subject, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let (from, text) = rest.split_once('\n').unwrap_or((rest, rest));
    let message =
        Message { subject, text, from_address: Some(from), board_typed: Some(from), sender: None, automatic: false };
    let opinion = judge(desk, &message);
    assert!(opinion.appraisal.board.is_none_or(|board| board.index() < desk.register.len()));
}

/// A written fact: kind, body and sealed data, a line each. What is read is written, and read again.
pub fn fact(data: &[u8]) {
    let mut lines = data.splitn(3, |b| *b == b'\n');
    let kind = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let (body, sealed) = (lines.next().unwrap_or_default(), lines.next());
    if let Ok(fact) = Fact::from_written(&kind, 1, body, sealed) {
        let written = fact.written();
        let again = Fact::from_written(&written.kind, written.version, &written.body, written.sealed.as_deref());
        assert_eq!(again.expect("it was written"), fact);
    }
}

/// A snapshot.
pub fn snapshot(data: &[u8]) {
    if let Ok(((), desk)) = Desk::read(data) {
        let mut written = Vec::new();
        desk.write(&(), &mut written).expect("a vector takes everything");
        assert!(Desk::read(written.as_slice()).is_ok_and(|((), again)| again == desk));
    }
}
