//! Job state in DynamoDB: the common suite, many workers at once, and what goes wrong between a call and its answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use framefan_contract::ErrorKind;
use framefan_contract::state::{ChunkStatus, JobError, JobItem, JobStage};
use framefan_store::aws::DynamoJobs;
use framefan_store::{ChunkClaim, Claim, JobStore, NewChunk, NewJob, conformance};

use crate::proxy::{self, Fault};
use crate::support::{Admin, connect, url_or_skip};

const JOB: &str = "0123abcd";

fn new(owner: &str) -> NewJob<'_> {
    NewJob { job_id: JOB, video: "s3://b/v.mp4", request: &serde_json::Value::Null, owner, force: false }
}

fn nobody(_: &str) -> bool {
    false
}

fn chunks(count: u32) -> Vec<NewChunk> {
    (0..count).map(|index| NewChunk { index, start_s: f64::from(index), end_s: f64::from(index + 1) }).collect()
}

fn queued(store: &dyn JobStore, count: u32) {
    assert_eq!(store.claim_job(&new("a"), 1.0, &nobody).unwrap(), Claim::New);
    store.set_plan(JOB, "a", "plan", &chunks(count), 2.0).unwrap();
}

fn job(store: &dyn JobStore) -> JobItem {
    store.job(JOB).unwrap().unwrap()
}

/// The items of the table as they are stored, by sort key.
fn stored(admin: &Admin, table: &str) -> HashMap<String, HashMap<String, AttributeValue>> {
    let items =
        admin.wait(admin.dynamodb.scan().table_name(table).consistent_read(true).send()).unwrap().items.unwrap();
    items.into_iter().map(|item| (item["sk"].as_s().unwrap().clone(), item)).collect()
}

fn number(item: &HashMap<String, AttributeValue>, name: &str) -> Option<f64> {
    item.get(name).map(|value| value.as_n().unwrap().parse().unwrap())
}

/// A store whose requests pass a proxy.
fn through_proxy(
    url: &str,
    table: &str,
    rule: impl Fn(&proxy::Request) -> Fault + Send + Sync + 'static,
) -> DynamoJobs {
    connect(&proxy::start(url, rule)).jobs(table)
}

#[test]
fn dynamodb_does_what_every_store_must() {
    let Some(url) = url_or_skip("dynamodb_does_what_every_store_must") else { return };
    let (admin, aws) = (Admin::new(url), connect(url));
    conformance::jobs(&|| Box::new(aws.jobs(&admin.make_table())));
}

#[test]
fn items_look_as_documented() {
    let Some(url) = url_or_skip("items_look_as_documented") else { return };
    let admin = Admin::new(url);
    let table = admin.make_table();
    let store = connect(url).jobs(&table);
    queued(&store, 3);
    store.complete_chunk(JOB, 0, "w", "jobs/0123abcd/chunks/chunk_0000.json", 5, 4.5).unwrap();
    let items = stored(&admin, &table);
    let mut keys: Vec<_> = items.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["CHUNK#0000", "CHUNK#0001", "CHUNK#0002", "META"]);
    assert!(items.values().all(|item| item["pk"].as_s().unwrap() == "JOB#0123abcd"));
    let text = |key: &str, name: &str| items[key].get(name).map(|value| value.as_s().unwrap().as_str());
    assert_eq!((text("META", "stage"), text("META", "owner")), (Some("QUEUED"), Some("a")));
    assert_eq!(
        (number(&items["META"], "progress_pct"), number(&items["META"], "completed_chunks")),
        (Some(33.0), Some(1.0))
    );
    assert_eq!((text("CHUNK#0000", "status"), text("CHUNK#0001", "status")), (Some("completed"), Some("queued")));
    assert_eq!(number(&items["CHUNK#0000"], "completed_at"), Some(4.5));
    // Chunks are not in the index of jobs.
    assert!(items.iter().all(|(key, item)| item.contains_key("stage") == (key == "META")));
}

#[test]
fn forty_workers_complete_their_chunks_at_once() {
    let Some(url) = url_or_skip("forty_workers_complete_their_chunks_at_once") else { return };
    const WORKERS: u32 = 40;
    let tries = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&tries);
    let store = through_proxy(url, &Admin::new(url).make_table(), move |request| {
        count.fetch_add(u32::from(request.operation() == "TransactWriteItems"), Ordering::Relaxed);
        Fault::Pass
    });
    queued(&store, WORKERS);
    let barrier = Barrier::new(WORKERS as usize);
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for index in 0..WORKERS {
            let (store, barrier) = (&store, &barrier);
            scope.spawn(move || {
                let worker = format!("w{index}");
                barrier.wait();
                let claim = store.claim_chunk(JOB, index, &worker, 60.0, 3.0);
                barrier.wait();
                let completed = store.complete_chunk(JOB, index, &worker, "k", 1, 4.0);
                assert_eq!((claim.unwrap(), completed.unwrap()), (ChunkClaim::Claimed, true));
            });
        }
    });
    let tries = tries.load(Ordering::Relaxed);
    println!("{WORKERS} claims and completions took {:.1} s and {tries} transactions", begun.elapsed().as_secs_f64());
    let item = job(&store);
    assert_eq!((item.completed_chunks, item.progress_pct, item.stage), (WORKERS, 99, JobStage::Processing));
    store.begin_aggregating(JOB, "a", 5.0).unwrap();
}

#[test]
fn a_long_plan_is_stored_and_listed_in_order() {
    let Some(url) = url_or_skip("a_long_plan_is_stored_and_listed_in_order") else { return };
    const CHUNKS: u32 = 1500;
    let store = connect(url).jobs(&Admin::new(url).make_table());
    let begun = std::time::Instant::now();
    queued(&store, CHUNKS);
    println!("{CHUNKS} chunks took {:.1} s", begun.elapsed().as_secs_f64());
    let listed: Vec<u32> = store.chunks(JOB).unwrap().iter().map(|chunk| chunk.index).collect();
    assert_eq!(listed, (0..CHUNKS).collect::<Vec<_>>());
    assert_eq!((job(&store).stage, job(&store).total_chunks), (JobStage::Queued, CHUNKS));
}

#[test]
fn many_jobs_are_listed_newest_first() {
    let Some(url) = url_or_skip("many_jobs_are_listed_newest_first") else { return };
    let store = connect(url).jobs(&Admin::new(url).make_table());
    // More than one answer of the index and of a batch of reads holds, most of the same age.
    let ids: Vec<String> = (0..230).map(|number| format!("job-{number:03}")).collect();
    for (number, job_id) in ids.iter().enumerate() {
        let at = if number < 10 { 1000.0 - number as f64 } else { 5.0 };
        store.claim_job(&NewJob { job_id, ..new("a") }, at, &nobody).unwrap();
        if number % 2 == 0 {
            store.cancel_job(job_id, None, 2000.0).unwrap();
        }
    }
    let listed = |limit| store.jobs(limit).unwrap().into_iter().map(|job| job.job_id).collect::<Vec<_>>();
    for limit in [0, 1, 7, 30, 229, 1000] {
        assert_eq!(listed(limit), ids[..limit.min(ids.len())], "{limit}");
    }
    assert_eq!(store.owned_by("a").unwrap().len(), 115);
}

#[test]
fn a_heartbeat_is_one_write_and_answers_write_nothing() {
    let Some(url) = url_or_skip("a_heartbeat_is_one_write_and_answers_write_nothing") else { return };
    let table = Admin::new(url).make_table();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let store = through_proxy(url, &table, move |request| {
        log.lock().unwrap().push(request.operation().to_owned());
        Fault::Pass
    });
    let during = |work: &dyn Fn()| {
        seen.lock().unwrap().clear();
        work();
        std::mem::take(&mut *seen.lock().unwrap())
    };
    queued(&store, 2);
    let claim = |worker| store.claim_chunk(JOB, 0, worker, 60.0, 3.0).unwrap();
    assert_eq!(during(&|| _ = claim("w")), ["BatchGetItem", "TransactWriteItems"], "the first claim moves the job");
    assert_eq!(during(&|| _ = store.claim_chunk(JOB, 1, "w", 60.0, 3.0).unwrap()), ["BatchGetItem", "UpdateItem"]);
    assert_eq!(during(&|| assert!(store.heartbeat(JOB, 0, "w", 90.0).unwrap())), ["UpdateItem"]);
    assert_eq!(during(&|| assert!(!store.heartbeat(JOB, 0, "v", 90.0).unwrap())), ["UpdateItem"]);
    assert_eq!(during(&|| _ = claim("v")), ["BatchGetItem"], "somebody else has it");
    let complete = || store.complete_chunk(JOB, 0, "w", "k", 1, 4.0).unwrap();
    assert_eq!(during(&|| assert!(complete())), ["BatchGetItem", "TransactWriteItems"]);
    assert_eq!(during(&|| assert!(!complete())), ["BatchGetItem"]);
    assert_eq!(during(&|| _ = claim("v")), ["BatchGetItem"], "it is completed");
    assert_eq!(during(&|| _ = store.claim_job(&new("b"), 5.0, &|_| true).unwrap()), ["GetItem"]);
    assert_eq!(during(&|| store.set_plan(JOB, "a", "plan", &chunks(2), 5.0).unwrap()), ["GetItem"]);
    assert_eq!(during(&|| assert_eq!(store.owned_by("a").unwrap().len(), 1)).len(), 5, "four stages and the item");
}

/// A job from its claim to its end, with everything that can be said about the counts checked at each step.
fn whole_job(store: &dyn JobStore) {
    assert_eq!(store.claim_job(&new("a"), 1.0, &nobody).unwrap(), Claim::New);
    store.set_plan(JOB, "a", "plan", &chunks(4), 2.0).unwrap();
    for index in 0..4 {
        assert_eq!(store.claim_chunk(JOB, index, "w", 60.0, 3.0).unwrap(), ChunkClaim::Claimed);
        assert!(store.heartbeat(JOB, index, "w", 90.0).unwrap());
        if index == 1 {
            store.fail_chunk(JOB, index, "w", "m", 4.0).unwrap();
            assert_eq!(job(store).failed_chunks, 1);
            assert_eq!(store.claim_chunk(JOB, index, "v", 60.0, 3.0).unwrap(), ChunkClaim::Claimed);
        }
        if index == 2 {
            store.release_chunk(JOB, index, "w").unwrap();
        }
        assert!(store.complete_chunk(JOB, index, "w", "k", 1, 5.0).unwrap(), "chunk {index} was counted");
        assert_eq!((job(store).completed_chunks, job(store).failed_chunks), (index + 1, 0));
    }
    assert_eq!(store.chunks(JOB).unwrap().iter().map(|c| c.attempts).collect::<Vec<_>>(), [1, 2, 1, 1]);
    store.begin_aggregating(JOB, "a", 6.0).unwrap();
    store.finish_job(JOB, "a", 7.0).unwrap();
    assert_eq!(job(store).stage, JobStage::Done);
    assert!(matches!(store.claim_job(&new("b"), 8.0, &nobody).unwrap(), Claim::Done(_)));
    assert!(store.delete_job(JOB).unwrap());
}

#[test]
fn a_change_whose_answer_is_lost_is_made_once() {
    let Some(url) = url_or_skip("a_change_whose_answer_is_lost_is_made_once") else { return };
    let admin = Admin::new(url);
    let writes = ["UpdateItem", "TransactWriteItems", "PutItem", "DeleteItem"];
    // First every write loses its first answer; then so many that the SDK gives up and the store itself repeats.
    for lost in [1, 6] {
        let table = admin.make_table();
        let tries = Mutex::new(HashMap::<(String, Vec<u8>), u32>::new());
        let losses = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&losses);
        let store = through_proxy(url, &table, move |request| {
            if !writes.contains(&request.operation()) {
                return Fault::Pass;
            }
            let mut tries = tries.lock().unwrap();
            let tried = tries.entry((request.operation().to_owned(), request.body.clone())).or_default();
            *tried += 1;
            if *tried > lost {
                return Fault::Pass;
            }
            count.fetch_add(1, Ordering::Relaxed);
            Fault::LoseAnswer
        });
        if lost == 1 {
            whole_job(&store);
            assert!(losses.load(Ordering::Relaxed) > 20);
        } else {
            assert_eq!(store.claim_job(&new("a"), 1.0, &nobody).unwrap(), Claim::New);
            let planner = connect(url).jobs(&table);
            planner.set_plan(JOB, "a", "plan", &chunks(1), 2.0).unwrap();
            assert!(store.complete_chunk(JOB, 0, "w", "k", 1, 5.0).unwrap());
            assert_eq!(job(&planner).completed_chunks, 1);
        }
    }
}

#[test]
fn busy_tables_and_conflicts_are_waited_for() {
    let Some(url) = url_or_skip("busy_tables_and_conflicts_are_waited_for") else { return };
    let table = Admin::new(url).make_table();
    let error = |kind: &str| {
        let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{kind}","message":"busy"}}"#);
        Fault::Answer(if kind == "InternalServerError" { 500 } else { 400 }, body)
    };
    let cancelled = concat!(
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","#,
        r#""CancellationReasons":[{"Code":"TransactionConflict","Message":"ongoing"},{"Code":"None"}]}"#
    );
    let tries = Mutex::new(HashMap::<(String, Vec<u8>), u32>::new());
    let store = through_proxy(url, &table, move |request| {
        let mut tries = tries.lock().unwrap();
        let tried = tries.entry((request.operation().to_owned(), request.body.clone())).or_default();
        *tried += 1;
        match (request.operation(), *tried) {
            ("TransactWriteItems", 1..=3) => Fault::Answer(400, cancelled.to_owned()),
            (_, 1) => error("ProvisionedThroughputExceededException"),
            (_, 2) => error("ThrottlingException"),
            ("UpdateItem", 3) => error("TransactionConflictException"),
            ("GetItem", 3) => error("InternalServerError"),
            _ => Fault::Pass,
        }
    });
    assert_eq!(store.claim_job(&new("a"), 1.0, &nobody).unwrap(), Claim::New);
    store.set_plan(JOB, "a", "plan", &chunks(1), 2.0).unwrap();
    store.claim_chunk(JOB, 0, "w", 60.0, 3.0).unwrap();
    assert!(store.complete_chunk(JOB, 0, "w", "k", 1, 4.0).unwrap());
    assert_eq!((job(&store).completed_chunks, job(&store).stage), (1, JobStage::Processing));
}

#[test]
fn refusals_say_what_is_wrong() {
    let Some(url) = url_or_skip("refusals_say_what_is_wrong") else { return };
    let absent = connect(url).jobs("no-such-table");
    let error = absent.job(JOB).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.message().contains("no-such-table"), "{error}");
    let denied = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no dynamodb:UpdateItem"}"#;
    let expired = r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"token is expired"}"#;
    for (body, word) in [(denied, "dynamodb:UpdateItem"), (expired, "sign in")] {
        let store = through_proxy(url, "t", move |_| Fault::Answer(400, body.to_owned()));
        let error = store.claim_job(&new("a"), 1.0, &nobody).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.message().contains(word), "{error}");
    }
    let unreachable = connect("http://127.0.0.1:9").jobs("t");
    assert_eq!(unreachable.job(JOB).unwrap_err().kind(), ErrorKind::Retryable);
}

#[test]
fn starting_over_survives_a_crash_in_between() {
    let Some(url) = url_or_skip("starting_over_survives_a_crash_in_between") else { return };
    let admin = Admin::new(url);
    let table = admin.make_table();
    let store = connect(url).jobs(&table);
    queued(&store, 5);
    for index in 0..5 {
        store.complete_chunk(JOB, index, "w", "k", 1, 3.0).unwrap();
    }
    store.cancel_job(JOB, None, 4.0).unwrap();

    // Whoever starts over cannot remove a single chunk.
    let crashing = through_proxy(url, &table, |request| match request.operation() {
        "DeleteItem" => Fault::Answer(400, r#"{"__type":"x#AccessDeniedException","message":"no"}"#.to_owned()),
        _ => Fault::Pass,
    });
    let forced = NewJob { force: true, ..new("b") };
    crashing.claim_job(&forced, 5.0, &nobody).unwrap_err();
    assert_eq!(stored(&admin, &table).len(), 6, "the old chunks are still stored");

    // Yet the job has no chunks any more, whatever a late worker says.
    assert_eq!(
        (job(&store).stage, job(&store).completed_chunks, job(&store).owner),
        (JobStage::Planning, 0, "b".into())
    );
    assert_eq!(store.chunks(JOB).unwrap(), []);
    let late = store.complete_chunk(JOB, 3, "w", "k", 1, 6.0).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::NotFound, "{late}");

    // The same owner enters again and plans; nothing of the old chunks shows.
    assert!(matches!(store.claim_job(&forced, 7.0, &|_| true).unwrap(), Claim::Resumed(_)));
    store.set_plan(JOB, "b", "another", &chunks(2), 8.0).unwrap();
    let items = store.chunks(JOB).unwrap();
    assert_eq!(
        items.iter().map(|c| (c.index, c.status)).collect::<Vec<_>>(),
        [(0, ChunkStatus::Queued), (1, ChunkStatus::Queued)]
    );
    assert_eq!(stored(&admin, &table).len(), 3);
}

#[test]
fn a_removal_that_was_interrupted_leaves_no_chunks() {
    let Some(url) = url_or_skip("a_removal_that_was_interrupted_leaves_no_chunks") else { return };
    let admin = Admin::new(url);
    let table = admin.make_table();
    let store = connect(url).jobs(&table);
    queued(&store, 3);
    let job_removed = AtomicBool::new(false);
    let crashing = through_proxy(url, &table, move |request| {
        if request.operation() == "DeleteItem" && job_removed.swap(true, Ordering::Relaxed) {
            return Fault::Answer(400, r#"{"__type":"x#AccessDeniedException","message":"no"}"#.to_owned());
        }
        Fault::Pass
    });
    crashing.delete_job(JOB).unwrap_err();
    assert_eq!((store.job(JOB).unwrap(), store.chunks(JOB).unwrap()), (None, vec![]));
    assert_eq!(stored(&admin, &table).len(), 3);
    assert!(!store.delete_job(JOB).unwrap());
    assert_eq!(stored(&admin, &table).len(), 0);
}

#[test]
fn items_expire_after_the_end_and_not_before() {
    let Some(url) = url_or_skip("items_expire_after_the_end_and_not_before") else { return };
    const DAY: f64 = 86_400.0;
    let admin = Admin::new(url);
    let table = admin.make_table();
    let plain = connect(url).jobs(&table);
    let planner = connect(url).jobs(&table).with_retention(30);
    let expiries = || {
        let items = stored(&admin, &table);
        let mut all: Vec<_> = items.iter().map(|(key, item)| (key.clone(), number(item, "expires_at"))).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.into_iter().map(|(_, at)| at).collect::<Vec<_>>()
    };
    queued(&planner, 2);
    plain.complete_chunk(JOB, 0, "w", "k", 1, 3.0).unwrap();
    assert_eq!(expiries(), [None; 3]);
    // Who ends the job need not know for how long to keep it.
    let error = JobError { kind: ErrorKind::Retryable, message: "m".into() };
    plain.fail_job(JOB, "a", &error, 1000.5).unwrap();
    assert_eq!(expiries(), [Some(1001.0 + 30.0 * DAY); 3]);
    // A chunk completed late keeps its date.
    plain.complete_chunk(JOB, 1, "w", "k", 1, 2000.0).unwrap();
    assert_eq!(expiries(), [Some(1001.0 + 30.0 * DAY); 3]);

    // DynamoDB removes a chunk; then the job is asked for again.
    let key = HashMap::from([
        ("pk".to_owned(), AttributeValue::S(format!("JOB#{JOB}"))),
        ("sk".to_owned(), AttributeValue::S("CHUNK#0000".to_owned())),
    ]);
    admin.wait(admin.dynamodb.delete_item().table_name(&table).set_key(Some(key)).send()).unwrap();
    plain.claim_job(&new("b"), 3000.0, &nobody).unwrap();
    plain.set_plan(JOB, "b", "plan", &chunks(2), 3001.0).unwrap();
    assert_eq!(expiries(), [None; 3]);
    let statuses: Vec<_> = plain.chunks(JOB).unwrap().iter().map(|c| c.status).collect();
    assert_eq!(statuses, [ChunkStatus::Queued, ChunkStatus::Completed]);
    assert_eq!((job(&plain).completed_chunks, job(&plain).progress_pct), (1, 50));
    plain.complete_chunk(JOB, 0, "w", "k", 1, 3002.0).unwrap();
    plain.begin_aggregating(JOB, "b", 3003.0).unwrap();
    plain.finish_job(JOB, "b", 4000.0).unwrap();
    assert_eq!(expiries(), [Some(4000.0 + 30.0 * DAY); 3]);
}

#[test]
fn workers_race_through_losses_and_count_each_chunk_once() {
    let Some(url) = url_or_skip("workers_race_through_losses_and_count_each_chunk_once") else { return };
    const CHUNKS: u32 = 12;
    let table = Admin::new(url).make_table();
    let plain = connect(url).jobs(&table);
    queued(&plain, CHUNKS);
    // Every fifth request is refused, every seventh loses its answer.
    let number = AtomicU32::new(0);
    let store = through_proxy(url, &table, move |_| match number.fetch_add(1, Ordering::Relaxed) {
        n if n % 7 == 3 => Fault::LoseAnswer,
        n if n % 5 == 2 => Fault::Refuse,
        _ => Fault::Pass,
    });
    let counted: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6u32)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || {
                    let worker = format!("w{thread}");
                    let mut counted = 0;
                    for index in (0..CHUNKS).map(|i| (i + 2 * thread) % CHUNKS) {
                        if store.claim_chunk(JOB, index, &worker, 60.0, 3.0).unwrap() == ChunkClaim::Claimed {
                            // False where another completed it meanwhile.
                            store.heartbeat(JOB, index, &worker, 90.0).unwrap();
                        }
                        counted += u32::from(store.complete_chunk(JOB, index, &worker, "k", 1, 4.0).unwrap());
                    }
                    counted
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((counted, job(&plain).completed_chunks), (CHUNKS, CHUNKS));
    plain.begin_aggregating(JOB, "a", 5.0).unwrap();
}
