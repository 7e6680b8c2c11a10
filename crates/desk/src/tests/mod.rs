//! Stories, rules under any sequence of commands, what others may see, and the written form of every fact.

mod corpus;
mod golden;
mod hold;
mod join;
mod lens;
mod past;
mod replay;
mod rules;
mod search;
mod sight;
mod size;
mod snapshot;
mod story;
mod undo;
