"""How moto's interpreter raises an error with a name and a cause."""

from moto.stepfunctions.parser.api import (
    EvaluationFailedEventDetails,
    ExecutionFailedEventDetails,
    HistoryEventType,
    TaskFailedEventDetails,
)
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails


def error_name(name: str):
    """moto's object for an error name: the language's own names are of another class than all others."""
    try:
        return StatesErrorName(typ=StatesErrorNameType.from_name(name))
    except ValueError:
        return CustomErrorName(name)


def query_failure(env, cause: str) -> FailureEventException:
    """A JSONata expression that cannot be evaluated."""
    name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    details = EventDetails(evaluationFailedEventDetails=EvaluationFailedEventDetails(
        error=name.error_name, cause=cause))
    return FailureEventException(FailureEvent(
        env=env, error_name=name, event_type=HistoryEventType.EvaluationFailed, event_details=details))


def task_failure(env, name: str, cause: str, resource: str = "", resource_type: str = "") -> FailureEventException:
    """A task that failed."""
    details = EventDetails(taskFailedEventDetails=TaskFailedEventDetails(
        error=name, cause=cause, resource=resource, resourceType=resource_type))
    return FailureEventException(FailureEvent(
        env=env, error_name=error_name(name), event_type=HistoryEventType.TaskFailed, event_details=details))


def map_failure(env, name: str, cause: str) -> FailureEventException:
    """A Map state that failed."""
    details = EventDetails(executionFailedEventDetails=ExecutionFailedEventDetails(error=name, cause=cause))
    return FailureEventException(FailureEvent(
        env=env, error_name=error_name(name), event_type=HistoryEventType.MapStateFailed, event_details=details))
