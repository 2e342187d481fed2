"""Repair `distributed-map`: a Distributed Map runs its items as executions of their own, and fails when too many fail.

moto's Map succeeds although every child failed; recurses once per item, so that a thousand items end it; lets children
read the outer variables and calls them by the parent's execution. In AWS each item is a child execution with its own
ARN, context and variables; the state fails beyond its tolerance (default: none), and then stops the children that run.
"""

import threading
import time
import uuid

from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramStopped, ProgramTimedOut
from moto.stepfunctions.parser.asl.eval.states import ItemData, MapData
from moto.stepfunctions.parser.asl.eval.variable_store import VariableStore
from moto.stepfunctions.parser.utils import TMP_THREADS

from local_aws.states.failures import map_failure
from local_aws.states.status_events import announce

# MaxConcurrency 0 means 10,000 in AWS; threads are dearer here.
MOST_THREADS = 256


def apply() -> None:
    DistributedIterationComponent._map_run = lambda self, env, eval_input: MapRun(self, env, eval_input).run()


class MapRun:
    """One run of a Map state over its items."""

    def __init__(self, component, env, eval_input) -> None:
        self._env = env
        self._items = env.stack.pop()
        self._record = eval_input.map_run_record
        self._program = component._get_iteration_program()
        # moto's worker evaluates ItemSelector; its loop over items is not used.
        self._selector = component._create_worker(env=env, eval_input=eval_input, job_pool=None)
        self._lock = threading.Lock()
        self._next = 0
        self._frames: set = set()
        self._outputs: dict[int, object] = {}
        self._failed = 0
        self._problem: Exception | None = None

    def run(self) -> None:
        """Leaves the children's outputs on the stack, in the order of the items. A child that failed has none."""
        wanted = self._record.max_concurrency or MOST_THREADS
        threads = [threading.Thread(target=self._work, daemon=True)
                   for _ in range(min(wanted, len(self._items), MOST_THREADS))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._problem is not None:
            raise self._problem
        self._env.stack.append([self._outputs[index] for index in sorted(self._outputs)])

    def _work(self) -> None:
        while self._env.is_running() and self._problem is None:
            with self._lock:
                index, self._next = self._next, self._next + 1
            if index >= len(self._items):
                return
            try:
                self._run_child(index, self._items[index])
            except Exception as error:  # an ItemSelector that cannot be evaluated fails the state
                self._fail(error)

    def _run_child(self, index: int, item: object) -> None:
        env, record = self._env, self._record
        frame = env.open_inner_frame()
        with self._lock:
            self._frames.add(frame)
        counters = (record.item_counter, record.execution_counter)
        for counter in counters:
            counter.total.count()
            counter.running.count()
        try:
            self._enter(frame, index, item)
            details = dict(frame.states.context_object.context_object_data["Execution"])
            machine = frame.states.context_object.context_object_data["StateMachine"]["Id"]
            announce(details, machine, "RUNNING")
            self._program.eval(frame)
            state = frame.program_state()
            self._count(state, index, frame, counters)
            announce(details, machine, _status(state), state, frame.states.get_input())
        finally:
            for counter in counters:
                counter.running.offset(-1)
            with self._lock:
                self._frames.discard(frame)
            env.delete_frame(frame)

    def _enter(self, frame, index: int, item: object) -> None:
        """Makes the frame the start of a child execution."""
        context = frame.states.context_object.context_object_data
        context["Map"] = MapData(Item=ItemData(Index=index, Value=item))
        frame.states.reset(item)
        frame.stack.append(frame.states.get_input())
        self._selector._eval_input(env_frame=frame)
        # From here on nothing of the parent is in sight.
        context.pop("Map")
        machine, name = self._record.map_state_machine_arn, str(uuid.uuid4())
        context["Execution"] = {
            **context["Execution"], "Name": name, "Input": frame.states.get_input(),
            "Id": f"{machine.replace(':stateMachine:', ':execution:')}:{name}",
            "StartTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        context["StateMachine"] = {**context["StateMachine"], "Id": machine}
        frame.variable_store = VariableStore()

    def _count(self, state, index: int, frame, counters) -> None:
        if isinstance(state, ProgramEnded):
            self._outputs[index] = frame.states.get_input()
            for counter in counters:
                counter.succeeded.count()
                counter.results_written.count()
            return
        kind = {"ABORTED": "aborted", "TIMED_OUT": "timed_out"}.get(_status(state), "failed")
        for counter in counters:
            getattr(counter, kind).count()
        with self._lock:
            self._failed += 1
        if self._env.is_running() and self._exceeded():
            self._fail(map_failure(self._env, "States.ExceedToleratedFailureThreshold",
                                   "The specified tolerated failure threshold was exceeded"))

    def _exceeded(self) -> bool:
        count, percentage = self._record.tolerated_failure_count, self._record.tolerated_failure_percentage
        if not count and not percentage:
            return True
        share = 100 * self._failed / len(self._items)
        return bool(count and self._failed > count) or bool(percentage and share > percentage)

    def _fail(self, problem: Exception) -> None:
        with self._lock:
            if self._problem is not None:
                return
            self._problem = problem
            frames = list(self._frames)
        for frame in frames:
            frame.set_stop(stop_date=None, cause=None, error=None)


def _status(state) -> str:
    if isinstance(state, ProgramEnded):
        return "SUCCEEDED"
    if isinstance(state, ProgramStopped):
        return "ABORTED"
    return "TIMED_OUT" if isinstance(state, ProgramTimedOut) else "FAILED"


