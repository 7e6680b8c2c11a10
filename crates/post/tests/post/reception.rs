//! SMTP and LMTP conversations over sockets.

use std::process::Command;
use std::time::Duration;

use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use post::door::{Protocol, Reception};
use tokio::net::TcpStream;

use crate::support::{Client, MAILBOX, Server, authority, reception, tls};

#[tokio::test]
async fn a_mail_is_durable_before_it_is_acknowledged() {
    let server = Server::smtp().await;
    let mut client = server.client().await;
    client.up_to_data().await;
    client.send(b"Subject: x\r\n\r\nhulp\r\n..\r\n.\r\n").await;
    assert_eq!(client.reply().await, "250 2.0.0 Kept as M-1\r\n");
    let (envelope, raw) = server.keeper.mails.lock().unwrap()[0].clone();
    assert_eq!(raw, b"Subject: x\r\n\r\nhulp\r\n.\r\n");
    assert_eq!((envelope.protocol, envelope.from.as_str(), envelope.tls), (Protocol::Smtp, "a@diest.example", false));
    assert!(envelope.peer.is_some_and(|ip| ip.is_loopback()));
    client.say("MAIL FROM:<>", "250").await;
    client.say(&format!("RCPT TO:<{MAILBOX}>"), "250").await;
    client.say("DATA", "354").await;
    client.send(b"please-no\r\n.\r\n").await;
    assert_eq!(client.reply().await, "451 4.3.0 Not now\r\n");
    client.say("QUIT", "221").await;
    assert_eq!(client.rest().await, "");
    server.stop().await;
}

/// The line ends that have smuggled mail through servers (CVE-2023-51764, -51765, -51766 and kin).
#[tokio::test]
async fn nothing_is_smuggled_through_any_line_end() {
    let server = Server::smtp().await;
    let ends: [&[u8]; 12] = [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\r\n.\r\r\n",
        b"\r\n\0.\r\n",
        b"\n\r.\r\n",
        b"\r\n.\0\r\n",
        b"\r\n. \r\n",
        b"\x85.\x85",
    ];
    for end in ends {
        let mut client = server.client().await;
        client.up_to_data().await;
        let inner = format!(
            "MAIL FROM:<x@evil.example>\r\nRCPT TO:<{MAILBOX}>\r\nDATA\r\nSubject: smuggled\r\n\r\n.\r\nQUIT\r\n"
        );
        client.send(&[b"Subject: outer\r\n\r\nouter", end, inner.as_bytes()].concat()).await;
        let said = client.rest().await;
        assert_eq!(said.lines().count(), 2, "{end:?}: {said}");
    }
    let mails = server.keeper.raw();
    assert_eq!(mails.len(), ends.len());
    assert!(mails.iter().all(|raw| raw.starts_with(b"Subject: outer")));
    server.stop().await;
}

#[tokio::test]
async fn a_whole_conversation_may_come_in_one_piece_and_before_the_banner() {
    let server = Server::smtp().await;
    let mut client = server.client().await;
    let one =
        format!("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nRCPT TO:<x@elsewhere.example>\r\nDATA\r\nx\r\n.\r\n");
    client.send(format!("{one}NOOP\r\nQUIT\r\n").as_bytes()).await;
    let said = client.rest().await;
    let codes: Vec<&str> = said.lines().filter(|line| line.as_bytes()[3] == b' ').map(|line| &line[..3]).collect();
    assert_eq!(codes, ["220", "250", "250", "250", "550", "354", "250", "250", "221"], "{said}");
    server.stop().await;
}

#[tokio::test]
async fn chunks_and_addresses_beyond_ascii_are_taken() {
    let server = Server::smtp().await;
    let mut client = server.client().await;
    client.reply().await;
    let offer = client.say("EHLO a.example", "250").await;
    for word in ["PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES"] {
        assert!(offer.contains(word), "{word} is not offered: {offer}");
    }
    assert!(!offer.contains("STARTTLS") && !offer.contains("AUTH"));
    client.say("MAIL FROM:<é@diest.example>", "553").await;
    client.say("MAIL FROM:<é@diest.example> SMTPUTF8 BODY=8BITMIME", "250").await;
    client.say("RCPT TO:<JÜRGEN@desk.example>", "250").await;
    client.send(b"BDAT 15\r\nSubject: \xc3\xa9\r\n\r\n").await;
    assert!(client.reply().await.starts_with("250"));
    client.send(b"BDAT 8 LAST\r\n\n.\n\0\xff\r\n.").await;
    assert!(client.reply().await.starts_with("250 2.0.0 Kept"));
    let (envelope, raw) = server.keeper.mails.lock().unwrap()[0].clone();
    assert_eq!(raw, b"Subject: \xc3\xa9\r\n\r\n\n.\n\0\xff\r\n.");
    assert!(envelope.smtputf8 && envelope.from == "é@diest.example");
    server.stop().await;
}

#[tokio::test]
async fn content_is_refused_by_size_only() {
    let server = Server::smtp().await;
    let junk: Vec<u8> = (0..=255).filter(|b| *b != b'\r').collect();
    for content in [junk.repeat(50), b"x".repeat(900_000), vec![0; 5_000]] {
        let mut client = server.client().await;
        client.up_to_data().await;
        client.send(&content).await;
        client.send(b"\r\n.\r\n").await;
        assert!(client.reply().await.starts_with("250"));
        assert_eq!(server.keeper.raw().last().unwrap()[..content.len()], content);
    }
    let mut client = server.client().await;
    client.up_to_data().await;
    client.send(&b"x".repeat(3_000_000)).await;
    client.send(b"\r\n.\r\n").await;
    assert!(client.reply().await.starts_with("552 5.3.4"));
    client.say("NOOP", "250").await;
    server.stop().await;
}

#[tokio::test]
async fn ten_thousand_recipients_at_once_are_survived() {
    let server = Server::smtp().await;
    let mut client = server.client().await;
    client.reply().await;
    client.say("EHLO a.example", "250").await;
    client.say("MAIL FROM:<>", "250").await;
    for _ in 0..100 {
        client.send(format!("RCPT TO:<{MAILBOX}>\r\n").repeat(100).as_bytes()).await;
        for _ in 0..100 {
            let reply = client.reply().await;
            assert!(reply.starts_with("250") || reply.starts_with("452"), "{reply}");
        }
    }
    client.say("DATA", "354").await;
    client.send(b"x\r\n.\r\n").await;
    assert!(client.reply().await.starts_with("250"));
    assert_eq!(server.keeper.mails.lock().unwrap()[0].0.to.len(), 100);
    server.stop().await;
}

#[tokio::test]
async fn a_full_house_says_so_and_has_room_again() {
    let server = Server::start(Reception { connections_max: 2, ..reception() }, false).await;
    let (mut one, mut two) = (server.client().await, server.client().await);
    assert!(one.reply().await.starts_with("220") && two.reply().await.starts_with("220"));
    assert!(server.client().await.reply().await.starts_with("421"));
    one.say("QUIT", "221").await;
    one.rest().await;
    drop(one);
    for _ in 0..100 {
        if server.client().await.reply().await.starts_with("220") {
            return server.stop().await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a seat that was left is never free again");
}

#[tokio::test]
async fn half_a_mail_is_none() {
    let server = Server::smtp().await;
    let mut client = server.client().await;
    client.up_to_data().await;
    client.send(b"Subject: half\r\n\r\nhalf").await;
    client.hang_up_sending().await;
    assert_eq!(client.rest().await, "");
    let mut client = server.client().await;
    client.up_to_data().await;
    drop(client);
    let mut other = server.client().await;
    other.up_to_data().await;
    other.send(b"whole\r\n.\r\n").await;
    assert!(other.reply().await.starts_with("250"));
    assert_eq!(server.keeper.raw(), [b"whole\r\n"]);
    server.stop().await;
}

/// A peer may be gone after any byte. Only a mail whose end was heard is kept, and then whole.
#[tokio::test]
async fn a_peer_that_is_gone_after_any_byte_leaves_nothing_half() {
    let server = Server::smtp().await;
    let begin = format!("EHLO a\r\nMAIL FROM:<a@diest.example>\r\nRCPT TO:<{MAILBOX}>\r\n");
    for talk in [
        format!("{begin}DATA\r\nSubject: x\r\n\r\nhulp\r\n.\r\n"),
        format!("{begin}BDAT 12\r\nSubject: x\r\nBDAT 8 LAST\r\n\r\nhulp\r\n"),
    ] {
        for cut in 0..=talk.len() {
            let before = server.keeper.raw().len();
            let mut client = server.client().await;
            client.send(&talk.as_bytes()[..cut]).await;
            client.hang_up_sending().await;
            let said = client.rest().await;
            let whole: &[&[u8]] = if cut == talk.len() { &[b"Subject: x\r\n\r\nhulp\r\n"] } else { &[] };
            assert_eq!(server.keeper.raw()[before..], *whole, "gone after {cut} bytes of {talk:?}");
            assert_eq!(said.contains("Kept as"), cut == talk.len(), "{said}");
        }
    }
    server.stop().await;
}

/// Content that comes along with a DATA that is refused is not waited for and makes no mail.
#[tokio::test]
async fn content_that_comes_too_early_makes_no_mail() {
    let server = Server::smtp().await;
    for begin in ["", "EHLO a\r\n", "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<x@elsewhere.example>\r\n"] {
        let mut client = server.client().await;
        client.send(format!("{begin}DATA\r\n{}.\r\nQUIT\r\n", "Subject: too early\r\n".repeat(200)).as_bytes()).await;
        let said = client.rest().await;
        assert!(said.contains("\r\n503 ") && !said.contains("\r\n354 "), "{said}");
        assert!(said.trim_end().lines().last().unwrap().starts_with("421 "), "it is sent away: {said}");
    }
    assert!(server.keeper.raw().is_empty());
    server.stop().await;
}

/// Peers that stop in the middle, wherever that is, hold up nobody else.
#[tokio::test]
async fn peers_that_fall_silent_hold_up_nobody() {
    let server = Server::smtp().await;
    let talk = format!("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nDATA\r\nSubject: x\r\n\r\nhulp");
    let mut silent = Vec::new();
    for cut in 0..60 {
        let mut client = server.client().await;
        client.send(&talk.as_bytes()[..talk.len() * cut / 60]).await;
        silent.push(client);
    }
    let mut client = server.client().await;
    client.up_to_data().await;
    client.send(b"Subject: y\r\n\r\nhulp\r\n.\r\n").await;
    assert!(client.reply().await.starts_with("250"));
    assert_eq!(server.keeper.raw(), [b"Subject: y\r\n\r\nhulp\r\n"]);
    drop(silent);
    server.stop().await;
}

#[tokio::test]
async fn lmtp_speaks_for_each_recipient() {
    let server = Server::start(reception(), true).await;
    let mut client = server.client().await;
    assert!(client.reply().await.contains("LMTP"));
    client.say("EHLO a", "500").await;
    client.say("LHLO a", "250").await;
    client.say("MAIL FROM:<a@diest.example>", "250").await;
    client.say(&format!("RCPT TO:<{MAILBOX}>"), "250").await;
    client.say("RCPT TO:<nobody@desk.example>", "550").await;
    client.say("RCPT TO:<brandweer@desk.example>", "250").await;
    client.say("DATA", "354").await;
    client.send(b"x\r\n.\r\n").await;
    assert!(client.reply().await.starts_with("250") && client.reply().await.starts_with("250"));
    client.say("NOOP", "250").await;
    assert_eq!(server.keeper.mails.lock().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn lmtp_works_on_a_unix_socket() {
    use post::door::serve_lmtp_unix;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lmtp");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let keeper = std::sync::Arc::new(crate::support::Keeper::default());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let serving = tokio::spawn(serve_lmtp_unix(listener, std::sync::Arc::new(reception()), keeper.clone(), stopped));
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let talk = format!("LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
    stream.write_all(talk.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("Kept as M-1") && said.ends_with("221 2.0.0 Good-bye\r\n"), "{said}");
    assert_eq!(keeper.mails.lock().unwrap()[0].0.peer, None);
    stop.send(true).unwrap();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_stop_says_good_bye_and_ends() {
    let server = Server::smtp().await;
    let mut client = server.client().await;
    client.reply().await;
    client.say("EHLO a", "250").await;
    let address = server.address;
    let (_, said) = tokio::join!(server.stop(), client.reply());
    assert!(said.starts_with("421 4.3.2"), "{said}");
    assert!(TcpStream::connect(address).await.is_err());
}

fn message() -> Message {
    Message::builder()
        .from("An <an@diest.example>".parse().unwrap())
        .to(format!("Desk <{MAILBOX}>").parse().unwrap())
        .subject("gehackt – één keer")
        .body(String::from("Wij zijn gehackt.\n.\n..\nFrom hier\n"))
        .unwrap()
}

/// A client that is not ours, encrypted and not.
#[tokio::test(flavor = "multi_thread")]
async fn a_library_client_is_understood_with_and_without_tls() {
    let server = Server::start(Reception { tls: Some(tls()), ..reception() }, false).await;
    let port = server.address.port();
    let certificate = Certificate::from_pem(&std::fs::read(authority()).unwrap()).unwrap();
    let parameters =
        TlsParameters::builder("localhost".into()).add_root_certificate(certificate).build_rustls().unwrap();
    let message = message();
    for security in [Tls::None, Tls::Required(parameters)] {
        let message = message.clone();
        let transport = SmtpTransport::builder_dangerous("localhost").port(port).tls(security).build();
        let sent = tokio::task::spawn_blocking(move || transport.send(&message)).await.unwrap().unwrap();
        assert!(sent.first_line().unwrap().contains("Kept as"));
    }
    let mails = server.keeper.mails.lock().unwrap().clone();
    assert_eq!(mails.iter().map(|(envelope, _)| envelope.tls).collect::<Vec<_>>(), [false, true]);
    for (_, raw) in &mails {
        // It ends each content with a line end of its own.
        let raw = String::from_utf8_lossy(raw);
        assert_eq!(raw.strip_suffix("\r\n"), Some(String::from_utf8_lossy(&message.formatted()).as_ref()));
    }
    server.stop().await;
}

/// What a man in the middle appends to STARTTLS is not obeyed once the line is safe (CVE-2011-0411).
#[tokio::test]
async fn a_command_sent_along_with_starttls_is_thrown_away() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Server::start(Reception { tls: Some(tls()), ..reception() }, false).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"EHLO a\r\nSTARTTLS\r\nRSET\r\nNONSENSE\r\n").await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"Go ahead\r\n") {
        seen.push(stream.read_u8().await.unwrap());
    }
    let mut roots = rustls::RootCertStore::empty();
    let certificate =
        <rustls::pki_types::CertificateDer as rustls::pki_types::pem::PemObject>::from_pem_file(authority());
    roots.add(certificate.unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    stream.write_all(b"MAIL FROM:<>\r\nQUIT\r\n").await.unwrap();
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said).await;
    assert_eq!(said, "503 5.5.1 Say EHLO first\r\n221 2.0.0 Good-bye\r\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_is_understood() {
    if Command::new("swaks").arg("--version").output().is_err() {
        return println!("SKIPPED: swaks is not installed");
    }
    let server = Server::smtp().await;
    for (more, ok) in [
        (vec!["--pipeline"], true),
        (vec!["--attach", "@/etc/hostname"], true),
        (vec!["--to", "x@elsewhere.example"], false),
    ] {
        let port = server.address.port().to_string();
        let base = [
            "--server",
            "127.0.0.1",
            "--port",
            &port,
            "--from",
            "an@diest.example",
            "--to",
            MAILBOX,
            "--helo",
            "a.example",
        ];
        let arguments: Vec<String> = base.into_iter().chain(more).map(str::to_owned).collect();
        let done =
            tokio::task::spawn_blocking(move || Command::new("swaks").args(arguments).output().unwrap()).await.unwrap();
        assert_eq!(done.status.success(), ok, "{}", String::from_utf8_lossy(&done.stdout));
    }
    assert_eq!(server.keeper.mails.lock().unwrap().len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn many_peers_at_once_lose_nothing() {
    let server = Server::smtp().await;
    let mut peers = tokio::task::JoinSet::new();
    for peer in 0..32 {
        let address = server.address;
        peers.spawn(async move {
            let mut client = Client::connect(address).await;
            client.reply().await;
            client.say("EHLO a", "250").await;
            for number in 0..20 {
                let mail = format!("MAIL FROM:<>\r\nRCPT TO:<{MAILBOX}>\r\nDATA\r\n{peer}-{number}\r\n.\r\n");
                client.send(mail.as_bytes()).await;
                for code in ["250", "250", "354", "250"] {
                    assert!(client.reply().await.starts_with(code));
                }
            }
        });
    }
    while let Some(done) = peers.join_next().await {
        done.unwrap();
    }
    let mut mails = server.keeper.raw();
    mails.sort();
    mails.dedup();
    assert_eq!(mails.len(), 32 * 20);
    server.stop().await;
}
