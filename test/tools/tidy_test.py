#!/usr/bin/python3
"""tools/tidy, checked: it finds every mistake it promises to find, and accepts what is right.

Each case is a small tree with one thing changed. The good tree has no error at all, so whatever is
reported comes from the change.
"""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TIDY = Path(__file__).resolve().parent.parent.parent / "tools" / "tidy"

GOOD = {
    "CMakeLists.txt": "set(GF_USES_core)\nset(GF_USES_modules core protocol)\n"
                      "set(GF_USES_protocol core)\n",
    "core/CMakeLists.txt": "gf_library(core\n  thing.c thing_uring.c\n)\n",
    "core/thing.h": "/* A thing. */\n#pragma once\n#include <stdint.h>\n\n"
                    "uint32_t gf_thing_count(void);\n",
    "core/thing.c": "/* Things, counted. */\n#include \"core/thing.h\"\n\n"
                    "static const char *const names[] = {\"a\", \"malloc(1) // no\"};\n\n"
                    "uint32_t gf_thing_count(void)\n{\n"
                    "    static const uint32_t sizes[] = {1, 2};\n\n"
                    "    return sizes[0] + (uint32_t)names[0][0];\n}\n",
    "core/thing_uring.c": "/* Things of one kind. */\n#include \"core/thing.h\"\n",
    "modules/CMakeLists.txt": "gf_library(modules\n  strings.c\n)\n",
    "modules/strings.c": "/* Strings. */\n#include \"core/thing.h\"\n\n"
                         "const struct gf_module gf_strings_module = {.name = \"strings\"};\n",
}


def tidy(changes):
    """What tidy prints about the good tree with these files changed (None removes one)."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in {**GOOD, **changes}.items():
            if text is not None:
                file = Path(folder) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
        run = subprocess.run([sys.executable, str(TIDY), "--root", folder], capture_output=True,
                             text=True, timeout=60, check=False)
    return run.returncode, run.stdout


def fixed(text):
    """What --fix makes of core/thing.h, and what is then still wrong."""
    with tempfile.TemporaryDirectory() as folder:
        for path, content in {**GOOD, "core/thing.h": text + GOOD["core/thing.h"]}.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text(content, encoding="utf-8")
        run = subprocess.run([sys.executable, str(TIDY), "--root", folder, "--fix"], timeout=60,
                             capture_output=True, text=True, check=False)
        return (Path(folder) / "core/thing.h").read_text(encoding="utf-8"), run.stdout


def thing(addition):
    return {"core/thing.c": GOOD["core/thing.c"] + addition}


def function(body):
    return thing("\nuint32_t other(void);\nuint32_t other(void)\n{\n" + body + "}\n")


# rule -> changes that must be reported as that rule, and nothing else
BAD = {
    "text": [
        thing("int a(void);\t\n"), thing("int a(void); \n"), thing("int a(void);"),
        thing("/* " + "long " * 20 + "*/\n"), {"tools/some.py": "a = 1 \n"},
    ],
    "todo": [
        thing("/* FIX" "ME: soon */\n"), thing("/* TODO later */\n"), thing("/* TODO(me): x */\n"),
    ],
    "comment": [
        thing("/* */\n"), thing("/*\n *\n */\n"), thing("// a remark\n"),
        thing("/* gf_thing_count - */\n"),
    ],
    "function-length": [function("    (void)0;\n" * 71)],
    "file-length": [
        {"core/thing.h": GOOD["core/thing.h"] + "int a(void);\n" * 250},
        thing("int a(void);\n" * 800),
    ],
    "file-name": [
        {"core/thing_util.h": "int a(void);\n",
         "core/thing_uring.c": "/* x */\n#include \"core/thing_util.h\"\n"},
    ],
    "listed": [
        {"core/thing_epoll.c": "/* Forgotten. */\n#include \"core/thing.h\"\n"},
        {"test/CMakeLists.txt": "gf_test(modules)\n", "test/core/thing_test.c": "/* T. */\n"},
    ],
    "header": [
        {"core/thing_uring.c": "/* Nobody's. */\n"},
    ],
    "dead-header": [{"core/lonely.h": "/* Never used. */\n#pragma once\n"}],
    "self-contained": [{"core/thing.h": "#pragma once\nuint32_t gf_thing_count(void);\n"}],
    "layer": [
        {"core/thing_uring.c": "#include \"core/thing.h\"\n#include \"modules/module.h\"\n"},
    ],
    "include": [
        {"core/thing_uring.c": "#include \"thing.h\"\n#include \"core/thing.h\"\n"},
        {"core/thing_uring.c": GOOD["core/thing_uring.c"] + "#include \"../core/thing.h\"\n"},
        {"core/thing_uring.c": GOOD["core/thing_uring.c"] + "#include <liburing.h>\n"},
        {"core/thing.c": "#include <stdint.h>\n#include \"core/thing.h\"\n"},
    ],
    "banned": [
        function("    return malloc(1) != 0;\n"), function("    free(0);\n"),
        function("    assert(1);\n"), function("    strtok(0, 0);\n"),
        function("    sprintf(0, 0);\n"), function("    return atoi(\"1\");\n"),
        function("    return rand();\n"), function("    return random ();\n"),
    ],
    "seam": [
        function("    return time(0);\n"), function("    clock_gettime(0, 0);\n"),
        function("    return socket(1, 2, 3);\n"), function("    return open(\"a\", 0);\n"),
        function("    pthread_create(0, 0, 0, 0);\n"), function("    getrandom(0, 0, 0);\n"),
    ],
    "determinism": [
        {"modules/strings.c": GOOD["modules/strings.c"].replace("core/thing.h", "core/driver.h"),
         "core/driver.h": "/* Used by modules. */\n#pragma once\n"},
        {"modules/strings.c": "/* S. */\n#include <time.h>\n" + GOOD["modules/strings.c"]},
        {"modules/strings.c": GOOD["modules/strings.c"] + "int gf_core_now_ms(void);\n"},
    ],
    "mutable": [
        thing("static int last;\n"), thing("int last = 1;\n"), thing("static char text[8];\n"),
        thing("static const char *name;\n"), thing("static const char *names[] = {\"a\"};\n"),
        thing("static void (*hook)(int);\n"), thing("static struct thing {int a;} one;\n"),
        function("    static int calls;\n    return calls++;\n"),
        function("    static const char *name = \"a\";\n    return name != 0;\n"),
        thing("static _Thread_local int here;\n"),
    ],
    "page": [{"README.md": "Read `core/thing.h`, then `core/gone.h`.\n"}],
    "allow": [
        thing("/* tidy: allow mutable */\n"), thing("/* tidy: allow mutable - not needed */\n"),
        thing("/* tidy: allow everything - why not */\n"),
    ],
}

# What must not be reported: near misses.
FINE = [
    {},
    thing("/* TODO(12): count the others, too. */\n"),
    thing("struct thing {\n    int a;\n};\nenum kind { GF_A, GF_B };\ntypedef int number;\n"),
    thing("extern int elsewhere;\n_Static_assert(1, \"one = 1\");\n"),
    thing("static const struct {\n    int a;\n} rows[] = {{1}, {2}};\n"),
    thing("static void (*const hooks[])(int) = {0};\n"),
    thing("void take(void (*done)(int), int count);\n"),
    function("    struct type *t = 0;\n    t->free(t);\n    return x.assert(1) + mytime(0);\n"),
    function("    (void)0;\n" * 70),
    thing("static int last; /* tidy: allow mutable - written before any thread starts */\n"),
    thing("/* tidy: allow mutable - written before any thread starts */\nstatic int last;\n"),
    thing("/* clang-format off */\nint a(void);" + " " * 80 + "/* a row */\n/* clang-format on */\n"),
    {"README.md": "`core/thing.c`, `core/`, `core/<name>.c`, `test_<core>`, core/gone.h\n"},
    {"core/thing.def": "/* Rows. */\n#define ROWS(X) X(" + "1, " * 40 + "1)\n"},
    {"test/CMakeLists.txt": "gf_test(core)\n", "test/core/thing_test.c": "/* T. */\n"},
]


class TidyTest(unittest.TestCase):
    def test_every_mistake_is_found(self):
        for rule, cases in BAD.items():
            for changes in cases:
                with self.subTest(rule=rule, changes=changes):
                    code, output = tidy(changes)
                    self.assertEqual(code, 1)
                    for line in output.splitlines():
                        self.assertRegex(line, r"^\S+:\d+: error: .* \[%s\]$" % rule)

    def test_what_is_right_is_accepted(self):
        for changes in FINE:
            with self.subTest(changes=changes):
                self.assertEqual(tidy(changes), (0, ""))

    def test_wide_comments_are_wrapped(self):
        wide = "word " * 20
        for text, wanted in {
            f"/* {wide}one two\n * three. */\n": f"/* {'word ' * 18}word\n * word one two three. */\n",
            f"/* {'word ' * 18}end. */\n/* x */\n": f"/* {'word ' * 18}end. */\n/* x */\n",
            f"/* {'word ' * 19}end. */\n": f"/* {'word ' * 18}word\n * end. */\n",
            f"/* a\n * name   {'word ' * 19}\n *        more\n */\n".replace(" \n", "\n"):
                f"/* a\n * name   {'word ' * 17}word\n *        word more\n */\n",
        }.items():
            with self.subTest(text=text):
                result, errors = fixed(text)
                self.assertEqual(errors, "")
                self.assertEqual(result, wanted + GOOD["core/thing.h"])

    def test_every_rule_has_a_case(self):
        rules = subprocess.run([sys.executable, str(TIDY), "--rules"], capture_output=True,
                               text=True, timeout=60, check=True).stdout
        self.assertEqual({line.split()[0] for line in rules.splitlines()}, set(BAD))

    def test_the_line_is_the_right_one(self):
        _, output = tidy(thing("\nint a(void);\nstatic int last;\n"))
        self.assertTrue(output.startswith("core/thing.c:14: error: "), output)


if __name__ == "__main__":
    unittest.main()
