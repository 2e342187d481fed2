"""Batch's operations check and list as AWS does; unrepaired moto takes anything and lists everything."""

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.repair("batch-api")


def test_more_than_five_rules_are_refused(aws):
    # AWS: "Specifies an array of up to 5 conditions".
    rules = [{"onExitCode": str(code), "action": "EXIT"} for code in range(6)]
    with pytest.raises(ClientError, match="rules"):
        aws.definition(retryStrategy={"attempts": 2, "evaluateOnExit": rules})


def test_an_attempt_timeout_is_at_least_a_minute(aws, queue, definition):
    with pytest.raises(ClientError, match="attemptDurationSeconds"):
        aws.submit(queue, definition, timeout={"attemptDurationSeconds": 59})


def test_the_retry_strategy_of_a_submission_counts(aws, queue):
    job = aws.finished(aws.submit(queue, aws.definition(), "exit", "1", retryStrategy={"attempts": 2}))
    assert len(job["attempts"]) == 2


def test_listing_shows_running_jobs_unless_told(aws, definition):
    queue = aws.queue()
    done = aws.submit(queue, definition, "exit", "0", name="framefan-aa-0")
    aws.finished(done)
    running = aws.submit(queue, definition, "sleep", "60", name="framefan-ab-1")
    aws.running(running)

    def listed(**query):
        return [job["jobId"] for job in aws.client("batch").list_jobs(jobQueue=queue, **query)["jobSummaryList"]]
    assert listed() == [running]
    assert listed(jobStatus="SUCCEEDED") == [done]
    # With a filter the status is ignored; names end with an asterisk and have no case.
    assert listed(filters=[{"name": "JOB_NAME", "values": ["FRAMEFAN-a*"]}]) == [running, done]
    assert listed(filters=[{"name": "JOB_NAME", "values": ["framefan-aa-*"]}], jobStatus="RUNNING") == [done]
    aws.client("batch").terminate_job(jobId=running, reason="done with it")


def test_listing_has_pages(aws, definition):
    queue = aws.queue()
    ids = [aws.submit(queue, definition, "exit", "0", name=f"page-{n}") for n in range(5)]
    pages = aws.client("batch").get_paginator("list_jobs").paginate(
        jobQueue=queue, filters=[{"name": "JOB_NAME", "values": ["page-*"]}], maxResults=2)
    sizes = [len(page["jobSummaryList"]) for page in pages]
    assert sizes == [2, 2, 1]
    for job_id in ids:
        aws.finished(job_id)


def test_describing_needs_ids_and_takes_a_hundred(aws):
    for ids in ([], ["x"] * 101):
        with pytest.raises(ClientError):
            aws.client("batch").describe_jobs(jobs=ids)
    assert aws.client("batch").describe_jobs(jobs=["nobody"])["jobs"] == []


def test_unknown_queues_and_definitions_are_refused(aws, queue, definition):
    with pytest.raises(ClientError, match="JobQueue"):
        aws.submit("nobody", definition)
    with pytest.raises(ClientError, match="JobDefinition"):
        aws.submit(queue, "nobody")
