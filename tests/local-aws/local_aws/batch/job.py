"""Repair `batch-process`: a Batch job runs as a process, attempt by attempt.

moto runs jobs in Docker, or without Docker lets each succeed at once. It tries a job once whatever its retry strategy,
and DescribeJobs lacks most of what AWS says of a finished job.
"""

import threading
import time
from collections import defaultdict

import moto.batch.models
from moto.batch.models import Job
from moto.batch.utils import JobStatus

from local_aws import children
from local_aws.batch import retry_rules
from local_aws.batch.attempt import Attempt, End
from local_aws.settings import SETTINGS

_slots: dict[str, threading.Semaphore] = {}
_slots_lock = threading.Lock()
# Image → reasons why its next attempts do not start, e.g. "CannotPullContainerError: ...": ordered by tests.
start_failures: dict[str, list[str]] = defaultdict(list)


def apply() -> None:
    moto.batch.models.Job = ProcessJob


class ProcessJob(Job):
    """A job whose container is a process. Its thread is `run`; `finished` is set when its status is final."""

    def __init__(self, *args, retry_strategy: dict | None = None, propagate_tags: bool | None = None, **kwargs) -> None:
        self._state = JobStatus.SUBMITTED
        super().__init__(*args, **kwargs)
        self.finished = threading.Event()
        self.retry_strategy = retry_strategy or self.job_definition.retry_strategy
        self.propagate_tags = propagate_tags
        self.region = self.job_definition._region
        self.cancelled = False
        self._ended: list[tuple[Attempt, End | None]] = []
        self._latest: Attempt | None = None
        self._submitted_environment = {e["name"]: e["value"] for e in self.container_overrides.get("environment", [])}

    # moto's status moves on by itself when it is read; a process does not.
    @property
    def status(self) -> str:
        return self._state

    @status.setter
    def status(self, value: str) -> None:
        self._state = value

    @property
    def log_group(self) -> str:
        options = self._properties.get("logConfiguration", {}).get("options", {})
        return options.get("awslogs-group", "/aws/batch/job")

    @property
    def attempt(self) -> Attempt | None:
        """The attempt that runs now, or the last one."""
        return self._latest

    @property
    def _properties(self) -> dict:
        return self.job_definition.container_properties or {}

    def run(self) -> None:
        """All attempts. Called by the job's thread."""
        try:
            if self.depends_on and not self._wait_for_dependencies():
                return
            self._run_attempts()
        except Exception as error:  # the job must end, whatever went wrong here
            self._finish(False, f"local-aws: {error}")

    def _run_attempts(self) -> None:
        number = 1
        while True:
            self.status = JobStatus.RUNNABLE
            slot = _slots_of(self.job_queue.name)
            while not slot.acquire(timeout=0.05):
                if self.stop:
                    return self._finish(False, self.job_stopped_reason)
            try:
                self.status = JobStatus.STARTING
                time.sleep(SETTINGS.waits.batch_start_s)
                if self.stop:
                    return self._finish(False, self.job_stopped_reason)
                end = self._run_attempt(number)
            finally:
                slot.release()
            if self.stop:
                # Whatever the process made of SIGTERM: a job that was terminated has failed, and is not tried again.
                return self._finish(False, self.job_stopped_reason)
            if end.exit_code == 0:
                return self._finish(True, end.status_reason)
            if end.timed_out or not retry_rules.retries(
                    self.retry_strategy, number, end.exit_code, end.reason, end.status_reason):
                return self._finish(False, end.status_reason)
            number += 1

    def _run_attempt(self, number: int) -> End:
        attempt = self._latest = Attempt(self, number)
        self._ended.append((attempt, None))
        image = self._properties["image"]
        if start_failures[image]:
            attempt.metadata.close()
            end = End(None, start_failures[image].pop(0), "Task failed to start")
        else:
            if number == 1:
                self.job_started_at = moto.batch.models.datetime.now()
            self.status = JobStatus.RUNNING
            if self.stop:
                attempt.stop()
            timeout = self._get_attempt_duration()
            end = attempt.run(
                self._add_parameters_to_command(self._get_container_property("command", [])),
                self.environment(), children.program(SETTINGS.images, image),
                timeout and timeout * SETTINGS.waits.attempt_timeout_scale)
        self._ended[-1] = (attempt, end)
        return end

    def _finish(self, success: bool, status_reason: str | None) -> None:
        self.job_stopped_reason = status_reason
        self.job_stopped, self.job_stopped_at = True, moto.batch.models.datetime.now()
        self.status = JobStatus.SUCCEEDED if success else JobStatus.FAILED
        self.finished.set()

    def _mark_stopped(self, success: bool = True) -> None:
        self._finish(success, self.job_stopped_reason or "Dependent Job failed")

    def terminate(self, reason: str) -> None:
        """TerminateJob: a container that runs gets SIGTERM, one that does not yet never will."""
        if self.stop or self.job_stopped:
            return
        self.job_stopped_reason, self.stop = reason, True
        if self._latest:
            self._latest.stop()

    def environment(self) -> dict[str, str]:
        """The definition's variables with those of the submission over them."""
        defined = {e["name"]: e["value"] for e in self._properties.get("environment", [])}
        return {**defined, **self._submitted_environment}

    def describe_short(self) -> dict:
        """As in ListJobs."""
        return {key: value for key, value in self.describe().items()
                if key in ("jobArn", "jobId", "jobName", "createdAt", "status", "statusReason", "startedAt", "stoppedAt",
                           "jobDefinition")} | {"container": self._short_container()}

    def _short_container(self) -> dict:
        end = self._last_end()
        return {} if end is None else {key: value for key, value in
                                       (("exitCode", end.exit_code), ("reason", end.reason)) if value is not None}

    def _last_end(self) -> End | None:
        return self._ended[-1][1] if self._ended else None

    def describe(self) -> dict:
        """As in DescribeJobs."""
        milliseconds = moto.batch.models.datetime2int_milliseconds
        described = {
            "jobArn": self.arn, "jobName": self.job_name, "jobId": self.job_id, "jobQueue": self.job_queue.arn,
            "status": str(self.status.value if isinstance(self.status, JobStatus) else self.status),
            "attempts": [attempt.describe(end) for attempt, end in self._ended if end is not None],
            "createdAt": milliseconds(self.job_created_at),
            "retryStrategy": {"attempts": 1, "evaluateOnExit": [], **(self.retry_strategy or {})},
            "dependsOn": self.depends_on or [], "jobDefinition": self.job_definition.arn,
            "parameters": self.parameters, "container": self._container(),
            "tags": self.backend.list_tags_for_resource(self.arn),
            "propagateTags": bool(self.propagate_tags), "platformCapabilities": ["EC2"], "eksAttempts": [],
            "isCancelled": self.cancelled, "isTerminated": self.stop and not self.cancelled,
        }
        # Until it is over, the reason given to TerminateJob is not shown.
        if self.job_stopped and self.job_stopped_reason is not None:
            described["statusReason"] = self.job_stopped_reason
        if self.job_started_at.year > 1970:
            described["startedAt"] = milliseconds(self.job_started_at)
        if self.job_stopped:
            described["stoppedAt"] = milliseconds(self.job_stopped_at)
        if timeout := self._get_attempt_duration():
            described["timeout"] = {"attemptDurationSeconds": timeout}
        return described

    def _container(self) -> dict:
        properties = self._properties
        container = {
            "image": properties.get("image"), "command": self._get_container_property("command", []),
            "volumes": properties.get("volumes", []), "mountPoints": properties.get("mountPoints", []),
            "ulimits": properties.get("ulimits", []), "secrets": properties.get("secrets", []),
            "environment": [{"name": name, "value": value} for name, value in self.environment().items()],
            "resourceRequirements": self.container_overrides.get(
                "resourceRequirements", properties.get("resourceRequirements", [])),
            "networkInterfaces": [],
        }
        for name in ("vcpus", "memory", "jobRoleArn", "executionRoleArn", "logConfiguration", "instanceType"):
            if name in properties:
                container[name] = properties[name]
        if self._latest:
            container.update(self._latest.describe(self._last_end())["container"])
        return container


def _slots_of(queue: str) -> threading.Semaphore:
    """The queue's machines; a queue that nobody limited has as many as are asked for."""
    limit = SETTINGS.queue_slots.get(queue)
    with _slots_lock:
        if queue not in _slots:
            _slots[queue] = threading.Semaphore(limit or 1_000_000)
        return _slots[queue]
