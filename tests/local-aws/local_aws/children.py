"""The processes that stand for functions and jobs: started, listed, signalled, and ended with the server.

All are started by one thread, because the kernel's "die with your parent" means the thread that forked.
"""

import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

from local_aws.settings import SETTINGS

# What a process inherits; all else it is given explicitly, as in a container.
INHERITED = ("PATH", "HOME", "LD_LIBRARY_PATH", "LANG", "CUDA_VISIBLE_DEVICES")

_children: list["Child"] = []
_orders: queue.Queue = queue.Queue()
_setpriv = shutil.which("setpriv")


@dataclass
class Child:
    """One process of a function or job."""

    kind: str
    name: str
    command: list[str]
    process: subprocess.Popen
    details: dict = field(default_factory=dict)
    started_at: float = field(default_factory=time.time)
    # What the one who signalled says of it: Batch reports why a container ended.
    end_reason: str | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int, reason: str | None = None) -> None:
        """To the process alone, as a container's first process gets it."""
        if reason:
            self.end_reason = reason
        if self.running:
            self.process.send_signal(number)

    def kill(self) -> None:
        """The process and all that it started."""
        if self.running:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def describe(self) -> dict:
        return {"kind": self.kind, "name": self.name, "pid": self.pid, "running": self.running,
                "exit_status": self.process.poll(), "command": self.command, "started_at": self.started_at,
                **self.details}


def start(kind: str, name: str, command: list[str], env: dict[str, str], cwd: str, **details) -> Child:
    """Starts a process; its standard output and error are one pipe, `child.process.stdout`."""
    inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
    answer: queue.Queue = queue.Queue()
    _orders.put((command, {**inherited, **env}, cwd, answer))
    process = answer.get()
    if isinstance(process, Exception):
        raise process
    child = Child(kind, name, command, process, details)
    _children.append(child)
    return child


def children() -> list[Child]:
    return list(_children)


def find(pid: int) -> Child | None:
    return next((child for child in _children if child.pid == pid), None)


def kill_all() -> None:
    for child in _children:
        child.kill()


def _spawn() -> None:
    while True:
        command, env, cwd, answer = _orders.get()
        prefix = [_setpriv, "--pdeathsig", "KILL", "--"] if _setpriv else []
        try:
            answer.put(subprocess.Popen(prefix + command, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True))
        except OSError as error:
            answer.put(error)


threading.Thread(target=_spawn, name="children", daemon=True).start()


def program(table: dict[str, dict], name: str) -> dict:
    """The program that is told to be a function or image."""
    if name not in table:
        known = ", ".join(sorted(table)) or "none"
        raise RuntimeError(f"no program for {name}: name it in the configuration or POST /programs (known: {known})")
    return table[name]


def endpoint_for(entry: dict) -> str:
    """Where this program finds AWS: behind the faults, if it shall meet them."""
    return SETTINGS.faulty_endpoint if entry.get("faults") else SETTINGS.endpoint
