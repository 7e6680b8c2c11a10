//! Search: what of everything the viewer may see speaks of this? In memory only; nothing plain is written to disk.

mod found;
mod index;
mod query;
mod seen;
mod terms;
mod written;

pub use found::{Facets, Found, Hit, HitKind, Narrow, Why};
pub(crate) use index::Index;

/// Takes a question apart; for fuzzing.
pub(crate) fn fuzz(query: &str) {
    assert!(query::parts(query).len() <= query::WORDS_MAX);
}
