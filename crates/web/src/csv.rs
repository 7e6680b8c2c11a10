//! Tables for spreadsheets (RFC 4180): quoted, UTF-8 with its mark, and no cell that a spreadsheet would compute.

/// Signs that begin a formula in some spreadsheet (OWASP, "CSV Injection").
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// Without it a spreadsheet reads UTF-8 as something else.
const MARK: &str = "\u{feff}";

/// A table that grows row by row.
#[derive(Debug)]
pub struct Table(String);

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[&str]) -> Table {
        let mut table = Table(MARK.to_owned());
        table.row(columns.iter().copied());
        table
    }

    /// One more row.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        for (n, text) in cells.into_iter().enumerate() {
            if n > 0 {
                self.0.push(',');
            }
            self.cell(text.as_ref());
        }
        self.0.push_str("\r\n");
    }

    fn cell(&mut self, text: &str) {
        // A figure may begin with its sign; everything else that looks like a formula is made text.
        let formula = text.starts_with(FORMULA) && text.parse::<f64>().is_err();
        let quoted = formula || text.contains(['"', ',', '\n', '\r', ';', '\t']) || text != text.trim();
        if !quoted {
            self.0.push_str(text);
            return;
        }
        self.0.push('"');
        if formula {
            self.0.push('\'');
        }
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
    }

    /// The whole table.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let mut table = Table::new(&["name", "n"]);
        table.row(["=HYPERLINK(\"http://kwaad.example\")", "-3"]);
        table.row(["@SUM(A1)", "+1+cmd|' /C calc'!A0"]);
        table.row(["a, \"b\"", "\t=1"]);
        let text = String::from_utf8(table.into_bytes()).unwrap();
        assert_eq!(
            text,
            "\u{feff}name,n\r\n\"'=HYPERLINK(\"\"http://kwaad.example\"\")\",-3\r\n\"'@SUM(A1)\",\"'+1+cmd|' /C calc'!A0\"\r\n\"a, \"\"b\"\"\",\"'\t=1\"\r\n"
        );
    }
}
