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
pub struct Stop {
    wish: Arc<AtomicBool>,
    /// A wish of whoever the work is done for.
    outer: Option<Arc<Stop>>,
}

impl Stop {
    /// Another wish, which this one implies, but not the other way round.
    pub fn within(&self) -> Stop {
        Stop { wish: Arc::default(), outer: Some(Arc::new(self.clone())) }
    }

    /// Asks all workers to stop: finished chunks stay, the chunk in hand is handed back.
    pub fn request(&self) {
        self.wish.store(true, Ordering::SeqCst);
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.wish.load(Ordering::SeqCst) || self.outer.as_ref().is_some_and(|outer| outer.is_requested())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outer_wish_implies_an_inner_one_and_not_the_other_way_round() {
        let outer = Stop::default();
        let (one, other) = (outer.within(), outer.within());
        one.request();
        assert!(one.is_requested() && !other.is_requested() && !outer.is_requested());
        outer.request();
        assert!(other.is_requested() && other.within().is_requested());
    }
}
