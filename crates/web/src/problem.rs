//! Whatever goes wrong at the edge: one kind, one status, one page of plain words.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::command::Refusal;
use desk::house::Language;
use engine::{ContentFault, Fault, Frozen, PastFault, Trouble};

/// What kind of thing went wrong. Not there and not allowed are one kind: nobody learns which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not there, or not for this person.
    NotFound,
    /// Nobody signed in.
    SignIn,
    /// The form did not come from our own page, or that page is too old.
    Forged,
    /// A field is not what it must be.
    Invalid,
    /// Somebody else was first.
    Conflict,
    /// Too late to do that.
    TooLate,
    /// The content was erased.
    Erased,
    /// Too much at once.
    TooLarge,
    /// Too often.
    TooMany,
    /// Took too long.
    Slow,
    /// Storage does not answer.
    Frozen,
    /// Storage has no room.
    Full,
    /// Our mistake.
    Unforeseen,
    /// The moment that is asked for is none.
    Moment,
    /// In a past moment nothing is changed.
    Past,
    /// The desk of a past moment is being built: the page comes by itself.
    Building,
}

/// All kinds, for the test that each has its words.
#[cfg(test)]
pub const KINDS: [Kind; 16] = [
    Kind::NotFound,
    Kind::SignIn,
    Kind::Forged,
    Kind::Invalid,
    Kind::Conflict,
    Kind::TooLate,
    Kind::Erased,
    Kind::TooLarge,
    Kind::TooMany,
    Kind::Slow,
    Kind::Frozen,
    Kind::Full,
    Kind::Unforeseen,
    Kind::Moment,
    Kind::Past,
    Kind::Building,
];

impl Kind {
    /// HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::SignIn => StatusCode::UNAUTHORIZED,
            Kind::Forged => StatusCode::FORBIDDEN,
            Kind::Invalid | Kind::Moment => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Conflict | Kind::TooLate | Kind::Past => StatusCode::CONFLICT,
            Kind::Erased => StatusCode::GONE,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Kind::Slow => StatusCode::REQUEST_TIMEOUT,
            Kind::Frozen | Kind::Building => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Full => StatusCode::INSUFFICIENT_STORAGE,
            Kind::Unforeseen => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Its name in the words.
    pub fn key(self) -> &'static str {
        match self {
            Kind::NotFound => "not_found",
            Kind::SignIn => "sign_in",
            Kind::Forged => "forged",
            Kind::Invalid => "invalid",
            Kind::Conflict => "conflict",
            Kind::TooLate => "too_late",
            Kind::Erased => "erased",
            Kind::TooLarge => "too_large",
            Kind::TooMany => "too_many",
            Kind::Slow => "slow",
            Kind::Frozen => "frozen",
            Kind::Full => "full",
            Kind::Unforeseen => "unforeseen",
            Kind::Moment => "moment",
            Kind::Past => "past",
            Kind::Building => "building",
        }
    }
}

/// A problem on its way to a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub kind: Kind,
    /// Field and key of the reason, where one field is to blame.
    pub field: Option<(&'static str, &'static str)>,
    /// Since when storage does not answer.
    pub since: Option<desk::ids::Timestamp>,
    /// How far the desk of a past moment is built, in per cent; `None`: it waits for its turn.
    pub percent: Option<u8>,
    /// Where a person goes after signing in.
    pub onward: Option<String>,
}

impl Problem {
    /// A problem of this kind, without more to say.
    pub fn of(kind: Kind) -> Problem {
        Problem { kind, field: None, since: None, percent: None, onward: None }
    }

    /// Not there, or not for this person.
    pub fn not_found() -> Problem {
        Problem::of(Kind::NotFound)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NotFound | Refusal::Forbidden => Problem::not_found(),
            Refusal::Conflict { field } => Problem { field: Some((field, "conflict")), ..Problem::of(Kind::Conflict) },
            Refusal::Invalid { field, why } => Problem { field: Some((field, why)), ..Problem::of(Kind::Invalid) },
            Refusal::TooLate { why } => Problem { field: Some(("", why)), ..Problem::of(Kind::TooLate) },
            Refusal::Erased => Problem::of(Kind::Erased),
        }
    }
}

impl From<Frozen> for Problem {
    fn from(frozen: Frozen) -> Problem {
        let kind = if frozen.trouble == Trouble::Full { Kind::Full } else { Kind::Frozen };
        Problem { since: Some(frozen.since), ..Problem::of(kind) }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        match fault {
            Fault::Refused(refusal) => refusal.into(),
            Fault::Frozen(frozen) => frozen.into(),
        }
    }
}

impl From<PastFault> for Problem {
    fn from(fault: PastFault) -> Problem {
        match fault {
            PastFault::Building { percent } => Problem { percent: Some(percent), ..Problem::of(Kind::Building) },
            PastFault::Waiting => Problem::of(Kind::Building),
            PastFault::Beyond { .. } => (crate::moment::POSITION, "beyond").into(),
            PastFault::Broken(_) => Problem::of(Kind::Unforeseen),
            PastFault::Frozen(frozen) => frozen.into(),
        }
    }
}

impl From<ContentFault> for Problem {
    fn from(fault: ContentFault) -> Problem {
        eprintln!("bolwerk: stored content cannot be read: {fault}");
        Problem::of(Kind::Unforeseen)
    }
}

impl IntoResponse for Problem {
    /// An empty answer that carries the problem; [`crate::app::explain`] makes the page.
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Cookie with the language of somebody who is not signed in.
pub const LANGUAGE_COOKIE: &str = "taal";

/// The language of somebody who is not signed in: a choice made before, else the browser's, else Dutch.
pub fn language_of(headers: &HeaderMap) -> Language {
    if let Some(chosen) = crate::visitor::cookie(headers, LANGUAGE_COOKIE).and_then(Language::from_tag) {
        return chosen;
    }
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accepted
        .split(',')
        .take(8)
        .filter_map(|part| Language::from_tag(part.split(';').next().unwrap_or_default().trim()))
        .next()
        .unwrap_or_default()
}
