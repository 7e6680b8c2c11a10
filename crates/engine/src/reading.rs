//! Mail is read by the worker processes; what they found is judged here and becomes a fact.

use crate::engine::{AGAIN, Engine, Fault, WeakEngine};
use crate::forms::first_words;
use crate::senders;
use desk::Traces;
use desk::command::{Actor, Command};
use desk::hints;
use desk::house::Language;
use desk::ids::{Reference, ReportId};
use desk::intake::{
    self, Attachment, Authenticity, Automatic, Body, Completeness, Findings, Head, Observable, Source, Via,
};
use desk::observables;
use desk::outbox::Draft;
use post::read::{Part, Reading};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;

/// Attachments named in a report's head, at most.
const ATTACHMENTS_MAX: usize = 100;
/// Observables kept with a report, at most.
const OBSERVABLES_MAX: usize = 500;
/// Bytes of observables kept with a report, at most: an address can be two thousand signs long.
const OBSERVABLE_BYTES_MAX: usize = 128 << 10;
/// Bytes of text and HTML kept as the reading, each; the raw mail has the rest.
const TEXT_BYTES_MAX: usize = 2 << 20;
/// Bytes of text in which observables are looked for. More than a reading has: text, mails inside, attachments, links.
const LOOKED_AT_BYTES_MAX: usize = 8 << 20;
/// Mails in the hands of the reader at once: enough to keep the worker processes busy while facts are made durable.
const IN_HAND_MAX: usize = 64;
/// Time between two readings while a flood is at the door: what is acknowledged late is sent again, what is read late is only seen later. Some
/// two hundred mails a second are read all the same, so that no flood hides what came in it.
const FLOOD_PAUSE: Duration = Duration::from_millis(4);
/// Mails in one commit from which on it is a flood.
const FLOOD_MIN: usize = 8;

/// Reads whatever is not read yet, for as long as the engine lives.
pub(crate) async fn read_all(engine: WeakEngine) {
    let in_hand = Arc::new(parking_lot::Mutex::new(HashSet::new()));
    let (done, mut finished) = mpsc::unbounded_channel::<()>();
    loop {
        let Some(strong) = engine.upgrade() else { return };
        // Nothing can be recorded now, or another node reads.
        if strong.frozen().is_some() || !strong.is_on_duty() {
            drop(strong);
            tokio::time::sleep(AGAIN).await;
            continue;
        }
        let todo: Vec<(ReportId, u64)> = {
            let held = in_hand.lock();
            let room = IN_HAND_MAX.saturating_sub(held.len());
            strong.peek(|desk| desk.unread().filter(|(r, _)| !held.contains(r)).take(room).collect())
        };
        for (report, seq) in todo {
            in_hand.lock().insert(report);
            let (engine, in_hand, done) = (strong.clone(), in_hand.clone(), done.clone());
            tokio::spawn(async move {
                match read_one(&engine, report, seq).await {
                    Ok(()) => {}
                    Err(fault) => {
                        // What the storage says, the log has from the writer.
                        if let Fault::Refused(refusal) = fault {
                            eprintln!("bolwerk: report {} was not read: {refusal}", report.0);
                        }
                        tokio::time::sleep(AGAIN).await;
                    }
                }
                in_hand.lock().remove(&report);
                // The loop that listens ends with the engine.
                let _gone = done.send(());
            });
        }
        let inner = strong.inner.clone();
        drop(strong);
        // The engine itself must not be kept alive while waiting; what is waited on may.
        tokio::select! {
            () = inner.to_read.notified() => {}
            _ = finished.recv() => while finished.try_recv().is_ok() {},
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
    }
}

/// Waits for its turn while a flood is at the door. What a mail waits for otherwise, as the DNS, holds no turn.
async fn take_turn(engine: &Engine) {
    let is_flood = || engine.inner.at_the_door.load(Ordering::Relaxed) >= FLOOD_MIN;
    if is_flood() {
        let _turn = engine.inner.turn.acquire().await;
        if is_flood() {
            tokio::time::sleep(FLOOD_PAUSE).await;
        }
    }
}

async fn read_one(engine: &Engine, report: ReportId, seq: u64) -> Result<(), Fault> {
    // Durable first: what could still be lost is not worked on.
    engine.read(|_| ()).await?;
    let raw = match engine.inner.passed_on.take(report) {
        Some(raw) => Some(raw),
        None => match engine.content_at(seq).await {
            Ok(raw) => raw.map(Arc::from),
            Err(error) => {
                eprintln!("bolwerk: the raw content of report {} cannot be fetched: {error}", report.0);
                tokio::time::sleep(AGAIN).await;
                None
            }
        },
    };
    let Some(via) = engine.peek(|desk| desk.way_in(report)) else { return Ok(()) };
    let findings = match raw {
        Some(raw) if via.is_mail() => {
            let arrival = engine.peek(|desk| desk.arrival(report));
            let own = senders::check(engine, via, &arrival, &raw);
            let read = async {
                take_turn(engine).await;
                engine.inner.workers.read(raw.clone()).await
            };
            let (reading, own) = tokio::join!(read, own);
            let authentic = senders::judge(&engine.inner.senders, via, &arrival, &reading, own);
            mail_findings(engine, report, via, reading, authentic)
        }
        // A form whose reading was cut off by a crash: it is read again from what was kept.
        Some(raw) => engine.form_again(report, via, &raw).await,
        None => return Ok(()),
    };
    let text = findings.body.searchable();
    engine.submit(Actor::Rule, Command::Intake(intake::Command::Read(report, Box::new(findings)))).await?;
    engine.inner.desk.write().index_text(report, &text);
    Ok(())
}

/// After a start, the texts of what was read before become findable again, the newest first. The pages do not wait for it.
pub(crate) async fn index_all(engine: WeakEngine) {
    let todo: Vec<(ReportId, u64)> = match engine.upgrade() {
        Some(strong) => strong.peek(|desk| desk.texts_to_index().collect()),
        None => return,
    };
    for (report, seq) in todo {
        let Some(strong) = engine.upgrade() else { return };
        index_one(&strong, report, seq).await;
    }
}

/// Makes the text of a report findable that was read before, or elsewhere.
pub(crate) async fn index_one(engine: &Engine, report: ReportId, seq: u64) {
    match engine.content_at(seq).await {
        Ok(Some(body)) => {
            let text = serde_json::from_slice::<Body>(&body).unwrap_or_default().searchable();
            engine.inner.desk.write().index_text(report, &text);
        }
        // Erased meanwhile.
        Ok(None) => {}
        Err(error) => eprintln!("bolwerk: the text of report {} cannot be fetched: {error}", report.0),
    }
}

/// A text to be judged.
pub(crate) struct Text<'a> {
    pub(crate) subject: &'a str,
    pub(crate) text: &'a str,
    pub(crate) from_address: Option<&'a str>,
    pub(crate) board_typed: Option<&'a str>,
    pub(crate) sender: Option<desk::Digest>,
    pub(crate) automatic: bool,
}

pub(crate) fn appraise(engine: &Engine, text: &Text<'_>) -> hints::Opinion {
    let message = hints::Message {
        subject: text.subject,
        text: text.text,
        from_address: text.from_address,
        board_typed: text.board_typed,
        sender: text.sender,
        automatic: text.automatic,
    };
    engine.peek(|desk| hints::judge(desk, &message))
}

/// Observables of one message, each once, from wherever it stands first.
pub(crate) struct Observed {
    own: Option<String>,
    all: Vec<Observable>,
    known: HashSet<(String, String)>,
    bytes: usize,
    looked_at: usize,
}

impl Observed {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self { own: engine.address(), all: Vec::new(), known: HashSet::new(), bytes: 0, looked_at: 0 }
    }

    /// Looks through a text.
    pub(crate) fn text(&mut self, source: Source, text: &str) {
        let text = cut(text, LOOKED_AT_BYTES_MAX - self.looked_at);
        self.looked_at += text.len();
        let found = observables::find(text, self.own.as_deref());
        self.add(found.into_iter().map(|one| Observable { source, ..one }));
    }

    /// Hash, name and text of what is attached. The hash first: a log may be full of other things.
    pub(crate) fn attached(&mut self, parts: &[Part]) {
        for part in parts {
            self.text(Source::Attachment, &part.sha256);
            self.text(Source::Attachment, &part.name);
            // What stands between underscores in a name is a word there.
            self.text(Source::Attachment, &part.name.replace('_', " "));
        }
        for text in parts.iter().filter_map(|part| part.text.as_ref()) {
            self.text(Source::Attachment, text);
        }
    }

    /// Looks through a header. The domains of boards are known ones there.
    fn header(&mut self, engine: &Engine, fields: &[(String, String)]) {
        let own = self.own.clone();
        let found = engine
            .peek(|desk| observables::in_header(fields, own.as_deref(), |address| hints::is_of_board(desk, address)));
        self.add(found.into_iter());
    }

    fn add(&mut self, found: impl Iterator<Item = Observable>) {
        for one in found {
            if self.known.contains(&(one.kind.clone(), one.value.clone())) {
                continue;
            }
            if self.all.len() >= OBSERVABLES_MAX || self.bytes + one.value.len() > OBSERVABLE_BYTES_MAX {
                return;
            }
            self.bytes += one.value.len();
            self.known.insert((one.kind.clone(), one.value.clone()));
            self.all.push(one);
        }
    }

    pub(crate) fn done(self) -> Vec<Observable> {
        self.all
    }
}

/// A mail inside the mail: the fields that say who sent it, and the text without the way that it came.
fn apart(nested: &str) -> (Vec<(String, String)>, String) {
    const WAY: [&str; 5] = ["received", "return-path", "x-originating-ip", "x-sender-ip", "message-id"];
    let (head, body) = nested.split_once("\n\n").unwrap_or((nested, ""));
    let fields: Vec<(String, String)> =
        head.lines().filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let mut text = String::with_capacity(nested.len());
    for (name, value) in fields.iter().filter(|(name, _)| !WAY.contains(&name.to_ascii_lowercase().as_str())) {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push('\n');
    text.push_str(body);
    (fields, text)
}

fn mail_findings(
    engine: &Engine,
    report: ReportId,
    via: Via,
    reading: Reading,
    (authentication, authenticity): (Vec<String>, Option<Box<Authenticity>>),
) -> Findings {
    let automatic = match reading.automatic {
        post::read::Automatic::No => Automatic::No,
        post::read::Automatic::Reply => Automatic::Reply,
        post::read::Automatic::Generated => Automatic::Generated,
        post::read::Automatic::List => Automatic::List,
        post::read::Automatic::Bounce => Automatic::Bounce,
        post::read::Automatic::Feedback => Automatic::Feedback,
        post::read::Automatic::Delayed => Automatic::Delayed,
        post::read::Automatic::Delivered => Automatic::Delivered,
    };
    let (reference, envelope_from, sender) = engine.peek(|desk| desk.door_of(report));
    let nested: Vec<(Vec<(String, String)>, String)> = reading.nested.iter().map(|n| apart(n)).collect();
    let mut whole = String::with_capacity(reading.text.len() + 256);
    whole.push_str(&reading.text);
    let names = reading.attachments.iter().map(|a| &a.name);
    let attached = reading.attachments.iter().filter_map(|a| a.text.as_ref());
    for more in nested.iter().map(|(_, text)| text).chain(&reading.links).chain(attached).chain(names) {
        whole.push('\n');
        whole.push_str(more);
    }
    let thought = appraise(
        engine,
        &Text {
            subject: &reading.subject,
            text: &whole,
            from_address: reading.from_address.as_deref(),
            board_typed: None,
            sender,
            automatic: automatic != Automatic::No,
        },
    );
    let mut observed = Observed::new(engine);
    observed.text(Source::Text, &reading.subject);
    observed.text(Source::Text, &reading.text);
    observed.text(Source::Text, &reading.links.join("\n"));
    // What a mail inside says of itself stands in its header, too: it goes before its text, which repeats some of it.
    for (fields, text) in &nested {
        observed.header(engine, fields);
        observed.text(Source::Text, text);
    }
    let mut fields = reading.headers.clone();
    fields.extend(envelope_from.iter().map(|from| ("Return-Path".to_owned(), from.clone())));
    observed.header(engine, &fields);
    observed.attached(&reading.attachments);
    let ids: Vec<&str> = reading.references.iter().chain(&reading.in_reply_to).map(|i| bare(i)).collect();
    let returned: Vec<&str> = reading.returned_message_ids.iter().map(|i| bare(i)).collect();
    let digests = |of: &[String]| of.iter().map(|a| engine.digest_of_address(a)).collect::<Vec<desk::Digest>>();
    let traces = Traces {
        answers: &ids,
        returned: &returned,
        returned_to: &digests(&reading.returned_recipients),
        noted_of: &digests(&reading.noted_recipients),
        subject: &reading.subject,
    };
    let thread = engine.peek(|desk| desk.evidence(report, &traces));
    let answer = answer(engine, via, &reading, envelope_from.as_deref(), reference, &thought);
    let attachments = reading.attachments.iter().take(ATTACHMENTS_MAX).map(|part| Attachment {
        index: part.index,
        name: part.name.clone(),
        media_type: part.media_type.clone(),
        size: part.size,
        sha256: part.sha256.clone(),
        suspicious: part.suspicious.clone(),
    });
    let head = Head {
        from_name: reading.from_name.clone(),
        from_address: reading.from_address.clone(),
        reply_to: reading.reply_to.clone(),
        phone: None,
        subject: first_words(&reading.subject, 300),
        snippet: first_words(&reading.text, 300),
        attachments: attachments.collect(),
        observables: observed.done(),
        reasons: thought.reasons,
        authentication,
        authenticity,
        board_as_typed: None,
    };
    Findings {
        completeness: match reading.complete.is_empty() {
            true => Completeness::Full,
            false => Completeness::Partial(reading.complete.clone()),
        },
        automatic,
        language: thought.language,
        appraisal: thought.appraisal,
        thread,
        head,
        body: Body {
            text: cut(&reading.text, TEXT_BYTES_MAX).to_owned(),
            html: reading.html.as_deref().map(|h| cut(h, TEXT_BYTES_MAX).to_owned()),
            headers: reading.headers,
            nested: reading.nested.iter().map(|n| cut(n, TEXT_BYTES_MAX).to_owned()).collect(),
            attached: reading.attachments.into_iter().filter_map(|part| part.text).collect(),
        },
        answer,
    }
}

/// The automatic receipt, where RFC 3834 allows one: it goes to the envelope sender, never to a null one, never about imported mail.
fn answer(
    engine: &Engine,
    via: Via,
    reading: &Reading,
    envelope_from: Option<&str>,
    reference: Reference,
    thought: &hints::Opinion,
) -> Option<Draft> {
    if via == Via::Import || !reading.may_answer {
        return None;
    }
    let to = match envelope_from {
        Some("") => return None,
        Some(from) => from,
        None => reading.from_address.as_deref()?,
    };
    let language = match thought.appraisal.board {
        Some(_) => Language::Nl,
        None => thought.language.unwrap_or_default(),
    };
    let replied_to = reading.message_id.iter().map(|i| bare(i).to_owned()).collect();
    engine.receipt(to, language, reference, replied_to)
}

fn bare(message_id: &str) -> &str {
    message_id.trim().trim_start_matches('<').trim_end_matches('>')
}

/// At most so many bytes, cut between characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
