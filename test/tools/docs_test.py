#!/usr/bin/python3
"""tools/docs, checked: pages that it wrote are fresh, and a changed or missing one is named.

    docs_test.py PAGES     the program that prints the pages (target `pages`)
"""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent.parent / "tools" / "docs"
PROGRAM = sys.argv.pop(1)


class Docs(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.assertEqual(self.docs()[0], 0)

    def docs(self, *options):
        """Exit status and what was said."""
        done = subprocess.run([DOCS, "--program", PROGRAM, "--folder", self.folder, *options],
                              capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stderr

    def test_what_was_written_is_fresh(self):
        self.assertEqual(self.docs("--check"), (0, ""))

    def test_a_stale_page_is_named_with_the_remedy(self):
        page = self.folder / "options.md"
        page.write_text(page.read_text("utf-8").replace("6379", "6380"), "utf-8")
        status, said = self.docs("--check")
        self.assertEqual(status, 1)
        self.assertIn("docs/options.md is stale; write it anew: tools/docs", said)
        self.assertNotIn("commands.md", said)

    def test_a_missing_page_is_named(self):
        (self.folder / "commands.md").unlink()
        status, said = self.docs("--check")
        self.assertEqual(status, 1)
        self.assertIn("docs/commands.md is stale", said)

    def test_a_check_writes_nothing(self):
        page = self.folder / "options.md"
        page.write_text("old\n", "utf-8")
        self.docs("--check")
        self.assertEqual(page.read_text("utf-8"), "old\n")

    def test_the_options_page_has_a_row_for_a_live_and_a_fixed_option(self):
        page = (self.folder / "options.md").read_text("utf-8")
        self.assertIn("| `port` | number | `6379` | 1 to 65535 | no |", page)
        self.assertIn("| `maxmemory` | size | `0` | 0 and more | yes |", page)
        self.assertIn("| `proto-max-bulk-len` | size | `512mb` | 1mb and more | yes |", page)

    def test_the_commands_page_has_syntax_and_facts(self):
        page = (self.folder / "commands.md").read_text("utf-8")
        self.assertIn("### GET\n\n```\nGET <key>\n```\n\n", page)
        self.assertIn("Since 1.0.0 · O(1) · `readonly`, `fast`\n", page)
        self.assertIn("#### CLIENT SETNAME\n\n```\nCLIENT SETNAME <connection-name>\n```\n", page)
        self.assertIn("[GETSET](#getset)", page)


if __name__ == "__main__":
    unittest.main(verbosity=2)
