//! The program and the project as they look from outside.

mod dependencies;
