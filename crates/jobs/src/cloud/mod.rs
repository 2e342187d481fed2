//! The steps of a job as AWS runs them, one by one: plan, work through a shard, reduce, close.
//!
//! Each step can run twice, late, or at the same time as its twin. What a step needs to know beyond its input stands in
//! the environment ([`settings`]); what it leaves is in the bucket and the table.

mod close;
pub(crate) mod event;
pub mod metrics;
mod plan;
mod reduce;
mod request;
pub mod settings;
mod shard;

use framefan_contract::request::Source;
use framefan_contract::{Error, Result};
use framefan_store::aws::{Aws, DynamoJobs, S3Store, Video};

pub use close::{CloseInput, Closed, close};
pub use plan::{PlanInput, PlanStatus, Planned, plan_video};
pub use reduce::{Merged, ReduceInput, merge_results};
pub use request::{CloudRequest, Compute};
pub use shard::{ShardInput, work_shard};

use settings::Place;

/// A deployment: its bucket and its table.
pub struct Cloud {
    /// Clients.
    pub aws: Aws,
    /// Where things are kept.
    pub place: Place,
    /// The bucket's objects.
    pub objects: S3Store,
    /// The table's items.
    pub jobs: DynamoJobs,
}

impl Cloud {
    /// Clients for the deployment that `place` names.
    pub fn new(aws: Aws, place: Place) -> Self {
        let objects = aws.objects(&place.bucket);
        let jobs = aws.jobs(&place.table).with_retention(place.retention_days);
        Cloud { aws, place, objects, jobs }
    }

    /// The deployment that the environment names.
    pub fn from_env() -> Result<Self> {
        Ok(Cloud::new(Aws::connect()?, Place::from_env()?))
    }

    /// The job's video, in the version that it was accepted with.
    fn video(&self, source: &Source) -> Result<Video> {
        let Source::S3 { bucket, key, version, .. } = source else {
            return Err(Error::defect("a job on AWS names a video that is a local file"));
        };
        self.aws.video(bucket, key, Some(version))
    }
}
