"""`batch:submitJob.sync`; unrepaired moto never submits a job."""

import json

import pytest

pytestmark = pytest.mark.repair("batch-task")


def task(queue: str, definition: str, command: list[str], arguments: dict | None = None, **more) -> dict:
    state = {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", "End": True, "Arguments": {
        "JobName": "from-a-state", "JobQueue": queue, "JobDefinition": definition, "RetryStrategy": {"Attempts": 1},
        "ContainerOverrides": {"Command": command}, **(arguments or {})}, **more}
    return {"StartAt": "T", "States": {"T": state, "Caught": {"Type": "Succeed"}}}


def test_a_job_that_succeeds_is_the_result(aws, queue, definition):
    execution = aws.run(task(queue, definition, ["exit", "0"]))
    assert execution["status"] == "SUCCEEDED"
    result = execution["output"]
    # AWS: DescribeJobs' answer for the job, in Pascal case.
    assert (result["Status"], result["JobName"], result["Container"]["ExitCode"]) == ("SUCCEEDED", "from-a-state", 0)
    assert {"Name": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"} in result["Container"]["Environment"]
    assert aws.described(result["JobId"])["status"] == "SUCCEEDED"


def test_a_job_that_fails_is_task_failed_with_its_description_as_cause(aws, queue, definition):
    execution = aws.run(task(queue, definition, ["exit", "3"]))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(execution["cause"])
    assert cause["Container"]["ExitCode"] == 3 and cause["StatusReason"] == "Essential container in task exited"
    assert [attempt["Container"]["ExitCode"] for attempt in cause["Attempts"]] == [3]
    assert isinstance(cause["StartedAt"], int) and cause["RetryStrategy"]["Attempts"] == 1


def test_a_retried_task_submits_another_job(aws, queue, definition):
    # moto's second attempt ends with States.Timeout at once.
    execution = aws.run(task(queue, definition, ["exit", "3"], Retry=[
        {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 2}]))
    assert execution["error"] == "States.TaskFailed"
    events = aws.client("stepfunctions").get_execution_history(executionArn=execution["executionArn"])["events"]
    submitted = [json.loads(e["taskSubmittedEventDetails"]["output"])["JobId"] for e in events
                 if e["type"] == "TaskSubmitted"]
    assert len(set(submitted)) == 3


@pytest.mark.parametrize(("kind", "error"), [
    ("throttle", "Batch.AWSBatchException"), ("error", "Batch.ServerException")])
def test_errors_of_batchs_api_have_their_own_names(aws, queue, definition, kind, error):
    retry = {"ErrorEquals": [error], "IntervalSeconds": 1, "MaxAttempts": 3}
    aws.control.post("/plan-fault", service="batch", operation="SubmitJob", kind=kind, times=2)
    assert aws.run(task(queue, definition, ["exit", "0"], Retry=[retry]))["status"] == "SUCCEEDED"
    aws.control.post("/plan-fault", service="batch", operation="SubmitJob", kind=kind)
    execution = aws.run(task(queue, definition, ["exit", "0"]))
    assert execution["error"] == error and not execution["cause"].startswith("{")


def test_a_definition_that_is_missing_is_a_client_exception(aws, queue):
    assert aws.run(task(queue, "nobody", []))["error"] == "Batch.ClientException"


@pytest.mark.parametrize("arguments", [
    {"Timeouts": {"AttemptDurationSeconds": 60}},
    {"ContainerOverrides": {"Comand": []}},
    {"ContainerOverrides": {"Command": [1]}},
])
def test_wrong_parameters_are_an_error(aws, queue, definition, arguments):
    # moto drops what it does not know.
    assert aws.run(task(queue, definition, [], arguments))["error"] == "States.Runtime"


def test_the_attempt_timeout_reaches_batch(aws, queue, definition):
    execution = aws.run(task(queue, definition, ["sleep", "60"], {"Timeout": {"AttemptDurationSeconds": 60}}))
    assert json.loads(execution["cause"])["StatusReason"] == "Job attempt duration exceeded timeout"


def test_a_task_that_takes_too_long_is_a_timeout(aws, queue, definition):
    execution = aws.run(task(queue, definition, ["sleep", "60"], TimeoutSeconds=1))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Timeout")
