"""The control API: what tests ask and order, in any language, over HTTP. All bodies are JSON. README.md lists the paths."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from moto.batch import batch_backends

from local_aws import calls, children, faults
from local_aws.batch.job import start_failures
from local_aws.events import bus
from local_aws.settings import ACCOUNT, REGION, SETTINGS
from local_aws.states import trace

# What /deployment answers; filled when there is one.
DEPLOYMENT: dict = {}


class BadRequest(Exception):
    """The request cannot be done; the text says why."""


def get_processes(running: str = "") -> list[dict]:
    return [child.describe() for child in children.children() if not running or child.running]


def post_signal(pid: int, signal: int, reason: str | None = None) -> dict:
    child = children.find(pid)
    if child is None or not child.running:
        raise BadRequest(f"no process {pid} of ours runs")
    child.signal(signal, reason)
    return child.describe()


def _attempt(job_id: str):
    job = batch_backends[ACCOUNT][REGION].get_job_by_id(job_id)
    if job is None or job.attempt is None or job.finished.is_set():
        raise BadRequest(f"no attempt of Batch job {job_id} runs")
    return job.attempt


def post_spot_notice(job_id: str, in_seconds: float = 120, action: str = "terminate") -> dict:
    attempt = _attempt(job_id)
    attempt.announce_spot(action, in_seconds)
    return {"instance_id": attempt.metadata.instance_id, **attempt.metadata.notice}


def post_reclaim(job_id: str) -> dict:
    attempt = _attempt(job_id)
    attempt.reclaim()
    return {"instance_id": attempt.metadata.instance_id}


def post_start_failure(image: str, reason: str, times: int = 1) -> dict:
    start_failures[image] += [reason] * times
    return {image: start_failures[image]}


def get_calls(since: int = 0, service: str = "", operation: str = "", kind: str = "", name: str = "") -> list[dict]:
    return [call for call in calls.calls(int(since))
            if (not service or call["service"] == service) and (not operation or call["operation"] == operation)
            and (not kind or call["caller"]["kind"] == kind) and (not name or name in call["caller"]["name"])]


def post_forget() -> dict:
    calls.forget()
    return {}


def get_bytes_served() -> list[dict]:
    return calls.served()


def get_events() -> dict:
    return {"published": bus.published(), "failed": bus.failed_deliveries()}


def get_faults() -> dict:
    return {"share": faults.POLICY.share, "seed": faults.POLICY.seed, "kinds": faults.POLICY.kinds,
            "met": faults.counts()}


def post_faults(share: float, seed: int = 0, kinds: list[str] = faults.KINDS) -> dict:
    faults.POLICY.configure(share, seed, tuple(kinds))
    return get_faults()


def post_plan_fault(service: str, operation: str, kind: str = "throttle", times: int = 1,
                    caller: str | None = None) -> dict:
    try:
        faults.plan(service, operation, kind, times, caller)
    except ValueError as error:
        raise BadRequest(str(error)) from error
    return {}


def post_programs(functions: dict | None = None, images: dict | None = None) -> dict:
    SETTINGS.functions.update(functions or {})
    SETTINGS.images.update(images or {})
    return {"functions": SETTINGS.functions, "images": SETTINGS.images}


def post_settings(**changes) -> dict:
    """Waits and `duplicate_s3_events`, by name."""
    for name, value in changes.items():
        owner = SETTINGS if name == "duplicate_s3_events" else SETTINGS.waits
        if not hasattr(owner, name):
            raise BadRequest(f"no setting {name}")
        setattr(owner, name, value)
    return {"duplicate_s3_events": SETTINGS.duplicate_s3_events, **vars(SETTINGS.waits)}


def get_trace() -> dict:
    return trace.report()


def get_deployment() -> dict:
    return DEPLOYMENT


PATHS = {
    ("GET", "/processes"): get_processes, ("POST", "/signal"): post_signal,
    ("POST", "/spot-notice"): post_spot_notice, ("POST", "/reclaim"): post_reclaim,
    ("POST", "/start-failure"): post_start_failure,
    ("GET", "/calls"): get_calls, ("POST", "/forget"): post_forget, ("GET", "/bytes-served"): get_bytes_served,
    ("GET", "/events"): get_events,
    ("GET", "/faults"): get_faults, ("POST", "/faults"): post_faults, ("POST", "/plan-fault"): post_plan_fault,
    ("POST", "/programs"): post_programs, ("POST", "/settings"): post_settings,
    ("GET", "/trace"): get_trace, ("GET", "/deployment"): get_deployment,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args) -> None:
        pass

    def do_GET(self) -> None:
        self._handle(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._handle(json.loads(body or b"{}"))

    def _handle(self, arguments: dict) -> None:
        function = PATHS.get((self.command, urlsplit(self.path).path))
        if function is None:
            return self._answer(404, {"error": f"no {self.command} {self.path}"})
        try:
            self._answer(200, function(**arguments))
        except (BadRequest, TypeError) as error:
            self._answer(400, {"error": str(error)})

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value, default=str).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve() -> str:
    """Starts the control API on a free port and returns its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
