//! What others may see and say while a shard runs: counters that only grow, and the wish to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counters of a run, shared by all its workers. They only grow.
#[derive(Debug, Default)]
pub struct Progress {
    /// Frames decoded.
    pub frames: AtomicU64,
    /// Frames that went through a network and its post-processing.
    pub sampled: AtomicU64,
    /// Chunks completed by these workers.
    pub chunks: AtomicU64,
    /// Chunks found completed.
    pub resumed: AtomicU64,
    /// Frames of the chunks found completed.
    pub resumed_frames: AtomicU64,
}

impl Progress {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

/// A wish to stop, shared between a signal handler and the workers.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks all workers to stop: finished chunks stay, the chunk in hand is handed back.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
