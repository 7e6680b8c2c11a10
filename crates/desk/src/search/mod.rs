//! Search: what of everything the viewer may see speaks of this? In memory only; nothing plain is written to disk.

mod found;
mod index;
mod query;
mod seen;
mod terms;
mod written;

pub use found::{Facets, Found, Hit, HitKind, Why};
pub(crate) use index::Index;
