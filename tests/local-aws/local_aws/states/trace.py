"""What state machines did, for tests that ask whether all of a definition was exercised: expressions evaluated, with
samples of what they were evaluated on; transitions made; the largest value each state put out.
"""

import copy
import json
import threading

# Of each expression, so many different evaluations are kept.
SAMPLES = 20
# A longer sample would make the answer of the control API unwieldy.
SAMPLE_BYTES = 100_000

_lock = threading.Lock()
_evaluations: dict[str, list[dict]] = {}
_counts: dict[str, int] = {}
_transitions: set[tuple[str, str]] = set()
_largest: dict[str, int] = {}


def evaluated(expression: str, bindings: dict, result: object) -> None:
    """An expression gave a result."""
    with _lock:
        _counts[expression] = _counts.get(expression, 0) + 1
        kept = _evaluations.setdefault(expression, [])
        if len(kept) >= SAMPLES:
            return
        sample = {"bindings": bindings, "result": result}
        if len(json.dumps(sample, default=str)) <= SAMPLE_BYTES and sample not in kept:
            kept.append(copy.deepcopy(sample))


def entered(state: str, following: str) -> None:
    """A state was left for another one, or for "(end)"."""
    with _lock:
        _transitions.add((state, following))


def put_out(state: str, size: int) -> None:
    with _lock:
        _largest[state] = max(size, _largest.get(state, 0))


def report() -> dict:
    with _lock:
        return {
            "expressions": [{"expression": e, "count": n, "samples": _evaluations.get(e, [])} for e, n in _counts.items()],
            "transitions": sorted(_transitions),
            "largest_output_bytes": dict(_largest),
        }
