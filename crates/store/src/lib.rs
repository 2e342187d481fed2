//! Objects and job state behind two traits, so that the same stages run on one machine and in the cloud.
//!
//! [`ObjectStore`] keeps bytes under keys (see `framefan_contract::keys`): [`FolderStore`] is a folder, [`aws::S3Store`] an
//! S3 bucket. [`JobStore`] keeps what happens to a job and its chunks: [`SqliteJobs`] is an SQLite file,
//! [`aws::DynamoJobs`] a DynamoDB table. Both are synchronous. Neither reads a clock: whoever calls says what time it is.
//! What every implementation must do is written as tests in [`conformance`].

pub mod aws;
pub mod conformance;
mod folder;
mod jobs;
mod objects;
mod rules;
mod sqlite;

pub use folder::FolderStore;
pub use jobs::{ChunkClaim, Claim, JobStore, NewChunk, NewJob};
pub use objects::{Created, ObjectInfo, ObjectStore};
pub use sqlite::{SqliteJobs, sqlite_error};
