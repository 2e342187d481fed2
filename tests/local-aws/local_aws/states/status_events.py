"""The event "Step Functions Execution Status Change", as EventBridge gets it for every execution, children included.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import json
import time

from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError

from local_aws.events.bus import Event, publish
from local_aws.settings import REGION

DETAIL_TYPE = "Step Functions Execution Status Change"


def announce(execution: dict, machine_arn: str, status: str, state=None, output: object = None) -> None:
    """`execution` is as in the context object; `state` is how moto's interpreter ended, if it did."""
    error = (state.error or {}) if isinstance(state, ProgramError) else {}
    now = int(time.time() * 1000)
    arn = execution["Id"]
    publish(Event(
        source="aws.states", detail_type=DETAIL_TYPE, resources=[arn], region=arn.split(":")[3] or REGION,
        detail={
            "executionArn": arn, "stateMachineArn": machine_arn, "name": execution["Name"], "status": status,
            "startDate": execution.get("started_ms", now), "stopDate": None if status == "RUNNING" else now,
            "input": json.dumps(execution["Input"]), "inputDetails": {"included": True},
            "output": json.dumps(output) if isinstance(state, ProgramEnded) else None,
            "outputDetails": {"included": True} if isinstance(state, ProgramEnded) else None,
            "stateMachineVersionArn": None, "stateMachineAliasArn": None, "redriveCount": 0, "redriveDate": None,
            "redriveStatus": "NOT_REDRIVABLE" if status == "RUNNING" else "REDRIVABLE", "redriveStatusReason": None,
            "error": error.get("error"), "cause": error.get("cause"),
        }))
