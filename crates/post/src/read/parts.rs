//! What hangs on a mail: safe names, hashes, the text of what is text, and what to be careful with.

use sha2::{Digest, Sha256};

use super::body::{Budget, decoded, is_text, readable, summary};
use super::office;
use super::tree::{Kind, Node, Tree};
use super::{Part, ReadLimits};
use crate::html;
use crate::scan::line_len;
use crate::words;

/// Longest name, in characters.
const NAME_MAX: usize = 120;
/// Longest media type, in characters.
const MEDIA_TYPE_MAX: usize = 100;
/// Mails inside mails that are listed themselves; deeper ones lie in these.
const MESSAGE_DEPTH_LISTED: usize = 3;

/// Why to be careful with an attachment. Keys, for words in the reader's language.
pub mod suspicion {
    /// A program.
    pub const EXECUTABLE: &str = "executable";
    /// A text that runs as a program.
    pub const SCRIPT: &str = "script";
    /// An office document that may hold macros.
    pub const MACRO: &str = "macro";
    /// A name like `invoice.pdf.exe`.
    pub const DOUBLE_EXTENSION: &str = "double-extension";
    /// A name that reads otherwise than it is written.
    pub const NAME_DECEIVES: &str = "name-deceives";
    /// An archive that no filter could look into.
    pub const ARCHIVE_ENCRYPTED: &str = "archive-encrypted";
    /// An archive, and a password in the mail's text.
    pub const ARCHIVE_PASSWORD: &str = "archive-password";
    /// A page that opens in a browser.
    pub const HTML: &str = "html";
    /// A picture that may hold scripts.
    pub const SVG: &str = "svg";
    /// A disk that mounts when opened.
    pub const DISK_IMAGE: &str = "disk-image";
    /// A document that runs something, or carries files, when it is opened.
    pub const ACTIVE: &str = "active";
    /// A mail inside the mail: often the suspicious one itself.
    pub const MAIL: &str = "mail";
    /// A pointer to a program or a server.
    pub const SHORTCUT: &str = "shortcut";

    /// All of them, so that a test finds the words that are missing.
    pub const ALL: [&str; 13] = [
        ACTIVE,
        MAIL,
        EXECUTABLE,
        SCRIPT,
        MACRO,
        DOUBLE_EXTENSION,
        NAME_DECEIVES,
        ARCHIVE_ENCRYPTED,
        ARCHIVE_PASSWORD,
        HTML,
        SVG,
        DISK_IMAGE,
        SHORTCUT,
    ];
}

const KINDS: [(&str, &[&str]); 8] = [
    (
        suspicion::EXECUTABLE,
        &[
            "exe", "com", "scr", "pif", "msi", "msp", "msix", "appx", "dll", "cpl", "sys", "ocx", "drv", "bin", "elf",
            "app", "apk", "deb", "rpm", "pkg", "gadget",
        ],
    ),
    (
        suspicion::SCRIPT,
        &[
            "bat", "cmd", "js", "jse", "mjs", "vb", "vbs", "vbe", "wsf", "wsh", "wsc", "sct", "ps1", "psm1", "psd1",
            "hta", "jar", "jnlp", "py", "pyw", "pl", "rb", "sh", "bash", "command", "reg", "inf", "chm", "hlp", "msc",
            "xll", "ahk", "au3",
        ],
    ),
    (
        suspicion::MACRO,
        &[
            "docm", "dotm", "xlsm", "xltm", "xlam", "xlsb", "pptm", "potm", "ppam", "ppsm", "sldm", "slk", "iqy",
            "one", "onepkg", "accdb", "accde", "mdb", "mde", "pub",
        ],
    ),
    (
        suspicion::SHORTCUT,
        &[
            "lnk",
            "url",
            "scf",
            "website",
            "desktop",
            "library-ms",
            "search-ms",
            "searchconnector-ms",
            "appref-ms",
            "rdp",
            "webloc",
        ],
    ),
    (suspicion::DISK_IMAGE, &["iso", "img", "vhd", "vhdx", "vmdk", "udf", "dmg", "wim", "toast"]),
    (suspicion::HTML, &["html", "htm", "shtml", "xhtml", "xht", "mht", "mhtml"]),
    (suspicion::SVG, &["svg", "svgz"]),
    (suspicion::MAIL, &["eml", "msg"]),
];

/// Names in a PDF that act (ISO 32000-2, 12.6 and 7.11.4).
const ACTING: [&[u8]; 5] = [b"JS", b"JavaScript", b"Launch", b"EmbeddedFile", b"RichMedia"];
/// Where a PDF begins, at the latest.
const PDF_WITHIN: usize = 1024;

const ARCHIVES: [&str; 14] =
    ["zip", "zipx", "rar", "7z", "gz", "tgz", "tar", "bz2", "xz", "ace", "arj", "cab", "lzh", "zst"];
const DOCUMENTS: [&str; 17] = [
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "rtf", "txt", "csv", "jpg", "jpeg", "png", "gif",
    "mp3",
];
const PASSWORD_WORDS: [&str; 8] =
    ["password", "passwort", "kennwort", "wachtwoord", "paswoord", "mot de passe", "code d'acc", "passcode"];
const TEXT_EXTENSIONS: [&str; 13] =
    ["txt", "csv", "tsv", "html", "htm", "json", "log", "xml", "md", "ics", "eml", "yaml", "yml"];

/// Everything that hangs on the mail, mails inside it included, in its order.
pub(super) fn attachments(raw: &[u8], tree: &Tree, limits: &ReadLimits, text: &str, budget: &mut Budget) -> Vec<Part> {
    let lower = text.to_lowercase();
    let password = PASSWORD_WORDS.iter().any(|word| lower.contains(word));
    listed(tree)
        .enumerate()
        .map(|(index, number)| part(raw, tree, number, index, limits, Some(budget), password).0)
        .collect()
}

/// One of them, with its bytes.
pub(super) fn one(raw: &[u8], tree: &Tree, index: u32, limits: &ReadLimits) -> Option<(Part, Vec<u8>)> {
    let number = listed(tree).nth(index as usize)?;
    Some(part(raw, tree, number, index as usize, limits, None, false))
}

fn listed(tree: &Tree) -> impl Iterator<Item = usize> {
    (0..tree.nodes.len()).filter(|&number| {
        let node = &tree.nodes[number];
        match node.kind {
            Kind::Leaf => !is_text(tree, number),
            Kind::Message => node.message_depth < MESSAGE_DEPTH_LISTED,
            Kind::Multipart => false,
        }
    })
}

fn part(
    raw: &[u8],
    tree: &Tree,
    number: usize,
    index: usize,
    limits: &ReadLimits,
    budget: Option<&mut Budget>,
    password: bool,
) -> (Part, Vec<u8>) {
    let node = &tree.nodes[number];
    let bytes = decoded(raw, node).0;
    let written = written_name(node);
    let media_type: String =
        node.content_type.main.chars().filter(char::is_ascii_graphic).take(MEDIA_TYPE_MAX).collect();
    let name = name_of(&written, index, &media_type);
    // A mail inside the mail has its text in the reading already.
    let is_nested = node.message_depth == 0 && (node.kind == Kind::Message || media_type == "message/rfc822");
    let charset = node.content_type.get("charset").unwrap_or_default();
    let text =
        budget.filter(|_| !is_nested).and_then(|budget| text_in(&name, &media_type, charset, &bytes, limits, budget));
    let suspicious = judge(&written, &media_type, &bytes, password).map(str::to_owned);
    let part = Part {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        name,
        media_type,
        size: bytes.len() as u64,
        sha256: hex(&Sha256::digest(&bytes)),
        text,
        suspicious,
    };
    (part, bytes)
}

/// The text of a file that has one, as much of it as is read.
pub(super) fn text_in(
    name: &str,
    media_type: &str,
    charset: &str,
    bytes: &[u8],
    limits: &ReadLimits,
    budget: &mut Budget,
) -> Option<String> {
    let is_mail = ["message/rfc822", "message/global"].contains(&media_type) || extension(name) == "eml";
    let text = if let Some((text, whole)) = office::text(bytes) {
        budget.cut |= !whole;
        readable(&text)
    } else if is_mail {
        summary(bytes, &Tree::of(bytes, limits), 0, limits)
    } else if is_text_like(name, media_type) {
        // What decodes to more than fits is cut before it is decoded.
        let head = &bytes[..bytes.len().min(limits.attachment_text_max * 4)];
        budget.cut |= head.len() < bytes.len();
        let text = words::text_of(head, charset).0;
        let is_html = media_type == "text/html" || ["html", "htm"].contains(&extension(name).as_str());
        if is_html { html::html_to_text(&text) } else { readable(&text) }
    } else {
        return None;
    };
    Some(budget.spend(text, limits.attachment_text_max)).filter(|text| !text.is_empty())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn written_name(node: &Node) -> String {
    let name = node.disposition.get("filename").or_else(|| node.content_type.get("name"));
    name.unwrap_or_default().to_owned()
}

/// Why a file that came by another way than mail is suspicious: a key of [`suspicion`].
pub fn suspicious(name: &str, media_type: &str, bytes: &[u8]) -> Option<&'static str> {
    judge(name, media_type, bytes, false)
}

/// The name under which a file is shown and saved: [`safe_name`], or its number (`index` counts from 0) and its kind where nothing is left.
pub fn name_of(written: &str, index: usize, media_type: &str) -> String {
    let name = safe_name(written);
    if name.is_empty() { format!("part-{}{}", index + 1, extension_of(media_type)) } else { name }
}

/// The last component of a path, without anything that changes how it reads or where it is saved.
fn safe_name(written: &str) -> String {
    let last = written.rsplit(['/', '\\']).find(|piece| !piece.trim().is_empty()).unwrap_or_default();
    let plain: String = last
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|&c| !c.is_control() && !deceives(c))
        .map(|c| if "<>:\"|?*".contains(c) { '_' } else { c })
        .collect();
    let words: Vec<&str> = plain.split(' ').filter(|word| !word.is_empty()).collect();
    let name = words.join(" ");
    let name = name.trim_matches(['.', ' ']);
    let count = name.chars().count();
    if count <= NAME_MAX {
        return name.to_owned();
    }
    // The end of a long name says what it is.
    let tail: String = name.chars().skip(count - 20).collect();
    let head: String = name.chars().take(NAME_MAX - 21).collect();
    format!("{head}…{tail}")
}

/// Characters that change the direction of others or cannot be seen (Unicode UTS 55).
fn deceives(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{00ad}' | '\u{e0000}'..='\u{e007f}')
}

fn extension(name: &str) -> String {
    name.rsplit_once('.').map(|(_, end)| end.trim().to_lowercase()).unwrap_or_default()
}

fn extension_of(media_type: &str) -> &'static str {
    match media_type {
        "message/rfc822" | "message/global" => ".eml",
        "text/calendar" => ".ics",
        "text/csv" => ".csv",
        "text/html" => ".html",
        "application/pdf" => ".pdf",
        "application/zip" => ".zip",
        "application/json" => ".json",
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/gif" => ".gif",
        "image/svg+xml" => ".svg",
        other if other.starts_with("text/") || other.starts_with("message/") || other.is_empty() => ".txt",
        _ => ".bin",
    }
}

fn is_text_like(name: &str, media_type: &str) -> bool {
    let by_type = media_type.starts_with("text/")
        || ["message/delivery-status", "message/feedback-report", "message/disposition-notification"]
            .contains(&media_type)
        || media_type.ends_with("/json")
        || media_type.ends_with("/xml")
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml");
    by_type || TEXT_EXTENSIONS.contains(&extension(name).as_str())
}

/// The gravest reason to be careful.
fn judge(written: &str, media_type: &str, bytes: &[u8], password: bool) -> Option<&'static str> {
    let extension = extension(written.trim_end_matches(['.', ' ']));
    let by_name = KINDS.iter().find(|(_, extensions)| extensions.contains(&extension.as_str())).map(|(kind, _)| *kind);
    if written.chars().any(deceives) || written.contains("   ") {
        return Some(suspicion::NAME_DECEIVES);
    }
    // What is in it may say more than these.
    const MILD: [&str; 3] = [suspicion::HTML, suspicion::SVG, suspicion::MAIL];
    let dangerous = by_name.is_some_and(|kind| !MILD.contains(&kind));
    let stem = written.rsplit_once('.').map(|(stem, _)| stem).unwrap_or_default();
    if dangerous && DOCUMENTS.contains(&self::extension(stem).as_str()) {
        return Some(suspicion::DOUBLE_EXTENSION);
    }
    if dangerous {
        return by_name;
    }
    if let Some(kind) = by_content(bytes) {
        return Some(kind);
    }
    let is_archive = ARCHIVES.contains(&extension.as_str()) || bytes.starts_with(b"PK\x03\x04");
    if bytes.starts_with(b"PK\x03\x04") && bytes.get(6).is_some_and(|flags| flags & 1 == 1) {
        return Some(suspicion::ARCHIVE_ENCRYPTED);
    }
    if is_archive && password && ARCHIVES.contains(&extension.as_str()) {
        return Some(suspicion::ARCHIVE_PASSWORD);
    }
    by_name.or(match media_type {
        "text/html" | "application/xhtml+xml" => Some(suspicion::HTML),
        "image/svg+xml" => Some(suspicion::SVG),
        "message/rfc822" | "message/global" | "application/vnd.ms-outlook" => Some(suspicion::MAIL),
        "application/javascript" | "text/javascript" | "application/hta" => Some(suspicion::SCRIPT),
        "application/x-msdownload" | "application/x-dosexec" => Some(suspicion::EXECUTABLE),
        _ => None,
    })
}

/// What the first bytes give away, whatever the name says.
fn by_content(bytes: &[u8]) -> Option<&'static str> {
    const MACH_O: [&[u8]; 4] = [b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"];
    const LNK: &[u8] = b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F";
    if (bytes.starts_with(b"MZ") && bytes.len() > 64)
        || bytes.starts_with(b"\x7fELF")
        || MACH_O.iter().any(|magic| bytes.starts_with(magic))
    {
        return Some(suspicion::EXECUTABLE);
    }
    if bytes.starts_with(b"#!") && line_len(bytes) < 200 {
        return Some(suspicion::SCRIPT);
    }
    if bytes.starts_with(LNK) {
        return Some(suspicion::SHORTCUT);
    }
    (is_pdf(bytes) && acts(bytes)).then_some(suspicion::ACTIVE)
}

fn is_pdf(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(PDF_WITHIN)].windows(5).any(|at| at == b"%PDF-")
}

/// Whether a PDF names, in the open, something that acts. What lies in compressed streams is not looked at.
fn acts(bytes: &[u8]) -> bool {
    let longest = ACTING.iter().map(|name| name.len()).max().unwrap_or_default();
    bytes.split(|byte| *byte == b'/').skip(1).any(|after| {
        let regular = |byte: &u8| byte.is_ascii_graphic() && !b"()<>[]{}/%".contains(byte);
        // Three bytes for a sign that is written by its number.
        let written = after.iter().take_while(|byte| regular(byte)).take(3 * longest + 1);
        let name = plain_name(&written.copied().collect::<Vec<_>>());
        ACTING.contains(&name.as_slice())
    })
}

/// A name in a PDF, its signs plain: `J#61vaScript`.
fn plain_name(written: &[u8]) -> Vec<u8> {
    let digit = |at: Option<&u8>| at.and_then(|byte| char::from(*byte).to_digit(16));
    let mut plain = Vec::with_capacity(written.len());
    let mut rest = written;
    while let [first, after @ ..] = rest {
        rest = after;
        plain.push(match (first, digit(after.first()), digit(after.get(1))) {
            (b'#', Some(high), Some(low)) => {
                rest = &after[2..];
                (high * 16 + low) as u8
            }
            _ => *first,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_document_that_acts_and_a_mail_are_handed_out_with_care() {
        let pdf = |inside: &str| format!("%PDF-1.7\n1 0 obj <<{inside}>> endobj\n");
        for inside in
            ["/S/JavaScript/JS(app.alert(1))", "/S /J#61vaScript", "/Launch<<", "/Type /EmbeddedFile ", "/S/JS"]
        {
            assert_eq!(
                suspicious("brief.pdf", "application/pdf", pdf(inside).as_bytes()),
                Some(suspicion::ACTIVE),
                "{inside}"
            );
        }
        for inside in ["/Type/Page/OpenAction[3 0 R /Fit]", "/JSON 1", "/JavaScripts", "/J", "#4aS", "/J#6", "/Filter"]
        {
            assert_eq!(suspicious("brief.pdf", "application/pdf", pdf(inside).as_bytes()), None, "{inside}");
        }
        assert_eq!(suspicious("brief.txt", "text/plain", b"a path /JS/x"), None);
        assert_eq!(suspicious("doorgestuurd.eml", "application/octet-stream", b"From: a@b.c"), Some(suspicion::MAIL));
        assert_eq!(suspicious("", "message/rfc822", b"From: a@b.c"), Some(suspicion::MAIL));
        assert_eq!(
            suspicious("brief.eml", "", b"MZ                                                                     "),
            Some(suspicion::EXECUTABLE)
        );
    }

    #[test]
    fn names_lose_what_deceives_and_keep_what_tells() {
        for (written, name) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\An\\factuur.pdf", "factuur.pdf"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("  .hidden  ", "hidden"),
            ("a\r\nb\0.txt", "a b.txt"),
            ("..", ""),
            ("/", ""),
            ("met  veel   spaties .pdf", "met veel spaties .pdf"),
        ] {
            assert_eq!(safe_name(written), name, "{written:?}");
        }
        let long = safe_name(&format!("{}.pdf.exe", "x".repeat(500)));
        assert!(long.chars().count() <= NAME_MAX && long.ends_with(".pdf.exe"), "{long}");
    }

    #[test]
    fn each_reason_to_be_careful_is_found() {
        let zip = |flags: u8| [&b"PK\x03\x04\x14\0"[..], &[flags, 0]].concat();
        let mz = [b"MZ".to_vec(), vec![0; 100]].concat();
        type Case<'a> = (&'a str, &'a str, &'a [u8], bool, Option<&'a str>);
        let cases: [Case; 15] = [
            ("run.EXE", "", b"", false, Some(suspicion::EXECUTABLE)),
            ("foto.jpg", "image/jpeg", &mz, false, Some(suspicion::EXECUTABLE)),
            ("x.js", "", b"", false, Some(suspicion::SCRIPT)),
            ("x", "", b"#!/bin/sh\n", false, Some(suspicion::SCRIPT)),
            ("loon.xlsm", "", b"", false, Some(suspicion::MACRO)),
            ("factuur.pdf.exe", "", b"", false, Some(suspicion::DOUBLE_EXTENSION)),
            ("factuur\u{202e}fdp.exe", "", b"", false, Some(suspicion::NAME_DECEIVES)),
            ("a.zip", "", &zip(1), false, Some(suspicion::ARCHIVE_ENCRYPTED)),
            ("a.zip", "", &zip(0), true, Some(suspicion::ARCHIVE_PASSWORD)),
            ("a.zip", "", &zip(0), false, None),
            ("a.docx", "", &zip(0), true, None),
            ("x.html", "", b"", false, Some(suspicion::HTML)),
            ("", "image/svg+xml", b"", false, Some(suspicion::SVG)),
            ("x.iso", "", b"", false, Some(suspicion::DISK_IMAGE)),
            ("x.lnk", "", b"", false, Some(suspicion::SHORTCUT)),
        ];
        for (name, media_type, bytes, password, expected) in cases {
            assert_eq!(judge(name, media_type, bytes, password), expected, "{name:?} {media_type:?}");
        }
        assert!(KINDS.iter().all(|(kind, _)| suspicion::ALL.contains(kind)));
    }

    #[test]
    fn a_file_always_has_a_name() {
        assert_eq!(name_of("..", 0, "application/pdf"), "part-1.pdf");
        assert_eq!(name_of("\u{202e}", 2, "of no kind"), "part-3.bin");
        assert_eq!(name_of("a/b.txt", 0, "text/plain"), "b.txt");
    }

    proptest! {
        #[test]
        fn no_name_breaks_a_page_or_leaves_a_folder(written in "[\\PC\0\r\n./\\\\\u{202e}\u{200b}]{0,200}") {
            let name = safe_name(&written);
            prop_assert!(name.chars().count() <= NAME_MAX);
            let unsafe_character = name.contains(|c: char| c.is_control() || deceives(c) || c == '/' || c == '\\');
            prop_assert!(!unsafe_character && name != ".." && !name.starts_with('.'));
        }
    }
}
