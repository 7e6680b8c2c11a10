//! Workers are this very test program, started again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use post::read::{ReadLimits, file, read, reason};
use post::worker::{Workers, worker_main};

/// Not a test of its own: what the tests below start. The name `read-worker` among the arguments tells.
#[test]
fn worker_process() {
    if std::env::args().any(|argument| argument == "read-worker") {
        worker_main();
    }
}

fn workers(count: usize, timeout: Duration) -> Workers {
    let arguments = ["--exact", "workers::worker_process", "read-worker", "--nocapture", "--test-threads=1"];
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    Workers::new(std::env::current_exe().unwrap(), arguments, count, timeout)
}

const LONG: Duration = Duration::from_secs(60);
const RAW: &[u8] =
    b"From: a@b.example\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhulp\r\n\
    --b\r\nContent-Type: application/zip; name=a.zip\r\n\r\nPK\r\n--b--\r\n";

#[tokio::test]
async fn a_worker_reads_as_the_function_does() {
    let workers = workers(1, LONG);
    for raw in [RAW, b"", b"\xff\0\r\n\r\n"] {
        assert_eq!(workers.read(raw).await, read(raw, &ReadLimits::default()));
    }
    let (part, bytes) = workers.attachment(RAW.to_vec(), 0).await.unwrap();
    assert_eq!((part.name.as_str(), bytes.as_slice()), ("a.zip", &b"PK"[..]));
    assert!(workers.attachment(RAW, 1).await.is_none());
    let log = b"203.0.113.7 deny\n";
    let (part, missing) = workers.file(3, "../fw.log", "text/plain", log).await;
    assert_eq!((&part, &missing), (&file(3, "../fw.log", "text/plain", log, &ReadLimits::default()).0, &Vec::new()));
    assert_eq!((part.index, &*part.name, part.text.as_deref()), (3, "fw.log", Some("203.0.113.7 deny\n")));
}

#[tokio::test]
async fn many_mails_share_few_workers() {
    let workers = Arc::new(workers(2, LONG));
    let mut reading = tokio::task::JoinSet::new();
    for number in 0..100 {
        let workers = workers.clone();
        reading.spawn(async move {
            let raw = format!("From: a@b.example\r\nSubject: {number}\r\n\r\n{}\r\n", "x".repeat(number * 1_000));
            (number, workers.read(raw.into_bytes()).await)
        });
    }
    while let Some(done) = reading.join_next().await {
        let (number, reading) = done.unwrap();
        assert_eq!((reading.subject, reading.text.trim().len()), (number.to_string(), number * 1_000));
    }
}

/// Memory and CPU time end, not this process: a mail of the largest size that is all encoded text, and one of parts.
#[tokio::test]
async fn the_largest_mails_are_read_within_the_limits() {
    let workers = workers(1, LONG);
    let head = "From: a@b.example\r\nSubject: groot\r\nMIME-Version: 1.0\r\n";
    let text = format!("{head}Content-Transfer-Encoding: quoted-printable\r\n\r\n{}", "=41".repeat(16_000_000));
    let html = format!("{head}Content-Type: text/html\r\n\r\n{}", "<p><b>x".repeat(7_000_000));
    let line = format!("{}\r\n", "QUJD".repeat(19));
    let file = format!(
        "{head}Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
        line.repeat(640_000)
    );
    let parts = format!("{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "\n--b\n--".repeat(7_000_000));
    for (mail, why) in
        [(text, Some(reason::TEXT_CUT)), (html, Some(reason::TEXT_CUT)), (file, None), (parts, Some(reason::PARTS))]
    {
        assert!(mail.len() > 45_000_000);
        let reading = workers.read(mail.into_bytes()).await;
        assert_eq!(reading.subject, "groot");
        let died = reading.complete.iter().any(|key| key.starts_with("worker"));
        assert!(!died, "{why:?}: {:?}", reading.complete);
        assert!(
            why.is_none_or(|why| reading.complete.iter().any(|key| key == why)),
            "{why:?} is not in {:?}",
            reading.complete
        );
    }
}

#[tokio::test]
async fn a_worker_that_dies_is_replaced_and_the_mail_is_not_lost() {
    let workers = Arc::new(workers(2, LONG));
    tokio::join!(workers.read(RAW), workers.read(RAW));
    // Every worker of this pool is a child of this process: end all of them from outside, as the kernel would.
    let killed = children_that_read();
    assert!(killed.len() >= 2, "both wait");
    for id in killed {
        assert!(std::process::Command::new("kill").args(["-KILL", &id.to_string()]).status().unwrap().success());
    }
    for _mail in 0..3 {
        assert_eq!(workers.read(RAW).await.text, "hulp\n");
    }
}

/// Whatever a mail makes of it, the kernel ends it: limits hold before it reads a byte.
#[tokio::test]
async fn a_worker_has_limits_that_the_kernel_keeps() {
    let workers = workers(1, LONG);
    // Another test ends workers, maybe this one: then another one takes its place.
    for _ in 0..20 {
        workers.read(RAW).await;
        let of =
            |id: &u32| std::fs::read_to_string(format!("/proc/{id}/limits")).ok().filter(|limits| !limits.is_empty());
        let Some(limits) = children_that_read().iter().find_map(of) else { continue };
        let limit = |name: &str| {
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
            line[name.len()..].split_whitespace().next().unwrap().parse::<u64>().ok()
        };
        assert_eq!(limit("Max address space"), Some(1 << 30), "memory, bytes");
        assert!(limit("Max cpu time").is_some_and(|seconds| seconds <= 60), "{limits}");
        assert_eq!(limit("Max core file size"), Some(0), "a mail lies in no core file");
        assert_eq!(limit("Max file size"), Some(0), "it writes no file");
        assert_eq!(limit("Max open files"), Some(3), "and opens none");
        return;
    }
    panic!("no worker runs");
}

/// Children of this thread's process whose command line says that they read for `a_worker_that_dies…`.
fn children_that_read() -> Vec<u32> {
    let me = std::process::id().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let text = |name: &str| std::fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
        let parent =
            text("stat").rsplit_once(')').map(|(_, rest)| rest.split_whitespace().nth(1).unwrap_or("").to_owned());
        parent.as_deref() == Some(me.as_str()) && text("cmdline").contains("read-worker")
    })
    .collect()
}

#[tokio::test]
async fn what_is_no_worker_or_takes_too_long_gives_the_header_and_the_reason() {
    let run = |program: &str, arguments: &[&str]| {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Workers::new(PathBuf::from(program), arguments, 1, Duration::from_millis(300))
    };
    for (workers, why) in [
        (run("/nonexistent", &[]), reason::WORKER_DIED),
        (run("/bin/false", &[]), reason::WORKER_DIED),
        (run("/bin/sh", &["-c", "printf '\\000post-read-worker-1\\n'; exec /bin/sleep 30"]), reason::WORKER_TIMEOUT),
        (
            run("/bin/sh", &["-c", "printf '\\000post-read-worker-1\\n\\000\\000\\000\\002{x'; exec /bin/sleep 30"]),
            reason::WORKER_DIED,
        ),
        (run("/bin/cat", &["/dev/zero"]), reason::WORKER_DIED),
    ] {
        let reading = workers.read(RAW).await;
        assert_eq!(
            (reading.complete, reading.subject.as_str(), reading.may_answer),
            (vec![why.to_owned()], "x", false)
        );
    }
    let (part, missing) = run("/bin/false", &[]).file(0, "a.txt", "text/plain", b"x").await;
    assert_eq!((part.name.as_str(), part.text, missing), ("a.txt", None, vec![reason::WORKER_DIED.to_owned()]));
}
