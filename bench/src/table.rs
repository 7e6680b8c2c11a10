//! Results: printed as a Markdown table, and appended to a file under `results`.

use crate::failure::{Failure, Tried};
use crate::machine;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Whether a bar is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It was not measured in this run.
    NotMeasured,
}

impl Held {
    /// Yes or no.
    pub fn when(held: bool) -> Held {
        if held { Held::Yes } else { Held::No }
    }
}

/// Figures of one run.
pub struct Report {
    title: &'static str,
    how: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    bars: Vec<(String, String, Held)>,
    notes: Vec<String>,
}

impl Report {
    /// An empty one: the benchmark's name, what was run, and the columns.
    pub fn new(title: &'static str, how: String, head: &[&str]) -> Report {
        let head = head.iter().map(|h| (*h).to_owned()).collect();
        Report { title, how, head, rows: Vec::new(), bars: Vec::new(), notes: Vec::new() }
    }

    /// A row of figures.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// A bar, what was measured, and whether it holds.
    pub fn bar(&mut self, bar: impl Into<String>, measured: impl Into<String>, held: Held) {
        self.bars.push((bar.into(), measured.into(), held));
    }

    /// Something to know beside the figures.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        table(&mut out, &self.head, &self.rows);
        if !self.bars.is_empty() {
            let word = |held: Held| match held {
                Held::Yes => "held",
                Held::No => "**missed**",
                Held::NotMeasured => "not measured",
            };
            let head = ["bar", "measured", ""].map(str::to_owned);
            let rows: Vec<Vec<String>> =
                self.bars.iter().map(|(b, m, h)| vec![b.clone(), m.clone(), word(*h).to_owned()]).collect();
            out.push('\n');
            table(&mut out, &head, &rows);
        }
        if !self.notes.is_empty() {
            out.push('\n');
            self.notes.iter().for_each(|n| out.push_str(&format!("- {n}\n")));
        }
        out
    }

    /// Prints it, and appends it to `FOLDER/TITLE.md` with machine and date. `machine` is [`machine::description`] before the run.
    pub fn publish(&self, folder: Option<&Path>, machine: &str) -> Result<(), Failure> {
        let body = self.markdown();
        println!("\n{body}");
        let Some(folder) = folder else { return Ok(()) };
        std::fs::create_dir_all(folder).at(folder)?;
        let path = folder.join(format!("{}.md", self.title));
        let new = !path.exists();
        let mut file = OpenOptions::new().create(true).append(true).open(&path).at(&path)?;
        let title = if new { format!("# {}\n", self.title) } else { String::new() };
        let entry = format!("{title}\n## {}\n\n`{}`\n\n{machine}\n\n{body}", machine::date(), self.how);
        file.write_all(entry.as_bytes()).at(&path)
    }
}

fn table(out: &mut String, head: &[String], rows: &[Vec<String>]) {
    let mut line = |cells: &[String]| out.push_str(&format!("| {} |\n", cells.join(" | ")));
    line(head);
    let rule: Vec<String> = (0..head.len()).map(|n| if n == 0 { "---" } else { "---:" }.to_owned()).collect();
    line(&rule);
    rows.iter().for_each(|r| line(r));
}

/// A whole number with thin groups: `12 345`.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    if value < 0.0 && digits != "0" { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        let grouped_ones = [0.0, 999.4, 1000.0, 1_234_567.0, -12_345.0].map(grouped);
        assert_eq!(grouped_ones, ["0", "999", "1 000", "1 234 567", "-12 345"]);
    }

    #[test]
    fn results_are_appended_and_a_missed_bar_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut report = Report::new("things", "bench things".to_owned(), &["what", "n"]);
        report.row(vec!["a".to_owned(), "1".to_owned()]);
        report.bar("≥ 2", "1", Held::No);
        report.note("a note");
        report.publish(Some(folder.path()), "a machine").unwrap();
        report.publish(Some(folder.path()), "a machine").unwrap();
        let written = std::fs::read_to_string(folder.path().join("things.md")).unwrap();
        assert_eq!(written.matches("# things\n").count(), 1);
        assert_eq!(written.matches("| a | 1 |\n").count(), 2);
        assert!(written.contains("| ≥ 2 | 1 | **missed** |\n") && written.contains("- a note\n"), "{written}");
    }
}
