"""Measures framefan on this machine: builds the benchmark programs and prints what they print.

usage: bench.py [NAME...]   NAME: decode, convert, models, run (whole runs: pace, memory, plan, peer), or analyzers (together, golden); all
without one
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = os.environ.get("FRAMEFAN_TEST_DATA")
# Crate, example, and the video of the test data that it takes.
BENCHES = {
    "decode": ("framefan-media", "decode_bench", "video/05_default_juggle.mp4"),
    "convert": ("framefan-media", "convert_bench", None),
    "models": ("framefan-models", "bench", None),
}


# What measures runs of the command.
SCRIPTS = {"run": "bench_run.py", "analyzers": "bench_analyzers.py"}


def whole_runs(name: str) -> bool:
    """Builds the command and measures whole runs of it."""
    print(f"== {name}", flush=True)
    build = subprocess.run(["cargo", "build", "--quiet", "--package", "framefan"], cwd=ROOT)
    framefan = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "framefan"
    measure = [sys.executable, ROOT / "scripts" / SCRIPTS[name], framefan]
    return build.returncode == 0 and subprocess.run(measure).returncode == 0


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(BENCHES) - set(SCRIPTS))
    if unknown:
        print(f"unknown benchmark {', '.join(unknown)}; there are {', '.join([*BENCHES, *SCRIPTS])}", file=sys.stderr)
        return 2
    failed = []
    for name in names or [*BENCHES, *SCRIPTS]:
        if name in SCRIPTS:
            failed += [] if whole_runs(name) else [name]
            continue
        package, example, video = BENCHES[name]
        print(f"== {name}", flush=True)
        command = ["cargo", "run", "--quiet", "--package", package, "--example", example]
        if video:
            if not DATA:
                print("skipped: needs FRAMEFAN_TEST_DATA")
                continue
            command += ["--", str(Path(DATA) / video)]
        if subprocess.run(command, cwd=ROOT).returncode != 0:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
