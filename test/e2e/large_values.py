#!/usr/bin/python3
"""Values of up to 512 MB: the largest there is, one byte more, and others served meanwhile."""

import hashlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import resp                                            # noqa: E402
from support.fixture import ServerCase, run                         # noqa: E402

MEGABYTE = 1 << 20
LARGEST = 512 * MEGABYTE


class LargeValues(ServerCase):
    def setUp(self):
        super().setUp()
        self.large = self.connect(timeout=120)

    def tearDown(self):
        self.large.call("FLUSHALL")
        super().tearDown()

    def test_the_largest_value_comes_back_as_it_was(self):
        piece = os.urandom(MEGABYTE)
        value = piece * (LARGEST // len(piece))
        self.check(resp.OK, "SET", "large", value, client=self.large)
        self.check(resp.number(LARGEST), "STRLEN", "large")
        self.check(resp.OK, "SET", "small", "still served")
        reply = self.large.call("GET", "large")
        self.assertEqual(hashlib.sha256(reply.value).digest(), hashlib.sha256(value).digest())
        self.check(resp.bulk(piece[:100]), "GETRANGE", "large", LARGEST - MEGABYTE,
                   LARGEST - MEGABYTE + 99)

    def test_one_byte_more_ends_the_connection(self):
        self.large.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % (LARGEST + 1))
        self.assertEqual(self.large.read(), resp.error("ERR Protocol error: invalid bulk length"))
        self.assertTrue(self.large.is_closed(5))
        self.large = self.connect(timeout=120)
        self.check(resp.number(0), "EXISTS", "k")

    def test_growing_to_the_limit_and_not_beyond(self):
        too_long = "ERR string exceeds maximum allowed size"
        self.check(resp.number(LARGEST), "SETRANGE", "k", LARGEST - 1, "x", client=self.large)
        self.check_error(too_long, "APPEND", "k", "y", client=self.large)
        self.check_error(too_long, "SETRANGE", "k", LARGEST, "y", client=self.large)
        self.check_error(too_long, "SETRANGE", "other", LARGEST - 1, "yz", client=self.large)
        self.check(resp.bulk(b"\0x"), "GETRANGE", "k", "-2", "-1")
        self.check(resp.number(LARGEST), "STRLEN", "k")
        self.check(resp.number(1), "COPY", "k", "copy", client=self.large)
        self.check(resp.number(2), "UNLINK", "k", "copy", client=self.large)

    def test_append_doubles_up_to_the_limit(self):
        size = 48
        self.check(resp.OK, "SET", "k", "ab" * 24)
        while size < 256 * MEGABYTE:
            part = self.large.call("GET", "k").value if size < 8 * MEGABYTE else b"c" * size
            size += len(part)
            self.check(resp.number(size), "APPEND", "k", part, client=self.large)
        self.check(resp.bulk("abab"), "GETRANGE", "k", "0", "3")


if __name__ == "__main__":
    run()
