"""A stand-in for a Lambda function: does what its payload says.

Its first argument names the behaviour when the payload does not: {"do": NAME, ...}.
"""

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from function_runtime import Failure, serve  # noqa: E402


def handle(event: dict):
    what = event.get("do", sys.argv[1] if len(sys.argv) > 1 else "echo")
    match what:
        case "echo":
            return event
        case "fail":
            raise Failure(event["type"], event.get("message", "as told"))
        case "exit":
            sys.exit(event["status"])
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            time.sleep(event["seconds"])
            return {"slept": event["seconds"]}
        case "environment":
            return {name: os.environ.get(name) for name in event["names"]}
        case "write-temporary":
            path = os.path.join(os.environ["TMPDIR"], "file")
            with open(path, "w") as file:
                file.write("x")
            return {"path": path}
        case "print":
            print(event["text"], flush=True)
            return {}
    raise Failure("Usage", f"no behaviour {what}")


serve(handle)
