"""Repair `lambda`: an invocation runs the function's program.

moto without Docker answers each invocation with its payload. AWS runs the function; a crash, a timeout and an error of
the handler come back as error objects with an `errorType`, which Step Functions matches. An invocation of type Event is
accepted at once, runs later, and runs twice more when it fails.
"""

import json
import threading
import time

from moto.awslambda_simple.models import LambdaSimpleBackend

from local_aws import children
from local_aws.functions.environment import Environment
from local_aws.settings import SETTINGS

# After a first failure AWS waits one minute, after a second one two.
ASYNC_RETRY_WAITS_S = (60, 120)

_idle: dict[str, list[Environment]] = {}
_lock = threading.Lock()


def apply() -> None:
    LambdaSimpleBackend.invoke = _invoke


def _invoke(self, function_name, qualifier, body, headers, response_headers):
    function = self.get_function(function_name, qualifier)
    payload = body.encode() if isinstance(body, str) else body or b"{}"
    kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
    if kind == "DryRun":
        return b""
    if kind == "Event":
        threading.Thread(target=_run_later, args=(function, payload), daemon=True).start()
        return b""
    outcome = _run(function, payload)
    if outcome.failed:
        response_headers["x-amz-function-error"] = "Unhandled"
    return outcome.payload


def _run(function, payload: bytes):
    entry = children.program(SETTINGS.functions, function.function_name)
    # A change of the configuration means new environments, as in AWS.
    key = json.dumps([function.function_arn, function.environment_vars, entry], sort_keys=True)
    with _lock:
        idle = [environment for environment in _idle.get(key, []) if environment.alive]
        environment = idle.pop() if idle else None
        _idle[key] = idle
    environment = environment or Environment(function, entry)
    outcome = environment.invoke(payload, float(function.timeout))
    if environment.alive:
        with _lock:
            _idle[key].append(environment)
    return outcome


def _run_later(function, payload: bytes) -> None:
    for wait in (*ASYNC_RETRY_WAITS_S, None):
        if not _run(function, payload).failed or wait is None:
            return
        time.sleep(wait * SETTINGS.waits.retry_scale)
