"""The unpacked images, and how to run and deploy them."""

import json
import os
import pathlib
import subprocess
import sys

import system

ROOTS = pathlib.Path(os.environ.get("FRAMEFAN_IMAGE_ROOTS") or system.TARGET / "images")
CONTAIN = pathlib.Path(__file__).with_name("contain.py")
PROGRAMS = "/usr/local/bin"


def root(image: str) -> pathlib.Path:
    return ROOTS / image


def config(image: str) -> dict:
    return json.loads((ROOTS / f"{image}.json").read_text())


def contained(image: str, *arguments: str, entrypoint: str | None = None) -> list[str]:
    """The command that runs a program in an image."""
    override = ["--entrypoint", entrypoint] if entrypoint else []
    return [sys.executable, "-B", str(CONTAIN), *override, str(root(image)), *arguments]


def run(image: str, *arguments: str, entrypoint: str | None = None, **options) -> subprocess.CompletedProcess:
    return subprocess.run(contained(image, *arguments, entrypoint=entrypoint), capture_output=True, text=True, **options)


def weights() -> pathlib.Path:
    """Those that are in the job's image, for runs outside of it."""
    return root("job-cpu") / "opt/framefan/models/yolov8n-pose.safetensors"


def deploy():
    """The images on a new local AWS. They have their models themselves."""
    env = system.environment(pathlib.Path())
    del env["FRAMEFAN_MODELS"]
    functions = {
        name: {"argv": contained("functions", f"{PROGRAMS}/framefan-{name}"), "timeout": 60}
        for name in ("planner", "reducer", "closer")
    }
    return system.deploy(pathlib.Path(), env=env, functions=functions, job={"argv": contained("job-cpu")})
