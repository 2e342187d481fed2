"""Error answers in each service's protocol, as SDKs understand them."""

import json
import uuid
from dataclasses import dataclass, field

REASONS = {400: "Bad Request", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


@dataclass
class Failure:
    """An error of a service."""

    status: int
    code: str
    message: str
    # More members of the body, e.g. a cancelled transaction's reasons.
    more: dict = field(default_factory=dict)


def answer(failure: Failure, protocol: str, start_response) -> list[bytes]:
    """Sends the error as the protocol wants it."""
    request_id = str(uuid.uuid4())
    headers = [("x-amzn-RequestId", request_id)]
    if protocol == "json":
        body = json.dumps({"__type": failure.code, "message": failure.message, "Message": failure.message, **failure.more})
        headers.append(("Content-Type", "application/x-amz-json-1.0"))
    elif protocol == "rest-json":
        body = json.dumps({"message": failure.message, **failure.more})
        headers += [("Content-Type", "application/json"), ("x-amzn-ErrorType", failure.code)]
    elif protocol == "query":
        body = (f"<ErrorResponse><Error><Type>Sender</Type><Code>{failure.code}</Code><Message>{failure.message}"
                f"</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>")
        headers.append(("Content-Type", "text/xml"))
    else:
        body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{failure.code}</Code><Message>{failure.message}'
                f"</Message><RequestId>{request_id}</RequestId></Error>")
        headers.append(("Content-Type", "application/xml"))
    data = body.encode()
    headers.append(("Content-Length", str(len(data))))
    start_response(f"{failure.status} {REASONS.get(failure.status, 'Error')}", headers)
    return [data]
