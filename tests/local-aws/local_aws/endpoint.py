"""The HTTP listeners: the endpoint as it is, and the one with faults; both in front of the same moto."""

import os
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from local_aws.atomic import OneAtATime
from local_aws.calls import Recorder
from local_aws.faults import Faults
from local_aws.settings import SETTINGS


def serve(port: int, without: list[str]) -> None:
    """Starts both; SETTINGS then knows their addresses."""
    # Requests are many and short; the default of 5 ms makes each wait for the others.
    sys.setswitchinterval(0.001)
    application = DomainDispatcherApplication(create_backend_app)
    if "atomic" not in without:
        application = OneAtATime(application)
    SETTINGS.endpoint = _listen(port, Recorder(Faults(application, seeded=False)))
    SETTINGS.faulty_endpoint = _listen(0, Recorder(Faults(application, seeded=True)))
    # moto calls itself here where it does not call its own code.
    os.environ["MOTO_PORT"] = SETTINGS.endpoint.rsplit(":", 1)[-1]


def _listen(port: int, application) -> str:
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=_Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


class _Handler(MotoRequestHandler):
    # Small answers go out at once instead of waiting for the client's acknowledgement.
    disable_nagle_algorithm = True
