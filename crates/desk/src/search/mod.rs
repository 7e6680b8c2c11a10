//! Search: what of everything the viewer may see speaks of this? In memory only; nothing plain is written to disk.

mod index;
mod query;
mod seen;
mod terms;

pub(crate) use index::Index;
pub use query::{Facets, Found, Hit, HitKind, Why};
