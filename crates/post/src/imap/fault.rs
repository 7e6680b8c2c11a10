//! Why a visit to a mailbox ended.

use std::io;
use std::path::PathBuf;

use super::Trouble;
use super::response::Code;

/// Why a visit ended. The texts are for whoever runs the desk; none of them holds a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("The mailbox is configured wrongly: {0}")]
    Configured(&'static str),
    #[error("No connection to the mail server: {0}")]
    Connect(io::Error),
    #[error("The connection to the mail server broke: {0}")]
    Io(#[from] io::Error),
    #[error("The mail server closed the connection")]
    Closed,
    #[error("The mail server ended the conversation: {0}")]
    Bye(String),
    #[error("The mail server did not answer in time ({0})")]
    Timeout(&'static str),
    #[error("The mail server said something that is no IMAP ({0})")]
    Gibberish(&'static str),
    #[error("The mail server announced {bytes} bytes where at most {max} are taken")]
    Literal { bytes: u64, max: usize },
    #[error(
        "No trusted certificates on this machine (SSL_CERT_FILE, /etc/ssl/certs/ca-certificates.crt): install ca-certificates"
    )]
    NoRoots,
    #[error("{0} holds no certificate that can be trusted")]
    EmptyRoots(PathBuf),
    #[error("The mail server could not prove who it is, or does not speak TLS: {0}")]
    Tls(String),
    #[error("The mail server offers no encryption (STARTTLS), which the configuration asks for")]
    NoTls,
    #[error("Encryption is off, and the mail server is not this machine: nothing was sent")]
    Unprotected,
    #[error("The mail server offers no way to sign in that is known here and configured ({0})")]
    NoSignIn(&'static str),
    #[error("The mail server refused to sign in {user}: {said}")]
    SignIn { user: String, said: String },
    #[error("The mail server refused {command}: {said}")]
    Refused { command: &'static str, said: String, code: Code },
    #[error("The folder may only be read, so mail that is kept cannot be marked there")]
    ReadOnly,
    #[error(
        "The mail server stores no keywords, so mail that is kept cannot be marked: have it moved or deleted instead"
    )]
    NoKeywords,
    #[error("The mail server said that mail {0} is marked as kept, and offered it again")]
    MarkLost(u32),
    #[error("The mail cannot be kept now: {0}")]
    Busy(String),
    /// We were asked to stop.
    #[error("stopped")]
    Stopped,
}

impl Fault {
    pub fn trouble(&self) -> Trouble {
        match self {
            Fault::Connect(_) | Fault::Io(_) | Fault::Closed | Fault::Bye(_) | Fault::Timeout(_) | Fault::Stopped => {
                Trouble::Connection
            }
            Fault::NoRoots | Fault::EmptyRoots(_) | Fault::Tls(_) | Fault::NoTls | Fault::Unprotected => {
                Trouble::Encryption
            }
            Fault::NoSignIn(_) | Fault::SignIn { .. } => Trouble::SignIn,
            Fault::Configured(_) | Fault::Refused { .. } | Fault::ReadOnly | Fault::NoKeywords => Trouble::Folder,
            Fault::Gibberish(_) | Fault::Literal { .. } | Fault::MarkLost(_) => Trouble::Server,
            Fault::Busy(_) => Trouble::Keeping,
        }
    }
}
