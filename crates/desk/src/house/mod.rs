//! The desk itself: whose it is, which address it answers, in which languages.

use crate::ids::{AccountId, OrganisationId, TemplateId, TermId, Timestamp};
use crate::register::Which;
use crate::retention::{Kept, SetTerm};
use crate::templates::{self, Template};
use serde::{Deserialize, Serialize};

/// A language of the interface or of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Dutch, the language of the boards.
    #[default]
    Nl,
    /// English.
    En,
    /// French.
    Fr,
    /// German.
    De,
}

impl Language {
    /// All, in the order in which they are offered.
    pub const ALL: [Language; 4] = [Language::Nl, Language::En, Language::Fr, Language::De];

    /// BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Language::Nl => "nl",
            Language::En => "en",
            Language::Fr => "fr",
            Language::De => "de",
        }
    }

    /// By BCP 47 tag; only the first part counts (`nl-BE` is `nl`).
    pub fn from_tag(tag: &str) -> Option<Language> {
        let first = tag.split(['-', '_']).next().unwrap_or_default();
        Language::ALL.into_iter().find(|l| l.tag().eq_ignore_ascii_case(first))
    }
}

/// Facts about the desk itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Whose desk this is was set, at first run or later.
    Configured(Configured),
    /// An organisation works on this desk.
    OrganisationAdded {
        /// Its number; 0 is the team.
        organisation: OrganisationId,
        /// Its public name.
        name: String,
    },
    /// A register that ships with the program was loaded: boards are named by their places in it from now on.
    RegisterLoaded {
        /// Which.
        which: Which,
    },
    /// Somebody restored a backup to see that it can be done.
    RestoreTested {
        /// Who.
        by: AccountId,
        /// Which backup: the name of its file.
        backup: String,
        /// When that backup was made.
        made_at: Timestamp,
    },
    /// That a backup was restored was said by mistake.
    RestoreWithdrawn {
        /// Which was told of, by its place.
        restore: u32,
        /// Who takes it back.
        by: AccountId,
    },
    /// An organisation has another name.
    OrganisationRenamed {
        /// Its number.
        organisation: OrganisationId,
        /// Its public name.
        name: String,
        /// Who says so.
        by: AccountId,
    },
    /// A reply that is written often was written, or says something else.
    TemplateSet {
        /// Which.
        template: TemplateId,
        /// Who.
        by: AccountId,
        /// What it says; names no person.
        said: Template,
    },
    /// It is offered no more.
    TemplateWithdrawn {
        /// Which.
        template: TemplateId,
        /// Who.
        by: AccountId,
    },
    /// How long something is kept was decided.
    TermSet {
        /// The term.
        term: TermId,
        /// Who says so.
        by: AccountId,
        /// For what.
        kind: Kept,
        /// So many days.
        days: u32,
        /// When it begins to hold.
        from: Timestamp,
        /// Who decided it, or where it stands; names no person.
        source: String,
    },
    /// A term was taken back by whoever set it.
    TermWithdrawn {
        /// The term.
        term: TermId,
        /// Who.
        by: AccountId,
    },
}

/// What first run asks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Configured {
    /// The team's public name.
    pub organisation: String,
    /// The one address, `cyberresponse@…`.
    pub address: String,
    /// Phone number printed on the public page, if there is one.
    pub phone: Option<String>,
    /// Languages of the public page, first is the default.
    pub languages: Vec<Language>,
    /// A demonstration: every page says so.
    pub demo: bool,
}

/// The desk's own settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct House {
    /// `None` until first run is done.
    pub(crate) configured: Option<Configured>,
    pub(crate) organisations: Vec<String>,
    /// Backups that were restored as a test, in order.
    pub(crate) restores: Vec<RestoreTest>,
    /// Terms of retention that were decided, in order.
    pub(crate) terms: Vec<SetTerm>,
    /// Replies that are written often, in order.
    pub(crate) templates: Vec<templates::Kept>,
}

/// A backup that was restored to see that it can be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RestoreTest {
    pub(crate) at: Timestamp,
    /// The fact that says so.
    pub(crate) seq: u64,
    pub(crate) by: AccountId,
    pub(crate) backup: String,
    pub(crate) made_at: Timestamp,
    /// When it was taken back.
    pub(crate) withdrawn: Option<Timestamp>,
}

impl House {
    pub(crate) fn apply(&mut self, seq: u64, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::Configured(configured) => {
                if self.organisations.is_empty() {
                    self.organisations.push(String::new());
                }
                self.organisations[0].clone_from(&configured.organisation);
                self.configured = Some(configured.clone());
            }
            Fact::OrganisationAdded { organisation, name } => {
                let at = organisation.index();
                if self.organisations.len() <= at {
                    self.organisations.resize(at + 1, String::new());
                }
                self.organisations[at].clone_from(name);
            }
            Fact::OrganisationRenamed { organisation, name, .. } => {
                self.organisations[organisation.index()].clone_from(name);
            }
            Fact::RestoreTested { by, backup, made_at } => {
                let (by, backup, made_at) = (*by, backup.clone(), *made_at);
                self.restores.push(RestoreTest { at, seq, by, backup, made_at, withdrawn: None });
            }
            Fact::RestoreWithdrawn { restore, .. } => {
                if let Some(test) = self.restores.get_mut(*restore as usize) {
                    test.withdrawn = Some(at);
                }
            }
            Fact::TemplateSet { template, by, said } => {
                let kept = templates::Kept { template: said.clone(), seq, at, by: *by, withdrawn: false };
                match self.templates.get_mut(template.index()) {
                    Some(before) => *before = kept,
                    None => self.templates.push(kept),
                }
            }
            Fact::TemplateWithdrawn { template, by } => {
                if let Some(kept) = self.templates.get_mut(template.index()) {
                    (kept.seq, kept.at, kept.by, kept.withdrawn) = (seq, at, *by, true);
                }
            }
            Fact::TermSet { term, by, kind, days, from, source } => {
                let (term, by, kind, days, from, source) = (*term, *by, *kind, *days, *from, source.clone());
                self.terms.push(SetTerm { term, seq, at, by, kind, days, from, source, withdrawn: None });
            }
            Fact::TermWithdrawn { term, .. } => {
                self.terms.iter_mut().filter(|t| t.term == *term).for_each(|t| t.withdrawn = Some(at));
            }
            // The desk itself takes the register.
            Fact::RegisterLoaded { .. } => {}
        }
    }
}
