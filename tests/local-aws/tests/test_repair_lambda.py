"""A function is a process behind the Runtime API; unrepaired moto answers each invocation with its payload."""

import pytest

from local_aws_client.server import wait_until

pytestmark = pytest.mark.repair("lambda")


@pytest.fixture(scope="module")
def function(aws):
    return aws.function()


def test_a_handler_runs_in_lambdas_environment(aws, function):
    names = ["AWS_LAMBDA_FUNCTION_NAME", "AWS_ENDPOINT_URL", "AWS_REGION"]
    answer = aws.invoke(function, {"do": "environment", "names": names})
    assert answer == {"error": None, "status": 200, "payload": {
        "AWS_LAMBDA_FUNCTION_NAME": function, "AWS_ENDPOINT_URL": aws.endpoint, "AWS_REGION": aws.region}}


def test_a_handlers_error_keeps_its_type(aws, function):
    # AWS: status 200, FunctionError Unhandled, and the error object as the runtime reported it.
    answer = aws.invoke(function, {"do": "fail", "type": "BadInput", "message": "not a video"})
    assert (answer["status"], answer["error"]) == (200, "Unhandled")
    assert answer["payload"] == {"errorType": "BadInput", "errorMessage": "not a video"}


@pytest.mark.parametrize(("payload", "words"), [
    ({"do": "exit", "status": 3}, "Runtime exited with error: exit status 3"),
    ({"do": "exit", "status": 0}, "Runtime exited without providing a reason"),
    ({"do": "die"}, "Runtime exited with error: signal: killed"),
])
def test_a_crash_is_an_exit_error(aws, function, payload, words):
    answer = aws.invoke(function, payload)
    assert answer["error"] == "Unhandled"
    assert answer["payload"]["errorType"] == "Runtime.ExitError"
    assert answer["payload"]["errorMessage"].endswith(f"Error: {words}")
    # The next invocation gets a new process.
    assert aws.invoke(function, {"do": "echo", "x": 1})["payload"] == {"do": "echo", "x": 1}


def test_a_handler_that_takes_too_long_is_killed(aws):
    function = aws.function(timeout=1)
    answer = aws.invoke(function, {"do": "sleep", "seconds": 30})
    assert answer["payload"]["errorType"] == "Sandbox.Timedout"
    assert answer["payload"]["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    wait_until(lambda: not [p for p in aws.control.get("/processes", running="1") if p["name"] == function])


def test_invocations_at_the_same_time_have_processes_of_their_own(aws):
    from concurrent.futures import ThreadPoolExecutor
    function = aws.function()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: aws.invoke(function, {"do": "sleep", "seconds": 0.5}), range(2)))
    processes = [p for p in aws.control.get("/processes") if p["name"] == function]
    assert len(processes) == 2
    # And both are used again.
    aws.invoke(function, {"do": "echo"})
    assert len([p for p in aws.control.get("/processes") if p["name"] == function]) == 2


def test_output_goes_to_the_functions_log_group(aws):
    function = aws.function()
    aws.invoke(function, {"do": "print", "text": "hello from the handler"})
    group = f"/aws/lambda/{function}"
    wait_until(lambda: "hello from the handler" in aws.log_lines(group))
    assert any(line.startswith("START RequestId: ") for line in aws.log_lines(group))


def test_the_temporary_folder_is_the_environments_own(aws):
    one, two = (aws.invoke(aws.function(), {"do": "write-temporary"})["payload"]["path"] for _ in range(2))
    assert one != two


def test_asynchronous_invocations_are_accepted_at_once_and_tried_three_times(aws):
    # AWS: status 202; a function error is retried twice, after a minute and after two.
    function = aws.function()
    answer = aws.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload='{"do": "die"}')
    assert answer["StatusCode"] == 202
    wait_until(lambda: len([p for p in aws.control.get("/processes") if p["name"] == function]) == 3)


def test_a_function_that_nobody_made_is_not_found(aws):
    with pytest.raises(aws.client("lambda").exceptions.ResourceNotFoundException):
        aws.invoke("nobody", {})
