//! The steps of a job, the same on one machine and on AWS: accept a request, plan it, reduce its artifacts, report.
//!
//! Working through shards is the worker's; these steps are what happens before and after it. `local` strings all of them
//! together in one process; `cloud` has them one by one, as the functions and the job on AWS run them. Handlers and the
//! command line hold no logic beside these.

mod accept;
mod analyzers;
mod clock;
pub mod cloud;
mod exports;
pub mod import;
mod local;
mod models;
mod objects;
mod pictures;
mod plan;
mod process;
mod reduce;
pub mod remote;
mod report;
mod schemas;
mod section;
mod source;
mod summary;

pub use framefan_report::truth::Truth;

pub use accept::{Ask, analyzer_requests};
pub use local::{LocalRun, run};
pub use models::{Models, parse_model};
pub use plan::{accept_plan, make_plan};
pub use reduce::{Reduced, reduce};
pub use report::write_report;
pub use schemas::schemas;
pub use source::{OpenSource, open};
pub use summary::{RunSummary, StageSummary};
