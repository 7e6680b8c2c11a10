//! The words of an office document: Office Open XML (ECMA-376) and OpenDocument (ISO/IEC 26300), archives (ZIP, APPNOTE 6.3) of XML.
//!
//! Only strings are taken, and the addresses that links lead to: nothing is rendered, no reference is followed, no entity but those of
//! XML itself is known. What inflates to more than a bound is cut there.

use std::io::Read;

use flate2::read::DeflateDecoder;
use memchr::{memchr, memmem};

use crate::html::decoded;

/// Entries of an archive that are looked at.
const ENTRIES_MAX: usize = 2_000;
/// Bytes of one entry that are inflated, at most.
const ENTRY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of all entries that are inflated, at most.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes from the end in which the end of the directory is looked for: the record and its longest comment.
const END_BYTES: usize = 22 + 65_535;
/// What only office documents have.
const MAIN: [&str; 4] = ["word/document.xml", "xl/workbook.xml", "ppt/presentation.xml", "content.xml"];
/// Beginnings of the names of entries with words in them.
const WORDS: [&str; 13] = [
    "content.xml",
    "word/document",
    "word/header",
    "word/footer",
    "word/footnotes",
    "word/endnotes",
    "word/comments",
    "xl/sharedStrings",
    "xl/worksheets/sheet",
    "xl/comments",
    "ppt/slides/slide",
    "ppt/notesSlides/",
    "ppt/comments",
];

/// The words of an office document, and whether they are all of them; `None` where the bytes are none.
pub(super) fn text(bytes: &[u8]) -> Option<(String, bool)> {
    let entries = if bytes.starts_with(b"PK\x03\x04") { directory(bytes)? } else { return None };
    if !entries.iter().any(|entry| MAIN.contains(&entry.name.as_str())) {
        return None;
    }
    let (mut out, mut whole, mut left) = (String::new(), entries.len() < ENTRIES_MAX, BYTES_MAX);
    for entry in &entries {
        let links = entry.name.ends_with(".rels") && entry.name.contains("/_rels/");
        let words = entry.name.ends_with(".xml") && WORDS.iter().any(|begin| entry.name.starts_with(begin));
        if !links && !words {
            continue;
        }
        let most = left.min(ENTRY_BYTES_MAX);
        let Some(xml) = inflated(bytes, entry, most) else {
            whole = false;
            continue;
        };
        whole &= xml.len() < most;
        left -= xml.len();
        strings(&String::from_utf8_lossy(&xml), entry.name == "content.xml", &mut out);
        out.push('\n');
    }
    Some((out, whole))
}

struct Entry {
    name: String,
    encrypted: bool,
    method: u16,
    packed: usize,
    at: usize,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?)).ok()
}

/// The central directory. `None` where there is none.
fn directory(bytes: &[u8]) -> Option<Vec<Entry>> {
    let from = bytes.len().saturating_sub(END_BYTES);
    let end = from + memmem::rfind(&bytes[from..], b"PK\x05\x06")?;
    let mut at = u32_at(bytes, end + 16)?;
    let mut entries = Vec::new();
    while entries.len() < ENTRIES_MAX && bytes.get(at..)?.starts_with(b"PK\x01\x02") {
        let (name, extra, comment) = (u16_at(bytes, at + 28)?, u16_at(bytes, at + 30)?, u16_at(bytes, at + 32)?);
        entries.push(Entry {
            name: String::from_utf8_lossy(bytes.get(at + 46..at + 46 + name)?).into_owned(),
            encrypted: u16_at(bytes, at + 8)? & 1 == 1,
            method: u16::try_from(u16_at(bytes, at + 10)?).ok()?,
            packed: u32_at(bytes, at + 20)?,
            at: u32_at(bytes, at + 42)?,
        });
        at += 46 + name + extra + comment;
    }
    Some(entries)
}

/// An entry's content, at most so many bytes; `None` where it is encrypted, packed in another way or broken from the start.
fn inflated(bytes: &[u8], entry: &Entry, most: usize) -> Option<Vec<u8>> {
    let local = bytes.get(entry.at..).filter(|local| local.starts_with(b"PK\x03\x04") && !entry.encrypted)?;
    let data = local.get(30 + u16_at(local, 26)? + u16_at(local, 28)?..)?;
    let packed = &data[..data.len().min(entry.packed)];
    let mut out = Vec::new();
    match entry.method {
        0 => out.extend_from_slice(&packed[..packed.len().min(most)]),
        8 => {
            let read = DeflateDecoder::new(packed).take(most as u64).read_to_end(&mut out);
            // What came before a fault is worth having.
            if read.is_err() && out.is_empty() {
                return None;
            }
        }
        _ => return None,
    }
    Some(out)
}

/// The strings between the tags of an XML text. In Office Open XML only some elements hold words; in OpenDocument all do.
fn strings(xml: &str, all: bool, out: &mut String) {
    const HOLD: [&str; 3] = ["t", "instrText", "delText"];
    const LINES: [&str; 7] = ["p", "h", "br", "si", "row", "c", "table-cell"];
    let (mut rest, mut holds) = (xml, all);
    while let Some(open) = memchr(b'<', rest.as_bytes()) {
        if holds {
            out.push_str(&decoded(&rest[..open]));
        }
        let Some(length) = memchr(b'>', &rest.as_bytes()[open..]) else { return };
        let tag = &rest[open + 1..open + length];
        rest = &rest[open + length + 1..];
        let closes = tag.starts_with('/');
        let name = tag.trim_start_matches('/').split([' ', '\t', '\r', '\n', '/']).next().unwrap_or_default();
        let name = name.rsplit(':').next().unwrap_or_default();
        holds = all || (!closes && !tag.ends_with('/') && HOLD.contains(&name));
        if name == "tab" || name == "s" {
            out.push(' ');
        }
        if LINES.contains(&name) && (closes || tag.ends_with('/')) {
            out.push('\n');
        }
        if let Some(address) = link(tag) {
            out.push('\n');
            out.push_str(&decoded(address));
            out.push('\n');
        }
    }
}

/// Where a link leads to that leaves the document.
fn link(tag: &str) -> Option<&str> {
    let attribute = match tag.contains("TargetMode=\"External\"") {
        true => " Target=\"",
        false => "xlink:href=\"",
    };
    let (_, after) = tag.split_once(attribute)?;
    let value = after.split('"').next()?;
    value.contains(':').then_some(value)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use proptest::prelude::*;

    use super::*;

    /// An archive of these entries, deflated.
    pub fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in entries {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(content).unwrap();
            let packed = encoder.finish().unwrap();
            let at = out.len() as u32;
            // Version, flags, method, time and date, CRC (which nobody asks for here), sizes, lengths of name and extra.
            let mut head = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            head.extend_from_slice(&(packed.len() as u32).to_le_bytes());
            head.extend_from_slice(&(content.len() as u32).to_le_bytes());
            head.extend_from_slice(&(name.len() as u16).to_le_bytes());
            head.extend_from_slice(&[0, 0]);
            out.extend_from_slice(b"PK\x03\x04");
            out.extend_from_slice(&head);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(&packed);
            directory.extend_from_slice(b"PK\x01\x02\x14\0");
            directory.extend_from_slice(&head);
            directory.extend_from_slice(&[0; 10]);
            directory.extend_from_slice(&at.to_le_bytes());
            directory.extend_from_slice(name.as_bytes());
        }
        let (at, count) = (out.len() as u32, entries.len() as u16);
        out.extend_from_slice(&directory);
        out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&(directory.len() as u32).to_le_bytes());
        out.extend_from_slice(&at.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out
    }

    #[test]
    fn the_words_of_each_kind_of_document_are_found() {
        let word = archive(&[
            ("[Content_Types].xml", b"<Types/>"),
            (
                "word/document.xml",
                b"<w:document><w:p><w:r><w:t>Server 203.0.</w:t></w:r><w:r><w:t xml:space=\"preserve\">113.7 &amp; meer</w:t>\
                  </w:r></w:p><w:p><w:pPr>no</w:pPr><w:t>twee</w:t></w:p></w:document>",
            ),
            (
                "word/_rels/document.xml.rels",
                b"<Relationship Id=\"r1\" Target=\"https://kwaad.example/a?b&amp;c\" TargetMode=\"External\"/>\
                  <Relationship Target=\"styles.xml\"/>",
            ),
        ]);
        let (words, whole) = text(&word).unwrap();
        assert!(words.contains("Server 203.0.113.7 & meer\ntwee\n"), "{words}");
        assert!(
            words.contains("\nhttps://kwaad.example/a?b&c\n") && !words.contains("styles") && !words.contains("no")
        );
        assert!(whole);
        let sheet = archive(&[
            ("xl/workbook.xml", b"<workbook/>"),
            ("xl/sharedStrings.xml", b"<sst><si><t>203.0.113.8</t></si><si><t>b</t></si></sst>"),
            (
                "xl/worksheets/sheet1.xml",
                b"<row><c t=\"s\"><v>0</v></c><c t=\"inlineStr\"><is><t>in</t></is></c></row>",
            ),
        ]);
        assert_eq!(text(&sheet).unwrap().0.split_whitespace().collect::<Vec<_>>(), ["203.0.113.8", "b", "in"]);
        let odt = archive(&[(
            "content.xml",
            b"<text:p>een <text:span>203.0.113.9</text:span> twee</text:p><text:a xlink:href=\"http://kwaad.example/\">x</text:a>",
        )]);
        assert!(text(&odt).unwrap().0.starts_with("een 203.0.113.9 twee\n\nhttp://kwaad.example/\n"));
        assert_eq!(text(&archive(&[("a.txt", b"x")])), None, "an archive is no document");
        assert_eq!(text(b"PK\x03\x04"), None);
    }

    #[test]
    fn what_inflates_without_end_is_cut_and_said() {
        let bomb = vec![b'x'; 64 * 1024 * 1024];
        let content = [b"<w:t>", &bomb[..]].concat();
        let packed =
            archive(&[("word/document.xml", &content), ("word/header1.xml", &content), ("word/footer1.xml", &content)]);
        assert!(packed.len() < 400_000);
        let (words, whole) = text(&packed).unwrap();
        assert!(!whole && words.len() <= BYTES_MAX + 10, "{}", words.len());
    }

    proptest! {
        #[test]
        fn damage_is_no_panic(xml in "(<w:t>|</w:t>|<|>|&amp;|&#x41;|\\PC){0,40}", at: prop::sample::Index, byte: u8) {
            let mut bytes = archive(&[("word/document.xml", xml.as_bytes()), ("word/header.xml", b"<w:t>x</w:t>")]);
            text(&bytes);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            text(&bytes);
            bytes.truncate(at);
            text(&bytes);
        }
    }
}
