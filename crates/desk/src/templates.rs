//! Replies that a team writes often, in words of its own.

use crate::Desk;
use crate::accounts;
use crate::command::{Decision, Outcome, Refusal};
use crate::fact::Fact;
use crate::house::{self, Language};
use crate::ids::{AccountId, TemplateId, Timestamp};
use crate::lens::{Leave, Lens};
use crate::outbox::{SUBJECT_CHARS_MAX, TEXT_CHARS_MAX};
use crate::typed::line;
use crate::view::Who;
use serde::{Deserialize, Serialize};

/// Templates that were ever written, at most.
const TEMPLATES_MAX: usize = 500;

/// What a template says. `{name}`, `{reference}`, `{board}` and `{phone}` are filled in when it is taken. It names no person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Language of the mail.
    pub language: Language,
    /// What the duty officer reads.
    pub title: String,
    /// Subject of the mail.
    pub subject: String,
    /// Text of the mail.
    pub text: String,
}

/// A template as the desk keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) template: Template,
    /// The fact that wrote it last, when, and who.
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) by: AccountId,
    pub(crate) withdrawn: bool,
}

/// A template of the team.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateRow {
    /// Which.
    pub id: TemplateId,
    /// What it says.
    pub template: Template,
    /// When it was written so.
    pub at: Timestamp,
    /// Who wrote it so.
    pub who: Who,
}

/// A new template, or what one says from now on; for an administrator.
pub(crate) fn set(
    desk: &Desk,
    leave: Leave<AccountId>,
    which: Option<TemplateId>,
    new: Template,
) -> Result<Decision, Refusal> {
    desk.accounts.is_admin(leave.by)?;
    let text = new.text.trim().to_owned();
    if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX {
        return Err(Refusal::invalid("text", "length"));
    }
    let title = line("title", &new.title, accounts::NAME_CHARS_MAX)?;
    let subject = line("subject", &new.subject, SUBJECT_CHARS_MAX)?;
    let said = Template { language: new.language, title, subject, text };
    let kept = &desk.house.templates;
    let template = match which {
        Some(id) if standing(desk, id)?.template == said => return Ok(Decision::nothing(Outcome::Done)),
        Some(id) => id,
        None if kept.len() >= TEMPLATES_MAX => return Err(Refusal::invalid("title", "too-many")),
        None => TemplateId(kept.len() as u32),
    };
    Ok(Decision::one(Fact::House(house::Fact::TemplateSet { template, by: leave.by, said }), Outcome::Done))
}

/// A template is offered no more; for an administrator.
pub(crate) fn withdraw(desk: &Desk, leave: Leave<AccountId>, template: TemplateId) -> Result<Decision, Refusal> {
    desk.accounts.is_admin(leave.by)?;
    standing(desk, template)?;
    Ok(Decision::one(Fact::House(house::Fact::TemplateWithdrawn { template, by: leave.by }), Outcome::Done))
}

/// Takes back the last thing that was done to a template: it says again what it said before, or was never there.
pub(crate) fn undo(
    desk: &Desk,
    template: TemplateId,
    before: Option<&Template>,
    of: u64,
    by: AccountId,
) -> Result<Decision, Refusal> {
    desk.accounts.is_admin(by)?;
    let kept = desk.house.templates.get(template.index()).ok_or(Refusal::NotFound)?;
    if kept.seq != of {
        return Err(Refusal::TooLate { why: "undo-gone" });
    }
    let fact = match before {
        Some(said) => house::Fact::TemplateSet { template, by, said: said.clone() },
        None => house::Fact::TemplateWithdrawn { template, by },
    };
    Ok(Decision::one(Fact::House(fact), Outcome::Done))
}

fn standing(desk: &Desk, template: TemplateId) -> Result<&Kept, Refusal> {
    desk.house.templates.get(template.index()).filter(|t| !t.withdrawn).ok_or(Refusal::NotFound)
}

impl Lens<'_> {
    /// The team's own templates, in the order in which they were first written.
    pub fn templates(&self) -> Vec<TemplateRow> {
        let kept = self.desk.house.templates.iter().enumerate().filter(|(_, t)| self.is_team() && !t.withdrawn);
        let row = |(n, kept): (usize, &Kept)| TemplateRow {
            id: TemplateId(n as u32),
            template: kept.template.clone(),
            at: kept.at,
            who: self.desk.person(kept.by),
        };
        kept.map(row).collect()
    }
}
