"""The control API, the record of calls, the faults, and the server's own life."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws_client.server import PROGRAM, Server, wait_until
from playground import FUNCTION, TRUST, Aws


def client_of(aws, service: str, endpoint: str):
    return boto3.client(service, endpoint_url=endpoint, region_name=aws.region, aws_access_key_id="test",
                        aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}))


class TestCalls:
    """Every call is recorded with its caller and the IAM actions that it needs."""

    def actions(self, aws, call, **conditions) -> list:
        before = len(aws.control.get("/calls"))
        call()
        return [record["actions"] for record in aws.control.get("/calls", since=before, **conditions)]

    def test_objects(self, aws):
        s3, bucket = aws.client("s3"), aws.bucket()
        arn = f"arn:aws:s3:::{bucket}"
        version = {}

        def calls():
            s3.put_object(Bucket=bucket, Key="a/b c", Body=b"x")
            s3.head_object(Bucket=bucket, Key="a/b c")
            s3.list_objects_v2(Bucket=bucket, Prefix="a/")
            s3.get_object(Bucket=bucket, Key="a/b c", **version)
            upload = s3.create_multipart_upload(Bucket=bucket, Key="p")["UploadId"]
            s3.upload_part(Bucket=bucket, Key="p", UploadId=upload, PartNumber=1, Body=b"x")
            s3.abort_multipart_upload(Bucket=bucket, Key="p", UploadId=upload)
            s3.delete_object(Bucket=bucket, Key="a/b c")
        assert self.actions(aws, calls) == [
            [["s3:PutObject", f"{arn}/a/b c"]], [["s3:GetObject", f"{arn}/a/b c"]], [["s3:ListBucket", arn]],
            [["s3:GetObject", f"{arn}/a/b c"]], [["s3:PutObject", f"{arn}/p"]], [["s3:PutObject", f"{arn}/p"]],
            [["s3:AbortMultipartUpload", f"{arn}/p"]], [["s3:DeleteObject", f"{arn}/a/b c"]]]
        operations = [call["operation"] for call in aws.control.get("/calls")][-8:]
        assert operations == ["PutObject", "HeadObject", "ListObjectsV2", "GetObject", "CreateMultipartUpload",
                              "UploadPart", "AbortMultipartUpload", "DeleteObject"]

    def test_tables_events_and_jobs(self, aws, queue, definition):
        aws.client("dynamodb").create_table(
            TableName="calls", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}])
        item = {"pk": {"S": "a"}}
        where = f"{aws.region}:123456789012"
        table = f"arn:aws:dynamodb:{where}:table/calls"
        assert self.actions(aws, lambda: aws.client("dynamodb").transact_write_items(TransactItems=[
            {"Put": {"TableName": "calls", "Item": item}},
            {"ConditionCheck": {"TableName": "calls", "Key": {"pk": {"S": "b"}},
                                "ConditionExpression": "attribute_not_exists(pk)"}}])) == [
            [["dynamodb:ConditionCheckItem", table], ["dynamodb:PutItem", table]]]
        assert self.actions(aws, lambda: aws.client("dynamodb").get_item(TableName="calls", Key=item)) == [
            [["dynamodb:GetItem", table]]]
        assert self.actions(aws, lambda: aws.client("events").put_events(Entries=[
            {"Source": "a", "DetailType": "b", "Detail": "{}"}])) == [
            [["events:PutEvents", f"arn:aws:events:{where}:event-bus/default"]]]
        job = {}
        submitted = self.actions(aws, lambda: job.update(id=aws.submit(queue, definition, "exit", "0")),
                                 operation="SubmitJob")
        assert submitted == [[["batch:SubmitJob", queue], ["batch:SubmitJob", definition]]]
        assert self.actions(aws, lambda: aws.client("batch").terminate_job(jobId=job["id"], reason="x")) == [
            [["batch:TerminateJob", f"arn:aws:batch:{where}:job/{job['id']}"]]]
        assert self.actions(aws, lambda: aws.client("cloudformation").list_stacks()) == [
            [["cloudformation:ListStacks", "*"]]]

    def test_callers_are_told_apart(self, aws):
        # A process calls with a key of its own; here the AWS SDK is used in it.
        source = ("import boto3; boto3.client('s3').list_buckets(); "
                  "boto3.client('dynamodb').list_tables()")
        queue = aws.queue()
        job_id = aws.submit(queue, aws.definition([sys.executable, "-c", source]), name="caller-1")
        assert aws.finished(job_id)["status"] == "SUCCEEDED"
        calls = aws.control.get("/calls", kind="job", name="caller-1")
        assert [(c["service"], c["operation"]) for c in calls] == [("s3", "ListBuckets"), ("dynamodb", "ListTables")]
        assert calls[0]["caller"] == {"kind": "job", "name": "caller-1", "job_id": job_id, "attempt": 1}

    def test_bytes_are_counted_by_caller_and_key(self, aws):
        s3, bucket = aws.client("s3"), aws.bucket()
        s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 1000)
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-109")["Body"].read()
        s3.get_object(Bucket=bucket, Key="k")["Body"].read()
        [served] = [entry for entry in aws.control.get("/bytes-served") if entry["bucket"] == bucket]
        assert served["bytes"] == 1100 and (served["requests"], served["ranged"]) == (2, 1)


class TestFaults:
    """Calls through the faulty endpoint fail by a seed; planned faults hit whoever calls."""

    @pytest.fixture
    def faulty(self, aws):
        yield lambda service: client_of(aws, service, aws.ready["faulty_endpoint"])
        aws.control.post("/faults", share=0)

    def codes(self, call, times: int) -> list[str | None]:
        found = []
        for _ in range(times):
            try:
                call()
                found.append(None)
            except ClientError as error:
                found.append(error.response["Error"]["Code"])
        return found

    @pytest.mark.parametrize(("service", "operation", "code", "status"), [
        ("s3", "list_buckets", "SlowDown", 503), ("dynamodb", "list_tables", "ThrottlingException", 400),
        ("batch", "describe_job_queues", "TooManyRequestsException", 429),
        ("lambda", "list_functions", "TooManyRequestsException", 429),
        ("stepfunctions", "list_state_machines", "ThrottlingException", 400),
        ("cloudformation", "list_stacks", "Throttling", 400), ("events", "list_rules", "ThrottlingException", 400)])
    def test_throttling_is_each_services_own(self, aws, faulty, service, operation, code, status):
        aws.control.post("/faults", share=1, kinds=["throttle"])
        with pytest.raises(ClientError) as failed:
            getattr(faulty(service), operation)()
        assert failed.value.response["Error"]["Code"] == code
        assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
        getattr(aws.client(service), operation)()

    def test_a_seed_decides_which_calls_fail(self, aws, faulty):
        def run(seed):
            aws.control.post("/faults", share=0.3, seed=seed, kinds=["throttle"])
            return self.codes(faulty("s3").list_buckets, 40)
        one = run(1)
        assert 2 <= len([code for code in one if code]) <= 25
        assert run(1) == one and run(2) != one

    def test_an_ambiguous_error_comes_after_the_write(self, aws, faulty):
        bucket = aws.bucket()
        for kind, written in (("error", False), ("ambiguous", True)):
            aws.control.post("/faults", share=1, kinds=[kind])
            assert self.codes(lambda: faulty("s3").put_object(Bucket=bucket, Key=kind, Body=b"x"), 1) == ["InternalError"]
            assert ("Contents" in aws.client("s3").list_objects_v2(Bucket=bucket, Prefix=kind)) is written

    def test_a_conflict_cancels_a_transaction_with_reasons(self, aws, faulty):
        aws.control.post("/faults", share=1, kinds=["conflict"])
        put = {"Put": {"TableName": "t", "Item": {"pk": {"S": "a"}}}}
        with pytest.raises(ClientError) as failed:
            faulty("dynamodb").transact_write_items(TransactItems=[put, put])
        assert failed.value.response["Error"]["Code"] == "TransactionCanceledException"
        assert [r["Code"] for r in failed.value.response["CancellationReasons"]] == ["TransactionConflict", "None"]
        # Reads do not conflict.
        assert self.codes(faulty("s3").list_buckets, 1) == [None]

    def test_planned_faults_hit_the_next_calls(self, aws):
        aws.control.post("/plan-fault", service="s3", operation="ListBuckets", times=2)
        assert self.codes(aws.client("s3").list_buckets, 3) == ["SlowDown", "SlowDown", None]
        aws.control.post("/plan-fault", service="s3", operation="ListBuckets", caller="somebody-else")
        assert self.codes(aws.client("s3").list_buckets, 1) == [None]
        assert aws.control.get("/calls", operation="ListBuckets")[-4]["fault"] == "throttle"


def test_what_cannot_be_done_is_said(aws):
    for path, body in (("/signal", {"pid": 1, "signal": 9}), ("/reclaim", {"job_id": "nobody"}),
                       ("/plan-fault", {"service": "s3", "operation": "x", "kind": "odd"}), ("/signal", {"who": 1}),
                       ("/nowhere", {})):
        with pytest.raises(RuntimeError, match="error"):
            aws.control.post(path, **body)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class TestLife:
    """The server ends with its parent or when told, and takes its processes along."""

    @pytest.mark.parametrize("how", ["stdin", "term", "kill"])
    def test_processes_end_with_the_server(self, how):
        server = Aws({})
        job_id = server.submit(server.queue(), server.definition(), "ignore-term", "sleep", "60")
        pid, process = server.running(job_id)["pid"], server._process
        if how == "stdin":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM if how == "term" else signal.SIGKILL)
        process.wait(timeout=10)
        wait_until(lambda: not alive(pid), 5)
        if how != "kill":
            assert process.returncode == 0
        server.stop()

    def test_two_reasons_to_end_at_once_are_one(self):
        # What ends the server must not wait for itself: the end of a parent may close the pipe and send a signal.
        for _ in range(5):
            server = Server()
            server._process.stdin.close()
            for _ in range(20):
                server._process.send_signal(signal.SIGTERM)
            assert server._process.wait(timeout=10) == 0
            server.stop()

    def test_the_server_ends_with_its_parent(self):
        parent = subprocess.Popen(
            [sys.executable, "-c", "import subprocess, sys, time\n"
             "server = subprocess.Popen([sys.executable, sys.argv[1]], stdout=subprocess.PIPE)\n"
             "print(server.pid, server.stdout.readline().decode()[:1], flush=True)\n"
             "time.sleep(60)", str(PROGRAM)], stdout=subprocess.PIPE, text=True)
        server = int(parent.stdout.readline().split()[0])
        assert alive(server)
        parent.kill()
        parent.wait()
        parent.stdout.close()
        wait_until(lambda: not alive(server), 5)

    def test_a_wrong_configuration_is_said(self):
        done = subprocess.run([sys.executable, str(PROGRAM), "--without", "nothing"], capture_output=True, text=True)
        assert done.returncode != 0 and "no such repair: nothing (there are lambda, " in done.stderr


def test_the_output_of_processes_can_be_kept(tmp_path):
    with Server({"output_dir": str(tmp_path)}) as server:
        assert json.loads(json.dumps(server.control.get("/processes"))) == []
        role = server.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        name = f"f-{uuid.uuid4().hex[:6]}"
        server.control.post("/programs", functions={name: {"argv": FUNCTION}})
        server.client("lambda").create_function(
            FunctionName=name, Runtime="provided.al2023", Handler="x", Role=role, Code={"ZipFile": b"x"})
        server.client("lambda").invoke(FunctionName=name, Payload=b'{"do": "print", "text": "kept"}')
        wait_until(lambda: [p for p in tmp_path.iterdir() if "kept" in p.read_text()])


def test_it_is_ready_soon():
    began = time.monotonic()
    with Server():
        assert time.monotonic() - began < 20
    assert os.path.exists(PROGRAM)
