"""How moto's interpreter calls services: through this server's own address, as the state machine's role.

Not a repair of an answer: moto makes a new client for every task and signs as nobody.
"""

import sys

import moto.stepfunctions.parser.asl.utils.boto_client as boto_client

from local_aws.clients import client


def apply() -> None:
    original = boto_client.boto_client_for
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions.") and getattr(module, "boto_client_for", None) is original:
            module.boto_client_for = _client_for


def _client_for(region: str, service: str, state_credentials=None):
    role = state_credentials.role_arn if state_credentials else "none"
    return client(service, "state-machine", role.rsplit("/", 1)[-1], region)
