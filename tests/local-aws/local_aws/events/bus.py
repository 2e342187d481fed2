"""The event buses: publish an event, and each target of each matching rule gets it, a moment later.

Targets: Lambda functions (invoked asynchronously), state machines, SQS queues, log groups. Kept for tests: all events.
"""

import json
import re
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from moto.events.models import events_backends

from local_aws import logs
from local_aws.clients import client
from local_aws.settings import ACCOUNT, REGION

_workers = ThreadPoolExecutor(max_workers=16, thread_name_prefix="events")
_lock = threading.Lock()
_published: list[dict] = []
_failed: list[dict] = []


@dataclass
class Event:
    """An event before it has an id and a time."""

    source: str
    detail_type: str
    detail: dict
    resources: list[str] = field(default_factory=list)
    region: str = REGION

    def envelope(self) -> dict:
        return {
            "version": "0", "id": str(uuid.uuid4()), "detail-type": self.detail_type, "source": self.source,
            "account": ACCOUNT, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "region": self.region,
            "resources": self.resources, "detail": self.detail,
        }


def publish(event: Event, bus: str = "default", copies: int = 1) -> str:
    """Delivers in the background. More than one copy is AWS's "at least once". Returns the event's id."""
    envelope = event.envelope()
    with _lock:
        _published.append({"bus": bus, **envelope})
    for _ in range(copies):
        _workers.submit(_deliver, envelope, bus)
    return envelope["id"]


def published() -> list[dict]:
    with _lock:
        return list(_published)


def failed_deliveries() -> list[dict]:
    """Targets that could not be reached; in AWS they would be tried again and then go to a dead-letter queue."""
    with _lock:
        return list(_failed)


def _deliver(envelope: dict, bus: str) -> None:
    backend = events_backends[ACCOUNT][envelope["region"]]
    if bus not in backend.event_buses:
        return
    for rule in list(backend.event_buses[bus].rules.values()):
        if rule.state != "ENABLED" or not rule.event_pattern.matches_event(envelope):
            continue
        for target in list(rule.targets):
            try:
                _send(rule, target, envelope)
            except Exception as error:  # one target's trouble is not another's
                with _lock:
                    _failed.append({"rule": rule.name, "target": target["Arn"], "error": str(error)})


def _send(rule, target: dict, envelope: dict) -> None:
    arn, text = target["Arn"], _text_for(target, envelope)
    service, region = arn.split(":")[2:4]
    if service == "lambda":
        client("lambda", "rule", rule.name, region).invoke(
            FunctionName=arn, InvocationType="Event", Payload=text.encode())
    elif service == "states":
        client("stepfunctions", "rule", rule.name, region).start_execution(
            stateMachineArn=arn, name=f"{envelope['id']}_{uuid.uuid4()}", input=text)
    elif service == "sqs":
        queue = arn.rsplit(":", 1)[-1]
        sqs = client("sqs", "rule", rule.name, region)
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody=text)
    elif service == "logs":
        logs.write(arn.split(":")[6], str(uuid.uuid4()), region, [text])
    else:
        raise NotImplementedError(f"local-aws has no event target {arn}")


def _text_for(target: dict, envelope: dict) -> str:
    """What the target gets: the event, a fixed text, or what its transformer makes."""
    if "Input" in target:
        return target["Input"]
    if transformer := target.get("InputTransformer"):
        return _transform(transformer, envelope)
    return json.dumps(_value_at(target.get("InputPath", "$"), envelope))


def _transform(transformer: dict, envelope: dict) -> str:
    """Fills the template's `<names>`. Inside quotes a value stands as text, elsewhere as JSON."""
    values = {name: _value_at(path, envelope) for name, path in transformer.get("InputPathsMap", {}).items()}
    values |= {"aws.events.event.json": envelope, "aws.events.event.ingestion-time": envelope["time"]}
    template = transformer["InputTemplate"]

    def fill(found: re.Match) -> str:
        value = values.get(found[1])
        quoted = template[:found.start()].count('"') % 2 == 1
        return value if quoted and isinstance(value, str) else json.dumps(value)
    return re.sub(r"<([\w.-]+)>", fill, template)


def _value_at(path: str, envelope: dict) -> object:
    """The value at a path such as `$.detail.bucket.name`; null where there is none."""
    value: object = envelope
    for name in path.removeprefix("$").split("."):
        if name:
            value = value.get(name) if isinstance(value, dict) else None
    return value
