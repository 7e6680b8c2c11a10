//! Mail in files: single mails, mbox (RFC 4155, mboxrd), Maildir, folders of all of these. One mail is in memory at a
//! time.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Largest mail that is taken from a file, in bytes.
pub const MAIL_MAX_BYTES: u64 = 128 * 1024 * 1024;
/// Names of files in a folder that hold no mail.
const NOT_MAIL: [&str; 22] = [
    "txt", "md", "json", "csv", "log", "html", "htm", "pdf", "png", "jpg", "gif", "zip", "gz", "tar", "py", "sh",
    "toml", "yaml", "yml", "db", "lock", "sqlite",
];
/// Folders inside folders.
const DEPTH_MAX: usize = 64;

/// Every mail below the paths, with where it is from (`box.mbox#3` counts from 1), in an order that does not change.
/// A path that is named is always looked at; in folders, files that are plainly no mail (`.txt`, `.json`, hidden ones)
/// are passed over, and links are not followed. An error is about one file or mail: the next call goes on after it.
pub fn mails_in(paths: &[PathBuf]) -> impl Iterator<Item = io::Result<(String, Vec<u8>)>> + use<> {
    let pending = paths.iter().map(|path| Pending { path: path.clone(), depth: 0, named: true }).collect();
    Mails { pending, mbox: None }
}

/// How many bytes lie in the files that [`mails_in`] looks at: what an import has before it. What cannot be looked at counts as nothing.
pub fn bytes_in(paths: &[PathBuf]) -> u64 {
    let pending = paths.iter().map(|path| Pending { path: path.clone(), depth: 0, named: true }).collect();
    let mut mails = Mails { pending, mbox: None };
    let mut bytes = 0;
    while let Some(at) = mails.pending.pop_front() {
        let kind = if at.named { fs::metadata(&at.path) } else { fs::symlink_metadata(&at.path) };
        match kind {
            // A folder that cannot be read is told when its mails are asked for.
            Ok(kind) if kind.is_dir() => drop(mails.folder(&at)),
            Ok(kind) if kind.is_file() && (at.named || !is_no_mail(&at.path)) => bytes += kind.len(),
            _ => {}
        }
    }
    bytes
}

struct Pending {
    path: PathBuf,
    depth: usize,
    named: bool,
}

struct Mails {
    pending: VecDeque<Pending>,
    mbox: Option<Mbox<BufReader<File>>>,
}

impl Iterator for Mails {
    type Item = io::Result<(String, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(mbox) = &mut self.mbox {
                match mbox.next() {
                    Some(mail) => return Some(mail),
                    None => self.mbox = None,
                }
            }
            let next = self.pending.pop_front()?;
            match self.open(&next) {
                Ok(Some(mail)) => return Some(Ok(mail)),
                Ok(None) => {}
                Err(why) => return Some(Err(io::Error::new(why.kind(), format!("{}: {why}", next.path.display())))),
            }
        }
    }
}

impl Mails {
    /// A single mail; or none, with more to come from what was opened.
    fn open(&mut self, at: &Pending) -> io::Result<Option<(String, Vec<u8>)>> {
        let kind = if at.named { fs::metadata(&at.path)? } else { fs::symlink_metadata(&at.path)? };
        if kind.is_dir() {
            self.folder(at)?;
            return Ok(None);
        }
        if !kind.is_file() || (!at.named && is_no_mail(&at.path)) {
            return Ok(None);
        }
        let mut file = BufReader::new(File::open(&at.path)?);
        let origin = at.path.display().to_string();
        if file.fill_buf()?.starts_with(b"From ") {
            self.mbox = Some(Mbox { origin, file, number: 0, ended: false });
            return Ok(None);
        }
        let mut raw = Vec::new();
        file.take(MAIL_MAX_BYTES + 1).read_to_end(&mut raw)?;
        if raw.len() as u64 > MAIL_MAX_BYTES {
            return Err(too_large());
        }
        Ok(if raw.is_empty() { None } else { Some((origin, raw)) })
    }

    fn folder(&mut self, at: &Pending) -> io::Result<()> {
        if at.depth >= DEPTH_MAX {
            return Err(io::Error::other("folders too deep inside one another"));
        }
        let is_maildir = at.path.join("cur").is_dir() && at.path.join("new").is_dir();
        let mut paths = Vec::new();
        for entry in fs::read_dir(&at.path)? {
            let path = entry?.path();
            // Mail that is still being written lies in tmp.
            if !(is_maildir && path.ends_with("tmp")) {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths.into_iter().rev() {
            self.pending.push_front(Pending { path, depth: at.depth + 1, named: false });
        }
        Ok(())
    }
}

fn is_no_mail(path: &Path) -> bool {
    let in_maildir = path.parent().is_some_and(|folder| folder.ends_with("cur") || folder.ends_with("new"));
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    // Folders of a Maildir begin with a dot; files of one never do.
    name.starts_with('.') || name.starts_with("dovecot") || (!in_maildir && NOT_MAIL.contains(&extension))
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("a mail has more than {MAIL_MAX_BYTES} bytes"))
}

/// The mails of one mbox.
struct Mbox<R> {
    origin: String,
    file: R,
    number: usize,
    ended: bool,
}

impl<R: BufRead> Mbox<R> {
    /// Reads up to the next `From ` line that follows a blank one.
    fn next(&mut self) -> Option<io::Result<(String, Vec<u8>)>> {
        let (mut raw, mut size, mut blank) = (Vec::new(), 0, true);
        while !self.ended {
            let mut line = Vec::new();
            match (&mut self.file).take(MAIL_MAX_BYTES).read_until(b'\n', &mut line) {
                Ok(0) => self.ended = true,
                Ok(_) if blank && is_from_line(&line) => {
                    if size > 0 {
                        break;
                    }
                }
                Ok(read) => {
                    blank = matches!(line.as_slice(), b"\n" | b"\r\n");
                    size += read as u64;
                    if size <= MAIL_MAX_BYTES {
                        raw.extend_from_slice(unquoted(&line));
                    } else {
                        raw.clear();
                    }
                }
                Err(why) => {
                    self.ended = true;
                    return Some(Err(why));
                }
            }
        }
        if size == 0 {
            return None;
        }
        self.number += 1;
        let origin = format!("{}#{}", self.origin, self.number);
        if size > MAIL_MAX_BYTES {
            return Some(Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{origin}: {}", too_large()))));
        }
        // The blank line before the next `From ` belongs to the mbox.
        if raw.ends_with(b"\r\n\r\n") {
            raw.truncate(raw.len() - 2);
        } else if raw.ends_with(b"\n\n") {
            raw.truncate(raw.len() - 1);
        }
        Some(Ok((origin, raw)))
    }
}

/// The mails of an mbox in memory; for fuzzing.
pub(crate) fn mails_of(mbox: Vec<u8>) -> Vec<Vec<u8>> {
    let mut mbox = Mbox { origin: String::new(), file: io::Cursor::new(mbox), number: 0, ended: false };
    std::iter::from_fn(|| mbox.next()).filter_map(Result::ok).map(|(_, raw)| raw).collect()
}

/// `From sender date`: a time of day tells it from a sentence that begins so.
fn is_from_line(line: &[u8]) -> bool {
    line.starts_with(b"From ")
        && line.windows(5).any(|w| w[2] == b':' && [w[0], w[1], w[3], w[4]].iter().all(u8::is_ascii_digit))
}

/// mboxrd: one `>` less before `From `.
fn unquoted(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|&&b| b == b'>').count();
    if marks > 0 && line[marks..].starts_with(b"From ") { &line[1..] } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[PathBuf]) -> Vec<(String, String)> {
        let text = |raw: Vec<u8>| String::from_utf8(raw).unwrap();
        mails_in(paths).map(|mail| mail.map(|(origin, raw)| (origin, text(raw))).unwrap()).collect()
    }

    #[test]
    fn an_mbox_is_cut_at_its_from_lines_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("box");
        let mbox = "From a@b Thu Dec 15 03:04:05 2022\nSubject: 1\n\nFrom here on it is text.\n>From quoted\n>>From twice\n\n\
            From c@d Thu Dec 15 03:04:06 2022\nSubject: 2\n\nx\nFrom c@d Thu Dec 15 03:04:06 2022 is no blank line before\n\n";
        fs::write(&path, mbox).unwrap();
        let mails = found(std::slice::from_ref(&path));
        let expected = [
            "Subject: 1\n\nFrom here on it is text.\nFrom quoted\n>From twice\n",
            "Subject: 2\n\nx\nFrom c@d Thu Dec 15 03:04:06 2022 is no blank line before\n",
        ];
        assert_eq!(mails.iter().map(|(_, raw)| raw.as_str()).collect::<Vec<_>>(), expected);
        assert!(mails[1].0.ends_with("box#2"));
    }

    #[test]
    fn folders_are_walked_in_order_and_what_is_no_mail_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (name, text) in [
            ("b.eml", "Subject: b\n"),
            ("a/x.eml", "Subject: x\n"),
            ("README.md", "no"),
            ("a/notes.txt", "no"),
            (".hidden.eml", "no"),
            ("maildir/cur/1.host:2,S", "Subject: seen\n"),
            ("maildir/new/2.host", "Subject: new\n"),
            ("maildir/tmp/3.host", "half"),
            ("empty.eml", ""),
        ] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(root, root.join("a/loop")).unwrap();
        let texts: Vec<String> = found(&[root.to_owned()]).into_iter().map(|(_, raw)| raw).collect();
        assert_eq!(texts, ["Subject: x\n", "Subject: b\n", "Subject: seen\n", "Subject: new\n"]);
        assert_eq!(found(&[root.join("README.md")]).len(), 1, "a named file is always taken");
    }

    #[test]
    fn a_path_that_is_not_there_is_an_error_and_the_next_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.eml"), "Subject: a\n").unwrap();
        let mails: Vec<_> = mails_in(&[folder.path().join("none"), folder.path().join("a.eml")]).collect();
        assert!(mails[0].as_ref().is_err_and(|why| why.to_string().contains("none")) && mails[1].is_ok());
    }

    #[test]
    fn the_bytes_before_an_import_are_those_of_the_files_that_it_reads() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("more")).unwrap();
        fs::write(folder.path().join("a.eml"), b"Subject: a\n\nhulp\n").unwrap();
        fs::write(folder.path().join("more/b.eml"), b"Subject: b\n\n").unwrap();
        fs::write(folder.path().join("notes.txt"), b"no mail").unwrap();
        assert_eq!(bytes_in(&[folder.path().to_owned()]), 17 + 12);
        assert_eq!(bytes_in(&[folder.path().join("notes.txt"), folder.path().join("none")]), 7);
    }
}
