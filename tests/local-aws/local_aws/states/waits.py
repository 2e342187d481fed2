"""Repair `retry-waits`: the wait before a retry ends with the execution. moto sleeps through a stop.

Waits are multiplied by the setting `retry_scale`, so that tests need not sit through them.
"""

import time

from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome

from local_aws.settings import SETTINGS

POLL_S = 0.1


def apply() -> None:
    RetrierDecl._eval_body = _eval_body


def _eval_body(self, env) -> None:
    self.error_equals.eval(env)
    if not env.stack.pop():
        return env.stack.append(RetrierOutcome.Skipped)
    self.max_attempts.eval(env=env)
    if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
        return env.stack.append(RetrierOutcome.Failed)
    for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds, self.jitter_strategy):
        part.eval(env=env)
    until = time.monotonic() + env.stack.pop() * SETTINGS.waits.retry_scale
    while env.is_running() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, POLL_S))
    env.stack.append(RetrierOutcome.Executed)
