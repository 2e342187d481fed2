"""A local server that speaks AWS's APIs: prints its port, ends when its standard input ends.

One request to DynamoDB or S3 that may write at a time: moto's tables and buckets have no locks, where AWS's conditional
writes are one step. S3's reads are answered beside each other.
"""

import os
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

turn = threading.Lock()
application = DomainDispatcherApplication(create_backend_app)


def one_at_a_time(environ, start_response):
    dynamodb = environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB")
    if not dynamodb and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return application(environ, start_response)
    with turn:
        return [b"".join(application(environ, start_response))]


class Quiet(WSGIRequestHandler):
    def log_request(self, *args, **kwargs):
        pass


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True, request_handler=Quiet)
threading.Thread(target=end_with_parent, daemon=True).start()
print(server.server_port, flush=True)
server.serve_forever()
