"""Repair `s3-events`: an object that appears in a bucket is an event, once, that reaches every kind of target.

moto publishes S3's events only to the targets it knows, in the middle of the request, and tells of a multipart upload
twice. AWS promises at least one event; the setting `duplicate_s3_events` delivers each twice, for tests of that.
"""

import threading
import uuid

from moto.s3 import notifications
from moto.s3.models import S3Backend

from local_aws.events.bus import Event, publish
from local_aws.settings import REGION, SETTINGS

REASONS = {"Put": "PutObject", "Post": "PostObject", "Copy": "CopyObject",
           "CompleteMultipartUpload": "CompleteMultipartUpload", "Delete": "DeleteObject",
           "DeleteMarkerCreated": "DeleteObject"}
_within = threading.local()


def apply() -> None:
    global _complete
    _complete = S3Backend.complete_multipart_upload
    notifications._send_event_bridge_message = _send
    S3Backend.complete_multipart_upload = _complete_multipart_upload


def _complete_multipart_upload(self, *args, **kwargs):
    # moto puts the whole object inside, which is no event of its own.
    _within.multipart = True
    try:
        return _complete(self, *args, **kwargs)
    finally:
        _within.multipart = False


def _send(account_id: str, bucket, event_name: str, key) -> None:
    what, _, how = str(getattr(event_name, "value", event_name)).removeprefix("s3:").partition(":")
    if what not in ("ObjectCreated", "ObjectRemoved"):
        return
    if getattr(_within, "multipart", False) and how != "CompleteMultipartUpload":
        return
    created = what == "ObjectCreated"
    detail = {
        "version": "0", "bucket": {"name": bucket.name},
        # In AWS it is "etag" and there is no version id without versioning; the key is as it is, not URL-encoded.
        "object": {"key": key.name, "sequencer": uuid.uuid4().hex[:18].upper()},
        "request-id": uuid.uuid4().hex[:16].upper(), "requester": account_id, "source-ip-address": "127.0.0.1",
        "reason": REASONS.get(how, how),
    }
    if created:
        detail["object"] |= {"size": key.size, "etag": key.etag.replace('"', "")}
    else:
        detail["deletion-type"] = "Delete Marker Created" if how == "DeleteMarkerCreated" else "Permanently Deleted"
    if bucket.is_versioned and key.version_id:
        detail["object"]["version-id"] = key.version_id
    publish(Event(source="aws.s3", detail_type="Object Created" if created else "Object Deleted", detail=detail,
                  resources=[bucket.arn], region=bucket.region_name or REGION),
            copies=2 if SETTINGS.duplicate_s3_events else 1)
