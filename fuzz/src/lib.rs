//! Fuzz targets, one a program in `bin/`. What each asserts stands in the `fuzzing` module of its crate.

use desk::testing::{Mail, Story};

/// A desk with a few reports, for what is read beside a desk.
pub fn story() -> Story {
    let mut story = Story::new();
    for (subject, text) in [
        (
            "bestanden versleuteld",
            "Sinds half drie eindigen alle bestanden op .lck. 198.51.100.7, hxxp://kwaad[.]example/x",
        ),
        ("phishing", "a@b.example stuurt facturen. CVE-2022-41040"),
        ("Vraag over Antwerpen", "Kan iemand bellen naar 02 000 00 00?"),
    ] {
        let reference = story.mail(&Mail { subject, text, ..Mail::default() });
        story.open(story.duty, subject, &[reference]);
    }
    story
}
