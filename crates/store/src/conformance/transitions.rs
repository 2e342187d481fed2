//! The contract's tables of transitions, tried out from every state: what they list works, everything else is refused.

use std::collections::BTreeSet;

use framefan_contract::ErrorKind;
use framefan_contract::Result;
use framefan_contract::state::{
    Actor, CHUNK_TRANSITIONS, ChunkCondition, ChunkStatus, JOB_TRANSITIONS, JobError, JobStage,
};

use super::MakeJobs;
use super::jobs::{JOB, PLAN, chunks, job, new, nobody};
use crate::{ChunkClaim, Claim, JobStore};

/// A call that wants to change a job's stage: its name, who makes it, what it aims at, and whether it was accepted.
type JobCall = (&'static str, Actor, JobStage, fn(&dyn JobStore) -> Result<bool>);

const JOB_CALLS: &[JobCall] = &[
    ("claim_job", Actor::Planner, JobStage::Planning, |s| {
        Ok(matches!(s.claim_job(&new("b"), 50.0, &nobody)?, Claim::Resumed(_)))
    }),
    ("set_plan", Actor::Planner, JobStage::Queued, |s| s.set_plan(JOB, "a", PLAN, &chunks(2), 50.0).map(|()| true)),
    ("claim_chunk", Actor::Worker, JobStage::Processing, |s| {
        Ok(s.claim_chunk(JOB, 1, "w", 10.0, 50.0)? == ChunkClaim::Claimed)
    }),
    ("begin_aggregating", Actor::Reducer, JobStage::Aggregating, |s| {
        s.begin_aggregating(JOB, "a", 50.0).map(|()| true)
    }),
    ("finish_job", Actor::Reducer, JobStage::Done, |s| s.finish_job(JOB, "a", 50.0).map(|()| true)),
    ("fail_job", Actor::Closer, JobStage::Failed, |s| s.fail_job(JOB, "a", &failure(), 50.0).map(|()| true)),
    ("cancel_job", Actor::Closer, JobStage::Cancelled, |s| s.cancel_job(JOB, None, 50.0).map(|()| true)),
];

/// Calls accepted though they change no stage: what they ask for stands already.
const REPEATS: &[(JobStage, &str)] = &[
    // A job at PLANNING changes hands.
    (JobStage::Planning, "claim_job"),
    // The same plan again.
    (JobStage::Queued, "set_plan"),
    (JobStage::Processing, "set_plan"),
    (JobStage::Aggregating, "set_plan"),
    // Another chunk of a job in progress.
    (JobStage::Processing, "claim_chunk"),
    (JobStage::Aggregating, "begin_aggregating"),
    (JobStage::Done, "finish_job"),
    (JobStage::Failed, "fail_job"),
    (JobStage::Cancelled, "cancel_job"),
];

fn failure() -> JobError {
    JobError { kind: ErrorKind::Retryable, message: "m".into() }
}

/// A job of owner `a` with two chunks at the given stage. Before AGGREGATING, its chunks are completed on request.
fn job_at(store: &dyn JobStore, stage: JobStage, completed: bool) {
    let step = |reached: JobStage| job(store).stage == reached;
    store.claim_job(&new("a"), 1.0, &nobody).unwrap();
    store.set_plan(JOB, "a", PLAN, &chunks(2), 2.0).unwrap();
    if stage == JobStage::Processing {
        store.claim_chunk(JOB, 0, "w", 10.0, 3.0).unwrap();
    }
    if completed || matches!(stage, JobStage::Aggregating | JobStage::Done) {
        for index in 0..2 {
            store.complete_chunk(JOB, index, "w", "k", 1, 4.0).unwrap();
        }
    }
    match stage {
        JobStage::Queued | JobStage::Processing => {}
        JobStage::Aggregating => store.begin_aggregating(JOB, "a", 5.0).unwrap(),
        JobStage::Done => {
            store.begin_aggregating(JOB, "a", 5.0).unwrap();
            store.finish_job(JOB, "a", 6.0).unwrap();
        }
        JobStage::Failed => store.fail_job(JOB, "a", &failure(), 5.0).unwrap(),
        JobStage::Cancelled => store.cancel_job(JOB, None, 5.0).unwrap(),
        JobStage::Planning => {
            store.cancel_job(JOB, None, 5.0).unwrap();
            store.claim_job(&new("a"), 6.0, &nobody).unwrap();
        }
    }
    assert!(step(stage), "cannot bring a job to {stage:?}");
}

pub(super) fn jobs_follow_the_table(make: MakeJobs<'_>) {
    let mut made = BTreeSet::new();
    for from in JobStage::ALL {
        for &(call, actor, to, run) in JOB_CALLS {
            let store = make();
            let store = &*store;
            job_at(store, from, to == JobStage::Aggregating);
            let before = (job(store), store.chunks(JOB).unwrap());
            let accepted = run(store);
            let after = (job(store), store.chunks(JOB).unwrap());
            let what = format!("{call} on a job at {from:?}: {accepted:?}");
            if from.allows(to, actor) {
                assert!(matches!(accepted, Ok(true)), "{what}");
                assert_eq!(after.0.stage, to, "{what}");
                made.insert(format!("{:?}", (from, to, actor)));
            } else if REPEATS.contains(&(from, call)) {
                assert!(matches!(accepted, Ok(true)), "{what}");
                assert_eq!(after.0.stage, from, "{what}");
            } else {
                assert!(!matches!(accepted, Ok(true)), "{what}");
                assert_eq!(after, before, "{what}");
            }
        }
    }
    let table: BTreeSet<String> = JOB_TRANSITIONS.iter().map(|t| format!("{t:?}")).collect();
    assert_eq!(made, table, "some transitions of the table cannot be made");
}

/// Makes a call as the given worker at the given time; whether it was accepted.
type AsWorker = fn(&dyn JobStore, &str, f64) -> Result<bool>;

/// A call that wants to change a chunk's status: what it aims at, who calls and when.
struct ChunkCall {
    name: &'static str,
    to: ChunkStatus,
    worker: &'static str,
    now: f64,
    run: AsWorker,
}

/// Who has the lease of the chunk that is tried, and until when.
const HOLDER: &str = "holder";
const LEASE_UNTIL: f64 = 100.0;

/// Every call, by the holder and by another, while the lease lasts and after.
fn chunk_calls() -> Vec<ChunkCall> {
    let calls: [(&'static str, ChunkStatus, AsWorker); 4] = [
        ("claim_chunk", ChunkStatus::Processing, |s, worker, now| {
            Ok(s.claim_chunk(JOB, 0, worker, 10.0, now)? == ChunkClaim::Claimed)
        }),
        ("complete_chunk", ChunkStatus::Completed, |s, worker, now| s.complete_chunk(JOB, 0, worker, "k2", 1, now)),
        ("fail_chunk", ChunkStatus::Failed, |s, worker, now| s.fail_chunk(JOB, 0, worker, "m2", now).map(|()| true)),
        ("release_chunk", ChunkStatus::Queued, |s, worker, _| s.release_chunk(JOB, 0, worker).map(|()| true)),
    ];
    let mut all = Vec::new();
    for (name, to, run) in calls {
        for worker in [HOLDER, "other"] {
            for now in [LEASE_UNTIL - 1.0, LEASE_UNTIL + 1.0] {
                all.push(ChunkCall { name, to, worker, now, run });
            }
        }
    }
    all
}

/// A job in progress whose first chunk has the given status.
fn chunk_at(store: &dyn JobStore, status: ChunkStatus) {
    job_at(store, JobStage::Queued, false);
    store.claim_chunk(JOB, 1, "elsewhere", 1000.0, 4.0).unwrap();
    if status != ChunkStatus::Queued {
        store.claim_chunk(JOB, 0, HOLDER, LEASE_UNTIL - 5.0, 5.0).unwrap();
    }
    match status {
        ChunkStatus::Queued | ChunkStatus::Processing => {}
        ChunkStatus::Completed => _ = store.complete_chunk(JOB, 0, HOLDER, "k", 1, 6.0).unwrap(),
        ChunkStatus::Failed => store.fail_chunk(JOB, 0, HOLDER, "m", 6.0).unwrap(),
    }
    assert_eq!(store.chunks(JOB).unwrap()[0].status, status);
}

pub(super) fn chunks_follow_the_table(make: MakeJobs<'_>) {
    let mut made = BTreeSet::new();
    for from in [ChunkStatus::Queued, ChunkStatus::Processing, ChunkStatus::Completed, ChunkStatus::Failed] {
        for call in chunk_calls() {
            let store = make();
            let store = &*store;
            chunk_at(store, from);
            let before = (job(store), store.chunks(JOB).unwrap());
            let accepted = (call.run)(store, call.worker, call.now);
            let after = (job(store), store.chunks(JOB).unwrap());

            let processing = from == ChunkStatus::Processing;
            let holds = |condition: &ChunkCondition| match condition {
                ChunkCondition::Always => true,
                ChunkCondition::LeaseExpired => processing && call.now >= LEASE_UNTIL,
                // Whoever completes vouches for the artifact.
                ChunkCondition::LeaseHeldOrCommitted => true,
                ChunkCondition::LeaseHeld => processing && call.worker == HOLDER,
            };
            let listed =
                CHUNK_TRANSITIONS.iter().find(|(f, t, condition)| (*f, *t) == (from, call.to) && holds(condition));
            let what = format!("{} by {} at {} on a {from:?} chunk: {accepted:?}", call.name, call.worker, call.now);
            // The holder may claim what it holds: that renews the lease.
            let renews = processing && call.name == "claim_chunk" && call.worker == HOLDER;
            if let Some(transition) = listed {
                assert!(matches!(accepted, Ok(true)), "{what}");
                assert_eq!(after.1[0].status, call.to, "{what}");
                if !renews {
                    made.insert(format!("{transition:?}"));
                }
            } else if renews {
                assert!(matches!(accepted, Ok(true)), "{what}");
            } else {
                assert!(!matches!(accepted, Ok(true)), "{what}");
                assert_eq!(after, before, "{what}");
            }
            assert_eq!(after.1[1], before.1[1], "{what}");
        }
    }
    let table: BTreeSet<String> = CHUNK_TRANSITIONS.iter().map(|t| format!("{t:?}")).collect();
    assert_eq!(made, table, "some transitions of the table cannot be made");
}
