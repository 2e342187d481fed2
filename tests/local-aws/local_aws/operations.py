"""Which operation of which service an HTTP request is, and on what; from the service models that the SDK brings."""

import functools
import json
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

import botocore.session
from botocore.exceptions import UnknownServiceError

# Where the name in the signature is not the model's.
MODELS = {"states": "stepfunctions", "monitoring": "cloudwatch"}
CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/")
# A body beyond this is an object, not a request.
LARGEST_BODY = 1_000_000


@dataclass
class Operation:
    """A request, understood. `parameters` are the path's and, for JSON services, the body's."""

    service: str
    name: str
    access_key: str | None
    parameters: dict = field(default_factory=dict)
    protocol: str = "rest-xml"

    @property
    def bucket(self) -> str:
        return self.parameters.get("Bucket", "")

    @property
    def key(self) -> str:
        return self.parameters.get("Key", "")


def identify(environ: dict, body: bytes) -> Operation:
    """Reads method, path, headers and, where the operation stands there, the body."""
    access_key, service = _signature(environ)
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", ""), True).items()}
    model = _model(MODELS.get(service, service))
    if model is None:
        return Operation(service, "Unknown", access_key)
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return Operation(service, target.rsplit(".", 1)[-1], access_key, _json(body), "json")
    if found := re.search(r"/operation/(\w+)$", environ["PATH_INFO"]):
        return Operation(service, found[1], access_key, {}, "cbor")
    protocol = model.metadata["protocol"]
    if protocol in ("query", "ec2"):
        form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()} | query
        return Operation(service, form.get("Action", "Unknown"), access_key, form, "query")
    name, parameters = _match(model, environ, query)
    if protocol == "rest-json":
        parameters = {**_json(body), **parameters}
    return Operation(service, name, access_key, {**parameters, **query}, protocol)


def _signature(environ: dict) -> tuple[str | None, str]:
    if found := CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "")):
        return found[1], found[2]
    # A presigned address carries the same in its query string.
    scope = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0].split("/")
    return (scope[0], scope[3]) if len(scope) == 5 else (None, "s3")


@functools.lru_cache(maxsize=None)
def _model(service: str):
    try:
        return botocore.session.get_session().get_service_model(service)
    except UnknownServiceError:
        return None


@functools.lru_cache(maxsize=None)
def _routes(model) -> list[tuple]:
    """Method, path pattern, fixed query parameters, and the query parameters and headers that must be there."""
    routes = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, fixed = operation.http["requestUri"].partition("?")
        pattern = "".join(
            part if part[0] != "{" else f"(?P<{part[1:-1].rstrip('+').replace('-', '_')}>{'.+' if '+' in part else '[^/]+'})"
            for part in re.split(r"(\{[^}]+\})", path) if part)
        shape = operation.input_shape
        needed = [(member.serialization["location"], member.serialization["name"])
                  for member_name, member in (shape.members.items() if shape else ())
                  if member_name in shape.required_members
                  and member.serialization.get("location") in ("querystring", "header")]
        routes.append((name, operation.http["method"], re.compile(pattern + "/?"), parse_qs(fixed, True), needed))
    return routes


def _match(model, environ: dict, query: dict) -> tuple[str, dict]:
    best, best_weight, best_parameters = "Unknown", -1, {}
    for name, method, pattern, fixed, needed in _routes(model):
        if method != environ["REQUEST_METHOD"] or not (found := pattern.fullmatch(environ["PATH_INFO"])):
            continue
        if any(query.get(key) is None or (value[0] and query[key] != value[0]) for key, value in fixed.items()):
            continue
        present = [query.get(key) is not None if where == "querystring"
                   else f"HTTP_{key.upper().replace('-', '_')}" in environ for where, key in needed]
        if not all(present):
            continue
        weight = 10 * len(fixed) + len(needed)
        if weight > best_weight:
            best, best_weight = name, weight
            best_parameters = {key: unquote(value) for key, value in found.groupdict().items()}
    return best, best_parameters


def _json(body: bytes) -> dict:
    try:
        parsed = json.loads(body or b"{}")
        return parsed if isinstance(parsed, dict) else {}
    except ValueError:
        return {}
