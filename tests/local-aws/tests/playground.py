"""A server with short ways to make what the tests need, and stand-ins for functions and jobs."""

import json
import sys
import uuid
from pathlib import Path

from local_aws_client.server import Server, wait_until

PROGRAMS = Path(__file__).parent / "programs"
FUNCTION = [sys.executable, str(PROGRAMS / "function.py")]
JOB = [sys.executable, str(PROGRAMS / "job.py")]
# Short, so that what AWS waits for minutes passes in a test: 60 s of an attempt are 1.2 s here.
WAITS = {"retry_scale": 0.02, "attempt_timeout_scale": 0.02, "stop_grace_s": 1.0}
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}


class Aws(Server):
    """A server with short ways to make what most tests need."""

    def __init__(self, config: dict) -> None:
        super().__init__(config)
        self.role = self.client("iam").create_role(
            RoleName="tests", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]

    def function(self, argv: list[str] = FUNCTION, timeout: int = 10, **options) -> str:
        """Makes a function and returns its name."""
        name = f"function-{uuid.uuid4().hex[:8]}"
        self.control.post("/programs", functions={name: {"argv": argv, **options}})
        self.client("lambda").create_function(
            FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=self.role, Timeout=timeout,
            Code={"ZipFile": b"x"})
        return name

    def invoke(self, function: str, payload: dict, **options) -> dict:
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload), **options)
        return {"error": answer.get("FunctionError"), "status": answer["StatusCode"],
                "payload": json.loads(answer["Payload"].read() or b"null")}

    def queue(self, name: str | None = None) -> str:
        batch, name = self.client("batch"), name or f"queue-{uuid.uuid4().hex[:8]}"
        environment = batch.create_compute_environment(
            computeEnvironmentName=name, type="UNMANAGED", state="ENABLED", serviceRole=self.role)
        return batch.create_job_queue(jobQueueName=name, state="ENABLED", priority=1, computeEnvironmentOrder=[
            {"order": 1, "computeEnvironment": environment["computeEnvironmentArn"]}])["jobQueueArn"]

    def definition(self, argv: list[str] = JOB, properties: dict | None = None, entry: dict | None = None,
                   **options) -> str:
        """Registers a job definition and returns its ARN."""
        image = f"image-{uuid.uuid4().hex[:8]}"
        self.control.post("/programs", images={image: {"argv": argv, **(entry or {})}})
        return self.client("batch").register_job_definition(
            jobDefinitionName=image, type="container",
            containerProperties={"image": image, "vcpus": 1, "memory": 100, "command": [], **(properties or {})},
            **options)["jobDefinitionArn"]

    def submit(self, queue: str, definition: str, *command: str, name: str = "job", **options) -> str:
        return self.client("batch").submit_job(
            jobName=name, jobQueue=queue, jobDefinition=definition,
            containerOverrides={"command": list(command), **options.pop("overrides", {})}, **options)["jobId"]

    def described(self, job_id: str) -> dict:
        return self.client("batch").describe_jobs(jobs=[job_id])["jobs"][0]

    def finished(self, job_id: str, timeout_s: float = 20) -> dict:
        def over():
            job = self.described(job_id)
            return job if job["status"] in ("SUCCEEDED", "FAILED") else None
        return wait_until(over, timeout_s, f"the end of job {job_id}")

    def running(self, job_id: str) -> dict:
        """The process of the job, once it runs."""
        return wait_until(lambda: next((p for p in self.control.get("/processes", running="1")
                                        if p.get("job_id") == job_id), None), what=f"job {job_id} runs")

    def machine(self, definition: dict) -> str:
        return self.client("stepfunctions").create_state_machine(
            name=f"machine-{uuid.uuid4().hex[:8]}", definition=json.dumps({"QueryLanguage": "JSONata", **definition}),
            roleArn=self.role)["stateMachineArn"]

    def start(self, machine: str, value: dict | None = None, **options) -> str:
        return self.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(value or {}), **options)["executionArn"]

    def ended(self, arn: str, timeout_s: float = 20) -> dict:
        def over():
            execution = self.client("stepfunctions").describe_execution(executionArn=arn)
            return execution if execution["status"] != "RUNNING" else None
        execution = wait_until(over, timeout_s, f"the end of {arn}")
        if "output" in execution:
            execution["output"] = json.loads(execution["output"])
        return execution

    def run(self, definition: dict, value: dict | None = None, timeout_s: float = 20) -> dict:
        """Makes a state machine, runs it once, and returns how it ended."""
        return self.ended(self.start(self.machine(definition), value), timeout_s)

    def evaluate(self, expression: str, value: dict | None = None) -> dict:
        """Runs one JSONata expression in a state machine."""
        return self.run({"StartAt": "Only", "States": {
            "Only": {"Type": "Pass", "Output": f"{{% {expression} %}}", "End": True}}}, value)

    def bucket(self, **options) -> str:
        name = f"bucket-{uuid.uuid4().hex[:8]}"
        self.client("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": self.region}, **options)
        return name

    def log_lines(self, group: str, *streams: str) -> list[str]:
        """The messages of a log group or of streams of it, which may not be there yet."""
        logs, which = self.client("logs"), {"logStreamNames": list(streams)} if streams else {}
        try:
            return [event["message"] for event in logs.filter_log_events(logGroupName=group, **which)["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []

    def events(self, **wanted) -> list[dict]:
        return [event for event in self.control.get("/events")["published"]
                if all(event["detail"].get(name) == value for name, value in wanted.items())]
