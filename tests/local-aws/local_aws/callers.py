"""Who calls: every process, rule and state machine has an access key of its own, so that a request tells its sender."""

import base64
import threading
import uuid

# Tests and the command line come with keys of their own choice.
OUTSIDE = {"kind": "outside", "name": "outside"}

_lock = threading.Lock()
_by_key: dict[str, dict] = {}
_keys: dict[tuple, str] = {}


def key_of(kind: str, name: str, **details) -> str:
    """The access key id of a caller, made at the first call. Kinds: function, job, state-machine, rule, local-aws."""
    identity = (kind, name, *sorted(details.items()))
    with _lock:
        if identity not in _keys:
            # As long and of the same letters as AWS's: SDKs and moto look.
            key = "ASIA" + base64.b32encode(uuid.uuid4().bytes).decode()[:16]
            _keys[identity] = key
            _by_key[key] = {"kind": kind, "name": name, **details}
        return _keys[identity]


def caller_of(access_key: str | None) -> dict:
    with _lock:
        return _by_key.get(access_key or "", OUTSIDE)


def credentials(kind: str, name: str, **details) -> dict[str, str]:
    """The environment variables that make a process this caller."""
    return {"AWS_ACCESS_KEY_ID": key_of(kind, name, **details), "AWS_SECRET_ACCESS_KEY": "local"}
