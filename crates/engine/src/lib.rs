//! Runs a desk: one writer, many readers, and the work that goes on by itself (reading mail, sending mail).
//!
//! A command is decided against the desk and applied to it in memory; then its facts are made durable; only then is it acknowledged,
//! shown to anybody, or acted upon. Readers see the desk at once and wait for what they saw to be durable, so nothing that could still
//! be lost is ever shown.

mod clock;
mod content;
pub mod core;
mod engine;
mod forms;
mod intake;
mod nodes;
mod outgoing;
mod past;
mod reading;
mod replay;
mod replies;
mod senders;
mod snapshots;
mod store;
mod texts;
mod writer;

pub use clock::Clock;
pub use content::ContentFault;
pub use engine::{Done, Engine, Event, Fault, Frozen, OpenError, Options, Touched};
pub use forms::{FormFile, FormReport};
pub use intake::{MailIn, Received};
pub use nodes::{Nodes, OpenErasure};
pub use outgoing::{MailState, MailboxState, Outbound, SinkMail};
pub use past::{Glimpse, PastFault};
pub use replies::with_reference;
pub use senders::{Senders, TrustedHop};
pub use snapshots::{CheckedSnapshot, NoSnapshot, Worth, check_snapshots, make_snapshot};
pub use store::Trouble;
pub use texts::{Advice, ReplyTemplate, advice, fill, reply_templates};
