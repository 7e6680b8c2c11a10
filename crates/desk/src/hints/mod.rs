//! Hints: what a message seems to be. Recognition only; a person decides.

use crate::house::Language;
use crate::intake::{Appraisal, Reason};
use crate::{Desk, Digest};

/// A message to be judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// Subject, decoded.
    pub subject: &'a str,
    /// Text.
    pub text: &'a str,
    /// Address of the sender.
    pub from_address: Option<&'a str>,
    /// Which board's name the writer gave, as typed (form, phone).
    pub board_typed: Option<&'a str>,
    /// Keyed digest of the sender's address.
    pub sender: Option<Digest>,
    /// A machine or a list sent it.
    pub automatic: bool,
}

/// What is thought of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Kind, urgency, board, severity, type.
    pub appraisal: Appraisal,
    /// Its language, where sure.
    pub language: Option<Language>,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// Judge a message.
pub fn judge(desk: &Desk, message: &Message<'_>) -> Opinion {
    let _ = (desk, message);
    Opinion { appraisal: Appraisal::unknown(), language: None, reasons: Vec::new() }
}
