//! Runs a shard: a streaming pipeline with bounded stages, checkpoints and metrics.
//!
//! `shard` decides which chunks are still to do and hands consecutive ones to `pipeline`, which streams their frames
//! through stages on threads of their own: read → decode → convert → infer → postprocess → write. Chunk boundaries flow
//! through as messages and drain nothing. `collect` puts a chunk's records together, `metrics` times every stage.

mod artifacts;
mod collect;
mod lease;
mod metrics;
mod pipeline;
mod progress;
mod sampling;
mod shard;

pub use artifacts::Artifacts;
pub use progress::{Progress, Stop};
pub use sampling::is_sampled;
pub use shard::{AnalyzerRun, Outcome, ShardAttempt, ShardTask, run_shard};
