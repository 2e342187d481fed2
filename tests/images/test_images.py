"""The container images, run as Lambda and Batch run them: they give what the programs outside give.

`make images` builds and unpacks them (scripts/images.sh --roots); FRAMEFAN_IMAGE_ROOTS names another folder.
"""

import http.server
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import images
import pytest
import system
from images import contained, root, run
from local_aws_client.server import wait_until
from system import SMALL, assert_whole, done, local_section

pytestmark = [
    pytest.mark.skipif(not images.weights().exists(), reason=f"needs images in {images.ROOTS} (make images)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount an image's root read-only and to change the user"),
]

IMAGES = images.built()
needs_gpu_image = pytest.mark.skipif("job-gpu" not in IMAGES, reason="job-gpu is not built (IMAGES_ARGS='… job-gpu')")
# What the table of test videos must have made: the codecs and containers that crates/media lists.
CODECS = {"h264", "hevc", "vp8", "vp9", "av1", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg"}
CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg"}


@pytest.fixture(scope="module")
def cloud():
    with images.deploy() as cloud:
        yield cloud


@pytest.mark.parametrize("image", IMAGES)
def test_a_container_can_change_nothing_but_its_scratch_folder(image):
    write = "for f in / /opt /usr/local/bin /etc; do touch $f/x; done; echo ok > /tmp/x && cat /tmp/x"
    script = f"id -u; id -g; cat /proc/self/status; {write}"
    ran = run(image, "-c", script, entrypoint="/bin/sh")
    lines = ran.stdout.splitlines()
    assert lines[:2] == ["65532", "65532"] and lines[-1] == "ok", ran
    assert ran.stderr.count("Read-only file system") == 4, ran.stderr
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1"
    # Nor can a file in the image make it somebody else.
    files = (path for path in root(image).rglob("*") if path.is_file() and not path.is_symlink())
    assert [path for path in files if path.stat().st_mode & 0o6000] == []


@pytest.mark.parametrize("image", IMAGES)
def test_everything_in_an_image_is_readable_to_its_user(image):
    script = "find /opt /usr/local ! -readable; find /usr/local/bin -type f ! -executable; ls -R /opt /usr/local/bin"
    ran = run(image, "-c", script, entrypoint="/bin/sh")
    assert ran.returncode == 0 and ran.stderr == "", ran.stderr
    listed = ran.stdout.split()
    assert listed[0] == "/opt:", listed[:3]
    functions = {"framefan-planner", "framefan-reducer", "framefan-closer"}
    programs = functions if image == "functions" else {"gpu-job"}
    assert set(os.listdir(root(image) / "usr/local/bin")) == programs
    assert programs <= set(listed)
    # The functions get by without the weights.
    assert ("yolov8n-pose.safetensors" in listed) == (image != "functions")


def test_every_test_video_gives_the_same_bytes_as_outside(cloud):
    made = videos()
    probed = {name: probe(path) for name, path in made.items()}
    assert CODECS <= {codec for _, codec in probed.values()}
    assert CONTAINERS <= {container for container, _ in probed.values()}
    def compare(item: tuple[str, pathlib.Path]) -> str | None:
        name, path = item
        cloud.upload(path, f"videos/{name}")
        job_id = done(cloud, cloud.start({"key": f"videos/{name}", "analyzers": ["pose"], **SMALL, "shards": 2}))
        assert_whole(cloud, job_id)
        section = cloud.section(job_id, "pose")
        assert section.count(b'"frame"') >= 1, name
        return name if section != expected[name] else None

    expected = {name: local_section(path, "--max-width", "96", weights=images.weights()) for name, path in made.items()}
    with ThreadPoolExecutor(4) as pool:
        differ = [name for name in pool.map(compare, made.items()) if name]
    assert differ == []
    print(f"{len(made)} videos")


def test_a_bad_video_is_refused_with_its_kind(cloud, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(system.video().read_bytes()[:20_000])
    cloud.upload(bad, "videos/bad.mp4")
    ended = cloud.wait(cloud.start({"key": "videos/bad.mp4", **SMALL}))
    assert (ended["status"], ended["error"]) == ("FAILED", "BadInput")
    # The closer's program stands in the same image, and said so on the job.
    (job,) = cloud.jobs_of(ended["executionArn"])
    assert (job["stage"], job["error"]["kind"]) == ("FAILED", "bad_input")


def test_a_container_that_is_told_to_stop_gives_its_chunk_back(cloud):
    """The program, not a shell before it, gets the signal; its next attempt goes on."""
    long = system.video("long", seconds=24)
    cloud.upload(long, "videos/stopped.mp4")
    arn = cloud.start({"key": "videos/stopped.mp4", "analyzers": ["pose"], **SMALL, "shards": 1, "sample_fps": 25})
    wait_until(lambda: any(job["completed_chunks"] > 0 for job in cloud.jobs_of(arn)), 60, "a completed chunk")
    (victim,) = cloud.processes("job")
    cloud.kill(victim["pid"], signal.SIGTERM)
    job_id = done(cloud, arn)
    assert_whole(cloud, job_id)
    (job,) = cloud.batch_jobs(job_id)
    assert [attempt["container"].get("exitCode") for attempt in job["attempts"]] == [143, 0]
    expected = local_section(long, "--max-width", "96", "--sample-fps", "25", weights=images.weights())
    assert cloud.section(job_id, "pose") == expected


@pytest.mark.parametrize("name", ["planner", "reducer", "closer"])
def test_a_function_asks_for_work_at_once(name):
    asked = threading.Event()

    class RuntimeApi(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.endswith("/runtime/invocation/next"):
                asked.set()
            time.sleep(5)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {**os.environ, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}", "AWS_LAMBDA_FUNCTION_NAME": name,
           "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_LAMBDA_FUNCTION_VERSION": "1",
           "AWS_LAMBDA_LOG_GROUP_NAME": "g", "AWS_LAMBDA_LOG_STREAM_NAME": "s"}
    started = time.monotonic()
    with subprocess.Popen(contained("functions", f"{images.PROGRAMS}/framefan-{name}"), env=env) as process:
        try:
            assert asked.wait(10), "the function never asked for work"
            print(f"{name}: {1000 * (time.monotonic() - started):.0f} ms from the container's start to its first question")
        finally:
            process.kill()
            server.shutdown()


@needs_gpu_image
def test_the_gpu_jobs_program_gives_the_same_bytes_on_a_processor():
    """No machine with a GPU is needed to see that the image's program, FFmpeg and weights work together."""
    with images.deploy("job-gpu") as cloud:
        cloud.upload(system.video(), "videos/clip.mp4")
        job_id = done(cloud, cloud.start({"key": "videos/clip.mp4", "analyzers": ["pose"], **SMALL, "shards": 2}))
        assert_whole(cloud, job_id)
        expected = local_section(system.video(), "--max-width", "96", weights=images.weights())
        assert cloud.section(job_id, "pose") == expected


@needs_gpu_image
def test_the_gpu_job_on_a_machine_without_gpu_says_so():
    with images.deploy("job-gpu", FRAMEFAN_DEVICE="cuda") as cloud:
        cloud.upload(system.video(), "videos/clip.mp4")
        arn = cloud.start({"key": "videos/clip.mp4", "analyzers": ["pose"], **SMALL, "shards": 1})
        assert cloud.wait(arn)["status"] == "FAILED"
        (job,) = cloud.jobs_of(arn)
        assert job["stage"] == "FAILED" and "exit code 4" in job["error"]["message"], job
        log = cloud.logs(cloud.outputs["JobLogGroup"])
        assert any("cannot use GPU cuda:0" in line for line in log), log


@pytest.mark.parametrize("image", [image for image in IMAGES if image != "functions"])
def test_wrong_usage_ends_the_job_with_the_exit_code_that_says_so(image):
    started = time.monotonic()
    ran = run(image, "--job-id", "x")
    print(f"{1000 * (time.monotonic() - started):.0f} ms")
    assert ran.returncode == 2 and "--shard" in ran.stderr, ran
    env = {"AWS_REGION": "eu-central-1"}
    ran = run(image, *"--job-id x --shard 0 --first-chunk 0 --end-chunk 1".split(), env=env)
    assert ran.returncode == 2 and "FRAMEFAN_BUCKET" in ran.stderr, ran


def videos() -> dict[str, pathlib.Path]:
    """All test videos of crates/testkit, made by its own test where they are not there yet."""
    command = ["cargo", "test", "--quiet", "-p", "framefan-testkit", "--test", "videos"]
    subprocess.run(command, cwd=system.ROOT, check=True, stdout=subprocess.DEVNULL)
    made = sorted((system.TARGET / "test-videos").glob("*/*"), key=lambda path: path.stat().st_mtime)
    return {path.name: path for path in made}


def probe(path: pathlib.Path) -> tuple[str, str]:
    """Container and codec of the first video stream, as FFmpeg's own program names them."""
    command = ["ffprobe", "-v", "error", "-select_streams", "V:0", "-show_entries", "format=format_name:stream=codec_name"]
    found = json.loads(subprocess.run([*command, "-of", "json", str(path)], check=True, capture_output=True).stdout)
    return found["format"]["format_name"], found["streams"][0]["codec_name"]
