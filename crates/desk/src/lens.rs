//! One door for reading: everything a person or a machine reads goes through a [`Lens`].

use crate::Desk;
use crate::accounts::Role;
use crate::command::Refusal;
use crate::ids::{AccountId, IncidentId, OrganisationId, ReportId, TEAM};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Deref;

/// Traffic Light Protocol 2.0 (FIRST): what a *recipient* may do. Never translated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tlp {
    /// No limit on disclosure.
    #[serde(rename = "CLEAR")]
    Clear,
    /// The community.
    #[serde(rename = "GREEN")]
    Green,
    /// The organisation and its clients.
    #[serde(rename = "AMBER")]
    #[default]
    Amber,
    /// The organisation only.
    #[serde(rename = "AMBER+STRICT")]
    AmberStrict,
    /// The named persons only.
    #[serde(rename = "RED")]
    Red,
}

impl Tlp {
    /// All labels, the most open first.
    pub const ALL: [Tlp; 5] = [Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict, Tlp::Red];

    /// As FIRST writes it, without the prefix `TLP:`.
    pub fn label(self) -> &'static str {
        match self {
            Tlp::Clear => "CLEAR",
            Tlp::Green => "GREEN",
            Tlp::Amber => "AMBER",
            Tlp::AmberStrict => "AMBER+STRICT",
            Tlp::Red => "RED",
        }
    }

    /// By its label, as in a form field.
    pub fn from_label(label: &str) -> Option<Tlp> {
        Tlp::ALL.into_iter().find(|t| t.label() == label)
    }
}

/// Who is addressed, and under which label. The audience of a thing, not of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Audience {
    /// Organisations, a bit each (bit 0 is the team).
    pub organisations: u64,
    /// The label.
    pub tlp: Tlp,
    /// Under RED: the named persons.
    pub persons: Vec<AccountId>,
}

impl Audience {
    /// Only the response team, TLP:AMBER: how everything starts that comes in.
    pub fn team() -> Audience {
        Audience { organisations: 1 << TEAM.0, tlp: Tlp::Amber, persons: Vec::new() }
    }

    /// Whether it admits anybody whom the other one does not: by organisation, label or name.
    pub(crate) fn admits_more_than(&self, other: &Audience) -> bool {
        let named = |persons: &[AccountId]| persons.iter().all(|p| other.persons.contains(p));
        self.organisations & !other.organisations != 0
            || (other.tlp == Tlp::Red && !(self.tlp == Tlp::Red && named(&self.persons)))
    }

    pub(crate) fn admits(&self, viewer: &Viewer) -> bool {
        let addressed = self.organisations & (1u64 << (viewer.organisation.0 & 63)) != 0;
        addressed && (self.tlp != Tlp::Red || self.persons.contains(&viewer.account))
    }
}

/// An interned [`Audience`]: items carry this number, so that a viewer's rights are one bitmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassId(pub u32);

impl ClassId {
    /// The class of what nobody may see: erased, taken back, or not there at the moment that is looked at. No audience stands behind it.
    pub(crate) const NOBODY: ClassId = ClassId(u32::MAX);
}

/// All audiences in use. Written as their list.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Vec<Audience>")]
pub struct Classes {
    list: Vec<Audience>,
    numbers: HashMap<Audience, ClassId>,
}

impl Serialize for Classes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list.serialize(serializer)
    }
}

impl From<Vec<Audience>> for Classes {
    fn from(list: Vec<Audience>) -> Classes {
        let numbers = (0..).map(ClassId).zip(&list).map(|(class, audience)| (audience.clone(), class)).collect();
        Classes { list, numbers }
    }
}

impl Classes {
    /// The number of an audience; a new one if it was not seen before.
    pub(crate) fn intern(&mut self, audience: Audience) -> ClassId {
        if let Some(class) = self.numbers.get(&audience) {
            return *class;
        }
        let class = ClassId(u32::try_from(self.list.len()).expect("audiences are far fewer than facts"));
        self.list.push(audience.clone());
        self.numbers.insert(audience, class);
        class
    }

    /// The audience behind a number.
    pub(crate) fn get(&self, class: ClassId) -> &Audience {
        &self.list[class.0 as usize]
    }

    fn visible_to(&self, viewer: &Viewer) -> Visible {
        let mut words = vec![0u64; self.list.len().div_ceil(64)];
        for (n, audience) in self.list.iter().enumerate() {
            if audience.admits(viewer) {
                words[n / 64] |= 1 << (n % 64);
            }
        }
        Visible { words }
    }
}

/// The classes that one viewer may see, as a bitmap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible {
    words: Vec<u64>,
}

impl Visible {
    /// Whether items of this class may be seen. A class that did not exist when the bitmap was made may not.
    pub fn has(&self, class: ClassId) -> bool {
        let n = class.0 as usize;
        self.words.get(n / 64).is_some_and(|w| w >> (n % 64) & 1 == 1)
    }
}

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// The account.
    pub account: AccountId,
    /// The account's organisation.
    pub organisation: OrganisationId,
    /// What the account may do.
    pub role: Role,
}

/// A value that somebody may see. Only a lens makes one, so an unfiltered read cannot be written outside this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<T>(T);

impl<T> Seen<T> {
    pub(crate) fn new(value: T) -> Seen<T> {
        Seen(value)
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Seen<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Leave to change one thing, given out by the lens of the person who asks. Children are addressed with their parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave<T> {
    pub(crate) id: T,
    pub(crate) by: AccountId,
}

impl<T: Copy> Leave<T> {
    /// Who holds it.
    pub fn by(&self) -> AccountId {
        self.by
    }

    /// What it is for.
    pub fn id(&self) -> T {
        self.id
    }
}

/// The desk as one viewer may see it. Views are methods of it, in the files of their capabilities.
pub struct Lens<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) viewer: Viewer,
    pub(crate) visible: Visible,
}

impl<'a> Lens<'a> {
    pub(crate) fn new(desk: &'a Desk, viewer: Viewer) -> Lens<'a> {
        Lens { desk, viewer, visible: desk.classes.visible_to(&viewer) }
    }

    /// Who looks.
    pub fn viewer(&self) -> Viewer {
        self.viewer
    }

    /// The classes this viewer may see, for counting and searching without another look-up.
    pub fn visible(&self) -> &Visible {
        &self.visible
    }

    pub(crate) fn may_see(&self, class: ClassId) -> bool {
        self.visible.has(class)
    }

    /// Leave to act on a report of this class: people on duty of the team, who work the address.
    pub(crate) fn leave_on_report(&self, report: ReportId, class: ClassId) -> Option<Leave<ReportId>> {
        (self.may_see(class) && self.viewer.role >= Role::Duty && self.is_team())
            .then_some(Leave { id: report, by: self.viewer.account })
    }

    /// Leave to work on an incident of this class: people on duty of every organisation that it is addressed to.
    pub(crate) fn leave_on_incident(&self, incident: IncidentId, class: ClassId) -> Option<Leave<IncidentId>> {
        (self.may_see(class) && self.viewer.role >= Role::Duty)
            .then_some(Leave { id: incident, by: self.viewer.account })
    }
}

impl Desk {
    /// Whether the holder of a leave may still act on a thing of this class: rights may have changed since it was given out.
    pub(crate) fn still_may(&self, by: AccountId, class: ClassId) -> Result<Viewer, Refusal> {
        let viewer = self.viewer(by).ok_or(Refusal::Forbidden)?;
        if !self.classes.get(class).admits(&viewer) {
            return Err(Refusal::NotFound);
        }
        if viewer.role >= Role::Duty { Ok(viewer) } else { Err(Refusal::Forbidden) }
    }

    /// As [`Desk::still_may`], for what only the team decides.
    pub(crate) fn team_still_may(&self, by: AccountId, class: ClassId) -> Result<Viewer, Refusal> {
        let viewer = self.still_may(by, class)?;
        if viewer.is_team() { Ok(viewer) } else { Err(Refusal::Forbidden) }
    }
}
