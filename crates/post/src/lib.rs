//! Mail, and nothing but mail: take it in ([`door`]), look at its header ([`scan`]), read it in a process of its own
//! ([`read`], [`worker`]), write it ([`compose`]), see whether it is from whom it says ([`authenticity`]), hand it on ([`send`]), find it in files ([`files`]).
//!
//! The crate knows nothing of reports or desks. Every byte that comes in is hostile: no function here panics on
//! content, each limit is a named constant, and what is expensive to get wrong is a pure function with a thin shell.

pub mod authenticity;
pub mod compose;
pub mod date;
pub mod dns;
pub mod door;
pub mod files;
#[doc(hidden)]
pub mod fuzzing;
pub mod html;
pub mod imap;
pub mod read;
pub mod scan;
pub mod send;
mod serve;
pub mod session;
pub mod tls;
pub mod words;
pub mod worker;
