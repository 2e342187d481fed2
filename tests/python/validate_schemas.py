"""Validates JSON files against a JSON Schema with Python's jsonschema, which shares no code with framefan.

usage: validate_schemas.py SCHEMA FILE...   prints each violation; exits 1 when there is one
"""

import json
import sys
from pathlib import Path

import jsonschema


def violations(schema: dict, instance: object) -> list[str]:
    """What is wrong and where; checks the schema itself first."""
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    errors = sorted(validator(schema).iter_errors(instance), key=lambda error: error.json_path)
    return [f"{error.json_path}: {error.message[:300]}" for error in errors]


def main(args: list[str]) -> int:
    if len(args) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    schema = json.loads(Path(args[0]).read_text())
    wrong = 0
    for name in args[1:]:
        for violation in violations(schema, json.loads(Path(name).read_text())):
            print(f"{name}: {violation}")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
