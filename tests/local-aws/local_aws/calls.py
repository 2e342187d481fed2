"""The record of all calls: who called what on which resource with which answer; and the bytes of objects served."""

import io
import threading
import time

from local_aws import iam
from local_aws.callers import caller_of
from local_aws.operations import LARGEST_BODY, Operation, identify

# The oldest are dropped beyond this.
KEPT = 500_000
OPERATION = "local_aws.operation"

_lock = threading.Lock()
_calls: list[dict] = []
_served: dict[tuple, dict] = {}


class Recorder:
    """WSGI middleware: lets the application behind it answer, and writes down what happened."""

    def __init__(self, application) -> None:
        self._application = application

    def __call__(self, environ, start_response):
        operation = operation_of(environ)
        answer = {}

        def remember(status, headers, exc_info=None):
            answer["status"] = int(status.split()[0])
            return start_response(status, headers, exc_info)

        body = collect(self._application(environ, remember))
        _record(operation, answer.get("status", 0), environ, len(body))
        return [body]


def collect(parts) -> bytes:
    """All of an application's answer."""
    try:
        return b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()


def operation_of(environ: dict) -> Operation:
    """What the request asks for; read once, by whichever middleware comes first."""
    if OPERATION not in environ:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = b""
        if 0 < length <= LARGEST_BODY:
            body = environ["wsgi.input"].read(length)
            environ["wsgi.input"] = io.BytesIO(body)
        environ[OPERATION] = identify(environ, body)
    return environ[OPERATION]


def note_fault(environ: dict, what: str) -> None:
    """The call's record will say that its answer was not the service's own."""
    environ["local_aws.fault"] = what


def _record(operation: Operation, status: int, environ: dict, size: int) -> None:
    caller = caller_of(operation.access_key)
    call = {
        "time": time.time(), "caller": caller, "service": operation.service, "operation": operation.name,
        "actions": iam.actions(operation), "status": status,
    }
    if operation.bucket:
        call |= {"bucket": operation.bucket, "key": operation.key}
    if fault := environ.get("local_aws.fault"):
        call["fault"] = fault
    with _lock:
        _calls.append(call)
        del _calls[:-KEPT]
        if operation.name == "GetObject" and status in (200, 206):
            served = _served.setdefault((caller["kind"], caller["name"], operation.bucket, operation.key), {
                "caller": caller, "bucket": operation.bucket, "key": operation.key, "requests": 0, "ranged": 0,
                "bytes": 0})
            served["requests"] += 1
            served["ranged"] += status == 206
            served["bytes"] += size


def calls(since: int = 0) -> list[dict]:
    """From number `since` on."""
    with _lock:
        return _calls[since:]


def served() -> list[dict]:
    """Bytes of GetObject by caller's name and key."""
    with _lock:
        return [dict(entry) for entry in _served.values()]


def forget() -> None:
    with _lock:
        _calls.clear()
        _served.clear()
