"""Measures framefan on this machine: builds the benchmark programs and prints what they print.

usage: bench.py [NAME...]   NAME: decode, convert, models; all of them without one
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCHES = {
    "decode": ("framefan-media", "decode_bench"),
    "convert": ("framefan-media", "convert_bench"),
    "models": ("framefan-models", "bench"),
}


def source(package: str, example: str) -> Path:
    return ROOT / "crates" / package.removeprefix("framefan-") / "examples" / f"{example}.rs"


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(BENCHES))
    if unknown:
        print(f"unknown benchmark {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    failed = []
    for name in names or list(BENCHES):
        package, example = BENCHES[name]
        if not source(package, example).exists():
            print(f"== {name}: not written yet")
            continue
        print(f"== {name}", flush=True)
        command = ["cargo", "run", "--quiet", "--package", package, "--example", example]
        if subprocess.run(command, cwd=ROOT).returncode != 0:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
