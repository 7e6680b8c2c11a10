//! Whatever goes wrong, as RFC 9457 says it: a type, a title, a status, and the field to blame.

use super::schema::{Moment, wire};
use crate::words::words;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::command::Refusal;
use desk::house::Language;
use engine::{ContentFault, Fault, Frozen, PastFault, Trouble};

wire! {
    /// What went wrong (RFC 9457). Not there and not for you are one answer.
    out struct Problem {
        /// What kind of problem: `urn:bolwerk:problem:` and a word that never changes.
        r#type: String,
        /// The kind in a few words.
        title: String,
        /// The HTTP status.
        status: u16,
        /// What happened this time, and what to do.
        detail: String,
        /// The field that is to blame.
        field: Option<String>,
        /// Key of the reason, for a field that is to blame.
        why: Option<String>,
        /// Since when, for storage that does not answer.
        since: Option<Moment>,
    }
}

/// Kinds of problem: word, status, title.
const KINDS: [(&str, StatusCode, &str); 20] = [
    ("malformed", StatusCode::BAD_REQUEST, "This cannot be read"),
    ("unauthorized", StatusCode::UNAUTHORIZED, "A token is needed"),
    ("forbidden", StatusCode::FORBIDDEN, "This token may not do this"),
    ("not-found", StatusCode::NOT_FOUND, "Not there, or not for this token"),
    ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "Not this way"),
    ("timeout", StatusCode::REQUEST_TIMEOUT, "This took too long"),
    ("too-late", StatusCode::CONFLICT, "Too late"),
    ("past", StatusCode::CONFLICT, "Nothing changes in an earlier moment"),
    ("building", StatusCode::SERVICE_UNAVAILABLE, "The desk of that moment is being built"),
    ("in-progress", StatusCode::CONFLICT, "The same request is being carried out"),
    ("erased", StatusCode::GONE, "Erased"),
    ("changed", StatusCode::PRECONDITION_FAILED, "Somebody changed it meanwhile"),
    ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
    ("media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send JSON"),
    ("invalid", StatusCode::UNPROCESSABLE_ENTITY, "A field is not what it must be"),
    ("key-reused", StatusCode::UNPROCESSABLE_ENTITY, "The idempotency key belongs to another request"),
    ("too-many", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
    ("full", StatusCode::INSUFFICIENT_STORAGE, "Storage is full"),
    ("unforeseen", StatusCode::INTERNAL_SERVER_ERROR, "This is our mistake"),
    ("frozen", StatusCode::SERVICE_UNAVAILABLE, "Storage does not answer"),
];

/// A problem on its way out.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    problem: Box<Problem>,
    retry_after: Option<i64>,
}

impl Wrong {
    /// A problem of a kind.
    pub(super) fn of(kind: &str, detail: impl Into<String>) -> Wrong {
        let (word, status, title) = KINDS.iter().find(|k| k.0 == kind).unwrap_or(&KINDS[KINDS.len() - 2]);
        let problem = Problem {
            r#type: format!("urn:bolwerk:problem:{word}"),
            title: (*title).to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            why: None,
            since: None,
        };
        Wrong { problem: Box::new(problem), retry_after: None }
    }

    /// Not there, or not for this token.
    pub(super) fn not_found() -> Wrong {
        Wrong::of("not-found", "There is no such thing, or this token may not see it.")
    }

    /// A field is to blame.
    pub(super) fn field(field: &str, why: &str, detail: impl Into<String>) -> Wrong {
        Wrong::of("invalid", detail).about(field, why)
    }

    pub(super) fn about(mut self, field: &str, why: &str) -> Wrong {
        self.problem.field = Some(field.to_owned());
        self.problem.why = Some(why.to_owned());
        self
    }

    /// Not before so many seconds.
    pub(super) fn again_in(mut self, seconds: i64) -> Wrong {
        self.retry_after = Some(seconds);
        self
    }
}

/// Seconds after which a frozen desk may be asked again: somebody must restart it first.
const FROZEN_SECONDS: i64 = 30;

impl From<Frozen> for Wrong {
    fn from(frozen: Frozen) -> Wrong {
        let mut wrong = match frozen.trouble {
            Trouble::Full => Wrong::of("full", "Nothing was recorded. Try again once the administrator has made room."),
            _ => Wrong::of("frozen", "Nothing was recorded. Try again, and tell the duty officer."),
        };
        wrong.problem.since = Some(Moment(frozen.since));
        wrong.again_in(FROZEN_SECONDS)
    }
}

/// Seconds after which the desk of an earlier moment may be asked for again.
const BUILDING_SECONDS: i64 = 2;

impl From<PastFault> for Wrong {
    fn from(fault: PastFault) -> Wrong {
        match fault {
            PastFault::Frozen(frozen) => frozen.into(),
            PastFault::Beyond { .. } => Wrong::field("known_at", "beyond", format!("known_at: {fault}.")),
            PastFault::Building { .. } | PastFault::Waiting => {
                Wrong::of("building", format!("Ask again in a moment: {fault}.")).again_in(BUILDING_SECONDS)
            }
            PastFault::Broken(_) => Wrong::of("unforeseen", "It stands in the log."),
        }
    }
}

/// What a page says of a reason, in the language of the API.
fn reason(why: &str) -> String {
    words(Language::En).of("why", why)
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Wrong {
        match refusal {
            Refusal::NotFound => Wrong::not_found(),
            Refusal::Forbidden => Wrong::of("forbidden", "The account of this token has not the right to do this."),
            Refusal::Conflict { field } => {
                Wrong::of("changed", format!("{field} was changed since you looked. Nothing was overwritten."))
                    .about(field, "conflict")
            }
            Refusal::Invalid { field, why } => Wrong::field(field, why, format!("{field}: {}.", reason(why))),
            Refusal::TooLate { why } => {
                let mut wrong = Wrong::of("too-late", format!("It cannot be done: {}.", reason(why)));
                wrong.problem.why = Some(why.to_owned());
                wrong
            }
            Refusal::Erased => Wrong::of("erased", "Its content was erased. The journal proves that it was there."),
        }
    }
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Wrong {
        match fault {
            Fault::Refused(refusal) => refusal.into(),
            Fault::Frozen(frozen) => frozen.into(),
        }
    }
}

impl From<crate::problem::Problem> for Wrong {
    fn from(problem: crate::problem::Problem) -> Wrong {
        use crate::problem::Kind;
        match problem.kind {
            Kind::NotFound => Wrong::not_found(),
            Kind::Erased => Refusal::Erased.into(),
            Kind::TooLarge => Wrong::of("too-large", "It cannot be handed out in one piece."),
            _ => Wrong::of("unforeseen", "It stands in the log."),
        }
    }
}

impl From<ContentFault> for Wrong {
    fn from(fault: ContentFault) -> Wrong {
        eprintln!("bolwerk: stored content cannot be read: {fault}");
        Wrong::of("unforeseen", "It stands in the log.")
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"bolwerk\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(HeaderName::from_static("retry-after"), HeaderValue::from(seconds.max(1)));
        }
        response
    }
}
