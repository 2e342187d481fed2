#!/usr/bin/env bash
# Runs all tests, then lists what was skipped and why, and ends with one line: N passed, N failed, N skipped.
#
# First Cargo's tests, then Python's: the local AWS, the state machine, and the whole system on it. Arguments go to Cargo.
set -uo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/cargo.log
export FRAMEFAN_SKIP_LOG=$work/skips
touch "$FRAMEFAN_SKIP_LOG"
python=${FRAMEFAN_PYTHON:-$PWD/.venv/bin/python}
export FRAMEFAN_PYTHON=$python
# Node.js, where the system has none, and the AWS command line.
PATH="$PATH:$(dirname "$python")"

cargo test --workspace --no-fail-fast "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

# The system's processes are the programs that were just built.
cargo build --workspace --bins --quiet
built=$?
python_status=$built
if [ "$built" -eq 0 ]; then
  "$python" -m pytest --quiet -rs --durations=10 --junitxml="$work/pytest.xml" tests/local-aws statemachine tests/aws
  python_status=$?
fi

if [ -s "$FRAMEFAN_SKIP_LOG" ]; then
  printf '\nSkipped by Cargo tests:\n'
  sort -u "$FRAMEFAN_SKIP_LOG" | sed 's/^/  /'
fi
# Cargo counts a test that records a skip and returns as passed. A skip that names a case, "test (case)", is part of a test.
skipped=$(sed 's/: needs .*//' "$FRAMEFAN_SKIP_LOG" | grep -v ' (' | sort -u | wc -l)
failures=$(grep -E '^test .* \.\.\. FAILED$' "$log" | sort -u)
if [ -n "$failures" ]; then
  printf '\nFailed:\n%s\n' "$(sed 's/^test /  /; s/ \.\.\. FAILED$//' <<<"$failures")"
elif [ "$status" -ne 0 ]; then
  printf '\ncargo test ended with %s although no test failed: see above (a build error, or a test process that died)\n' "$status"
fi
if [ "$python_status" -ne 0 ]; then
  printf '\npytest (or the build before it) ended with %s: see above\n' "$python_status"
fi

# pytest's counts: tests, failures and errors, skipped.
read -r py_passed py_failed py_skipped < <("$python" - "$work/pytest.xml" <<'PY'
import sys, xml.etree.ElementTree as tree
try:
    suites = list(tree.parse(sys.argv[1]).getroot().iter("testsuite"))
except (OSError, tree.ParseError):
    suites = []
count = lambda name: sum(int(suite.get(name, 0)) for suite in suites)
failed, skipped = count("failures") + count("errors"), count("skipped")
print(count("tests") - failed - skipped, failed, skipped)
PY
)

printf '\n'
awk -v skipped="$skipped" -v p="${py_passed:-0}" -v f="${py_failed:-0}" -v s="${py_skipped:-0}" '
  /^test result:/ { passed += $4; failed += $6; ignored += $8 }
  END { printf "%d passed, %d failed, %d skipped\n", passed - skipped + p, failed + f, skipped + ignored + s }
' "$log"
[ "$status" -eq 0 ] && [ "$python_status" -eq 0 ]
