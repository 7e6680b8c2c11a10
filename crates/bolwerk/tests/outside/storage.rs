//! Storage that takes nothing for a while: no room, no more open files. Nothing acknowledged is lost, and no restart is needed.

use crate::desk::{Desk, bolwerk, done, reports, until};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
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
        self.remount(&format!("size={size}"));
    }

    fn remount(&self, how: &str) {
        assert!(run("mount", &["-o", &format!("remount,{how}")], &self.0));
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
    let desk = Desk::start_after("ulimit -n 128", tempfile::tempdir().unwrap(), &[]);
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

#[test]
fn a_folder_that_cannot_be_written_is_read_and_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(&folder.path().join("data"), "16m") else { return };
    let mut desk = Desk::start_in(folder, &[]);
    let raw = "From: a@b.example\r\nMessage-ID: <one@b.example>\r\n\r\nhulp\r\n";
    assert!(desk.send("a@b.example", raw).unwrap().starts_with("250"));
    desk.kill();
    disk.remount("ro");
    let data = desk.data();
    let data = data.to_str().unwrap();
    let refused = bolwerk(&["serve", "--data", data, "--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(6), "{said}");
    assert!(said.contains(data) && said.contains("read-only") && said.contains("until that is mended"), "{said}");
    let mail = desk.folder.path().join("one.eml");
    std::fs::write(&mail, raw).unwrap();
    let refused = bolwerk(&["import", "mail", mail.to_str().unwrap(), "--data", data]);
    assert_eq!(refused.status.code(), Some(6), "{}", String::from_utf8_lossy(&refused.stderr));
    // Whoever only reads is served.
    assert_eq!(listed(&desk).len(), 1);
    done(&["verify", "--data", data]);
    done(&["backup", "--data", data, "--out", desk.folder.path().join("backup").to_str().unwrap()]);
    disk.remount("rw");
    desk.again();
    assert!(desk.send("a@b.example", raw.replace("one", "two")).unwrap().starts_with("250"));
    assert_eq!(listed(&desk).len(), 2);
    drop(desk);
}

/// A library for `LD_PRELOAD` with which every sync fails while a file is there, or only those of files whose names end as is said in
/// it; `None` without a C compiler.
fn failing_syncs(folder: &Path) -> Option<PathBuf> {
    let (source, library) = (folder.join("sync.c"), folder.join("sync.so"));
    let text = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int fails(int fd) {
    char end[64], link[64], path[4096];
    int switched = open(getenv("SYNC_FAILS"), O_RDONLY);
    if (switched < 0) return 0;
    ssize_t ends = read(switched, end, sizeof end);
    close(switched);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path);
    return ends <= 0 || (length >= ends && memcmp(path + length - ends, end, ends) == 0);
}
static int sync_by(const char *name, int fd) {
    if (fails(fd)) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}
int fsync(int fd) { return sync_by("fsync", fd); }
int fdatasync(int fd) { return sync_by("fdatasync", fd); }
"#;
    std::fs::write(&source, text).unwrap();
    let arguments = ["-shared", "-fPIC", "-O1", "-o", library.to_str().unwrap()];
    if !run("cc", &arguments, &source) {
        eprintln!("skipped: there is no C compiler");
        return None;
    }
    Some(library)
}

/// The disk says that it did not write (EIO): what a page cache does with such pages nobody knows. Small mails lie in the store, large ones
/// in files of their own.
#[test]
fn after_a_sync_that_failed_nothing_is_acknowledged_until_a_restart() {
    for bytes in [100, 300_000] {
        let folder = tempfile::tempdir().unwrap();
        let Some(library) = failing_syncs(folder.path()) else { return };
        let switch = folder.path().join("fails");
        let before = format!("export SYNC_FAILS={:?} LD_PRELOAD={library:?}", switch);
        let mut desk = Desk::start_after(&before, folder, &[]);
        let raw = |n: usize| {
            format!("From: a@b.example\r\nMessage-ID: <m{n}@b.example>\r\n\r\n{}\r\n", "hulp! ".repeat(bytes / 6))
        };
        let mut kept = HashSet::new();
        for n in 0..3 {
            assert!(desk.send("a@b.example", raw(n)).unwrap().starts_with("250"));
            kept.insert(format!("<m{n}@b.example>"));
        }
        until("all is read, so that nothing else is written", || {
            reports(&desk.data()).iter().all(|r| r["complete"] == true).then_some(())
        });
        std::fs::write(&switch, "").unwrap();
        let reply = desk.send("a@b.example", raw(3)).unwrap();
        assert!(reply.starts_with('4'), "{reply}");
        // The disk seems to be well again. What it lost is not known.
        std::fs::remove_file(&switch).unwrap();
        for n in 3..6 {
            let reply = desk.send("a@b.example", raw(n)).unwrap();
            assert!(reply.starts_with('4'), "{reply}");
        }
        let mail = desk.folder.path().join("mail.eml");
        std::fs::write(&mail, raw(7)).unwrap();
        let imported = bolwerk(&["import", "mail", mail.to_str().unwrap(), "--data", desk.data().to_str().unwrap()]);
        let said = String::from_utf8_lossy(&imported.stderr);
        assert!(!imported.status.success() && said.contains("restart"), "{said}");
        let page = desk.get("/");
        assert!(page.starts_with("HTTP/1.1 "), "whoever reads is still answered: {page}");
        assert!(desk.log().contains("restart"), "{}", desk.log());
        desk.kill();
        desk.again();
        done(&["verify", "--data", desk.data().to_str().unwrap()]);
        let mut found = listed(&desk);
        // Nobody was told what became of this one: it may be there.
        found.remove("<m3@b.example>");
        assert_eq!(found, kept, "{bytes} bytes each");
        // Whoever was not told sends again.
        for n in 3..6 {
            assert!(desk.send("a@b.example", raw(n)).unwrap().starts_with("250"));
        }
        assert_eq!(listed(&desk).len(), 6);
        done(&["verify", "--data", desk.data().to_str().unwrap()]);
    }
}

/// The store takes over what its log has long kept, and the sync of that fails: what follows could be lost with the log.
#[test]
fn after_a_failure_beside_the_writer_nothing_is_acknowledged_until_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let Some(library) = failing_syncs(folder.path()) else { return };
    let switch = folder.path().join("fails");
    let before = format!("export SYNC_FAILS={switch:?} LD_PRELOAD={library:?}");
    let mut desk = Desk::start_after(&before, folder, &[]);
    std::fs::write(&switch, "/journal.db").unwrap();
    let mut kept = HashSet::new();
    let reply = fill(&desk, 200_000, &mut kept);
    assert!(reply.starts_with('4'), "{reply}");
    std::fs::remove_file(&switch).unwrap();
    let again = desk.send("a@vol.example", "Message-ID: <again@vol.example>\r\n\r\nhulp").unwrap();
    assert!(again.starts_with('4'), "{again}");
    assert!(desk.log().contains("write-ahead log") && desk.log().contains("restart"), "{}", desk.log());
    desk.kill();
    desk.again();
    assert_eq!(listed(&desk), kept);
    assert!(desk.send("a@vol.example", "Message-ID: <again@vol.example>\r\n\r\nhulp").unwrap().starts_with("250"));
    done(&["verify", "--data", desk.data().to_str().unwrap()]);
}
