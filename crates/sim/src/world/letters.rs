//! What is written to the desk: raw mails and forms of every sort.

use super::{ADDRESS, Coming, Form, Mail, Nature, PARTIES, World};
use crate::random::Chance;
use desk::ids::Reference;
use desk::intake::Via;
use desk::outbox::{Purpose, Sending};

/// What a mail should be like, where chance does not decide.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Who writes.
    pub from: Option<usize>,
    /// Message-IDs of ours that it answers, without angle brackets.
    pub answers: Vec<String>,
    /// A reference that its subject quotes.
    pub quotes: Option<Reference>,
    /// A Message-ID of ours that it brings back as undeliverable, and to whom it says that it went.
    pub returns: Option<(String, String)>,
    /// An automatic answer, marked as such.
    pub automatic: bool,
    /// Full of addresses, more than anybody reads.
    pub large: bool,
}

/// Words that make a mail look like something.
const WORDS: [&str; 6] = [
    "alle servers zijn versleuteld, wij zien LockBit op 203.0.113.7 en hxxps://kwaad[.]example/x",
    "wie is onze contactpersoon?",
    "wij bieden hulp aan",
    "wij zijn gehackt en alles ligt plat",
    "mogen wij u interviewen over de aanval",
    "WIN a prize, click http://spam.example/now",
];

impl World {
    /// Writes a mail and plans its coming; returns its number.
    pub fn write(&mut self, now: i64, wanted: &Wanted) -> usize {
        let identity = self.identity();
        let from = wanted.from.unwrap_or_else(|| self.chance.below(PARTIES.len() - 2));
        let token = format!("zq{identity}q{:04x}", self.chance.below(1 << 16));
        let message_id = self.message_id(identity, from);
        let hit = wanted.returns.is_none() && self.chance.permille(120);
        let via = [Via::Smtp, Via::Lmtp, Via::Imap, Via::Import][self.chance.weighted(&[70, 10, 10, 10])];
        let raw = raw(&mut self.chance, from, &token, &message_id, wanted);
        let nature = PARTIES[from].nature;
        let robot = wanted.automatic
            || wanted.returns.is_some()
            || via == Via::Import
            || !matches!(nature, Nature::Person | Nature::Forwarded | Nature::Vacation | Nature::Parrot);
        self.mails.push(Mail { raw, via, from, identity, token, robot, hit, acknowledged: None });
        let mail = self.mails.len() - 1;
        self.by_identity.insert(identity, Coming::Mail(mail));
        let wait = self.chance.between(0, 20_000_000);
        self.plan(now + wait, Coming::Mail(mail));
        if self.chance.permille(80) {
            self.copy(now, mail);
        }
        mail
    }

    /// Nearly always its own; sometimes that of another mail, sometimes none worth the name.
    fn message_id(&mut self, identity: u32, from: usize) -> String {
        let domain = PARTIES[from].address.split('@').next_back().unwrap_or("example");
        let other = self.chance.permille(60).then(|| self.chance.below(self.mails.len().max(1)));
        let borrowed = other.and_then(|n| self.mails.get(n)).and_then(|m| post::scan::scan(&m.raw).message_id);
        borrowed.unwrap_or_else(|| format!("<{identity}.{:x}@{domain}>", self.chance.below(1 << 20)))
    }

    /// The same mail by another way: only the trace differs.
    pub fn copy(&mut self, now: i64, of: usize) {
        let mut mail = self.mails[of].clone();
        let hop = self.chance.below(1000);
        let mut raw =
            format!("Received: from other by mx{hop}.example; Thu, 15 Dec 2022 03:04:05 +0100\r\n").into_bytes();
        raw.extend_from_slice(&mail.raw);
        mail.raw = raw;
        // A copy that is moved in must not be answered, and one that is mail must: the first to come decides, so the way stays.
        if mail.via != Via::Import {
            mail.via = [Via::Smtp, Via::Lmtp, Via::Imap][self.chance.below(3)];
        }
        self.mails.push(mail);
        let wait = self.chance.between(0, 7_200_000_000);
        self.plan(now + wait, Coming::Mail(self.mails.len() - 1));
    }

    /// Fills in a form and plans its sending, now and then twice.
    pub fn fill_in(&mut self, now: i64) {
        let identity = self.identity();
        let from = self.chance.below(7);
        let token = format!("zq{identity}q{:04x}", self.chance.below(1 << 16));
        let via = if self.chance.permille(500) { Via::Form } else { Via::Phone };
        let raw = format!("form {token} {}", self.chance.pick(&WORDS).copied().unwrap_or_default()).into_bytes();
        let hit = self.chance.permille(200);
        self.forms.push(Form { raw, via, from, identity, token, hit });
        let form = Coming::Form(self.forms.len() - 1);
        self.by_identity.insert(identity, form);
        self.plan(now, form);
        if self.chance.permille(150) {
            self.plan(now + 2_000_000, form);
        }
    }

    /// What comes of a mail of ours at its recipient's.
    pub(super) fn react(&mut self, now: i64, sending: &Sending) {
        let address = sending.letter.to.to_lowercase();
        let of = PARTIES.iter().position(|p| p.address.to_lowercase() == address);
        let id = sending.message_id.clone();
        let later = now + self.chance.between(1_000_000, 3_600_000_000);
        let automatic = sending.purpose == Purpose::Receipt;
        match of.map(|n| (n, PARTIES[n].nature)) {
            Some((n, Nature::Vacation)) => {
                self.write(later, &Wanted { from: Some(n), answers: vec![id], automatic: true, ..Wanted::default() });
            }
            Some((n, Nature::Parrot)) => {
                self.write(later, &Wanted { from: Some(n), answers: vec![id], ..Wanted::default() });
            }
            Some((n, _)) if self.chance.permille(if automatic { 150 } else { 400 }) => {
                self.write(later, &Wanted { from: Some(n), answers: vec![id], ..Wanted::default() });
            }
            _ if self.chance.permille(120) => {
                // Now and then it names somebody else: then it proves nothing.
                let to = if self.chance.permille(200) { "wie@elders.example".to_owned() } else { address };
                self.write(later, &Wanted { from: Some(11), returns: Some((id, to)), ..Wanted::default() });
            }
            // Somebody else answers: it was forwarded, or it was stolen.
            _ if self.chance.permille(100) => {
                let from = Some(self.chance.below(10));
                self.write(later, &Wanted { from, answers: vec![id], ..Wanted::default() });
            }
            _ => {}
        }
    }
}

fn raw(chance: &mut Chance, from: usize, token: &str, message_id: &str, wanted: &Wanted) -> Vec<u8> {
    let party = &PARTIES[from];
    let mut head = format!(
        "Received: from x by mx.example; Thu, 15 Dec 2022 03:04:05 +0100\r\nFrom: Naam {token} <{}>\r\nTo: <{ADDRESS}>\r\n\
         Message-ID: {message_id}\r\nDate: Thu, 15 Dec 2022 03:04:05 +0100\r\n",
        party.address
    );
    let quoted = wanted.quotes.map(|r| format!(" [{r}]")).unwrap_or_default();
    head.push_str(&format!("Subject: {token}{quoted}\r\n"));
    if let Some(last) = wanted.answers.last() {
        head.push_str(&format!("In-Reply-To: <{last}>\r\nReferences: <{}>\r\n", wanted.answers.join("> <")));
    }
    match party.nature {
        Nature::List => head.push_str("List-Id: <lijst.lists.example>\r\nPrecedence: list\r\n"),
        Nature::Daemon => head.push_str("Auto-Submitted: auto-generated\r\n"),
        _ if wanted.automatic => head.push_str("Auto-Submitted: auto-replied\r\n"),
        _ => {}
    }
    let words = chance.pick(&WORDS).copied().unwrap_or_default();
    let body = match &wanted.returns {
        None if wanted.large => {
            let urls = (0..450).map(|n| format!("http://host{n}.example/{}\r\n", "a".repeat(90)));
            format!("\r\n{token}\r\n{}\r\n", urls.collect::<String>())
        }
        None => format!("\r\nDag {token},\r\n{words}\r\n"),
        Some((id, to)) => format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\n{token} \
             niet bezorgd\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; \
             mx.example\r\n\r\nFinal-Recipient: rfc822; {to}\r\nAction: failed\r\n\r\n--b\r\nContent-Type: \
             text/rfc822-headers\r\n\r\nMessage-ID: <{id}>\r\nSubject: ontvangen\r\n\r\n--b--\r\n"
        ),
    };
    head.push_str(&body);
    head.into_bytes()
}
