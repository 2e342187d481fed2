"""Tests of the house's own checks under scripts/: each must fail on what it is there to find."""

import importlib.util
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def load(name):
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Licences(unittest.TestCase):
    def test_expressions(self):
        satisfied = load("check-licences").satisfied
        for expression in ("MIT", "GPL-3.0 OR MIT", "MIT/GPL-3.0", "(MIT OR GPL-3.0) AND ISC", "Apache-2.0 WITH LLVM-exception"):
            self.assertTrue(satisfied(expression), expression)
        for expression in ("GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND AGPL-3.0", "MIT WITH Strange-exception"):
            self.assertFalse(satisfied(expression), expression)
        for expression in ("", "(MIT", "MIT MIT", "MIT AND"):
            with self.assertRaises(ValueError, msg=expression):
                satisfied(expression)


class Docs(unittest.TestCase):
    def setUp(self):
        self.checks = load("check-docs")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.checks.ROOT = self.root = Path(folder.name).resolve()
        (self.root / "docs").mkdir()
        (self.root / "docs" / "there.md").write_text("# A heading, here\n")

    def document(self, text):
        path = self.root / "README.md"
        path.write_text(text)
        return path

    def test_links(self):
        good = "[a](docs/there.md) [b](docs/there.md#a-heading-here) [c](https://example.com/x) `docs/there.md`\n"
        self.assertEqual(self.checks.check_document(self.document(good)), [])
        for bad in ("[a](docs/gone.md)", "[a](docs/there.md#no-heading)", "`docs/gone.md`"):
            self.assertEqual(len(self.checks.check_document(self.document(bad))), 1, bad)
        self.assertEqual(self.checks.check_document(self.document(f"```\n{good}[a](docs/gone.md)\n```\n")), [])

    def test_addresses(self):
        # Put together here, because this file is checked, too.
        slash, plus, option = "/", "+", "--index"
        bad_lines = [f"see {slash}home/someone/file", f'"{slash}root/x"', f'"registry{plus}https://example.com/index"', f"{option}-url x"]
        for bad in bad_lines:
            self.assertEqual(len(self.checks.check_text(self.document(bad))), 1, bad)
        for good in ("crates/home/x", "https://example.com/home/x", "/usr/bin/python3", "./home/out", "$HOME/root/x"):
            self.assertEqual(self.checks.check_text(self.document(good)), [], good)


if __name__ == "__main__":
    unittest.main()
