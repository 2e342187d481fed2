"""Repair `executions`: how executions start, are named, and end.

moto calls an execution without a name "None", so that one start works; ignores StopExecution's error and cause; reports
a stopped execution as RUNNING until its task is over; lets a late error overwrite how an execution ended; and tells
nobody. In AWS the end is at once, ends the children and their Batch jobs, and is an event on the default bus.
"""

import datetime
import json
import re
import threading
import uuid

from moto.core.responses import ActionResult
from moto.stepfunctions.exceptions import ExecutionDoesNotExist, InvalidExecutionInput, InvalidName
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import (
    ProgramEnded,
    ProgramError,
    ProgramRunning,
    ProgramStopped,
    ProgramTimedOut,
)
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from local_aws.states.status_events import announce

LONGEST_INPUT = 262_144
# What a name may not hold: white space, brackets, wildcards, and other special and control characters.
BAD_NAME = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
_lock = threading.Lock()


def apply() -> None:
    global _start_execution, _start, _describe
    _start_execution, _start = StepFunctionsParserBackend.start_execution, Execution.start
    _describe = StepFunctionResponse.describe_execution
    StepFunctionsParserBackend.start_execution = _start_named
    Execution.start = _start_and_tell
    Execution.stop = _stop
    BaseExecutionWorkerCommunication.terminated = lambda self: _end(self.execution)
    StepFunctionResponse.stop_execution = _stop_execution
    StepFunctionResponse.describe_execution = _describe_execution
    for name in ("set_error", "set_stop", "set_timed_out", "set_ended"):
        setattr(Environment, name, _only_once(getattr(Environment, name)))


def _only_once(change):
    """A program ends once: whatever comes later changes nothing."""
    def changed(self, *args, **kwargs):
        with self._state_mutex:
            if isinstance(self._program_state, ProgramRunning):
                change(self, *args, **kwargs)
    return changed


def _start_named(self, state_machine_arn, name=None, execution_input=None, trace_header=None):
    name = name or str(uuid.uuid4())
    if not 1 <= len(name) <= 80 or BAD_NAME.search(name):
        raise InvalidName(f"Invalid Name: '{name}'")
    if len((execution_input or "").encode()) > LONGEST_INPUT:
        raise InvalidExecutionInput("Invalid Execution Input: 'input' exceeds the maximum length of 262144'")
    # Two starts of one name at the same time are one execution.
    with _lock:
        return _start_execution(self, state_machine_arn, name, execution_input, trace_header)


def _start_and_tell(self) -> None:
    self.ended = False
    _start(self)
    _announce(self, "RUNNING")


def _announce(execution, status: str, state=None) -> None:
    details = {"Id": execution.exec_arn, "Name": execution.name, "Input": execution.input_data,
               "started_ms": int(execution.start_date.timestamp() * 1000)}
    announce(details, execution.state_machine_arn, status, state, execution.output)


def _end(execution) -> None:
    """Takes over how the program ended, once."""
    state = execution.exec_worker.env.program_state()
    with _lock:
        if execution.ended:
            return
        execution.ended = True
        execution.stop_date = datetime.datetime.now(tz=datetime.timezone.utc)
        if isinstance(state, ProgramEnded):
            execution.output = execution.exec_worker.env.states.get_input()
            execution.exec_status = ExecutionStatus.SUCCEEDED
        elif isinstance(state, ProgramStopped):
            execution.error, execution.cause = state.error, state.cause
            execution.exec_status = ExecutionStatus.ABORTED
        elif isinstance(state, ProgramTimedOut):
            execution.exec_status = ExecutionStatus.TIMED_OUT
        elif isinstance(state, ProgramError):
            error = state.error or {}
            execution.error, execution.cause = error.get("error"), error.get("cause")
            execution.exec_status = ExecutionStatus.FAILED
    _announce(execution, execution.exec_status.value, state)


def _stop(self, stop_date, error=None, cause=None) -> None:
    # The first moments of an execution have no environment yet.
    waiter = threading.Event()
    for _ in range(200):
        if self.exec_worker.env is not None and self.exec_worker.env.is_running():
            break
        if self.ended:
            return
        waiter.wait(0.01)
    # The frames of tasks and of the Map's children stop with it; a task that waits for a Batch job terminates the job.
    self.exec_worker.env.set_stop(stop_date=stop_date, error=error, cause=cause)
    _end(self)


def _stop_execution(self):
    arn = self._get_param("executionArn")
    execution = self.stepfunction_backend.describe_execution(arn)
    execution.stop(datetime.datetime.now(tz=datetime.timezone.utc), self._get_param("error"), self._get_param("cause"))
    if execution.stop_date is None:
        raise ExecutionDoesNotExist(f"Execution Does Not Exist: '{arn}'")
    return ActionResult({"stopDate": execution.stop_date})


def _describe_execution(self):
    """moto leaves out when a timed out execution ended, and an output that is a string is not JSON."""
    answer = _describe(self)
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    if execution.exec_status == ExecutionStatus.SUCCEEDED:
        answer.result["output"] = json.dumps(execution.output)
    if execution.stop_date is not None:
        answer.result["stopDate"] = execution.stop_date
    answer.result["input"] = execution.execution_input if execution.execution_input is not None else json.dumps({})
    return answer
