"""The SDK as the server's own parts use it: against this server, with the key of whom they act for."""

import threading

import boto3
from botocore.config import Config

from local_aws.callers import key_of
from local_aws.settings import REGION, SETTINGS

_lock = threading.Lock()
_clients: dict[tuple, object] = {}


def client(service: str, kind: str = "local-aws", name: str = "local-aws", region: str = REGION):
    """A client of one caller. Making one takes tens of milliseconds and one thread; using one takes neither."""
    key = (service, kind, name, region)
    with _lock:
        if key not in _clients:
            _clients[key] = boto3.client(
                service,
                region_name=region,
                endpoint_url=SETTINGS.endpoint,
                aws_access_key_id=key_of(kind, name),
                aws_secret_access_key="local",
                # AWS's own services do retry; here a planned fault must be seen as it is.
                config=Config(retries={"total_max_attempts": 1}, read_timeout=3600, max_pool_connections=64,
                              parameter_validation=False),
            )
        return _clients[key]
