//! Commands: exit statuses, and what they say.

use crate::desk::{Desk, bolwerk, done, reports, until};
use journal::{NewEntry, Snapshot, Writer};
use std::path::{Path, PathBuf};

fn status(arguments: &[&str]) -> i32 {
    bolwerk(arguments).status.code().unwrap()
}

pub fn program(arguments: &[&str]) -> std::process::Command {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_bolwerk"));
    program.args(arguments);
    program
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub fn filled() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mails = folder.path().join("mails");
    std::fs::create_dir(&mails).unwrap();
    for n in 0..30 {
        let raw = format!(
            "From: a@b.example\r\nSubject: nr {n}\r\nMessage-ID: <{n}@b.example>\r\n\r\n{}\r\n",
            "tekst ".repeat(n * 20)
        );
        std::fs::write(mails.join(format!("{n}.eml")), raw).unwrap();
    }
    let told = done(&["import", "mail", text(&mails), "--data", text(&data), "--json"]);
    assert_eq!(told.trim(), r#"{"imported":30,"known":0,"not_fully_read":0,"failed":0}"#);
    (folder, data)
}

#[test]
fn each_kind_of_error_has_its_status() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    assert_eq!(status(&["nonsense"]), 2);
    assert_eq!(status(&["list", "reports", "--data", text(&nowhere)]), 3);
    assert_eq!(status(&["verify", "--data", text(&nowhere)]), 3);
    assert_eq!(status(&["restore", text(&nowhere), "--data", text(&nowhere)]), 3);
    let config = folder.path().join("bolwerk.toml");
    std::fs::write(&config, "htpp = 1\n").unwrap();
    let output = bolwerk(&["check-config", text(&config)]);
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bolwerk.toml:1: unknown field `htpp`"));
    std::fs::write(&config, "address = \"a@b.example\"\n").unwrap();
    assert_eq!(status(&["check-config", text(&config)]), 0);
    // Where the desk lies in a database, how to reach it is part of the configuration.
    std::fs::write(&config, format!("data = {:?}\n", text(folder.path()))).unwrap();
    std::fs::write(folder.path().join("store.toml"), "url = \"host=db\"\nnode = \"north\"\n").unwrap();
    assert!(done(&["check-config", text(&config)]).contains("this node is north"));
    std::fs::write(folder.path().join("store.toml"), "url = \"host=db\"\nnote = \"north\"\n").unwrap();
    let output = bolwerk(&["check-config", text(&config)]);
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("line 2: note is not known"));
}

#[test]
fn a_file_that_is_not_there_is_named_with_its_cure() {
    let (folder, data) = filled();
    let (backup, back, nope) = (folder.path().join("backup"), folder.path().join("back"), folder.path().join("nope"));
    done(&["backup", "--data", text(&data), "--out", text(&backup)]);
    for option in ["--keys", "--erasures", "--checkpoint"] {
        let output = bolwerk(&["restore", text(&backup), "--data", text(&back), option, text(&nope)]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{option}: {said}");
        assert!(said.contains(text(&nope)) && said.contains("Name a file that is there"), "{option}: {said}");
        assert!(!back.join("journal.db").exists(), "{option}");
    }
    let output = bolwerk(&["verify", "--data", text(&data), "--against", text(&nope)]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains(text(&nope)));
}

/// Of Debian's `nobody`; only root can become it, as the tests run.
const NOBODY: u32 = 65534;

#[test]
fn a_user_without_permission_is_told_so() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let (folder, data) = filled();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("bolwerk");
    std::fs::copy(env!("CARGO_BIN_EXE_bolwerk"), &copy).unwrap();
    for arguments in [&["verify"][..], &["list", "reports"], &["serve", "--http", "127.0.0.1:0"]] {
        let mut program = std::process::Command::new(&copy);
        program.args(arguments).args(["--data", text(&data)]).uid(NOBODY);
        let output = match program.output() {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return eprintln!("skipped: another user can be tried by root alone");
            }
            output => output.unwrap(),
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{said}");
        assert!(said.contains("This user may not") && !said.contains("disk"), "{said}");
    }
}

/// Names of variables of the environment in a text.
fn variables(text: &str) -> std::collections::BTreeSet<&str> {
    let name = |text: &str| text.bytes().take_while(|b| b.is_ascii_uppercase() || *b == b'_').count();
    text.match_indices("BOLWERK_").map(|(at, _)| &text[at..at + name(&text[at..])]).collect()
}

#[test]
fn every_variable_of_the_environment_that_is_promised_is_shown_and_works() {
    let example = include_str!("../../../../docs/example.toml");
    let help = done(&["serve", "--help"]);
    let promised = variables(example);
    assert_eq!(promised.len(), 7, "{promised:?}");
    assert!(promised.is_subset(&variables(&help)), "{promised:?}\n{help}");

    let folder = tempfile::tempdir().unwrap();
    let (data, ready, lmtp) = (folder.path().join("data"), folder.path().join("ready"), folder.path().join("lmtp"));
    let relay = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = program(&["serve", "--ready-file", text(&ready)]);
    let values = [
        ("BOLWERK_DATA", text(&data).to_owned()),
        ("BOLWERK_HTTP", "127.0.0.1:0".to_owned()),
        ("BOLWERK_SMTP", "127.0.0.1:0".to_owned()),
        ("BOLWERK_LMTP", format!("unix:{}", text(&lmtp))),
        ("BOLWERK_ADDRESS", "here@env.example".to_owned()),
        ("BOLWERK_RELAY", relay.local_addr().unwrap().to_string()),
        ("BOLWERK_HOSTNAME", "mail.env.example".to_owned()),
    ];
    assert!(values.iter().all(|(name, _)| promised.contains(name)));
    let mut server = Stopped(command.envs(values).stdout(std::process::Stdio::null()).spawn().unwrap());
    let told: serde_json::Value = until("the desk is ready", || {
        assert!(server.0.try_wait().unwrap().is_none(), "it ended");
        serde_json::from_str(&std::fs::read_to_string(&ready).ok()?).ok()
    });
    assert!(data.join("journal.db").exists() && lmtp.exists());
    assert!(told["http"].as_str().is_some_and(|http| !http.ends_with(":8080")), "{told}");
    let mut smtp = std::net::TcpStream::connect(told["smtp"].as_str().unwrap()).unwrap();
    let lines = [
        "EHLO a.example",
        "MAIL FROM:<a@b.example>",
        "RCPT TO:<here@env.example>",
        "DATA",
        "From: a@b.example\r\nSubject: a\r\n\r\nhulp\r\n.",
        "QUIT",
    ];
    let mut replies = std::io::BufReader::new(smtp.try_clone().unwrap());
    let mut reply = || loop {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut replies, &mut line).unwrap();
        if line.as_bytes().get(3) != Some(&b'-') {
            return line;
        }
    };
    let greeting = reply();
    assert!(greeting.starts_with("220 mail.env.example"), "{greeting}");
    for line in lines {
        std::io::Write::write_all(&mut smtp, format!("{line}\r\n").as_bytes()).unwrap();
        let reply = reply();
        assert!(reply.starts_with(['2', '3']), "{line}: {reply}");
    }
    relay.set_nonblocking(true).unwrap();
    until("the receipt leaves by the relay", || relay.accept().ok());
}

/// A server that ends with its test.
pub struct Stopped(pub std::process::Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

#[test]
fn a_server_that_knows_no_address_yet_says_that_mail_is_refused() {
    let start = |more: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut command = program(&["serve", "--data", text(&data), "--http", "127.0.0.1:0"]);
        let mut server = Stopped(command.args(more).stdout(std::process::Stdio::piped()).spawn().unwrap());
        let lines = std::io::BufRead::lines(std::io::BufReader::new(server.0.stdout.take().unwrap()));
        let mut said = String::new();
        for line in lines.map_while(Result::ok) {
            said.push_str(&line);
            if line.contains("First run") {
                break;
            }
        }
        said
    };
    let smtp = ["--smtp", "127.0.0.1:0"];
    assert!(start(&smtp).contains("Mail is refused until the first run is done"));
    assert!(!start(&[]).contains("Mail is refused"), "no mail is taken");
    assert!(!start(&[&smtp[..], &["--address", "a@b.example"]].concat()).contains("Mail is refused"));
}

#[test]
fn each_command_has_a_manual_page_with_its_options() {
    let folder = tempfile::tempdir().unwrap();
    done(&["man", "--out", text(&folder.path().join("man1"))]);
    let page = |name: &str| std::fs::read_to_string(folder.path().join("man1").join(name)).unwrap();
    let main = page("bolwerk.1");
    let referred: Vec<String> = main
        .match_indices("(1)")
        .map(|(at, _)| {
            main[..at]
                .rsplit(|c: char| c.is_whitespace() || c == '\n')
                .next()
                .unwrap()
                .replace('\\', "")
                .replace("fB", "")
                .replace("fR", "")
        })
        .collect();
    assert!(referred.len() > 10, "{referred:?}");
    for name in &referred {
        assert!(!page(&format!("{name}.1")).is_empty(), "{name}");
    }
    assert!(page("bolwerk-serve.1").contains("BOLWERK_RELAY") && page("bolwerk-restore.1").contains("erasures"));
    assert!(page("bolwerk-list-reports.1").contains("known"));
    assert!(!folder.path().join("man1/bolwerk-read-worker.1").exists());
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let desk = Desk::start(&[]);
    let output = bolwerk(&["serve", "--data", text(&desk.data()), "--http", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains(text(&desk.data())) && said.contains("stop it, or use the commands"), "{said}");
    // The first one goes on.
    assert!(desk.send("a@b.example", "Message-ID: <a@b.example>\r\n\r\nhulp").unwrap().starts_with("250"));
}

/// Opens a folder as its server does.
fn writer(data: &Path) -> Writer {
    Writer::open(data, &journal::Options { origin: "bolwerk/desk".to_owned() }).unwrap()
}

fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_snapshot_that_is_not_what_its_entries_give_is_found_named_and_thrown_away() {
    let (folder, data) = filled();
    writer(&data).new_snapshot_key(0).unwrap();
    done(&["snapshot-worker", text(&data)]);
    let [snapshot] = &Snapshot::of(&data)[..] else { panic!("one snapshot is made") };
    let holds = format!("{} holds exactly what its {} entries give.", text(&snapshot.path), snapshot.position);
    assert!(done(&["verify", "--data", text(&data)]).contains(&holds));
    let whole = done(&["verify", "--data", text(&data), "--json"]);
    assert!(whole.contains(r#""snapshots":1"#), "{whole}");
    let sound = reports(&data);
    damage(&snapshot.path);
    for arguments in [vec!["verify", "--data", text(&data)], vec!["verify", "--data", text(&data), "--json"]] {
        let output = bolwerk(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains(text(&snapshot.path)), "which file: {said}");
        assert!(said.contains("The journal itself is whole. Remove that file"), "what to do: {said}");
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    // It is no harm meanwhile: nobody believes it, and the next server throws it away.
    assert_eq!(reports(&data), sound);
    let path = snapshot.path.clone();
    let desk = Desk::start_in(folder, &[]);
    assert!(desk.log().contains(&format!("{} is thrown away", text(&path))), "{}", desk.log());
    assert!(!path.exists());
    assert_eq!(reports(&data), sound);
    drop(desk);
}

/// Facts behind the last snapshot at which a server has one made.
const DUE: u64 = 50_000;

#[test]
fn a_running_server_has_a_snapshot_made_by_a_process_of_its_own() {
    let (folder, data) = filled();
    let mut writer = writer(&data);
    let body = br#"{"address":"cyberresponse@team.example","demo":false,"languages":["nl"],"organisation":"Team","phone":null}"#;
    let fact = NewEntry { kind: "house.configured".into(), version: 1, body: body.to_vec(), parts: Vec::new() };
    while writer.next_seq() < DUE - 5 {
        let count = (DUE - 5 - writer.next_seq()).min(1_000) as usize;
        writer.append(vec![vec![fact.clone()]; count], 0).unwrap();
    }
    drop(writer);
    let mut desk = Desk::start_in(folder, &[]);
    assert_eq!(Snapshot::of(&data), [], "none was due at the start");
    for n in 0..10 {
        let raw = format!("Message-ID: <s{n}@b.example>\r\n\r\nhulp {n}");
        assert!(desk.send("a@b.example", raw).unwrap().starts_with("250"));
    }
    let made = until("a snapshot is made", || Snapshot::of(&data).pop());
    assert!(made.position >= DUE, "{}", made.position);
    let verified = done(&["verify", "--data", text(&data)]);
    assert!(verified.contains(&format!("{} holds exactly what its", text(&made.path))), "{verified}");
    let served = reports(&data);
    assert_eq!(served.len(), 40);
    // The next start begins with it, and is the same desk.
    desk.kill();
    desk.again();
    assert!(!desk.log().contains("thrown away") && made.path.exists(), "{}", desk.log());
    assert_eq!(reports(&data), served);
    // One that cannot be made costs nothing but time.
    let refused = bolwerk(&["snapshot-worker", text(&data.join("nowhere"))]);
    assert_eq!(refused.status.code(), Some(7), "{}", String::from_utf8_lossy(&refused.stderr));
}

#[test]
fn an_import_again_adds_nothing_and_a_changed_byte_is_found() {
    let (folder, data) = filled();
    let mails = folder.path().join("mails");
    let told = done(&["import", "mail", text(&mails), "--data", text(&data), "--json"]);
    assert_eq!(told.trim(), r#"{"imported":0,"known":30,"not_fully_read":0,"failed":0}"#);
    assert_eq!(reports(&data).len(), 30);
    let checkpoint = folder.path().join("checkpoint");
    std::fs::write(&checkpoint, done(&["checkpoint", "--data", text(&data)])).unwrap();
    done(&["verify", "--data", text(&data), "--against", text(&checkpoint)]);
    // A byte every 512, in the store and in its write-ahead log: whatever page it hits, content is among it. A damaged log reads as one
    // that ends earlier, so the checkpoint kept elsewhere is what shows it.
    for (name, header) in [("journal.db", 4096), ("journal.db-wal", 32)] {
        let file = data.join(name);
        let mut bytes = std::fs::read(&file).unwrap_or_default();
        bytes.iter_mut().skip(header + 100).step_by(512).for_each(|b| *b ^= 0x55);
        std::fs::write(&file, bytes).unwrap();
    }
    assert_ne!(status(&["verify", "--data", text(&data), "--against", text(&checkpoint)]), 0);
}

#[test]
fn a_backup_restores_into_an_empty_folder_only_and_a_damaged_one_is_refused() {
    let (folder, data) = filled();
    let (backup, back, again) = (folder.path().join("backup"), folder.path().join("back"), folder.path().join("again"));
    done(&["backup", "--data", text(&data), "--out", text(&backup)]);
    done(&["restore", text(&backup), "--data", text(&back)]);
    done(&["verify", "--data", text(&back)]);
    let references = |folder: &Path| reports(folder).iter().map(|r| r["reference"].clone()).collect::<Vec<_>>();
    assert_eq!(references(&data), references(&back));
    assert_ne!(status(&["restore", text(&backup), "--data", text(&back)]), 0, "over a folder that is not empty");
    let mut bytes = std::fs::read(&backup).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&backup, bytes).unwrap();
    assert_eq!(status(&["restore", text(&backup), "--data", text(&again)]), 5);
    assert!(!again.join("journal.db").exists(), "nothing half restored is left");
}

#[test]
fn help_manual_and_completions_come_from_one_table() {
    let help = done(&["--help"]);
    let man = done(&["man"]);
    let bash = done(&["completions", "bash"]);
    for command in ["serve", "demo", "import", "list", "verify", "checkpoint", "backup", "restore", "export", "token"] {
        assert!(help.contains(command) && man.contains(command) && bash.contains(command), "{command}");
        let page = done(&[command, "--help"]);
        for part in ["Usage:", "Examples:", "Exit status:"] {
            assert!(page.contains(part), "{command}: {part}");
        }
    }
    assert!(!help.contains("read-worker"), "what is no command for people is not shown to them");
}

#[test]
fn whoever_stops_reading_hears_no_complaint() {
    let (_folder, data) = filled();
    for arguments in [&["man"][..], &["completions", "zsh"], &["list", "reports", "--data", text(&data)]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = program(arguments).stdout(writer).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{arguments:?}");
    }
}

#[test]
fn a_folder_without_its_keys_says_where_they_are() {
    let (_folder, data) = filled();
    std::fs::rename(data.join("keys"), data.join("elsewhere")).unwrap();
    let refused = bolwerk(&["serve", "--data", text(&data), "--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("keys is missing") && said.contains("FILE.keys") && !said.contains("disk"), "{said}");
}

#[test]
fn a_list_has_what_tools_rely_on() {
    let (_folder, data) = filled();
    let first = &reports(&data)[0];
    let keys: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "complete",
        "from",
        "hit_now",
        "kind",
        "message_id",
        "raw_sha256",
        "received_at",
        "reference",
        "status",
        "subject",
        "via",
    ];
    assert_eq!(keys, expected);
    assert_eq!(first["via"], "import");
    assert_eq!(first["raw_sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn a_list_shows_what_was_so_and_what_was_known_and_says_what_is_no_moment() {
    let (_folder, data) = filled();
    let data = data.to_str().unwrap();
    let lines = |more: &[&str]| done(&[&["list", "reports", "--data", data, "--json"], more].concat()).lines().count();
    let all = lines(&[]);
    assert!(all > 0);
    assert_eq!(lines(&["--known-at", "0"]), 1, "the first fact is the first mail, and no more was known");
    assert_eq!(lines(&["--as-of", "1999-12-31"]), 0, "nothing was so before everything");
    // The day in Brussels: late in the evening it is another one than in UTC.
    let received: jiff::Timestamp =
        reports(std::path::Path::new(data))[0]["received_at"].as_str().unwrap().parse().unwrap();
    let today = received.in_tz("Europe/Brussels").unwrap().date().to_string();
    assert_eq!(lines(&["--as-of", &today]), all);
    for wrong in [["--as-of", "gisteren"], ["--as-of", "2999-01-01"], ["--known-at", "veel"], ["--known-at", "999999"]]
    {
        assert_eq!(status(&[&["list", "incidents", "--data", data], &wrong[..]].concat()), 2, "{wrong:?}");
    }
}
