"""Tells `trace` which state followed which, and how large outputs were. Changes nothing."""

import json

from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField

from local_aws.states import trace


def apply() -> None:
    # moto logs every failure that a state machine may well expect, with all of its syntax tree.
    EvalComponent._log_failure_event_exception = lambda *args, **kwargs: None
    EvalComponent._log_exception = lambda *args, **kwargs: None
    eval_body = CommonStateField._eval_body

    def traced(self, env) -> None:
        eval_body(self, env)
        following = env.next_state_name if env.is_running() else None
        trace.entered(self.name, following or "(end)")
        trace.put_out(self.name, len(json.dumps(env.states.get_input())))

    CommonStateField._eval_body = traced
