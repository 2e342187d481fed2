//! When a request is slow enough to ask again.

use std::collections::VecDeque;
use std::time::Duration;

/// Requests that are remembered.
const REMEMBERED: usize = 64;

/// Requests that must be known before there is a rule.
const ENOUGH: usize = 8;

/// Patience while too few are known.
const AT_FIRST: Duration = Duration::from_secs(3);

/// Patience is never less, so that a short pause of a fast network is none of our business.
const LEAST: Duration = Duration::from_millis(400);

/// Nor more.
const MOST: Duration = Duration::from_secs(20);

/// How long requests took lately.
#[derive(Default)]
pub(super) struct Pace {
    recent: VecDeque<Duration>,
    /// Bytes that requests were asked for again.
    asked_again: u64,
}

impl Pace {
    /// A request took so long in all.
    pub(super) fn took(&mut self, time: Duration) {
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(time);
    }

    /// How long a request may take before a second one for the same bytes is worth its cost: three times what nineteen of
    /// twenty took.
    pub(super) fn patience(&self) -> Duration {
        if self.recent.len() < ENOUGH {
            return AT_FIRST;
        }
        let mut sorted: Vec<Duration> = self.recent.iter().copied().collect();
        sorted.sort_unstable();
        (sorted[(sorted.len() - 1) * 95 / 100] * 3).clamp(LEAST, MOST)
    }

    /// Whether `bytes` may be asked for again: all such bytes stay under a twentieth of those fetched, and a start.
    pub(super) fn may_ask_again(&mut self, bytes: u64, fetched: u64) -> bool {
        if self.asked_again + bytes > fetched / 20 + super::blocks::BLOCK {
            return false;
        }
        self.asked_again += bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_follows_what_requests_took() {
        let mut pace = Pace::default();
        assert_eq!(pace.patience(), AT_FIRST);
        for _ in 0..REMEMBERED {
            pace.took(Duration::from_millis(300));
        }
        assert_eq!(pace.patience(), Duration::from_millis(900));
        // A few slow ones do not make all of them slow.
        pace.took(Duration::from_secs(9));
        assert_eq!(pace.patience(), Duration::from_millis(900));
        for _ in 0..REMEMBERED {
            pace.took(Duration::from_millis(1));
        }
        assert_eq!(pace.patience(), LEAST);
        for _ in 0..REMEMBERED {
            pace.took(Duration::from_secs(60));
        }
        assert_eq!(pace.patience(), MOST);
    }

    #[test]
    fn asking_again_has_a_budget() {
        let mut pace = Pace::default();
        let block = crate::aws::video::blocks::BLOCK;
        assert!(pace.may_ask_again(block, 0));
        assert!(!pace.may_ask_again(block, 0));
        assert!(!pace.may_ask_again(block, 19 * block));
        assert!(pace.may_ask_again(block, 20 * block));
    }
}
