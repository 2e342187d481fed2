"""Batch's evaluateOnExit, worked out by hand from its documentation."""

import pytest

from local_aws.batch.retry_rules import problem, retries

SPOT = {"attempts": 3, "evaluateOnExit": [
    {"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]}
CODES = {"attempts": 3, "evaluateOnExit": [
    {"onExitCode": "13*", "action": "retry"}, {"onExitCode": "*", "action": "exit"}]}
BOTH = {"attempts": 3, "evaluateOnExit": [{"onExitCode": "1", "onReason": "Out*", "action": "EXIT"}]}


@pytest.mark.parametrize(("strategy", "attempt", "code", "reason", "status_reason", "again"), [
    (None, 1, 1, None, None, False),
    ({"attempts": 3}, 1, 1, None, None, True),
    ({"attempts": 3}, 3, 1, None, None, False),
    # AWS's own example for Spot: an application's error has no reason, and `*` matches that.
    (SPOT, 1, None, None, "Host EC2 (instance i-1) terminated.", True),
    (SPOT, 1, 1, None, "Essential container in task exited", False),
    (CODES, 1, 137, None, None, True),
    (CODES, 1, 13, None, None, True),
    (CODES, 1, 3, None, None, False),
    # No exit code: the rule on exit codes does not match, and without a match the job is retried.
    (CODES, 1, None, "CannotPullContainerError: x", None, True),
    (BOTH, 1, 1, "OutOfMemoryError: x", None, False),
    (BOTH, 1, 1, "other", None, True),
    (BOTH, 1, 2, "OutOfMemoryError: x", None, True),
])
def test_whether_an_attempt_follows(strategy, attempt, code, reason, status_reason, again):
    assert retries(strategy, attempt, code, reason, status_reason) is again


@pytest.mark.parametrize("strategy", [
    {"attempts": 0}, {"attempts": 11}, {"evaluateOnExit": [{"action": "EXIT"}]},
    {"attempts": 2, "evaluateOnExit": [{"action": "EXIT"}] * 6},
    {"attempts": 2, "evaluateOnExit": [{"action": "STOP"}]},
    {"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onExitCode": "1*3"}]},
    {"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onExitCode": "1x"}]},
    {"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "onReason": "a/b"}]},
    {"attempts": 2, "evaluateOnExit": [{"action": "EXIT", "exitCode": "1"}]},
])
def test_what_aws_refuses(strategy):
    assert problem(strategy)
    assert problem(SPOT) is None and problem(CODES) is None
