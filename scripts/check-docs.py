"""Checks the documents: relative links, headings linked to, and paths of the project in backquotes must exist; no tracked
file may hold a path of one person's machine or the address of a private package registry.

usage: check-docs.py   on the files that git tracks or would track
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
BACKQUOTED = re.compile(r"`([^`\s]+)`")
PROJECT_PATH = re.compile(r"^(?:crates|cli|docs|functions|gpu-job|infra|scripts|statemachine|tests|\.ci)/[\w./-]+$")
# Home folders and mount points of a machine. A letter before the slash makes it part of a longer, relative path.
MACHINE_PATH = re.compile(r"(?<![\w.$})~*>-])/(?:home|root|Users|work|farm|mnt|srv)/[\w.]")
REGISTRY = re.compile(
    r"artifactory|--(?:extra-)?index-url"
    r"|\"resolved\": \"https?://(?!registry\.npmjs\.org/)"
    r"|\"(?:registry|sparse)\+(?!https://github\.com/rust-lang/crates\.io-index)"
)


def tracked() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def anchors(document: Path) -> set[str]:
    """The anchors that a Markdown viewer makes of the headings."""
    found, fenced = set(), False
    for line in document.read_text().splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif line.startswith("#") and not fenced:
            title = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            found.add(title.replace(" ", "-"))
    return found


def check_document(document: Path) -> list[str]:
    wrong, fenced = [], False
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        where = f"{document.relative_to(ROOT)}:{number}"
        for link in LINK.findall(line):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (document.parent / name).resolve() if name else document
            if not target.exists():
                wrong.append(f"{where}: the link {link} leads nowhere")
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                wrong.append(f"{where}: {target.name} has no heading for #{anchor}")
        for name in BACKQUOTED.findall(line):
            if PROJECT_PATH.match(name) and not (ROOT / name).exists():
                wrong.append(f"{where}: there is no {name}")
    return wrong


def check_text(path: Path) -> list[str]:
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        return []
    wrong = []
    for number, line in enumerate(lines, 1):
        where = f"{path.relative_to(ROOT)}:{number}"
        if found := MACHINE_PATH.search(line):
            wrong.append(f"{where}: a path of one machine: {line[found.start():][:60]}")
        if path != Path(__file__).resolve() and REGISTRY.search(line):
            wrong.append(f"{where}: the address of a package registry: {line.strip()[:60]}")
    return wrong


def main() -> int:
    files = tracked()
    documents = [path for path in files if path.suffix == ".md"]
    wrong = [problem for path in documents for problem in check_document(path)]
    wrong += [problem for path in files for problem in check_text(path)]
    for problem in wrong:
        print(problem, file=sys.stderr)
    if wrong:
        return 1
    print(f"docs: {len(documents)} documents and {len(files)} files, nothing wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())
