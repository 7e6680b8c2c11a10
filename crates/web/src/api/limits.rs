//! How often a token may ask, and answers kept so that a request sent again is not carried out again. In memory only.

use axum::body::Body;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use desk::Digest;
use desk::ids::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Requests of a token in a window.
pub(super) const REQUESTS_MAX: u32 = 600;
/// Length of the window, seconds.
pub(super) const WINDOW_SECONDS: i64 = 60;
/// How long an answer is kept under its key, seconds.
const KEPT_SECONDS: i64 = 24 * 3600;
/// Answers kept, all together.
const ANSWERS_MAX: usize = 10_000;
/// Their bodies, all together, bytes.
const ANSWERS_BYTES_MAX: usize = 32 << 20;

#[derive(Debug, Default)]
struct Window {
    since: Timestamp,
    count: u32,
}

/// What stands in the headers about the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) allowed: bool,
    pub(super) remaining: u32,
    pub(super) reset_seconds: i64,
}

impl Quota {
    /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
    pub(super) fn write(self, headers: &mut HeaderMap) {
        let policy = format!("\"default\";q={REQUESTS_MAX};w={WINDOW_SECONDS}");
        let now = format!("\"default\";r={};t={}", self.remaining, self.reset_seconds);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", now)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}

/// An answer as it was given.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// The same answer again, marked as such.
    pub(super) fn again(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        response
    }
}

#[derive(Debug)]
struct Kept {
    request: Digest,
    at: Timestamp,
    answer: Option<Answer>,
}

type Place = (Digest, String);

/// What the API remembers.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    windows: Mutex<HashMap<Digest, Window>>,
    answers: Arc<Mutex<HashMap<Place, Kept>>>,
}

/// What stands under a key.
#[derive(Debug)]
pub(super) enum Stands {
    /// Nothing: carry it out, and say what came of it.
    Nothing(Claim),
    /// The answer that was given.
    Answered(Box<Answer>),
    /// It is being carried out.
    Running,
    /// Another request.
    Other,
}

/// A key that somebody works under. Let go without an answer it is free again.
#[derive(Debug)]
pub(super) struct Claim {
    place: Option<Place>,
    answers: Arc<Mutex<HashMap<Place, Kept>>>,
}

impl Claim {
    /// Keeps the answer.
    pub(super) fn answered(mut self, answer: Answer) {
        let Some(place) = self.place.take() else { return };
        let mut answers = self.answers.lock().expect("nothing panics while it is held");
        if let Some(kept) = answers.get_mut(&place) {
            kept.answer = Some(answer);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.answers.lock().expect("nothing panics while it is held").remove(&place);
        }
    }
}

impl Memory {
    /// What a restart does to the answers.
    #[cfg(test)]
    pub(super) fn forget_answers(&self) {
        self.answers.lock().expect("nothing panics while it is held").clear();
    }

    /// Counts a request of a token.
    pub(super) fn count(&self, token: Digest, now: Timestamp) -> Quota {
        let mut windows = self.windows.lock().expect("nothing panics while it is held");
        let window = windows.entry(token).or_default();
        if now.seconds_since(window.since) >= WINDOW_SECONDS || now < window.since {
            *window = Window { since: now, count: 0 };
        }
        window.count = window.count.saturating_add(1);
        Quota {
            allowed: window.count <= REQUESTS_MAX,
            remaining: REQUESTS_MAX.saturating_sub(window.count),
            reset_seconds: (WINDOW_SECONDS - now.seconds_since(window.since)).max(1),
        }
    }

    /// What stands under a key of a token.
    pub(super) fn under(&self, token: Digest, key: &str, request: Digest, now: Timestamp) -> Stands {
        let mut answers = self.answers.lock().expect("nothing panics while it is held");
        let place = (token, key.to_owned());
        match answers.get(&place).filter(|k| now.seconds_since(k.at) < KEPT_SECONDS) {
            Some(kept) if kept.request != request => Stands::Other,
            Some(Kept { answer: Some(answer), .. }) => Stands::Answered(Box::new(answer.clone())),
            Some(_) => Stands::Running,
            None => {
                make_room(&mut answers, now);
                answers.insert(place.clone(), Kept { request, at: now, answer: None });
                Stands::Nothing(Claim { place: Some(place), answers: self.answers.clone() })
            }
        }
    }
}

/// Forgets what is old, and the oldest of what is too much; never what is being carried out.
fn make_room(answers: &mut HashMap<Place, Kept>, now: Timestamp) {
    let size = |kept: &Kept| kept.answer.as_ref().map_or(0, |a| a.body.len());
    let bytes: usize = answers.values().map(size).sum();
    if answers.len() < ANSWERS_MAX && bytes < ANSWERS_BYTES_MAX {
        return;
    }
    answers.retain(|_, k| k.answer.is_none() || now.seconds_since(k.at) < KEPT_SECONDS);
    let mut times: Vec<Timestamp> = answers.values().map(|k| k.at).collect();
    times.sort_unstable();
    if let Some(middle) = times.get(times.len() / 2).copied() {
        answers.retain(|_, k| k.answer.is_none() || k.at > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Digest = Digest([1; 32]);
    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn answer(bytes: usize) -> Answer {
        Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from(vec![0; bytes]) }
    }

    #[test]
    fn a_token_is_slowed_down_and_let_in_again() {
        let memory = Memory::default();
        assert!((0..REQUESTS_MAX).all(|_| memory.count(T, NOW).allowed));
        let quota = memory.count(T, NOW.plus_seconds(20));
        assert_eq!(quota, Quota { allowed: false, remaining: 0, reset_seconds: 40 });
        assert!(memory.count(Digest([2; 32]), NOW).allowed);
        assert!(memory.count(T, NOW.plus_seconds(WINDOW_SECONDS)).allowed);
    }

    #[test]
    fn a_key_belongs_to_one_request_of_one_token() {
        let memory = Memory::default();
        let (one, other) = (Digest([3; 32]), Digest([4; 32]));
        let Stands::Nothing(claim) = memory.under(T, "k", one, NOW) else { panic!() };
        assert!(matches!(memory.under(T, "k", one, NOW), Stands::Running));
        claim.answered(answer(1));
        assert!(matches!(memory.under(T, "k", one, NOW), Stands::Answered(_)));
        assert!(matches!(memory.under(T, "k", other, NOW), Stands::Other));
        assert!(matches!(memory.under(Digest([2; 32]), "k", other, NOW), Stands::Nothing(_)));
        assert!(matches!(memory.under(T, "k", other, NOW.plus_seconds(KEPT_SECONDS)), Stands::Nothing(_)));
    }

    #[test]
    fn a_request_that_came_to_nothing_may_be_made_again() {
        let memory = Memory::default();
        drop(memory.under(T, "k", T, NOW));
        assert!(matches!(memory.under(T, "k", T, NOW), Stands::Nothing(_)));
    }

    #[test]
    fn kept_answers_take_bounded_memory() {
        let memory = Memory::default();
        for n in 0..100 {
            let Stands::Nothing(claim) = memory.under(T, &n.to_string(), T, NOW.plus_seconds(n)) else { panic!() };
            claim.answered(answer(1 << 20));
        }
        let bytes: usize =
            memory.answers.lock().unwrap().values().filter_map(|k| k.answer.as_ref()).map(|a| a.body.len()).sum();
        assert!(bytes <= ANSWERS_BYTES_MAX + (1 << 20), "{bytes}");
    }
}
