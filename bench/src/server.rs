//! The program under test, run from outside: `bolwerk serve` on free ports, killed and started at will.

use crate::failure::{Failure, Tried};
use crate::mails::MAILBOX;
use crate::pause;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait until a started desk accepts.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// How often it is looked whether it does.
const READY_LOOK: Duration = Duration::from_millis(2);
/// Longest wait until a desk that was told to stop is gone.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How to run the desk under test.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The built program.
    pub program: PathBuf,
    /// A folder for this run's ready file and log.
    pub work: PathBuf,
    /// The desk's folder.
    pub data: PathBuf,
    /// The next hop for mail that leaves.
    pub relay: Option<SocketAddr>,
}

impl Setting {
    /// A desk of its own in a new folder.
    pub fn fresh(program: &Path, work: &Work, relay: Option<SocketAddr>) -> Setting {
        let data = work.path.join("data");
        Setting { program: program.to_owned(), work: work.path.clone(), data, relay }
    }

    fn log(&self) -> PathBuf {
        self.work.join("serve.log")
    }

    /// Runs a command of the program to its end and gives back what it printed.
    pub fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
        // At the lowest priority: what looks on must not slow down what it looks at.
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(&self.program).args(arguments).arg("--data").arg(&self.data);
        let done = command.output().tried(|| format!("nice {}", self.program.display()))?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            return Err(Failure::program(format!("bolwerk {}: {}: {said}", arguments.join(" "), done.status)));
        }
        Ok(done.stdout)
    }

    /// What `list` prints.
    pub fn list(&self, what: &str) -> Result<Vec<Value>, Failure> {
        json_lines(&self.run(&["list", what, "--json"])?)
    }

    /// Starts the desk and waits until it accepts.
    pub fn start(&self) -> Result<Desk, Failure> {
        self.spawn()?.accept()
    }

    /// Starts the desk and waits for nothing.
    pub fn spawn(&self) -> Result<Spawned, Failure> {
        let ready_file = self.work.join("ready.json");
        if ready_file.exists() {
            std::fs::remove_file(&ready_file).at(&ready_file)?;
        }
        let log = OpenOptions::new().create(true).append(true).open(self.log()).at(&self.log())?;
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--data").arg(&self.data);
        command.args(["--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0", "--address", MAILBOX]);
        command.arg("--ready-file").arg(&ready_file);
        if let Some(relay) = self.relay {
            command.arg("--relay").arg(relay.to_string());
        }
        let out = |log: &File| log.try_clone().map(Stdio::from).at(&self.log());
        command.stdin(Stdio::null()).stdout(out(&log)?).stderr(out(&log)?);
        let began = Instant::now();
        let child = command.spawn().at(&self.program)?;
        Ok(Spawned { process: Process(child), ready_file, log: self.log(), began })
    }

    /// What the desk printed so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }
}

/// One JSON value a line.
pub fn json_lines(out: &[u8]) -> Result<Vec<Value>, Failure> {
    let lines = out.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    lines.map(|l| serde_json::from_slice(l).map_err(|e| Failure::program(format!("no JSON line: {e}")))).collect()
}

/// A child process that does not outlive its handle.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A desk that was started and may not accept yet.
pub struct Spawned {
    process: Process,
    ready_file: PathBuf,
    log: PathBuf,
    began: Instant,
}

impl Spawned {
    /// When it was started.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Kills it without a word, wherever it is in its start.
    pub fn kill(self) {
        drop(self.process);
    }

    /// Waits until it accepts.
    pub fn accept(mut self) -> Result<Desk, Failure> {
        let ready = self.ready(READY_TIMEOUT)?;
        Ok(Desk { process: self.process, ready })
    }

    fn ready(&mut self, timeout: Duration) -> Result<Ready, Failure> {
        while self.began.elapsed() < timeout {
            if let Some(ready) = read_ready(&self.ready_file) {
                return Ok(ready);
            }
            if let Some(status) = self.process.0.try_wait().tried(|| "waiting for the desk".to_owned())? {
                return Err(self.wrong(&format!("ended with {status}")));
            }
            pause(READY_LOOK);
        }
        Err(self.wrong(&format!("did not accept within {} s", timeout.as_secs())))
    }

    fn wrong(&self, what: &str) -> Failure {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        Failure::program(format!("bolwerk serve {what}; it said:\n{}", last.join("\n")))
    }
}

/// Where a desk listens.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// Pages.
    pub http: SocketAddr,
    /// Mail.
    pub smtp: SocketAddr,
}

fn read_ready(file: &Path) -> Option<Ready> {
    let value: Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let address = |name: &str| value[name].as_str()?.trim_start_matches("http://").trim_end_matches('/').parse().ok();
    Some(Ready { http: address("http")?, smtp: address("smtp")? })
}

/// A desk that accepts.
pub struct Desk {
    process: Process,
    /// Where it listens.
    pub ready: Ready,
}

impl Desk {
    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(self) {
        drop(self.process);
    }

    /// SIGTERM, and waits until it is gone; says how long that took.
    #[allow(unsafe_code)] // kill(2) has no safe form in std
    pub fn stop(mut self) -> Result<Duration, Failure> {
        let began = Instant::now();
        let pid = libc::pid_t::try_from(self.pid()).map_err(|_| Failure::program("a process number out of range"))?;
        // SAFETY: plain system call on the number of a child that is not reaped yet.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        while began.elapsed() < STOP_TIMEOUT {
            match self.process.0.try_wait().tried(|| "waiting for the desk".to_owned())? {
                Some(status) if status.success() => return Ok(began.elapsed()),
                Some(status) => return Err(Failure::program(format!("told to stop, the desk ended with {status}"))),
                None => pause(READY_LOOK),
            }
        }
        Err(Failure::program(format!("told to stop, the desk still ran after {} s", STOP_TIMEOUT.as_secs())))
    }
}

/// A folder for one run, removed in the end unless it is to be kept.
pub struct Work {
    /// The folder.
    pub path: PathBuf,
    keep: bool,
}

impl Work {
    /// A new folder inside `parent`.
    pub fn new(parent: &Path, what: &str, keep: bool) -> Result<Work, Failure> {
        let path = parent.join(format!("{what}-{}", unique()));
        std::fs::create_dir_all(&path).at(&path)?;
        Ok(Work { path, keep })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.keep {
            println!("kept: {}", self.path.display());
        } else {
            // What cannot be removed is found below the target folder.
            let _left = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// A word that no other run has.
pub fn unique() -> String {
    let mut random = [0; 6];
    getrandom::fill(&mut random).expect("the machine's random source works");
    random.iter().map(|b| format!("{b:02x}")).collect()
}
