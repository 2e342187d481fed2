"""Where the tools of these tests are."""

import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "aws"), str(TESTS / "local-aws")]
