"""Repair `events`: PutEvents delivers to Lambda functions and state machines.

moto raises NotImplementedError inside the request for such targets, and gives targets a numeric time.
"""

import json

from moto.events.models import EventsBackend

from local_aws.events.bus import Event, publish

LARGEST_ENTRY = 262_144


def apply() -> None:
    global _put_events
    _put_events = EventsBackend.put_events
    EventsBackend.put_events = _put_and_deliver


def _put_and_deliver(self, events: list[dict]) -> list[dict]:
    entries = []
    for event in events:
        name = (event.get("EventBusName") or "default").rsplit("/", 1)[-1]
        if len(json.dumps(event, default=str)) > LARGEST_ENTRY:
            entries.append({"ErrorCode": "InvalidArgument", "ErrorMessage": "Total size of the entries is too large."})
        elif name not in self.event_buses:
            entries.append({"ErrorCode": "ResourceNotFoundException", "ErrorMessage": f"Event bus {name} does not exist."})
        elif len(events) <= 10 and _is_complete(event):
            entries.append({"EventId": publish(Event(
                source=event["Source"], detail_type=event["DetailType"], detail=json.loads(event["Detail"]),
                resources=event.get("Resources", []), region=self.region_name), name)})
        else:
            # moto says what is wrong with it; it fits no rule, because nothing of it is delivered.
            entries += _put_events(self, [event] if len(events) <= 10 else events)
            if len(events) > 10:
                break
    return entries


def _is_complete(event: dict) -> bool:
    try:
        return bool(event.get("Source") and event.get("DetailType") and isinstance(json.loads(event["Detail"]), dict))
    except (KeyError, ValueError):
        return False
