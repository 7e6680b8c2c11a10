//! Configuration: one TOML file, environment variables, the command line; the later goes before the earlier.

use crate::environment::{self, Given};
use crate::exit::{Failure, Kind};
use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Longest message taken when nothing else is said, MiB.
pub const MESSAGE_MIB: usize = 50;
/// Conversations by SMTP at once when nothing else is said.
pub const CONNECTIONS: usize = 1000;

/// What the file may say. A key that is not here is an error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// The desk's folder.
    pub data: Option<PathBuf>,
    /// Where the pages are served.
    pub http: Option<SocketAddr>,
    /// Where mail is taken by SMTP.
    pub smtp: Option<SocketAddr>,
    /// Where mail is taken by LMTP: an address, or `unix:PATH`.
    pub lmtp: Option<String>,
    /// The one address.
    pub address: Option<String>,
    /// What this machine is called in the conversation with mail servers.
    pub hostname: Option<String>,
    /// The next hop for mail that leaves.
    pub relay: Option<RelayFile>,
    /// Instead of a next hop: straight to the servers of each recipient's domain.
    pub direct: Option<DirectFile>,
    /// Who says whether mail is from whom it says.
    pub senders: SendersFile,
    /// How names are looked up.
    pub dns: DnsFile,
    /// Certificate and key for STARTTLS.
    pub tls: Option<TlsFile>,
    /// A mailbox on another mail server that is emptied into the desk.
    pub imap: Option<ImapFile>,
    /// Limits.
    pub limits: Limits,
}

/// Mail straight to the servers of each recipient's domain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DirectFile {
    /// Port of those servers.
    pub port: u16,
    /// Whether a domain may lead to this machine or to a private network.
    pub private_addresses: bool,
}

impl Default for DirectFile {
    fn default() -> DirectFile {
        DirectFile { port: 25, private_addresses: false }
    }
}

/// Who says whether mail is from whom it says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SendersFile {
    /// Check DKIM, SPF, DMARC and ARC here, by the DNS.
    pub check: bool,
    /// The name under which the mail server in front writes `Authentication-Results`.
    pub trusted: Option<String>,
    /// From where that server brings mail by SMTP, besides this machine.
    pub trusted_addresses: Vec<IpAddr>,
}

/// How names are looked up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DnsFile {
    /// The resolver; those of this machine when not given.
    pub server: Option<SocketAddr>,
}

/// A mailbox on another mail server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImapFile {
    /// Name of the server; it has to be in its certificate.
    pub host: String,
    /// Port.
    #[serde(default = "imaps")]
    pub port: u16,
    /// How the conversation is encrypted.
    #[serde(default)]
    pub tls: ImapTls,
    /// Who signs in.
    pub user: String,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// File with an OAuth 2 access token that another program keeps fresh; read at each connection (XOAUTH2).
    pub token_file: Option<PathBuf>,
    /// Folder that is looked at.
    #[serde(default = "inbox")]
    pub folder: String,
    /// What becomes of a mail there once it is kept: `keep`, `delete`, or the name of a folder to move it to.
    #[serde(default = "keep")]
    pub after: String,
    /// How often it is looked at, seconds, also where the server tells of new mail.
    #[serde(default = "minute")]
    pub poll_seconds: u64,
}

fn imaps() -> u16 {
    993
}

fn inbox() -> String {
    "INBOX".to_owned()
}

fn keep() -> String {
    "keep".to_owned()
}

fn minute() -> u64 {
    60
}

/// How the conversation with a mailbox's server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImapTls {
    /// From the first byte.
    #[default]
    Implicit,
    /// STARTTLS.
    Starttls,
    /// Not; only to this machine.
    Off,
}

/// The next hop.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayFile {
    /// Name or address.
    pub host: String,
    /// Port.
    #[serde(default = "submission")]
    pub port: u16,
    /// How the conversation is encrypted.
    #[serde(default)]
    pub tls: RelayTls,
    /// Who signs in, when the next hop wants it.
    pub user: Option<String>,
    /// File with the password, so that it stands in no configuration.
    pub password_file: Option<PathBuf>,
}

fn submission() -> u16 {
    587
}

/// How the conversation with the next hop is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelayTls {
    /// Not.
    Off,
    /// STARTTLS when offered.
    Opportunistic,
    /// STARTTLS, or nothing is sent.
    #[default]
    Required,
    /// TLS from the first byte.
    Implicit,
}

/// Certificate and key, PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFile {
    /// Certificate chain.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Limits.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Longest message taken, MiB.
    pub message_mib: usize,
    /// Conversations by SMTP at once.
    pub connections: usize,
    /// Processes that read foreign mail.
    pub readers: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { message_mib: MESSAGE_MIB, connections: CONNECTIONS, readers: 2 }
    }
}

/// Everything that `serve` needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The desk's folder.
    pub data: PathBuf,
    /// Where the pages are served.
    pub http: SocketAddr,
    /// Where mail is taken by SMTP.
    pub smtp: Option<SocketAddr>,
    /// Where mail is taken by LMTP.
    pub lmtp: Option<String>,
    /// The one address.
    pub address: Option<String>,
    /// What this machine is called.
    pub hostname: String,
    /// The next hop.
    pub relay: Option<RelayFile>,
    /// Or straight to the servers of each recipient's domain.
    pub direct: Option<DirectFile>,
    /// Who says whether mail is from whom it says.
    pub senders: SendersFile,
    /// The resolver; those of this machine when not given.
    pub dns: Option<SocketAddr>,
    /// Certificate and key.
    pub tls: Option<TlsFile>,
    /// A mailbox that is emptied into the desk.
    pub imap: Option<ImapFile>,
    /// Limits.
    pub limits: Limits,
    /// Written once everything is accepted.
    pub ready_file: Option<PathBuf>,
}

/// Reads a configuration file, and the variables that go before it; or says what is wrong in which line or variable and what cures it: all
/// of it at once.
pub fn read(path: Option<&Path>, given: &Given) -> Result<File, Failure> {
    let text = match path {
        Some(path) => std::fs::read_to_string(path).map_err(|e| Failure::of_file(path, e))?,
        None => String::new(),
    };
    crate::mistakes::read(path, &text, given)
}

/// What a server needs to be told besides what this file says; a sentence each.
pub fn lacks(file: &File) -> Vec<&'static str> {
    let takes_mail = file.smtp.is_some() || file.lmtp.is_some() || file.imap.is_some();
    let lacks = [
        (file.data.is_none(), "data, the desk's folder: or --data with each command, or BOLWERK_DATA"),
        (!takes_mail, "how mail comes in: smtp, lmtp or [imap]; without it there is only the form and the phone page"),
        (takes_mail && file.address.is_none(), "address, the one that it answers: or the first run asks for it"),
        (
            file.relay.is_none() && file.direct.is_none(),
            "how mail leaves: [relay] or [direct]; without it the outbox holds",
        ),
    ];
    lacks.into_iter().filter_map(|(lacks, what)| lacks.then_some(what)).collect()
}

/// Whether a text can be one mailbox: good enough to catch mistakes, not a grammar.
pub fn is_mailbox(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        let plain =
            |s: &str| !s.is_empty() && !s.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;".contains(c));
        plain(local) && plain(domain) && !domain.starts_with('.') && !domain.ends_with('.')
    })
}

/// The next hop of the command line or the environment: the port stands with it, because 25 and 587 are both usual.
fn relay_from(text: &str) -> Result<RelayFile, Failure> {
    let wrong = |why: &str| {
        Failure::new(Kind::Usage, format!("--relay (or BOLWERK_RELAY) {text}: {why}")).hint(
            "Write host:port, such as smtp.team.example:25 for a relay nearby. One that wants a password stands in the configuration: [relay].",
        )
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(|| wrong("no port"))?;
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    if host.is_empty() || (bare.is_none() && host.contains([':', '[', ']'])) {
        return Err(wrong("this is no host and port; an IPv6 address stands in brackets"));
    }
    let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(|| wrong("the port is not 1 to 65535"))?;
    let host = bare.unwrap_or(host).to_owned();
    // Given on the command line it is a relay nearby: encrypted when offered, without a password.
    Ok(RelayFile { host, port, tls: RelayTls::Opportunistic, user: None, password_file: None })
}

/// File, environment and command line together.
pub fn settings(matches: &ArgMatches) -> Result<Settings, Failure> {
    let file = read(matches.get_one::<PathBuf>("config").map(PathBuf::as_path), &environment::given())?;
    let data = matches.get_one::<PathBuf>("data").cloned().or(file.data).ok_or_else(|| {
        Failure::new(Kind::Usage, "no folder given").hint("Give --data DIR, or set data in the configuration file.")
    })?;
    let address = matches.get_one::<String>("address").cloned().or(file.address);
    if let Some(address) = address.as_deref().filter(|a| !is_mailbox(a)) {
        return Err(Failure::new(Kind::Usage, format!("--address {address}: this is not a mailbox"))
            .hint("Write one address, such as cyberresponse@vlaanderen.example."));
    }
    let relay = match matches.get_one::<String>("relay") {
        Some(text) => Some(relay_from(text)?),
        None => file.relay,
    };
    // A relay on the command line takes the place of whatever the file says of mail that leaves.
    let direct = match (matches.get_flag("direct"), &relay) {
        (true, Some(_)) if matches.value_source("relay") == Some(ValueSource::CommandLine) => {
            return Err(
                Failure::new(Kind::Usage, "--direct and --relay: mail leaves by one way").hint("Give one of them.")
            );
        }
        (true, _) => Some(file.direct.unwrap_or_default()),
        (false, Some(_)) => None,
        (false, None) => file.direct,
    };
    let mut senders = file.senders;
    senders.check |= matches.get_flag("check-senders");
    let given = |name: &str| matches.get_one::<SocketAddr>(name).copied();
    Ok(Settings {
        data,
        http: given("http").or(file.http).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
        smtp: given("smtp").or(file.smtp),
        lmtp: matches.get_one::<String>("lmtp").cloned().or(file.lmtp),
        address,
        hostname: file.hostname.unwrap_or_else(machine_name),
        relay: relay.filter(|_| direct.is_none()),
        direct,
        senders,
        dns: given("dns").or(file.dns.server),
        tls: file.tls,
        imap: file.imap,
        limits: file.limits,
        ready_file: matches.get_one::<PathBuf>("ready-file").cloned(),
    })
}

fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bolwerk.toml");
        std::fs::write(&path, text).unwrap();
        let failure = read(Some(&path), &Given::default()).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid);
        assert!(failure.hint.is_some(), "each mistake has a cure");
        failure.to_string().replace(&format!("{}", path.display()), "F")
    }

    #[test]
    fn each_mistake_names_file_line_and_cure() {
        assert!(mistake("data = \"/tmp\"\nhtpp = \"127.0.0.1:80\"\n").starts_with("F:2: unknown field `htpp`"));
        assert!(mistake("\n\nhttp = \"127.0.0.1\"\n").starts_with("F:3: "));
        assert!(mistake("address = \"nobody\"\n").starts_with("F:1: address: this is not a mailbox"));
        assert!(mistake("lmtp = \"somewhere\"\n").starts_with("F:1: lmtp: "));
        assert!(mistake("[relay]\nhost = \"a\"\nuser = \"b\"\n").starts_with("F:3: user: "));
        assert!(mistake("[limits]\nmessage_mib = 0\n").starts_with("F:2: message_mib: must be"));
        assert!(mistake("[limits]\nmessage_mib = \"x\"\n").starts_with("F:2: invalid type"));
        assert!(mistake("[relay]\nhost = \"a\"\n\n[direct]\n").starts_with("F:4: direct: "));
        assert!(mistake("[direct]\nport = 0\n").starts_with("F:2: port: "));
        assert!(mistake("[senders]\ntrusted = \"a b\"\n").starts_with("F:2: trusted: "));
        assert!(mistake("[senders]\ntrusted_addresses = [\"192.0.2.1\"]\n").starts_with("F:2: trusted_addresses: "));
        assert!(mistake("[dns]\nserver = \"192.0.2.1\"\n").starts_with("F:2: "));
        assert!(
            mistake("[tls]\ncertificate = \"/not/there\"\nkey = \"/not/there\"\n").starts_with("F:2: certificate: ")
        );
    }

    #[test]
    fn every_mistake_of_a_file_is_told_at_once() {
        let text = "htpp = 1\nhttp = \"127.0.0.1:70000\"\naddress = \"nobody\"\nsmtp = 25\n[relay]\nport = 70000\n\
                    tls = \"often\"\nhosst = \"r\"\n[limits]\nreaders = -1\nconnections = \"x\"\nmessage_mib = 2000\n\
                    [imap]\npassword_file = \"/not/there\"\nhost = 5\n";
        let told = mistake(text);
        let lines: Vec<&str> = told.lines().filter(|l| l.starts_with("F:")).collect();
        let expected = [
            "F:1: unknown field `htpp`",
            "F:2: invalid socket address",
            "F:3: address: this is not a mailbox",
            "F:4: invalid type: integer",
            "F:5: [relay]: missing field `host`",
            "F:6: port: must be 1 to 65535",
            "F:7: unknown variant `often`",
            "F:8: unknown field `hosst`",
            "F:10: readers: must be 1 to 16",
            "F:11: invalid type: string \"x\", expected a number",
            "F:12: message_mib: must be 1 to 1024",
            "F:13: [imap]: missing field `user`",
            "F:14: password_file: /not/there is not there",
            "F:15: invalid type: integer `5`",
        ];
        assert_eq!(lines.len(), expected.len(), "{told}");
        for (line, begins) in lines.iter().zip(expected) {
            assert!(line.starts_with(begins), "{line}\n{begins}");
        }
        let cures = told.lines().filter(|l| l.starts_with("  ")).count();
        assert_eq!(cures, expected.len(), "each has its cure: {told}");
        assert!(
            mistake("relay = 5\nsenders = \"x\"\n").contains("F:2: invalid type: string \"x\", expected a table\n")
        );
        // Where the text itself is broken, the rest means nothing.
        let broken = mistake("address = \"nobody\"\n[relay\nhtpp = 1\n");
        assert!(broken.starts_with("F:2: ") && broken.contains("docs/example.toml"), "{broken}");
        assert_eq!(broken.matches("F:").count(), 1, "{broken}");
    }

    #[test]
    fn a_next_hop_has_a_host_and_a_port() {
        let relay = |text| relay_from(text).map(|r| (r.host, r.port)).map_err(|failure| failure.to_string());
        assert_eq!(relay("smtp.team.example:25"), Ok(("smtp.team.example".to_owned(), 25)));
        assert_eq!(relay("[2001:db8::1]:587"), Ok(("2001:db8::1".to_owned(), 587)));
        for wrong in ["smtp.team.example", "2001:db8::1", "[2001:db8::1]", ":25", "r:0", "r:70000", "r:smtp"] {
            let said = relay(wrong).unwrap_err();
            assert!(said.contains(wrong) && said.contains("Write host:port"), "{said}");
        }
    }

    #[test]
    fn what_a_server_still_needs_is_said() {
        assert_eq!(lacks(&File::default()).len(), 3);
        let file: File = toml::from_str("data = \"/d\"\nsmtp = \"[::]:25\"\n[direct]\n").unwrap();
        assert!(lacks(&file).iter().all(|what| what.starts_with("address")) && lacks(&file).len() == 1);
    }

    #[test]
    fn the_example_that_ships_has_no_mistakes() {
        let example = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/example.toml"));
        read(Some(example), &Given::default()).map_err(|failure| failure.to_string()).unwrap();
    }

    #[test]
    fn a_whole_file_is_understood() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bolwerk.toml");
        let text =
            "http = \"[::1]:8080\"\nsmtp = \"0.0.0.0:25\"\naddress = \"a@b.example\"\n[relay]\nhost = \"r.example\"\n";
        std::fs::write(&path, text).unwrap();
        let file = read(Some(&path), &Given::default()).unwrap();
        assert_eq!(file.relay.unwrap().port, 587);
        assert_eq!(file.limits.message_mib, MESSAGE_MIB);
    }
}
