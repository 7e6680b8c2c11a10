//! Mail as no program should write it, one kind after the other. Other tests take this list too.

/// One mail, and what becomes of it.
pub struct Malformed {
    pub name: &'static str,
    /// Its first field is a Message-ID that [`Malformed::message_id`] gives.
    pub raw: Vec<u8>,
    /// Why it is not fully read; empty where all of it is.
    pub why: &'static [&'static str],
    /// Whether its cry for help is found in what is shown as text.
    pub heard: bool,
}

/// What each mail says somewhere.
pub const CRY: &str = "NOODKREET";

impl Malformed {
    pub fn message_id(&self) -> String {
        message_id(self.name)
    }
}

fn message_id(name: &str) -> String {
    format!("<{}@malformed.example>", name.replace(' ', "-"))
}

fn of(name: &'static str, rest: impl AsRef<[u8]>, why: &'static [&'static str], heard: bool) -> Malformed {
    let head = format!("Message-ID: {}\r\nFrom: it@stad.example\r\nMIME-Version: 1.0\r\n", message_id(name));
    Malformed { name, raw: [head.as_bytes(), rest.as_ref()].concat(), why, heard }
}

/// A mail of two parts around the boundary `b`, the second one as given.
fn second_part(name: &'static str, part: impl AsRef<[u8]>, why: &'static [&'static str]) -> Malformed {
    let begin = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{CRY}\r\n--b\r\n");
    of(name, [begin.as_bytes(), part.as_ref(), b"\r\n--b--\r\n"].concat(), why, true)
}

/// Too deep, or around boundaries that are not what was announced.
fn structures() -> Vec<Malformed> {
    let text = format!("Content-Type: text/plain\r\n\r\n{CRY}\r\n");
    let levels: String =
        (0..5_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    let mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    let long = "b".repeat(100_000);
    vec![
        of("mails in mails", "Content-Type: message/rfc822\r\n\r\n".repeat(20_000) + &text, &["nesting"], false),
        of("parts in parts", levels + &text, &["nesting"], false),
        of(
            "parts in parts of one name",
            format!("{mixed}--b\r\n").repeat(20_000) + &text,
            &["nesting", "parts"],
            false,
        ),
        of("a boundary that never comes", format!("{mixed}{CRY}\r\n"), &["structure"], true),
        of("a boundary that is never closed", format!("{mixed}--b\r\n\r\n{CRY}\r\n"), &[], true),
        of(
            "a boundary that is closed first",
            format!("{mixed}--b--\r\n--b\r\n\r\n{CRY}\r\n--b--\r\n"),
            &["structure"],
            false,
        ),
        of("no boundary", format!("Content-Type: multipart/mixed\r\n\r\n{CRY}\r\n"), &["structure"], true),
        of(
            "an empty boundary",
            format!("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\n{CRY}\r\n----\r\n"),
            &["structure"],
            true,
        ),
        of(
            "a boundary that begins like another",
            format!(
                "{mixed}--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\n{CRY}\r\n--bb--\r\n--b--\r\n"
            ),
            &[],
            true,
        ),
        of(
            "a long boundary",
            format!("Content-Type: multipart/mixed; boundary={long}\r\n\r\n--{long}\r\n\r\n{CRY}\r\n--{long}--\r\n"),
            &["structure"],
            true,
        ),
        of("boundaries alone", format!("{mixed}--b\r\n\r\n{CRY}\r\n{}", "--b\r\n".repeat(100_000)), &["parts"], true),
        of(
            "ten thousand parts",
            format!("{mixed}{}", format!("--b\r\n\r\n{CRY}\r\n").repeat(10_000)),
            &["parts"],
            true,
        ),
        of(
            "ten thousand files",
            format!(
                "{mixed}--b\r\n\r\n{CRY}\r\n{}--b--\r\n",
                "--b\r\nContent-Disposition: attachment; filename=\"a.exe\"\r\n\r\nMZ\r\n".repeat(10_000)
            ),
            &["parts"],
            true,
        ),
    ]
}

/// Headers without end, and bytes that do not belong into one.
fn headers() -> Vec<Malformed> {
    let body = format!("\r\n{CRY}\r\n");
    vec![
        of("fields without end", "X-N: y\r\n".repeat(100_000) + &body, &["header-size", "header-fields"], true),
        of("a field without end", format!("X-Long: {}\r\n{body}", "a".repeat(3_000_000)), &["header-size"], true),
        of(
            "a field that is folded for ever",
            format!("X-Folded: a\r\n{}{body}", " a\r\n".repeat(200_000)),
            &["header-size"],
            true,
        ),
        of(
            "a header that never ends",
            format!("X-Says: {CRY}\r\n{}", "no colon here\r\n".repeat(50_000)),
            &["header-size"],
            false,
        ),
        of("a header of nothing but colons", ":\r\n".repeat(1_000) + &body, &[], true),
        of(
            "a name of brackets",
            format!("To: {}\r\nCc: {}\r\n{body}", "(".repeat(100_000), "<".repeat(100_000)),
            &[],
            true,
        ),
        of(
            "a name in a thousand pieces",
            format!(
                "Content-Disposition: attachment; {}\r\n{body}",
                (0..5_000).map(|n| format!(" f*{n}*=%e9;")).collect::<String>()
            ),
            &[],
            false,
        ),
        of(
            "an encoded subject without end",
            format!("Subject: {}\r\n{body}", "=?utf-16?B?////?= =?x?Q?=4?= ".repeat(5_000)),
            &[],
            true,
        ),
        of(
            "NULs in a header",
            format!("Sub\0ject: a\r\nSubject: nul\0nul\r\nContent-Type: text/plain;\0 charset=\0utf-8\r\n{body}"),
            &[],
            true,
        ),
        of(
            "the same field twice",
            format!("Subject: een\r\nSubject: twee\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n{body}"),
            &[],
            true,
        ),
    ]
}

/// Charsets and encodings that are not what they are called.
fn encodings() -> Vec<Malformed> {
    let says = |charset: &str, body: &[u8]| {
        [
            format!("Content-Type: text/plain; charset={charset}\r\n\r\n").as_bytes(),
            body,
            format!("\r\n{CRY}\r\n").as_bytes(),
        ]
        .concat()
    };
    let odd = [CRY.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(), vec![0xd8]].concat();
    let encoded = |way: &str, body: &str| format!("Content-Transfer-Encoding: {way}\r\n\r\n{body}");
    vec![
        of("Latin that is called UTF-8", says("utf-8", b"caf\xe9 \xa3\xff"), &["charset"], true),
        of("a charset that nobody knows", says("x-klingon", b"caf\xe9"), &["charset"], true),
        of("a charset with a name without end", says(&"x".repeat(100_000), b"a"), &["charset"], true),
        of("a shift that never ends", says("iso-2022-jp", b"\x1b$B\x1b$"), &["charset"], false),
        of("UTF-7", says("utf-7", b"+ADw-script+AD4-"), &[], true),
        of(
            "UTF-16 of an odd length",
            [b"Content-Type: text/plain; charset=utf-16le\r\n\r\n".as_slice(), &odd].concat(),
            &[],
            true,
        ),
        second_part(
            "base64 that is none",
            encoded("base64", "!!!! this is = no === base64 \u{e9}"),
            &["encoding", "charset"],
        ),
        second_part("an encoding that nobody knows", encoded("x-rot13", "ABBQXERRG"), &["encoding"]),
        second_part("quoted-printable that is cut", encoded("quoted-printable", "=4=\r\n=ZZ="), &["encoding"]),
        of("NULs in a text", format!("\r\n{}{CRY}\r\n", "\0".repeat(1_000_000)), &[], true),
        of(
            "every byte there is",
            [b"\r\n".as_slice(), CRY.as_bytes(), b"\r\n", &(0..=255u8).collect::<Vec<u8>>().repeat(4_000)].concat(),
            &["charset", "text-cut"],
            true,
        ),
        of("a line without end", format!("\r\n{CRY} {}\r\n", "x".repeat(3_000_000)), &["text-cut"], true),
        of("lines that end otherwise", format!("\r\n{CRY}\ra\nb\n\rc\x0b\x0c\u{85}\u{2028}d\r\r\n"), &[], true),
    ]
}

/// Small on the way, or large by their own account.
fn bombs() -> Vec<Malformed> {
    // An archive whose only entry says that it is 4 GiB large: local header, central directory and its end (APPNOTE 6.3).
    let size = u32::MAX.to_le_bytes();
    let local =
        [b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0".as_slice(), &[4, 0, 0, 0], &size, &[1, 0, 0, 0], b"a\x03\0\0\0"]
            .concat();
    let central =
        [b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0".as_slice(), &[4, 0, 0, 0], &size, &[1, 0], &[0; 16], b"a"]
            .concat();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(),
        &(central.len() as u32).to_le_bytes(),
        &(local.len() as u32).to_le_bytes(),
        &[0, 0],
    ]
    .concat();
    let zip = [b"Content-Type: application/zip; name=a.zip\r\n\r\n".as_slice(), &local, &central, &end].concat();
    let soft = format!("Content-Transfer-Encoding: quoted-printable\r\n\r\n{CRY}\r\n{}", "=\r\n".repeat(3_000_000));
    let blank = format!("Content-Transfer-Encoding: base64\r\n\r\n{}", " \r\n".repeat(3_000_000));
    let tags = format!("Content-Type: text/html\r\n\r\n{CRY}{}", "<div><table><td>".repeat(300_000));
    let entities = format!("Content-Type: text/html\r\n\r\n{CRY}{}", "&lt;&nbsp;".repeat(500_000));
    vec![
        second_part("an archive that says it is large", zip, &[]),
        of("nine million bytes of nothing", soft, &["text-cut"], true),
        second_part("a file of blanks", blank, &["text-cut"]),
        of(
            "a text of eight million signs",
            format!("\r\n{CRY}\r\n{}", "tekst, \r\n".repeat(900_000)),
            &["text-cut"],
            true,
        ),
        of("tags that are never closed", tags, &["text-cut", "html-cut"], true),
        of("a text of entities", entities, &["text-cut", "html-cut"], true),
    ]
}

pub fn all() -> Vec<Malformed> {
    [structures(), headers(), encodings(), bombs()].into_iter().flatten().collect()
}
