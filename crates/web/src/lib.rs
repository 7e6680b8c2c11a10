//! The pages of a desk: server-rendered, complete without script, live with it. Nothing is asked of anybody else's machine.
//!
//! Everything shown is read through the reader's lens ([`desk::lens`]); every form carries a token of its session; whatever a stranger
//! wrote is text.

mod api;
mod app;
mod archive;
pub mod assets;
mod csv;
mod device;
#[doc(hidden)]
pub mod fuzzing;
mod headers;
mod live;
pub mod moment;
pub mod pages;
pub mod parts;
mod password;
mod patience;
mod presence;
mod problem;
mod refill;
pub mod routes;
mod rsit;
#[doc(hidden)]
pub mod sample;
mod secret;
mod server;
mod shares;
pub mod shell;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod throttle;
pub mod ticket;
mod visitor;
pub mod when;
pub mod words;

pub use app::{Options, Web};
pub use server::serve;
