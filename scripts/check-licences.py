"""Checks that every dependency may be used: its SPDX licence expression must be satisfied by the list below.

usage: check-licences.py   runs `cargo metadata`, for the platforms the project is built for
"""

import json
import re
import subprocess
import sys

PLATFORMS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]

# Permissive licences, and MPL-2.0, whose terms end at its own files.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "IJG",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "WTFPL",
    "Zlib",
}


def satisfied(expression: str) -> bool:
    """Whether an SPDX expression can be met with allowed licences. `/` is crates.io's old way to write OR."""
    words = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    value, rest = _any(words)
    if rest:
        raise ValueError(f"cannot read the licence expression {expression!r}")
    return value


def _any(words: list[str]) -> tuple[bool, list[str]]:
    value, words = _all(words)
    while words and words[0] == "OR":
        right, words = _all(words[1:])
        value = value or right
    return value, words


def _all(words: list[str]) -> tuple[bool, list[str]]:
    value, words = _one(words)
    while words and words[0] == "AND":
        right, words = _one(words[1:])
        value = value and right
    return value, words


def _one(words: list[str]) -> tuple[bool, list[str]]:
    if not words:
        raise ValueError("a licence expression ends too early")
    if words[0] == "(":
        value, rest = _any(words[1:])
        if rest[:1] != [")"]:
            raise ValueError("a licence expression lacks a closing parenthesis")
        return value, rest[1:]
    name, rest = words[0], words[1:]
    if rest[:1] == ["WITH"]:
        name, rest = f"{name} WITH {rest[1]}", rest[2:]
    return name in ALLOWED, rest


def packages() -> dict[str, str]:
    """Licence expression by `name version`, of all dependencies on the platforms."""
    found = {}
    for platform in PLATFORMS:
        command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", platform]
        metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        for package in metadata["packages"]:
            found[f"{package['name']} {package['version']}"] = package["license"] or ""
    return found


def main() -> int:
    found = packages()
    refused = {name: licence for name, licence in sorted(found.items()) if not licence or not satisfied(licence)}
    for name, licence in refused.items():
        print(f"{name}: {licence or 'states no licence'}", file=sys.stderr)
    if refused:
        print("these licences are not on the list in scripts/check-licences.py", file=sys.stderr)
        return 1
    print(f"licences: {len(found)} packages, all on the list")
    return 0


if __name__ == "__main__":
    sys.exit(main())
