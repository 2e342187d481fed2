//! How long to try when others write at the same time, and how long to wait in between.

use std::time::{Duration, Instant};

use framefan_contract::{Error, Result};

use crate::aws::random::fraction;

/// How long a change may be tried. A write takes milliseconds; dozens of workers that finish at once need seconds.
const WRITING: Duration = Duration::from_secs(30);

/// How long a read may be tried, after the SDK's own tries: nobody is in its way.
const READING: Duration = Duration::from_secs(5);

/// The first pause is at most this.
const SHORTEST: Duration = Duration::from_millis(20);

/// And no pause is longer.
const LONGEST: Duration = Duration::from_secs(1);

/// Pauses of random length, up to a limit that doubles, so that writers who disturbed each other do not meet again.
pub(super) struct Patience {
    begun: Instant,
    lasts: Duration,
    limit: Duration,
    /// Tries that failed.
    tries: u32,
}

impl Patience {
    /// For a change.
    pub(super) fn of_writers() -> Self {
        Patience { begun: Instant::now(), lasts: WRITING, limit: SHORTEST, tries: 0 }
    }

    /// For a read.
    pub(super) fn of_readers() -> Self {
        Patience { lasts: READING, ..Patience::of_writers() }
    }

    /// How long to wait before the next try.
    ///
    /// # Errors
    /// `Retryable` when it has been tried for long enough; `why` names the last obstacle.
    pub(super) fn pause(&mut self, what: &str, why: &str) -> Result<Duration> {
        self.tries += 1;
        if self.begun.elapsed() > self.lasts {
            let tries = self.tries;
            let seconds = self.begun.elapsed().as_secs();
            return Err(Error::retryable(format!("{what}: no success in {tries} tries over {seconds} s ({why})")));
        }
        let pause = self.limit.mul_f64(fraction());
        self.limit = (self.limit * 2).min(LONGEST);
        Ok(pause)
    }
}
