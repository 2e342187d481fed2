#!/usr/bin/env bash
# Runs all tests, then lists what was skipped and why, and ends with one line: N passed, N failed, N skipped.
set -uo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
FRAMEFAN_SKIP_LOG=$(mktemp)
export FRAMEFAN_SKIP_LOG
trap 'rm -f "$log" "$FRAMEFAN_SKIP_LOG"' EXIT

cargo test --workspace --no-fail-fast "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

if [ -s "$FRAMEFAN_SKIP_LOG" ]; then
  printf '\nSkipped:\n'
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

printf '\n'
awk -v skipped="$skipped" '
  /^test result:/ { passed += $4; failed += $6; ignored += $8 }
  END { printf "%d passed, %d failed, %d skipped\n", passed - skipped, failed, skipped + ignored }
' "$log"
exit "$status"
