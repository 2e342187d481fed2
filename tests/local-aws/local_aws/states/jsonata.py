"""Repair `jsonata`: moto ships JSONata as a stub that crashes.

Two more things are AWS's: `$states.result` exists once there is one, `$states.errorOutput` while an error is caught; and
an expression sees the variables as they were when its state was entered, not what the state itself assigns.
"""

import moto.stepfunctions.parser.asl.jsonata.jsonata as moto_jsonata
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata, StringVariableSample
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.api import HistoryEventType

from local_aws.states import trace
from local_aws.states.failures import query_failure
from local_aws.states.query import QueryError, evaluate


def apply() -> None:
    StringJSONata._eval_body = _eval_body
    StringVariableSample._eval_body = _eval_body
    # moto reads variables from the declarations that it writes before each expression; here they are bound.
    moto_jsonata._eval_jsonata = lambda expression: evaluate(expression, {})
    global _eval_state_body
    _eval_state_body = CommonStateField._eval_body
    CommonStateField._eval_body = _remember_variables


def _remember_variables(self, env) -> None:
    store = env.variable_store
    store.at_entry = {**store._outer_scope, **store._inner_scope}
    _eval_state_body(self, env)


def _bindings(env) -> dict:
    store = env.variable_store
    variables = getattr(store, "at_entry", None)
    if variables is None:
        variables = {**store._outer_scope, **store._inner_scope}
    data = env.states._states_data
    states = {"input": data["input"], "context": dict(data["context"])}
    result, error = data.get("result"), data.get("errorOutput")
    # moto keeps the error of an earlier attempt beside a later attempt's result, and calls an error a result, too.
    if error is not None and result == error:
        states["errorOutput"] = error
    elif result is not None:
        states["result"] = result
    return {**variables, "states": states}


def _eval_body(self, env) -> None:
    # moto's own check: paths from nothing ("$", "$$") are refused.
    moto_jsonata.extract_jsonata_variable_references(self.expression)
    bindings = _bindings(env)
    try:
        result = evaluate(self.expression, bindings)
    except QueryError as error:
        failure = query_failure(env, str(error))
        env.event_manager.add_event(
            context=env.event_history_context, event_type=HistoryEventType.EvaluationFailed,
            event_details=EventDetails(evaluationFailedEventDetails=failure.get_evaluation_failed_event_details()))
        raise failure from error
    trace.evaluated(self.expression, bindings, result)
    env.stack.append(result)
