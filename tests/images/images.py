"""The unpacked images, and how to run and deploy them."""

import functools
import json
import os
import pathlib
import re
import subprocess
import sys

import system

ROOTS = pathlib.Path(os.environ.get("FRAMEFAN_IMAGE_ROOTS") or system.TARGET / "images")
CONTAIN = pathlib.Path(__file__).with_name("contain.py")
PROGRAMS = "/usr/local/bin"
# In CUDA's driver API.
CUDA_ERROR_NO_DEVICE = 100


def root(image: str) -> pathlib.Path:
    return ROOTS / image


def config(image: str) -> dict:
    return json.loads((ROOTS / f"{image}.json").read_text())


def contained(image: str, *arguments: str, entrypoint: str | None = None) -> list[str]:
    """The command that runs a program in an image."""
    override = ["--entrypoint", entrypoint] if entrypoint else []
    driver = ["--driver", str(no_gpu_driver())] if image == "job-gpu" and not entrypoint else []
    return [sys.executable, "-B", str(CONTAIN), *override, *driver, str(root(image)), *arguments]


@functools.cache
def no_gpu_driver() -> pathlib.Path:
    """A driver's library, as GPU hosts have one: each function that the program asks for answers that there is no GPU."""
    program = root("job-gpu") / PROGRAMS.lstrip("/") / "gpu-job"
    listed = subprocess.run(["nm", "-D", "--undefined-only", str(program)], check=True, capture_output=True, text=True)
    names = re.findall(r" U (cu[A-Z]\w*)$", listed.stdout, re.M)
    # Those of cuBLAS and cuRAND begin otherwise.
    code = "".join(f"int {name}(void) {{ return {CUDA_ERROR_NO_DEVICE}; }}\n" for name in names)
    library = system.MADE / "libcuda.so.1"
    library.parent.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-shared", "-fPIC", "-fno-builtin", "-x", "c", "-", "-Wl,-soname,libcuda.so.1", "-o", str(library)]
    subprocess.run(command, check=True, input=code, text=True)
    return library


def run(image: str, *arguments: str, entrypoint: str | None = None, **options) -> subprocess.CompletedProcess:
    return subprocess.run(contained(image, *arguments, entrypoint=entrypoint), capture_output=True, text=True, **options)


def built() -> tuple[str, ...]:
    """The images that are there. That for GPUs is large and takes long to build."""
    return ("functions", "job-cpu", *(["job-gpu"] if root("job-gpu").exists() else []))


def weights() -> pathlib.Path:
    """Those that are in the job's image, for runs outside of it."""
    return root("job-cpu") / "opt/framefan/models/yolov8n-pose.safetensors"


def deploy(job: str = "job-cpu", **changes: str):
    """The images on a new local AWS, with these changes of the environment. They have their models themselves."""
    env = system.environment(pathlib.Path()) | changes
    del env["FRAMEFAN_MODELS"]
    functions = {
        name: {"argv": contained("functions", f"{PROGRAMS}/framefan-{name}"), "timeout": 60}
        for name in ("planner", "reducer", "closer")
    }
    return system.deploy(pathlib.Path(), env=env, functions=functions, job={"argv": contained(job)})
