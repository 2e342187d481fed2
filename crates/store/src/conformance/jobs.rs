//! Jobs: who owns them, what a restart keeps.

use std::sync::Barrier;

use framefan_contract::ErrorKind;
use framefan_contract::state::{ChunkStatus, JobError, JobItem, JobStage};

use crate::{ChunkClaim, Claim, JobStore, NewChunk, NewJob};

/// The job of most tests.
pub(super) const JOB: &str = "0123abcd";
/// Its plan.
pub(super) const PLAN: &str = "plan-digest";

/// What the job of most tests asks for.
fn request() -> &'static serde_json::Value {
    static REQUEST: std::sync::OnceLock<serde_json::Value> = std::sync::OnceLock::new();
    REQUEST.get_or_init(|| serde_json::json!({"analyzers": [{"name": "pose", "models": {"m": "ab"}}], "fps": 0.1}))
}

pub(super) fn new(owner: &str) -> NewJob<'_> {
    NewJob { job_id: JOB, video: "film ünd.mp4", request: request(), owner, force: false }
}

pub(super) fn everyone(_: &str) -> bool {
    true
}

pub(super) fn nobody(_: &str) -> bool {
    false
}

pub(super) fn chunks(count: u32) -> Vec<NewChunk> {
    let start_s = |index: u32| f64::from(index) * 30.1 + 0.1;
    (0..count).map(|index| NewChunk { index, start_s: start_s(index), end_s: start_s(index + 1) }).collect()
}

/// A job of owner `a` at QUEUED with so many chunks.
pub(super) fn queued(store: &dyn JobStore, count: u32) {
    assert_eq!(store.claim_job(&new("a"), 1.0, &nobody).unwrap(), Claim::New);
    store.set_plan(JOB, "a", PLAN, &chunks(count), 2.0).unwrap();
}

pub(super) fn job(store: &dyn JobStore) -> JobItem {
    store.job(JOB).unwrap().unwrap()
}

fn failure() -> JobError {
    JobError { kind: ErrorKind::BadInput, message: "no such codec".into() }
}

pub(super) fn keeps_what_it_is_told(store: &dyn JobStore) {
    // Times as a clock gives them, which must come back to the bit.
    let now = |step: u32| 1_763_686_912.123_456_7 + f64::from(step) * 0.1;
    assert_eq!(store.claim_job(&new("arn:a"), now(0), &nobody).unwrap(), Claim::New);
    let first = JobItem {
        job_id: JOB.into(),
        stage: JobStage::Planning,
        progress_pct: 0,
        total_chunks: 0,
        completed_chunks: 0,
        failed_chunks: 0,
        video: "film ünd.mp4".into(),
        request: request().clone(),
        owner: "arn:a".into(),
        plan_digest: None,
        created_at: now(0),
        started_at: None,
        completed_at: None,
        error: None,
    };
    assert_eq!(job(store), first);

    let plan = chunks(3);
    store.set_plan(JOB, "arn:a", PLAN, &plan, now(1)).unwrap();
    let expected = JobItem { stage: JobStage::Queued, total_chunks: 3, plan_digest: Some(PLAN.into()), ..first };
    assert_eq!(job(store), expected);
    let items = store.chunks(JOB).unwrap();
    assert_eq!(items.iter().map(|c| c.index).collect::<Vec<_>>(), [0, 1, 2]);
    for (item, chunk) in items.iter().zip(&plan) {
        assert_eq!((item.status, item.attempts, item.created_at), (ChunkStatus::Queued, 0, now(1)));
        assert_eq!((item.start_s, item.end_s), (chunk.start_s, chunk.end_s));
        assert_eq!((&item.lease_owner, item.lease_until, &item.artifact_key), (&None, None, &None));
    }

    assert_eq!(store.claim_chunk(JOB, 1, "w", 60.0, now(2)).unwrap(), ChunkClaim::Claimed);
    let expected = JobItem { stage: JobStage::Processing, started_at: Some(now(2)), ..expected };
    assert_eq!(job(store), expected);
    let held = store.chunks(JOB).unwrap().remove(1);
    assert_eq!((held.status, held.attempts, held.started_at), (ChunkStatus::Processing, 1, Some(now(2))));
    assert_eq!((held.lease_owner.as_deref(), held.lease_until), (Some("w"), Some(now(2) + 60.0)));

    assert!(store.complete_chunk(JOB, 1, "w", "jobs/0123abcd/chunks/chunk_0001.json", u64::MAX >> 1, now(3)).unwrap());
    let done = store.chunks(JOB).unwrap().remove(1);
    assert_eq!((done.status, done.completed_at, done.lease_until), (ChunkStatus::Completed, Some(now(3)), None));
    assert_eq!(done.artifact_key.as_deref(), Some("jobs/0123abcd/chunks/chunk_0001.json"));
    assert_eq!((done.runtime_ms, done.created_at, done.started_at), (Some(u64::MAX >> 1), now(1), Some(now(2))));
    let expected = JobItem { completed_chunks: 1, progress_pct: 33, ..expected };
    assert_eq!(job(store), expected);

    for chunk in [0, 2] {
        assert!(store.complete_chunk(JOB, chunk, "w", "k", 5, now(4)).unwrap());
    }
    let expected = JobItem { completed_chunks: 3, progress_pct: 99, ..expected };
    assert_eq!(job(store), expected);
    store.begin_aggregating(JOB, "arn:a", now(5)).unwrap();
    let expected = JobItem { stage: JobStage::Aggregating, ..expected };
    assert_eq!(job(store), expected);

    store.fail_job(JOB, "arn:a", &failure(), now(6)).unwrap();
    let failed =
        JobItem { stage: JobStage::Failed, completed_at: Some(now(6)), error: Some(failure()), ..expected.clone() };
    assert_eq!(job(store), failed);
    // The first error stands.
    store.fail_job(JOB, "arn:a", &JobError { kind: ErrorKind::Defect, message: "later".into() }, now(7)).unwrap();
    assert_eq!(job(store), failed);

    // When it started is told of the run that goes on, not of the one that failed.
    let resumed = JobItem { stage: JobStage::Planning, owner: "arn:b".into(), started_at: None, ..expected };
    assert_eq!(store.claim_job(&new("arn:b"), now(8), &nobody).unwrap(), Claim::Resumed(resumed.clone()));
    assert_eq!(job(store), resumed);
    store.set_plan(JOB, "arn:b", PLAN, &plan, now(9)).unwrap();
    store.begin_aggregating(JOB, "arn:b", now(10)).unwrap();
    store.finish_job(JOB, "arn:b", now(11)).unwrap();
    let finished = JobItem { stage: JobStage::Done, progress_pct: 100, completed_at: Some(now(11)), ..resumed };
    assert_eq!(job(store), finished);
    assert_eq!(store.claim_job(&new("arn:c"), now(12), &nobody).unwrap(), Claim::Done(finished.clone()));
    assert_eq!(job(store), finished);
}

pub(super) fn knows_only_what_is_there(store: &dyn JobStore) {
    assert_eq!(store.job(JOB).unwrap(), None);
    assert_eq!(store.chunks(JOB).unwrap(), []);
    assert_eq!(store.jobs(10).unwrap(), []);
    assert!(!store.delete_job(JOB).unwrap());
    let unknown = |store: &dyn JobStore, index| {
        [
            store.claim_chunk(JOB, index, "w", 1.0, 1.0).err(),
            store.heartbeat(JOB, index, "w", 1.0).err(),
            store.complete_chunk(JOB, index, "w", "k", 1, 1.0).err(),
            store.fail_chunk(JOB, index, "w", "m", 1.0).err(),
            store.release_chunk(JOB, index, "w").err(),
        ]
        .map(|error| error.map(|e| e.kind()))
    };
    assert_eq!(unknown(store, 0), [Some(ErrorKind::NotFound); 5]);
    let refused = [
        store.set_plan(JOB, "a", PLAN, &chunks(1), 1.0).err(),
        store.begin_aggregating(JOB, "a", 1.0).err(),
        store.finish_job(JOB, "a", 1.0).err(),
        store.fail_job(JOB, "a", &failure(), 1.0).err(),
        store.cancel_job(JOB, None, 1.0).err(),
    ];
    assert_eq!(refused.map(|error| error.map(|e| e.kind())), [Some(ErrorKind::NotFound); 5]);
    assert_eq!(store.jobs(10).unwrap(), []);

    queued(store, 2);
    assert_eq!(unknown(store, 2), [Some(ErrorKind::NotFound); 5]);
}

pub(super) fn lists_newest_first(store: &dyn JobStore) {
    for (job_id, at) in [("b", 20.0), ("d", 10.0), ("a", 30.0), ("c", 20.0)] {
        store.claim_job(&NewJob { job_id, ..new("o") }, at, &nobody).unwrap();
    }
    let listed = |limit| store.jobs(limit).unwrap().into_iter().map(|j| j.job_id).collect::<Vec<_>>();
    assert_eq!(listed(10), ["a", "b", "c", "d"]);
    assert_eq!(listed(2), ["a", "b"]);
    store.set_plan("b", "o", PLAN, &chunks(2), 40.0).unwrap();
    assert!(store.delete_job("b").unwrap());
    assert!(!store.delete_job("b").unwrap());
    assert_eq!((listed(10), store.chunks("b").unwrap()), (vec!["a".into(), "c".into(), "d".into()], vec![]));
}

pub(super) fn knows_who_owns_what(store: &dyn JobStore) {
    let claim = |job_id, owner, at| store.claim_job(&NewJob { job_id, ..new(owner) }, at, &nobody).unwrap();
    for (job_id, owner, at) in [("p", "a", 1.0), ("q", "a", 3.0), ("w", "a", 2.0), ("g", "a", 4.0), ("other", "b", 5.0)]
    {
        claim(job_id, owner, at);
    }
    for job_id in ["q", "w", "g"] {
        store.set_plan(job_id, "a", PLAN, &chunks(1), 6.0).unwrap();
    }
    store.claim_chunk("w", 0, "worker", 10.0, 7.0).unwrap();
    store.complete_chunk("g", 0, "worker", "k", 1, 7.0).unwrap();
    store.begin_aggregating("g", "a", 8.0).unwrap();
    let owned = |owner| store.owned_by(owner).unwrap();
    let ids = |owner| owned(owner).into_iter().map(|job| job.job_id).collect::<Vec<_>>();
    assert_eq!(ids("a"), ["g", "q", "w", "p"]);
    assert_eq!(owned("b"), [store.job("other").unwrap().unwrap()]);
    assert_eq!(owned("nobody"), []);

    // What is over is nobody's concern; what was taken over is the new owner's.
    store.finish_job("g", "a", 9.0).unwrap();
    store.fail_job("q", "a", &failure(), 9.0).unwrap();
    store.cancel_job("p", Some("a"), 9.0).unwrap();
    claim("w", "b", 10.0);
    assert_eq!(ids("a"), [""; 0]);
    assert_eq!(ids("b"), ["other", "w"]);
    claim("q", "a", 11.0);
    assert_eq!(ids("a"), ["q"]);
}

pub(super) fn has_one_owner(store: &dyn JobStore) {
    queued(store, 1);
    let before = job(store);
    assert_eq!(store.claim_job(&new("b"), 3.0, &everyone).unwrap(), Claim::OwnedBy(before.clone()));
    let forced = NewJob { force: true, ..new("b") };
    assert_eq!(store.claim_job(&forced, 3.0, &everyone).unwrap(), Claim::OwnedBy(before.clone()));
    // The same owner enters again; force does not make it lose what it has.
    assert_eq!(store.claim_job(&new("a"), 3.0, &everyone).unwrap(), Claim::Resumed(before.clone()));
    let forced_again = NewJob { force: true, ..new("a") };
    assert_eq!(store.claim_job(&forced_again, 3.0, &everyone).unwrap(), Claim::Resumed(before.clone()));
    assert_eq!(job(store), before);

    // Whoever asks is asked about the owner that stands in the item.
    let only_b = |owner: &str| owner == "b";
    let Claim::Resumed(taken) = store.claim_job(&new("b"), 4.0, &only_b).unwrap() else { panic!("not taken over") };
    assert_eq!((taken.stage, taken.owner.as_str()), (JobStage::Planning, "b"));
    assert_eq!(job(store), taken);
    assert_eq!(store.claim_job(&new("c"), 5.0, &only_b).unwrap(), Claim::OwnedBy(taken.clone()));

    // The first owner, slow but alive after all, can do nothing any more.
    let late = [
        store.set_plan(JOB, "a", PLAN, &chunks(1), 6.0).err(),
        store.begin_aggregating(JOB, "a", 6.0).err(),
        store.finish_job(JOB, "a", 6.0).err(),
        store.fail_job(JOB, "a", &failure(), 6.0).err(),
        store.cancel_job(JOB, Some("a"), 6.0).err(),
    ];
    assert_eq!(late.map(|error| error.map(|e| e.kind())), [Some(ErrorKind::Retryable); 5]);
    assert_eq!(job(store), taken);
}

pub(super) fn has_one_owner_under_races(store: &dyn JobStore) {
    let barrier = Barrier::new(8);
    let claims: Vec<Claim> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    store.claim_job(&new(&format!("owner-{thread}")), 1.0, &everyone).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let owner = job(store).owner;
    assert_eq!(claims.iter().filter(|c| **c == Claim::New).count(), 1);
    assert_eq!(claims.iter().filter(|c| matches!(c, Claim::OwnedBy(item) if item.owner == owner)).count(), 7);
}

pub(super) fn resumes_with_completed_chunks(store: &dyn JobStore) {
    queued(store, 4);
    store.claim_chunk(JOB, 0, "w", 60.0, 3.0).unwrap();
    store.complete_chunk(JOB, 0, "w", "k0", 7, 4.0).unwrap();
    store.claim_chunk(JOB, 1, "w", 60.0, 5.0).unwrap();
    store.claim_chunk(JOB, 2, "w", 60.0, 5.0).unwrap();
    store.fail_chunk(JOB, 2, "w", "gone", 6.0).unwrap();
    let items = store.chunks(JOB).unwrap();
    store.cancel_job(JOB, None, 7.0).unwrap();
    // A worker that did not hear of it completes its chunk: work done is done.
    assert!(store.complete_chunk(JOB, 1, "w", "k1", 7, 8.0).unwrap());
    assert_eq!((job(store).stage, job(store).completed_chunks), (JobStage::Cancelled, 2));

    let Claim::Resumed(resumed) = store.claim_job(&new("b"), 9.0, &nobody).unwrap() else { panic!("not resumed") };
    assert_eq!((resumed.stage, resumed.completed_chunks, resumed.failed_chunks), (JobStage::Planning, 2, 1));
    assert_eq!((resumed.plan_digest.as_deref(), resumed.completed_at, resumed.created_at), (Some(PLAN), None, 1.0));
    let refused = store.set_plan(JOB, "b", "another", &chunks(9), 10.0).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Usage);
    assert_eq!((job(store), store.chunks(JOB).unwrap().len()), (resumed, 4));

    for _ in 0..2 {
        store.set_plan(JOB, "b", PLAN, &chunks(4), 10.0).unwrap();
        assert_eq!((job(store).stage, job(store).total_chunks, job(store).progress_pct), (JobStage::Queued, 4, 50));
    }
    let kept = store.chunks(JOB).unwrap();
    assert_eq!((&kept[0], &kept[2], &kept[3]), (&items[0], &items[2], &items[3]));
    assert_eq!(store.claim_chunk(JOB, 0, "v", 60.0, 11.0).unwrap(), ChunkClaim::Completed);
    assert_eq!(job(store).stage, JobStage::Queued);
    assert_eq!(store.claim_chunk(JOB, 2, "v", 60.0, 11.0).unwrap(), ChunkClaim::Claimed);
    // Planning twice is harmless even now.
    store.set_plan(JOB, "b", PLAN, &chunks(4), 12.0).unwrap();
    assert_eq!((job(store).stage, job(store).failed_chunks), (JobStage::Processing, 0));
}

pub(super) fn starts_over_when_forced(store: &dyn JobStore) {
    let forced = NewJob { force: true, ..new("b") };
    assert_eq!(store.claim_job(&NewJob { force: true, ..new("a") }, 1.0, &nobody).unwrap(), Claim::New);
    store.set_plan(JOB, "a", PLAN, &chunks(2), 2.0).unwrap();
    for chunk in 0..2 {
        store.complete_chunk(JOB, chunk, "w", "k", 1, 3.0).unwrap();
    }
    store.begin_aggregating(JOB, "a", 4.0).unwrap();
    store.finish_job(JOB, "a", 5.0).unwrap();

    assert_eq!(store.claim_job(&forced, 6.0, &everyone).unwrap(), Claim::New);
    let item = job(store);
    assert_eq!((item.stage, item.progress_pct, item.owner.as_str()), (JobStage::Planning, 0, "b"));
    assert_eq!((item.total_chunks, item.completed_chunks, item.plan_digest), (0, 0, None));
    assert_eq!((item.completed_at, store.chunks(JOB).unwrap()), (None, vec![]));
    // Another plan may be accepted now, and all its chunks are to be done.
    store.set_plan(JOB, "b", "another", &chunks(3), 7.0).unwrap();
    assert!(store.chunks(JOB).unwrap().iter().all(|c| c.status == ChunkStatus::Queued));

    // Also from an owner who has ended, at any stage.
    store.claim_chunk(JOB, 0, "w", 60.0, 8.0).unwrap();
    assert_eq!(store.claim_job(&NewJob { force: true, ..new("c") }, 9.0, &nobody).unwrap(), Claim::New);
    assert_eq!(store.chunks(JOB).unwrap(), []);
}

pub(super) fn aggregates_only_what_is_complete(store: &dyn JobStore) {
    queued(store, 2);
    let kind = || store.begin_aggregating(JOB, "a", 3.0).unwrap_err().kind();
    assert_eq!(kind(), ErrorKind::Retryable);
    store.claim_chunk(JOB, 0, "w", 60.0, 3.0).unwrap();
    store.complete_chunk(JOB, 0, "w", "k", 1, 3.0).unwrap();
    store.claim_chunk(JOB, 1, "w", 60.0, 3.0).unwrap();
    assert_eq!(kind(), ErrorKind::Retryable);
    assert_eq!(job(store).stage, JobStage::Processing);
    store.complete_chunk(JOB, 1, "w", "k", 1, 3.0).unwrap();
    store.begin_aggregating(JOB, "a", 4.0).unwrap();
    store.begin_aggregating(JOB, "a", 5.0).unwrap();
    store.finish_job(JOB, "a", 6.0).unwrap();
    store.finish_job(JOB, "a", 7.0).unwrap();
    assert_eq!((job(store).stage, job(store).completed_at), (JobStage::Done, Some(6.0)));
}
