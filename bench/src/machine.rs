//! What a figure was measured on, and what processes used.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// One line that describes this machine: processor, cores, memory, kernel, disk under `folder`, load, commit.
pub fn description(folder: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let parts = [
        format!("{} × {}", cores, field("/proc/cpuinfo", "model name").unwrap_or_default()),
        format!("{} GiB", memory_gib()),
        format!("Linux {}", text("/proc/sys/kernel/osrelease")),
        disk(folder),
        format!("load before it {}", text("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")),
        format!("commit {}", commit()),
    ];
    parts.join("; ")
}

/// Now, to the minute, UTC.
pub fn date() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn field(path: &str, name: &str) -> Option<String> {
    let all = std::fs::read_to_string(path).ok()?;
    let line = all.lines().find(|l| l.split(':').next().is_some_and(|n| n.trim() == name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_gib() -> u64 {
    let kib = field("/proc/meminfo", "MemTotal").and_then(|m| m.split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or(0).div_ceil(1 << 20)
}

/// The file system and device that hold a folder.
fn disk(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_default();
    let mounts = text("/proc/self/mounts");
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?, Path::new(words.next()?), words.next()?))
    });
    let holding = mounted.filter(|(_, at, _)| folder.starts_with(at)).max_by_key(|(_, at, _)| at.as_os_str().len());
    holding.map_or("disk unknown".to_owned(), |(device, _, kind)| format!("{kind} on {device}"))
}

fn commit() -> String {
    let git = |arguments: &[&str]| Command::new("git").args(arguments).output().ok().filter(|o| o.status.success());
    let short = git(&["rev-parse", "--short", "HEAD"]).map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    let changed = git(&["status", "--porcelain", "-uno", "crates"]).is_some_and(|o| !o.stdout.is_empty());
    format!("{}{}", short.unwrap_or_default(), if changed { " (changed)" } else { "" })
}

/// A process and all below it.
fn family(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_string_lossy().parse::<u32>();
        if let Ok(pid) = pid
            && let Some(parent) = stat(pid).and_then(|s| s.get(1)?.parse().ok())
        {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut family = vec![root];
    let mut next = 0;
    while let Some(pid) = family.get(next) {
        family.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    family
}

/// Fields of /proc/PID/stat behind the name: state is 0, parent 1.
fn stat(pid: u32) -> Option<Vec<String>> {
    let all = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(all.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

/// Memory of a process and all below it, bytes: proportional set size, shared pages counted once.
pub fn pss_bytes(root: u32) -> u64 {
    let of = |pid: u32| {
        let kib = field(&format!("/proc/{pid}/smaps_rollup"), "Pss")?;
        kib.split(' ').next()?.parse::<u64>().ok()
    };
    family(root).into_iter().filter_map(of).sum::<u64>() * 1024
}

/// How many processes there are: one and all below it.
pub fn processes(root: u32) -> usize {
    family(root).len()
}

/// Processor time of a process and all below it, those that ended included.
#[allow(unsafe_code)] // sysconf(3) has no safe form in std
pub fn cpu(root: u32) -> Duration {
    // SAFETY: plain library call without pointers.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as f64;
    let ticks = |pid: u32| -> Option<u64> { stat(pid)?.get(11..15)?.iter().map(|t| t.parse::<u64>().ok()).sum() };
    let all: u64 = family(root).into_iter().filter_map(ticks).sum();
    Duration::from_secs_f64(all as f64 / per_second)
}

/// Processor time of this thread: what a neighbour takes in between is not in it.
#[allow(unsafe_code)] // clock_gettime(2) has no safe form in std
pub fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours that outlives the call.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    debug_assert_eq!(failed, 0, "every Linux has this clock");
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_this_process_can_be_described() {
        let line = description(Path::new("."));
        assert!(line.contains("GiB") && line.contains(" on "), "{line}");
        let me = std::process::id();
        assert!(processes(me) >= 1);
        assert!(pss_bytes(me) > 100_000, "{}", pss_bytes(me));
        let before = thread_cpu();
        assert!((0..200_000u64).map(std::hint::black_box).sum::<u64>() > 0);
        assert!(thread_cpu() > before);
    }
}
