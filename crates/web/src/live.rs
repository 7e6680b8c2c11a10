//! The live stream: server-sent events that say which parts of a page changed. What is in them is fetched through the reader's lens.
//!
//! An event leaves when its fact is durable. Of things that the reader may not see nothing is said, not even that something happened.

use crate::Web;
use crate::problem::{Kind, Problem};
use crate::shares::{Share, Shares};
use crate::shell::Counts;
use crate::visitor::{Door, Visitor};
use crate::words::words;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use desk::Desk;
use desk::ids::{AccountId, SessionId, Timestamp};
use desk::incidents::IncidentFilter;
use desk::lens::Lens;
use engine::Event;
use hyper::body::{Bytes, Frame};
use post::door::network;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};

/// Streams of one session: as many pages as somebody keeps open.
const STREAMS_PER_SESSION_MAX: usize = 24;
/// Streams of one address (of one /64 in IPv6): a war room, with a few pages each.
const STREAMS_PER_ADDRESS_MAX: usize = 150;
/// Messages that wait for a slow reader; then the stream is ended, and the browser comes back and reads afresh.
const WAITING_MAX: usize = 32;
/// After an event this long until the next: a flood of mail becomes a few events a second. The first leaves at once.
const GATHER: Duration = Duration::from_millis(80);
/// A sign of life at least this often, so that proxies keep the stream and a broken one is noticed.
const LIFE_SIGN: Duration = Duration::from_secs(15);
/// Figures are counted anew after so long, seconds, when facts came meanwhile.
const FIGURES_SECONDS: i64 = 2;
/// Facts looked at for one event, at most: after a flood pages renew what stands on them anyway.
const TOLD_MAX: usize = 500;
/// The clock of the page moves this often.
const MINUTE_SECONDS: i64 = 60;

/// What an event says.
#[derive(Debug, Default, Serialize)]
struct Changed {
    /// Parts of pages that changed: `queue`, `incidents`, `outbox`, and the references of what changed.
    topics: Vec<String>,
    /// When the newest fact was recorded that this reader may see, µs.
    stamp: i64,
    /// Figures beside the navigation.
    counts: Counts,
    /// Day and time for the strip.
    clock: String,
    /// Events were missed: read everything afresh.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    all: bool,
}

impl Serialize for Counts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("duty", &self.duty)?;
        map.serialize_entry("incidents", &self.incidents)?;
        map.serialize_entry("undelivered", &self.undelivered)?;
        map.end()
    }
}

/// Figures that take a walk over everything, kept for a moment: a page shows them beside its own matter.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    known: Mutex<HashMap<AccountId, Known>>,
    /// Number of facts that were looked at, and when the newest of them was recorded that the account may see.
    stamps: Mutex<HashMap<AccountId, (u64, Timestamp)>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Facts that the desk held then.
    facts: u64,
    /// When it was counted.
    at: Timestamp,
    incidents: usize,
    undelivered: usize,
}

impl Figures {
    /// When the newest fact was recorded that this reader may see, µs. Of hidden facts it says nothing. Only facts that came since
    /// the last time are looked at: for who may see little, the newest may be far back.
    pub(crate) fn stamp(&self, desk: &Desk, lens: &Lens<'_>) -> i64 {
        let (account, size) = (lens.viewer().account, desk.next_seq());
        let known = self.stamps.lock().expect("nothing panics while it is held").get(&account).copied();
        // A desk with fewer facts than were looked at is one of the past.
        let (from, before) = known.filter(|(looked_at, _)| *looked_at <= size).unwrap_or_default();
        let newest = lens.newest_from(from).unwrap_or(before);
        if known.is_none_or(|(looked_at, _)| looked_at < size) {
            self.stamps.lock().expect("nothing panics while it is held").insert(account, (size, newest));
        }
        newest.0
    }

    /// Figures beside the navigation, at most a moment old; what waits on the duty desk is always as it is now.
    pub(crate) fn recent(&self, desk: &Desk, lens: &Lens<'_>, now: Timestamp) -> Counts {
        let account = lens.viewer().account;
        let known = self.known.lock().expect("nothing panics while it is held").get(&account).copied();
        let fresh = |k: &Known| k.facts == desk.next_seq() || now.seconds_since(k.at).abs() < FIGURES_SECONDS;
        match known.filter(fresh) {
            Some(known) => Counts { duty: duty(lens, now), incidents: known.incidents, undelivered: known.undelivered },
            None => self.counted(desk, lens, now),
        }
    }

    /// Figures beside the navigation as they are now.
    pub(crate) fn counted(&self, desk: &Desk, lens: &Lens<'_>, now: Timestamp) -> Counts {
        let counts = counts(lens, now);
        let Counts { incidents, undelivered, .. } = counts;
        let known = Known { facts: desk.next_seq(), at: now, incidents, undelivered };
        self.known.lock().expect("nothing panics while it is held").insert(lens.viewer().account, known);
        counts
    }
}

/// Figures beside the navigation at an earlier moment.
pub(crate) fn counts(lens: &Lens<'_>, now: Timestamp) -> Counts {
    let outbox = lens.outbox_counts();
    let incidents = lens.incidents(&IncidentFilter::default(), None, 0).total;
    Counts { duty: duty(lens, now), incidents, undelivered: outbox.failed + outbox.bounced }
}

fn duty(lens: &Lens<'_>, now: Timestamp) -> usize {
    let queue = lens.queue_counts(now);
    queue.call + queue.judge
}

/// Facts that were recorded and not told yet.
#[derive(Clone, Copy, Debug, Default)]
struct Untold {
    count: usize,
    since: Option<Timestamp>,
}

impl Untold {
    fn add(&mut self, event: &Event) {
        self.count += 1;
        self.since = self.since.or(Some(event.at));
    }

    /// What they mean for pages, as far as this reader may know: the lens says which of them it is allowed to hear of.
    fn topics(self, lens: &Lens<'_>) -> BTreeSet<String> {
        let mut topics = BTreeSet::new();
        let Some(since) = self.since else { return topics };
        for row in lens.recent_since(since, TOLD_MAX) {
            topics.extend(row.reference.map(|r| r.to_string()));
            topics.insert(
                match row.key.split_once('.').map_or("", |(capability, _)| capability) {
                    "intake" => "queue",
                    "incidents" => "incidents",
                    "outbox" => "outbox",
                    _ => "settings",
                }
                .to_owned(),
            );
        }
        topics
    }
}

/// Who holds how many streams.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    of_session: Shares<SessionId>,
    of_address: Shares<IpAddr>,
}

impl Streams {
    /// A place for one more stream. This machine is not counted, unless it speaks for somebody.
    fn places(&self, session: SessionId, door: Door) -> Option<(Share<SessionId>, Option<Share<IpAddr>>)> {
        let session = self.of_session.take(session, STREAMS_PER_SESSION_MAX)?;
        if door.local {
            return Some((session, None));
        }
        let address = self.of_address.take(network(door.address), STREAMS_PER_ADDRESS_MAX)?;
        Some((session, Some(address)))
    }
}

/// A body that is written bit by bit.
struct Written(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Written {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|b| Ok(Frame::data(b))))
    }
}

/// `GET /stroom`.
pub(crate) async fn stream(State(web): State<Web>, door: Door, visitor: Visitor) -> Result<Response, Problem> {
    let places = web.streams().places(visitor.session, door).ok_or_else(|| Problem::of(Kind::TooMany))?;
    let (out, written) = mpsc::channel(WAITING_MAX);
    let events = web.engine().events();
    let hello = changed(&web, &visitor, Untold::default(), &BTreeSet::new(), false).await;
    let hello = hello.ok_or_else(|| Problem::of(Kind::SignIn))?.unwrap_or_default();
    let begun = out.try_send(Bytes::from(format!("retry: 1500\n\n{hello}")));
    debug_assert!(begun.is_ok(), "the channel is empty and open");
    tokio::spawn(async move {
        follow(web, visitor, events, out).await;
        drop(places);
    });
    let mut response = Response::new(Body::new(Written(written)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

async fn follow(web: Web, visitor: Visitor, mut events: broadcast::Receiver<Event>, out: mpsc::Sender<Bytes>) {
    let mut closing = web.closing();
    let mut looks = web.presence().subscribe();
    let mut clock = tokio::time::interval(until_next_minute(web.engine().now()));
    let mut life = tokio::time::interval(LIFE_SIGN);
    clock.tick().await;
    life.tick().await;
    loop {
        let mut untold = Untold::default();
        let mut here = BTreeSet::new();
        let mut missed = false;
        tokio::select! {
            biased;
            changed = closing.changed() => if changed.is_err() || *closing.borrow() { return } else { continue },
            () = out.closed() => return,
            event = events.recv() => match event {
                Ok(event) => untold.add(&event),
                Err(broadcast::error::RecvError::Lagged(_)) => missed = true,
                Err(broadcast::error::RecvError::Closed) => return,
            },
            look = looks.recv() => match look {
                Ok(reference) => { here.insert(reference); }
                Err(_) => continue,
            },
            _ = clock.tick() => {
                clock = tokio::time::interval(until_next_minute(web.engine().now()));
                clock.tick().await;
            }
            _ = life.tick() => {
                if out.try_send(Bytes::from_static(b": \n\n")).is_err() {
                    return;
                }
                continue;
            }
        }
        loop {
            match events.try_recv() {
                Ok(event) => untold.add(&event),
                Err(broadcast::error::TryRecvError::Lagged(_)) => missed = true,
                Err(_) => break,
            }
        }
        let Some(text) = changed(&web, &visitor, untold, &here, missed).await else { return };
        if let Some(text) = text
            && out.try_send(Bytes::from(text)).is_err()
        {
            return;
        }
        if untold.count > 0 {
            tokio::time::sleep(GATHER).await;
        }
    }
}

/// `None` when the session is over; `Some(None)` when there is nothing to say to this reader.
async fn changed(
    web: &Web,
    visitor: &Visitor,
    untold: Untold,
    here: &BTreeSet<desk::ids::Reference>,
    missed: bool,
) -> Option<Option<String>> {
    let now = web.engine().now();
    let seen = web.engine().read(|desk| {
        desk.session(&visitor.token, now)?;
        let lens = desk.seen_by(visitor.viewer);
        let mut found = untold.topics(&lens);
        found.extend(here.iter().filter(|r| lens.incident_id(**r).is_some()).map(|r| format!("here:{r}")));
        let quiet = found.is_empty() && !missed && (untold.count > 0 || !here.is_empty());
        let told = ["incidents", "outbox"].iter().any(|topic| found.contains(*topic)) || missed;
        let counts = |found| {
            let figures = web.figures();
            let counts = if told { figures.counted(desk, &lens, now) } else { figures.recent(desk, &lens, now) };
            (found, figures.stamp(desk, &lens), counts)
        };
        Some((!quiet).then(|| counts(found)))
    });
    // Storage that does not answer: the stream ends, and the page says that it is not live.
    let seen = seen.await.ok().flatten()?;
    Some(seen.map(|(found, stamp, counts)| {
        let w = words(visitor.preferences.language);
        let clock = format!("{}, {}", w.day(now), w.hour(now));
        let said = Changed { topics: found.into_iter().collect(), stamp, counts, clock, all: missed };
        let json = serde_json::to_string(&said).expect("texts and numbers are JSON");
        format!("event: changed\ndata: {json}\n\n")
    }))
}

fn until_next_minute(now: Timestamp) -> Duration {
    let into = now.0.rem_euclid(MINUTE_SECONDS * 1_000_000);
    let left = MINUTE_SECONDS * 1_000_000 - into;
    Duration::from_micros(left.unsigned_abs()).max(Duration::from_millis(50))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::when;

    #[test]
    fn streams_of_one_session_and_of_one_address_have_an_end() {
        let streams = Streams::default();
        let door = |address: &str| Door { address: address.parse().unwrap(), local: false, secure: true };
        let held = |sessions: std::ops::Range<u32>, address: &str| -> Vec<_> {
            let all = sessions.flat_map(|s| std::iter::repeat_n(SessionId(s), STREAMS_PER_ADDRESS_MAX));
            all.filter_map(|session| streams.places(session, door(address))).collect()
        };
        let one = held(0..1, "192.0.2.1");
        assert_eq!(one.len(), STREAMS_PER_SESSION_MAX);
        assert!(streams.places(SessionId(0), door("198.51.100.1")).is_none());
        assert_eq!(held(1..50, "192.0.2.1").len(), STREAMS_PER_ADDRESS_MAX - STREAMS_PER_SESSION_MAX);
        drop(one);
        assert!(streams.places(SessionId(0), door("192.0.2.1")).is_some());
    }

    #[test]
    fn the_clock_of_the_page_moves_with_the_minute() {
        assert_eq!(until_next_minute(Timestamp::from_seconds(60 * 7 + 18)), Duration::from_secs(42));
        assert_eq!(until_next_minute(Timestamp::from_seconds(120)), Duration::from_secs(60));
        assert_eq!(when::iso(Timestamp::from_seconds(0)), "1970-01-01T01:00:00+01:00");
    }
}
