//! Storage that takes nothing for a while: no room, no more open files. Nothing acknowledged is lost, and no restart is needed.

use crate::desk::{Desk, done, reports, until};
use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

/// A small file system of its own; `None` where the test may not mount one.
struct Disk(std::path::PathBuf);

impl Disk {
    fn new(at: &Path, size: &str) -> Option<Disk> {
        std::fs::create_dir_all(at).unwrap();
        if run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], at) {
            return Some(Disk(at.to_owned()));
        }
        eprintln!("skipped: this user may not mount a file system");
        None
    }

    fn grow(&self, size: &str) {
        assert!(run("mount", &["-o", &format!("remount,size={size}")], &self.0));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["-l"], &self.0);
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    Command::new(program).args(arguments).arg(path).output().is_ok_and(|output| output.status.success())
}

/// Mails of this size, one after the other, until one is not taken; its reply.
fn fill(desk: &Desk, bytes: usize, kept: &mut HashSet<String>) -> String {
    for _ in 0..2000 {
        let id = format!("m{}@vol.example", kept.len());
        let text = "x".repeat(70) + "\r\n";
        let raw =
            format!("From: a@vol.example\r\nSubject: vol\r\nMessage-ID: <{id}>\r\n\r\n{}", text.repeat(bytes / 72));
        let reply = desk.send("a@vol.example", &raw).unwrap();
        if !reply.starts_with("250") {
            return reply;
        }
        kept.insert(format!("<{id}>"));
    }
    panic!("the disk is never full");
}

fn listed(desk: &Desk) -> HashSet<String> {
    let found = reports(&desk.data());
    let ids: HashSet<String> = found.iter().map(|r| r["message_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), found.len(), "doubled");
    ids
}

#[test]
fn a_full_disk_refuses_for_now_keeps_showing_and_goes_on_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(&folder.path().join("data"), "6m") else { return };
    let mut desk = Desk::start_in(folder, &[]);
    let mut kept = HashSet::new();
    for size in ["7m", "9m"] {
        let reply = fill(&desk, 200_000, &mut kept);
        assert!(reply.starts_with("452 4.3.1"), "{reply}");
        let reply = fill(&desk, 200_000, &mut kept);
        assert!(reply.starts_with("452 4.3.1"), "{reply}");
        let page = desk.get("/");
        assert!(page.starts_with("HTTP/1.1 200") || page.starts_with("HTTP/1.1 303"), "while the disk is full: {page}");
        disk.grow(size);
    }
    let reply = fill(&desk, 200_000, &mut kept);
    assert!(reply.starts_with("452"), "{reply}");
    disk.grow("64m");
    let reply = desk.send("a@vol.example", "Message-ID: <last@vol.example>\r\n\r\nweer plaats").unwrap();
    assert!(reply.starts_with("250"), "{reply}");
    kept.insert("<last@vol.example>".to_owned());
    until("everything is read", || reports(&desk.data()).iter().all(|r| r["status"] != "unread").then_some(()));
    assert_eq!(listed(&desk), kept);
    assert!(desk.log().contains("disk is full"), "{}", desk.log());
    desk.kill();
    desk.again();
    assert_eq!(listed(&desk), kept);
    done(&["verify", "--data", desk.data().to_str().unwrap()]);
    drop(desk);
}

#[test]
fn more_connections_than_files_may_be_open_do_not_stop_the_storage() {
    // Fewer than the connections that are kept open below, and far fewer than the limits of the configuration.
    let desk = Desk::start_limited(128);
    let idle: Vec<_> = (0..300).filter_map(|_| std::net::TcpStream::connect(&desk.http).ok()).collect();
    // Large ones are files of their own.
    for n in 0..2 {
        let raw = format!("Message-ID: <f{n}@x.example>\r\n\r\n{}", "0123456789\r\n".repeat(25_000));
        let reply = desk.send("a@x.example", &raw).unwrap();
        assert!(reply.starts_with("250"), "{reply}\n{}", desk.log());
    }
    assert!(!desk.log().contains("storage failed"), "{}", desk.log());
    drop(idle);
    assert_eq!(listed(&desk).len(), 2);
}
