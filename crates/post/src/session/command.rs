//! One command line of SMTP or LMTP, parsed (RFC 5321, 4.1; RFC 1870, 3030, 3207, 3461, 6152, 6531).

/// Longest address that is taken, in bytes (RFC 5321 asks for 256; UTF-8 wants room).
const ADDRESS_MAX_BYTES: usize = 512;
/// Longest name in `EHLO` that is kept, in bytes.
const NAME_MAX_BYTES: usize = 255;

/// A command that is well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Helo(String),
    Ehlo(String),
    Lhlo(String),
    Mail {
        from: String,
        size: u64,
        smtputf8: bool,
    },
    Rcpt {
        to: String,
    },
    Data,
    Bdat {
        size: u64,
        last: bool,
    },
    StartTls,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Help,
    /// Known from the standards, not offered here.
    NotOffered,
}

/// The reply to a line that is no command of ours.
pub type Refused = &'static str;

const UNKNOWN: Refused = "500 5.5.2 Unknown command";
const ARGUMENT: Refused = "501 5.5.4 This command takes no argument";
const NAME: Refused = "501 5.5.4 Say who you are: EHLO host.example";
const FROM: Refused = "501 5.1.7 Sender not understood: MAIL FROM:<address>";
const TO: Refused = "501 5.1.3 Recipient not understood: RCPT TO:<address>";
const PARAMETER: Refused = "555 5.5.4 Parameter not known";
const VALUE: Refused = "501 5.5.4 Parameter not understood";
const BDAT: Refused = "501 5.5.4 Not understood: BDAT size [LAST]";

/// Parses a line without its line end.
pub fn parse(line: &[u8]) -> Result<Command, Refused> {
    let text = str::from_utf8(line).map_err(|_| "500 5.5.2 Not UTF-8")?;
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err("500 5.5.2 Control character in a command");
    }
    let text = text.trim_end_matches([' ', '\t']);
    let (verb, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let rest = rest.trim_start_matches([' ', '\t']);
    let bare = |command: Command| if rest.is_empty() { Ok(command) } else { Err(ARGUMENT) };
    match verb.to_ascii_uppercase().as_str() {
        "HELO" => name(rest).map(Command::Helo),
        "EHLO" => name(rest).map(Command::Ehlo),
        "LHLO" => name(rest).map(Command::Lhlo),
        "MAIL" => mail(rest),
        "RCPT" => rcpt(rest),
        "DATA" => bare(Command::Data),
        "BDAT" => bdat(rest),
        "STARTTLS" => bare(Command::StartTls),
        "RSET" => bare(Command::Rset),
        "QUIT" => bare(Command::Quit),
        "NOOP" => Ok(Command::Noop),
        "VRFY" => Ok(Command::Vrfy),
        "HELP" => Ok(Command::Help),
        "AUTH" | "EXPN" | "ETRN" | "TURN" | "SEND" | "SOML" | "SAML" | "BURL" => Ok(Command::NotOffered),
        _ => Err(UNKNOWN),
    }
}

/// Whether a first line is a browser's, led here by a page to speak for somebody else.
pub fn is_http(line: &[u8]) -> bool {
    let verb = line.split(|&b| b == b' ').next().unwrap_or_default();
    [&b"GET"[..], b"POST", b"PUT", b"HEAD", b"OPTIONS", b"CONNECT", b"DELETE", b"PATCH"].contains(&verb)
}

fn name(rest: &str) -> Result<String, Refused> {
    let name = rest.split_ascii_whitespace().next().ok_or(NAME)?;
    let end = name.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|&end| end <= NAME_MAX_BYTES).last();
    Ok(name[..end.unwrap_or(0)].to_owned())
}

fn mail(rest: &str) -> Result<Command, Refused> {
    let (from, parameters) = path(rest, "FROM:").ok_or(FROM)?;
    let (mut size, mut smtputf8) = (0, false);
    for parameter in parameters.split_ascii_whitespace() {
        let (key, value) = parameter.split_once('=').map_or((parameter, None), |(key, value)| (key, Some(value)));
        match (key.to_ascii_uppercase().as_str(), value) {
            // More digits than fit are simply too large.
            ("SIZE", Some(n)) if is_number(n) => size = n.parse().unwrap_or(u64::MAX),
            ("BODY", Some(body)) if ["7BIT", "8BITMIME"].contains(&body.to_ascii_uppercase().as_str()) => {}
            ("SMTPUTF8", None) => smtputf8 = true,
            ("RET", Some(what)) if ["FULL", "HDRS"].contains(&what.to_ascii_uppercase().as_str()) => {}
            ("ENVID", Some(id)) if !id.is_empty() => {}
            ("SIZE" | "BODY" | "SMTPUTF8" | "RET" | "ENVID", _) => return Err(VALUE),
            _ => return Err(PARAMETER),
        }
    }
    if !smtputf8 && !from.is_ascii() {
        return Err("553 5.6.7 An address beyond ASCII needs SMTPUTF8");
    }
    Ok(Command::Mail { from, size, smtputf8 })
}

fn rcpt(rest: &str) -> Result<Command, Refused> {
    let (to, parameters) = path(rest, "TO:").ok_or(TO)?;
    if to.is_empty() {
        return Err(TO);
    }
    for parameter in parameters.split_ascii_whitespace() {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match key.to_ascii_uppercase().as_str() {
            // No notification of ours ever says "delivered": DSN is taken, not offered.
            "NOTIFY" | "ORCPT" if !value.is_empty() => {}
            "NOTIFY" | "ORCPT" => return Err(VALUE),
            _ => return Err(PARAMETER),
        }
    }
    Ok(Command::Rcpt { to })
}

fn bdat(rest: &str) -> Result<Command, Refused> {
    let mut words = rest.split_ascii_whitespace();
    let size = words.next().filter(|n| is_number(n)).ok_or(BDAT)?.parse().map_err(|_| BDAT)?;
    match (words.next(), words.next()) {
        (None, _) => Ok(Command::Bdat { size, last: false }),
        (Some(word), None) if word.eq_ignore_ascii_case("LAST") => Ok(Command::Bdat { size, last: true }),
        _ => Err(BDAT),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `FROM:<path> parameters` → address without source route, and the parameters.
fn path<'a>(rest: &'a str, word: &str) -> Option<(String, &'a str)> {
    let after =
        rest.get(word.len()..).filter(|_| rest.as_bytes()[..word.len()].eq_ignore_ascii_case(word.as_bytes()))?;
    let inner = after.trim_start_matches([' ', '\t']).strip_prefix('<')?;
    let (mut quoted, mut escaped) = (false, false);
    let end = inner.char_indices().find_map(|(at, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some(at),
            _ => {}
        }
        None
    })?;
    let (address, parameters) = (&inner[..end], &inner[end + 1..]);
    if !parameters.is_empty() && !parameters.starts_with([' ', '\t']) {
        return None;
    }
    // A source route (`<@a,@b:user@c>`) is taken and ignored, as RFC 5321, 4.1.1.3 has it.
    let address = if address.starts_with('@') { address.split_once(':')?.1 } else { address };
    if address.len() > ADDRESS_MAX_BYTES || address.starts_with([' ', '<']) || address.contains('\t') {
        return None;
    }
    Some((address.to_owned(), parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(line: &str) -> Result<String, Refused> {
        match parse(line.as_bytes())? {
            Command::Mail { from, .. } => Ok(from),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn senders_are_read_in_every_lawful_spelling() {
        assert_eq!(from("MAIL FROM:<>").unwrap(), "");
        assert_eq!(from("mail from:<a@b.example>").unwrap(), "a@b.example");
        assert_eq!(
            from("MAIL FROM: <a@b.example> SIZE=12 BODY=8BITMIME RET=HDRS ENVID=QQ314159").unwrap(),
            "a@b.example"
        );
        assert_eq!(from("MAIL FROM:<@x.example,@y.example:a@b.example>").unwrap(), "a@b.example");
        assert_eq!(from(r#"MAIL FROM:<"a>b \" c"@b.example> SIZE=1"#).unwrap(), r#""a>b \" c"@b.example"#);
        assert_eq!(from("MAIL FROM:<jürgen@b.example> SMTPUTF8").unwrap(), "jürgen@b.example");
    }

    #[test]
    fn what_is_no_command_is_named_so() {
        for (line, code) in [
            ("MAIL FROM:a@b.example", "501"),
            ("MAIL FROM:<a@b.example>SIZE=1", "501"),
            ("MAIL FROM:<a@b.example", "501"),
            ("MAIL FROM:<a@b.example> SIZE=x", "501"),
            ("MAIL FROM:<a@b.example> BODY=BINARYMIME", "501"),
            ("MAIL FROM:<a@b.example> AUTH=<>", "555"),
            ("MAIL FROM:<jürgen@b.example>", "553"),
            ("MAIL", "501"),
            ("RCPT TO:<>", "501"),
            ("RCPT TO:<a@b.example> FOO=BAR", "555"),
            ("BDAT", "501"),
            ("BDAT -1", "501"),
            ("BDAT 99999999999999999999999", "501"),
            ("BDAT 1 FIRST", "501"),
            ("DATA now", "501"),
            ("EHLO", "501"),
            ("EHL\0O x", "500"),
            ("", "500"),
            ("NONSENSE", "500"),
        ] {
            assert!(parse(line.as_bytes()).is_err_and(|reply| reply.starts_with(code)), "{line:?} is not {code}");
        }
        assert!(parse(b"EHLO \xff\xfe").is_err());
    }

    #[test]
    fn delivery_notification_parameters_are_taken() {
        let line = b"RCPT TO:<a@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@b.example";
        assert_eq!(parse(line), Ok(Command::Rcpt { to: "a@b.example".into() }));
    }
}
