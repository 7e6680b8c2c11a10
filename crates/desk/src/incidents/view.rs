//! What a viewer reads of incidents.

mod incident;
mod list;
mod similar;

pub use incident::{
    EntryView, HoldView, IncidentView, LineView, Message, ObservableView, PhaseStep, TaskView, UndoRow,
};
pub use list::{IncidentFacets, IncidentFilter, IncidentList, IncidentRow};
pub use similar::SimilarIncident;
