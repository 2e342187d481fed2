"""The state machine on the local AWS, with stand-ins for the functions and the job; and what is remembered of it."""

import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "local-aws"))

from local_aws_client import Cloud  # noqa: E402

PROGRAMS = Path(__file__).parent / "programs"
WORKER = [sys.executable, "-S", "-E", str(PROGRAMS / "worker.py")]
# The way to the state of the Map's children, for a patch of the definition.
CHILD = ("States", "Analyze shards", "ItemProcessor", "States", "Analyze shard")
# What each deployment evaluated and passed through: test_machine_text.py asks whether that was everything.
traces: list[dict] = []


@contextmanager
def deploy(patch: dict | None = None):
    """The machine, with a patch of its definition (RFC 7386), on a server of its own."""
    steps = {role: {"argv": [sys.executable, str(PROGRAMS / "step.py"), role], "timeout": 2}
             for role in ("planner", "reducer", "closer")}
    # The machine's own intervals would make tests wait for minutes.
    waits = {"retry_scale": 0.02, "stop_grace_s": 1}
    with Cloud({"functions": steps, "job": {"argv": WORKER}, "machine": {"patch": patch or {}}, "waits": waits}) as cloud:
        yield cloud
        traces.append(cloud.control.get("/trace"))


def child(change: dict) -> dict:
    """A patch of the state that runs a shard's job."""
    for name in reversed(CHILD):
        change = {name: change}
    return change
