//! What a viewer reads of messages.

mod queue;
mod report;
mod rows;

pub use queue::{Queue, QueueCounts, QueueFilter};
pub use report::{ErasureView, EventRow, ReportView, SimilarReport};
pub use rows::{ReportFilter, ReportRow};

/// Where content that is too large for memory stands: the fact that it came with. Only a lens hands one out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentRef {
    /// Sequence number of the fact.
    pub seq: u64,
}
