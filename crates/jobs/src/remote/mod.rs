//! A deployment from outside: what the command line asks of it.
//!
//! Nothing here runs a job. A job is started by an execution of the state machine, and is followed, cancelled and fetched
//! through the same bucket and table that its steps use.

mod cancel;
mod deployment;
mod download;
mod find;
mod follow;
mod logs;
mod remove;
mod submit;
mod videos;

pub use cancel::{Cancelled, cancel};
pub use deployment::{Deployment, Part};
pub use download::{Downloaded, download};
pub use find::{check_id, find_job};
pub use follow::{Begun, begun, follow};
pub use logs::{JobLogs, LogLine};
pub use remove::{Removed, check_no_worker, count_objects, remove};
pub use submit::{Placed, Placing, execution_name, place};
pub use videos::{ListedVideos, VideoInput, list_videos};
