"""Repair `atomic`: one request at a time where a request reads and then writes.

moto's server answers requests in threads, and its tables and buckets have no locks: between a condition and the write
that it guards another request may come. In DynamoDB and S3 a conditional write is one step.
"""

import threading

from local_aws.calls import collect, operation_of

_locks = {"dynamodb": threading.Lock(), "s3": threading.Lock()}


class OneAtATime:
    """WSGI middleware. Reads of objects need no turn."""

    def __init__(self, application) -> None:
        self._application = application

    def __call__(self, environ, start_response):
        service = operation_of(environ).service
        if service not in _locks or (service == "s3" and environ["REQUEST_METHOD"] in ("GET", "HEAD")):
            return self._application(environ, start_response)
        with _locks[service]:
            return [collect(self._application(environ, start_response))]
