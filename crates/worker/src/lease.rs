//! Keeps the leases of the chunks in hand alive from a thread of its own.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use framefan_contract::Result;
use framefan_contract::state::JobStage;
use framefan_store::{ChunkClaim, JobStore};

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// The chunks whose lease this worker holds.
pub(crate) struct Leases<'a> {
    jobs: &'a dyn JobStore,
    job_id: &'a str,
    worker: &'a str,
    lease_s: f64,
    held: Mutex<(BTreeSet<u32>, bool)>,
    wake: Condvar,
    /// Set when the job was seen to be over.
    over: OnceLock<JobStage>,
}

impl<'a> Leases<'a> {
    pub fn new(jobs: &'a dyn JobStore, job_id: &'a str, worker: &'a str, lease_s: f64) -> Self {
        Leases {
            jobs,
            job_id,
            worker,
            lease_s,
            held: Mutex::new((BTreeSet::new(), false)),
            wake: Condvar::new(),
            over: OnceLock::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (BTreeSet<u32>, bool)> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the chunk, if it is free.
    pub fn claim(&self, chunk: u32) -> Result<bool> {
        let claim = self.jobs.claim_chunk(self.job_id, chunk, self.worker, self.lease_s, now())?;
        let claimed = matches!(claim, ChunkClaim::Claimed);
        if claimed {
            self.lock().0.insert(chunk);
        }
        Ok(claimed)
    }

    /// Marks the chunk completed; true when this call is the one that counted it.
    pub fn complete(&self, chunk: u32, artifact_key: &str, runtime_ms: u64) -> Result<bool> {
        let counted = self.jobs.complete_chunk(self.job_id, chunk, self.worker, artifact_key, runtime_ms, now());
        self.lock().0.remove(&chunk);
        counted
    }

    /// Hands back what is still in hand: to be taken by anyone at once, or as failed with the reason.
    pub fn release_all(&self, failure: Option<&str>) {
        let held = std::mem::take(&mut self.lock().0);
        for chunk in held {
            // A lease that was lost meanwhile belongs to somebody else; there is nothing left to hand back.
            let _ = match failure {
                Some(reason) => self.jobs.fail_chunk(self.job_id, chunk, self.worker, reason, now()),
                None => self.jobs.release_chunk(self.job_id, chunk, self.worker),
            };
        }
    }

    /// The stage of the job if it has failed or was cancelled while this worker was at it.
    pub fn job_is_over(&self) -> Option<JobStage> {
        self.over.get().copied()
    }

    /// Renews the leases three times per lease until [`Leases::stop`], and looks whether the job is over.
    pub fn keep_alive(&self) {
        let interval = Duration::from_secs_f64((self.lease_s / 3.0).max(0.1));
        let mut guard = self.lock();
        loop {
            let (next, timeout) = self.wake.wait_timeout(guard, interval).unwrap_or_else(PoisonError::into_inner);
            guard = next;
            if guard.1 {
                return;
            }
            if !timeout.timed_out() {
                continue;
            }
            let held: Vec<u32> = guard.0.iter().copied().collect();
            drop(guard);
            for chunk in held {
                // A heartbeat that fails is tried again in a third of the lease; a lost lease costs a chunk done twice,
                // never a wrong result, because artifacts are created once.
                let _ = self.jobs.heartbeat(self.job_id, chunk, self.worker, now() + self.lease_s);
            }
            // A job that cannot be read now is looked at again next time.
            if let Ok(job) = self.jobs.job(self.job_id) {
                let stage = job.map_or(JobStage::Cancelled, |job| job.stage);
                if matches!(stage, JobStage::Failed | JobStage::Cancelled) {
                    self.over.get_or_init(|| stage);
                }
            }
            guard = self.lock();
        }
    }

    /// Ends [`Leases::keep_alive`].
    pub fn stop(&self) {
        self.lock().1 = true;
        self.wake.notify_all();
    }
}
