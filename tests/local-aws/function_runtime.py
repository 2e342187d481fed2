"""The Lambda Runtime API from a function's side, for stand-ins. Needs only Python itself."""

import json
import os
import urllib.request


class Failure(Exception):
    """An error of the handler, with the type that it is reported under."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


def serve(handle) -> None:
    """Answers invocations with what `handle` makes of their payloads, for ever."""
    api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
    while True:
        with urllib.request.urlopen(f"{api}/next") as invocation:
            request_id = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
            payload = json.load(invocation)
        try:
            answer, where = handle(payload), "response"
        except Failure as failure:
            answer, where = {"errorType": failure.kind, "errorMessage": failure.message}, "error"
        urllib.request.urlopen(urllib.request.Request(
            f"{api}/{request_id}/{where}", json.dumps(answer).encode(), method="POST")).read()
