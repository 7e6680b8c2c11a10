//! Time, on a clock that stands still until everybody waits.

use tokio::io::DuplexStream;
use tokio::time::{Duration, Instant};

use super::*;
use crate::door::Envelope;

struct Shelf;

impl Door for Shelf {
    async fn keep(&self, _envelope: Envelope, raw: Vec<u8>) -> Kept {
        if raw.starts_with(b"for ever") {
            std::future::pending::<()>().await;
        }
        Kept::Kept { reference: "M-1".into() }
    }
}

const TO_DATA: &str = "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<cyber@desk.example>\r\nDATA\r\n";

fn shared() -> Arc<Shared> {
    let reception = Reception {
        mailboxes: ["cyber@desk.example"].into_iter().collect(),
        connections_max: 10,
        command_timeout: Duration::from_secs(300),
        data_timeout: Duration::from_secs(900),
        ..Reception::default()
    };
    let (stop, stopped) = watch::channel(false);
    // A sender that is gone is a stop.
    std::mem::forget(stop);
    Arc::new(Shared {
        rules: Arc::new(Rules::new(&reception, Protocol::Smtp)),
        budget: Budget::new(1 << 20),
        peers: Peers::default(),
        reception: Arc::new(reception),
        stop: stopped,
    })
}

/// A conversation with us at the far end of the stream; `taken` peers are there already.
fn begin(taken: usize) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let shared = shared();
    let seat = Seat { key: None, crowded: taken >= 9, shared: shared.clone() };
    tokio::spawn(converse(theirs, None, Some(seat), shared, Arc::new(Shelf)));
    ours
}

/// Everything said until the line is closed, and how long that took.
async fn until_closed(mut stream: DuplexStream) -> (String, Duration) {
    let begun = Instant::now();
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said).await;
    (said, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn silence_is_borne_for_five_minutes() {
    let (said, after) = until_closed(begin(0)).await;
    assert!(said.ends_with("421 4.4.2 localhost Nothing heard for too long, good-bye\r\n"), "{said}");
    assert!((300..310).contains(&after.as_secs()), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_borne_for_seconds_only_when_the_house_is_nearly_full() {
    let (said, after) = until_closed(begin(9)).await;
    assert!(said.contains("421 4.4.2") && (10..15).contains(&after.as_secs()), "{after:?}: {said}");
}

#[tokio::test(start_paused = true)]
async fn content_drop_by_drop_ends_at_its_time_limit() {
    let mut stream = begin(0);
    stream.write_all(TO_DATA.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let (mut reading, mut writing) = tokio::io::split(stream);
    let dripping = tokio::spawn(async move {
        while writing.write_all(b"x\r\n").await.is_ok() {
            sleep(Duration::from_secs(60)).await;
        }
    });
    let mut said = String::new();
    let _ = reading.read_to_string(&mut said).await;
    assert!(said.ends_with("This takes too long, good-bye\r\n") && !said.contains("Kept"), "{said}");
    assert!((900..970).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    dripping.abort();
}

#[tokio::test(start_paused = true)]
async fn commands_without_end_and_purpose_end_after_an_hour() {
    let stream = begin(0);
    let begun = Instant::now();
    let (mut reading, mut writing) = tokio::io::split(stream);
    let dripping = tokio::spawn(async move {
        while writing.write_all(b"NOOP\r\n").await.is_ok() {
            sleep(Duration::from_secs(120)).await;
        }
    });
    let mut said = String::new();
    let _ = reading.read_to_string(&mut said).await;
    assert!(said.ends_with("This takes too long, good-bye\r\n"), "{said}");
    assert!((3_600..3_800).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    dripping.abort();
}

#[tokio::test(start_paused = true)]
async fn a_keeper_that_never_answers_is_451() {
    let mut stream = begin(0);
    stream.write_all(format!("{TO_DATA}for ever\r\n.\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let (said, after) = until_closed(stream).await;
    assert!(said.contains("451 4.3.0 Storage does not answer") && said.contains("221"), "{said}");
    assert!((300..310).contains(&after.as_secs()), "{after:?}");
}

#[test]
fn one_address_has_its_share_and_this_machine_has_no_limit() {
    let shared = shared();
    let key = |ip: &str| network(ip.parse().unwrap());
    assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::2"));
    assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    let peers = shared.peers.lock().unwrap();
    assert!(peers.is_empty());
    drop(peers);
    let seat = Seat { key: Some(key("192.0.2.1")), crowded: false, shared: shared.clone() };
    shared.peers.lock().unwrap().insert(key("192.0.2.1"), 1);
    drop(seat);
    assert!(shared.peers.lock().unwrap().is_empty(), "a seat that is left is still counted");
}
