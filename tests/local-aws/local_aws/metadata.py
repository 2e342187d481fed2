"""The instance metadata service of one Batch job's machine (IMDSv2): a Spot notice appears there when a test says so.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
"""

import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local_aws.settings import ACCOUNT

TOKEN_HEADER = "X-aws-ec2-metadata-token"


class Metadata:
    """An HTTP server on a free port; AWS_EC2_METADATA_SERVICE_ENDPOINT tells the job its `url`."""

    def __init__(self, region: str) -> None:
        self.instance_id = f"i-{uuid.uuid4().hex[:17]}"
        self.region = region
        self.notice: dict | None = None
        self.tokens: set[str] = set()
        handler = type("Handler", (_Handler,), {"metadata": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def announce(self, action: str, in_seconds: float) -> None:
        """Makes the notice appear: what will happen to the machine, and when."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + in_seconds))
        self.notice = {"action": action, "time": when}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def page(self, path: str) -> str | None:
        """What stands at a path; None is 404."""
        pages = {
            "/latest/meta-data/instance-id": self.instance_id,
            "/latest/meta-data/instance-type": "g5.xlarge",
            "/latest/meta-data/instance-life-cycle": "spot",
            "/latest/meta-data/placement/availability-zone": f"{self.region}a",
            "/latest/meta-data/placement/region": self.region,
            "/latest/dynamic/instance-identity/document": json.dumps(
                {"accountId": ACCOUNT, "region": self.region, "instanceId": self.instance_id,
                 "instanceType": "g5.xlarge", "availabilityZone": f"{self.region}a"}),
        }
        if self.notice:
            pages["/latest/meta-data/spot/instance-action"] = json.dumps(self.notice)
            pages["/latest/meta-data/spot/termination-time"] = self.notice["time"]
        return pages.get(path.rstrip("/"))


class _Handler(BaseHTTPRequestHandler):
    metadata: Metadata
    protocol_version = "HTTP/1.1"

    def log_message(self, *args) -> None:
        pass

    def do_PUT(self) -> None:
        ttl = self.headers.get(f"{TOKEN_HEADER}-ttl-seconds")
        if self.path != "/latest/api/token" or not ttl:
            return self._answer(400, "")
        token = uuid.uuid4().hex
        self.metadata.tokens.add(token)
        # The SDKs take a token only together with how long it holds.
        self._answer(200, token, {f"{TOKEN_HEADER}-ttl-seconds": ttl})

    def do_GET(self) -> None:
        # Version 1, which asks for no token, is switched off, as on every machine the project starts.
        if self.headers.get(TOKEN_HEADER) not in self.metadata.tokens:
            return self._answer(401, "")
        page = self.metadata.page(self.path)
        self._answer(404 if page is None else 200, page or "")

    def _answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
