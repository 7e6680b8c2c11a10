//! Servers that do not behave, or do less than Dovecot.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use post::imap::{After, Mailbox, Secret, State, Timing, Tls, Trouble};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::Fetching;

/// A server that knows one mail; `twist` may answer otherwise to (connection, command), the greeting being command "".
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(twist: impl Fn(usize, &str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::listening("127.0.0.1", twist).await
    }

    async fn listening(address: &str, twist: impl Fn(usize, &str) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), heard: Arc::default() };
        let (heard, twist, marked) = (server.heard.clone(), Arc::new(twist), Arc::new(AtomicBool::new(false)));
        tokio::spawn(async move {
            for connection in 1.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(talk(stream, connection, heard.clone(), twist.clone(), marked.clone()));
            }
        });
        server
    }

    fn mailbox(&self) -> Mailbox {
        Mailbox {
            port: self.port,
            tls: Tls::Off,
            timing: Timing { pause: Duration::from_millis(10), command: Duration::from_secs(10), ..Timing::default() },
            ..Mailbox::new("127.0.0.1", "ann", Secret::Password("secret".into()))
        }
    }

    /// The commands that began so.
    fn heard(&self, begin: &str) -> Vec<String> {
        self.heard.lock().unwrap().iter().filter(|line| line.starts_with(begin)).cloned().collect()
    }
}

async fn talk(
    stream: TcpStream,
    connection: usize,
    heard: Arc<Mutex<Vec<String>>>,
    twist: Arc<impl Fn(usize, &str) -> Option<String>>,
    marked: Arc<AtomicBool>,
) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let (mut line, mut tag) = (String::new(), "*".to_owned());
    loop {
        let command = match line.split_once(' ') {
            Some((first, command)) if first.starts_with('B') => {
                first.clone_into(&mut tag);
                command.to_owned()
            }
            _ => line.clone(),
        };
        heard.lock().unwrap().push(command.clone());
        let reply = twist(connection, &command).unwrap_or_else(|| usual(&command, &marked));
        if writer.write_all(reply.replace("TAG", &tag).as_bytes()).await.is_err() || reply.ends_with("HANG UP") {
            return;
        }
        match lines.next_line().await {
            Ok(Some(next)) => line = next,
            _ => return,
        }
    }
}

fn usual(command: &str, marked: &AtomicBool) -> String {
    let data = match command {
        "" => return "* OK ready\r\n".into(),
        "IDLE" => return "+ idling\r\n".into(),
        "CAPABILITY" => "* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR IDLE MOVE UIDPLUS STARTTLS\r\n",
        _ if command.starts_with("SELECT") => {
            "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] ok\r\n"
        }
        _ if command.starts_with("UID SEARCH") && !marked.load(Ordering::SeqCst) => "* SEARCH 5\r\n",
        _ if command.ends_with("(UID RFC822.SIZE)") => "* 1 FETCH (UID 5 RFC822.SIZE 4)\r\n",
        _ if command.starts_with("UID FETCH") => "* 1 FETCH (UID 5 BODY[] {4}\r\nmail)\r\n",
        _ if command.starts_with("UID STORE") || command.starts_with("UID MOVE") => {
            marked.store(true, Ordering::SeqCst);
            ""
        }
        _ => "",
    };
    format!("{data}TAG OK done\r\n")
}

/// Answers so to what begins with `command`, on each connection.
fn only(command: &'static str, reply: impl Into<String>) -> impl Fn(usize, &str) -> Option<String> {
    let reply = reply.into();
    move |_, heard| heard.starts_with(command).then(|| reply.clone())
}

/// Fetches until something fails; no mail may come in.
async fn failure(mailbox: Mailbox) -> (Trouble, String) {
    let mut fetching = Fetching::start(mailbox);
    let (trouble, why, _) = fetching.failed().await;
    assert_eq!(fetching.end().await, 0);
    (trouble, why)
}

#[tokio::test]
async fn a_modest_server_is_enough() {
    let server = Server::start(|_, _| None).await;
    let mut fetching = Fetching::start(server.mailbox());
    assert_eq!(fetching.mail().await, "mail");
    fetching.settled().await;
    assert_eq!(fetching.end().await, 0);
    assert_eq!(server.heard("UID STORE"), ["UID STORE 5 +FLAGS.SILENT (\\Seen $BolwerkKept)"]);
    assert_eq!(server.heard("AUTHENTICATE"), [format!("AUTHENTICATE PLAIN {}", STANDARD.encode("\0ann\0secret"))]);
    assert_eq!(server.heard("LOGOUT").len(), 1);
}

#[tokio::test]
async fn nothing_is_taken_without_bound() {
    let endless = "* ".to_owned() + &"a".repeat(1024 * 1024);
    let (trouble, why) = failure(Server::start(only("", endless.clone())).await.mailbox()).await;
    assert_eq!((trouble, why.contains("endless line")), (Trouble::Server, true), "{why}");
    let (trouble, why) = failure(Server::start(only("UID SEARCH", endless)).await.mailbox()).await;
    assert_eq!((trouble, why.contains("endless line")), (Trouble::Server, true), "{why}");
    let giant = "* LIST {99999999999}\r\n";
    let (trouble, why) = failure(Server::start(only("SELECT", giant)).await.mailbox()).await;
    assert_eq!((trouble, why.contains("99999999999 bytes")), (Trouble::Server, true), "{why}");
    let many = format!("* SEARCH{}\r\nTAG OK\r\n", " 5".repeat(1_000));
    let (trouble, why) = failure(Server::start(only("UID SEARCH", many)).await.mailbox()).await;
    assert_eq!((trouble, why.contains("more found")), (Trouble::Server, true), "{why}");
}

#[tokio::test]
async fn a_mail_that_grows_on_the_way_is_left_and_the_next_ones_come() {
    let server = Server::start(|_, command| match command {
        _ if command.starts_with("SELECT") => Some("* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nTAG OK\r\n".into()),
        _ if command.starts_with("UID SEARCH") => Some("* SEARCH 5 6\r\nTAG OK\r\n".into()),
        _ if command.ends_with("RFC822.SIZE)") => {
            Some("* 1 FETCH (UID 5 RFC822.SIZE 4)\r\n* 2 FETCH (UID 6 RFC822.SIZE 4)\r\nTAG OK\r\n".into())
        }
        "UID FETCH 5 (UID BODY.PEEK[])" => Some("* 1 FETCH (UID 5 BODY[] {2000000}\r\n".into()),
        "UID FETCH 6 (UID BODY.PEEK[])" => Some("* 2 FETCH (UID 6 BODY[] {4}\r\nnext)\r\nTAG OK\r\n".into()),
        _ => None,
    })
    .await;
    let mut fetching = Fetching::start(Mailbox { size_max: 1_000_000, ..server.mailbox() });
    assert_eq!(fetching.failed().await.0, Trouble::Server);
    assert_eq!(fetching.mail().await, "next");
    assert_eq!(server.heard("UID FETCH 5 (UID BODY.PEEK[])").len(), 1);
    assert_eq!(fetching.end().await, 0);
}

#[tokio::test]
async fn silence_has_an_end() {
    for (command, said) in [
        ("CAPABILITY", "(CAPABILITY)"),
        ("AUTHENTICATE", "(AUTHENTICATE)"),
        ("UID SEARCH", "(UID SEARCH)"),
        ("UID FETCH 5 (UID BODY", "(UID FETCH)"),
    ] {
        let server = Server::start(only(command, "")).await;
        let timing = Timing {
            command: Duration::from_millis(300),
            content: Duration::from_millis(300),
            ..server.mailbox().timing
        };
        let (trouble, why) = failure(Mailbox { timing, ..server.mailbox() }).await;
        assert_eq!((trouble, why.contains(said)), (Trouble::Connection, true), "{why}");
    }
}

#[tokio::test]
async fn a_mark_that_was_not_made_is_noticed() {
    // The server says no: the mail comes again, and the failure is shown.
    let server = Server::start(|connection, command| {
        (connection == 1 && command.starts_with("UID STORE")).then(|| "TAG NO [OVERQUOTA] full\r\n".into())
    })
    .await;
    let mut fetching = Fetching::start(server.mailbox());
    let (trouble, why, _) = fetching.failed().await;
    assert_eq!((trouble, why.as_str()), (Trouble::Folder, "The mail server refused UID STORE: [OVERQUOTA] full"));
    assert_eq!([fetching.mail().await, fetching.mail().await], ["mail", "mail"]);
    fetching.settled().await;
    assert_eq!(fetching.end().await, 0);

    // The server says yes and does nothing: no endless fetching.
    let server = Server::start(only("UID STORE", "TAG OK\r\n")).await;
    let mut fetching = Fetching::start(server.mailbox());
    let (trouble, why, _) = fetching.failed().await;
    assert_eq!((trouble, why.contains("mail 5 is marked")), (Trouble::Server, true), "{why}");
    assert_eq!(fetching.mail().await, "mail");
}

#[tokio::test]
async fn a_folder_that_cannot_hold_the_mark_is_not_fetched_from() {
    let select =
        |flags: &str, code: &str| format!("* 1 EXISTS\r\n* OK [PERMANENTFLAGS ({flags})] x\r\nTAG OK {code}\r\n");
    let server = Server::start(only("SELECT", select("\\Seen \\Deleted", ""))).await;
    let (trouble, why) = failure(server.mailbox()).await;
    assert_eq!((trouble, why.contains("moved or deleted instead")), (Trouble::Folder, true), "{why}");
    let mut moving = Fetching::start(Mailbox { after: After::Move("Kept".into()), ..server.mailbox() });
    assert_eq!(moving.mail().await, "mail");
    assert_eq!(moving.end().await, 0);

    let server = Server::start(only("SELECT", select("\\*", "[READ-ONLY] done"))).await;
    let (trouble, why) = failure(server.mailbox()).await;
    assert_eq!((trouble, why.contains("only be read")), (Trouble::Folder, true), "{why}");
    let server = Server::start(only("SELECT", "TAG NO [NONEXISTENT] no such folder\r\n")).await;
    let (trouble, why) = failure(server.mailbox()).await;
    assert_eq!((trouble, why.contains("no such folder")), (Trouble::Folder, true), "{why}");
    let (trouble, _) = failure(Mailbox { after: After::Move("inbox".into()), ..server.mailbox() }).await;
    assert_eq!(trouble, Trouble::Folder);
}

#[tokio::test]
async fn no_password_is_said_before_encryption() {
    let preauth = "* PREAUTH I know you\r\n";
    let injected = "TAG OK begin\r\n* CAPABILITY AUTH=PLAIN\r\n";
    let without = "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG OK\r\n";
    for (command, reply, kind, said) in [
        ("", preauth, Trouble::Encryption, "offers no encryption"),
        ("STARTTLS", injected, Trouble::Server, "more than an answer before encryption"),
        ("STARTTLS", "TAG NO\r\n", Trouble::Encryption, "offers no encryption"),
        ("CAPABILITY", without, Trouble::Encryption, "offers no encryption"),
    ] {
        let twist = move |_: usize, heard: &str| (heard == command).then(|| reply.to_owned());
        let server = Server::start(twist).await;
        let (trouble, why) = failure(Mailbox { tls: Tls::StartTls, ..server.mailbox() }).await;
        assert_eq!((trouble, why.contains(said)), (kind, true), "{why}");
        let others: Vec<_> = server
            .heard("")
            .into_iter()
            .filter(|line| !["", "CAPABILITY", "STARTTLS", "LOGOUT"].contains(&line.as_str()))
            .collect();
        assert!(others.is_empty(), "{others:?}");
    }
    // Without encryption only to this machine, whatever its name.
    let probe =
        std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect("192.0.2.1:9").map(|()| socket));
    let Ok(outside) = probe.and_then(|socket| socket.local_addr()) else {
        return eprintln!("SKIPPED in part: this machine has no address but loopback");
    };
    let server = Server::listening(&outside.ip().to_string(), |_, _| None).await;
    let (trouble, why) = failure(Mailbox { host: outside.ip().to_string(), ..server.mailbox() }).await;
    assert_eq!((trouble, why.contains("nothing was sent")), (Trouble::Encryption, true), "{why}");
    assert!(server.heard("A").is_empty());
}

#[tokio::test]
async fn other_ways_to_sign_in_are_known() {
    // XOAUTH2 step by step, with a reason in a challenge.
    let why = STANDARD.encode(r#"{"status":"401","schemes":"Bearer"}"#);
    let blanks = AtomicUsize::new(0);
    let server = Server::start(move |connection, command| match command {
        "CAPABILITY" => Some("* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\nTAG OK\r\n".into()),
        "AUTHENTICATE XOAUTH2" => Some("+ \r\n".into()),
        words if words.starts_with("dXNlcj1hbm4B") => {
            Some(if connection == 1 { format!("+ {why}\r\n") } else { "TAG OK\r\n".into() })
        }
        // The first empty line stands for the greeting, the second acknowledges the challenge.
        "" => (blanks.fetch_add(1, Ordering::SeqCst) == 1).then(|| "TAG NO [AUTHENTICATIONFAILED] no\r\n".into()),
        _ => None,
    })
    .await;
    let token = Secret::OAuth2Token(Box::new(|| "a-token".into()));
    let mut fetching = Fetching::start(Mailbox { secret: token, ..server.mailbox() });
    let (trouble, why, _) = fetching.failed().await;
    let said =
        r#"The mail server refused to sign in ann: [AUTHENTICATIONFAILED] no ({"status":"401","schemes":"Bearer"})"#;
    assert_eq!((trouble, why.as_str()), (Trouble::SignIn, said));
    assert_eq!(fetching.mail().await, "mail");
    assert_eq!(fetching.end().await, 0);
    let words = STANDARD.encode("user=ann\x01auth=Bearer a-token\x01\x01");
    assert_eq!(server.heard(&words).len(), 2);
    // No token, no try.
    let none = Secret::OAuth2Token(Box::new(String::new));
    assert_eq!(failure(Mailbox { secret: none, ..server.mailbox() }).await.0, Trouble::SignIn);
    assert_eq!(server.heard("AUTHENTICATE").len(), 2);

    // LOGIN, where nothing else is known; and not where it is disabled.
    let server = Server::start(only("CAPABILITY", "* CAPABILITY IMAP4rev1\r\nTAG OK\r\n")).await;
    let mut fetching = Fetching::start(Mailbox { secret: Secret::Password("a \"b\\".into()), ..server.mailbox() });
    assert_eq!(fetching.mail().await, "mail");
    let push = fetching.state(|state| if let State::Waiting { push, .. } = state { Some(*push) } else { None }).await;
    assert!(!push, "there is no IDLE");
    assert_eq!(fetching.end().await, 0);
    assert_eq!(server.heard("LOGIN"), [r#"LOGIN "ann" "a \"b\\""#]);
    let server = Server::start(only("CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nTAG OK\r\n")).await;
    assert_eq!(failure(server.mailbox()).await.0, Trouble::SignIn);
    assert!(server.heard("LOGIN").is_empty());
}

#[tokio::test]
async fn an_idle_that_does_not_work_becomes_a_poll() {
    for reply in ["TAG BAD\r\n", "TAG NO not now\r\n", "+ idling\r\nTAG OK over\r\n"] {
        let server = Server::start(only("IDLE", reply)).await;
        let mut fetching = Fetching::start(Mailbox { poll: Duration::from_millis(50), ..server.mailbox() });
        let push = |state: &State| matches!(state, State::Waiting { push: false, .. }).then_some(());
        fetching.state(push).await;
        fetching.state(push).await;
        assert_eq!(server.heard("IDLE").len(), 1, "{reply}");
        fetching.mail().await;
        assert_eq!(fetching.end().await, 0);
    }
}

#[tokio::test]
async fn without_move_a_mail_is_copied_and_marked_as_deleted() {
    let capability = "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG OK\r\n";
    let tries = AtomicUsize::new(0);
    let server = Server::start(move |_, command| match command {
        "CAPABILITY" => Some(capability.into()),
        "UID COPY 5 \"Kept\"" if tries.fetch_add(1, Ordering::SeqCst) == 0 => {
            Some("TAG NO [TRYCREATE] none\r\n".into())
        }
        _ => None,
    })
    .await;
    let mut fetching = Fetching::start(Mailbox { after: After::Move("Kept".into()), ..server.mailbox() });
    assert_eq!(fetching.mail().await, "mail");
    fetching.settled().await;
    assert_eq!(fetching.end().await, 0);
    assert_eq!((server.heard("CREATE").len(), server.heard("UID COPY").len()), (1, 2));
    assert_eq!(server.heard("UID STORE"), ["UID STORE 5 +FLAGS.SILENT (\\Deleted)"]);
    assert!(server.heard("UID EXPUNGE").is_empty() && server.heard("EXPUNGE").is_empty());
}

#[tokio::test]
async fn numbers_of_another_time_mean_nothing() {
    // UID 5 is refused; after the folder was made anew, UID 5 is another mail.
    let server = Server::start(|connection, command| match command {
        _ if command.starts_with("SELECT") => {
            Some(format!("* 1 EXISTS\r\n* OK [UIDVALIDITY {connection}] ok\r\nTAG OK done\r\n"))
        }
        "UID FETCH 5 (UID BODY.PEEK[])" if connection == 2 => {
            Some("* 1 FETCH (UID 5 BODY[] {5}\r\nother)\r\nTAG OK\r\n".into())
        }
        "IDLE" if connection == 1 => Some("* BYE made anew\r\nHANG UP".into()),
        _ => None,
    })
    .await;
    let mut fetching = Fetching::judging(server.mailbox(), |raw| match raw {
        b"mail" => post::door::Kept::Refused { why: "no".into() },
        _ => post::door::Kept::Kept { reference: "M-TEST".into() },
    });
    assert_eq!(fetching.settled().await.len(), 1);
    let (_, why, _) = fetching.failed().await;
    assert_eq!(why, "The mail server ended the conversation: made anew");
    assert_eq!([fetching.mail().await, fetching.mail().await], ["mail", "other"]);
    assert!(fetching.settled().await.is_empty());
    assert_eq!(fetching.end().await, 0);
}

#[tokio::test]
async fn thousands_of_mails_come_in_order_whether_they_stay_or_go() {
    const MAILS: u32 = 2_300;
    for after in [After::Keep, After::Delete] {
        // UIDs (thrice their first place in the folder), and whether they are marked; the expunged are gone.
        let folder = Mutex::new((1..=MAILS).map(|place| (3 * place, false)).collect::<Vec<_>>());
        let server = Server::start(move |_, command| {
            let mut folder = folder.lock().unwrap();
            let words: Vec<_> = command.split(' ').collect();
            let numbers = |text: &str, by| text.split(by).map(|n| n.parse::<u32>().unwrap()).collect::<Vec<_>>();
            let data = match words.as_slice() {
                ["SELECT", ..] => format!("* {} EXISTS\r\n", folder.len()),
                ["UID", "SEARCH", range, ..] => {
                    let ends = numbers(range, ':');
                    let seen = folder[ends[0] as usize - 1..ends[1] as usize].iter();
                    let found: String = seen.filter(|mail| !mail.1).map(|mail| format!(" {}", mail.0)).collect();
                    format!("* SEARCH{found}\r\n")
                }
                ["UID", "FETCH", uids, _, "RFC822.SIZE)"] => {
                    numbers(uids, ',').iter().map(|uid| format!("* 1 FETCH (UID {uid} RFC822.SIZE 4)\r\n")).collect()
                }
                ["UID", "FETCH", uid, ..] => {
                    let text = format!("mail {uid}");
                    format!("* 1 FETCH (UID {uid} BODY[] {{{}}}\r\n{text})\r\n", text.len())
                }
                ["UID", "STORE", uid, ..] => {
                    folder.iter_mut().find(|mail| mail.0.to_string() == *uid)?.1 = true;
                    String::new()
                }
                ["UID", "EXPUNGE", uid] => {
                    let place = folder.iter().position(|mail| mail.0.to_string() == *uid)?;
                    folder.remove(place);
                    format!("* {} EXPUNGE\r\n", place + 1)
                }
                _ => return None,
            };
            Some(data + "TAG OK done\r\n")
        })
        .await;
        let mut fetching = Fetching::start(Mailbox { after: after.clone(), ..server.mailbox() });
        for place in 1..=MAILS {
            assert_eq!(fetching.mail().await, format!("mail {}", 3 * place), "{after:?}");
        }
        assert!(fetching.settled().await.is_empty());
        assert_eq!(fetching.end().await, 0);
    }
}

#[tokio::test]
async fn what_is_shown_is_what_stands_now() {
    // A mail that is left is shown until somebody takes it out of the folder.
    let searches = AtomicUsize::new(0);
    let server = Server::start(move |_, command| {
        let gone = command.starts_with("UID SEARCH") && searches.fetch_add(1, Ordering::SeqCst) > 1;
        gone.then(|| "* SEARCH\r\nTAG OK\r\n".into())
    })
    .await;
    let poll = Duration::from_millis(20);
    let mut fetching = Fetching::start(Mailbox { size_max: 3, poll, ..server.mailbox() });
    assert_eq!(fetching.settled().await[0].subject, None);
    assert_eq!(fetching.settled().await.len(), 1);
    assert!(fetching.settled().await.is_empty());
    assert_eq!(fetching.end().await, 0);

    // A failure after things went well is a new one.
    let server = Server::start(|connection, command| match command {
        "" if connection < 3 => Some("* BYE full\r\nHANG UP".into()),
        "IDLE" => Some("* BYE later\r\nHANG UP".into()),
        _ => None,
    })
    .await;
    let mut fetching = Fetching::start(server.mailbox());
    let mut failures = Vec::new();
    for _ in 0..3 {
        let failure = |state: &State| match state {
            State::Failed { since, again_in, .. } => Some((*since, again_in.as_millis())),
            _ => None,
        };
        failures.push(fetching.state(failure).await);
    }
    assert_eq!([failures[0].1, failures[1].1, failures[2].1], [10, 20, 10]);
    assert!(failures[0].0 == failures[1].0 && failures[1].0 < failures[2].0);
    assert_eq!(fetching.mail().await, "mail");
    assert_eq!(fetching.end().await, 0);
}
