//! What commands say: of a mistake whose it is and what cures it, of how old a backup is, of how far an import is.

use crate::commands::filled;
use crate::desk::{Desk, Sink, bolwerk, done, until};
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a command says that must end with this status.
fn refused(status: i32, arguments: &[&str]) -> String {
    let output = bolwerk(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    assert!(said.lines().count() > 1, "each has its cure: {said}");
    said
}

#[test]
fn a_key_that_is_none_is_a_mistake_of_the_command_line_and_no_full_disk() {
    let (folder, data) = filled();
    let out = folder.path().join("backup");
    let said = refused(2, &["backup", "--data", text(&data), "--out", text(&out), "--recipient", "age1bad"]);
    assert!(said.contains("--recipient") && said.contains("age-keygen") && !said.contains("disk"), "{said}");
    assert!(!out.exists());
}

#[test]
fn a_file_that_is_no_backup_is_blamed_and_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (junk, back) = (folder.path().join("junk"), folder.path().join("back"));
    std::fs::write(&junk, "not a backup").unwrap();
    let said = refused(5, &["restore", text(&junk), "--data", text(&back)]);
    assert!(
        said.contains(text(&junk)) && said.contains("another copy") && said.contains("Nothing was restored"),
        "{said}"
    );
    assert!(!said.contains("Do not write") && !back.exists(), "{said}");
}

#[test]
fn a_note_that_is_none_is_blamed_and_not_the_desk() {
    let (folder, data) = filled();
    let (junk, backup, back) = (folder.path().join("junk"), folder.path().join("backup"), folder.path().join("back"));
    std::fs::write(&junk, "not a note\n").unwrap();
    let said = refused(6, &["verify", "--data", text(&data), "--against", text(&junk)]);
    assert!(said.contains(text(&junk)) && !said.contains(text(&data)) && said.contains("bolwerk checkpoint"), "{said}");
    done(&["backup", "--data", text(&data), "--out", text(&backup)]);
    let said = refused(6, &["restore", text(&backup), "--data", text(&back), "--checkpoint", text(&junk)]);
    assert!(said.contains(text(&junk)) && !said.contains("wrote, or it is damaged"), "{said}");
}

#[test]
fn a_register_that_cannot_take_anothers_place_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    done(&["demo", "--build-only", "--keep", text(&demo)]);
    let said = refused(6, &["register", "load", "flanders", "--data", text(&demo)]);
    assert!(said.contains("has another register") && !said.contains("first run"), "{said}");
    let (_folder, data) = filled();
    let said = refused(6, &["token", "new", "--data", text(&data)]);
    assert!(said.contains("Finish the first run"), "{said}");
    let said = refused(6, &["token", "new", "--data", text(&data), "--account", "nobody"]);
    assert!(said.contains("settings page") && !said.contains("first run"), "{said}");
}

#[test]
fn a_ready_file_that_cannot_be_is_refused_before_the_desk_opens() {
    let folder = tempfile::tempdir().unwrap();
    let (data, ready) = (folder.path().join("data"), folder.path().join("nowhere/ready"));
    let said = refused(3, &["serve", "--data", text(&data), "--http", "127.0.0.1:0", "--ready-file", text(&ready)]);
    assert!(said.contains("--ready-file") && said.contains("nowhere"), "{said}");
    let said = refused(3, &["demo", "--keep", text(&data), "--ready-file", text(&ready)]);
    assert!(said.contains("--ready-file"), "{said}");
    assert!(!data.exists());
}

#[test]
fn a_restore_says_how_old_the_backup_is() {
    let (folder, data) = filled();
    let (backup, back) = (folder.path().join("backup"), folder.path().join("back"));
    done(&["backup", "--data", text(&data), "--out", text(&backup)]);
    let said = done(&["restore", text(&backup), "--data", text(&back)]);
    let age = said.lines().find(|line| line.contains(" old: what came in since is not in it")).unwrap_or(&said);
    assert!(age.starts_with("This backup is 0 minutes") || age.starts_with("This backup is 1 minute"), "{said}");
}

#[test]
fn an_export_ends_where_it_is_told_to() {
    let (_folder, data) = filled();
    let export = |more: &[&str]| done(&[&["export", "--jsonl", "--data", text(&data)], more].concat());
    let whole = export(&[]);
    let lines: Vec<&str> = whole.lines().collect();
    assert!(lines.len() > 30);
    let part = export(&["--known-at", "7"]);
    assert_eq!(part.lines().collect::<Vec<_>>(), lines[..8]);
    let newest = (lines.len() - 1).to_string();
    assert_eq!(export(&["--known-at", &newest]), whole);
    for wrong in ["veel", "-1", &lines.len().to_string()] {
        let output = bolwerk(&["export", "--data", text(&data), &format!("--known-at={wrong}")]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_import_shows_how_far_it_is_on_a_terminal_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let mbox = folder.path().join("box");
    let mails =
        (0..40).map(|n| format!("From a@b.example Thu Dec 15 03:04:00 2022\nMessage-ID: <{n}@b.example>\n\nhulp\n\n"));
    std::fs::write(&mbox, mails.collect::<String>()).unwrap();
    let import = |data: &str| {
        format!(
            "{} import mail {} --data {}",
            env!("CARGO_BIN_EXE_bolwerk"),
            text(&mbox),
            text(&folder.path().join(data))
        )
    };
    let piped = std::process::Command::new("sh").args(["-c", &import("piped")]).output().unwrap();
    assert!(piped.status.success());
    assert_eq!(String::from_utf8_lossy(&piped.stderr), "", "nobody looks");
    // util-linux gives a command a terminal of its own.
    let on_terminal = |command: &str| {
        let output = std::process::Command::new("script").args(["-qec", command, "/dev/null"]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let seen = on_terminal(&import("shown"));
    assert!(seen.contains(" % [###") && seen.contains("] 40 mails") && seen.contains("40 imported"), "{seen}");
    let json = on_terminal(&format!("{} --json", import("json")));
    assert!(!json.contains('%') && json.contains("\"imported\":40"), "{json}");
}

#[test]
fn a_variable_that_is_not_known_stops_the_server_and_a_known_one_counts() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let output = crate::commands::program(&["serve", "--data", text(&data)])
        .env("BOLWERK_HTPP", "127.0.0.1:0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("BOLWERK_HTPP") && said.contains("Did you mean BOLWERK_HTTP?") && !data.exists(), "{said}");
    let check =
        |name: &str, value: &str| crate::commands::program(&["check-config"]).env(name, value).output().unwrap();
    let wrong = check("BOLWERK_IMAP_PORT", "70000");
    assert_eq!(wrong.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("BOLWERK_IMAP_PORT: port: must be 1 to 65535"));
    assert!(
        String::from_utf8_lossy(&check("BOLWERK_DIRECT_PORT", "25").stdout)
            .contains("the environment: no mistakes found")
    );

    // The receipt leaves by the next hop of the variables.
    let sink = Sink::start();
    let (host, port) = sink.address.rsplit_once(':').unwrap();
    let before = format!("export BOLWERK_RELAY_HOST={host} BOLWERK_RELAY_PORT={port} BOLWERK_RELAY_TLS=off");
    let desk = Desk::start_after(&before, folder, &[]);
    assert!(
        desk.send("it@stad.example", "From: it@stad.example\r\nMessage-ID: <a@b.example>\r\n\r\nhulp")
            .unwrap()
            .starts_with("250")
    );
    until("the receipt leaves", || (!sink.mails().is_empty()).then_some(()));
}
