"""The Distributed Map: children are executions of their own, and too many that fail are a failure."""

import json
import uuid

import pytest

from local_aws_client.server import wait_until

pytestmark = pytest.mark.repair("distributed-map")
FAIL_ODD = {"StartAt": "C", "States": {
    "C": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input % 2 = 1 %}", "Next": "F"}], "Default": "S"},
    "F": {"Type": "Fail", "Error": "Odd"}, "S": {"Type": "Succeed"}}}
ECHO = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


def machine(processor: dict, items: str = "{% $states.input.items %}", **more) -> dict:
    state = {"Type": "Map", "Items": items, "Label": "Items", "End": True, "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **processor}, **more}
    return {"StartAt": "M", "States": {"M": state}}


def test_no_failure_is_tolerated_by_default(aws):
    # moto's Map succeeds when every child failed.
    execution = aws.run(machine(FAIL_ODD), {"items": [2, 4, 5]})
    assert (execution["status"], execution["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    assert execution["cause"] == "The specified tolerated failure threshold was exceeded"


@pytest.mark.parametrize(("tolerance", "items", "status"), [
    ({"ToleratedFailureCount": 1}, [1, 2], "SUCCEEDED"),
    ({"ToleratedFailureCount": 1}, [1, 3], "FAILED"),
    ({"ToleratedFailurePercentage": 50}, [1, 2], "SUCCEEDED"),
    ({"ToleratedFailurePercentage": 49}, [1, 2], "FAILED"),
    ({"ToleratedFailurePercentage": 100}, [1, 3], "SUCCEEDED"),
])
def test_the_tolerance_decides(aws, tolerance, items, status):
    execution = aws.run(machine(FAIL_ODD, **tolerance), {"items": items})
    assert execution["status"] == status
    if status == "SUCCEEDED":
        # What failed has no output.
        assert execution["output"] == [item for item in items if item % 2 == 0]


@pytest.mark.repair("grammar")
def test_a_whole_percentage_is_grammatical(aws):
    # moto: no viable alternative at input.
    assert aws.run(machine(ECHO, ToleratedFailurePercentage=5), {"items": [1]})["status"] == "SUCCEEDED"


def test_the_failure_can_be_caught(aws):
    definition = machine(FAIL_ODD, Catch=[
        {"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "Caught"}])
    definition["States"]["Caught"] = {"Type": "Succeed"}
    assert aws.run(definition, {"items": [1]})["output"]["Error"] == "States.ExceedToleratedFailureThreshold"


def test_more_than_a_thousand_items(aws):
    # moto recurses once per item, and ends.
    execution = aws.run(machine(ECHO, items="{% [1..1500] %}", MaxConcurrency=8), timeout_s=60)
    assert execution["status"] == "SUCCEEDED" and execution["output"] == list(range(1, 1501))


def test_children_are_executions_of_their_own(aws):
    output = {"id": "{% $states.context.Execution.Id %}", "input": "{% $states.context.Execution.Input %}",
              "machine": "{% $states.context.StateMachine.Id %}"}
    arn = aws.machine(machine({"StartAt": "P", "States": {"P": {"Type": "Pass", "Output": output, "End": True}}}))
    execution = aws.ended(aws.start(arn, {"items": [7, 8]}))
    one, two = execution["output"]
    assert one["id"] != two["id"] and [one["input"], two["input"]] == [7, 8]
    name = arn.rsplit(":", 1)[-1]
    assert one["machine"] == f"{arn}/Items" and f":execution:{name}/Items:" in one["id"]
    # They tell the bus, too: a rule for the machine's own executions must not match theirs.
    statuses = wait_until(lambda: [e["detail"]["status"] for e in aws.events(stateMachineArn=one["machine"])] or None)
    assert set(statuses) == {"RUNNING", "SUCCEEDED"}


def test_children_do_not_see_the_outer_variables(aws):
    # AWS: variables of outer scopes cannot be referenced in a Distributed Map; ItemSelector stands outside.
    definition = machine({"StartAt": "P", "States": {"P": {
        "Type": "Pass", "Output": {"selected": "{% $states.input.x %}", "seen": "{% $exists($x) %}"}, "End": True}}},
        ItemSelector={"x": "{% $x %}"})
    definition["States"]["V"] = {"Type": "Pass", "Assign": {"x": 1}, "Next": "M"}
    execution = aws.run(definition | {"StartAt": "V"}, {"items": [0]})
    assert execution["output"] == [{"selected": 1, "seen": False}]


def test_concurrency_is_limited_and_used(aws):
    function = aws.function()
    invoke = {"StartAt": "T", "States": {"T": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
        "Arguments": {"FunctionName": function, "Payload": {"do": "sleep", "seconds": 0.3}}}}}
    aws.run(machine(invoke, MaxConcurrency="{% $states.input.n %}"), {"items": list(range(6)), "n": 3})
    assert len([p for p in aws.control.get("/processes") if p["name"] == function]) == 3


class TestItems:
    """Items from an object in S3."""

    def reading(self, bucket: str, key: str) -> dict:
        definition = machine(ECHO, ItemReader={
            "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
            "Arguments": {"Bucket": bucket, "Key": key}},
            ItemSelector={"item": "{% $states.context.Map.Item.Value %}", "n": "{% $states.context.Map.Item.Index %}"},
            Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}])
        del definition["States"]["M"]["Items"]
        definition["States"]["Caught"] = {"Type": "Succeed"}
        return definition

    def test_are_a_top_level_array(self, aws):
        bucket = aws.bucket()
        aws.client("s3").put_object(Bucket=bucket, Key="items.json", Body=json.dumps([{"a": 1}, {"a": 2}]))
        execution = aws.run(self.reading(bucket, "items.json"))
        assert execution["output"] == [{"item": {"a": 1}, "n": 0}, {"item": {"a": 2}, "n": 1}]

    @pytest.mark.repair("state-errors")
    @pytest.mark.parametrize("body", [None, b"{", b'{"a": 1}'])
    def test_that_cannot_be_read_fail_the_map(self, aws, body):
        bucket = aws.bucket()
        if body is not None:
            aws.client("s3").put_object(Bucket=bucket, Key="items.json", Body=body)
        execution = aws.run(self.reading(bucket, "items.json"))
        assert execution["output"]["Error"] == "States.ItemReaderFailed"


def test_a_map_that_fails_stops_its_children_and_their_jobs(aws, queue, definition):
    name = f"sibling-{uuid.uuid4().hex[:6]}"
    # Item 1 fails once item 2's job runs.
    job = {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", "End": True, "Arguments": {
        "JobName": f"{name}", "JobQueue": queue, "JobDefinition": definition, "RetryStrategy": {"Attempts": 1},
        "ContainerOverrides": {"Command": "{% $states.input = 1 ? ['sleep', '1', 'exit', '1'] : ['sleep', '60'] %}"}}}
    execution = aws.run(machine({"StartAt": "T", "States": {"T": job}}), {"items": [1, 2]})
    assert execution["error"] == "States.ExceedToleratedFailureThreshold"
    jobs = aws.client("batch").list_jobs(jobQueue=queue, filters=[{"name": "JOB_NAME", "values": [name]}])
    for job_id in [job["jobId"] for job in jobs["jobSummaryList"]]:
        assert aws.finished(job_id)["status"] == "FAILED"
