#!/usr/bin/python3
"""tools/soak, checked with a folder of tests that are shell lines."""
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOAK = Path(__file__).resolve().parent.parent.parent / "tools" / "soak"

TESTS = """
add_test(good "/bin/sh" "-c" "echo \\$0 \\$1; echo \\$WHO for \\$GF_TIMEOUT_S s" "--seeds" "1..3,70")
set_tests_properties(good PROPERTIES LABELS "other;soak" ENVIRONMENT "WHO=said;GF_TIMEOUT_S=7")
add_test(bad "/bin/sh" "-c" "echo what; echo went wrong; exit 3" "--seeds" "5")
set_tests_properties(bad PROPERTIES LABELS "soak")
add_test(endless "/bin/sh" "-c" "echo begun; exec sleep 100" "--seeds" "1..2")
set_tests_properties(endless PROPERTIES LABELS "soak" TIMEOUT 0.2)
add_test(without "/bin/false")
"""


class Soak(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        (self.folder / "CTestTestfile.cmake").write_text(TESTS, "utf-8")
        (self.folder / "CMakeCache.txt").write_text("", "utf-8")

    def soak(self, *options):
        """Exit status and what was said."""
        done = subprocess.run([SOAK, "--build", self.folder, "--minutes", "0", *options],
                              stdout=subprocess.PIPE, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    def test_it_plays_as_many_other_seeds(self):
        status, said = self.soak("good")
        seeds = re.search(r"good --seeds (\d+)\.\.(\d+): said for 70 s", said)
        first, last = map(int, seeds.groups())
        self.assertEqual((status, last - first), (0, 3))
        self.assertIn("good: 1 runs, 4 seeds, 0 failed\n1 runs, 4 seeds, 0 failed\n", said)

    def test_they_are_fresh(self):
        self.assertNotEqual(self.soak("good"), self.soak("good"))

    def test_a_failure_is_shown_with_the_command_that_repeats_it_and_ends_nothing(self):
        status, said = self.soak("bad", "good")
        self.assertEqual(status, 1)
        self.assertIn("FAILED: bad\nwhat\nwent wrong\nrepeat with:\n", said)
        command = said.split("repeat with:\n")[1].split("\n")[0]
        again = subprocess.run(["/bin/sh", "-c", command], stdout=subprocess.PIPE, text=True,
                               check=False)
        self.assertEqual((again.returncode, again.stdout), (3, "what\nwent wrong\n"))
        self.assertTrue(said.endswith("\n2 runs, 5 seeds, 1 failed\n"))

    def test_what_does_not_end_has_failed(self):
        status, said = self.soak("endless")
        self.assertEqual(status, 1)
        self.assertIn("FAILED: endless\nbegun\n", said)

    def test_only_tests_with_the_label_are_there(self):
        self.assertEqual(self.soak("--list"), (0, "good\nbad\nendless\n"))
        self.assertEqual(self.soak("without")[0], 1)

    def test_a_build_has_them(self):
        done = subprocess.run([SOAK, "--build", BUILD, "--list"], stdout=subprocess.PIPE, text=True,
                              check=True)
        self.assertTrue({"differential_1", "together_valkey_2", "wire_1", "parser_fuzz"}
                        <= set(done.stdout.split()))


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
