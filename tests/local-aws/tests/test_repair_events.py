"""Rules deliver to functions and state machines; unrepaired moto raises NotImplementedError for such targets."""

import json
import uuid

import pytest

from local_aws_client.server import wait_until

PASS = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}


def rule(aws, pattern: dict, **target) -> str:
    name = f"rule-{uuid.uuid4().hex[:8]}"
    aws.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    aws.client("events").put_targets(Rule=name, Targets=[{"Id": "1", **target}])
    return name


def put(aws, source: str, detail: dict, **more) -> dict:
    return aws.client("events").put_events(Entries=[
        {"Source": source, "DetailType": "Told", "Detail": json.dumps(detail), **more}])


def inputs(aws, machine: str, count: int = 1) -> list[dict]:
    """The inputs of the machine's executions, when there are as many."""
    states = aws.client("stepfunctions")

    def found():
        executions = states.list_executions(stateMachineArn=machine)["executions"]
        return executions if len(executions) >= count else None
    return [json.loads(states.describe_execution(executionArn=e["executionArn"])["input"]) for e in wait_until(found)]


@pytest.mark.repair("events")
def test_an_event_starts_an_execution(aws):
    machine, source = aws.machine(PASS), f"s-{uuid.uuid4()}"
    rule(aws, {"source": [source], "detail": {"n": [1]}}, Arn=machine, RoleArn=aws.role)
    assert put(aws, source, {"n": 2})["FailedEntryCount"] == 0
    answer = put(aws, source, {"n": 1})
    [event] = inputs(aws, machine)
    assert event["id"] == answer["Entries"][0]["EventId"]
    assert (event["source"], event["detail-type"], event["detail"]) == (source, "Told", {"n": 1})
    # AWS: ISO 8601 without fractions.
    assert event["time"].endswith("Z") and len(event["time"]) == 20


@pytest.mark.repair("events")
def test_an_event_invokes_a_function(aws):
    function, source = aws.function(), f"s-{uuid.uuid4()}"
    arn = aws.client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    rule(aws, {"source": [source]}, Arn=arn, InputTransformer={
        "InputPathsMap": {"what": "$.detail.what"}, "InputTemplate": '{"do": "print", "text": <what>}'})
    put(aws, source, {"what": "from the bus"})
    wait_until(lambda: "from the bus" in aws.log_lines(f"/aws/lambda/{function}"))
    [call] = aws.control.get("/calls", operation="Invoke", kind="rule", name="rule-")[-1:]
    assert call["status"] == 202


@pytest.mark.repair("events")
def test_a_queue_and_a_target_without_program_do_not_disturb_each_other(aws):
    source = f"s-{uuid.uuid4()}"
    queue = aws.client("sqs").create_queue(QueueName=source[:20])["QueueUrl"]
    arn = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule(aws, {"source": [source]}, Arn=f"arn:aws:lambda:{aws.region}:123456789012:function:nobody")
    rule(aws, {"source": [source]}, Arn=arn)
    put(aws, source, {})
    messages = wait_until(lambda: aws.client("sqs").receive_message(QueueUrl=queue).get("Messages"))
    assert json.loads(messages[0]["Body"])["source"] == source
    assert any("nobody" in failed["target"] for failed in aws.control.get("/events")["failed"])


@pytest.mark.repair("events")
def test_entries_that_aws_refuses_are_refused(aws):
    assert put(aws, "", {})["FailedEntryCount"] == 1
    assert put(aws, "s", {}, EventBusName="nobody")["FailedEntryCount"] == 1


@pytest.fixture(scope="module")
def place(aws):
    """A bucket, and a state machine that its uploads start."""
    bucket, machine = aws.bucket(), aws.machine(PASS)
    aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    aws.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    rule(aws, {"source": ["aws.s3"], "detail-type": ["Object Created"],
               "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": "uploads/"}]}}},
         Arn=machine, RoleArn=aws.role)
    return bucket, machine


@pytest.mark.repair("s3-events")
class TestObjects:
    """An object that appears in a bucket starts an execution."""

    def created(self, aws, bucket: str, key: str) -> list[dict]:
        return [e for e in aws.events(bucket={"name": bucket}) if e["detail"]["object"]["key"] == key]

    def test_a_put_is_an_event_that_starts_an_execution(self, aws, place):
        bucket, machine = place
        # The key is as it is: not URL-encoded, unlike in S3's own notifications.
        key = "uploads/päuse 1+2.mp4"
        version = aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")["VersionId"]
        aws.client("s3").put_object(Bucket=bucket, Key="elsewhere/a.mp4", Body=b"x")
        [event] = inputs(aws, machine)
        assert event["detail"]["bucket"]["name"] == bucket
        assert event["detail"]["object"] | {"sequencer": ""} == {
            "key": key, "size": 1, "etag": "9dd4e461268c8034f5c8564e155c67a6", "version-id": version, "sequencer": ""}
        assert event["detail"]["reason"] == "PutObject"
        # AWS names such executions by the event and a number of their own; the name "None" would work once.
        name = aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"][0]["name"]
        assert name.startswith(event["id"])

    def test_a_multipart_upload_is_one_event(self, aws, place):
        bucket, _ = place
        s3, where = aws.client("s3"), {"Bucket": bucket, "Key": "parts/a"}
        upload = s3.create_multipart_upload(**where)["UploadId"]
        etag = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
        s3.complete_multipart_upload(
            **where, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        [event] = wait_until(lambda: self.created(aws, bucket, "parts/a"))
        assert event["detail"]["reason"] == "CompleteMultipartUpload"

    def test_events_can_be_delivered_twice(self, aws, place):
        # AWS: at least once.
        bucket, machine = place
        before = len(aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"])
        aws.control.post("/settings", duplicate_s3_events=True)
        try:
            aws.client("s3").put_object(Bucket=bucket, Key="uploads/twice", Body=b"x")
            found = inputs(aws, machine, before + 2)
        finally:
            aws.control.post("/settings", duplicate_s3_events=False)
        twice = [event["id"] for event in found if event["detail"]["object"]["key"] == "uploads/twice"]
        assert len(twice) == 2 and len(set(twice)) == 1
