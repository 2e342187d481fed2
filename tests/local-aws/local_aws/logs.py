"""What processes write goes to CloudWatch Logs line by line, while they run."""

import threading
import time
from typing import IO

from moto.logs import logs_backends

from local_aws.settings import ACCOUNT, SETTINGS

# Lines that come within this time make one batch.
GATHER_S = 0.1
_lock = threading.Lock()


def write(group: str, stream: str, region: str, lines: list[str]) -> None:
    """Appends lines to a log stream, both made where missing. CloudWatch takes no empty message."""
    events = [{"timestamp": int(time.time() * 1000), "message": line} for line in lines if line]
    backend = logs_backends[ACCOUNT][region]
    with _lock:
        backend.ensure_log_group(group)
        backend.ensure_log_stream(group, stream)
        if events:
            backend.put_log_events(group, stream, events)


class Pump:
    """Carries one process's output to its log stream, until the pipe closes."""

    def __init__(self, pipe: IO[bytes], group: str, stream: str, region: str, copy: str) -> None:
        self._pipe, self._where = pipe, (group, stream, region)
        self._copy = SETTINGS.output_dir / f"{copy}.log" if SETTINGS.output_dir else None
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._reader.start()
        self._writer.start()

    def finish(self, timeout: float) -> None:
        """Waits for the last lines. A grandchild may hold the pipe open: then they come when they come."""
        self._reader.join(timeout)
        self._writer.join(timeout)

    def _read(self) -> None:
        for line in self._pipe:
            with self._changed:
                self._lines.append(line.decode(errors="replace").rstrip("\n"))
                self._changed.notify()
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _write(self) -> None:
        while True:
            with self._changed:
                while not self._lines and not self._closed:
                    self._changed.wait()
                if not self._closed:
                    self._changed.wait(GATHER_S)
                lines, self._lines = self._lines, []
                closed = self._closed
            write(*self._where, lines)
            if self._copy:
                with self._copy.open("a") as file:
                    file.writelines(f"{line}\n" for line in lines)
            if closed:
                return
