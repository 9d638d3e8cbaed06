"""Programs for Node.js with ioredis and node-redis, in the versions of e2e/clients/package-lock.json.

They are fetched once per lock file, into the build directory. A program is a file of tests for
`node --test`; it gets the ports it needs in its environment.
"""

import hashlib
import os
import shutil

from support.fixture import shell
from support.server import ROOT

SOURCES = os.path.join(ROOT, "test", "e2e", "clients")
INSTALLED = os.path.join(ROOT, "build", "node-clients")


def install():
    """The clients under INSTALLED, as the lock file says, and the programs beside them."""
    with open(os.path.join(SOURCES, "package-lock.json"), "rb") as lock:
        wanted = hashlib.sha256(lock.read()).hexdigest()
    stamp = os.path.join(INSTALLED, "installed")
    done = ""
    if os.path.exists(stamp):
        with open(stamp, encoding="ascii") as written:
            done = written.read()
    if done != wanted:
        os.makedirs(INSTALLED, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(SOURCES, name), INSTALLED)
        exit_status, output, errors = shell(
            ["npm", "ci", "--no-audit", "--no-fund", "--prefix", INSTALLED], timeout=180)
        if exit_status != 0:
            raise RuntimeError("npm ci failed: " + output + errors)
        with open(stamp, "w", encoding="ascii") as written:
            written.write(wanted)
    for name in os.listdir(SOURCES):
        if name.endswith(".mjs"):
            shutil.copy(os.path.join(SOURCES, name), INSTALLED)


def run_program(case, name, **ports):
    """All tests of a program pass, and there are some."""
    exit_status, output, errors = shell(
        ["node", "--test", "--test-reporter=spec", os.path.join(INSTALLED, name)], timeout=90,
        environment={variable: str(port) for variable, port in ports.items()})
    case.assertEqual(exit_status, 0, output + errors)
    case.assertRegex(output, r"pass [1-9][0-9]*\n")
