"""Faults: a share of calls is throttled, fails before or after it was carried out, or meets another transaction.

Two ways. A seeded share hits whoever calls through the faulty endpoint, which processes are given when told so (never
the state machines' interpreter); the same seed hits the same calls of each caller. A planned fault hits the next calls
that fit it, whoever makes them.
"""

import random
import threading

from local_aws import errors
from local_aws.callers import caller_of
from local_aws.calls import collect, note_fault, operation_of
from local_aws.errors import Failure
from local_aws.operations import Operation

THROTTLED = {
    "s3": Failure(503, "SlowDown", "Please reduce your request rate."),
    "dynamodb": Failure(400, "ThrottlingException", "Throughput exceeds the current capacity of your table or index."),
    "batch": Failure(429, "TooManyRequestsException", "Too Many Requests"),
    "lambda": Failure(429, "TooManyRequestsException", "Rate Exceeded."),
    "cloudformation": Failure(400, "Throttling", "Rate exceeded"),
}
OTHER_THROTTLED = Failure(400, "ThrottlingException", "Rate exceeded")
BROKEN = {
    "s3": Failure(500, "InternalError", "We encountered an internal error. Please try again."),
    "dynamodb": Failure(500, "InternalServerError", "The request could not be completed."),
    "batch": Failure(500, "ServerException", "Internal failure"),
    "lambda": Failure(500, "ServiceException", "Internal failure"),
}
OTHER_BROKEN = Failure(500, "InternalFailure", "Internal failure")
KINDS = ("throttle", "error", "ambiguous", "conflict")
WRITES = ("PutItem", "UpdateItem", "DeleteItem")

_lock = threading.Lock()
_plan: list[dict] = []
_counts: dict[str, int] = {}


class Policy:
    """Which calls fail. `kinds` restricts the faults, e.g. to one of KINDS."""

    def __init__(self) -> None:
        self.configure()

    def configure(self, share: float = 0.0, seed: int = 0, kinds: tuple[str, ...] = KINDS) -> None:
        self.share, self.seed, self.kinds = share, seed, tuple(kinds)
        self._numbers: dict[tuple, int] = {}

    def choose(self, operation: Operation) -> str | None:
        """Decided by the seed, the caller, the operation and how many of these the caller made: not by the clock."""
        caller = caller_of(operation.access_key)
        who = (caller["kind"], caller["name"], caller.get("attempt"), operation.service, operation.name)
        with _lock:
            number = self._numbers[who] = self._numbers.get(who, 0) + 1
        dice = random.Random(f"{self.seed}/{who}/{number}")
        if dice.random() >= self.share:
            return None
        fitting = [kind for kind in self.kinds if kind != "conflict" or _may_conflict(operation)]
        return dice.choice(fitting) if fitting else None


POLICY = Policy()


def plan(service: str, operation: str, kind: str = "throttle", times: int = 1, caller: str | None = None) -> None:
    """The next `times` calls of an operation (by callers whose name holds `caller`) meet this fault."""
    if kind not in KINDS:
        raise ValueError(f"a fault is one of {', '.join(KINDS)}, not {kind}")
    with _lock:
        _plan.append({"service": service, "operation": operation, "kind": kind, "times": times, "caller": caller})


def counts() -> dict[str, int]:
    """How many calls met each kind of fault."""
    with _lock:
        return dict(_counts)


class Faults:
    """WSGI middleware. Behind it is the server as it is; `seeded` says whether the seeded share applies, too."""

    def __init__(self, application, seeded: bool) -> None:
        self._application, self._seeded = application, seeded

    def __call__(self, environ, start_response):
        operation = operation_of(environ)
        kind = _planned(operation) or (POLICY.choose(operation) if self._seeded else None)
        if kind is None:
            return self._application(environ, start_response)
        with _lock:
            _counts[kind] = _counts.get(kind, 0) + 1
        note_fault(environ, kind)
        if kind == "ambiguous":
            # Carried out, but the caller is told otherwise.
            collect(self._application(environ, lambda status, headers, exc_info=None: None))
        else:
            _drain(environ)
        return errors.answer(_failure(kind, operation), operation.protocol, start_response)


def _planned(operation: Operation) -> str | None:
    name = caller_of(operation.access_key)["name"]
    with _lock:
        for entry in _plan:
            if (entry["times"] > 0 and entry["service"] == operation.service and entry["operation"] == operation.name
                    and (entry["caller"] is None or entry["caller"] in name)):
                entry["times"] -= 1
                return entry["kind"]
    return None


def _may_conflict(operation: Operation) -> bool:
    return operation.service == "dynamodb" and operation.name in ("TransactWriteItems", *WRITES)


def _failure(kind: str, operation: Operation) -> Failure:
    if kind == "throttle":
        return THROTTLED.get(operation.service, OTHER_THROTTLED)
    if kind != "conflict":
        return BROKEN.get(operation.service, OTHER_BROKEN)
    if operation.name != "TransactWriteItems":
        return Failure(400, "TransactionConflictException", "Transaction is ongoing for the item")
    # The first item met another transaction; the others were fine.
    items = operation.parameters.get("TransactItems", [{}])
    reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}]
    reasons += [{"Code": "None"}] * (len(items) - 1)
    codes = ", ".join(reason["Code"] for reason in reasons)
    return Failure(400, "TransactionCanceledException",
                   f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
                   {"CancellationReasons": reasons})


def _drain(environ: dict) -> None:
    """Reads what the client still sends, so that the connection can go on."""
    left = int(environ.get("CONTENT_LENGTH") or 0)
    while left > 0 and (chunk := environ["wsgi.input"].read(min(left, 1 << 20))):
        left -= len(chunk)
