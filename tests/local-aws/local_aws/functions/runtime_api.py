"""The Lambda Runtime API of one execution environment: hands out invocations, takes responses and errors.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import queue
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Invocation:
    """What the runtime asks for with `next`."""

    request_id: str
    payload: bytes
    deadline_ms: int
    function_arn: str


@dataclass
class Outcome:
    """How an invocation ended: a response, or an error in Lambda's form."""

    failed: bool
    payload: bytes


class RuntimeApi:
    """An HTTP server on a free port; `address` is what AWS_LAMBDA_RUNTIME_API tells."""

    def __init__(self) -> None:
        self.invocations: queue.Queue[Invocation] = queue.Queue()
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    api: RuntimeApi
    protocol_version = "HTTP/1.1"

    def log_message(self, *args) -> None:
        pass

    def do_GET(self) -> None:
        """/2018-06-01/runtime/invocation/next: waits until there is one."""
        invocation = self.api.invocations.get()
        self._answer(200, invocation.payload, {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000",
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
        })

    def do_POST(self) -> None:
        """/2018-06-01/runtime/invocation/{id}/response, .../{id}/error, or /2018-06-01/runtime/init/error."""
        body = self._body()
        self._answer(202, b'{"status":"OK"}', {"Content-Type": "application/json"})
        self.api.outcomes.put(Outcome(self.path.endswith("/error"), body))

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
