"""From an upload, or a request, to results: the same bytes as on one machine."""

import os
import pathlib
import subprocess
import threading
import time

import inputs
import pytest
import system
from local_aws_client.server import wait_until
from system import SMALL, assert_whole, done, local_section


@pytest.fixture(scope="module")
def cloud():
    with system.deploy() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def clip() -> pathlib.Path:
    return system.video()


@pytest.fixture(scope="module")
def expected(clip) -> bytes:
    return local_section(clip, "--max-width", "96")


def test_an_upload_becomes_a_result(cloud, clip, expected):
    known = cloud.executions()
    cloud.upload(clip, "uploads/pose/my clip & more.mp4")
    job_id = done(cloud, cloud.wait_for_start(known))
    assert_whole(cloud, job_id)
    assert cloud.section(job_id, "pose") == expected
    job = cloud.job(job_id)
    assert job["video"].endswith("/uploads/pose/my clip & more.mp4")
    assert [analyzer["name"] for analyzer in job["request"]["analyzers"]] == ["pose"]
    report = cloud.read(f"jobs/{job_id}/report.html").decode()
    assert report.count("data:image/jpeg") > 0
    assert len(cloud.batch_jobs(job_id)) > 1, "the job was not fanned out"
    # Others hear of it.
    heard = [event["detail"] for event in cloud.events("framefan", "Job Done") if event["detail"]["job_id"] == job_id]
    assert len(heard) == 1 and heard[0]["results_key"] == f"jobs/{job_id}/final_results.json"


def test_an_upload_in_parts_is_one_job(cloud, expected):
    large = system.video("large", seconds=8, size="1280x720", bitrate="8M")
    known = cloud.executions()
    cloud.upload_in_parts(large, "uploads/large.mp4")
    job_id = done(cloud, cloud.wait_for_start(known))
    assert_whole(cloud, job_id)
    assert cloud.section(job_id, "pose") == local_section(large, "--max-width", "96")


def test_a_request_by_hand_and_again(cloud, clip, expected):
    cloud.upload(clip, "videos/clip.mp4")
    request = {"key": "videos/clip.mp4", "analyzers": ["pose"], **SMALL}
    job_id = done(cloud, cloud.start(request))
    assert_whole(cloud, job_id)
    assert cloud.section(job_id, "pose") == expected
    # The same request is the same job, however it is cut: nothing is done again.
    jobs, calls = len(cloud.batch_jobs(job_id)), len(cloud.calls(operation="SubmitJob"))
    again = cloud.wait(cloud.start({**request, "chunk_seconds": 2, "shards": 2}))
    assert again["output"]["status"] == "done" and again["output"]["job_id"] == job_id
    assert len(cloud.batch_jobs(job_id)) == jobs and len(cloud.calls(operation="SubmitJob")) == calls
    # Unless it is asked for.
    forced = done(cloud, cloud.start({**request, "chunk_seconds": 2, "shards": 2, "force": True}))
    assert forced == job_id
    assert_whole(cloud, job_id)
    assert cloud.job(job_id)["total_chunks"] == 4
    assert cloud.section(job_id, "pose") == expected


def test_the_aws_command_line_starts_an_execution(cloud, clip, expected):
    """As the README shows it."""
    cli = pathlib.Path(os.environ["FRAMEFAN_PYTHON"]).parent / "aws"
    cloud.upload(clip, "videos/by-command.mp4")
    request = f'{{"bucket": "{cloud.bucket}", "key": "videos/by-command.mp4", "analyzers": ["pose"]}}'
    command = [str(cli), "stepfunctions", "start-execution", "--state-machine-arn", cloud.machine, "--input", request]
    answer = subprocess.run(
        [*command, "--query", "executionArn", "--output", "text"],
        env={**os.environ, **cloud.env(), "AWS_DEFAULT_REGION": cloud.server.region}, check=True, capture_output=True, text=True,
    )
    job_id = done(cloud, answer.stdout.strip())
    assert cloud.section(job_id, "pose") == expected


def test_a_trigger_that_fires_three_times_is_one_job(cloud, clip, expected):
    cloud.upload(clip, "videos/thrice.mp4")
    event = {"source": "aws.s3", "detail-type": "Object Created",
             "detail": {"bucket": {"name": cloud.bucket}, "object": {"key": "videos/thrice.mp4", "etag": "x"}}}
    arns = []
    starts = [threading.Thread(target=lambda: arns.append(cloud.start(event))) for _ in range(3)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    ended = [cloud.wait(arn) for arn in arns]
    assert {end["status"] for end in ended} == {"SUCCEEDED"}, ended
    job_ids = {end["output"]["job_id"] for end in ended}
    assert len(job_ids) == 1
    job_id = job_ids.pop()
    # Whoever came second points to the first.
    owner = cloud.job(job_id)["owner"]
    for end in ended:
        if end["executionArn"] != owner:
            assert end["output"]["status"] in ("owned", "done")
            assert end["output"].get("owner", owner) == owner
    assert_whole(cloud, job_id)
    assert cloud.section(job_id, "pose") == expected
    names = [job["jobName"] for job in cloud.batch_jobs(job_id)]
    assert len(names) == len(set(names)), "a shard was submitted twice"


def test_a_parameter_of_the_reduce_stage_costs_no_inference(cloud, clip):
    cloud.upload(clip, "videos/reduce.mp4")
    request = {"key": "videos/reduce.mp4", "analyzers": ["pose"], **SMALL}
    first = done(cloud, cloud.start(request))
    changed = {**request, "params": {"pose": {"person_score": 0.1}}}
    second = done(cloud, cloud.start(changed))
    assert second != first
    assert_whole(cloud, second)
    assert cloud.batch_jobs(second) == []
    assert cloud.section(second, "pose") == local_section(
        clip, "--max-width", "96", "--param", "pose.person_score=0.1"
    )


def test_progress_never_goes_back(cloud):
    long = system.video("long", seconds=24)
    cloud.upload(long, "videos/progress.mp4")
    request = {"key": "videos/progress.mp4", "analyzers": ["pose"], **SMALL, "shards": 3, "sample_fps": 25}
    arn, seen = cloud.start(request), []
    while cloud.execution(arn)["status"] == "RUNNING":
        seen += [(job["stage"], job) for job in cloud.jobs_of(arn)]
        time.sleep(0.02)
    job = cloud.job(done(cloud, arn))
    seen.append((job["stage"], job))
    order = ["PLANNING", "QUEUED", "PROCESSING", "AGGREGATING", "DONE"]
    for (stage, now), (next_stage, later) in zip(seen, seen[1:]):
        assert order.index(stage) <= order.index(next_stage)
        assert now["progress_pct"] <= later["progress_pct"]
    for stage, now in seen:
        done_share = 100 * now["completed_chunks"] // max(1, now["total_chunks"])
        wanted = {"DONE": 100, "AGGREGATING": 99}.get(stage, min(99, done_share))
        assert now["progress_pct"] == wanted, (stage, now)
    assert len({now["progress_pct"] for _, now in seen}) > 5, "the job was too quick to be watched"


def test_a_bad_video_fails_its_job_and_no_other(cloud, clip, tmp_path, expected):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(clip.read_bytes()[:20_000])
    cloud.upload(bad, "videos/bad.mp4")
    cloud.upload(clip, "videos/good.mp4")
    bad_arn = cloud.start({"key": "videos/bad.mp4", **SMALL})
    good_arn = cloud.start({"key": "videos/good.mp4", **SMALL})
    failed = cloud.wait(bad_arn)
    assert (failed["status"], failed["error"]) == ("FAILED", "BadInput")
    assert "videos/bad.mp4" in failed["cause"]
    (job,) = cloud.jobs_of(bad_arn)
    assert job["stage"] == "FAILED"
    assert job["error"]["kind"] == "bad_input" and job["error"]["message"] == failed["cause"]
    assert cloud.batch_jobs(job["job_id"]) == []
    # Asked once: a bad video stays bad.
    plans = [event for event in cloud.history(bad_arn)
             if event["type"] == "TaskScheduled" and "planner" in event["taskScheduledEventDetails"]["parameters"]]
    assert len(plans) == 1
    assert [e["detail"]["error"]["kind"] for e in cloud.events("framefan", "Job Failed")
            if e["detail"]["job_id"] == job["job_id"]] == ["bad_input"]
    good = done(cloud, good_arn)
    assert cloud.section(good, "pose") == expected


@pytest.mark.parametrize(("request_", "words"), [
    ({"key": "videos/nothing.mp4"}, ("NotFound", "videos/nothing.mp4")),
    ({"key": "videos/clip.mp4", "analyzers": ["poze"]}, ("Usage", "poze")),
    ({"key": "videos/clip.mp4", "compute": "tpu"}, ("Usage", "tpu")),
    ({"key": "videos/clip.mp4", "precision": "bf16"}, ("Usage", "bf16")),
    ({"video": "videos/clip.mp4"}, ("Usage", "video")),
], ids=["missing", "analyzer", "compute", "precision", "field"])
def test_what_cannot_be_is_refused_by_name(cloud, clip, request_, words):
    cloud.upload(clip, "videos/clip.mp4")
    ended = cloud.wait(cloud.start(request_))
    assert (ended["status"], ended["error"]) == ("FAILED", words[0])
    assert words[1] in ended["cause"]


def test_a_video_that_is_replaced_is_another_job(cloud, clip):
    cloud.upload(clip, "videos/changing.mp4")
    first = done(cloud, cloud.start({"key": "videos/changing.mp4", **SMALL}))
    version = cloud.upload(system.video("other", seconds=3), "videos/changing.mp4")
    second = done(cloud, cloud.start({"key": "videos/changing.mp4", **SMALL}))
    assert first != second
    named = cloud.wait(cloud.start({"key": "videos/changing.mp4", "version": version, **SMALL}))
    assert named["output"]["job_id"] == second and named["output"]["status"] == "done"


def test_removed_objects_are_made_again(cloud, clip, expected):
    cloud.upload(clip, "videos/removed.mp4")
    request = {"key": "videos/removed.mp4", **SMALL}
    job_id = done(cloud, cloud.start(request))
    s3 = cloud.client("s3")
    for key in [f"jobs/{job_id}/final_results.json", f"jobs/{job_id}/chunks/chunk_0002.json"]:
        s3.delete_object(Bucket=cloud.bucket, Key=key)
    assert done(cloud, cloud.start(request)) == job_id
    assert_whole(cloud, job_id)
    assert cloud.section(job_id, "pose") == expected


def test_a_real_video_with_real_weights():
    data = os.environ.get("FRAMEFAN_TEST_DATA")
    if not data:
        pytest.skip("needs FRAMEFAN_TEST_DATA")
    clip = pathlib.Path(data, "video", "05_default_juggle.mp4")
    weights = pathlib.Path(data, "weights", "yolov8n-pose.safetensors")
    folder = inputs.write_models(system.MADE / "real-models", {"yolov8n-pose": weights.read_bytes()})
    with system.deploy(folder) as cloud:
        cloud.upload(clip, "uploads/05_default_juggle.mp4")
        job_id = done(cloud, cloud.wait_for_start())
        assert_whole(cloud, job_id)
        ours = cloud.section(job_id, "pose")
    assert ours == local_section(clip, "--max-width", "96", weights=weights)
    assert ours.count(b'"keypoints"') > 10


def test_workers_and_planner_read_what_they_need(cloud):
    clip = system.video("bytes", seconds=24, size="640x360", bitrate="12M")
    size = clip.stat().st_size
    assert size > 30e6
    cloud.upload(clip, "videos/bytes.mp4")
    done(cloud, cloud.start({"key": "videos/bytes.mp4", **SMALL, "chunk_seconds": 2, "shards": 4}))
    served = {"job": 0, "function": 0}
    for row in cloud.bytes_served():
        if row["key"] == "videos/bytes.mp4" and row["caller"]["name"] != "framefan-reducer":
            served[row["caller"]["kind"]] += row["bytes"]
    print(f"4 workers read {served['job'] / size:.3f} x the video, the planner {served['function']} bytes")
    assert served["job"] <= 1.15 * size
    assert served["function"] <= inputs.index_bytes(clip) + (1 << 20)


def test_jobs_leave_no_process_behind(cloud):
    wait_until(lambda: not cloud.processes("job"), 10, "the end of all jobs")
