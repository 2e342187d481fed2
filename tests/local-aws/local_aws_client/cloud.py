"""framefan deployed on a server: the bucket, table, functions, queues and state machine, and what tests do with them."""

import json
import uuid
from pathlib import Path

from local_aws_client.server import Server, wait_until

OVER = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class Cloud:
    """A deployment. `config` is that of README.md, with at least `functions` and `job`."""

    def __init__(self, config: dict, without: tuple[str, ...] = ()) -> None:
        self.server = Server(config, without)
        self.control, self.client = self.server.control, self.server.client
        self.deployment = self.server.ready["deployment"]
        outputs = self.deployment["outputs"]
        self.bucket, self.table, self.machine = outputs["BucketName"], outputs["TableName"], outputs["StateMachineArn"]
        self.outputs = outputs

    def __enter__(self) -> "Cloud":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        self.server.stop()

    def env(self) -> dict[str, str]:
        """For the command line: the server, and the stack's name."""
        return {**self.server.env(), "FRAMEFAN_STACK": self.deployment["stack"]}

    # Objects.

    def upload(self, path: Path | str, key: str) -> str:
        """Puts a file into the bucket; under `uploads/` that starts an execution. Returns the version id."""
        with open(path, "rb") as file:
            return self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=file).get("VersionId", "null")

    def upload_in_parts(self, path: Path | str, key: str, part_bytes: int = 5 << 20) -> None:
        """The same as a multipart upload, as large files come."""
        s3, where = self.client("s3"), {"Bucket": self.bucket, "Key": key}
        upload_id, parts = s3.create_multipart_upload(**where)["UploadId"], []
        with open(path, "rb") as file:
            while chunk := file.read(part_bytes):
                number = len(parts) + 1
                etag = s3.upload_part(**where, UploadId=upload_id, PartNumber=number, Body=chunk)["ETag"]
                parts.append({"PartNumber": number, "ETag": etag})
        s3.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})

    def read(self, key: str) -> bytes:
        return self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))

    # Executions.

    def start(self, request: dict, name: str | None = None) -> str:
        """Starts an execution by hand; the bucket is filled in. Returns its ARN."""
        return self.client("stepfunctions").start_execution(
            stateMachineArn=self.machine, name=name or str(uuid.uuid4()),
            input=json.dumps({"bucket": self.bucket, **request}))["executionArn"]

    def execution(self, arn: str) -> dict:
        """DescribeExecution, with the output parsed."""
        described = self.client("stepfunctions").describe_execution(executionArn=arn)
        if "output" in described:
            described["output"] = json.loads(described["output"])
        return described

    def executions(self) -> list[str]:
        """All ARNs, the latest first."""
        pages = self.client("stepfunctions").get_paginator("list_executions").paginate(stateMachineArn=self.machine)
        return [item["executionArn"] for page in pages for item in page["executions"]]

    def wait(self, arn: str, timeout_s: float = 120) -> dict:
        """The execution when it is over."""
        def ended():
            described = self.execution(arn)
            return described if described["status"] in OVER else None
        return wait_until(ended, timeout_s, f"the end of {arn}")

    def wait_for_start(self, known: list[str] | tuple = (), timeout_s: float = 30) -> str:
        """An execution that is not among `known`: one that an upload started."""
        return wait_until(lambda: next((arn for arn in self.executions() if arn not in known), None), timeout_s,
                          "the start of an execution")

    def history(self, arn: str) -> list[dict]:
        """What the execution did, event by event."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]

    def invoke(self, function: str, payload: dict) -> dict:
        """The answer of a function that is called by hand."""
        answer = self.client("lambda").invoke(
            FunctionName=self.deployment["functions"][function], Payload=json.dumps(payload))
        body = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise RuntimeError(f"{function}: {body}")
        return body

    def stop_execution(self, arn: str, **why) -> None:
        self.client("stepfunctions").stop_execution(executionArn=arn, **why)

    # Jobs.

    def job(self, job_id: str) -> dict | None:
        """The job's item, as plain values."""
        item = self.client("dynamodb").get_item(
            TableName=self.table, Key={"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "META"}}, ConsistentRead=True).get("Item")
        return item and {name: plain(value) for name, value in item.items()}

    def jobs_of(self, execution: str) -> list[dict]:
        """The items of the jobs that an execution owns, as plain values."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(
            TableName=self.table, ConsistentRead=True, FilterExpression="sk = :meta AND #owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":meta": {"S": "META"}, ":owner": {"S": execution}})
        return [{name: plain(value) for name, value in item.items()} for page in pages for item in page["Items"]]

    def chunks(self, job_id: str) -> list[dict]:
        """The items of the job's chunks, in order."""
        pages = self.client("dynamodb").get_paginator("query").paginate(
            TableName=self.table, KeyConditionExpression="pk = :job AND begins_with(sk, :chunk)", ConsistentRead=True,
            ExpressionAttributeValues={":job": {"S": f"JOB#{job_id}"}, ":chunk": {"S": "CHUNK#"}})
        return [{name: plain(value) for name, value in item.items()} for page in pages for item in page["Items"]]

    def results(self, job_id: str) -> str:
        return self.read(f"jobs/{job_id}/final_results.json").decode()

    def section(self, job_id: str, analyzer: str) -> bytes:
        """The bytes of an analyzer's section as they stand in final_results.json."""
        return top_level(self.results(job_id), analyzer).encode()

    def submit(self, name: str, command: list[str]) -> str:
        """A Batch job by hand on the processor's queue; its id."""
        return self.client("batch").submit_job(
            jobName=name, jobQueue=self.outputs["CpuJobQueueArn"], jobDefinition=self.deployment["job_definitions"]["cpu"],
            containerOverrides={"command": command})["jobId"]

    def wait_for_batch(self, ids: list[str], timeout_s: float = 60) -> list[str]:
        """How these Batch jobs ended: SUCCEEDED or FAILED."""
        def ended():
            found = [job["status"] for job in self.client("batch").describe_jobs(jobs=ids)["jobs"]]
            return found if set(found) <= {"SUCCEEDED", "FAILED"} else None
        return wait_until(ended, timeout_s, "the end of Batch jobs")

    def batch_jobs(self, job_id: str) -> list[dict]:
        """DescribeJobs of the job's Batch jobs on both queues, in order of creation."""
        batch, ids = self.client("batch"), []
        for queue in (self.outputs["GpuJobQueueArn"], self.outputs["CpuJobQueueArn"]):
            pages = batch.get_paginator("list_jobs").paginate(
                jobQueue=queue, filters=[{"name": "JOB_NAME", "values": [f"framefan-{job_id}-*"]}])
            ids += [job["jobId"] for page in pages for job in page["jobSummaryList"]]
        found = [job for start in range(0, len(ids), 100)
                 for job in batch.describe_jobs(jobs=ids[start:start + 100])["jobs"]]
        return sorted(found, key=lambda job: job["createdAt"])

    def logs(self, group: str) -> list[str]:
        """All lines of a log group, in order."""
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        events = [event for page in pages for event in page["events"]]
        return [event["message"] for event in sorted(events, key=lambda event: event["timestamp"])]

    # The world behind it.

    def processes(self, kind: str | None = None, running: bool = True) -> list[dict]:
        """Processes of functions (kind `function`) and Batch jobs (`job`)."""
        found = self.control.get("/processes", running="1" if running else None)
        return [process for process in found if kind is None or process["kind"] == kind]

    def kill(self, pid: int, sig: int = 9, reason: str | None = None) -> None:
        """Signals a process; `reason` is what Batch will say of its container, e.g. `OutOfMemoryError: ...`."""
        self.control.post("/signal", pid=pid, signal=int(sig), reason=reason)

    def spot_notice(self, batch_job_id: str, in_seconds: float = 120) -> dict:
        """The job's machine is told that it will be taken away."""
        return self.control.post("/spot-notice", job_id=batch_job_id, in_seconds=in_seconds)

    def reclaim(self, batch_job_id: str) -> dict:
        """The job's machine is taken away, and the container with it: `Host EC2 (instance ...) terminated.`"""
        return self.control.post("/reclaim", job_id=batch_job_id)

    def calls(self, **conditions) -> list[dict]:
        """Recorded calls; conditions: service, operation, kind and name (of the caller), since (number)."""
        return self.control.get("/calls", **conditions)

    def bytes_served(self) -> list[dict]:
        """Bytes that GetObject served, by caller and key."""
        return self.control.get("/bytes-served")

    def faults(self, share: float, seed: int = 0, kinds: list[str] | None = None) -> None:
        """The share of calls that fail for processes configured with `"faults": true`."""
        self.control.post("/faults", share=share, seed=seed, **({"kinds": kinds} if kinds else {}))

    def plan_fault(self, service: str, operation: str, kind: str = "throttle", times: int = 1,
                   caller: str | None = None) -> None:
        """The next calls of an operation fail, whoever makes them. kind: throttle, error, ambiguous, conflict."""
        self.control.post("/plan-fault", service=service, operation=operation, kind=kind, times=times, caller=caller)

    def events(self, source: str | None = None, detail_type: str | None = None) -> list[dict]:
        """What was published on the buses."""
        return [event for event in self.control.get("/events")["published"]
                if source in (None, event["source"]) and detail_type in (None, event["detail-type"])]


def plain(value: dict):
    """A DynamoDB value as a Python value."""
    (kind, content), = value.items()
    match kind:
        case "N":
            number = float(content)
            return int(number) if number.is_integer() else number
        case "M":
            return {name: plain(member) for name, member in content.items()}
        case "L":
            return [plain(member) for member in content]
        case "NULL":
            return None
        case _:
            return content


def top_level(text: str, name: str) -> str:
    """The text of a top-level member of a JSON object, as it was written."""
    decoder, position = json.JSONDecoder(), text.index("{") + 1
    while True:
        while text[position] in " \t\r\n,":
            position += 1
        if text[position] == "}":
            raise KeyError(name)
        key, position = decoder.raw_decode(text, position)
        while text[position] in " \t\r\n:":
            position += 1
        _, end = decoder.raw_decode(text, position)
        if key == name:
            return text[position:end]
        position = end
