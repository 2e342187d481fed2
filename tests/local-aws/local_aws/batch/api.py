"""Repair `batch-api`: Batch's operations refuse and answer what AWS does.

moto drops SubmitJob's retry strategy, takes any evaluateOnExit rules and attempt timeouts, lists all of a queue's jobs
(ListJobs without a status means RUNNING ones, and there are pages), and DescribeJobs without ids is all jobs.
"""

import json

from moto.batch.exceptions import ClientException
from moto.batch.models import BatchBackend
from moto.batch.responses import BatchResponse
from moto.batch.utils import JobStatus

import moto.batch.models
from local_aws.batch import retry_rules

MIN_ATTEMPT_S = 60
PAGE = 100


def apply() -> None:
    BatchResponse.submitjob = _submit_job
    BatchResponse.listjobs = _list_jobs
    BatchResponse.describejobs = _describe_jobs
    BatchBackend.cancel_job = _cancel_job
    global _register
    _register = BatchBackend.register_job_definition
    BatchBackend.register_job_definition = _register_job_definition


def _check(strategy: dict | None, timeout: dict | None) -> None:
    if problem := retry_rules.problem(strategy):
        raise ClientException(f"Error executing request, Exception : {problem}")
    seconds = (timeout or {}).get("attemptDurationSeconds")
    if seconds is not None and seconds < MIN_ATTEMPT_S:
        raise ClientException(f"attemptDurationSeconds must be at least {MIN_ATTEMPT_S}, not {seconds}")


def _register_job_definition(self, *args, **kwargs):
    _check(kwargs.get("retry_strategy"), kwargs.get("timeout"))
    return _register(self, *args, **kwargs)


def _submit_job(self) -> str:
    param = self._get_param
    strategy, timeout = param("retryStrategy"), param("timeout")
    _check(strategy, timeout)
    backend, name = self.batch_backend, param("jobName")
    if not moto.batch.models.JOB_NAME_REGEX.match(name or ""):
        raise ClientException("Job name should match valid pattern")
    definition = backend.get_job_definition(param("jobDefinition"))
    if definition is None or definition.status != "ACTIVE":
        raise ClientException(f"JobDefinition {param('jobDefinition')} does not exist or is not ACTIVE.")
    queue = backend.get_job_queue(param("jobQueue"))
    if queue is None:
        raise ClientException(f"JobQueue {param('jobQueue')} not found.")
    if param("arrayProperties"):
        raise ClientException("local-aws has no array jobs")
    job = moto.batch.models.Job(
        name, definition, queue, backend, log_backend=backend.logs_backend,
        container_overrides=param("containerOverrides"), eks_properties_override=None, depends_on=param("dependsOn"),
        all_jobs=backend._jobs, timeout=timeout, array_properties={}, parameters=param("parameters"),
        tags=param("tags"), retry_strategy=strategy, propagate_tags=param("propagateTags"))
    backend._jobs[job.job_id] = job
    job.start()
    return json.dumps({"jobId": job.job_id, "jobName": name, "jobArn": job.arn})


def _describe_jobs(self) -> str:
    ids = self._get_param("jobs") or []
    if not ids or len(ids) > PAGE:
        raise ClientException(f"jobs must hold between 1 and {PAGE} ids, not {len(ids)}")
    by_id = dict(self.batch_backend._jobs)
    by_arn = {job.arn: job for job in by_id.values()}
    found = [job for job in (by_id.get(i) or by_arn.get(i) for i in ids) if job is not None]
    return json.dumps({"jobs": [job.describe() for job in found]})


def _list_jobs(self) -> str:
    param = self._get_param
    queue = self.batch_backend.get_job_queue(param("jobQueue") or "")
    if queue is None:
        raise ClientException(f"JobQueue {param('jobQueue')} not found.")
    filters = param("filters") or []
    if len(filters) > 1:
        raise ClientException("Only one filter is allowed")
    jobs = list(queue.jobs)
    if filters:
        jobs = [job for job in jobs if _passes(job, filters[0])]
    else:
        # Without a filter the default is jobs that run.
        status = param("jobStatus") or JobStatus.RUNNING.value
        jobs = [job for job in jobs if job.describe()["status"] == status]
    jobs.sort(key=lambda job: job.job_created_at, reverse=True)
    start, size = int(param("nextToken") or 0), min(int(param("maxResults") or PAGE), 1000)
    answer = {"jobSummaryList": [job.describe_short() for job in jobs[start:start + size]]}
    if start + size < len(jobs):
        answer["nextToken"] = str(start + size)
    return json.dumps(answer)


def _passes(job, condition: dict) -> bool:
    """One filter; its values are alternatives. Names are compared without case, and may end with an asterisk."""
    name, values = condition["name"], condition["values"]
    created = int(job.job_created_at.timestamp() * 1000)
    tests = {
        "JOB_NAME": lambda v: retry_rules.matches(v.lower(), job.job_name.lower()),
        "JOB_DEFINITION": lambda v: v in (job.job_definition.arn, job.job_definition.name),
        "BEFORE_CREATED_AT": lambda v: created < int(v),
        "AFTER_CREATED_AT": lambda v: created > int(v),
    }
    if name not in tests:
        raise ClientException(f"Invalid filter name {name}")
    return any(tests[name](value) for value in values)


def _cancel_job(self, job_id: str, reason: str) -> None:
    """Only what has not started is cancelled; no answer tells the difference."""
    job = self.get_job_by_id(job_id)
    if job is not None and job.status in (JobStatus.SUBMITTED, JobStatus.PENDING, JobStatus.RUNNABLE):
        job.cancelled = True
        job.terminate(reason)
