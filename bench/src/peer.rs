//! Request Tracker beside it: the installed kit's own `mail-rate`, run and read.

use crate::failure::{Failure, Tried};
use std::path::Path;
use std::process::{Command, Stdio};

/// Mails a second that the kit at this path accepts over so many connections at once.
pub fn mails_per_second(kit: &Path, folder: &Path, connections: usize, mails: usize) -> Result<f64, Failure> {
    let script = kit.join("mail-rate");
    let mut command = Command::new(&script);
    command.args(["--runs", "1", "--mails", &mails.to_string(), "--concurrency", &connections.to_string()]);
    command.arg("--dir").arg(folder).stderr(Stdio::inherit());
    let done = command.output().at(&script)?;
    let out = String::from_utf8_lossy(&done.stdout).into_owned();
    if !done.status.success() {
        return Err(Failure::program(format!("{}: {}", script.display(), done.status)));
    }
    rate(&out, connections)
        .ok_or_else(|| Failure::program(format!("{}: no row for {connections}:\n{out}", script.display())))
}

/// The column `mails/s` of the row of so many connections.
fn rate(out: &str, connections: usize) -> Option<f64> {
    let rows = out.lines().filter(|l| l.starts_with('|')).map(|l| l.trim_matches('|').split('|').map(str::trim));
    let mut rows = rows.map(Iterator::collect::<Vec<_>>);
    let column = rows.next()?.iter().position(|c| *c == "mails/s")?;
    let row = rows.find(|r| r[0] == connections.to_string())?;
    row.get(column)?.parse().ok()
}

/// A page of the peer, as its own kit measured it; figures as the kit writes them.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Which.
    pub name: String,
    /// Half of the requests took no longer, milliseconds.
    pub p50_ms: String,
    /// 99 of 100 took no longer, milliseconds.
    pub p99_ms: String,
    /// Processor time a request, milliseconds.
    pub cpu_ms: String,
    /// Size, KiB.
    pub kib: String,
}

/// The peer's pages: measured now, by the installed kit in a folder; or read from a file with the kit's table.
pub fn pages(from: &Path) -> Result<Vec<Page>, Failure> {
    let out = if from.is_dir() {
        let script = from.join("pages");
        let mut command = Command::new(&script);
        command.args(["--runs", "1", "--requests", "50"]).stderr(Stdio::inherit());
        let done = command.output().at(&script)?;
        if !done.status.success() {
            return Err(Failure::program(format!("{}: {}", script.display(), done.status)));
        }
        String::from_utf8_lossy(&done.stdout).into_owned()
    } else {
        std::fs::read_to_string(from).at(from)?
    };
    let pages = page_rows(&out);
    if pages.is_empty() {
        return Err(Failure::program(format!("{}: no table of pages:\n{out}", from.display())));
    }
    Ok(pages)
}

/// The rows of the first table that begins with `page`.
fn page_rows(out: &str) -> Vec<Page> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect::<Vec<_>>();
    let mut lines = out.lines().skip_while(|l| !l.starts_with("| page |"));
    let head = lines.next().map(cells).unwrap_or_default();
    let column = |row: &[String], name: &str| {
        let at = head.iter().position(|h| h == name)?;
        row.get(at).cloned()
    };
    let rows = lines.skip(1).take_while(|l| l.starts_with('|')).map(cells);
    let page = |row: Vec<String>| {
        Some(Page {
            name: column(&row, "page")?,
            p50_ms: column(&row, "p50 ms")?,
            p99_ms: column(&row, "p99 ms")?,
            cpu_ms: column(&row, "CPU ms").unwrap_or_default(),
            kib: column(&row, "KiB").unwrap_or_default(),
        })
    };
    rows.filter_map(page).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kits_table_is_read() {
        let out = "100 mails per round, via mailgate\n\n\
                   | concurrency | accepted | stored | lost | seconds | mails/s | p50 ms |\n| --- | ---: | ---: |\n\
                   | 8 | 100 | 100 | 0 | 28.7 | 3.5 | 2258 |\n| 32 | 100 | 100 | 0 | 27.8 | 3.6 | 7881 |\n";
        assert_eq!(rate(out, 32), Some(3.6));
        assert_eq!(rate(out, 8), Some(3.5));
        assert_eq!(rate(out, 1), None);
    }

    #[test]
    fn the_kits_pages_are_read_and_those_that_are_kept_here() {
        let out = "50 requests\n\n| page | p50 ms | p99 ms | CPU ms | KiB | tickets found |\n| --- | ---: | ---: | ---: | ---: | ---: |\n\
                   | ticket list, 50 rows | 659 | 1002 | 651 | 412 | 16 968 |\n| home page | 157 | 223 | 157 | 73 | |\n\nafter it";
        let pages = page_rows(out);
        assert_eq!(pages.len(), 2);
        assert_eq!((pages[0].name.as_str(), pages[0].p99_ms.as_str()), ("ticket list, 50 rows", "1002"));
        assert_eq!((pages[1].cpu_ms.as_str(), pages[1].kib.as_str()), ("157", "73"));
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/rt5-pages.md");
        assert_eq!(super::pages(&kept).unwrap().len(), 8);
        assert!(page_rows("| concurrency |\n").is_empty());
    }
}
