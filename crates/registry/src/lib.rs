//! The registry of models, as the command line uses it: what there is, downloading it, checking it.
//!
//! Nothing else downloads: functions and jobs have their weights baked into their images, and know neither this crate nor an
//! HTTP client.

mod client;
mod download;
mod list;
mod part;
mod places;
mod pull;
mod trust;
mod verify;

pub use list::{Listed, list};
pub use places::Places;
pub use pull::{Pull, Pulled, Step, has, pull};
pub use verify::{Checked, verify};
