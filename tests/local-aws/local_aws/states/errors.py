"""Repair `state-errors`: which errors are caught, and what they are called.

moto's `States.ALL` catches everything; in AWS it does not catch States.Runtime and States.DataLimitExceeded.
`States.TaskFailed` matches every error but States.Timeout. A file of items that cannot be read is
States.ItemReaderFailed, not States.Runtime. And a Fail state may end an execution with an error of the language's own,
which moto answers with an exception.
"""

import json

import moto.stepfunctions.parser.asl.component.state.fail.state_fail as state_fail
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.item_reader_decl import ItemReader
from moto.stepfunctions.parser.asl.eval.environment import Environment

from local_aws.states.failures import error_name, map_failure

UNCATCHABLE = {"States.Runtime", "States.DataLimitExceeded"}


def apply() -> None:
    ErrorEqualsDecl._eval_body = _error_equals
    state_fail.CustomErrorName = error_name
    global _read_items
    _read_items = ItemReader._eval_body
    ItemReader._eval_body = _item_reader


def _error_equals(self, env: Environment) -> None:
    raised = env.stack.pop()
    name = raised.error_name if raised is not None else None
    wanted = {error.error_name for error in self.error_names}
    if name in UNCATCHABLE:
        matched = name in wanted
    else:
        matched = ("States.ALL" in wanted or name in wanted
                   or ("States.TaskFailed" in wanted and name != "States.Timeout"))
    env.stack.append(matched)


def _item_reader(self, env: Environment) -> None:
    try:
        _read_items(self, env)
    except (ClientError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise map_failure(env, "States.ItemReaderFailed", str(error)) from error

