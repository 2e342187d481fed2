"""Proves that each repair is needed: its tests fail on a server without it.

usage: prove_repairs.py [REPAIR ...]   prints one line per repair; exits with 1 when the tests of one all pass without it

Not part of the tests' normal run: a broken server makes tests wait, so it takes some minutes.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from local_aws.repairs import LAYERS, REPAIRS  # noqa: E402


def main() -> int:
    unproved = []
    for repair in sys.argv[1:] or [*REPAIRS, *LAYERS]:
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", "--repair", repair, str(HERE)]
        done = subprocess.run(command, env={**os.environ, "LOCAL_AWS_WITHOUT": repair}, capture_output=True, text=True)
        last = done.stdout.strip().splitlines()[-1]
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", last)}
        failed, passed = counts.get("failed", 0) + counts.get("error", 0), counts.get("passed", 0)
        print(f"{repair:16} {failed:3} of {failed + passed:3} tests fail without it", flush=True)
        if not failed:
            unproved.append(repair)
    if unproved:
        print(f"not proved: {', '.join(unproved)}", file=sys.stderr)
    return 1 if unproved else 0


if __name__ == "__main__":
    sys.exit(main())
