"""Errors, retries and sizes of states; each test says what AWS does."""

import json
import time

import pytest

from local_aws_client.server import wait_until


def task(function: str, payload: dict, **more) -> dict:
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": function, "Payload": payload}, "End": True, **more}


def catching(state: dict, errors: list[str]) -> dict:
    """A machine of one state, whose caught error is the output."""
    return {"StartAt": "T", "States": {
        "T": state | {"Catch": [{"ErrorEquals": errors, "Next": "Caught"}]}, "Caught": {"Type": "Succeed"}}}


@pytest.fixture(scope="module")
def function(aws):
    return aws.function()


@pytest.mark.repair("lambda")
@pytest.mark.parametrize(("payload", "error"), [
    # The type that the handler reports is the error's name, and the whole error object the cause.
    ({"do": "fail", "type": "BadInput"}, "BadInput"),
    ({"do": "exit", "status": 1}, "Runtime.ExitError"),
])
def test_a_functions_error_type_is_the_name_that_is_matched(aws, function, payload, error):
    execution = aws.run(catching(task(function, payload), [error]))
    assert execution["output"]["Error"] == error
    assert json.loads(execution["output"]["Cause"])["errorType"] == error


@pytest.mark.repair("lambda")
def test_a_function_that_times_out_and_one_that_is_missing(aws):
    slow = aws.function(timeout=1)
    assert aws.run(catching(task(slow, {"do": "sleep", "seconds": 9}), ["Sandbox.Timedout"]))["status"] == "SUCCEEDED"
    missing = aws.run(catching(task("nobody", {}), ["Lambda.ResourceNotFoundException"]))
    assert missing["status"] == "SUCCEEDED"


@pytest.mark.repair("state-errors")
def test_task_failed_matches_every_error_but_a_timeout(aws, function):
    failing = task(function, {"do": "fail", "type": "Mine"})
    assert aws.run(catching(failing, ["States.TaskFailed"]))["output"]["Error"] == "Mine"
    # A data test of the language: a query error is "known", too. moto knows only names that are not its own.
    query = task(function, {"x": "{% $states.input.missing %}"})
    assert aws.run(catching(query, ["States.TaskFailed"]))["output"]["Error"] == "States.QueryEvaluationError"
    slow = task(function, {"do": "sleep", "seconds": 5}, TimeoutSeconds=1)
    execution = aws.run(catching(slow, ["States.TaskFailed"]))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Timeout")


@pytest.mark.repair("state-errors")
def test_all_does_not_catch_a_state_that_put_out_too_much(aws, function):
    # AWS: States.DataLimitExceeded cannot be caught by States.ALL. The limit is 256 KiB.
    large = task(function, {"do": "echo", "x": "{% $pad('', 262144, 'x') %}"})
    execution = aws.run(catching(large, ["States.ALL"]))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.DataLimitExceeded")


@pytest.mark.repair("state-errors")
def test_an_execution_may_fail_with_an_error_of_the_language(aws):
    execution = aws.run({"StartAt": "F", "States": {
        "F": {"Type": "Fail", "Error": "{% 'States.Timeout' %}", "Cause": "as before"}}})
    assert (execution["error"], execution["cause"]) == ("States.Timeout", "as before")


@pytest.mark.repair("retry-waits")
def test_stopping_ends_the_wait_before_a_retry(aws):
    # A wait of 150 s (3 s here) must not keep a stopped execution busy: its next attempt never comes.
    function = aws.function()
    machine = aws.machine({"StartAt": "T", "States": {"T": task(function, {"do": "fail", "type": "Mine"}, Retry=[
        {"ErrorEquals": ["Mine"], "IntervalSeconds": 150, "MaxAttempts": 1}])}})
    arn = aws.start(machine)
    wait_until(lambda: any(e["type"] == "TaskFailed" for e in history(aws, arn)))
    aws.client("stepfunctions").stop_execution(executionArn=arn)
    time.sleep(3.5)
    assert len([line for line in aws.log_lines(f"/aws/lambda/{function}") if line.startswith("START")]) == 1
    assert aws.ended(arn)["status"] == "ABORTED"


@pytest.mark.repair("retry-waits")
def test_retries_are_counted_and_scaled(aws, function):
    began = time.monotonic()
    execution = aws.run({"StartAt": "T", "States": {"T": task(function, {"do": "fail", "type": "Mine"}, Retry=[
        {"ErrorEquals": ["Mine"], "IntervalSeconds": 5, "MaxAttempts": 3, "BackoffRate": 2}])}})
    assert execution["error"] == "Mine"
    # 5 + 10 + 20 seconds at 2 %.
    assert 0.6 < time.monotonic() - began < 10
    assert [e["type"] for e in history(aws, execution["executionArn"])].count("TaskFailed") == 4


def history(aws, arn: str) -> list[dict]:
    return aws.client("stepfunctions").get_execution_history(executionArn=arn)["events"]
