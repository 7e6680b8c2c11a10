//! `bolwerk demo`: a desk with an invented sector, and a story that is replayed through the real intake.

use crate::config::{Limits, Settings};
use crate::exit::{Failure, Kind};
use crate::story::{self, Story};
use crate::{open, serve};
use clap::ArgMatches;
use desk::ids::Timestamp;
use engine::{Clock, Engine, Options, Outbound};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The one address of the invented team.
pub const ADDRESS: &str = "cyberresponse@bolwerk.example";
/// Where the pages are when nothing else is said and the port is free.
const PORT: u16 = 8022;
/// Thursday 15 December 2022, 03:04 Europe/Brussels: when the demonstration's clock starts.
pub const STARTS: Timestamp = Timestamp::from_seconds(1_671_069_840);

/// `bolwerk demo`.
pub async fn demo(matches: &ArgMatches) -> Result<(), Failure> {
    let http = matches.get_one::<SocketAddr>("http").copied();
    if let Some(address) = http.filter(|a| !a.ip().is_loopback()) {
        return Err(Failure::new(
            Kind::Usage,
            format!("--http {address}: the demonstration is served on this machine only"),
        )
        .hint("Give a loopback address such as 127.0.0.1:8022: whoever opens it is signed in without a password."));
    }
    serve::can_say_ready(matches.get_one::<PathBuf>("ready-file").map(PathBuf::as_path))?;
    if let Some(data) = matches.get_one::<PathBuf>("keep") {
        is_ours(data)?;
    }
    let folder = Folder::of(matches.get_one::<PathBuf>("keep"))?;
    let clock = Arc::new(Clock::default());
    clock.stand_at(story::BEGINS);
    let engine = open(&folder.path, clock)?;
    let built = engine.read(|desk| desk.first_account().is_some()).await.unwrap_or(false);
    if built {
        // Time goes on where it stopped: a desk's clock never runs backwards.
        engine.clock().run_from(engine.last_moment().max(STARTS));
    } else {
        eprintln!("Building the demonstration: the first half of December 2022, replayed through the intake …");
        Story::load()?.play(&engine).await?;
        engine.clock().run_from(STARTS);
    }
    if matches.get_flag("build-only") {
        println!("{}", folder.path.display());
        return Ok(());
    }
    let code = serve::code();
    let settings = settings(&folder.path, http, matches.get_one::<PathBuf>("ready-file").cloned());
    let running = match serve::start(&engine, &settings, None, Some(code.clone())).await {
        // The usual port is taken: any other one will do, unless one was asked for.
        Err(_) if http.is_none() => {
            let any = Settings { http: SocketAddr::from(([127, 0, 0, 1], 0)), ..settings };
            serve::start(&engine, &any, None, Some(code.clone())).await?
        }
        started => started?,
    };
    println!("\n  Open the desk:  http://{}/demo?code={code}\n", running.http);
    println!("Everything in it is invented, except what was published about Antwerp, Diest and Willebroek.");
    println!("Its clock starts on Thursday 15 December 2022, 03:04. Ctrl-C ends it.");
    running.until_told().await;
    drop(folder);
    Ok(())
}

/// Only an empty folder, or one that is a demonstration already, may be opened as one: whoever opens it is signed in without a password,
/// and its mail goes into the sink. Looked at by reading alone, before anything there is opened to write or to send.
fn is_ours(data: &Path) -> Result<(), Failure> {
    let empty = match std::fs::read_dir(data) {
        Ok(mut items) => items.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(Failure::of_file(data, error)),
    };
    if empty {
        return Ok(());
    }
    let refused =
        |what: &str, hint: String| Failure::new(Kind::Invalid, format!("{}: {what}", data.display())).hint(hint);
    if !data.join("journal.db").is_file() {
        return Err(refused(
            "this folder is in use for something else",
            "Give --keep a folder that is empty or not there yet.".to_owned(),
        ));
    }
    let desk = open::glance(data)?;
    // Without a fact: what was begun and ended before the first one.
    if desk.front().demo || desk.next_seq() == 0 {
        return Ok(());
    }
    Err(refused(
        "this is a desk in use, not a demonstration; nothing in it was changed",
        format!(
            "Open it with: bolwerk serve --data {}. For a demonstration give --keep a folder that is empty or not there yet.",
            data.display()
        ),
    ))
}

fn open(data: &Path, clock: Arc<Clock>) -> Result<Engine, Failure> {
    let options = Options {
        data: data.to_owned(),
        clock,
        address: Some(ADDRESS.to_owned()),
        outbound: Outbound::Sink,
        senders: engine::Senders::default(),
        worker: open::worker()?,
        workers: 2,
        snapshots: None,
    };
    Engine::open(options).map_err(|e| open::explain(data, e))
}

fn settings(data: &Path, http: Option<SocketAddr>, ready_file: Option<PathBuf>) -> Settings {
    Settings {
        data: data.to_owned(),
        http: http.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], PORT))),
        smtp: None,
        lmtp: None,
        address: Some(ADDRESS.to_owned()),
        hostname: "demo.example".to_owned(),
        relay: None,
        direct: None,
        senders: crate::config::SendersFile::default(),
        dns: None,
        tls: None,
        imap: None,
        limits: Limits::default(),
        ready_file,
    }
}

/// The demonstration's folder; one of its own is removed in the end.
struct Folder {
    path: PathBuf,
    passing: bool,
}

impl Folder {
    fn of(keep: Option<&PathBuf>) -> Result<Folder, Failure> {
        match keep {
            Some(path) => Ok(Folder { path: path.clone(), passing: false }),
            None => {
                let path = std::env::temp_dir().join(format!("bolwerk-demo-{}", serve::code()));
                std::fs::create_dir(&path)?;
                Ok(Folder { path, passing: true })
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.passing {
            // What cannot be removed lies in the folder for temporary files, which the machine empties itself.
            let _left = std::fs::remove_dir_all(&self.path);
        }
    }
}
