"""Whatever dies, and whenever: the result is the same bytes, every chunk is counted once, and nothing stays open."""

import json
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import system
from local_aws_client.server import wait_until
from system import BY_HAND, SMALL, assert_whole, done, local_section

SEEDS = 20
# Slow enough that a process lives for a second or two.
REQUEST = {**SMALL, "chunk_seconds": 2, "shards": 2, "sample_fps": 12, "max_width": 224}
OPTIONS = ("--max-width", "224", "--sample-fps", "12")


@pytest.fixture(scope="module")
def cloud():
    with system.deploy() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def clip():
    return system.video("crash", seconds=16)


@pytest.fixture(scope="module")
def expected(clip):
    return local_section(clip, *OPTIONS)


def new_job(cloud, clip, name: str, **changes) -> tuple[str, dict]:
    """Starts a job that no other test has: its own object is its own source."""
    key = f"videos/{name}.mp4"
    cloud.upload(clip, key)
    request = {"key": key, **REQUEST, **changes}
    return cloud.start(request), request


def arguments(process: dict) -> list[str]:
    """What a worker was started with."""
    return [word for word in process["command"] if not word.endswith("gpu-job")]


def signal_at_random(cloud, arn: str, seed: int, sig: int) -> bool:
    """Sends a signal to one of the execution's jobs at a random moment of its work; false when all had ended by then."""
    dice = random.Random(seed)
    wait_until(lambda: cloud.processes("job") or cloud.execution(arn)["status"] != "RUNNING", 30, "a job")
    time.sleep(dice.uniform(0, 1.2))
    running = sorted(cloud.processes("job"), key=lambda process: process["pid"])
    if not running:
        return False
    cloud.kill(dice.choice(running)["pid"], sig)
    return True


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_workers_that_die_at_random_moments(cloud, clip, expected, sig):
    hits = retried = 0
    for seed in range(SEEDS):
        arn, _ = new_job(cloud, clip, f"{sig.name}-{seed}")
        hits += signal_at_random(cloud, arn, seed, sig)
        job_id = done(cloud, arn)
        assert_whole(cloud, job_id)
        assert cloud.section(job_id, "pose") == expected, seed
        retried += sum(len(job["attempts"]) > 1 for job in cloud.batch_jobs(job_id))
    print(f"{sig.name}: {hits} of {SEEDS} hit a worker, {retried} jobs were tried again")
    assert hits >= SEEDS * 3 // 4, "most signals came too late to test anything"
    assert retried >= hits // 2


def test_a_chunk_in_hand_is_given_back_on_sigterm(cloud, clip, expected):
    arn, _ = new_job(cloud, clip, "given-back", shards=1)
    process = wait_until(lambda: next(iter(cloud.processes("job")), None), 30, "a job")
    time.sleep(0.5)
    cloud.kill(process["pid"], signal.SIGTERM)
    job_id = done(cloud, arn)
    (job,) = cloud.batch_jobs(job_id)
    exits = [attempt["container"].get("exitCode") for attempt in job["attempts"]]
    assert exits == [143, 0]
    # No time was lost waiting for a lease: the chunk was free at once.
    assert all(chunk["attempts"] <= 2 for chunk in cloud.chunks(job_id))
    assert cloud.section(job_id, "pose") == expected


def test_a_machine_that_is_taken_away_gives_notice(cloud, clip):
    # Long enough that the machine is asked again, which happens every five seconds.
    slow = {"sample_fps": 25, "max_width": 640, "shards": 1}
    arn, _ = new_job(cloud, clip, "spot", **slow)
    process = wait_until(lambda: next(iter(cloud.processes("job")), None), 30, "a job")
    cloud.spot_notice(process["job_id"])
    job_id = done(cloud, arn)
    (job,) = cloud.batch_jobs(job_id)
    exits = [attempt["container"].get("exitCode") for attempt in job["attempts"]]
    assert exits[0] == 143 and exits[-1] == 0, exits
    assert_whole(cloud, job_id)
    assert cloud.section(job_id, "pose") == local_section(clip, "--max-width", "640", "--sample-fps", "25")


def test_two_workers_on_one_shard(cloud, clip, expected):
    """The same shard submitted by hand beside the one that the execution runs."""
    arn, _ = new_job(cloud, clip, "twins", shards=1)
    first = wait_until(lambda: next(iter(cloud.processes("job")), None), 30, "a job")
    twin = cloud.submit("twin", arguments(first))
    job_id = done(cloud, arn)
    assert cloud.wait_for_batch([twin]) == ["SUCCEEDED"]
    assert_whole(cloud, job_id)
    assert cloud.section(job_id, "pose") == expected


def test_a_lease_that_expires_is_taken_over(cloud, clip, expected):
    """A worker is stopped, not killed: its chunk's lease runs out, and a twin that is another job takes it over. When the
    first goes on, its work counts no second time."""
    arn, _ = new_job(cloud, clip, "lease", shards=1)
    first = wait_until(lambda: next(iter(cloud.processes("job")), None), 30, "a job")

    def in_hand():
        found = cloud.client("dynamodb").scan(
            TableName=cloud.table, FilterExpression="lease_owner = :w AND #s = :p",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":w": {"S": f"{first['job_id']}:1"}, ":p": {"S": "processing"}})["Items"]
        return found or None

    wait_until(in_hand, 30, "a chunk in hand")
    cloud.kill(first["pid"], signal.SIGSTOP)
    twin = cloud.submit("twin", arguments(first))
    assert cloud.wait_for_batch([twin]) == ["SUCCEEDED"]
    cloud.kill(first["pid"], signal.SIGCONT)
    job_id = done(cloud, arn)
    assert_whole(cloud, job_id)
    assert any(chunk["attempts"] == 2 for chunk in cloud.chunks(job_id))
    assert cloud.section(job_id, "pose") == expected


def test_a_stopped_execution_and_the_same_request_again(cloud, clip, expected):
    arn, request = new_job(cloud, clip, "stopped")
    wait_until(lambda: cloud.processes("job"), 30, "a job")
    time.sleep(0.4)
    cloud.stop_execution(arn)
    # What watches executions closes the job; its workers end.
    wait_until(lambda: [job["stage"] for job in cloud.jobs_of(arn)] == ["CANCELLED"], 20, "the job's end")
    wait_until(lambda: not cloud.processes("job"), 40, "the end of its workers")
    wait_until(lambda: cloud.events("framefan", "Job Cancelled"), 20, "the announcement")
    job_id = done(cloud, cloud.start(request))
    assert_whole(cloud, job_id)
    assert cloud.section(job_id, "pose") == expected


def test_the_same_request_while_the_stopped_one_still_ends(cloud, clip, expected):
    """The second execution takes the job over from one that has ended, while its workers may still run."""
    arn, request = new_job(cloud, clip, "taken-over")
    wait_until(lambda: cloud.processes("job"), 30, "a job")
    time.sleep(0.3)
    cloud.stop_execution(arn)
    job_id = done(cloud, cloud.start(request))
    assert_whole(cloud, job_id)
    assert cloud.section(job_id, "pose") == expected


def test_a_planner_that_crashes_is_tried_again(clip, expected):
    # A deployment of its own: its first planner is about to start.
    with system.deploy() as cloud:
        cloud.upload(clip, "videos/crash.mp4")
        arn = cloud.start({"key": "videos/crash.mp4", **REQUEST})
        planner = wait_until(lambda: next((p for p in cloud.processes("function") if "planner" in p["name"]), None))
        cloud.kill(planner["pid"])
        job_id = done(cloud, arn)
        assert_whole(cloud, job_id)
        assert cloud.section(job_id, "pose") == expected
        crashed = [p for p in cloud.processes("function", running=False) if "planner" in p["name"]]
        assert len(crashed) >= 2


def test_a_reducer_that_crashes_is_tried_again(clip, expected):
    with system.deploy() as cloud:
        cloud.upload(clip, "videos/crash.mp4")
        arn = cloud.start({"key": "videos/crash.mp4", **REQUEST})
        reducer = wait_until(
            lambda: next((p for p in cloud.processes("function") if "reducer" in p["name"]), None), 60, poll_s=0.005)
        cloud.kill(reducer["pid"])
        job_id = done(cloud, arn)
        assert_whole(cloud, job_id)
        assert cloud.section(job_id, "pose") == expected


def test_two_reducers_at_once(cloud, clip, expected):
    """The plan and the shards by hand, then the reducer twice at the same time."""
    cloud.upload(clip, "videos/twice.mp4")
    request = {"bucket": cloud.bucket, "key": "videos/twice.mp4", **REQUEST}
    plan = cloud.invoke("planner", {"execution": BY_HAND, "input": request})
    # A planner that is called again by the same execution finds its own job.
    assert cloud.invoke("planner", {"execution": BY_HAND, "input": request})["job_id"] == plan["job_id"]
    shards = json.loads(cloud.read(plan["shards_key"]))
    ids = []
    for shard in shards:
        command = ["--job-id", shard["job_id"], "--shard", str(shard["shard"])]
        command += ["--first-chunk", str(shard["first_chunk"]), "--end-chunk", str(shard["end_chunk"])]
        ids.append(cloud.submit(f"by-hand-{shard['shard']}", command))
    assert set(cloud.wait_for_batch(ids)) == {"SUCCEEDED"}
    payload = {"execution": BY_HAND, "job_id": plan["job_id"]}
    with ThreadPoolExecutor(2) as pool:
        merged = [future.result() for future in [pool.submit(cloud.invoke, "reducer", payload) for _ in range(2)]]
    assert merged[0]["results_key"] == merged[1]["results_key"]
    assert_whole(cloud, plan["job_id"])
    assert cloud.section(plan["job_id"], "pose") == expected
    # And once more, late.
    cloud.invoke("reducer", payload)
    assert_whole(cloud, plan["job_id"])


def test_a_share_of_all_calls_fails(clip, expected):
    """5% of the calls that functions and jobs make are throttled, fail before or after they were carried out, or meet
    another transaction."""
    with system.deploy(faults=True) as cloud:
        for seed in range(6):
            cloud.faults(0.05, seed=seed)
            arn, _ = new_job(cloud, clip, f"faults-{seed}")
            job_id = done(cloud, arn)
            cloud.faults(0)
            assert_whole(cloud, job_id)
            assert cloud.section(job_id, "pose") == expected, seed
        faulty = [call for call in cloud.calls() if call.get("fault")]
        assert len(faulty) > 20, "hardly a call failed"


def test_a_shard_that_always_fails_fails_the_job(clip, expected):
    """Its siblings are not stopped, and what they finished is kept for the next try."""
    with system.deploy() as cloud:
        key = "videos/poison.mp4"
        cloud.upload(clip, key)
        arn = cloud.start({"key": key, **REQUEST})
        killed = set()

        def kill_first_shard():
            for process in cloud.processes("job"):
                command = process["command"]
                if command[command.index("--shard") + 1] == "0" and process["pid"] not in killed:
                    killed.add(process["pid"])
                    cloud.kill(process["pid"])
            return cloud.execution(arn)["status"] != "RUNNING"

        wait_until(kill_first_shard, 90, "the end of the execution", poll_s=0.01)
        failed = cloud.execution(arn)
        assert (failed["status"], failed["error"]) == ("FAILED", "Retryable")
        assert len(killed) == 3, "Batch tries three times"
        (job,) = cloud.jobs_of(arn)
        job_id = job["job_id"]
        assert job["stage"] == "FAILED" and job["error"]["kind"] == "retryable"
        assert "shard 0" in job["error"]["message"] and "137" in job["error"]["message"]
        chunks = cloud.chunks(job_id)
        assert {chunk["status"] for chunk in chunks[len(chunks) // 2:]} == {"completed"}
        # The same request again does only what is missing.
        before = len(cloud.batch_jobs(job_id))
        assert done(cloud, cloud.start({"key": key, **REQUEST})) == job_id
        assert_whole(cloud, job_id)
        assert cloud.section(job_id, "pose") == expected
        assert {chunk["attempts"] for chunk in cloud.chunks(job_id)[len(chunks) // 2:]} == {1}
        assert len(cloud.batch_jobs(job_id)) > before
