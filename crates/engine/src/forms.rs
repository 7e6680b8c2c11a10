//! What people type: the public form, the phone form, the API.

use crate::engine::{Engine, Fault, keyed};
use crate::intake::{Received, received, sha256};
use crate::reading;
use desk::command::{Actor, Command};
use desk::house::Language;
use desk::ids::Timestamp;
use desk::intake::{self, Arrival, Attachment, Body, Findings, Head, Incoming, Kind, Source, Via};
use serde::{Deserialize, Serialize};

/// Longest name, board, address or number in a form, characters.
pub const FIELD_CHARS_MAX: usize = 300;
/// Files in a form, at most.
pub const FILES_MAX: usize = 50;

/// A file that came with a form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormFile {
    /// Its name, as the sender's machine calls it.
    pub name: String,
    /// Declared media type.
    pub media_type: String,
    /// The bytes; in JSON: base64.
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
}

/// What the public form, the phone form and the API take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FormReport {
    /// Which board, as typed.
    pub board: String,
    /// Who writes or calls.
    pub name: String,
    /// Where an answer goes; may be empty.
    pub email: String,
    /// Number to call back; may be empty.
    pub phone: String,
    /// What happened.
    pub what: String,
    /// It is going on now.
    pub hit_now: bool,
    /// Since when, as far as known.
    pub since: Option<Timestamp>,
    /// Language of the page.
    pub language: Language,
    /// What it is about, when a person said so.
    pub kind: Option<Kind>,
    /// Files.
    pub files: Vec<FormFile>,
    /// Sent again under the same key it is the same report.
    pub idempotency: Option<String>,
    /// No receipt goes to the address: a machine may have typed it, or one visitor typed many.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_receipt: bool,
}

impl FormReport {
    /// What a head carries stays short; the pages say so before, this is for whoever does not ask them.
    fn bound(&mut self) {
        for field in [&mut self.board, &mut self.name, &mut self.email, &mut self.phone] {
            if let Some((end, _)) = field.char_indices().nth(FIELD_CHARS_MAX) {
                field.truncate(end);
            }
        }
        self.files.truncate(FILES_MAX);
    }

    /// The files of a stored form.
    pub fn files_of(raw: &[u8]) -> Vec<FormFile> {
        serde_json::from_slice::<FormReport>(raw).map(|f| f.files).unwrap_or_default()
    }
}

impl Engine {
    /// Keeps what somebody typed, and reads it at once. Files are read by the workers, as those of a mail.
    pub async fn receive_form(&self, mut form: FormReport, via: Via, by: Actor) -> Result<Received, Fault> {
        form.bound();
        let raw = serde_json::to_vec(&form).expect("a form is plain data");
        let address = Some(form.email.trim()).filter(|a| a.contains('@'));
        let incoming = Incoming {
            via,
            event_at: form.since,
            digest: self.same_form(&form, &raw),
            digest_before: None,
            sender: address.map(|a| self.digest_of_address(a)),
            arrival: Arrival {
                raw_sha256: sha256(&raw),
                from: Some(form.name.clone()),
                from_address: address.map(str::to_owned),
                subject: Some(first_words(&form.what, 120)),
                ..Arrival::default()
            },
            raw,
        };
        let done = self.submit(by, Command::Intake(intake::Command::Receive(Box::new(incoming)))).await?;
        let received = received(&done.outcome);
        if received.new {
            let found = self.peek(|desk| desk.report_of(received.reference));
            if let Some(report) = found {
                let findings = self.form_findings(&form, via, received).await;
                let text = findings.body.searchable();
                self.submit(Actor::Rule, Command::Intake(intake::Command::Read(report, Box::new(findings)))).await?;
                self.inner.desk.write().index_text(report, &text);
            }
        }
        Ok(received)
    }

    /// Pressed twice, or sent again because the line broke: the same key, or the same words of the same person on the same day.
    fn same_form(&self, form: &FormReport, raw: &[u8]) -> desk::Digest {
        match &form.idempotency {
            Some(key) => keyed(&self.inner.digest_key, format!("form\0{key}\0{}", form.email).as_bytes()),
            None => {
                let day = self.now().seconds().div_euclid(86_400);
                let content = sha256(raw);
                keyed(&self.inner.digest_key, format!("form\0{day}\0{content}").as_bytes())
            }
        }
    }

    /// A form whose reading was cut off by a crash is read again from what was kept.
    pub(crate) async fn form_again(&self, report: desk::ids::ReportId, via: Via, raw: &[u8]) -> Findings {
        let form = serde_json::from_slice(raw).unwrap_or_default();
        let (reference, _, _) = self.peek(|desk| desk.door_of(report));
        self.form_findings(&form, via, Received { reference, new: true }).await
    }

    async fn form_findings(&self, form: &FormReport, via: Via, received: Received) -> Findings {
        let subject = first_words(&form.what, 120);
        let read = reading::Text {
            subject: &subject,
            text: &form.what,
            from_address: Some(form.email.as_str()).filter(|a| a.contains('@')),
            board_typed: Some(form.board.as_str()).filter(|b| !b.trim().is_empty()),
            sender: None,
            automatic: false,
        };
        let mut thought = reading::appraise(self, &read);
        if let Some(kind) = form.kind {
            thought.appraisal.kind = kind;
        }
        // Whoever ticks the box is believed: a false alarm costs a call, a missed one a town.
        thought.appraisal.hit_now |= form.hit_now;
        if form.hit_now && form.kind.is_none() {
            thought.appraisal.kind = Kind::Incident;
        }
        let (mut parts, mut missing) = (Vec::new(), Vec::new());
        for (n, file) in form.files.iter().enumerate() {
            let index = u32::try_from(n).unwrap_or(u32::MAX);
            let (part, why) = self.inner.workers.file(index, &file.name, &file.media_type, &file.bytes).await;
            parts.push(part);
            missing.extend(why);
        }
        missing.sort_unstable();
        missing.dedup();
        let mut observed = reading::Observed::new(self);
        observed.text(Source::Text, &form.what);
        observed.attached(&parts);
        let files = parts.iter().map(|part| Attachment {
            index: part.index,
            name: part.name.clone(),
            media_type: part.media_type.clone(),
            size: part.size,
            sha256: part.sha256.clone(),
            suspicious: part.suspicious.clone(),
        });
        let head = Head {
            from_name: Some(form.name.clone()).filter(|n| !n.is_empty()),
            from_address: Some(form.email.clone()).filter(|a| !a.is_empty()),
            reply_to: None,
            phone: Some(form.phone.clone()).filter(|p| !p.is_empty()),
            subject,
            snippet: first_words(&form.what, 300),
            attachments: files.collect(),
            observables: observed.done(),
            reasons: thought.reasons,
            authentication: Vec::new(),
            authenticity: None,
            board_as_typed: Some(form.board.clone()).filter(|b| !b.is_empty()),
        };
        let language = if thought.appraisal.board.is_some() { Language::Nl } else { form.language };
        let answers = via != Via::Phone && !form.no_receipt;
        let answer = answers.then(|| self.receipt(&form.email, language, received.reference, Vec::new())).flatten();
        Findings {
            completeness: match missing.is_empty() {
                true => intake::Completeness::Full,
                false => intake::Completeness::Partial(missing),
            },
            automatic: intake::Automatic::No,
            language: Some(form.language),
            appraisal: thought.appraisal,
            thread: None,
            head,
            body: Body {
                text: form.what.clone(),
                attached: parts.into_iter().filter_map(|part| part.text).collect(),
                ..Body::default()
            },
            answer,
        }
    }
}

/// The first characters of a text on one line, cut at a word where possible.
pub(crate) fn first_words(text: &str, chars_max: usize) -> String {
    let mut words = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if count + length + 1 > chars_max {
            if words.is_empty() {
                words.extend(word.chars().take(chars_max - 1));
            }
            // No dot before the dots.
            words.truncate(words.trim_end_matches(['.', ',', ':', ';']).len());
            words.push('…');
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        count += length + 1;
    }
    words
}

mod base64_bytes {
    //! Bytes as base64 (RFC 4648 §4) in JSON.
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::first_words;

    #[test]
    fn a_text_is_cut_at_a_word() {
        assert_eq!(first_words("alle  servers\nliggen plat", 300), "alle servers liggen plat");
        assert_eq!(first_words("alle servers liggen plat", 14), "alle servers…");
        assert_eq!(first_words("plat sinds 02:40. Wij bellen", 19), "plat sinds 02:40…");
        assert_eq!(first_words(&"a".repeat(50), 10), format!("{}…", "a".repeat(9)));
        assert_eq!(first_words("", 10), "");
    }
}
