"""A stand-in for a Batch job. Its arguments are a program of small steps, e.g. `print hello exit 3`."""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request


def metadata(path: str) -> str | None:
    """A page of the machine's metadata, by IMDSv2; None when it is not there."""
    base = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"].rstrip("/")
    token = urllib.request.urlopen(urllib.request.Request(
        f"{base}/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})).read().decode()
    try:
        request = urllib.request.Request(f"{base}{path}", headers={"X-aws-ec2-metadata-token": token})
        return urllib.request.urlopen(request).read().decode()
    except urllib.error.HTTPError as error:
        assert error.code == 404, error
        return None


def on_term(status: str):
    """Says so and exits, as a job that hands its work back."""
    def handler(*_):
        print("got SIGTERM", flush=True)
        os._exit(int(status))
    signal.signal(signal.SIGTERM, handler)


steps = sys.argv[1:]
while steps:
    step = steps.pop(0)
    if step == "print":
        print(steps.pop(0), flush=True)
    elif step == "exit":
        # One status for all attempts, or one per attempt: 5,5,0.
        statuses = steps.pop(0).split(",")
        sys.exit(int(statuses[min(int(os.environ["AWS_BATCH_JOB_ATTEMPT"]), len(statuses)) - 1]))
    elif step == "sleep":
        time.sleep(float(steps.pop(0)))
    elif step == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif step == "on-term":
        on_term(steps.pop(0))
    elif step == "ignore-term":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif step == "environment":
        names = steps.pop(0).split(",")
        print(json.dumps({name: os.environ.get(name) for name in names}), flush=True)
    elif step == "await-spot":
        while (notice := metadata("/latest/meta-data/spot/instance-action")) is None:
            time.sleep(0.05)
        print(notice, flush=True)
    else:
        sys.exit(f"no step {step}")
