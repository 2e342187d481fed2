"""Batch's retry strategy: what `evaluateOnExit` accepts, and what it decides after an attempt.

https://docs.aws.amazon.com/batch/latest/APIReference/API_EvaluateOnExit.html
"""

import re

MAX_ATTEMPTS = 10
MAX_RULES = 5
# What the patterns may hold before the one asterisk at the end.
ALPHABETS = {
    "onExitCode": re.compile(r"[0-9]*\*?"),
    "onReason": re.compile(r"[A-Za-z0-9.:\s]*\*?"),
    "onStatusReason": re.compile(r"[A-Za-z0-9.:\s]*\*?"),
}


def problem(strategy: dict | None) -> str | None:
    """Why AWS would refuse a retry strategy; None when it would not."""
    if not strategy:
        return None
    rules = strategy.get("evaluateOnExit", [])
    attempts = strategy.get("attempts")
    if attempts is not None and not 1 <= attempts <= MAX_ATTEMPTS:
        return f"attempts must be between 1 and {MAX_ATTEMPTS}, not {attempts}"
    if rules and attempts is None:
        return "evaluateOnExit needs attempts"
    if len(rules) > MAX_RULES:
        return f"evaluateOnExit has {len(rules)} rules, more than {MAX_RULES}"
    for rule in rules:
        if rule.get("action", "").upper() not in ("RETRY", "EXIT"):
            return f"the action of {rule} is neither RETRY nor EXIT"
        if unknown := set(rule) - {"action", *ALPHABETS}:
            return f"{rule} has unknown members: {', '.join(sorted(unknown))}"
        for field, alphabet in ALPHABETS.items():
            if field in rule and not alphabet.fullmatch(rule[field]):
                return f"the {field} of {rule} holds what a pattern may not"
    return None


def matches(pattern: str | None, text: str | None) -> bool:
    """A condition that is not given always holds; one that is given needs something to hold for."""
    if pattern is None:
        return True
    if text is None:
        return False
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def retries(strategy: dict | None, attempt: int, exit_code: int | None, reason: str | None,
            status_reason: str | None) -> bool:
    """Whether another attempt follows attempt number `attempt` (from 1), which failed."""
    strategy = strategy or {}
    if attempt >= int(strategy.get("attempts") or 1):
        return False
    code = None if exit_code is None else str(exit_code)
    for rule in strategy.get("evaluateOnExit", []):
        if (matches(rule.get("onExitCode"), code) and matches(rule.get("onReason"), reason or "")
                and matches(rule.get("onStatusReason"), status_reason or "")):
            return rule["action"].upper() == "RETRY"
    # When no rule matches, the job is tried again.
    return True
