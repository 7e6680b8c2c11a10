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
}
