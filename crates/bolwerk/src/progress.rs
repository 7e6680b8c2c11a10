//! How far an import is: one line on the terminal, drawn again when it says something else.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// Signs of the bar.
const WIDTH: u64 = 30;

/// The line. It draws nothing where nobody looks: standard error is no terminal, or a program reads the result.
pub struct Bar {
    /// Bytes in all; `None`: nothing is drawn.
    total: Option<u64>,
    taken: u64,
    mails: usize,
    drawn: String,
}

impl Bar {
    /// For the mail below these paths.
    pub fn of(paths: &[PathBuf], json: bool) -> Bar {
        let total = (!json && std::io::stderr().is_terminal()).then(|| post::files::bytes_in(paths));
        Bar { total, taken: 0, mails: 0, drawn: String::new() }
    }

    /// One mail more, of so many bytes.
    pub fn taken(&mut self, bytes: u64) {
        self.taken += bytes;
        self.mails += 1;
        let Some(total) = self.total else { return };
        // The count alone is no reason to draw again each time.
        let line = line(self.taken, total, self.mails);
        if self.mails.is_multiple_of(100) || line[..bar_end(&line)] != self.drawn[..bar_end(&self.drawn)] {
            self.draw(line);
        }
    }

    /// Everything is taken; so many are still to be read.
    pub fn reading(&mut self, unread: usize) {
        if self.total.is_some() {
            self.draw(format!("{} mails are kept, {unread} still to be read", self.mails));
        }
    }

    /// Takes the line away, so that others can be written.
    pub fn clear(&mut self) {
        if self.total.is_some() && !self.drawn.is_empty() {
            self.draw(String::new());
        }
    }

    fn draw(&mut self, line: String) {
        // To the start of the line, and nothing left of what stood there. What cannot be drawn is no reason to stop.
        let mut terminal = std::io::stderr().lock();
        let _undrawn = write!(terminal, "\r\x1b[K{line}").and_then(|()| terminal.flush());
        self.drawn = line;
    }
}

/// Where the bar ends and the count begins.
fn bar_end(line: &str) -> usize {
    line.find(']').unwrap_or(0)
}

/// Percentage, bar and count. A line end that is written otherwise in the file makes no more than all of it.
fn line(taken: u64, total: u64, mails: usize) -> String {
    let part = |of: u64| (u128::from(taken.min(total)) * u128::from(of) / u128::from(total.max(1))) as u64;
    let full = part(WIDTH) as usize;
    let bar = "#".repeat(full) + &".".repeat(WIDTH as usize - full);
    format!("{:>3} % [{bar}] {mails} mails", part(100))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_line_shows_part_and_count() {
        assert_eq!(line(0, 1000, 0), format!("  0 % [{}] 0 mails", ".".repeat(30)));
        assert_eq!(line(500, 1000, 7), format!(" 50 % [{}{}] 7 mails", "#".repeat(15), ".".repeat(15)));
        for more in [1000, 1001, u64::MAX] {
            assert_eq!(line(more, 1000, 9), format!("100 % [{}] 9 mails", "#".repeat(30)));
        }
        assert!(line(0, 0, 1).starts_with("  0 %"));
    }
}
