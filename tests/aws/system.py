"""The system under test: its programs on a local AWS, and what they should agree with.

Programs are those that Cargo built (`cargo build --workspace --bins`); videos and weights are made here, once.
"""

import json
import os
import pathlib
import subprocess
import threading

import inputs
from local_aws_client import Cloud
from local_aws_client.cloud import top_level

ROOT = inputs.ROOT
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
PROGRAMS = TARGET / "debug"
MADE = TARGET / "test-aws"
# A dead worker's chunk is free after this long.
LEASE_S = 3
# What most jobs ask for: small enough that a job takes a second.
# An execution that nobody runs, for functions that are called by hand.
BY_HAND = "arn:aws:states:eu-central-1:123456789012:execution:by:hand"
SMALL = {"chunk_seconds": 1, "max_width": 96, "compute": "cpu"}


def program(name: str) -> str:
    path = PROGRAMS / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: cargo build --workspace --bins")
    return str(path)


def device_class() -> str:
    """The class of this machine, as `framefan` names it."""
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    isa = "avx512" if " avx512f " in flags else "avx2" if " avx2 " in flags and " fma " in flags else "portable"
    return f"cpu-{isa}-f32"


_once = threading.Lock()


def video(name: str = "clip", **options) -> pathlib.Path:
    """A video that FFmpeg makes; see `inputs.make_video`."""
    path = MADE / f"{name}.mp4"
    with _once:
        if not path.exists():
            MADE.mkdir(parents=True, exist_ok=True)
            inputs.make_video(path.with_suffix(".part.mp4"), **options).rename(path)
    return path


def models() -> pathlib.Path:
    """A folder with weights of random numbers."""
    folder = MADE / "models-1"
    with _once:
        if not (folder / "manifest.json").exists():
            inputs.make_weights(folder)
    return folder


def environment(models_folder: pathlib.Path) -> dict[str, str]:
    """What all functions and jobs are told."""
    return {
        "FRAMEFAN_MODELS": str(models_folder),
        # One class on both queues, so that a test can give them different programs and the job stays the same.
        "CPU_DEVICE_CLASS": device_class(),
        "GPU_DEVICE_CLASS": device_class(),
        "DEFAULT_COMPUTE": "cpu",
        "CHUNK_SECONDS": "1",
        "MAX_WIDTH": "96",
        "SHARD_SECONDS": "3",
        "RETENTION_DAYS": "30",
        "FRAMEFAN_LEASE_SECONDS": str(LEASE_S),
        "FRAMEFAN_DEVICE": "cpu",
    }


class Observed(Cloud):
    """A deployment whose calls are remembered when it ends."""

    def stop(self) -> None:
        _CALLS.update((role, *called) for call in self.calls() if (role := _role(call["caller"]))
                      for called in _actions(role, call))
        super().stop()


# Of all deployments: role of the caller, action, resource.
_CALLS: set[tuple[str, str, str]] = set()


def _role(caller: dict) -> str | None:
    """The role, by the deployment's name, that a caller has."""
    match caller["kind"]:
        case "function":
            return caller["name"].removeprefix("framefan-")
        case "job":
            return "job"
        case "state-machine":
            return "stateMachine"
    return None


def _actions(role: str, call: dict) -> list[tuple[str, str]]:
    # In a deployment the state machine names versions of the functions.
    version = ":1" if role == "stateMachine" and call["service"] == "lambda" else ""
    return [(action, resource + version) for action, resource in call["actions"]]


def calls_by_role() -> set[tuple[str, str, str]]:
    """What all deployments that have ended called: role, action, resource."""
    return _CALLS


def deploy(models_folder: pathlib.Path | None = None, faults: bool = False, **changes) -> Cloud:
    """The system on a new local AWS."""
    functions = {
        name: {"argv": [program(f"framefan-{name}")], "faults": faults, "timeout": 60}
        for name in ("planner", "reducer", "closer")
    }
    config = {
        "env": environment(models_folder or models()),
        "functions": functions,
        "job": {"argv": [program("gpu-job")], "faults": faults},
        # AWS waits seconds between tries; here they are a tenth of that.
        "waits": {"retry_scale": 0.1, "stop_grace_s": 25.0},
        **changes,
    }
    return Observed(config)


def local_section(path: pathlib.Path, *options: str, weights: pathlib.Path | None = None) -> bytes:
    """The pose section of `framefan run` on this machine, in one chunk and one shard."""
    out = MADE / "local"
    weights = weights or models() / "yolov8n-pose.safetensors"
    command = [program("framefan"), "run", str(path), "--analyzer", "pose", "--model", f"yolov8n-pose={weights}"]
    command += ["--chunk-seconds", "3600", "--out", str(out), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    return top_level(pathlib.Path(summary["results"]).read_text(), "pose").encode()


def assert_whole(cloud: Cloud, job_id: str) -> None:
    """The job is done, and every chunk is completed and counted once."""
    job, chunks = cloud.job(job_id), cloud.chunks(job_id)
    assert job["stage"] == "DONE" and job["progress_pct"] == 100, job
    assert [chunk["index"] for chunk in chunks] == list(range(job["total_chunks"]))
    assert {chunk["status"] for chunk in chunks} == {"completed"}
    assert job["completed_chunks"] == job["total_chunks"] == len(chunks)
    assert job["failed_chunks"] == 0


def done(cloud: Cloud, arn: str, timeout_s: float = 120) -> str:
    """The job id of an execution that must succeed."""
    ended = cloud.wait(arn, timeout_s)
    assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"))
    return ended["output"]["job_id"]
