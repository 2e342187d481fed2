"""How executions are named and end."""

import uuid

import pytest
from botocore.exceptions import ClientError

from local_aws_client.server import wait_until

pytestmark = pytest.mark.repair("executions")
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}


def job_machine(aws, queue, definition, distributed: bool, **more) -> str:
    task = {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", "End": True, "Arguments": {
        "JobName": "to-be-stopped", "JobQueue": queue, "JobDefinition": definition,
        "ContainerOverrides": {"Command": ["on-term", "143", "print", "ready", "sleep", "60"]}}}
    child = {"StartAt": "T", "States": {"T": task}}
    if not distributed:
        return aws.machine(child | more)
    return aws.machine({"StartAt": "M", "States": {"M": {"Type": "Map", "Items": [1, 2], "End": True, "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **child}}}, **more})


def jobs_of(aws, queue: str, count: int) -> list[str]:
    """The jobs on the queue, once as many run and have set up their signal handlers."""
    def found():
        jobs = aws.client("batch").list_jobs(jobQueue=queue)["jobSummaryList"]
        streams = [aws.described(job["jobId"])["container"]["logStreamName"] for job in jobs]
        ready = sum("ready" in aws.log_lines("/aws/batch/job", stream) for stream in streams)
        return [job["jobId"] for job in jobs] if ready == count else None
    return wait_until(found)


def events_of(aws, arn: str, status: str) -> list[dict]:
    return wait_until(lambda: aws.events(executionArn=arn, status=status), what=f"the event {status} of {arn}")


def test_every_execution_without_a_name_gets_one(aws):
    # moto calls each of them "None".
    machine = aws.machine(PASS)
    arns = {aws.start(machine) for _ in range(3)}
    assert len(arns) == 3 and not any(arn.endswith(":None") for arn in arns)


def test_a_name_is_used_once(aws):
    machine = aws.machine(WAIT)
    one = aws.start(machine, {"a": 1}, name="once")
    # The same name and input while it runs is the same execution.
    assert aws.start(machine, {"a": 1}, name="once") == one
    for value in ({"a": 2}, {"a": 1}):
        with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
            aws.start(machine, value, name="once")
        aws.client("stepfunctions").stop_execution(executionArn=one)


@pytest.mark.parametrize("name", ["a b", "a*", "x" * 81, "a:b"])
def test_bad_names_are_refused(aws, name):
    with pytest.raises(ClientError, match="InvalidName"):
        aws.start(aws.machine(PASS), name=name)


def test_an_input_beyond_256_kib_is_refused(aws):
    with pytest.raises(ClientError, match="InvalidExecutionInput"):
        aws.start(aws.machine(PASS), {"x": "y" * 262_144})


def test_success_and_failure_are_events(aws):
    done = aws.run(PASS, {"a": 1})
    [running], [succeeded] = events_of(aws, done["executionArn"], "RUNNING"), events_of(aws, done["executionArn"], "SUCCEEDED")
    assert running["source"] == "aws.states" and running["detail-type"] == "Step Functions Execution Status Change"
    assert running["detail"]["stopDate"] is None and running["detail"]["input"] == '{"a": 1}'
    assert succeeded["detail"]["output"] == '{"a": 1}' and succeeded["resources"] == [done["executionArn"]]
    failed = aws.run({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Mine", "Cause": "why"}}})
    [event] = events_of(aws, failed["executionArn"], "FAILED")
    assert (event["detail"]["error"], event["detail"]["cause"]) == ("Mine", "why")
    assert isinstance(event["detail"]["startDate"], int)


def test_stopping_is_at_once_and_says_why(aws):
    # moto: RUNNING until the task is over, without error and cause.
    arn = aws.start(aws.machine(WAIT))
    aws.client("stepfunctions").stop_execution(executionArn=arn, error="Told", cause="by a test")
    execution = aws.client("stepfunctions").describe_execution(executionArn=arn)
    assert (execution["status"], execution["error"], execution["cause"]) == ("ABORTED", "Told", "by a test")
    assert execution["stopDate"]
    assert len(events_of(aws, arn, "ABORTED")) == 1


@pytest.mark.parametrize("distributed", [False, True])
def test_stopping_terminates_the_batch_jobs(aws, definition, distributed):
    queue = aws.queue()
    arn = aws.start(job_machine(aws, queue, definition, distributed))
    ids = jobs_of(aws, queue, 2 if distributed else 1)
    aws.client("stepfunctions").stop_execution(executionArn=arn)
    for job_id in ids:
        job = aws.finished(job_id)
        assert job["status"] == "FAILED" and "was aborted" in job["statusReason"]
        assert job["container"]["exitCode"] == 143
    assert aws.ended(arn)["status"] == "ABORTED"


def test_an_execution_that_times_out_ends_its_children_and_jobs_and_catches_nothing(aws, definition):
    queue = aws.queue()
    arn = aws.start(job_machine(aws, queue, definition, True, TimeoutSeconds=4))
    ids = jobs_of(aws, queue, 2)
    execution = aws.ended(arn)
    assert execution["status"] == "TIMED_OUT" and execution["stopDate"]
    assert all(aws.finished(job_id)["status"] == "FAILED" for job_id in ids)
    assert len(events_of(aws, arn, "TIMED_OUT")) == 1


def test_a_stopped_execution_stays_stopped(aws):
    function = aws.function()
    machine = aws.machine({"StartAt": "T", "States": {"T": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
        "Arguments": {"FunctionName": function, "Payload": {"do": "sleep", "seconds": 1}}}}})
    arn = aws.start(machine, name=str(uuid.uuid4()))
    wait_until(lambda: [p for p in aws.control.get("/processes", running="1") if p["name"] == function])
    aws.client("stepfunctions").stop_execution(executionArn=arn)
    # The function goes on, as in AWS; its answer changes nothing.
    wait_until(lambda: any(line.startswith("END") for line in aws.log_lines(f"/aws/lambda/{function}")))
    assert aws.ended(arn)["status"] == "ABORTED"
    assert not aws.events(executionArn=arn, status="SUCCEEDED")
