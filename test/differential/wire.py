#!/usr/bin/python3
"""Bytes, not commands: the same raw conversations to redis-server and to the server under test, and
every byte that comes back compared, up to the closing of the connection.

First a fixed list (every protocol error, inline commands, CLIENT REPLY, limits), each behind a PING
that tells whether the server closed; then valid pipelines with some of their bytes changed, cut, doubled
or inserted.

    wire.py --server build/release/gofish [--cores 2] [--seeds A..B] [--streams 200]
    wire.py --server … --seeds 7 --first 123 --streams 1         one conversation again
"""

import argparse
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from grammar import Grammar                                  # noqa: E402
from support import resp, seeds                              # noqa: E402
from support.server import PATIENCE, Server, binary_from     # noqa: E402

PAUSE = 0.02   # between two pieces of a conversation


def _request(*words):
    return resp.encode(words)


CONVERSATIONS = {
    "inline": [b"PING\r\n", b"ping\n", b"  PING  \r\n", b"PING hello\r\n"],
    "inline quotes": [b'SET "a b" "x\\x41\\n\\"y"\r\n', b"GET 'a b'\r\n", b"ECHO 'it\\'s'\r\n"],
    "inline empty lines": [b"\r\n\r\n\n", b"   \r\n"],
    "inline quotes that do not end": [b'ECHO "abc\r\n'],
    "inline text behind a quote": [b'ECHO "abc"d\r\n'],
    "inline too long": [b"x" * 70000],
    "inline in pieces": [b"PI", b"NG", b"\r", b"\n"],
    "inline then array": [b"PING\r\n" + _request("PING")],
    "array in pieces": [b"*2\r", b"\n$4\r\nEC", b"HO\r\n$", b"3\r\nab", b"c\r", b"\n"],
    "empty array": [b"*0\r\n"],
    "null array": [b"*-1\r\n"],
    "negative array": [b"*-10\r\n"],
    "empty name": [b"*1\r\n$0\r\n\r\n"],
    "array size not a number": [b"*abc\r\n"],
    "array size empty": [b"*\r\n"],
    "array size too big": [b"*1048577\r\n"],
    "array size at its limit": [b"*1048576\r\n$4\r\nPING\r\n"],
    "array size overflows": [b"*99999999999999999999\r\n"],
    "array size line too long": [b"*" + b"1" * 70000],
    "array size with a space": [b"* 1\r\n$4\r\nPING\r\n"],
    "array size with a plus": [b"*+1\r\n$4\r\nPING\r\n"],
    "array size with a zero": [b"*01\r\n$4\r\nPING\r\n"],
    "bulk size missing": [b"*1\r\n4\r\nPING\r\n"],
    "bulk is an integer": [b"*2\r\n$4\r\nECHO\r\n:5\r\n"],
    "bulk size negative": [b"*1\r\n$-1\r\n"],
    "bulk size not a number": [b"*1\r\n$abc\r\n"],
    "bulk size empty": [b"*1\r\n$\r\n"],
    "bulk size too big": [b"*2\r\n$4\r\nECHO\r\n$536870913\r\n"],
    "bulk size overflows": [b"*1\r\n$99999999999999999999\r\n"],
    "bulk size line too long": [b"*1\r\n$" + b"1" * 70000],
    "bulk without its line end": [b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n"],
    "bulk size zero behind a name": [b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n"],
    "carriage return alone": [b"*1\r$4\rPING\r"],
    "line feed alone": [b"*1\n$4\nPING\n"],
    "zero bytes": [b"\x00\x00\x00\r\n"],
    "binary name": [b"*1\r\n$3\r\n\x00\xff\x01\r\n"],
    "name with a line break": [b"*1\r\n$6\r\na\r\nb\r\n\r\n"],
    "long unknown name": [_request("x" * 300, "y" * 300, "z" * 300)],
    "http get": [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "http post": [b"POST / HTTP/1.1\r\n\r\n"],
    "tls hello": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    "reply off": [_request("CLIENT", "REPLY", "OFF") + _request("PING") + _request("NOSUCH"),
                  _request("CLIENT", "REPLY", "ON") + _request("ECHO", "back")],
    "reply skip": [_request("CLIENT", "REPLY", "SKIP") + _request("PING") + _request("ECHO", "b")],
    "reply skip twice": [_request("CLIENT", "REPLY", "SKIP") * 2 + _request("ECHO", "a")
                         + _request("ECHO", "b")],
    "reply off, errors": [_request("CLIENT", "REPLY", "OFF") + _request("GET"), b"*1\r\n$-5\r\n"],
    "reply bogus": [_request("CLIENT", "REPLY", "BOGUS"), _request("CLIENT", "REPLY")],
    "quit": [_request("QUIT")],
    "quit with words": [_request("QUIT", "now", "please")],
    "quit in a pipeline": [_request("SET", "q", "1") + _request("QUIT") + _request("GET", "q")],
    "protocol error behind replies": [_request("PING") * 3 + b"*1\r\n$x\r\n" + _request("PING")],
    "reset": [_request("SELECT", "3") + _request("RESET")],
    "resp3 nulls": [_request("CLIENT", "REPLY", "SKIP") + _request("HELLO", "3")
                    + _request("GET", "none") + _request("MGET", "none", "none")],
    "resp3 protocol error": [_request("CLIENT", "REPLY", "SKIP") + _request("HELLO", "3")
                             + b"*1\r\n$x\r\n"],
    "resp2 nulls": [_request("GET", "none") + _request("MGET", "none", "none")
                    + _request("SET", "k", "v", "GET")],
    "large pipeline": [_request("SET", "p", "v") * 2000 + _request("STRLEN", "p")],
    "large value in pieces": [_request("SET", "big", b"x" * 200000)[:70000],
                              _request("SET", "big", b"x" * 200000)[70000:]
                              + _request("STRLEN", "big") + _request("GETRANGE", "big", -3, -1)],
}

UNAUTHENTICATED = {
    "before the password": [_request("GET", "a"), _request("PING"), _request("AUTH", "wrong")],
    "unknown before the password": [_request("NOSUCH", "a")],
    "arity before the password": [_request("GET")],
    "too many words": [_request(*["x"] * 11)],
    "ten words": [_request(*["x"] * 10)],
    "too long a word": [b"*2\r\n$4\r\nECHO\r\n$16385\r\n"],
    "hello before the password": [_request("HELLO", "3")],
    "password in a pipeline": [_request("AUTH", "sesame") + _request("SET", "a", "b")
                               + _request("GET", "a")],
    "reset, then too many words": [_request("AUTH", "sesame") + _request("PING") + _request("RESET")
                                   + _request("MGET", *["x"] * 10)],
    "reset, then too long a word": [_request("AUTH", "sesame"), _request("RESET")
                                    + b"*2\r\n$4\r\nECHO\r\n$16385\r\n"],
    "hello, then many words": [_request("CLIENT", "REPLY", "OFF") + _request("AUTH", "sesame")
                               + _request("MGET", *["x"] * 10)],
    "a setting, then a long word": [
        _request("AUTH", "sesame") + _request("CONFIG", "SET", "proto-max-bulk-len", "1mb")
        + b"*2\r\n$4\r\nECHO\r\n$1048577\r\n",
        _request("AUTH", "sesame") + _request("CONFIG", "SET", "proto-max-bulk-len", "512mb")],
    "wrong password in a pipeline": [_request("AUTH", "no") + _request("PING") + _request("PING")],
}

# Their replies depend on nothing but the requests; mutations of them are the random part.
MUTATED = [
    lambda g: ("SET", g.key(), g.value()), lambda g: ("GET", g.key()), lambda g: ("INCR", g.key()),
    lambda g: ("APPEND", g.key(), g.value()), lambda g: ("MGET", *g.keys()),
    lambda g: ("DEL", *g.keys()), lambda g: ("PING",), lambda g: ("ECHO", g.value()),
    lambda g: ("STRLEN", g.key()), lambda g: ("EXISTS", *g.keys()),
]

BYTES = b"\r\n$*:+-0123456789 \"'\x00\xff%~_#,(=abc"


def converse(server, pieces):
    """Everything the server answers until it has closed (it is told that nothing more comes)."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5 * PATIENCE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = b""
        try:
            for index, piece in enumerate(pieces):
                if index:
                    time.sleep(PAUSE)
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass   # it closed early; what it said before is what counts
        while True:
            try:
                more = sock.recv(65536)
            except ConnectionError:
                return answer
            except socket.timeout:
                return answer + b" (and did not close)"
            if not more:
                return answer
            answer += more


def mutate(g, data):
    """The bytes with a few of them changed."""
    data = bytearray(data)
    for _ in range(g.rng.randint(1, 3)):
        at = g.rng.randrange(len(data))
        roll = g.rng.randrange(6)
        if roll == 0:
            del data[at:at + g.rng.randint(1, 4)]
        elif roll == 1:
            data[at:at] = bytes([g.pick(BYTES)])
        elif roll == 2:
            data[at:at] = data[at:at + g.rng.randint(1, 20)]
        elif roll == 3 and g.chance(0.3):
            del data[at:]
        else:
            data[at] = g.pick(BYTES)
        if not data:
            return b"\r\n"
    return bytes(data)


def random_conversation(seed):
    g = Grammar(seed)
    data = b"".join(resp.encode(g.pick(MUTATED)(g)) for _ in range(g.rng.randint(1, 6)))
    # A value alone on a line is an inline command, and HELLO tells versions and ids.
    data = re.sub(b"hello", b"jello", data, flags=re.IGNORECASE)
    return [mutate(g, data)]


class Comparison:
    """Both servers, and what was found to differ."""

    def __init__(self, reference, subject):
        self.servers = (reference, subject)
        self.count = 0
        self.differences = 0

    def compare(self, name, pieces):
        for server in self.servers:
            with server.client() as client:
                client.call("FLUSHALL")
        left, right = (converse(server, pieces) for server in self.servers)
        self.count += 1
        if left == right:
            return
        self.differences += 1
        start = max(0, len(os.path.commonprefix([left, right])) - 200)
        shown = b" | ".join(piece[:400] for piece in pieces)
        left, right = left[start:start + 500], right[start:start + 500]
        print(f"DIFFERENCE: {name}\n  sent:      {shown!r}\n"
              f"  reference: {left!r}\n  server:    {right!r}", flush=True)


def run_fixed(comparison):
    tail = [b"*2\r\n$4\r\nECHO\r\n$4\r\ntail\r\n"]
    for name, pieces in CONVERSATIONS.items():
        comparison.compare(name, pieces + tail)
        comparison.compare(name + " (then the end)", pieces)


def run_random(comparison, settings):
    deadline = time.monotonic() + (settings.seconds or float("inf"))

    def is_over():
        return time.monotonic() >= deadline or comparison.differences >= 10

    for seed, index in seeds.series(settings, is_over):
        comparison.compare(f"--seeds {seed} --first {index} --streams 1 --cores {settings.cores}",
                           random_conversation(f"{seed}:{index}"))


def main():
    binary, rest = binary_from(sys.argv[1:])
    parser = argparse.ArgumentParser(description="compare the bytes a server answers with")
    parser.add_argument("--reference", default="redis-server")
    parser.add_argument("--cores", type=int, default=1)
    seeds.add_options(parser, "conversation")
    settings = parser.parse_args(rest)
    seeds.settle(settings)
    print(f"seeds {','.join(settings.seeds)}: {binary} --cores {settings.cores}", flush=True)

    with Server(settings.reference) as reference, \
            Server(binary, cores=settings.cores) as subject:
        comparison = Comparison(reference, subject)
        if settings.written:
            run_fixed(comparison)
        run_random(comparison, settings)
    with Server(settings.reference, password="sesame") as reference, \
            Server(binary, password="sesame", cores=settings.cores) as subject:
        locked = Comparison(reference, subject)
        for name, pieces in UNAUTHENTICATED.items():
            locked.compare(name, pieces)
    differences = comparison.differences + locked.differences
    print(f"{comparison.count + locked.count} conversations, {differences} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
