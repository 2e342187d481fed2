"""Starts the server: `server.py --port 0 --config deployment.json`; prints one line of JSON when it is ready.

It ends on SIGTERM, on SIGINT, and when its parent dies, or, with --until-eof, when its standard input closes; and with
it all processes that it started.
"""

import argparse
import ctypes
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

PR_SET_PDEATHSIG = 1


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    quit_read, quit_write = os.pipe()
    # Not an Event: its lock may be held by the very thread that the signal interrupts.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.write(quit_write, b"x"))
    if options.until_eof:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), os.write(quit_write, b"x")), daemon=True).start()
    else:
        # With a pipe from the parent this would do harm: to the kernel, the parent is the thread that forked.
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            return 1
    status = 0
    try:
        config = json.loads(options.config.read_text()) if options.config else {}
        print(json.dumps(_start(options, config)), flush=True)
        os.read(quit_read, 1)
    except Exception as error:  # said in one line; the processes that were started must end in any case
        print(f"local-aws: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        status = 1
    _end(status)
    return status


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="server.py", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the endpoint; 0 takes a free one")
    parser.add_argument("--config", type=Path, help="JSON: programs, settings, and what to deploy")
    parser.add_argument("--without", default="", help="repairs to leave out, separated by commas: to prove a test")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input closes")
    return parser.parse_args(arguments)


def _start(options: argparse.Namespace, config: dict) -> dict:
    from local_aws import control, deployment, endpoint, repairs
    from local_aws.settings import REGION, SETTINGS

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    without = [name for name in options.without.split(",") if name]
    repairs.apply(without)
    SETTINGS.configure(config)
    endpoint.serve(options.port, without)
    ready = {"ready": True, "endpoint": SETTINGS.endpoint, "faulty_endpoint": SETTINGS.faulty_endpoint,
             "control": control.serve(), "region": REGION, "scratch": str(SETTINGS.scratch)}
    if "functions" in config:
        control.DEPLOYMENT.update(deployment.deploy(config))
        ready["deployment"] = control.DEPLOYMENT
    return ready


def _end(status: int) -> None:
    from local_aws import children
    from local_aws.settings import SETTINGS

    children.kill_all()
    SETTINGS.clean()
    # Threads of moto may be in the middle of anything; nothing of theirs is worth waiting for.
    os._exit(status)
