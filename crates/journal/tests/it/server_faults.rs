//! What goes wrong with a database server: it is killed, its connections are, its standby is away, another takes over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use journal::{Error, Keep, Reader, Writer, verify};
use postgres::Client;

use crate::server::Server;
use crate::support::*;

/// How often the server or one of its processes is killed.
const KILLS: usize = 12;
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a retry waits.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls `until` again and again until it gives something.
fn retry<T>(what: &str, mut until: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(done) = until() {
            return done;
        }
        thread::park_timeout(PAUSE);
    }
    panic!("{what} did not come")
}

fn reopened(folder: &Folder) -> Writer {
    let open = || match Writer::open_with(folder.path(), &options(), hooks(1)) {
        Ok(writer) => Some(writer),
        Err(Error::Away { .. } | Error::Unsure { .. }) => None,
        Err(error) => panic!("{error}"),
    };
    retry("the server", open)
}

/// An entry that was acknowledged: its place, and what it says.
type Acknowledged = (u64, String);

/// Appends until told to stop, through whatever happens to the server; tells what was acknowledged.
fn append_on_and_on(folder: &Folder, stop: &AtomicBool, told: &mpsc::Sender<Acknowledged>) -> [u64; 2] {
    let mut writer = reopened(folder);
    let (mut away, mut unsure) = (0, 0);
    for n in 0u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let body = format!(r#"{{"n":{n}}}"#);
        let appended = writer.new_key().and_then(|key| {
            let parts = [(key, Keep::Replayed, b"naam".as_slice()), (key, Keep::OnDemand, &[7; FILE_BYTES])];
            let new = journal::NewEntry { body: body.clone().into_bytes(), ..sealed("a", &parts) };
            writer.append(vec![vec![new]], 0)
        });
        match appended {
            Ok(appended) => told.send((appended[0].seqs.start, body)).unwrap(),
            // Nothing was written: the same writer goes on when the server is back.
            Err(Error::Away { .. }) => {
                away += 1;
                thread::park_timeout(PAUSE);
            }
            Err(Error::Unsure { .. } | Error::Poisoned { .. }) => {
                unsure += 1;
                drop(writer);
                writer = reopened(folder);
            }
            Err(error) => panic!("{error}"),
        }
    }
    [away, unsure]
}

fn some_backend(client: &mut Client) -> Option<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'bolwerk'";
    client.query_opt(sql, &[]).ok()?.map(|row| row.get(0))
}

fn check(folder: &Folder, acknowledged: Receiver<Acknowledged>) -> usize {
    // The last kill may have left the server in recovery.
    let verified = retry("the server is back", || match verify(folder.path(), None, &mut |_, _| {}) {
        Err(Error::Away { .. }) => None,
        other => Some(other),
    });
    verified.unwrap();
    let entries = all(&Reader::open(folder.path()).unwrap());
    let acknowledged: Vec<Acknowledged> = acknowledged.into_iter().collect();
    for (seq, body) in &acknowledged {
        let found = &entries[*seq as usize];
        assert_eq!((found.seq, found.body.as_slice()), (*seq, body.as_bytes()));
        assert_eq!(found.parts[0].content.as_deref(), Some(b"naam".as_slice()));
    }
    let mut bodies: Vec<&[u8]> = entries.iter().map(|entry| entry.body.as_slice()).collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), entries.len(), "an entry was doubled");
    acknowledged.len()
}

#[test]
fn a_server_killed_again_and_again_loses_nothing_acknowledged() {
    let Some(server) = Server::start("") else { return };
    let folder = Folder::at(&server.schema());
    let (stop, (told, heard)) = (AtomicBool::new(false), mpsc::channel());
    let outcome = thread::scope(|scope| {
        let appending = scope.spawn(|| append_on_and_on(&folder, &stop, &told));
        let mut state = 0x5eed_u64;
        let mut kept = Vec::new();
        for kill in 0..KILLS {
            // Something must be acknowledged between two kills.
            kept.push(heard.recv_timeout(PATIENCE).unwrap());
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let until = Instant::now() + Duration::from_micros((state >> 33) % 150_000);
            while let Ok(more) = heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
                kept.push(more);
            }
            if kill % 2 == 0 {
                server.kill();
                server.resume();
            } else {
                let mut client = server.client();
                let pid = retry("a connection of the writer", || some_backend(&mut client));
                // The server takes this for a crash, and throws everybody out.
                std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
            }
        }
        stop.store(true, Ordering::Relaxed);
        let outcome = appending.join().unwrap();
        kept.into_iter().for_each(|ack| told.send(ack).unwrap());
        outcome
    });
    drop(told);
    let acknowledged = check(&folder, heard);
    let [away, unsure] = outcome;
    eprintln!("{KILLS} kills: {acknowledged} acknowledged, {away} times away, {unsure} times unsure");
    assert!(acknowledged > KILLS && away + unsure >= 1);
}

#[test]
fn connections_that_break_between_appends_are_made_again_without_a_word() {
    let Some(server) = crate::server::shared() else { return };
    let folder = Folder::at(&server.schema());
    let mut writer = open(folder.path());
    let reader = writer.reader().unwrap();
    for n in 1..4 {
        fill(&mut writer, 1);
        assert_eq!(reader.size().unwrap(), n);
        let schema = folder.url().split('=').next_back().unwrap().trim_end_matches('\'').to_owned();
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'bolwerk' \
             AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory') OR query LIKE '%{schema}%' AND pid <> pg_backend_pid()"
        );
        server.client().batch_execute(&sql).unwrap();
    }
    fill(&mut writer, 1);
    assert_eq!(verify(folder.path(), None, &mut |_, _| {}).unwrap().size, 4);
}

#[test]
fn a_cancelled_wait_for_the_standby_is_no_acknowledgement() {
    let Some(server) = Server::start("") else { return };
    let folder = Folder::at(&server.schema());
    let mut writer = open(folder.path());
    fill(&mut writer, 1);
    server.reconfigure("synchronous_standby_names = 'nobody'");
    let error = thread::scope(|scope| {
        // The server takes its time to know that there is somebody to wait for.
        let mut append = || writer.append(vec![vec![entry("a", "{}")]], 0).err();
        let appending = scope.spawn(move || std::iter::repeat_with(&mut append).flatten().next().unwrap());
        let mut client = server.client();
        let sql = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        retry("the wait", || client.query_opt(sql, &[]).unwrap());
        appending.join().unwrap()
    });
    assert!(matches!(error, Error::Unsure { .. }), "{error}");
    assert!(error.to_string().contains("synchronous replication"), "{error}");
    assert!(matches!(writer.append(vec![vec![entry("a", "{}")]], 0), Err(Error::Poisoned { .. })));
    let acknowledged = writer.next_seq();
    drop(writer);
    // To open is to wait for the standby too: what it finds counts as durable.
    let refused = thread::scope(|scope| {
        let opening = scope.spawn(|| Writer::open_with(folder.path(), &options(), hooks(1)).map(drop));
        let mut client = server.client();
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        retry("the wait", || client.query_opt(sql, &[]).unwrap());
        opening.join().unwrap()
    });
    assert!(matches!(refused, Err(Error::Unsure { .. })), "{refused:?}");
    server.reconfigure("");
    let mut writer = reopened(&folder);
    assert_eq!(writer.next_seq(), acknowledged + 1);
    fill(&mut writer, 1);
    assert_eq!(verify(folder.path(), None, &mut |_, _| {}).unwrap().size, acknowledged + 2);
}

#[test]
fn a_standby_that_takes_over_has_everything_that_was_acknowledged() {
    let Some(server) = Server::start("") else { return };
    let url = server.schema();
    let standby = server.standby("");
    server.restart("synchronous_standby_names = 'standby'");
    let mut client = server.client();
    let sql = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
    retry("the standby", || client.query_opt(sql, &[]).unwrap());
    drop(client);
    // Both servers, whichever can be written.
    let options = url.split_once("options").unwrap().1;
    let ((host, port), (_, other)) = (server.network(), standby.network());
    let folder =
        Folder::at(&format!("host={host},{host} port={port},{other} user=bolwerk dbname=postgres options{options}"));
    let (stop, (told, heard)) = (AtomicBool::new(false), mpsc::channel());
    thread::scope(|scope| {
        let appending = scope.spawn(|| append_on_and_on(&folder, &stop, &told));
        let before: Vec<Acknowledged> = (0..30).map(|_| heard.recv_timeout(PATIENCE).unwrap()).collect();
        server.kill();
        let lost: Vec<Acknowledged> = std::iter::from_fn(|| heard.recv_timeout(PAUSE).ok()).collect();
        standby.promote();
        let after: Vec<Acknowledged> = (0..10).map(|_| heard.recv_timeout(PATIENCE).unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        appending.join().unwrap();
        before.into_iter().chain(lost).chain(after).for_each(|ack| told.send(ack).unwrap());
    });
    drop(told);
    assert!(check(&folder, heard) >= 40);
}

#[test]
fn a_server_that_may_lose_what_it_acknowledges_or_cannot_be_written_is_refused() {
    let Some(server) = Server::start("") else { return };
    let folder = Folder::at(&server.schema());
    drop(open(folder.path()));
    server.reconfigure("default_transaction_read_only = on");
    let refused = Writer::open(folder.path(), &options());
    assert!(matches!(refused, Err(Error::Away { .. })), "{refused:?}");
    assert_eq!(Reader::open(folder.path()).unwrap().size().unwrap(), 0);
    server.reconfigure("fsync = off");
    let Err(error @ Error::Invalid { .. }) = Writer::open(folder.path(), &options()) else { panic!("opened") };
    assert!(error.to_string().contains("fsync off"), "{error}");
}
