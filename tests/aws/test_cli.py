"""The command line against a deployment, as a user meets it: processes, their output and their exit codes."""

import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess

import pytest
import system
from local_aws_client.server import wait_until
from system import assert_whole, local_section

# What every submission asks for: small enough that a job takes a second.
SMALL = ["--analyzer", "pose", "--max-width", "96", "--chunk-seconds", "1", "--compute", "cpu"]
DEPLOYMENT = ("FRAMEFAN_STACK", "FRAMEFAN_BUCKET", "FRAMEFAN_TABLE", "FRAMEFAN_STATE_MACHINE", "FRAMEFAN_JOB_LOG_GROUP",
              "FRAMEFAN_GPU_QUEUE", "FRAMEFAN_CPU_QUEUE", "FRAMEFAN_EVENT_BUS")


class Framefan:
    """The command, in an environment and a folder of its own."""

    def __init__(self, env: dict[str, str], folder: pathlib.Path) -> None:
        self.env = {name: value for name, value in os.environ.items() if name not in DEPLOYMENT} | env
        self.folder = folder

    def start(self, *args: str, env: dict[str, str] | None = None) -> subprocess.Popen:
        return subprocess.Popen([system.program("framefan"), *map(str, args)], env={**self.env, **(env or {})},
                                cwd=self.folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def end(self, *args: str, code: int = 0, env: dict[str, str] | None = None) -> tuple[str, str]:
        """Standard output and error of a command that must end with this code."""
        process = self.start(*args, env=env)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, f"{args}: exit {process.returncode}\n{out}\n{err}"
        return out, err

    def json(self, *args: str, code: int = 0) -> dict:
        """The object that a command prints as its last line."""
        return json.loads(self.end(*args, "--json", code=code)[0].splitlines()[-1])

    def submitted(self, *args: str, code: int = 0) -> list[dict]:
        return self.json("submit", *SMALL, *args, code=code)["submitted"]


@pytest.fixture(scope="module")
def cloud():
    with system.deploy() as cloud:
        yield cloud


@pytest.fixture
def framefan(cloud, tmp_path):
    return Framefan(cloud.env(), tmp_path)


@pytest.fixture(scope="module")
def clip() -> pathlib.Path:
    return system.video()


@pytest.fixture(scope="module")
def finished(cloud, clip, tmp_path_factory) -> dict:
    """A job that was submitted from a file and is done."""
    framefan = Framefan(cloud.env(), tmp_path_factory.mktemp("finished"))
    (one,) = framefan.submitted(clip, "--shards", "2", "--wait")
    return one


def people_in(results: str) -> list[int]:
    """The people of each frame, counted by another reader of JSON."""
    return [len(frame["people"]) for frame in json.loads(results)["pose"]["frames"]]


def test_a_file_is_uploaded_once_and_analyzed(cloud, framefan, clip, finished):
    assert (finished["stage"], finished["uploaded"], finished["bucket"]) == ("DONE", True, cloud.bucket)
    assert finished["key"].startswith("videos/") and finished["key"].endswith("/clip.mp4")
    assert finished["execution"].split(":")[-1].startswith("clip-")
    job_id = finished["job_id"]
    assert_whole(cloud, job_id)
    assert cloud.section(job_id, "pose") == local_section(clip, "--max-width", "96")
    assert len(cloud.batch_jobs(job_id)) == 2
    assert finished["results_key"] == f"jobs/{job_id}/final_results.json"
    # The same again, under another name for the same path: nothing is sent, and the job is the same.
    (again,) = framefan.submitted(clip.parent / "." / clip.name, "--wait")
    assert (again["uploaded"], again["job_id"], again["status"]) == (False, job_id, "done")
    puts = [call for call in cloud.calls(service="s3", operation="PutObject") if call["key"] == finished["key"]]
    assert len(puts) == 1
    # Without --wait the job's name is still told.
    out, err = framefan.end("submit", *SMALL, clip)
    assert job_id in out and "was there" in out and "already" in out


def test_a_folder_is_its_videos_and_what_is_skipped_is_said(cloud, framefan, clip, tmp_path):
    folder = tmp_path / "day one"
    folder.mkdir()
    shutil.copy(system.video("other", seconds=3), folder / "b é.mp4")
    shutil.copy(clip, folder / "a.MP4")
    (folder / "notes.txt").write_text("not a video")
    process = framefan.start("submit", *SMALL, folder, "--wait", "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    first, second = json.loads(out.splitlines()[-1])["submitted"]
    assert first["video"].endswith("a.MP4") and second["video"].endswith("b é.mp4")
    assert {first["stage"], second["stage"]} == {"DONE"}
    assert "notes.txt" in err and "skipped" in err
    assert_whole(cloud, second["job_id"])
    # Progress says whose it is; nothing but the answer is on standard output.
    assert len(out.splitlines()) == 1 and "b é.mp4" in err


def test_an_object_is_taken_where_it_is(cloud, framefan, clip):
    cloud.upload(clip, "elsewhere/an object.mp4")
    before = len(cloud.keys("videos/"))
    (one,) = framefan.submitted(f"s3://{cloud.bucket}/elsewhere/an object.mp4", "--wait")
    assert (one["key"], one["uploaded"], one["stage"]) == ("elsewhere/an object.mp4", False, "DONE")
    assert len(cloud.keys("videos/")) == before
    assert cloud.job(one["job_id"])["video"] == f"s3://{cloud.bucket}/elsewhere/an object.mp4"


def test_a_bad_video_gives_its_kind_as_exit_code(cloud, framefan, clip, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(clip.read_bytes()[:20_000])
    process = framefan.start("submit", *SMALL, bad, "--wait", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    (one,) = json.loads(out.splitlines()[-1])["submitted"]
    assert one["stage"] == "FAILED" and one["error"]["kind"] == "BadInput"
    assert "bad.mp4" in err
    out, _ = framefan.end("status", one["job_id"])
    assert "FAILED" in out and "BadInput: " in out and "bad.mp4" in out
    assert "BadInput" in framefan.end("status")[0]
    _, err = framefan.end("report", one["job_id"], code=4)
    assert "FAILED" in err
    # One bad video among good ones does not keep them from being done.
    results = framefan.submitted(bad, clip, "--wait", code=3)
    assert [one.get("stage") for one in results] == ["FAILED", "DONE"]


def test_a_large_file_arrives_whole(cloud, framefan, tmp_path):
    large = tmp_path / "large.mp4"
    large.write_bytes(os.urandom(20 << 20) + b"the end")
    (one,) = framefan.submitted(large, "--wait", code=3)
    assert one["uploaded"] and cloud.read(one["key"]) == large.read_bytes()
    assert cloud.calls(service="s3", operation="CompleteMultipartUpload"), "it did not go in parts"


def test_what_cannot_be_is_refused_before_anything_is_uploaded(cloud, framefan, clip):
    before = cloud.keys("videos/"), cloud.executions()
    for args, says in [
        (["--analyzer", "poze"], "poze"), (["--param", "pose.nonsense=1"], "nonsense"), (["--shards", "0"], "--shards"),
        (["--sample-fps", "0"], "sample_fps"), (["--chunk-seconds=-1"], "chunk-seconds"), (["--compute", "tpu"], "tpu"),
    ]:
        options = [] if args[0] == "--analyzer" else ["--analyzer", "pose"]
        _, err = framefan.end("submit", clip, *options, *args, code=2)
        assert says in err, err
    assert "nowhere.mp4" in framefan.end("submit", "nowhere.mp4", code=4)[1]
    assert "s3://bucket/key" in framefan.end("submit", "s3://only-a-bucket", code=2)[1]
    assert (cloud.keys("videos/"), cloud.executions()) == before
    # What only the planner knows comes back as it says it.
    assert "nothing.mp4" in framefan.end("submit", *SMALL, f"s3://{cloud.bucket}/nothing.mp4", "--wait", code=4)[1]


def test_status_lists_jobs_and_shows_one(cloud, framefan, finished):
    job_id = finished["job_id"]
    listed = framefan.json("status", "--limit", "50")["jobs"]
    assert job_id in [job["job_id"] for job in listed]
    assert [job["created_at"] for job in listed] == sorted((job["created_at"] for job in listed), reverse=True)
    assert len(framefan.json("status", "--limit", "1")["jobs"]) == 1
    table, _ = framefan.end("status", "--limit", "50")
    (line,) = [line for line in table.splitlines() if line.startswith(job_id[:12])]
    assert "DONE" in line and "100%" in line and "8/8" in line and "clip.mp4" in line
    one = framefan.json("status", job_id[:8])
    assert one["job"]["job_id"] == job_id and one["report_key"] == f"jobs/{job_id}/report.html"
    assert [chunk["status"] for chunk in one["chunks"]] == ["completed"] * 8
    assert one["chunks"] == sorted(one["chunks"], key=lambda chunk: chunk["index"])
    text, _ = framefan.end("status", job_id.upper(), "--follow")
    assert f"s3://{cloud.bucket}/jobs/{job_id}/report.html" in text and "8: 8 completed" in text
    for wrong, code, says in [("xyzxyz", 2, "hexadecimal"), (job_id[:5], 2, "first 6"), ("0" * 32, 4, "no job"),
                              ("../../x", 2, "hexadecimal")]:
        assert says in framefan.end("status", wrong, code=code)[1]


def test_a_job_is_cancelled_in_mid_flight(cloud, framefan):
    long = system.video("long", seconds=24)
    waiting = framefan.start("submit", *SMALL, long, "--sample-fps", "25", "--shards", "3", "--wait", "--json")
    job_id = wait_until(lambda: next((job["job_id"] for job in framefan.json("status")["jobs"]
                                      if job["stage"] == "PROCESSING" and job["completed_chunks"] > 0), None), 60)
    live = framefan.json("status", job_id)
    held = [chunk for chunk in live["chunks"] if chunk["status"] == "processing"]
    assert held and all(chunk["lease_owner"] for chunk in held)
    assert "no report yet" in framefan.end("report", job_id, code=5)[1]
    assert "cancel it first" in framefan.end("rm", job_id, "--yes", code=2)[1]
    cancelled = framefan.json("cancel", job_id)
    assert (cancelled["before"], cancelled["stage"]) == ("PROCESSING", "CANCELLED")
    assert cancelled["execution_stopped"] and cancelled["batch_jobs_ended"] >= 1
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 130, err
    assert json.loads(out.splitlines()[-1])["submitted"][0]["stage"] == "CANCELLED"
    # Nothing goes on: no execution, no Batch job, no process.
    wait_until(lambda: not cloud.processes("job"), 40, "the end of the job's processes")
    wait_until(lambda: all(job["status"] in ("SUCCEEDED", "FAILED") for job in cloud.batch_jobs(job_id)), 10)
    # Others hear of it, once.
    events = cloud.events("framefan")
    assert [e["detail-type"] for e in events if e["detail"]["job_id"] == job_id] == ["Job Cancelled"]
    job = cloud.job(job_id)
    assert job["stage"] == "CANCELLED" and cloud.execution(job["owner"])["status"] == "ABORTED"
    # Again it says that there was nothing to do.
    again = framefan.json("cancel", job_id)
    assert (again["before"], again["execution_stopped"], again["batch_jobs_ended"]) == ("CANCELLED", False, 0)
    # And the job goes on from there when it is asked for again.
    kept = {key for key in cloud.keys(f"jobs/{job_id}/chunks/")}
    (resumed,) = framefan.submitted(long, "--sample-fps", "25", "--shards", "3", "--wait")
    assert resumed["job_id"] == job_id and kept
    assert_whole(cloud, job_id)
    assert framefan.json("cancel", job_id)["stage"] == "DONE"


def test_logs_come_by_shard_and_can_be_followed(cloud, framefan, clip, finished):
    job_id = finished["job_id"]
    text, _ = framefan.end("logs", job_id)
    shards = [int(line.split("shard ")[1].split()[0]) for line in text.splitlines()]
    assert shards == sorted(shards) and set(shards) == {0, 1}
    assert all(line.split()[0].endswith("Z") for line in text.splitlines())
    assert "INFO   Done: " in text and "METRIC  ChunkRuntime" in text
    raw, _ = framefan.end("logs", job_id, "--json", "--shard", "1")
    lines = [json.loads(line) for line in raw.splitlines()]
    assert {line["shard"] for line in lines if "shard" in line} == {1}
    assert len([line for line in lines if "ChunkRuntime" in line]) == 4
    assert "shard 7" in framefan.end("logs", job_id, "--shard", "7", code=4)[1]
    # While it goes on: lines come once, and the command ends with the job.
    cloud.upload(clip, "elsewhere/followed.mp4")
    (one,) = framefan.submitted(f"s3://{cloud.bucket}/elsewhere/followed.mp4", "--sample-fps", "12")
    out, _ = framefan.end("logs", one["job_id"], "--follow", "--json")
    runtimes = [json.loads(line)["Chunk"] for line in out.splitlines() if "ChunkRuntime" in line]
    assert sorted(map(int, runtimes)) == list(range(8))


def test_a_report_is_fetched_whole(cloud, framefan, finished, tmp_path):
    job_id = finished["job_id"]
    answer = framefan.json("report", job_id[:10])
    assert answer["report"] == f"framefan-reports/{job_id}/report.html"
    assert (tmp_path / answer["report"]).read_bytes() == cloud.read(f"jobs/{job_id}/report.html")
    assert (tmp_path / answer["results"]).read_bytes() == cloud.read(f"jobs/{job_id}/final_results.json")
    out, _ = framefan.end("report", job_id, "--out", "here")
    assert "here/report.html" in out
    names = sorted(path.name for path in (tmp_path / "here").iterdir())
    assert names == ["final_results.json", "report.html"]


def test_the_report_is_opened_with_the_desktop_program(framefan, finished, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "xdg-open").write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    (programs / "xdg-open").chmod(0o755)
    framefan.end("report", finished["job_id"], "--out", "here", "--open",
                 env={"PATH": f"{programs}:{os.environ['PATH']}"})
    assert (tmp_path / "opened").read_text().strip() == "here/report.html"
    out, err = framefan.end("report", finished["job_id"], "--out", "here", "--open", code=4, env={"PATH": "/nowhere"})
    assert "here/report.html" in out and "xdg-open" in err


def counts(database: pathlib.Path) -> dict[str, int]:
    with sqlite3.connect(database) as connection:
        tables = ("jobs", "frames", "people", "keypoints", "imports")
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def test_results_are_imported_once(cloud, framefan, finished, tmp_path):
    job_id = finished["job_id"]
    people = people_in(cloud.results(job_id))
    answer = framefan.json("import", "--job-id", job_id, "--db", "one.sqlite")
    (imported,) = answer["imported"]
    assert imported["job_id"] == job_id and imported["rows"]["people"] == sum(people) > 0
    expected = {"jobs": 1, "frames": len(people), "people": sum(people), "keypoints": 17 * sum(people), "imports": 1}
    assert counts(tmp_path / "one.sqlite") == expected
    again = framefan.json("import", "--job-id", job_id, "--db", "one.sqlite")
    assert again["imported"] == [] and again["unchanged"] == [job_id]
    assert counts(tmp_path / "one.sqlite") == expected
    with sqlite3.connect(tmp_path / "one.sqlite") as connection:
        row = connection.execute("SELECT video, frames_processed FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        # A landmark, and the same in the result.
        frame = next(f for f in json.loads(cloud.results(job_id))["pose"]["frames"] if f["people"])
        query = """SELECT k.x, k.y, k.score FROM keypoints k JOIN keypoint_names USING (keypoint)
                   WHERE frame = ? AND person = 0 AND name = 'right_knee'"""
        assert connection.execute(query, (frame["frame"],)).fetchone() == tuple(frame["people"][0]["keypoints"][14])
    assert row == (cloud.job(job_id)["video"], json.loads(cloud.results(job_id))["frames_processed"])
    # Others see that it was imported, and take it all the same if they want to.
    assert json.loads(cloud.read(f"jobs/{job_id}/imported.json"))["job_id"] == job_id
    rest = framefan.json("import", "--db", "rest.sqlite")
    assert job_id not in [one["job_id"] for one in rest["imported"]] and rest["imported_before"] >= 1
    everything = framefan.json("import", "--all", "--db", "all.sqlite")
    done = [job["job_id"] for job in framefan.json("status", "--limit", "999")["jobs"] if job["stage"] == "DONE"]
    assert sorted(one["job_id"] for one in everything["imported"]) == sorted(done)
    assert counts(tmp_path / "all.sqlite")["jobs"] == len(done)


def test_a_spoilt_result_is_named_and_the_others_are_imported(cloud, framefan, clip, finished, tmp_path):
    cloud.upload(clip, "elsewhere/spoilt.mp4")
    (one,) = framefan.submitted(f"s3://{cloud.bucket}/elsewhere/spoilt.mp4", "--wait")
    spoilt = cloud.results(one["job_id"])[:-100]
    cloud.client("s3").put_object(Bucket=cloud.bucket, Key=one["results_key"], Body=spoilt.encode())
    ids = [one["job_id"], finished["job_id"]]
    answer = framefan.json("import", "--job-id", *ids, "--db", "some.sqlite", code=3)
    assert [job["job_id"] for job in answer["imported"]] == [finished["job_id"]]
    assert [job["job_id"] for job in answer["failed"]] == [one["job_id"]]
    assert counts(tmp_path / "some.sqlite")["jobs"] == 1


def test_a_local_folder_is_imported_too(framefan, clip, tmp_path):
    weights = system.models() / "yolov8n-pose.safetensors"
    run, _ = framefan.end("run", clip, "--analyzer", "pose", "--max-width", "96", "--model", f"yolov8n-pose={weights}",
                          "--out", "out", "--json", env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    results = json.loads(run.splitlines()[-1])["results"]
    people = people_in((tmp_path / results).read_text())
    framefan.end("import", "--out", "out", env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert counts(tmp_path / "framefan.sqlite")["people"] == sum(people)
    assert "jobs.sqlite" in framefan.end("import", "--out", "nowhere", code=4)[1]
    assert not (tmp_path / "nowhere").exists()


def test_the_questions_of_the_document_are_answered(cloud, framefan, finished, tmp_path):
    """The SQL in docs/import.md, against the same worked out from the result."""
    job_id = finished["job_id"]
    framefan.end("import", "--job-id", job_id, "--db", "asked.sqlite")
    frames = json.loads(cloud.results(job_id))["pose"]["frames"]
    document = (system.ROOT / "docs" / "import.md").read_text()
    waits, wrists = (block.split("```")[0] for block in document.split("```sql")[1:])
    seen = [f["time_s"] for f in frames if any(person["score"] >= 0.5 for person in f["people"])]
    longest = max(now - before for before, now in zip([0, *seen], seen))
    seconds = {}
    for frame in frames:
        for person in frame["people"][:1]:
            wrist, shoulder = person["keypoints"][10], person["keypoints"][6]
            if wrist[2] >= 0.5 and shoulder[2] >= 0.5:
                seconds.setdefault(int(frame["time_s"]), []).append((shoulder[1] - wrist[1]) / person["bbox"][3])
    with sqlite3.connect(tmp_path / "asked.sqlite") as connection:
        ((video, wait),) = connection.execute(waits).fetchall()
        answer = dict(connection.execute(wrists.replace("3f2a9c", job_id[:6])).fetchall())
    assert video == cloud.job(job_id)["video"] and wait == pytest.approx(longest)
    assert answer == {second: pytest.approx(sum(v) / len(v), abs=1e-3) for second, v in seconds.items()}
    assert seen and seconds, "the result says too little to ask it"


def test_jobs_that_are_over_are_removed_and_videos_stay(cloud, framefan, clip):
    cloud.upload(clip, "elsewhere/removed.mp4")
    (one,) = framefan.submitted(f"s3://{cloud.bucket}/elsewhere/removed.mp4", "--wait")
    job_id = one["job_id"]
    _, err = framefan.end("rm", job_id, code=2)
    assert "--yes" in err and cloud.keys(f"jobs/{job_id}/")
    removed = framefan.json("rm", job_id[:12], "--yes")["removed"]
    assert [one["job_id"] for one in removed] == [job_id] and removed[0]["objects"] >= 12
    assert cloud.keys(f"jobs/{job_id}/") == [] and cloud.job(job_id) is None and cloud.chunks(job_id) == []
    assert "elsewhere/removed.mp4" in cloud.keys("elsewhere/")
    framefan.end("rm", job_id, "--yes", code=4)
    # It can be made again.
    (again,) = framefan.submitted(f"s3://{cloud.bucket}/elsewhere/removed.mp4", "--wait")
    assert again["job_id"] == job_id and "status" not in again
    assert_whole(cloud, job_id)


def test_a_job_whose_workers_still_end_is_not_removed(cloud, framefan):
    long = system.video("long", seconds=24)
    (one,) = framefan.submitted(long, "--sample-fps", "22", "--shards", "2")
    job_id = one["job_id"]
    pids = wait_until(lambda: [process["pid"] for process in cloud.processes("job")], 30, "a worker")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        framefan.end("cancel", job_id)
        _, err = framefan.end("rm", job_id, "--yes", code=5)
        assert "still ending" in err and cloud.job(job_id)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not cloud.processes("job"), 30, "the end of the workers")
    wait_until(lambda: all(job["status"] in ("SUCCEEDED", "FAILED") for job in cloud.batch_jobs(job_id)), 10)
    framefan.end("rm", job_id, "--yes")
    assert cloud.keys(f"jobs/{job_id}/") == [] and cloud.job(job_id) is None


def test_a_job_of_another_execution_is_pointed_to_and_followed(cloud, framefan):
    long = system.video("long", seconds=24)
    args = [*SMALL, long, "--sample-fps", "20", "--shards", "2", "--wait", "--json"]
    first = framefan.start("submit", *args)
    wait_until(lambda: any(job["stage"] == "PROCESSING" for job in framefan.json("status")["jobs"]), 60)
    second = framefan.start("submit", *args)
    outputs = []
    for process in (first, second):
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        outputs.append(json.loads(out.splitlines()[-1])["submitted"][0])
    assert outputs[0]["job_id"] == outputs[1]["job_id"]
    assert outputs[1]["status"] == "owned" and outputs[1]["owner"] == outputs[0]["execution"]
    assert outputs[1]["stage"] == "DONE"


def test_variables_name_a_deployment_without_a_stack(cloud, framefan, finished):
    bare = {name: value for name, value in framefan.env.items() if name not in DEPLOYMENT}
    lone = Framefan(bare, framefan.folder)
    lone.env["FRAMEFAN_STACK"] = "of-somebody-else"
    _, err = lone.end("status", code=4)
    for says in ("of-somebody-else", "--stack", "FRAMEFAN_TABLE", "CDK"):
        assert says in err, err
    assert "FRAMEFAN_STACK" in lone.end("status", "--stack", "neither", code=4)[1]
    known = len(cloud.calls(service="cloudformation"))
    lone.env |= {"FRAMEFAN_TABLE": cloud.table, "FRAMEFAN_BUCKET": cloud.bucket}
    assert lone.json("status", finished["job_id"])["job"]["stage"] == "DONE"
    assert len(cloud.calls(service="cloudformation")) == known
    del lone.env["AWS_REGION"]
    lone.env |= {"AWS_CONFIG_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}
    assert "AWS_REGION" in lone.end("status", code=2)[1]


def test_jobs_leave_no_process_behind(cloud):
    wait_until(lambda: not cloud.processes("job"), 10, "the end of all jobs")
