"""A server process and its control API, as a test sees them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import boto3
from botocore.config import Config

PROGRAM = Path(__file__).resolve().parents[1] / "server.py"
# A loaded machine may take this long to import moto.
START_S = 60


def wait_until(condition, timeout_s: float = 30, what: str = "the condition", poll_s: float = 0.05):
    """The first true value of `condition()`. Raises TimeoutError when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true within {timeout_s} s")
        time.sleep(poll_s)


class Control:
    """The control API of a server."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str, **query):
        query = {name: value for name, value in query.items() if value is not None}
        return self._ask(urllib.request.Request(f"{self.address}{path}?{urlencode(query)}"))

    def post(self, path: str, **body):
        return self._ask(urllib.request.Request(
            f"{self.address}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"))

    def _ask(self, request: urllib.request.Request):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{request.get_method()} {request.full_url}: {error.read().decode()}") from error


class Server:
    """A server process; use it in a `with` statement. `config` is what its --config file holds."""

    def __init__(self, config: dict | None = None, without: tuple[str, ...] = ()) -> None:
        self.config = config or {}
        # Tests are proved by leaving out the repair that they are about: see tests/prove_repairs.py.
        left_out = [*without, *filter(None, os.environ.get("LOCAL_AWS_WITHOUT", "").split(","))]
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(self.config, file)
        self._config_path = Path(file.name)
        command = [sys.executable, str(PROGRAM), "--until-eof", "--config", file.name, "--without", ",".join(left_out)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                         env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(command)} ended with {self._process.wait()} before it was ready")
        self.ready = json.loads(line)
        self.endpoint, self.region = self.ready["endpoint"], self.ready["region"]
        self.control = Control(self.ready["control"])
        self._clients: dict = {}

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        if not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._config_path.unlink(missing_ok=True)
        # A server that was killed leaves it behind.
        shutil.rmtree(self.ready["scratch"], ignore_errors=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    def client(self, service: str):
        """A boto3 client that does not retry: a test sees each answer."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service, endpoint_url=self.endpoint, region_name=self.region, aws_access_key_id="test",
                aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=64))
        return self._clients[service]

    def env(self) -> dict[str, str]:
        """What makes a program's SDK use this server."""
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": self.region, "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test"}
