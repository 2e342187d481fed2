"""JSONata as Step Functions evaluates it: with its variables, its functions, and no use of nothing.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

import hashlib
import json
import random
import uuid

from jsonata import Jsonata, Utils


class QueryError(Exception):
    """The expression cannot be evaluated; the text is the cause."""


def evaluate(expression: str, bindings: dict) -> object:
    """The expression's value as JSON. Raises QueryError, also for an expression that gives nothing (undefined)."""
    try:
        query = Jsonata(expression)
        # JSON's null is a value, undefined is not: only so can they be told apart.
        query.set_output_convert_nulls(False)
        for name, function in FUNCTIONS.items():
            query.register_lambda(name, function)
        values = {name: Utils.NULL_VALUE if value is None else value for name, value in bindings.items()}
        result = query.evaluate(None, values)
    except QueryError:
        raise
    except Exception as error:
        raise QueryError(f"The JSONata expression '{expression}' threw an error during evaluation. {error}") from error
    if result is None:
        raise QueryError(f"The JSONata expression '{expression}' returned nothing (undefined).")
    return _to_json(result, expression)


def _to_json(value: object, expression: str) -> object:
    """Plain JSON: JSONata has sequences, ranges and its own null, and JSON's numbers do not know whole ones apart."""
    if value is Utils.NULL_VALUE or value is None:
        return None
    if isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, list):
        return [_to_json(value[i], expression) for i in range(len(value))]
    if isinstance(value, dict):
        return {key: _to_json(member, expression) for key, member in value.items()}
    raise QueryError(f"The JSONata expression '{expression}' returned an unsupported result type.")


def _parse(text=None):
    """$parse: JSON text to its value."""
    if text is None:
        return None
    try:
        parsed = json.loads(text)
    except (TypeError, ValueError) as error:
        raise QueryError(f"$parse: not JSON: {error}") from error
    return Utils.NULL_VALUE if parsed is None else parsed


def _partition(array=None, size=None):
    return None if array is None else [array[i:i + int(size)] for i in range(0, len(array), int(size))]


def _range(first, last, step):
    numbers, number = [], first
    while (step > 0 and number <= last) or (step < 0 and number >= last):
        numbers.append(number)
        number += step
    return numbers


def _hash(text, algorithm="SHA-256"):
    return hashlib.new(algorithm.replace("-", "").lower(), text.encode()).hexdigest()


def _eval(*_):
    raise QueryError("$eval is not available in Step Functions: use $parse")


FUNCTIONS = {
    "parse": _parse,
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "uuid": lambda: str(uuid.uuid4()),
    "random": lambda seed=None: random.random() if seed is None else random.Random(seed).random(),
    "eval": _eval,
}
