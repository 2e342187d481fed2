//! Chunks: leases, and counting once.

use std::sync::Barrier;

use framefan_contract::ErrorKind;
use framefan_contract::state::{ChunkItem, ChunkStatus, JobError, JobStage};

use super::jobs::{JOB, job, new, nobody, queued};
use crate::{ChunkClaim, JobStore};

fn chunk(store: &dyn JobStore, index: usize) -> ChunkItem {
    store.chunks(JOB).unwrap().remove(index)
}

pub(super) fn leases_expire(store: &dyn JobStore) {
    queued(store, 2);
    let claim = |worker, now| store.claim_chunk(JOB, 0, worker, 10.0, now).unwrap();
    assert_eq!(claim("slow", 100.0), ChunkClaim::Claimed);
    let held = ChunkClaim::HeldBy { owner: "slow".into(), until: 110.0 };
    assert_eq!(claim("quick", 100.0), held);
    assert_eq!(claim("quick", 109.9), held);
    assert_eq!((chunk(store, 0).attempts, chunk(store, 0).lease_owner.as_deref()), (1, Some("slow")));
    // The lease has expired, but nobody else took the chunk: a late heartbeat keeps it.
    assert!(store.heartbeat(JOB, 0, "slow", 120.0).unwrap());
    assert_eq!(claim("quick", 115.0), ChunkClaim::HeldBy { owner: "slow".into(), until: 120.0 });
    assert_eq!(claim("quick", 120.0), ChunkClaim::Claimed);
    assert_eq!((chunk(store, 0).attempts, chunk(store, 0).lease_owner.as_deref()), (2, Some("quick")));

    let before = chunk(store, 0);
    assert!(!store.heartbeat(JOB, 0, "slow", 500.0).unwrap());
    assert_eq!(store.fail_chunk(JOB, 0, "slow", "m", 121.0).unwrap_err().kind(), ErrorKind::Retryable);
    assert_eq!(store.release_chunk(JOB, 0, "slow").unwrap_err().kind(), ErrorKind::Retryable);
    assert_eq!(chunk(store, 0), before);
    // The slow one commits its artifact first after all: counted, once.
    assert!(store.complete_chunk(JOB, 0, "slow", "k", 20, 122.0).unwrap());
    assert!(!store.complete_chunk(JOB, 0, "quick", "other", 3, 123.0).unwrap());
    assert!(!store.heartbeat(JOB, 0, "quick", 500.0).unwrap());
    let done = chunk(store, 0);
    assert_eq!((done.artifact_key.as_deref(), done.runtime_ms, done.completed_at), (Some("k"), Some(20), Some(122.0)));
    assert_eq!(job(store).completed_chunks, 1);
}

pub(super) fn renews_leases(store: &dyn JobStore) {
    queued(store, 1);
    store.claim_chunk(JOB, 0, "w", 10.0, 100.0).unwrap();
    assert!(store.heartbeat(JOB, 0, "w", 130.0).unwrap());
    // A heartbeat that was overtaken does not shorten it.
    assert!(store.heartbeat(JOB, 0, "w", 120.0).unwrap());
    assert_eq!(chunk(store, 0).lease_until, Some(130.0));
    assert!(!store.heartbeat(JOB, 0, "v", 900.0).unwrap());
    // A claim made twice (its first answer was lost) renews, and is one attempt.
    assert_eq!(store.claim_chunk(JOB, 0, "w", 10.0, 125.0).unwrap(), ChunkClaim::Claimed);
    assert_eq!((chunk(store, 0).lease_until, chunk(store, 0).attempts), (Some(135.0), 1));
    store.release_chunk(JOB, 0, "w").unwrap();
    let released = chunk(store, 0);
    assert_eq!((released.status, released.lease_owner, released.lease_until), (ChunkStatus::Queued, None, None));
    assert!(!store.heartbeat(JOB, 0, "w", 900.0).unwrap());
    assert_eq!(store.claim_chunk(JOB, 0, "v", 10.0, 126.0).unwrap(), ChunkClaim::Claimed);
}

pub(super) fn counts_failures(store: &dyn JobStore) {
    queued(store, 3);
    for index in 0..3 {
        store.claim_chunk(JOB, index, "w", 10.0, 1.0).unwrap();
        store.fail_chunk(JOB, index, "w", "out of memory", 2.0).unwrap();
    }
    let failed = chunk(store, 0);
    assert_eq!((failed.status, failed.lease_owner, failed.lease_until), (ChunkStatus::Failed, None, None));
    assert_eq!((failed.error_message.as_deref(), failed.completed_at), (Some("out of memory"), Some(2.0)));
    assert_eq!(job(store).failed_chunks, 3);
    // One is tried again and fails again, one is tried again and succeeds, one is found committed.
    store.claim_chunk(JOB, 0, "v", 10.0, 3.0).unwrap();
    let retried = chunk(store, 0);
    assert_eq!((retried.attempts, retried.error_message, retried.completed_at), (2, None, None));
    assert_eq!(job(store).failed_chunks, 2);
    store.fail_chunk(JOB, 0, "v", "again", 4.0).unwrap();
    store.claim_chunk(JOB, 1, "v", 10.0, 3.0).unwrap();
    store.complete_chunk(JOB, 1, "v", "k", 1, 5.0).unwrap();
    store.complete_chunk(JOB, 2, "v", "k", 1, 5.0).unwrap();
    assert_eq!((job(store).failed_chunks, job(store).completed_chunks, job(store).progress_pct), (1, 2, 66));
    assert_eq!(chunk(store, 2).error_message, None);
}

pub(super) fn stops_when_the_job_is_over(store: &dyn JobStore) {
    queued(store, 2);
    let kind = |index| store.claim_chunk(JOB, index, "w", 10.0, 5.0).map_err(|e| e.kind());
    store.complete_chunk(JOB, 1, "w", "k", 1, 3.0).unwrap();
    store.cancel_job(JOB, None, 4.0).unwrap();
    assert_eq!(kind(0), Err(ErrorKind::Cancelled));
    assert_eq!(kind(1), Ok(ChunkClaim::Completed));
    store.claim_job(&new("a"), 5.0, &nobody).unwrap();
    assert_eq!(kind(0), Err(ErrorKind::Retryable), "the job is being planned and may go on");
    store.fail_job(JOB, "a", &JobError { kind: ErrorKind::Defect, message: "m".into() }, 6.0).unwrap();
    assert_eq!(kind(0), Err(ErrorKind::Cancelled));
    assert_eq!(store.cancel_job(JOB, None, 7.0).unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!((job(store).stage, chunk(store, 0).attempts), (JobStage::Failed, 0));
}

pub(super) fn is_claimed_once_under_races(store: &dyn JobStore) {
    const CHUNKS: u32 = 10;
    queued(store, CHUNKS);
    let claims = in_threads(8, |thread| {
        let claims = (0..CHUNKS).map(|index| store.claim_chunk(JOB, index, &format!("w{thread}"), 10.0, 5.0).unwrap());
        claims.filter(|claim| *claim == ChunkClaim::Claimed).count()
    });
    assert_eq!(claims.iter().sum::<usize>(), CHUNKS as usize);
    assert!(store.chunks(JOB).unwrap().iter().all(|c| c.attempts == 1));
}

pub(super) fn is_counted_once_under_races(store: &dyn JobStore) {
    const CHUNKS: u32 = 16;
    queued(store, CHUNKS);
    let counted = in_threads(8, |thread| {
        let worker = format!("w{thread}");
        // Each begins elsewhere; all do all, and some fail or give up what they hold in between.
        let order = (0..CHUNKS).map(|i| (i + thread * 2) % CHUNKS);
        let counts = order.map(|index| {
            let claim = store.claim_chunk(JOB, index, &worker, 10.0, 5.0).unwrap();
            match (claim, thread % 4) {
                (ChunkClaim::Claimed, 0) => _ = store.fail_chunk(JOB, index, &worker, "m", 6.0),
                (ChunkClaim::Claimed, 1) => _ = store.release_chunk(JOB, index, &worker),
                _ => {}
            }
            store.complete_chunk(JOB, index, &worker, "k", 1, 6.0).unwrap()
        });
        counts.filter(|counted| *counted).count()
    });
    assert_eq!(counted.iter().sum::<usize>(), CHUNKS as usize);
    let item = job(store);
    assert_eq!((item.completed_chunks, item.failed_chunks, item.progress_pct), (CHUNKS, 0, 99));
    store.begin_aggregating(JOB, "a", 7.0).unwrap();
}

fn in_threads<T: Send>(threads: u32, work: impl Fn(u32) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(threads as usize);
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|thread| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(thread)
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}
