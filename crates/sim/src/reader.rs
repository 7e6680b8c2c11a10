//! The reader inside the machine: picks what is unread, reads it with the real reader of mail, and submits what it found.
//!
//! This mirrors `engine::reading` and `engine::forms`, which need a runtime and processes; the order of their steps is kept.

use crate::random::Chance;
use crate::world::{ADDRESS, PARTIES, World, digest};
use desk::Desk;
use desk::hints::{self, Message};
use desk::house::Language;
use desk::ids::{Reference, ReportId};
use desk::intake::{Automatic, Body, Completeness, Findings, Head, Kind, Observable, Reason, Via};
use desk::observables;
use desk::outbox::Draft;
use post::read::{ReadLimits, Reading};

/// Mails in the hands of the reader at once.
pub const IN_HAND_MAX: usize = 6;
/// Bytes of observables that are kept in the head.
const OBSERVABLE_BYTES_MAX: usize = 128 << 10;
/// Characters of a subject and of a snippet that are kept in the head.
const WORDS_CHARS_MAX: usize = 300;

/// A mail that is being read.
#[derive(Clone, Copy, Debug)]
pub struct InHand {
    /// Which.
    pub report: ReportId,
    /// Facts that the desk held when it was picked: they must be durable before it is worked on.
    pub seen: u64,
    /// What was found is submitted; the answer is awaited.
    pub submitted: bool,
}

/// A mail of ours, with its one Message-ID.
pub fn draft(chance: &mut Chance, to: &str, subject: &str, text: &str, in_reply_to: Vec<String>) -> Draft {
    Draft {
        to: to.trim().to_owned(),
        to_digest: digest(to),
        subject: subject.to_owned(),
        text: text.to_owned(),
        language: Language::Nl,
        in_reply_to,
        message_id: format!("{:016x}{:016x}@desk.example", chance.bits(), chance.bits()),
    }
}

/// What is found in a mail. A worker that dies leaves what a glance at the header gives.
pub fn mail(
    desk: &Desk,
    chance: &mut Chance,
    report: ReportId,
    via: Via,
    raw: &[u8],
    dies: bool,
    hit: bool,
) -> Findings {
    let reading = match dies {
        true => Reading::unread(raw, post::read::reason::WORKER_DIED),
        false => post::read::read(raw, &ReadLimits::default()),
    };
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
    let (reference, envelope_from, sender) = desk.door_of(report);
    let opinion = hints::judge(
        desk,
        &Message {
            subject: &reading.subject,
            text: &reading.text,
            from_address: reading.from_address.as_deref(),
            board_typed: None,
            sender,
            automatic: automatic != Automatic::No,
        },
    );
    let ids: Vec<&str> = reading.references.iter().chain(&reading.in_reply_to).map(|i| bare(i)).collect();
    let returned: Vec<&str> = reading.returned_message_ids.iter().map(|i| bare(i)).collect();
    let digests = |of: &[String]| of.iter().map(|a| digest(a)).collect::<Vec<desk::Digest>>();
    let (returned_to, noted_of) = (digests(&reading.returned_recipients), digests(&reading.noted_recipients));
    let traces = desk::Traces {
        answers: &ids,
        returned: &returned,
        returned_to: &returned_to,
        noted_of: &noted_of,
        subject: &reading.subject,
    };
    let thread = desk.evidence(report, &traces);
    let answer = answer(chance, via, &reading, envelope_from.as_deref(), reference);
    let head = Head {
        from_name: reading.from_name.clone(),
        from_address: reading.from_address.clone(),
        reply_to: reading.reply_to.clone(),
        subject: reading.subject.chars().take(WORDS_CHARS_MAX).collect(),
        snippet: reading.text.chars().take(WORDS_CHARS_MAX).collect(),
        observables: within(observables::find(&reading.text, Some(ADDRESS))),
        reasons: opinion.reasons,
        authentication: reading.authentication.clone(),
        ..Head::default()
    };
    let mut appraisal = opinion.appraisal;
    appraisal.hit_now |= hit;
    Findings {
        completeness: match reading.complete.is_empty() {
            true => Completeness::Full,
            false => Completeness::Partial(reading.complete),
        },
        automatic,
        language: opinion.language,
        appraisal,
        thread,
        head,
        body: Body {
            text: reading.text,
            html: reading.html,
            headers: reading.headers,
            nested: reading.nested,
            ..Body::default()
        },
        answer,
    }
}

/// The automatic receipt, where RFC 3834 allows one.
fn answer(
    chance: &mut Chance,
    via: Via,
    reading: &Reading,
    envelope_from: Option<&str>,
    reference: Reference,
) -> Option<Draft> {
    if via == Via::Import || !reading.may_answer {
        return None;
    }
    let to = match envelope_from {
        Some("") => return None,
        Some(from) => from,
        None => reading.from_address.as_deref()?,
    };
    if !to.contains('@') || to.eq_ignore_ascii_case(ADDRESS) {
        return None;
    }
    let replied_to = reading.message_id.iter().map(|i| bare(i).to_owned()).collect();
    Some(draft(chance, to, &format!("[{reference}] ontvangen"), "Wij hebben uw bericht.", replied_to))
}

/// What is found in a form.
pub fn form(desk: &Desk, chance: &mut Chance, report: ReportId, world: &World, form: usize) -> Findings {
    let form = &world.forms[form];
    let (reference, _, _) = desk.door_of(report);
    let address = PARTIES[form.from].address;
    let text = String::from_utf8_lossy(&form.raw).into_owned();
    let message = Message { subject: &form.token, text: &text, from_address: Some(address), ..Message::default() };
    let mut opinion = hints::judge(desk, &message);
    opinion.appraisal.hit_now |= form.hit;
    if form.hit {
        opinion.appraisal.kind = Kind::Incident;
    }
    let answers = form.via != Via::Phone && address.contains('@');
    Findings {
        completeness: Completeness::Full,
        automatic: Automatic::No,
        language: Some(Language::Nl),
        appraisal: opinion.appraisal,
        thread: None,
        head: Head {
            from_name: Some(form.token.clone()),
            from_address: Some(address.to_owned()),
            phone: Some("02 000 00 00".to_owned()),
            subject: form.token.clone(),
            snippet: text.clone(),
            reasons: vec![Reason { key: "typed".to_owned(), found: form.token.clone() }],
            ..Head::default()
        },
        body: Body { text, ..Body::default() },
        answer: answers.then(|| {
            draft(chance, address, &format!("[{reference}] ontvangen"), "Wij hebben uw formulier.", Vec::new())
        }),
    }
}

/// As many as fit.
fn within(found: Vec<Observable>) -> Vec<Observable> {
    let mut bytes = 0;
    let fits = |o: &Observable| {
        bytes += o.value.len();
        bytes <= OBSERVABLE_BYTES_MAX
    };
    found.into_iter().take_while(fits).collect()
}

fn bare(message_id: &str) -> &str {
    message_id.trim().trim_start_matches('<').trim_end_matches('>')
}
