//! Jobs and log lines as text for people.

mod job;
mod log_line;
mod table;

pub use job::{describe, progress_words};
pub use log_line::readable;
pub use table::table;
