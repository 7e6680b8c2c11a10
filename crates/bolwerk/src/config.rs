//! Configuration: one TOML file, environment variables, the command line; the later goes before the earlier.

use crate::exit::{Failure, Kind};
use clap::ArgMatches;
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

/// Reads a configuration file, or says what is wrong in which line and what cures it.
pub fn read(path: &Path) -> Result<File, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::from(e).prefix(&format!("{}: cannot be read", path.display())))?;
    let file: File = toml::from_str(&text).map_err(|error| explain(path, &text, &error))?;
    check(path, &text, &file)?;
    Ok(file)
}

impl Failure {
    fn prefix(mut self, where_: &str) -> Failure {
        self.what = format!("{where_}: {}", self.what);
        self
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
}

fn explain(path: &Path, text: &str, error: &toml::de::Error) -> Failure {
    let line = error.span().map_or(1, |span| line_of(text, span.start));
    let message = error.message();
    let hint = if message.starts_with("unknown field") {
        "Remove the key, or correct its name; the names that exist are listed above."
    } else if message.contains("socket address") {
        "Write address and port, such as \"127.0.0.1:8080\" or \"[::1]:25\"."
    } else if message.contains("missing field") {
        "Add the missing key to this table."
    } else if message.contains("invalid type") {
        "Correct the kind of value: texts stand in double quotes, numbers do not."
    } else {
        "Correct this line; see `docs/operator.md` for an example."
    };
    Failure::new(Kind::Invalid, format!("{}:{line}: {message}", path.display())).hint(hint)
}

fn key_line(text: &str, key: &str) -> usize {
    let starts =
        |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    text.lines().position(starts).map_or(1, |n| n + 1)
}

fn table_line(text: &str, table: &str) -> usize {
    text.lines()
        .position(|line| line.trim().strip_prefix('[').is_some_and(|l| l.starts_with(table)))
        .map_or(1, |n| n + 1)
}

fn check(path: &Path, text: &str, file: &File) -> Result<(), Failure> {
    let wrong = |key: &str, why: &str, cure: &str| {
        Err(Failure::new(Kind::Invalid, format!("{}:{}: {key}: {why}", path.display(), key_line(text, key))).hint(cure))
    };
    if file.address.as_deref().is_some_and(|a| !is_mailbox(a)) {
        return wrong(
            "address",
            "this is not a mailbox",
            "Write one address, such as \"cyberresponse@vlaanderen.example\".",
        );
    }
    if file.lmtp.as_deref().is_some_and(|l| l.parse::<SocketAddr>().is_err() && !l.starts_with("unix:")) {
        return wrong(
            "lmtp",
            "neither an address nor unix:PATH",
            "Write \"127.0.0.1:24\" or \"unix:/run/bolwerk/lmtp\".",
        );
    }
    if let Some(relay) = &file.relay {
        if relay.user.is_some() != relay.password_file.is_some() {
            return wrong("user", "user and password_file belong together", "Give both, or neither.");
        }
        if relay.user.is_some() && relay.tls == RelayTls::Off {
            return wrong("tls", "a password would be sent in the clear", "Use tls = \"required\" or \"implicit\".");
        }
        if let Some(file) = relay.password_file.as_deref().filter(|f| !f.is_file()) {
            return wrong(
                "password_file",
                &format!("{} is not there", file.display()),
                "Create it, readable only by the user that runs the desk (chmod 600).",
            );
        }
    }
    if file.relay.is_some() && file.direct.is_some() {
        return Err(Failure::new(
            Kind::Invalid,
            format!("{}:{}: direct: mail leaves by one way", path.display(), table_line(text, "direct")),
        )
        .hint("Remove either [relay] or [direct]."));
    }
    if file.direct.as_ref().is_some_and(|d| d.port == 0) {
        return wrong("port", "must be at least 1", "25 is the port of mail servers.");
    }
    if file.senders.trusted.as_deref().is_some_and(|name| name.is_empty() || name.contains([' ', ';', '(', '"'])) {
        return wrong(
            "trusted",
            "this is not a name",
            "Write what stands first in Authentication-Results, such as \"mx.team.example\".",
        );
    }
    if !file.senders.trusted_addresses.is_empty() && file.senders.trusted.is_none() {
        return wrong("trusted_addresses", "whose are they?", "Give trusted, the name of that mail server, too.");
    }
    if let Some(tls) = &file.tls {
        for (key, file) in [("certificate", &tls.certificate), ("key", &tls.key)] {
            if !file.is_file() {
                return wrong(key, &format!("{} is not there", file.display()), "Give the path of a PEM file.");
            }
        }
    }
    if let Some(imap) = &file.imap {
        if imap.password_file.is_some() == imap.token_file.is_some() {
            return wrong("user", "how does it sign in?", "Give either password_file or token_file in [imap].");
        }
        let secret = imap.password_file.as_ref().or(imap.token_file.as_ref());
        if let Some(file) = secret.filter(|f| !f.is_file()) {
            let key = if imap.password_file.is_some() { "password_file" } else { "token_file" };
            return wrong(
                key,
                &format!("{} is not there", file.display()),
                "Create it, readable only by the user that runs the desk (chmod 600).",
            );
        }
        if imap.poll_seconds == 0 {
            return wrong("poll_seconds", "must be at least 1", "60 is usual.");
        }
    }
    if !(1..=1024).contains(&file.limits.message_mib) {
        return wrong("message_mib", "must be 1 to 1024", "50 is usual.");
    }
    if !(1..=16).contains(&file.limits.readers) {
        return wrong("readers", "must be 1 to 16", "One a core is enough.");
    }
    Ok(())
}

/// Whether a text can be one mailbox: good enough to catch mistakes, not a grammar.
pub fn is_mailbox(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        let plain =
            |s: &str| !s.is_empty() && !s.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;".contains(c));
        plain(local) && plain(domain) && !domain.starts_with('.') && !domain.ends_with('.')
    })
}

fn relay_from(text: &str) -> Result<RelayFile, Failure> {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "25"));
    let port = port.parse().map_err(|_| {
        Failure::new(Kind::Usage, format!("--relay {text}: the port is not a number"))
            .hint("Write host:port, such as smtp.example:25.")
    })?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    // Given on the command line it is a relay nearby: encrypted when offered, without a password.
    Ok(RelayFile { host, port, tls: RelayTls::Opportunistic, user: None, password_file: None })
}

fn from_env<T: std::str::FromStr>(name: &str) -> Result<Option<T>, Failure> {
    match std::env::var(name) {
        Err(_) => Ok(None),
        Ok(text) => text.parse().map(Some).map_err(|_| {
            Failure::new(Kind::Invalid, format!("environment variable {name}: {text:?} cannot be read"))
                .hint("Correct it, or unset it.")
        }),
    }
}

/// File, environment and command line together.
pub fn settings(matches: &ArgMatches) -> Result<Settings, Failure> {
    let file = match matches.get_one::<PathBuf>("config") {
        Some(path) => read(path)?,
        None => File::default(),
    };
    let data = matches.get_one::<PathBuf>("data").cloned().or(file.data).ok_or_else(|| {
        Failure::new(Kind::Usage, "no folder given").hint("Give --data DIR, or set data in the configuration file.")
    })?;
    let address = matches.get_one::<String>("address").cloned().or(file.address);
    if let Some(address) = address.as_deref().filter(|a| !is_mailbox(a)) {
        return Err(Failure::new(Kind::Usage, format!("--address {address}: this is not a mailbox"))
            .hint("Write one address, such as cyberresponse@vlaanderen.example."));
    }
    let relay = match matches.get_one::<String>("relay").cloned().or(from_env("BOLWERK_RELAY")?) {
        Some(text) => Some(relay_from(&text)?),
        None => file.relay,
    };
    // A relay on the command line takes the place of whatever the file says of mail that leaves.
    let direct = match (matches.get_flag("direct"), &relay) {
        (true, Some(_)) if matches.contains_id("relay") => {
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
        http: given("http")
            .or(from_env("BOLWERK_HTTP")?)
            .or(file.http)
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
        smtp: given("smtp").or(from_env("BOLWERK_SMTP")?).or(file.smtp),
        lmtp: matches.get_one::<String>("lmtp").cloned().or(from_env("BOLWERK_LMTP")?).or(file.lmtp),
        address,
        hostname: from_env("BOLWERK_HOSTNAME")?.or(file.hostname).unwrap_or_else(machine_name),
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
        let failure = read(&path).unwrap_err();
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
    fn the_example_that_ships_has_no_mistakes() {
        let example = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/example.toml"));
        read(example).map_err(|failure| failure.to_string()).unwrap();
    }

    #[test]
    fn a_whole_file_is_understood() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bolwerk.toml");
        let text =
            "http = \"[::1]:8080\"\nsmtp = \"0.0.0.0:25\"\naddress = \"a@b.example\"\n[relay]\nhost = \"r.example\"\n";
        std::fs::write(&path, text).unwrap();
        let file = read(&path).unwrap();
        assert_eq!(file.relay.unwrap().port, 587);
        assert_eq!(file.limits.message_mib, MESSAGE_MIB);
    }
}
