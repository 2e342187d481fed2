"""An execution environment: one process, one invocation at a time, reused while it lives."""

import json
import queue
import signal
import tempfile
import threading
import time
import uuid

from local_aws import children, logs
from local_aws.callers import credentials
from local_aws.functions.runtime_api import Invocation, Outcome, RuntimeApi
from local_aws.settings import SETTINGS

# The words in which Lambda names signals.
SIGNAL_WORDS = {signal.SIGKILL: "killed", signal.SIGSEGV: "segmentation fault", signal.SIGABRT: "aborted",
                signal.SIGTERM: "terminated"}


class Environment:
    """Starts the function's program, with the variables that Lambda sets."""

    def __init__(self, function, entry: dict) -> None:
        self._function = function
        self._api = RuntimeApi()
        self._request_id = "none"
        self._group = f"/aws/lambda/{function.function_name}"
        self._stream = f"{time.strftime('%Y/%m/%d')}/[$LATEST]{uuid.uuid4().hex}"
        # Only the temporary folder is writable in Lambda, and it is the environment's own.
        scratch = tempfile.mkdtemp(prefix=f"{function.function_name}-", dir=SETTINGS.scratch)
        self._child = children.start("function", function.function_name, entry["argv"], {
            **credentials("function", function.function_name),
            "AWS_ENDPOINT_URL": children.endpoint_for(entry),
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_LOG_GROUP_NAME": self._group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._stream,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "_HANDLER": function.handler or "bootstrap",
            "TMPDIR": scratch,
            **entry.get("env", {}),
            **(function.environment_vars or {}),
        }, cwd=scratch)
        self._pump = logs.Pump(self._child.process.stdout, self._group, self._stream, function.region,
                               f"{function.function_name}-{self._child.pid}")
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._child.running

    def invoke(self, payload: bytes, timeout_s: float) -> Outcome:
        """One invocation. A process that dies or takes too long is an error in Lambda's own words."""
        self._request_id = str(uuid.uuid4())
        self._log(f"START RequestId: {self._request_id} Version: $LATEST")
        started = time.monotonic()
        deadline_ms = int((time.time() + timeout_s) * 1000)
        self._api.invocations.put(Invocation(self._request_id, payload, deadline_ms, self._function.function_arn))
        try:
            outcome = self._api.outcomes.get(timeout=timeout_s)
        except queue.Empty:
            message = f"Task timed out after {timeout_s:.2f} seconds"
            self._log(f"{self._request_id} {message}")
            self._child.kill()
            outcome = self._error("Sandbox.Timedout", message)
        self._log(f"END RequestId: {self._request_id}")
        self._log(f"REPORT RequestId: {self._request_id} Duration: {1000 * (time.monotonic() - started):.2f} ms")
        return outcome

    def _log(self, line: str) -> None:
        logs.write(self._group, self._stream, self._function.region, [line])

    def _error(self, kind: str, message: str) -> Outcome:
        text = {"errorType": kind, "errorMessage": f"RequestId: {self._request_id} Error: {message}"}
        return Outcome(True, json.dumps(text).encode())

    def _watch(self) -> None:
        status = self._child.process.wait()
        self._pump.finish(2)
        self._api.close()
        if status == 0:
            how = "Runtime exited without providing a reason"
        elif status < 0:
            how = f"Runtime exited with error: signal: {SIGNAL_WORDS.get(-status, str(-status))}"
        else:
            how = f"Runtime exited with error: exit status {status}"
        self._api.outcomes.put(self._error("Runtime.ExitError", how))
