#!/usr/bin/python3
"""Uses of the server as people write them for Node.js: a session store (node-redis), rate limiters
(ioredis). The programs are clients/session_store.mjs and clients/rate_limiter.mjs.
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support.fixture import run, start_server    # noqa: E402
from support.node import install, run_program    # noqa: E402

SMALL = ["--maxmemory", "16mb", "--maxmemory-policy", "volatile-lru"]


class NodeApps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install()

    def test_session_store(self):
        with start_server() as server, start_server(*SMALL) as small:
            run_program(self, "session_store.mjs", PORT=server.port, SMALL_PORT=small.port)

    def test_rate_limiter(self):
        with start_server() as server:
            run_program(self, "rate_limiter.mjs", PORT=server.port)


if __name__ == "__main__":
    run()
