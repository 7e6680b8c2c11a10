//! What one response means (RFC 3501, 7), as far as fetching needs it. Pure; what is not needed is [`Response::Other`].

use super::fault::Fault;
use super::wire::Frame;

/// Longest text of a server that is passed on, in characters.
const SAID_MAX: usize = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    No,
    Bad,
    Bye,
    Preauth,
}

/// A response code in square brackets that changes what we do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Code {
    UidValidity(u32),
    /// In upper case.
    PermanentFlags(Vec<String>),
    ReadOnly,
    TryCreate,
    Other,
}

/// What a status response says: for us, and for a person (one bounded line without control characters).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub status: Status,
    pub code: Code,
    pub text: String,
}

/// What was told of one message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fetched {
    pub uid: Option<u32>,
    pub size: Option<u64>,
    /// Of `BODY[]`, whole or its beginning.
    pub content: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Response {
    /// `+`, with its text.
    Continue(String),
    Tagged(String, Said),
    Untagged(Said),
    /// In upper case.
    Capability(Vec<String>),
    Exists(u32),
    Expunge,
    Search(Vec<u32>),
    Fetch(Fetched),
    Other,
}

/// Reads one response. Linear in its size.
pub(super) fn parse(mut frame: Frame) -> Result<Response, Fault> {
    let text = std::mem::take(&mut frame.text);
    if let Some(rest) = text.strip_prefix(b"+") {
        return Ok(Response::Continue(lossy(rest.trim_ascii())));
    }
    let (tag, rest) = word(&text);
    if tag != b"*" {
        let said = said(rest).ok_or(Fault::Gibberish("neither data nor an answer"))?;
        return Ok(Response::Tagged(lossy(tag), said));
    }
    if let Some(said) = said(rest) {
        return Ok(Response::Untagged(said));
    }
    let (first, rest) = word(rest);
    if let Some(number) = number(first) {
        return numbered(number, rest, &text, frame.literals);
    }
    Ok(match first.to_ascii_uppercase().as_slice() {
        b"CAPABILITY" => Response::Capability(upper_words(rest)),
        b"SEARCH" => Response::Search(words(rest).map_while(number).filter(|uid| *uid > 0).collect()),
        _ => Response::Other,
    })
}

/// `* NUMBER WORD …`; `rest` is the end of `text`.
fn numbered(number: u32, rest: &[u8], text: &[u8], literals: Vec<(usize, Vec<u8>)>) -> Result<Response, Fault> {
    let (word, list) = word(rest);
    Ok(match word.to_ascii_uppercase().as_slice() {
        b"EXISTS" => Response::Exists(number),
        b"EXPUNGE" => Response::Expunge,
        b"FETCH" => {
            let mut cursor = Cursor { text, at: text.len() - list.len(), literals: literals.into_iter().peekable() };
            Response::Fetch(cursor.fetched().ok_or(Fault::Gibberish("FETCH"))?)
        }
        _ => Response::Other,
    })
}

/// `OK [CODE …] text` and its like.
fn said(text: &[u8]) -> Option<Said> {
    let (first, rest) = word(text);
    let status = match first.to_ascii_uppercase().as_slice() {
        b"OK" => Status::Ok,
        b"NO" => Status::No,
        b"BAD" => Status::Bad,
        b"BYE" => Status::Bye,
        b"PREAUTH" => Status::Preauth,
        _ => return None,
    };
    let code = rest.strip_prefix(b"[").and_then(|rest| Some(&rest[..memchr::memchr(b']', rest)?]));
    Some(Said { status, code: code.map_or(Code::Other, read_code), text: plain(&lossy(rest)) })
}

fn read_code(text: &[u8]) -> Code {
    let (name, rest) = word(text);
    match name.to_ascii_uppercase().as_slice() {
        b"UIDVALIDITY" => number(rest.trim_ascii()).map_or(Code::Other, Code::UidValidity),
        b"PERMANENTFLAGS" => {
            let inner = rest.trim_ascii();
            let inner = inner.strip_prefix(b"(").unwrap_or(inner);
            Code::PermanentFlags(upper_words(inner.strip_suffix(b")").unwrap_or(inner)))
        }
        b"READ-ONLY" => Code::ReadOnly,
        b"TRYCREATE" => Code::TryCreate,
        _ => Code::Other,
    }
}

/// The text of a server on one bounded line.
pub(super) fn plain(text: &str) -> String {
    let text: String = text.chars().take(SAID_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = text.trim();
    if text.is_empty() { "without a reason".into() } else { text.into() }
}

/// The first word and what follows its space.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', text) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[]),
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

fn upper_words(text: &[u8]) -> Vec<String> {
    words(text).map(|word| lossy(word).to_ascii_uppercase()).collect()
}

fn number(text: &[u8]) -> Option<u32> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// A value of a `FETCH` attribute.
enum Value<'a> {
    Content(Vec<u8>),
    Atom(&'a [u8]),
    List,
}

/// Walks through the list of a `FETCH`, never back.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    literals: std::iter::Peekable<std::vec::IntoIter<(usize, Vec<u8>)>>,
}

impl<'a> Cursor<'a> {
    fn fetched(&mut self) -> Option<Fetched> {
        let mut fetched = Fetched::default();
        self.eat(b'(')?;
        loop {
            while self.eat(b' ').is_some() {}
            if self.eat(b')').is_some() {
                return Some(fetched);
            }
            let name = self.name()?.to_ascii_uppercase();
            self.eat(b' ')?;
            match (name.as_slice(), self.value()?) {
                (b"UID", Value::Atom(atom)) => fetched.uid = number(atom),
                (b"RFC822.SIZE", Value::Atom(atom)) => fetched.size = std::str::from_utf8(atom).ok()?.parse().ok(),
                (b"BODY[]" | b"BODY[]<0>", Value::Content(content)) => fetched.content = Some(content),
                _ => {}
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn literal(&mut self) -> Option<Vec<u8>> {
        Some(self.literals.next_if(|(at, _)| *at == self.at)?.1)
    }

    /// `UID`, `BODY[HEADER.FIELDS (FROM TO)]<0>`.
    fn name(&mut self) -> Option<&'a [u8]> {
        let (start, mut bracket) = (self.at, false);
        loop {
            match self.peek()? {
                b'[' => bracket = true,
                b']' => bracket = false,
                b' ' | b'(' | b')' if !bracket => break,
                _ => {}
            }
            self.at += 1;
        }
        Some(&self.text[start..self.at]).filter(|name| !name.is_empty())
    }

    fn value(&mut self) -> Option<Value<'a>> {
        if let Some(content) = self.literal() {
            return Some(Value::Content(content));
        }
        match self.peek()? {
            b'"' => self.quoted().map(Value::Content),
            b'(' => self.list().map(|()| Value::List),
            _ => Some(Value::Atom(self.atom())),
        }
    }

    fn atom(&mut self) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let len = rest.iter().position(|byte| b" ()\"".contains(byte)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        self.eat(b'"')?;
        let mut out = Vec::new();
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return Some(out),
                b'\\' => {
                    out.push(self.peek()?);
                    self.at += 1;
                }
                byte => out.push(byte),
            }
        }
    }

    /// Passes over a list. Counts its depth, so that no nesting can exhaust the stack.
    fn list(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            if self.literal().is_some() {
                continue;
            }
            match self.peek()? {
                b'"' => self.quoted().map(drop)?,
                b'(' => (depth, self.at) = (depth + 1, self.at + 1),
                b')' => {
                    (depth, self.at) = (depth - 1, self.at + 1);
                    if depth == 0 {
                        return Some(());
                    }
                }
                b' ' => self.at += 1,
                _ => drop(self.atom()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::wire::Wire;
    use super::*;

    fn read(text: &str) -> Response {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let frame = runtime.block_on(Wire::new(format!("{text}\r\n").as_bytes()).frame(1_000)).unwrap();
        parse(frame).unwrap()
    }

    fn said(status: Status, code: Code, text: &str) -> Said {
        Said { status, code, text: text.into() }
    }

    #[test]
    fn what_decides_the_next_step_is_read() {
        assert_eq!(read("+ idling"), Response::Continue("idling".into()));
        assert_eq!(read("+"), Response::Continue(String::new()));
        assert_eq!(read("* 12 exists"), Response::Exists(12));
        assert_eq!(read("* 3 EXPUNGE"), Response::Expunge);
        assert_eq!(read("* 3 RECENT"), Response::Other);
        assert_eq!(read("* SEARCH"), Response::Search(vec![]));
        assert_eq!(read("* SEARCH 2 84 882 (MODSEQ 917162500)"), Response::Search(vec![2, 84, 882]));
        assert_eq!(read("* SEARCH 1 4294967296 2"), Response::Search(vec![1]));
        assert_eq!(
            read("* CAPABILITY IMAP4rev1 auth=plain"),
            Response::Capability(vec!["IMAP4REV1".into(), "AUTH=PLAIN".into()])
        );
        assert_eq!(
            read("A7 NO [TRYCREATE] no such\tfolder"),
            Response::Tagged("A7".into(), said(Status::No, Code::TryCreate, "[TRYCREATE] no such folder"))
        );
        assert_eq!(read("A7 BAD"), Response::Tagged("A7".into(), said(Status::Bad, Code::Other, "without a reason")));
        assert_eq!(
            read("* OK [UIDVALIDITY 3857529045] UIDs valid"),
            Response::Untagged(said(
                Status::Ok,
                Code::UidValidity(3_857_529_045),
                "[UIDVALIDITY 3857529045] UIDs valid"
            ))
        );
        let Response::Untagged(flags) = read("* OK [PERMANENTFLAGS (\\Seen $BolwerkKept \\*)] Limited") else {
            panic!("no status")
        };
        assert_eq!(flags.code, Code::PermanentFlags(vec!["\\SEEN".into(), "$BOLWERKKEPT".into(), "\\*".into()]));
    }

    #[test]
    fn a_message_is_found_between_whatever_else_is_told_of_it() {
        let told = read(
            "* 5 FETCH (FLAGS (\\Seen) ENVELOPE (NIL \"a) \\\" b\" ((\"x\" NIL {3}\r\n)(\" \"y\"))) UID 77 \
             BODY[HEADER.FIELDS (FROM \"TO\")] {2}\r\n\r\n RFC822.SIZE 4294967299 BODY[] {4}\r\n(\")\r X-NEW word)",
        );
        let content = Some(b"(\")\r".to_vec());
        assert_eq!(told, Response::Fetch(Fetched { uid: Some(77), size: Some(4_294_967_299), content }));
        let short = read("* 5 FETCH (UID 1 BODY[]<0> \"a\\\\b\")");
        assert_eq!(short, Response::Fetch(Fetched { uid: Some(1), size: None, content: Some(b"a\\b".to_vec()) }));
        let none = read("* 5 FETCH (UID 1 BODY[] NIL)");
        assert_eq!(none, Response::Fetch(Fetched { uid: Some(1), ..Fetched::default() }));
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let deep = format!("* 1 FETCH (BODYSTRUCTURE {}{} UID 9)", "(".repeat(20_000), ")".repeat(20_000));
        assert_eq!(read(&deep), Response::Fetch(Fetched { uid: Some(9), ..Fetched::default() }));
    }

    #[test]
    fn half_a_list_is_no_message() {
        for text in
            ["* 1 FETCH", "* 1 FETCH (", "* 1 FETCH (UID", "* 1 FETCH (UID 1", "* 1 FETCH (A \"x", "* 1 FETCH (A ((b)"]
        {
            let frame = Frame { text: text.into(), literals: vec![] };
            assert!(matches!(parse(frame), Err(Fault::Gibberish(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(pieces in proptest::collection::vec(prop_oneof![
            Just(b"* ".to_vec()), Just(b"1 FETCH (".to_vec()), Just(b"BODY[] {3}\r\n".to_vec()), Just(b"UID ".to_vec()),
            Just(b"\r\n".to_vec()), Just(b"(".to_vec()), Just(b")".to_vec()), Just(b"\"".to_vec()), Just(b"\\".to_vec()),
            Just(b"{1}\r\n".to_vec()), Just(b"OK [".to_vec()), Just(b"]".to_vec()), Just(b"SEARCH ".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ], 0..40)) {
            super::super::fuzz(&pieces.concat());
        }
    }
}
