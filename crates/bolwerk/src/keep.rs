//! Keeping the journal: verify, checkpoint, backup, restore, export.

use crate::exit::{Failure, Kind, RIGHTS};
use crate::open;
use clap::ArgMatches;
use engine::{CheckedSnapshot, Worth};
use journal::{Error, Reader, RestoreOptions};
use serde_json::json;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// What the journal says, as a person reads it.
pub fn explain(data: &Path, error: Error) -> Failure {
    let kind = match &error {
        Error::Held { .. } => Kind::Held,
        Error::Broken { .. } | Error::BadBackup { .. } | Error::BadKeys { .. } => Kind::Damaged,
        Error::Absent { .. } | Error::NoKeys { .. } => Kind::Missing,
        Error::ReadOnly { .. }
        | Error::Exists { .. }
        | Error::BadNote { .. }
        | Error::Encrypted { .. }
        | Error::Invalid { .. } => Kind::Invalid,
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Kind::Missing,
        _ => Kind::Storage,
    };
    let hint = match kind {
        _ if matches!(error, Error::NoKeys { .. } | Error::BadKeys { .. }) => {
            "Without its keys nothing personal in this folder can be read, and nothing is written. The file `keys` is not in a backup but beside it (FILE.keys)."
        }
        _ if matches!(error, Error::ReadOnly { .. }) => {
            "Nothing is written there until that is mended. Commands that only read, and `backup`, work as it is."
        }
        _ if matches!(&error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied) => {
            RIGHTS
        }
        Kind::Missing if matches!(error, Error::Io { .. }) => "Name a file that is there and can be read.",
        Kind::Held => "Another program holds this folder: stop it, or use the commands that go through it.",
        Kind::Damaged => {
            "Do not write to this folder. Restore the newest backup that verifies into another folder, and keep this one as evidence."
        }
        Kind::Missing => "Give the folder of a desk with --data.",
        Kind::Invalid => "Correct what was given, and run the command again.",
        _ => "Check that the disk has room and that the folder can be written.",
    };
    Failure::new(kind, format!("{}: {error}", data.display())).hint(hint)
}

fn path<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a PathBuf> {
    matches.get_one::<PathBuf>(name)
}

fn data(matches: &ArgMatches) -> &Path {
    path(matches, "data").expect("the command line requires it")
}

/// What stands in a file that an option names.
fn text(matches: &ArgMatches, name: &str) -> Result<Option<String>, Failure> {
    let read = |file: &PathBuf| std::fs::read_to_string(file).map_err(|e| Failure::of_file(file, e));
    path(matches, name).map(read).transpose()
}

/// A note that cannot be used is the fault of its file, not of the folder that is looked at.
fn of_note(file: Option<&PathBuf>, error: &Error) -> Option<Failure> {
    let (Some(file), Error::BadNote { what }) = (file, error) else { return None };
    let failure = Failure::new(Kind::Invalid, format!("{}: the note cannot be used: {what}", file.display()));
    Some(
        failure
            .hint("Give what `bolwerk checkpoint` or `bolwerk erasures` printed for this desk, whole and unchanged."),
    )
}

/// `bolwerk verify`.
pub fn verify(matches: &ArgMatches) -> Result<(), Failure> {
    let data = data(matches);
    open::exists(data)?;
    let against = text(matches, "against")?;
    let verified = journal::verify(data, against.as_deref(), &mut |_, _| {})
        .map_err(|e| of_note(path(matches, "against"), &e).unwrap_or_else(|| explain(data, e)))?;
    let snapshots = engine::check_snapshots(data).map_err(|e| open::explain(data, e))?;
    if let Some((file, why)) = snapshots.iter().find_map(bad) {
        return Err(Failure::new(Kind::Damaged, format!("{}: {why}", file.display())).hint(
            "The journal itself is whole. Remove that file: the next start reads the journal and makes another one.",
        ));
    }
    if matches.get_flag("json") {
        let told = json!({
            "size": verified.size,
            "last_recorded_at": verified.last_recorded_at.map(moment),
            "against": verified.against,
            "opened": verified.opened,
            "closed": verified.closed,
            "erased": verified.erased,
            "unfinished": verified.unfinished,
            "snapshots": snapshots.iter().filter(|s| s.worth == Worth::Good).count(),
        });
        println!("{told}");
        return Ok(());
    }
    println!("Whole: {} entries{}.", verified.size, until(verified.last_recorded_at));
    println!(
        "{} sealed parts opened and are what was committed to, {} closed (no keys here), {} erased.",
        verified.opened, verified.closed, verified.erased
    );
    if let Some(size) = verified.against {
        println!("Nothing before the given checkpoint ({size} entries) changed.");
    }
    verified.unfinished.iter().for_each(|u| println!("Unfinished, tidied up at the next start: {u}"));
    for snapshot in &snapshots {
        let name = snapshot.path.display();
        match &snapshot.worth {
            Worth::Good => println!("{name} holds exactly what its {} entries give.", snapshot.position),
            Worth::Outdated(why) | Worth::Bad(why) => println!("{name} is thrown away at the next start: {why}."),
        }
    }
    Ok(())
}

fn bad(snapshot: &CheckedSnapshot) -> Option<(&Path, &str)> {
    match &snapshot.worth {
        Worth::Bad(why) => Some((&snapshot.path, why)),
        Worth::Good | Worth::Outdated(_) => None,
    }
}

fn moment(at: i64) -> String {
    crate::words::rfc3339(desk::ids::Timestamp(at))
}

fn until(last: Option<i64>) -> String {
    last.map_or(String::new(), |at| format!(", the last one of {}", moment(at)))
}

/// `bolwerk snapshot-worker`, which the server starts: in what time the machine has left.
pub fn snapshot(matches: &ArgMatches) -> Result<(), Failure> {
    give_way();
    engine::make_snapshot(data(matches)).map_err(|why| Failure::new(Kind::Storage, why))
}

/// Lets every other process go first.
#[allow(unsafe_code)]
fn give_way() {
    const NICENESS: libc::c_int = 10;
    // SAFETY: a system call on numbers; it fails for no worse than the usual turn.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS);
    }
}

/// `bolwerk checkpoint`.
pub fn checkpoint(matches: &ArgMatches) -> Result<(), Failure> {
    print_note(data(matches), Reader::checkpoint)
}

/// `bolwerk erasures`.
pub fn erasures(matches: &ArgMatches) -> Result<(), Failure> {
    print_note(data(matches), Reader::erasures)
}

fn print_note(data: &Path, note: impl Fn(&Reader) -> Result<String, Error>) -> Result<(), Failure> {
    open::exists(data)?;
    let note = Reader::open(data).and_then(|reader| note(&reader)).map_err(|e| explain(data, e))?;
    print!("{note}");
    Ok(())
}

/// `bolwerk backup`.
pub fn backup(matches: &ArgMatches) -> Result<(), Failure> {
    let data = data(matches);
    open::exists(data)?;
    let out = path(matches, "out").expect("the command line requires it");
    let recipient = matches.get_one::<String>("recipient").map(String::as_str);
    let backed = journal::backup(data, out, recipient).map_err(|e| match e {
        Error::Invalid { what } => Failure::new(Kind::Usage, format!("--recipient: {what}"))
            .hint("Give the public key that age-keygen printed: age1 and 58 letters and digits."),
        e => explain(data, e),
    })?;
    println!("Backed up {} entries{}, {} bytes.", backed.size, until(backed.last_recorded_at), backed.bytes);
    match &backed.keys {
        Some(keys) => println!("Keep {} and {} apart.", out.display(), keys.display()),
        None => println!("There are no keys in this folder: the content of this backup stays sealed."),
    }
    if !backed.encrypted {
        println!("The keys are not encrypted: give --recipient to encrypt both files.");
    }
    println!("\nCheckpoint; keep it elsewhere:\n\n{}", backed.checkpoint);
    Ok(())
}

/// `bolwerk restore`.
pub fn restore(matches: &ArgMatches) -> Result<(), Failure> {
    let file = path(matches, "file").expect("the command line requires it");
    if !file.is_file() {
        return Err(Failure::new(Kind::Missing, format!("{}: there is no such file", file.display()))
            .hint("Give the file that `bolwerk backup` wrote."));
    }
    let options = RestoreOptions {
        keys: path(matches, "keys").cloned(),
        erasures: text(matches, "erasures")?,
        checkpoint: text(matches, "checkpoint")?,
        identity: path(matches, "identity").cloned(),
    };
    let into = data(matches);
    let restored = journal::restore(file, into, &options).map_err(|e| not_restored(matches, file, e))?;
    println!("Restored and verified {} entries{}.", restored.size, until(restored.last_recorded_at));
    if let Some(last) = restored.last_recorded_at {
        let seconds = engine::Clock::default().now().seconds_since(desk::ids::Timestamp(last));
        println!("This backup is {} old: what came in since is not in it.", crate::words::span(seconds));
    }
    if !restored.keys {
        println!("No keys were given: the content stays sealed.");
    }
    if restored.erased_again > 0 {
        println!("{} keys were erased again, because the list of erasures says so.", restored.erased_again);
    }
    if restored.missing > 0 {
        println!("The checkpoint knows {} entries more: they are not in this backup.", restored.missing);
    }
    if let Some(why) = &restored.read_only {
        println!("The folder is read-only: {why}");
    }
    Ok(())
}

/// Why a backup was not restored: what is wrong is the backup or what came with it, never the desk that it is of.
fn not_restored(matches: &ArgMatches, file: &Path, error: Error) -> Failure {
    let notes = [path(matches, "checkpoint"), path(matches, "erasures")];
    let only = if let [Some(note), None] | [None, Some(note)] = notes { Some(note) } else { None };
    let named = of_note(only, &error);
    let hint = match &error {
        Error::BadBackup { .. } | Error::Broken { .. } => {
            "This is no file that `bolwerk backup` wrote, or it is damaged: take another copy of it, or an older one. Nothing was restored."
        }
        Error::BadKeys { .. } => "Give the FILE.keys that was written with this backup. Nothing was restored.",
        Error::BadNote { .. } => {
            "Look at what --checkpoint and --erasures name: each is what this desk printed, whole and unchanged. Nothing was restored."
        }
        Error::Encrypted { .. } => {
            "Give --identity with the file that age-keygen wrote for the recipient of this backup."
        }
        Error::Exists { .. } => "Give --data a folder that is empty or not there yet.",
        _ => return named.unwrap_or_else(|| explain(file, error)),
    };
    let Failure { kind, what, .. } = explain(file, error);
    named.unwrap_or_else(|| Failure::new(kind, what).hint(hint))
}

/// `bolwerk export --jsonl`.
pub fn export(matches: &ArgMatches) -> Result<(), Failure> {
    let data = data(matches);
    open::exists(data)?;
    let reader = Reader::open(data).map_err(|e| explain(data, e))?;
    let last = crate::list::position(matches)?;
    if let Some(last) = last {
        let size = reader.size().map_err(|e| explain(data, e))?;
        open::reached(last, size)?;
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut failed = None;
    let visited = reader.visit(0, &mut |stored| {
        if last.is_some_and(|last| stored.seq > last) {
            return ControlFlow::Break(());
        }
        let body: serde_json::Value = serde_json::from_slice(&stored.body).unwrap_or_default();
        let sealed = stored.parts.first().and_then(|p| p.content.as_deref());
        let sealed: Option<serde_json::Value> = sealed.and_then(|s| serde_json::from_slice(s).ok());
        let line = json!({
            "seq": stored.seq,
            "recorded_at": crate::words::rfc3339(desk::ids::Timestamp(stored.recorded_at)),
            "kind": stored.kind,
            "version": stored.version,
            "body": body,
            "sealed": sealed,
        });
        match writeln!(out, "{line}") {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    visited.map_err(|e| explain(data, e))?;
    match failed {
        // `bolwerk export | head` is no failure.
        Some(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Some(error) => Err(error.into()),
        None => Ok(out.flush()?),
    }
}
