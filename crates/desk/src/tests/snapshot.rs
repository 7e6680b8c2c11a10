//! A desk that was written and read again is the desk that was written, byte for byte, whatever happens afterwards.

use super::replay::{Dice, step};
use crate::Desk;
use crate::fact::{Fact, Written};
use crate::snapshot::Undecodable;
use crate::testing::{Seeded, Story};
use proptest::prelude::*;

fn told(seed: u64, length: usize) -> Story {
    let mut story = Story::new();
    let mut dice = Dice(Seeded(seed));
    let (mut references, mut opened) = (Vec::new(), Vec::new());
    for n in 0..length {
        step(&mut story, &mut dice, &mut references, &mut opened);
        if n % 10 == 0 {
            // Whole texts are findable while a desk runs, and are no part of what is written.
            let texts: Vec<_> = story.desk.texts_to_index().map(|(report, _)| report).collect();
            texts.into_iter().for_each(|report| story.desk.index_text(report, "de servers en andere woorden"));
        }
    }
    story
}

fn bytes(desk: &Desk) -> Vec<u8> {
    let mut bytes = Vec::new();
    desk.write(&(), &mut bytes).expect("a desk can be written into memory");
    bytes
}

fn desk_of(bytes: &[u8]) -> Result<Desk, Undecodable> {
    Desk::read::<()>(bytes).map(|((), desk)| desk)
}

/// Lets the rest of a story happen, as a replay reads it now: without what was erased meanwhile.
fn go_on(desk: &mut Desk, story: &Story, which: std::ops::Range<usize>) {
    for (seq, at, recorded) in &story.recorded[which] {
        let Written { kind, version, body, sealed } = recorded.fact.written();
        let sealed = sealed.filter(|_| !story.desk.is_erased(recorded.fact.subject()));
        let fact = Fact::from_written(&kind, version, &body, sealed.as_deref()).expect("it was just written");
        desk.apply(*seq, *at, &fact);
    }
}

/// What a search finds and in which order, and what is seen with what: the index answers as if it had been built by replay.
fn answers(desk: &Desk, story: &Story) -> String {
    let viewer = desk.viewer(story.duty).expect("the duty officer is there");
    let lens = desk.seen_by(viewer);
    let asked = ["servers", "kwaad.example", "203.0.113.0/24", "vers", "lijn", "tittel", "lijsterhove"];
    let found: Vec<_> = asked.iter().map(|asked| lens.search(asked, 0, 50)).collect();
    format!("{found:?} {:?}", lens.observable_counts())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_desk_reads_back_and_goes_on_as_if_replayed(seed: u64, length in 1usize..160, part in 0.0f64..1.0) {
        let story = told(seed, length);
        let live = bytes(&story.desk);
        prop_assert_eq!(&live, &bytes(&story.replayed()), "a desk that decided and one that replayed are written alike");
        let read = desk_of(&live[..]).unwrap();
        prop_assert_eq!(&read, &story.desk);
        prop_assert_eq!(&bytes(&read), &live);
        prop_assert_eq!(answers(&read, &story), answers(&story.replayed(), &story));

        // A snapshot of an earlier moment, and the facts after it. Erasures throw snapshots away, so it knows nothing of what is erased.
        let cut = (story.recorded.len() as f64 * part) as usize;
        let mut earlier = Desk::default();
        go_on(&mut earlier, &story, 0..cut);
        let mut later = desk_of(&bytes(&earlier)[..]).unwrap();
        go_on(&mut later, &story, cut..story.recorded.len());
        prop_assert_eq!(&bytes(&later), &live);
        prop_assert_eq!(answers(&later, &story), answers(&story.replayed(), &story));
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_but_never_feared(seed: u64, at: prop::sample::Index, with: u8, cut: prop::sample::Index) {
        let story = told(seed, 40);
        let good = bytes(&story.desk);
        let mut bad = good.clone();
        *at.get_mut(&mut bad) ^= with;
        drop(desk_of(&bad[..]));
        prop_assert!(desk_of(&good[..cut.index(good.len())]).is_err(), "what is cut short is no desk");
        prop_assert!(desk_of(&[&good[..], &[0]].concat()[..]).is_err(), "nor what goes on too long");
    }

    #[test]
    fn any_bytes_are_no_desk_and_cost_nothing(bytes: Vec<u8>) {
        drop(desk_of(&bytes[..]));
    }
}

#[test]
fn announced_lengths_are_not_believed() {
    for announced in [1u64 << 20, 1 << 32, u64::MAX] {
        let mut bytes = Vec::new();
        crate::snapshot::write(&announced, &mut bytes).unwrap();
        assert!(crate::snapshot::read::<Vec<u64>>(&bytes[..]).is_err());
        assert!(crate::snapshot::read::<String>(&bytes[..]).is_err());
        assert!(crate::snapshot::read::<std::collections::HashMap<u64, [u64; 8]>>(&bytes[..]).is_err());
    }
}

#[test]
fn a_map_has_one_written_form_and_pieces_do_not_matter() {
    use std::collections::HashMap;
    let map = |range: std::ops::Range<u32>| range.map(|n| (n.to_string(), vec![n; n as usize % 7])).collect();
    let (one, mut other): (HashMap<String, Vec<u32>>, HashMap<String, Vec<u32>>) = (map(0..3000), map(1000..3000));
    other.extend(map(0..1000));
    let (mut a, mut b) = (Vec::new(), Vec::new());
    crate::snapshot::write(&(&one, "é".repeat(500)), &mut a).unwrap();
    crate::snapshot::write(&(&other, "é".repeat(500)), &mut b).unwrap();
    assert!(a == b);
    for piece in [1, 2, 3, 1000] {
        let input = std::io::BufReader::with_capacity(piece, &a[..]);
        let (read, text): (HashMap<String, Vec<u32>>, String) = crate::snapshot::read(input).unwrap();
        assert!(read == one && text.chars().all(|c| c == 'é'));
    }
}
