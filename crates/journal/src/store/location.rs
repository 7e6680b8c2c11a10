//! Which store a journal's folder has: its own, or a database that `store.toml` names.

use std::path::Path;

use crate::Error;
use crate::files::{read_bounded, write_synced};
use crate::hooks::system_random;
use crate::note::hex;
use crate::writer::make_private_folder;

use super::DATABASE;

/// The file that names the database, in the journal's folder.
pub(crate) const STORE: &str = "store.toml";
/// Largest such file, bytes.
const STORE_BYTES_MAX: u64 = 16 << 10;
/// Longest name of a node, bytes.
const NODE_BYTES_MAX: usize = 64;

/// A database and who this folder is to it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// How to reach it; may hold a password.
    pub url: String,
    /// The name of this node, different in every folder.
    pub node: String,
}

/// Lets the journal of `dir` lie in a PostgreSQL database, of which it needs a schema of its own. `url` is a connection
/// string (`postgresql://user@host/database`, several hosts for failover, `options=-csearch_path%3Dname` for a schema); it is
/// kept in `store.toml`, which its owner alone may read. Made once, before the journal is opened; again to change the `url`.
///
/// # Errors
/// When the folder holds a journal of its own, or the connection string cannot be read.
pub fn connect(dir: &Path, url: &str) -> Result<(), Error> {
    check_url(url)?;
    let own = dir.join(DATABASE);
    if own.exists() {
        return Err(Error::Exists { path: own });
    }
    make_private_folder(dir)?;
    let node = match server(dir)? {
        Some(server) => server.node,
        None => {
            let mut bytes = [0; 32];
            system_random(&mut bytes)?;
            hex(&bytes)[..16].to_owned()
        }
    };
    let text = format!(
        "# Where this journal lies, and the name of this node: never copy this file to another.\n\
         url = {}\nnode = {}\n",
        quoted(url),
        quoted(&node)
    );
    write_synced(&dir.join(STORE), text.as_bytes())
}

/// The name of the node that a folder is, where its journal lies in a database; `None` when it has a store of its own.
///
/// # Errors
/// When `store.toml` is there and cannot be read.
pub fn node_of(dir: &Path) -> Result<Option<String>, Error> {
    Ok(server(dir)?.map(|server| server.node))
}

/// The database of a folder; `None` when it has a store of its own.
pub(crate) fn server(dir: &Path) -> Result<Option<Server>, Error> {
    let path = dir.join(STORE);
    let Some(bytes) = read_bounded(&path, STORE_BYTES_MAX)? else { return Ok(None) };
    let server = String::from_utf8(bytes).map_err(|_| "it is not text".to_owned()).and_then(|text| parse(&text));
    let server = server.map_err(|what| Error::invalid(format!("{}: {what}", path.display())))?;
    check_url(&server.url)?;
    Ok(Some(server))
}

fn check_url(url: &str) -> Result<(), Error> {
    if url.contains(char::is_control) {
        return Err(Error::invalid("a connection string has no control characters"));
    }
    // What was given is not repeated: it may hold a password.
    let config: postgres::Config =
        url.parse().map_err(|error| Error::invalid(format!("the connection string cannot be read: {error}")))?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(Error::invalid("the connection string names no host"));
    }
    Ok(())
}

/// Reads a location; for fuzzing.
pub(crate) fn fuzz(text: &str) {
    let said = match parse(text) {
        Ok(server) => check_url(&server.url).map_err(|why| why.to_string()).err(),
        Err(why) => Some(why),
    };
    assert!(!said.is_some_and(|said| said.contains("zeergeheim")), "a message repeats the password");
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The little of TOML that this file needs: `name = "value"` lines and comments.
fn parse(text: &str) -> Result<Server, String> {
    let (mut url, mut node) = (None, None);
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = |what: &str| format!("line {}: {what}", n + 1);
        let (name, value) = line.split_once('=').ok_or_else(|| bad("not of the form name = \"value\""))?;
        let value = unquoted(value.trim()).ok_or_else(|| bad("the value is not in double quotes"))?;
        let slot = match name.trim() {
            "url" => &mut url,
            "node" => &mut node,
            other => return Err(bad(&format!("{other} is not known; there are url and node"))),
        };
        if slot.replace(value).is_some() {
            return Err(bad("named twice"));
        }
    }
    let (url, node) = (url.ok_or("url is missing")?, node.ok_or("node is missing")?);
    if node.is_empty() || node.len() > NODE_BYTES_MAX || !node.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("node is 1 to {NODE_BYTES_MAX} printable characters without spaces"));
    }
    Ok(Server { url, node })
}

fn unquoted(value: &str) -> Option<String> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    let (mut out, mut chars) = (String::new(), inner.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(|c| matches!(c, '\\' | '"'))?),
            '"' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_folder_says_where_its_journal_lies_and_keeps_its_name_when_the_place_changes() {
        let dir = tempfile::tempdir().unwrap();
        assert!(server(dir.path()).unwrap().is_none());
        connect(dir.path(), "postgresql://desk:p%22w@one,two/bolwerk?target_session_attrs=read-write").unwrap();
        let first = server(dir.path()).unwrap().unwrap();
        assert_eq!(first.node.len(), 16);
        connect(dir.path(), r#"host=localhost user=desk password='a"\\b'"#).unwrap();
        let second = server(dir.path()).unwrap().unwrap();
        assert_eq!((second.node, second.url.as_str()), (first.node, r#"host=localhost user=desk password='a"\\b'"#));
    }

    #[test]
    fn a_folder_with_a_store_of_its_own_and_unreadable_places_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for url in ["", "postgresql://", "user=desk", "host=localhost\nport=1", "host=localhost sslmode=odd"] {
            assert!(matches!(connect(dir.path(), url), Err(Error::Invalid { .. })), "{url:?}");
        }
        std::fs::write(dir.path().join(DATABASE), b"").unwrap();
        assert!(matches!(connect(dir.path(), "host=localhost"), Err(Error::Exists { .. })));
    }

    #[test]
    fn mistakes_in_the_file_are_named_with_their_line() {
        let said = |text: &str| parse(text).err().unwrap();
        assert!(said("url = \"host=a\"\nnote = \"x\"").starts_with("line 2: note is not known"));
        assert!(said("\n# x\nurl = host").starts_with("line 3: the value is not in double quotes"));
        assert!(said("url = \"a\"\nurl = \"b\"").starts_with("line 2: named twice"));
        assert!(said("url = \"a\"").contains("node is missing"));
        assert!(said("url = \"a\"\nnode = \"a b\"").contains("without spaces"));
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value in "[^\\p{Cc}]*") {
            prop_assert_eq!(unquoted(&quoted(&value)), Some(value));
        }

        #[test]
        fn foreign_text_never_panics(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
