"""Every way through the state machine, on the local AWS, with stand-ins for the functions and the job."""

import json
import time
import uuid

import pytest
from deployed import child, deploy
from local_aws_client.server import wait_until

# Errors of ours that no retry can help.
PERMANENT = ("Usage", "BadInput", "NotFound", "Cancelled", "Defect")
CLOSED = ("BadInput", "what the closer made of it")


@pytest.fixture(scope="module")
def cloud():
    """The machine as it is."""
    with deploy() as cloud:
        yield cloud


def run(cloud, plan: dict | None = None, **test) -> dict:
    """Runs an execution to its end."""
    plan = {"job_id": f"j{uuid.uuid4().hex[:8]}", **(plan or {})}
    return cloud.wait(cloud.start({"key": "videos/a.mp4", "test": {"plan": plan, **test}}), 60)


def calls(cloud, execution: dict, step: str) -> int:
    """How often a step was called."""
    return len(cloud.keys(f"tests/{execution['executionArn']}/{step}/"))


def closing(cloud, execution: dict) -> dict:
    """What the closer was told, without the execution, which must be this one."""
    pages = cloud.client("stepfunctions").get_execution_history(executionArn=execution["executionArn"])["events"]
    scheduled = [json.loads(e["taskScheduledEventDetails"]["parameters"]) for e in pages if e["type"] == "TaskScheduled"]
    payload = next(p["Payload"] for p in scheduled if p["FunctionName"].endswith("-closer"))
    assert payload.pop("execution") == execution["executionArn"]
    return payload


def failed_as(execution: dict) -> tuple:
    assert execution["status"] == "FAILED"
    return execution["error"], execution["cause"]


class TestSuccess:
    """Executions that have nothing to complain about."""

    @pytest.mark.parametrize("compute", ["gpu", "cpu"])
    def test_all_shards_succeed(self, cloud, compute):
        job_id = f"all{compute}"
        execution = run(cloud, {"job_id": job_id, "shards": 3, "answer": {"compute": compute}})
        # The output is a pointer, whatever else the reducer says.
        assert execution["output"] == {
            "job_id": job_id, "results_key": f"jobs/{job_id}/final_results.json",
            "report_key": f"jobs/{job_id}/report.html", "frames_processed": 42}
        jobs = cloud.batch_jobs(job_id)
        assert sorted(job["jobName"] for job in jobs) == [f"framefan-{job_id}-{n}" for n in range(3)]
        assert {job["jobQueue"] for job in jobs} == {cloud.outputs[f"{compute.capitalize()}JobQueueArn"]}
        one = next(job for job in jobs if job["jobName"].endswith("-1"))
        assert one["container"]["command"] == [
            "--job-id", job_id, "--shard", "1", "--first-chunk", "2", "--end-chunk", "4"]
        assert one["timeout"] == {"attemptDurationSeconds": 7200}

    def test_a_job_that_is_done_is_pointed_to(self, cloud):
        execution = run(cloud, {"job_id": "done1", "answer": {"status": "done", "results_key": "jobs/done1/r.json"}})
        assert execution["output"] == {"job_id": "done1", "status": "done", "results_key": "jobs/done1/r.json"}

    def test_a_job_of_another_execution_is_pointed_to(self, cloud):
        execution = run(cloud, {"job_id": "owned1", "answer": {"status": "owned", "owner": "arn:other"}})
        assert execution["output"] == {"job_id": "owned1", "status": "owned", "owner": "arn:other"}

    def test_a_job_whose_chunks_are_all_there_is_only_merged(self, cloud):
        execution = run(cloud, {"job_id": "reduce1", "answer": {"status": "reduce"}})
        assert execution["output"]["frames_processed"] == 42 and cloud.batch_jobs("reduce1") == []

    def test_an_upload_starts_an_execution(self, cloud, tmp_path):
        (tmp_path / "v").write_bytes(b"video")
        known = cloud.executions()
        cloud.upload(tmp_path / "v", "elsewhere/up0.mp4")
        cloud.upload(tmp_path / "v", "uploads/pose/up1.mp4")
        execution = cloud.wait(cloud.wait_for_start(known))
        assert execution["output"]["job_id"] == "up1"
        assert len(cloud.executions()) == len(known) + 1


class TestFunctions:
    """What happens when a function fails."""

    @pytest.mark.parametrize("kind", PERMANENT)
    def test_a_planners_error_is_recorded_and_not_retried(self, cloud, kind):
        execution = run(cloud, planner=[{"type": kind, "message": "why"}])
        assert failed_as(execution) == CLOSED
        assert calls(cloud, execution, "planner") == 1
        told = closing(cloud, execution)
        assert set(told) == {"error"} and told["error"]["Error"] == kind
        assert json.loads(told["error"]["Cause"]) == {"errorType": kind, "errorMessage": "why"}

    def test_a_planners_error_that_may_pass_is_retried(self, cloud):
        assert run(cloud, planner=[{"type": "Retryable"}] * 2)["status"] == "SUCCEEDED"
        execution = run(cloud, planner=[{"type": "Retryable"}] * 9)
        assert failed_as(execution) == CLOSED and calls(cloud, execution, "planner") == 5
        assert closing(cloud, execution)["error"]["Error"] == "Retryable"

    def test_a_planner_that_crashes_or_hangs_is_retried(self, cloud):
        execution = run(cloud, planner=["crash", "hang"])
        assert execution["status"] == "SUCCEEDED" and calls(cloud, execution, "planner") == 3

    def test_lambda_may_throttle_every_step(self, cloud):
        cloud.plan_fault("lambda", "Invoke", "throttle", 2)
        cloud.plan_fault("lambda", "Invoke", "error", 2)
        assert run(cloud)["status"] == "SUCCEEDED"

    def test_an_answer_that_the_machine_does_not_know_is_a_defect(self, cloud):
        execution = run(cloud, {"job_id": "odd1", "answer": {"status": "odd"}})
        assert failed_as(execution) == CLOSED
        assert closing(cloud, execution) == {"job_id": "odd1", "error": {
            "Error": "Defect", "Cause": "the planner answered with the status odd"}}

    def test_a_reducers_error_is_recorded(self, cloud):
        execution = run(cloud, {"job_id": "red1"}, reducer=[{"type": "Defect"}])
        assert failed_as(execution) == CLOSED
        told = closing(cloud, execution)
        assert (told["job_id"], told["error"]["Error"]) == ("red1", "Defect")

    def test_a_reducer_that_crashes_is_retried(self, cloud):
        execution = run(cloud, reducer=["crash", {"type": "Retryable"}])
        assert execution["status"] == "SUCCEEDED" and calls(cloud, execution, "reducer") == 3

    def test_a_closer_that_fails_for_a_while_is_retried(self, cloud):
        execution = run(cloud, planner=[{"type": "BadInput"}], closer=["crash", {"type": "Retryable"}])
        assert failed_as(execution) == CLOSED and calls(cloud, execution, "closer") == 3

    def test_when_the_closer_fails_the_first_error_stands(self, cloud):
        execution = run(cloud, planner=[{"type": "NotFound", "message": "no video"}], closer=[{"type": "Defect"}])
        error, cause = failed_as(execution)
        assert error == "NotFound" and json.loads(cause)["errorMessage"] == "no video"
        # And the closer hears of the execution's end, as of any that failed.
        wait_until(lambda: cloud.keys(f"tests/{execution['executionArn']}/ended"))


class TestShards:
    """What happens when shards fail."""

    def test_siblings_of_a_failed_shard_finish(self, cloud):
        execution = run(cloud, {"job_id": "part-1x4-3x70", "shards": 5})
        assert failed_as(execution) == CLOSED
        why = "Essential container in task exited"
        assert closing(cloud, execution) == {"job_id": "part-1x4-3x70", "failed_shards": [
            {"shard": 1, "exit_code": 4, "reason": why}, {"shard": 3, "exit_code": 70, "reason": why}]}
        jobs = cloud.batch_jobs("part-1x4-3x70")
        assert sorted(job["status"] for job in jobs) == ["FAILED"] * 2 + ["SUCCEEDED"] * 3
        # Permanent errors are tried once.
        assert {len(job["attempts"]) for job in jobs} == {1}
        assert calls(cloud, execution, "reducer") == 0

    @pytest.mark.parametrize(("code", "attempts"), [(2, 1), (3, 1), (5, 3), (101, 1), (130, 1), (137, 3), (143, 3)])
    def test_batch_tries_again_what_may_pass(self, cloud, code, attempts):
        execution = run(cloud, {"job_id": f"code-0x{code}"})
        [job] = cloud.batch_jobs(f"code-0x{code}")
        assert [a["container"]["exitCode"] for a in job["attempts"]] == [code] * attempts
        assert closing(cloud, execution)["failed_shards"][0]["exit_code"] == code

    def test_a_machine_that_goes_away_is_tried_again_and_leaves_no_code(self, cloud):
        arn = cloud.start({"test": {"plan": {"job_id": "host-0w"}}})
        for attempt in (1, 2, 3):
            process = wait_until(lambda n=attempt: next(
                (p for p in cloud.processes("job") if p["name"] == "framefan-host-0w-0" and p["attempt"] == n), None))
            cloud.reclaim(process["job_id"])
        execution = cloud.wait(arn)
        [failed] = closing(cloud, execution)["failed_shards"]
        assert failed["exit_code"] is None and failed["reason"].startswith("Host EC2 (instance i-")

    def test_an_image_that_cannot_be_pulled_is_tried_again(self, cloud):
        reason = "CannotPullContainerError: no such manifest"
        cloud.control.post("/start-failure", image="framefan/gpu-job:gpu", reason=reason, times=3)
        execution = run(cloud)
        assert closing(cloud, execution)["failed_shards"] == [
            {"shard": 0, "exit_code": None, "reason": f"Task failed to start: {reason}"}]

    @pytest.mark.parametrize("kind", ["throttle", "error"])
    def test_batch_may_throttle(self, cloud, kind):
        cloud.plan_fault("batch", "SubmitJob", kind, 6)
        execution = run(cloud, {"job_id": f"thr{kind}", "shards": 4})
        assert execution["status"] == "SUCCEEDED" and len(cloud.batch_jobs(f"thr{kind}")) == 4

    def test_batch_that_never_takes_a_job_fails_the_shard(self, cloud):
        cloud.plan_fault("batch", "SubmitJob", "throttle", 9)
        execution = run(cloud)
        [failed] = closing(cloud, execution)["failed_shards"]
        assert failed["exit_code"] is None
        assert failed["reason"].startswith("Batch.AWSBatchException: Too Many Requests (Service: AWSBatch")
        assert len(failed["reason"]) <= 200

    def test_shards_that_cannot_be_read_are_recorded(self, cloud):
        execution = run(cloud, {"job_id": "nofile", "no_file": True})
        assert failed_as(execution) == CLOSED
        told = closing(cloud, execution)
        assert (told["job_id"], told["error"]["Error"]) == ("nofile", "States.ItemReaderFailed")

    def test_when_the_closer_fails_the_shards_error_stands(self, cloud):
        execution = run(cloud, {"job_id": "both-0x3", "shards": 2}, closer=[{"type": "Defect"}])
        assert failed_as(execution) == (
            "ShardsFailed", "1 shards failed, shard 0 with: Essential container in task exited")


class TestEnds:
    """Executions that are ended from outside: no Catch runs, so the closer hears of it from the bus."""

    def ended(self, cloud, arn: str) -> dict:
        wait_until(lambda: cloud.keys(f"tests/{arn}/ended"), what="the closer hears of the end")
        return json.loads(cloud.read(f"tests/{arn}/ended"))["detail"]

    def test_stopping_ends_the_jobs_and_tells_the_closer(self, cloud):
        arn = cloud.start({"test": {"plan": {"job_id": "stop-0w-1w", "shards": 2}}})
        wait_until(lambda: len([p for p in cloud.processes("job") if "stop-0w-1w" in p["name"]]) == 2)
        cloud.stop_execution(arn, error="Told", cause="by a test")
        assert cloud.execution(arn)["status"] == "ABORTED"
        assert self.ended(cloud, arn)["status"] == "ABORTED"
        wait_until(lambda: {job["status"] for job in cloud.batch_jobs("stop-0w-1w")} == {"FAILED"})
        assert calls(cloud, {"executionArn": arn}, "closer") == 0

    def test_the_closer_hears_only_of_the_machines_own_executions(self, cloud):
        # Children end on the same bus, under the machine's ARN with a label.
        run(cloud, {"job_id": "child-0x4"})
        time.sleep(0.5)
        heard = [key for key in cloud.keys("tests/") if key.endswith("/ended")]
        assert heard and not [key for key in heard if "/Shards:" in key]


class TestChanged:
    """The machine with one thing changed, for what would take hours or cannot happen by itself."""

    def test_a_shard_that_takes_too_long_is_a_line(self):
        with deploy(child({"TimeoutSeconds": 2})) as cloud:
            execution = run(cloud, {"job_id": "slow-0w", "shards": 2})
            [failed] = closing(cloud, execution)["failed_shards"]
        assert (failed["shard"], failed["exit_code"]) == (0, None) and failed["reason"].startswith("States.Timeout")

    def test_a_child_that_dies_without_a_word_is_counted(self):
        # States.Runtime is not caught by States.ALL: the child fails, and has no output.
        with deploy(child({"Arguments": {"Misspelt": "x"}})) as cloud:
            execution = run(cloud, {"job_id": "dead", "shards": 2})
            assert closing(cloud, execution)["failed_shards"] == [
                {"shard": n, "exit_code": None, "reason": "its execution failed, see the map run"} for n in range(2)]

    def test_an_execution_that_takes_too_long_tells_the_closer(self):
        with deploy({"TimeoutSeconds": 3}) as cloud:
            arn = cloud.start({"test": {"plan": {"job_id": "late-0w"}}})
            assert cloud.wait(arn)["status"] == "TIMED_OUT"
            wait_until(lambda: cloud.keys(f"tests/{arn}/ended"))
            wait_until(lambda: {job["status"] for job in cloud.batch_jobs("late-0w")} == {"FAILED"})


def test_two_hundred_shards(cloud, record_property):
    began = time.monotonic()
    execution = run(cloud, {"job_id": "many-17x3-150x3", "shards": 200, "answer": {"max_concurrency": 40}})
    took = time.monotonic() - began
    record_property("seconds_per_shard", took / 200)
    print(f"200 shards in {took:.1f} s, {1000 * took / 200:.0f} ms each")
    assert [shard["shard"] for shard in closing(cloud, execution)["failed_shards"]] == [17, 150]
    assert len(cloud.batch_jobs("many-17x3-150x3")) == 200
