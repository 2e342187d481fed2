"""One attempt of a Batch job: a process with its machine's metadata service, its log stream and its end."""

import signal
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass

from local_aws import children, logs
from local_aws.callers import credentials
from local_aws.metadata import Metadata
from local_aws.settings import ACCOUNT, SETTINGS

ESSENTIAL_EXITED = "Essential container in task exited"
TIMED_OUT = "Job attempt duration exceeded timeout"
POLL_S = 0.02


@dataclass
class End:
    """How an attempt ended. A container that never ran, or whose machine went away, has no exit code."""

    exit_code: int | None
    reason: str | None
    status_reason: str
    timed_out: bool = False


class Attempt:
    """Runs when `run` is called; `stop`, `announce_spot` and `reclaim` come from other threads."""

    def __init__(self, job, number: int) -> None:
        self.number = number
        self.started_at = time.time()
        self.stopped_at: float | None = None
        self.metadata = Metadata(job.region)
        self.task_id = uuid.uuid4().hex
        self.stream = f"{job.job_definition.name}/default/{self.task_id}"
        self._job = job
        self._child: children.Child | None = None
        self._stop_asked = threading.Event()
        self._reclaimed = False

    def run(self, command: list[str], env: dict[str, str], entry: dict, timeout_s: float | None) -> End:
        """Starts the process and waits for its end."""
        job = self._job
        scratch = tempfile.mkdtemp(prefix="job-", dir=SETTINGS.scratch)
        self._child = children.start("job", job.job_name, entry["argv"] + command, {
            **credentials("job", job.job_name, job_id=job.job_id, attempt=self.number),
            "AWS_ENDPOINT_URL": children.endpoint_for(entry),
            "AWS_REGION": job.region,
            "AWS_DEFAULT_REGION": job.region,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata.url,
            "AWS_BATCH_JOB_ID": job.job_id,
            "AWS_BATCH_JOB_ATTEMPT": str(self.number),
            "AWS_BATCH_JQ_NAME": job.job_queue.name,
            "AWS_BATCH_CE_NAME": "local",
            "TMPDIR": scratch,
            **entry.get("env", {}),
            **env,
        }, cwd=scratch, job_id=job.job_id, attempt=self.number)
        pump = logs.Pump(self._child.process.stdout, job.log_group, self.stream, job.region,
                         f"{job.job_name}-{self.number}-{self._child.pid}")
        try:
            end = self._wait(timeout_s)
        finally:
            self._child.kill()
            self.metadata.close()
            self.stopped_at = time.time()
        pump.finish(2)
        return end

    def stop(self) -> None:
        """As `docker stop`: SIGTERM, and SIGKILL when the grace is over."""
        self._stop_asked.set()

    def signal(self, number: int, reason: str | None = None) -> None:
        if self._child:
            self._child.signal(number, reason)

    def announce_spot(self, action: str, in_seconds: float) -> None:
        """The notice of a Spot interruption, which the job may read from its machine's metadata."""
        self.metadata.announce(action, in_seconds)

    def reclaim(self) -> None:
        """The machine goes away now, and the container with it."""
        self._reclaimed = True
        if self._child:
            self._child.kill()

    def _wait(self, timeout_s: float | None) -> End:
        child, killed_at, timed_out = self._child, None, False
        while child.running:
            if timeout_s is not None and not timed_out and time.time() - self.started_at > timeout_s:
                timed_out = True
                self._stop_asked.set()
            if self._stop_asked.is_set() and killed_at is None:
                child.signal(signal.SIGTERM)
                killed_at = time.time() + SETTINGS.waits.stop_grace_s
            if killed_at is not None and time.time() > killed_at:
                child.kill()
            time.sleep(POLL_S)
        status = child.process.wait()
        if self._reclaimed:
            return End(None, None, f"Host EC2 (instance {self.metadata.instance_id}) terminated.")
        # A container ended by a signal has 128 and the signal's number as its exit code.
        exit_code = status if status >= 0 else 128 - status
        return End(exit_code, child.end_reason, TIMED_OUT if timed_out else ESSENTIAL_EXITED, timed_out)

    def describe(self, end: End | None) -> dict:
        """As DescribeJobs lists attempts."""
        container = {
            "containerInstanceArn": f"arn:aws:ecs:{self._job.region}:{ACCOUNT}:container-instance/"
                                    f"local/{self.metadata.instance_id[2:]}",
            "taskArn": f"arn:aws:ecs:{self._job.region}:{ACCOUNT}:task/local/{self.task_id}",
            "logStreamName": self.stream,
            "networkInterfaces": [],
        }
        described = {"container": container, "startedAt": int(self.started_at * 1000)}
        if end is not None:
            if end.exit_code is not None:
                container["exitCode"] = end.exit_code
            if end.reason:
                container["reason"] = end.reason
            described["stoppedAt"] = int((self.stopped_at or time.time()) * 1000)
            described["statusReason"] = end.status_reason
        return described
