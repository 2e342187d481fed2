"""What one server is told at its start: where programs are, how long AWS's long waits are here, what to repair.

One object, read by all modules, because moto's classes that we extend have no place of their own for it.
"""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ACCOUNT = "123456789012"
# Not us-east-1: a program that names a region by itself is found out.
REGION = "eu-central-1"


@dataclass
class Waits:
    """AWS's long waits. A test shortens what it would otherwise sit through; all else is as in AWS."""

    # Retry intervals of states and of asynchronous invocations are multiplied by this.
    retry_scale: float = 1.0
    # attemptDurationSeconds (at least 60 in AWS) is multiplied by this.
    attempt_timeout_scale: float = 1.0
    # How long a container may take between SIGTERM and SIGKILL.
    stop_grace_s: float = 30.0
    # What a job waits before each attempt, as for a machine to start.
    batch_start_s: float = 0.0


@dataclass
class Settings:
    """Of this process."""

    endpoint: str = ""
    faulty_endpoint: str = ""
    waits: Waits = field(default_factory=Waits)
    # Every S3 event is delivered twice: AWS promises at least once.
    duplicate_s3_events: bool = False
    # Where each process's output is also written, as NAME-PID.log.
    output_dir: Path | None = None
    # Function name or container image → the program that is it, its extra environment, and whether it meets faults.
    functions: dict[str, dict] = field(default_factory=dict)
    images: dict[str, dict] = field(default_factory=dict)
    # Queue name → how many of its jobs may run at the same time.
    queue_slots: dict[str, int] = field(default_factory=dict)
    # Working folders of processes; made by `configure`, removed at the end.
    scratch: Path | None = None

    def configure(self, config: dict) -> None:
        """Takes over what the configuration file says; `deployment` reads the rest of it."""
        self.scratch = Path(tempfile.mkdtemp(prefix="local-aws-"))
        programs = config.get("programs", {})
        self.functions.update(programs.get("functions", {}))
        self.images.update(programs.get("images", {}))
        self.queue_slots.update(config.get("queue_slots", {}))
        self.waits = Waits(**config.get("waits", {}))
        self.duplicate_s3_events = config.get("duplicate_s3_events", False)
        if folder := config.get("output_dir"):
            self.output_dir = Path(folder)
            self.output_dir.mkdir(parents=True, exist_ok=True)

    def clean(self) -> None:
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)


SETTINGS = Settings()
