//! The other services that a job uses: Step Functions, Batch, CloudWatch, EventBridge, CloudFormation.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use framefan_contract::ErrorKind;
use framefan_store::aws::{Aws, BatchJob};
use serde_json::{Value, json};

use crate::support::{connect, local_or_skip, name};

/// What `make_services.py` made, once for all tests; and a connection.
fn services(test: &str) -> Option<(Aws, &'static Value)> {
    static MADE: OnceLock<Value> = OnceLock::new();
    let local = local_or_skip(test)?;
    let made = MADE.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws/make_services.py");
        serde_json::from_str(&python(&[script, local.control()])).expect("it prints JSON")
    });
    Some((connect(local.endpoint()), made))
}

/// What Python prints, with the SDK set to the local AWS: for what the store never does.
fn python(arguments: &[&str]) -> String {
    let local = local_or_skip("").expect("the test was not skipped");
    let mut python = framefan_testkit::python().expect("there is one for the server");
    python.args(arguments).envs(local.env()).env("AWS_DEFAULT_REGION", local.region());
    String::from_utf8(framefan_testkit::run(&mut python).stdout).unwrap()
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn executions_start_and_stop() {
    let Some((aws, made)) = services("executions_start_and_stop") else { return };
    let machine = made["machine"].as_str().unwrap();
    let arn = aws.start_execution(machine, None, r#"{"key": "v"}"#).unwrap();
    assert!(arn.starts_with("arn:aws:states:"), "{arn}");
    assert!(aws.execution_is_running(&arn).unwrap());
    aws.stop_execution(&arn, "Cancelled", "on request").unwrap();
    assert!(!aws.execution_is_running(&arn).unwrap());
    aws.stop_execution(&arn, "Cancelled", "again").unwrap();

    let named = name("named");
    let arn = aws.start_execution(machine, Some(&named), "{}").unwrap();
    assert!(arn.ends_with(&format!(":{named}")), "{arn}");
    let error = aws.start_execution(machine, Some(&named), r#"{"other": 1}"#).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    aws.stop_execution(&arn, "Cancelled", "end of the test").unwrap();

    for unknown in [arn.replace(&named, "never-was"), "process 7 on this machine".to_owned(), machine.to_owned()] {
        assert!(!aws.execution_is_running(&unknown).unwrap(), "{unknown}");
        aws.stop_execution(&unknown, "e", "c").unwrap();
    }
    let error = aws.start_execution(&machine.replace(":m", ":none"), None, "{}").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.message().contains(":none"), "{error}");
}

const SUBMIT: &str = "import boto3, sys
boto3.client('batch').submit_job(jobQueue='q', jobDefinition=sys.argv[1], jobName=sys.argv[2])";

const RECEIVE: &str = "import boto3, sys
sqs = boto3.client('sqs')
message = sqs.receive_message(QueueUrl=sys.argv[1], WaitTimeSeconds=5)['Messages'][0]
sqs.delete_message(QueueUrl=sys.argv[1], ReceiptHandle=message['ReceiptHandle'])
print(message['Body'])";

#[test]
fn batch_jobs_are_found_by_name_and_ended() {
    let Some((aws, made)) = services("batch_jobs_are_found_by_name_and_ended") else { return };
    for queue in ["q", made["queue"].as_str().unwrap()] {
        assert_eq!(aws.batch_jobs(queue, "nobody-").unwrap(), []);
    }
    for (image, name) in [
        ("waits", "framefan-abc-0"),
        ("fails", "framefan-abc-1"),
        ("waits", "framefan-abd-0"),
        ("waits", "Framefan-ABC-2"),
    ] {
        python(&["-c", SUBMIT, image, name]);
    }
    let jobs = || aws.batch_jobs("q", "framefan-abc-").unwrap();
    let is = |job: &BatchJob, status: &str| job.status == status;
    wait_until("one runs and one has failed", || {
        let jobs = jobs();
        assert_eq!(jobs.len(), 2, "{jobs:?}");
        is(&jobs[0], "RUNNING") && is(&jobs[1], "FAILED")
    });
    let [running, failed] = &jobs()[..] else { panic!("there are two") };
    assert_eq!((&*running.name, running.exit_code, running.is_over()), ("framefan-abc-0", None, false));
    assert_eq!((&*failed.name, failed.exit_code, failed.is_over()), ("framefan-abc-1", Some(3), true));

    // Its log, in pages.
    let stream = failed.log_stream.as_deref().expect("it has run");
    let page = aws.log_events("/jobs", stream, None).unwrap();
    let lines: Vec<&str> = page.events.iter().map(|event| &*event.message).collect();
    assert_eq!(lines, ["line 1", "line 2", "line 3"]);
    assert!(page.events.iter().all(|event| event.time_ms > 1_600_000_000_000));
    let end = aws.log_events("/jobs", stream, page.next.as_deref()).unwrap();
    assert_eq!((end.events.len(), end.at_end), (0, true));
    let error = aws.log_events("/jobs", "no-such-stream", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.message().contains("no-such-stream"), "{error}");

    assert_eq!(aws.terminate_batch_jobs("q", "framefan-abc-", "cancelled").unwrap(), 1);
    wait_until("the job ends", || is(&jobs()[0], "FAILED"));
    assert_eq!(aws.terminate_batch_jobs("q", "framefan-abc-", "again").unwrap(), 0);
    for (other, prefix) in [("framefan-abd-0", "framefan-abd-"), ("Framefan-ABC-2", "Framefan-")] {
        let [job] = &aws.batch_jobs("q", prefix).unwrap()[..] else { panic!("there is one") };
        assert_eq!((&*job.name, job.is_over()), (other, false));
        assert_eq!(aws.terminate_batch_jobs("q", prefix, "end of the test").unwrap(), 1);
    }
    for error in [aws.batch_jobs("none", "x").err(), aws.terminate_batch_jobs("none", "x", "r").err()] {
        let error = error.expect("there is no such queue");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.message().contains("none"), "{error}");
    }
}

#[test]
fn events_reach_the_bus() {
    let Some((aws, made)) = services("events_reach_the_bus") else { return };
    for bus in ["bus", made["bus"].as_str().unwrap()] {
        aws.put_event(bus, "Job Done", &json!({"job_id": "j", "bus": bus}).to_string()).unwrap();
        let message = python(&["-c", RECEIVE, made["sink"].as_str().unwrap()]);
        let event: Value = serde_json::from_str(&message).unwrap();
        assert_eq!((&event["source"], &event["detail-type"]), (&json!("framefan"), &json!("Job Done")));
        assert_eq!(event["detail"], json!({"job_id": "j", "bus": bus}));
    }
    let error = aws.put_event("bus", "Job Done", "no JSON").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Defect, "{error}");
}

#[test]
fn a_stack_says_its_outputs() {
    let Some((aws, _)) = services("a_stack_says_its_outputs") else { return };
    let outputs = aws.stack_outputs("a-stack").unwrap();
    let expected = [("BucketName", "some-bucket"), ("QueueName", "of-a-stack")];
    assert_eq!(outputs, BTreeMap::from(expected.map(|(name, value)| (name.to_owned(), value.to_owned()))));
    let error = aws.stack_outputs("no-such-stack").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.message().contains("no-such-stack"), "{error}");
}
