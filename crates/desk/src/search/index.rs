//! The index beside the state.

use crate::ids::{EntryId, IncidentId, ReportId, Timestamp};
use crate::incidents::Note;
use crate::intake::{Observable, Report};
use crate::lens::{ClassId, Lens};
use crate::outbox::{About, Letter};
use crate::register::Register;
use crate::sealed::Sealed;
use std::collections::HashMap;

/// The index beside the state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {}

impl PartialEq for Index {
    fn eq(&self, _: &Index) -> bool {
        true
    }
}

#[allow(unused_variables, dead_code)]
impl Index {
    pub(crate) fn boards(&mut self, register: &Register) {}
    pub(crate) fn received(&mut self, report: ReportId, class: ClassId) {}
    pub(crate) fn read(&mut self, report: ReportId, kept: &Report) {}
    pub(crate) fn erase(&mut self, report: ReportId) {}
    pub(crate) fn readdress_report(&mut self, report: ReportId, class: ClassId) {}
    pub(crate) fn wrote(&mut self, about: About, class: ClassId, at: Timestamp, letter: &Sealed<Letter>) {}
    pub(crate) fn noted(
        &mut self,
        incident: IncidentId,
        entry: EntryId,
        class: ClassId,
        at: Timestamp,
        note: &Sealed<Note>,
    ) {
    }
    pub(crate) fn task(
        &mut self,
        incident: IncidentId,
        entry: EntryId,
        class: ClassId,
        at: Timestamp,
        text: &Sealed<String>,
    ) {
    }
    pub(crate) fn observed(
        &mut self,
        incident: IncidentId,
        entry: EntryId,
        class: ClassId,
        observable: &Sealed<Observable>,
    ) {
    }
    pub(crate) fn opened(&mut self, incident: IncidentId, class: ClassId, at: Timestamp, title: &Sealed<String>) {}
    pub(crate) fn retitled(&mut self, incident: IncidentId, title: &Sealed<String>) {}
    pub(crate) fn drop_incident(&mut self, incident: IncidentId) {}
    pub(crate) fn withdraw(&mut self, incident: IncidentId, entry: EntryId) {}
    pub(crate) fn readdress_incident(&mut self, incident: IncidentId, moved: &HashMap<ClassId, ClassId>) {}
    pub(crate) fn text(&mut self, report: ReportId, text: &str) {}
    pub(crate) fn incidents_with(&self, lens: &Lens<'_>, kind: &str, value: &str) -> Vec<IncidentId> {
        Vec::new()
    }
    pub(crate) fn reports_with(&self, lens: &Lens<'_>, kind: &str, value: &str) -> Vec<ReportId> {
        Vec::new()
    }
    pub(crate) fn reports_with_subject(&self, lens: &Lens<'_>, subject: &str) -> Vec<ReportId> {
        Vec::new()
    }
}
