//! Reading in processes that may die.
//!
//! A mail that makes a parser run wild costs one process, not the desk: each has limits on memory, CPU time and files,
//! a deadline, and is started again after its death. Frames on its standard input and output: length (4 bytes,
//! big-endian), then content.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::read::{self, Part, ReadLimits, Reading, attachment, reason};

/// Address space of a worker, in bytes.
const MEMORY_MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// CPU time for one mail, in seconds.
const CPU_MAX_S: u64 = 20;
/// Longest frame either way, in bytes.
const FRAME_MAX_BYTES: usize = 256 * 1024 * 1024;
/// A mail larger than this ends its worker's life, in bytes: memory that has once been used is seldom given back.
const LAST_MAIL_BYTES: usize = 8 * 1024 * 1024;
/// What a worker says once it is ready; whatever its program printed before is skipped.
const READY: &[u8] = b"\0post-read-worker-1\n";
/// Bytes before [`READY`] that are skipped.
const NOISE_MAX_BYTES: usize = 16 * 1024;

const READ: u8 = b'R';
const ATTACHMENT: u8 = b'A';
const FILE: u8 = b'F';

/// The worker: takes requests until its standard input ends. Call it first thing in `main`; it never returns.
pub fn worker_main() -> ! {
    let code = match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    };
    std::process::exit(i32::from(code == ExitCode::FAILURE));
}

fn serve() -> io::Result<()> {
    limits::fence()?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    output.write_all(READY)?;
    output.flush()?;
    let limits = ReadLimits::default();
    while let Some(request) = receive(&mut input)? {
        limits::cpu_from_now(CPU_MAX_S)?;
        match request.split_first() {
            Some((&READ, raw)) => send(&mut output, &json(&read::read(raw, &limits)))?,
            Some((&ATTACHMENT, rest)) => {
                let (index, raw) = rest.split_first_chunk().ok_or(io::ErrorKind::InvalidData)?;
                let found = attachment(raw, u32::from_be_bytes(*index), &limits);
                send(&mut output, &json(&found.as_ref().map(|(part, _)| part)))?;
                send(&mut output, &found.map(|(_, bytes)| bytes).unwrap_or_default())?;
            }
            Some((&FILE, rest)) => {
                let (index, rest) = rest.split_first_chunk().ok_or(io::ErrorKind::InvalidData)?;
                let (name, rest) = short(rest)?;
                let (media_type, bytes) = short(rest)?;
                send(&mut output, &json(&read::file(u32::from_be_bytes(*index), &name, &media_type, bytes, &limits)))?;
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        output.flush()?;
    }
    Ok(())
}

/// A text with its length (4 bytes) before it, and what follows it.
fn short(bytes: &[u8]) -> io::Result<(String, &[u8])> {
    let (length, rest) = bytes.split_first_chunk().ok_or(io::ErrorKind::InvalidData)?;
    let (text, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(io::ErrorKind::InvalidData)?;
    Ok((String::from_utf8_lossy(text).into_owned(), rest))
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    // Strings, numbers and lists: there is nothing in a reading that JSON cannot say.
    serde_json::to_vec(value).unwrap_or_default()
}

fn receive(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > FRAME_MAX_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; length];
    input.read_exact(&mut frame)?;
    Ok(Some(frame))
}

fn send(output: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    output.write_all(&length.to_be_bytes())?;
    output.write_all(frame)
}

/// A pool of workers. Requests beyond their number wait, in order; whoever asks holds the mail, so the queue is as
/// bounded as the asking is.
pub struct Workers {
    program: PathBuf,
    arguments: Vec<String>,
    timeout: Duration,
    seats: Semaphore,
    idle: Mutex<Vec<Process>>,
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("program", &self.program)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Workers {
    /// Up to `count` processes of `program arguments…`, each of which calls [`worker_main`]. They start when they are
    /// first needed. `timeout` bounds one mail.
    pub fn new(program: PathBuf, arguments: Vec<String>, count: usize, timeout: Duration) -> Self {
        let seats = Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS));
        Self { program, arguments, timeout, seats, idle: Mutex::new(Vec::new()) }
    }

    /// Reads a mail. A worker that dies is replaced by a new one, which is asked once more; then, or when it takes too long, what the
    /// header says at a glance comes back with the reason.
    pub async fn read(&self, raw: impl AsRef<[u8]> + Send + Sync) -> Reading {
        let raw = raw.as_ref();
        match self.ask(&[READ], raw, 1).await {
            Ok(frames) => match frames.first().and_then(|frame| serde_json::from_slice(frame).ok()) {
                Some(reading) => reading,
                None => Reading::unread(raw, reason::WORKER_DIED),
            },
            Err(Failure::Died) => Reading::unread(raw, reason::WORKER_DIED),
            Err(Failure::Timeout) => Reading::unread(raw, reason::WORKER_TIMEOUT),
        }
    }

    /// One attachment with its bytes, as [`Reading::attachments`] numbers them. `None`: there is none, or the worker
    /// died over it.
    pub async fn attachment(&self, raw: impl AsRef<[u8]> + Send + Sync, index: u32) -> Option<(Part, Vec<u8>)> {
        let head = [&[ATTACHMENT][..], &index.to_be_bytes()].concat();
        let mut frames = self.ask(&head, raw.as_ref(), 2).await.ok()?;
        let bytes = frames.pop()?;
        let part: Option<Part> = serde_json::from_slice(&frames.pop()?).ok()?;
        Some((part?, bytes))
    }

    /// A file that came by another way than mail, and why it is not complete. Where the worker fails, all but its text.
    pub async fn file(&self, index: u32, name: &str, media_type: &str, bytes: &[u8]) -> (Part, Vec<String>) {
        let mut head = [&[FILE][..], &index.to_be_bytes()].concat();
        for text in [name, media_type] {
            // Longer than any frame is refused when the frame is written.
            head.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            head.extend_from_slice(text.as_bytes());
        }
        let why = match self.ask(&head, bytes, 1).await {
            Ok(frames) => match frames.first().and_then(|frame| serde_json::from_slice(frame).ok()) {
                Some(read) => return read,
                None => reason::WORKER_DIED,
            },
            Err(Failure::Died) => reason::WORKER_DIED,
            Err(Failure::Timeout) => reason::WORKER_TIMEOUT,
        };
        (Part::unread(index, name, media_type, bytes), vec![why.to_owned()])
    }

    async fn ask(&self, head: &[u8], raw: &[u8], frames: usize) -> Result<Vec<Vec<u8>>, Failure> {
        // The semaphore is never closed.
        let _seat = self.seats.acquire().await.map_err(|_| Failure::Died)?;
        let mut failure = Failure::Died;
        // What waits idle may have died long ago, and says nothing about this mail: the second one is always new.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        for waiting in [idle, None] {
            let Some(mut process) = waiting.or_else(|| self.start()) else { continue };
            match timeout(self.timeout, process.ask(head, raw, frames)).await {
                Ok(Ok(answer)) => {
                    if raw.len() <= LAST_MAIL_BYTES {
                        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(process);
                    }
                    return Ok(answer);
                }
                Ok(Err(_)) => failure = Failure::Died,
                // Dropping the process kills it.
                Err(_) => return Err(Failure::Timeout),
            }
        }
        Err(failure)
    }

    fn start(&self) -> Option<Process> {
        Process::start(&self.program, &self.arguments).ok()
    }
}

#[derive(Clone, Copy)]
enum Failure {
    Died,
    Timeout,
}

struct Process {
    _child: Child,
    input: ChildStdin,
    output: ChildStdout,
    ready: bool,
}

impl Process {
    fn start(program: &PathBuf, arguments: &[String]) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Self { _child: child, input, output, ready: false }),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    async fn ask(&mut self, head: &[u8], raw: &[u8], frames: usize) -> io::Result<Vec<Vec<u8>>> {
        if !self.ready {
            await_ready(&mut self.output).await?;
            self.ready = true;
        }
        let length = head.len().checked_add(raw.len()).filter(|&length| length <= FRAME_MAX_BYTES);
        let length = length.and_then(|length| u32::try_from(length).ok()).ok_or(io::ErrorKind::InvalidInput)?;
        self.input.write_all(&length.to_be_bytes()).await?;
        self.input.write_all(head).await?;
        self.input.write_all(raw).await?;
        self.input.flush().await?;
        answers(&mut self.output, frames).await
    }
}

/// What a worker answers: so many frames.
async fn answers(output: &mut (impl AsyncRead + Unpin), frames: usize) -> io::Result<Vec<Vec<u8>>> {
    let mut answers = Vec::with_capacity(frames);
    for _ in 0..frames {
        let length = output.read_u32().await? as usize;
        if length > FRAME_MAX_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut frame = Vec::new();
        (&mut *output).take(length as u64).read_to_end(&mut frame).await?;
        if frame.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answers.push(frame);
    }
    Ok(answers)
}

/// Skips what a worker's program printed before it was ready.
async fn await_ready(output: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut seen = Vec::new();
    while !seen.ends_with(READY) {
        if seen.len() > NOISE_MAX_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        seen.push(output.read_u8().await?);
    }
    Ok(())
}

/// A worker that went wild says `data` from its first byte on: what is taken from it stood in it.
pub(crate) fn fuzz(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without a clock");
    runtime.block_on(async {
        let mut output = data;
        if await_ready(&mut output).await.is_err() {
            output = data;
        }
        if let Ok(frames) = answers(&mut output, 2).await {
            assert!(frames.iter().map(Vec::len).sum::<usize>() + 8 <= data.len());
            drop(serde_json::from_slice::<Reading>(&frames[0]));
            drop(serde_json::from_slice::<Option<Part>>(&frames[0]));
        }
    });
}

/// What the kernel holds a worker to.
#[allow(unsafe_code)]
mod limits {
    use std::io;

    #[cfg(target_env = "gnu")]
    type Resource = libc::__rlimit_resource_t;
    #[cfg(not(target_env = "gnu"))]
    type Resource = libc::c_int;

    /// Priority below that of the desk, which acknowledges and answers people.
    const NICE: libc::c_int = 10;

    /// For the process: memory, no core dumps, no files written, none opened.
    pub fn fence() -> io::Result<()> {
        set(libc::RLIMIT_AS, super::MEMORY_MAX_BYTES, super::MEMORY_MAX_BYTES)?;
        set(libc::RLIMIT_CORE, 0, 0)?;
        set(libc::RLIMIT_FSIZE, 0, 0)?;
        // Standard input, output and error are open; nothing else ever needs to be.
        set(libc::RLIMIT_NOFILE, 3, 3)?;
        // What is acknowledged goes before what is read. Where the system does not allow it, nothing is lost.
        // SAFETY: setpriority takes plain numbers.
        let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
        Ok(())
    }

    /// So many more seconds of CPU time from here on, then the kernel ends the process.
    pub fn cpu_from_now(seconds: u64) -> io::Result<()> {
        // SAFETY: a zeroed `rusage` is a valid value, and getrusage writes nothing but that.
        let used = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            if libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) != 0 {
                return Err(io::Error::last_os_error());
            }
            usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        };
        set(libc::RLIMIT_CPU, u64::try_from(used).unwrap_or(0) + seconds, libc::RLIM_INFINITY)
    }

    fn set(which: Resource, soft: u64, hard: u64) -> io::Result<()> {
        let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
        // SAFETY: setrlimit only reads the struct it is given.
        if unsafe { libc::setrlimit(which, &raw const limit) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
