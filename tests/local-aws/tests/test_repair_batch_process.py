"""A job is a process, tried as its retry strategy says; unrepaired moto wants Docker and never retries."""

import json
import signal

import pytest

from local_aws_client.server import wait_until

pytestmark = pytest.mark.repair("batch-process")


def test_a_job_succeeds_and_says_everything_aws_does(aws, queue, definition):
    job = aws.finished(aws.submit(queue, definition, "print", "hello", "exit", "0", name="framefan-a-1"))
    assert (job["status"], job["statusReason"]) == ("SUCCEEDED", "Essential container in task exited")
    assert job["container"]["exitCode"] == 0 and job["container"]["command"] == ["print", "hello", "exit", "0"]
    [attempt] = job["attempts"]
    assert attempt["container"]["exitCode"] == 0
    assert attempt["container"]["logStreamName"] == job["container"]["logStreamName"]
    assert attempt["startedAt"] <= attempt["stoppedAt"] <= job["stoppedAt"]
    lines = aws.client("logs").get_log_events(
        logGroupName="/aws/batch/job", logStreamName=job["container"]["logStreamName"])["events"]
    assert [line["message"] for line in lines] == ["hello"]


def test_the_process_has_batchs_environment(aws, queue):
    definition = aws.definition(properties={"environment": [
        {"name": "A", "value": "of the definition"}, {"name": "B", "value": "of the definition"}]})
    names = "A,B,AWS_BATCH_JOB_ID,AWS_BATCH_JOB_ATTEMPT,AWS_BATCH_JQ_NAME"
    job_id = aws.submit(queue, definition, "environment", names,
                        overrides={"environment": [{"name": "B", "value": "of the job"}]})
    job = aws.finished(job_id)
    [line] = aws.client("logs").get_log_events(
        logGroupName="/aws/batch/job", logStreamName=job["container"]["logStreamName"])["events"]
    assert json.loads(line["message"]) == {
        "A": "of the definition", "B": "of the job", "AWS_BATCH_JOB_ID": job_id, "AWS_BATCH_JOB_ATTEMPT": "1",
        "AWS_BATCH_JQ_NAME": queue.rsplit("/", 1)[-1]}
    # Asking twice does not add to the environment.
    assert aws.described(job_id)["container"]["environment"] == job["container"]["environment"]
    assert len(job["container"]["environment"]) == 2


def test_output_goes_to_the_log_group_of_the_definition_while_the_job_runs(aws, queue):
    group = "/tests/own"
    aws.client("logs").create_log_group(logGroupName=group)
    definition = aws.definition(properties={"logConfiguration": {
        "logDriver": "awslogs", "options": {"awslogs-group": group}}})
    job_id = aws.submit(queue, definition, "print", "early", "sleep", "30")
    wait_until(lambda: aws.log_lines(group) == ["early"])
    assert aws.described(job_id)["status"] == "RUNNING"
    aws.client("batch").terminate_job(jobId=job_id, reason="enough")


def test_failed_attempts_are_tried_again_until_one_succeeds(aws, queue, definition):
    job = aws.finished(aws.submit(queue, definition, "exit", "7,7,0"))
    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [7, 7, 0]
    streams = {attempt["container"]["logStreamName"] for attempt in job["attempts"]}
    assert len(streams) == 3


def test_the_number_of_attempts_is_limited(aws, queue, definition):
    job = aws.finished(aws.submit(queue, definition, "exit", "7"))
    assert (job["status"], len(job["attempts"])) == ("FAILED", 3)
    assert job["statusReason"] == "Essential container in task exited"


def test_a_killed_process_has_exit_code_137(aws, queue, definition):
    job = aws.finished(aws.submit(queue, definition, "die", retryStrategy={"attempts": 1}))
    assert job["container"]["exitCode"] == 137
    assert len(job["attempts"]) == 1


def test_an_attempt_that_takes_too_long_is_ended_and_not_tried_again(aws, queue, definition):
    # AWS: "If a job is terminated for exceeding the timeout duration, it isn't retried." SIGTERM comes first.
    job = aws.finished(aws.submit(
        queue, definition, "on-term", "143", "sleep", "60", timeout={"attemptDurationSeconds": 60}))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [143]


def test_terminate_sends_sigterm_and_does_not_try_again(aws, queue, definition):
    job_id = aws.submit(queue, definition, "on-term", "143", "print", "ready", "sleep", "60")
    wait_until(lambda: _lines(aws, job_id) == ["ready"])
    aws.client("batch").terminate_job(jobId=job_id, reason="told to")
    job = aws.finished(job_id)
    assert (job["status"], job["statusReason"], job["container"]["exitCode"]) == ("FAILED", "told to", 143)
    assert _lines(aws, job_id) == ["ready", "got SIGTERM"]
    assert len(job["attempts"]) == 1


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(aws, queue, definition):
    job_id = aws.submit(queue, definition, "ignore-term", "print", "ready", "sleep", "60")
    wait_until(lambda: _lines(aws, job_id) == ["ready"])
    aws.client("batch").terminate_job(jobId=job_id, reason="told to")
    assert aws.finished(job_id)["container"]["exitCode"] == 137


def test_a_machine_that_goes_away_leaves_no_exit_code(aws, queue):
    # AWS: status reason "Host EC2 (instance i-...) terminated.", which the documented Spot rule matches.
    definition = aws.definition(retryStrategy={"attempts": 2, "evaluateOnExit": [
        {"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onExitCode": "*", "action": "EXIT"}]})
    job_id = aws.submit(queue, definition, "sleep", "60")
    aws.running(job_id)
    aws.control.post("/reclaim", job_id=job_id)
    second = wait_until(lambda: next((p for p in aws.control.get("/processes", running="1")
                                      if p.get("job_id") == job_id and p["attempt"] == 2), None))
    first = aws.described(job_id)["attempts"][0]
    assert "exitCode" not in first["container"] and first["statusReason"].startswith("Host EC2 (instance i-")
    aws.control.post("/signal", pid=second["pid"], signal=int(signal.SIGTERM))
    assert aws.finished(job_id)["container"]["exitCode"] == 143


def test_a_spot_notice_appears_in_the_jobs_metadata(aws, queue, definition):
    job_id = aws.submit(queue, definition, "await-spot", "exit", "0")
    aws.running(job_id)
    notice = aws.control.post("/spot-notice", job_id=job_id, in_seconds=120)
    aws.finished(job_id)
    [line] = _lines(aws, job_id)
    assert json.loads(line) == {"action": "terminate", "time": notice["time"]}


def test_an_image_that_cannot_be_pulled_is_an_attempt_without_exit_code(aws, queue):
    definition = aws.definition(retryStrategy={"attempts": 2, "evaluateOnExit": [
        {"onExitCode": "*", "action": "EXIT"}]})
    image = definition.rsplit("/", 1)[-1].split(":")[0]
    reason = "CannotPullContainerError: Error response from daemon"
    aws.control.post("/start-failure", image=image, reason=reason)
    job = aws.finished(aws.submit(queue, definition, "exit", "0"))
    assert job["status"] == "SUCCEEDED"
    assert job["attempts"][0]["container"]["reason"] == reason and "exitCode" not in job["attempts"][0]["container"]


def test_a_killed_containers_reason_is_told(aws, queue, definition):
    job_id = aws.submit(queue, definition, "sleep", "60", retryStrategy={"attempts": 1})
    reason = "OutOfMemoryError: Container killed due to memory usage"
    aws.control.post("/signal", pid=aws.running(job_id)["pid"], signal=9, reason=reason)
    assert aws.finished(job_id)["container"]["reason"] == reason


def _lines(aws, job_id: str) -> list[str]:
    stream = aws.described(job_id)["container"].get("logStreamName")
    return aws.log_lines("/aws/batch/job", stream) if stream else []
