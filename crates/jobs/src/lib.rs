//! The steps of a job, the same on one machine and on AWS: accept a request, plan it, reduce its artifacts, report.
//!
//! Working through shards is the worker's; these steps are what happens before and after it. `local` strings all of them
//! together in one process. Handlers and the command line hold no logic beside these.

mod accept;
mod local;
mod models;
mod pictures;
mod plan;
mod process;
mod reduce;
mod report;
mod schemas;
mod section;
mod source;
mod summary;

pub use accept::{Accepted, Ask, accept, analyzer_requests};
pub use local::{LocalRun, run};
pub use models::{ModelPaths, parse_model};
pub use plan::{accept_plan, make_plan};
pub use reduce::{Reduced, reduce};
pub use report::write_report;
pub use schemas::schemas;
pub use source::{OpenSource, open};
pub use summary::{RunSummary, StageSummary};
