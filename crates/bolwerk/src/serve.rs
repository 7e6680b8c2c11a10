//! `bolwerk serve`: mail, pages and the control socket of one desk.

use crate::config::{self, DirectFile, RelayFile, RelayTls, Settings, TlsFile};
use crate::control::{self, Answer, Door, Request};
use crate::exit::{Failure, Kind};
use crate::open;
use clap::ArgMatches;
use engine::{Clock, Engine, Options, Outbound, Senders, TrustedHop};
use post::dns::Dns;
use post::door::Reception;
use post::send::{Direct, Relay, Tls};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

/// Longest wait for the next command of a conversation, RFC 5321 §4.5.3.2.7.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);
/// Longest time for the content of one message.
const DATA_TIMEOUT: Duration = Duration::from_secs(600);
/// How long open conversations may go on after the order to stop.
const GRACE: Duration = Duration::from_secs(5);

/// `bolwerk serve`.
pub async fn serve(matches: &ArgMatches) -> Result<(), Failure> {
    let settings = config::settings(matches)?;
    open::allowed(&settings.data)?;
    can_say_ready(settings.ready_file.as_deref())?;
    let outbound = match (&settings.relay, &settings.direct) {
        (Some(relay), _) => Outbound::Relay(relay_of(relay)?),
        (None, Some(direct)) => {
            let DirectFile { port, private_addresses } = *direct;
            Outbound::Direct(Direct { dns: dns_of(&settings)?, port, private_addresses })
        }
        (None, None) => Outbound::None,
    };
    let hop = settings.senders.trusted.clone();
    let senders = Senders {
        trusted: hop.map(|name| TrustedHop { name, addresses: settings.senders.trusted_addresses.clone() }),
        dns: settings.senders.check.then(|| dns_of(&settings)).transpose()?,
    };
    let engine = Engine::open(Options {
        data: settings.data.clone(),
        clock: Arc::new(Clock::default()),
        address: settings.address.clone(),
        outbound,
        senders,
        worker: open::worker()?,
        workers: settings.limits.readers,
        snapshots: Some(open::snapshot_maker()?),
    })
    .map_err(|e| open::explain(&settings.data, e))?;
    let first_run = engine.read(|desk| desk.house_address().is_none()).await.unwrap_or(true).then(code);
    let running = start(&engine, &settings, first_run.clone(), None).await?;
    println!("Bolwerk is at http://{}/", running.http);
    if engine.read(|desk| desk.front().demo).await.unwrap_or(false) {
        println!(
            "This folder holds a demonstration, and every page goes on to say so: what it tells is invented. Nobody there has a password; \
             `bolwerk demo --keep {}` opens it.",
            settings.data.display()
        );
    }
    let takes_mail = settings.smtp.is_some() || settings.lmtp.is_some() || settings.imap.is_some();
    // Only an empty folder has no address: what the first run sets, nothing takes away.
    if takes_mail && engine.address().is_none() {
        println!(
            "Mail is refused until the first run is done: no address is known yet. To take it from the first second, give --address."
        );
    }
    if let Some(code) = &first_run {
        println!("First run: open the page above and enter this code, which works once: {code}");
    }
    running.until_told().await;
    Ok(())
}

/// A desk that takes mail and serves pages.
pub struct Running {
    /// Where the pages are.
    pub http: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// Runs until the process is told to stop, then lets conversations end.
    pub async fn until_told(self) {
        let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .expect("the signal handler can be set: the runtime has signals enabled");
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
        }
        self.stop.send_replace(true);
        let ended = async {
            for task in self.tasks {
                // A task that panicked has said so itself.
                let _ended = task.await;
            }
        };
        // Whoever is still talking will come again: nothing unacknowledged is owed.
        let _in_time = tokio::time::timeout(GRACE, ended).await;
    }
}

/// A one-time code that can be read aloud: 60 bits.
pub fn code() -> String {
    const SIGNS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut random = [0; 12];
    getrandom::fill(&mut random).expect("the machine's random source works, or nothing secret can be made");
    let signs: Vec<u8> = random.iter().map(|b| SIGNS[usize::from(b & 31)]).collect();
    signs.chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join("-")
}

async fn bind(name: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => "Another program listens there: stop it, or choose another port.",
            std::io::ErrorKind::PermissionDenied => {
                "Ports below 1024 need CAP_NET_BIND_SERVICE: see the systemd unit in docs/operator.md."
            }
            _ => "Give an address of this machine.",
        };
        Failure::new(Kind::Usage, format!("--{name} {address}: {error}")).hint(hint)
    })
}

/// Starts everything that listens, and writes the ready file last.
pub async fn start(
    engine: &Engine,
    settings: &Settings,
    first_run: Option<String>,
    demo: Option<String>,
) -> Result<Running, Failure> {
    let (stop, stopped) = watch::channel(false);
    let mut tasks = Vec::new();
    let shares = crate::files::share_out();
    let reception = Arc::new(reception(engine, settings, shares.mail)?);
    let door = Arc::new(engine.clone());
    let mut smtp = None;
    if let Some(address) = settings.smtp {
        let listener = bind("smtp", address).await?;
        smtp = Some(listener.local_addr()?);
        let (reception, door, stopped) = (reception.clone(), door.clone(), stopped.clone());
        tasks.push(tokio::spawn(post::door::serve_smtp(listener, reception, door, stopped)));
    }
    match settings.lmtp.as_deref().map(|l| l.strip_prefix("unix:").ok_or(l)) {
        None => {}
        Some(Ok(path)) => {
            // Left by a desk that was killed; the folder's lock says that no other one runs.
            let _left_over = std::fs::remove_file(path);
            let listener = UnixListener::bind(path).map_err(|e| {
                Failure::new(Kind::Usage, format!("--lmtp unix:{path}: {e}"))
                    .hint("The folder must be there and writable.")
            })?;
            let (reception, door, stopped) = (reception.clone(), door.clone(), stopped.clone());
            tasks.push(tokio::spawn(post::door::serve_lmtp_unix(listener, reception, door, stopped)));
        }
        Some(Err(address)) => {
            let address = address.parse().map_err(|_| {
                Failure::new(Kind::Usage, format!("--lmtp {address}: neither an address nor unix:PATH"))
                    .hint("Write 127.0.0.1:24 or unix:/run/bolwerk/lmtp.")
            })?;
            let listener = bind("lmtp", address).await?;
            let (reception, door, stopped) = (reception.clone(), door.clone(), stopped.clone());
            tasks.push(tokio::spawn(post::door::serve_lmtp_tcp(listener, reception, door, stopped)));
        }
    }
    if let Some(imap) = &settings.imap {
        tasks.push(tokio::spawn(crate::mailbox::empty_on_duty(imap, settings, engine.clone(), stopped.clone())?));
    }
    let listener = bind("http", settings.http).await?;
    let http = listener.local_addr()?;
    let web = web::Web::new(web::Options { engine: engine.clone(), first_run, demo });
    tasks.push(tokio::spawn(web::serve(listener, web, shares.http, stopped.clone())));
    tokio::spawn(control::serve(control::listen(&settings.data)?, engine.clone()));
    if let Some(file) = &settings.ready_file {
        write_ready(file, http, smtp)?;
    }
    Ok(Running { http, stop, tasks })
}

/// The folder of the ready file must be there: looked at before the desk opens, not once it already takes mail.
pub fn can_say_ready(file: Option<&Path>) -> Result<(), Failure> {
    let folder = file.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    folder.map_or(Ok(()), |folder| {
        Err(Failure::new(Kind::Missing, format!("--ready-file: there is no folder {}", folder.display()))
            .hint("Make that folder first, or name a file in one that is there."))
    })
}

fn write_ready(file: &Path, http: SocketAddr, smtp: Option<SocketAddr>) -> Result<(), Failure> {
    let mut ready = serde_json::json!({ "http": http.to_string() });
    if let Some(smtp) = smtp {
        ready["smtp"] = smtp.to_string().into();
    }
    journal::write_synced(file, ready.to_string().as_bytes()).map_err(|e| Failure::new(Kind::Storage, e))
}

fn reception(engine: &Engine, settings: &Settings, connections_max: usize) -> Result<Reception, Failure> {
    let mailboxes = post::door::Mailboxes::default();
    mailboxes.set(engine.address());
    tokio::spawn(follow_address(engine.clone(), mailboxes.clone()));
    Ok(Reception {
        hostname: settings.hostname.clone(),
        mailboxes,
        size_max: settings.limits.message_mib << 20,
        connections_max: settings.limits.connections.min(connections_max),
        command_timeout: COMMAND_TIMEOUT,
        data_timeout: DATA_TIMEOUT,
        tls: settings.tls.as_ref().map(tls_of).transpose()?,
    })
}

/// First run, and settings later, may change which address is ours.
async fn follow_address(engine: Engine, mailboxes: post::door::Mailboxes) {
    let mut events = engine.events();
    loop {
        match events.recv().await {
            Ok(event) if event.touched != engine::Touched::Other => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            _ => mailboxes.set(engine.address()),
        }
    }
}

fn tls_of(files: &TlsFile) -> Result<Arc<post::tls::ServerConfig>, Failure> {
    let bytes = |file: &Path| std::fs::read(file).map_err(|e| Failure::of_file(file, e));
    let (certificate, key) = (bytes(&files.certificate)?, bytes(&files.key)?);
    post::tls::server(&certificate, &key).map_err(|why| {
        Failure::new(Kind::Invalid, format!("{} and {}: {why}", files.certificate.display(), files.key.display()))
            .hint("Both must be PEM, and belong together.")
    })
}

fn dns_of(settings: &Settings) -> Result<Dns, Failure> {
    settings.dns.map_or_else(Dns::system, Dns::at).map_err(|why| {
        Failure::new(Kind::Invalid, format!("names cannot be looked up: {why}"))
            .hint("Give a resolver: server = \"127.0.0.1:53\" in [dns], or --dns.")
    })
}

fn relay_of(relay: &RelayFile) -> Result<Relay, Failure> {
    let user = match (&relay.user, &relay.password_file) {
        (Some(user), Some(file)) => Some((user.clone(), secret(file)?)),
        _ => None,
    };
    let tls = match relay.tls {
        RelayTls::Off => Tls::Off,
        RelayTls::Opportunistic => Tls::StartTlsIfOffered,
        RelayTls::Required => Tls::StartTls,
        RelayTls::Implicit => Tls::Implicit,
    };
    Ok(Relay { host: relay.host.clone(), port: relay.port, tls, user })
}

/// What stands in a file that holds a password.
pub fn secret(file: &Path) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(file).map_err(|e| Failure::of_file(file, e))?.trim_end().to_owned())
}

/// `bolwerk token new`.
pub async fn token(matches: &ArgMatches) -> Result<(), Failure> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).expect("the machine's random source works, or nothing secret can be made");
    let secret = format!("bolwerk_{}", hex(&random));
    let request = Request::Token {
        account: matches.get_one::<String>("account").cloned(),
        label: matches.get_one::<String>("label").cloned().unwrap_or_default(),
        secret: hex(&Sha256::digest(secret.as_bytes())),
    };
    ask(matches, request).await?;
    println!("{secret}");
    eprintln!("It is shown this once. Send it as: Authorization: Bearer TOKEN");
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// `bolwerk register load`.
pub async fn load_register(matches: &ArgMatches) -> Result<(), Failure> {
    ask(matches, Request::LoadRegister).await?;
    println!(
        "The register holds the municipalities of Flanders. Source: Statbel (CC BY 4.0), population on 1 January 2020."
    );
    Ok(())
}

async fn ask(matches: &ArgMatches, request: Request) -> Result<(), Failure> {
    let data: &std::path::PathBuf = matches.get_one("data").expect("the command line requires it");
    match Door::open(data, false).await?.ask(request).await? {
        Answer::Failed { why, hint } => {
            let failure = Failure::new(Kind::Invalid, format!("{}: {why}", data.display()));
            Err(Failure { hint, ..failure })
        }
        _ => Ok(()),
    }
}
