//! Mail straight to the servers of a domain, found in a DNS of the test's own.

use std::time::Duration;

use post::door::Reception;
use post::send::{Delivery, Direct, Timeouts, deliver_direct};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpListener;

use crate::dns_stub::Zone;
use crate::support::{MAILBOX, Server, reception, tls};

const RAW: &[u8] = b"Subject: x\r\nMessage-ID: <n1@team.example>\r\n\r\ntekst\r\n";

async fn direct(zone: Zone, port: u16) -> Direct {
    Direct { dns: zone.dns().await, port, private_addresses: true }
}

async fn send(direct: &Direct, to: &str) -> Delivery {
    let short = Duration::from_secs(5);
    let timeouts = Timeouts { connect: short, command: short, data: short, end: short };
    deliver_direct(direct, "team.example", "", to, RAW, &timeouts).await
}

fn taken(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Taken { .. })
}

#[tokio::test]
async fn the_servers_of_a_domain_are_tried_by_preference_and_encrypted_where_offered() {
    let server = Server::start(Reception { tls: Some(tls()), ..reception() }, false).await;
    // The preferred ones are not there: a name without address, and an address where nobody listens.
    let zone = Zone::default()
        .mx("desk.example", 30, "late.desk.example")
        .mx("desk.example", 10, "gone.desk.example")
        .mx("desk.example", 20, "deaf.desk.example")
        .address("deaf.desk.example", "127.0.0.9")
        .address("late.desk.example", "127.0.0.1");
    let direct = direct(zone, server.address.port()).await;
    let delivery = send(&direct, MAILBOX).await;
    assert!(taken(&delivery), "{delivery:?}");
    let mails = server.keeper.mails.lock().unwrap().clone();
    assert!(mails.len() == 1 && mails[0].0.tls && mails[0].1 == RAW);
    server.stop().await;
}

#[tokio::test]
async fn a_domain_without_mx_takes_mail_at_its_own_address_and_letters_beyond_ascii_find_it() {
    let server = Server::smtp().await;
    let zone = Zone::default().address("desk.example", "127.0.0.1").mx("xn--mnchen-3ya.example", 10, "desk.example");
    let direct = direct(zone, server.address.port()).await;
    assert!(taken(&send(&direct, MAILBOX).await));
    // Found, and refused there by name: the address is not ours.
    let delivery = send(&direct, "rathaus@münchen.example").await;
    assert!(matches!(&delivery, Delivery::Refused { code: 550, .. }), "{delivery:?}");
    server.stop().await;
}

#[tokio::test]
async fn what_can_never_be_delivered_fails_at_once_and_the_rest_is_tried_again() {
    let zone =
        Zone::default().mx("null.example", 0, "").mx("odd.example", 10, "nowhere.odd.example").silent("silent.example");
    let mut direct = direct(zone, 1).await;
    direct.dns = direct.dns.within(Duration::from_millis(300));
    let null = send(&direct, "a@null.example").await;
    assert!(matches!(&null, Delivery::Refused { code: 556, said } if said.contains("null MX")), "{null:?}");
    assert!(matches!(send(&direct, "a@no.example").await, Delivery::Refused { code: 550, .. }));
    assert!(matches!(send(&direct, "a@odd.example").await, Delivery::Later { code: 0, unsure: false, .. }));
    let silent = send(&direct, "a@silent.example").await;
    assert!(matches!(&silent, Delivery::Later { code: 0, said, .. } if said.contains("DNS")), "{silent:?}");
    for odd in ["nobody", "a@", "a b@c.example", "a@[127.0.0.1]"] {
        assert!(matches!(send(&direct, odd).await, Delivery::Refused { .. }), "{odd}");
    }
}

#[tokio::test]
async fn a_strangers_dns_leads_to_no_address_behind_us() {
    let server = Server::smtp().await;
    let zone = Zone::default()
        .address("desk.example", "127.0.0.1")
        .mx("inside.example", 10, "desk.example")
        .address("six.example", "::1");
    let direct = Direct { private_addresses: false, ..direct(zone, server.address.port()).await };
    for to in [MAILBOX, "a@inside.example", "a@six.example"] {
        let delivery = send(&direct, to).await;
        assert!(
            matches!(&delivery, Delivery::Refused { code: 550, said } if said.contains("not of the public")),
            "{to}: {delivery:?}"
        );
    }
    assert!(server.keeper.raw().is_empty());
    server.stop().await;
}

/// A server that answers each line of each connection by a rule.
async fn scripted(rule: fn(&str) -> &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufStream::new(stream);
            tokio::spawn(async move {
                let (mut line, mut say) = (String::new(), rule(""));
                loop {
                    let written = stream.write_all(say.as_bytes()).await.and(stream.flush().await);
                    line.clear();
                    if written.is_err() || stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                        return;
                    }
                    say = rule(line.trim_end());
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_server_whose_encryption_is_broken_gets_it_in_the_clear() {
    let port = scripted(|line| match line.split(' ').next().unwrap_or_default() {
        "" => "220 mx ready\r\n",
        "EHLO" => "250-mx\r\n250 STARTTLS\r\n",
        "STARTTLS" => "220 go on\r\nthis is no handshake\r\n",
        "MAIL" | "RCPT" | "." => "250 ok\r\n",
        "DATA" => "354 go on\r\n",
        _ => "",
    })
    .await;
    let direct = direct(Zone::default().address("desk.example", "127.0.0.1"), port).await;
    let delivery = send(&direct, MAILBOX).await;
    assert!(matches!(&delivery, Delivery::Taken { .. }), "{delivery:?}");
}

#[tokio::test]
async fn what_a_server_says_of_the_recipient_counts_and_no_other_is_asked() {
    let port = scripted(|line| match line.split(' ').next().unwrap_or_default() {
        "" => "220 mx ready\r\n",
        "EHLO" => "250 mx\r\n",
        "MAIL" => "250 ok\r\n",
        "RCPT" if line.contains("full@") => "452 4.2.2 mailbox full\r\n",
        "RCPT" => "550 5.1.1 nobody here\r\n",
        _ => "",
    })
    .await;
    let zone = Zone::default()
        .mx("desk.example", 10, "a.desk.example")
        .mx("desk.example", 20, "b.desk.example")
        .address("a.desk.example", "127.0.0.1")
        .silent("b.desk.example");
    let direct = direct(zone, port).await;
    assert!(matches!(send(&direct, "full@desk.example").await, Delivery::Later { code: 452, unsure: false, .. }));
    assert!(matches!(send(&direct, "gone@desk.example").await, Delivery::Refused { code: 550, .. }));
}
