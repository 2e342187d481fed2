"""A stand-in for a Lambda function: speaks the Runtime API and does what its payload says. Needs only Python itself.

Its first argument names the behaviour when the payload does not: {"do": NAME, ...}.
"""

import json
import os
import signal
import sys
import time
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"


class Failure(Exception):
    """An error of the handler, with the type that it is reported under."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


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


while True:
    with urllib.request.urlopen(f"{API}/next") as invocation:
        request_id = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
        payload = json.load(invocation)
    try:
        answer, where = handle(payload), "response"
    except Failure as failure:
        answer, where = {"errorType": failure.kind, "errorMessage": failure.message}, "error"
    urllib.request.urlopen(urllib.request.Request(
        f"{API}/{request_id}/{where}", json.dumps(answer).encode(), method="POST")).read()
