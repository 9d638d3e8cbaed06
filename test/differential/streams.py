"""A stream: what several clients do to one server, one step after the other.

A step is one connection sending one or more requests in one write and reading every reply before
the next step begins, so a stream has one meaning and the same replies on every correct server.
Streams are plain data: they can be cut into smaller ones and printed as redis-cli lines.
"""

import re
from typing import NamedTuple

from commands_bitmaps import BITMAPS
from commands_dump import DUMP
from commands_generic import GENERIC
from commands_geo import GEO
from commands_hashes import HASHES
from commands_lists import LISTS, WAITING
from commands_hll import HLL
from commands_server import FRAGILE, SERVER
from commands_sets import SETS
from commands_sort import SORT
from commands_strings import STRINGS
from commands_streams import STREAMS
from commands_zsets import WAITING_ZSETS, ZSETS
from grammar import Grammar

CONNECTIONS = 3
STEPS = 60

# Name -> grammar and how often; a new family is one more line.
FAMILIES = {
    "strings": (STRINGS, 45),
    "generic": (GENERIC, 40),
    "server": (SERVER, 8),
    "dump": (DUMP, 6),
    "lists": (LISTS, 30),
    "hashes": (HASHES, 30),
    "sets": (SETS, 30),
    "sort": (SORT, 12),
    "zsets": (ZSETS, 30),
    "geo": (GEO, 12),
    "bitmaps": (BITMAPS, 12),
    "streams": (STREAMS, 30),
    "hll": (HLL, 8),
}

# What chance does differs between servers. A request of these is a step of its own, so that
# compare.py can ask about it, and make the data the same again, before anything follows.
ALONE = {b"SPOP", b"SRANDMEMBER"}

# Followed by a wait, so that the key is gone for both servers.
SHORT_LIVED = [
    (b"PEXPIRE", lambda g: [g.key(), b"1"]),
    (b"PSETEX", lambda g: [g.key(), b"1", g.value()]),
    (b"SET", lambda g: [g.key(), g.value(), b"PX", b"1"]),
    (b"SET", lambda g: [g.key(), g.value(), b"EXAT", b"1000000000"]),
    (b"SET", lambda g: [g.key(), g.value(), b"PXAT", b"1"]),
    (b"GETEX", lambda g: [g.key(), b"PX", b"1"]),
]


class Step(NamedTuple):
    connection: int
    requests: tuple      # of tuples of bytes
    pause_ms: int = 0    # waited after the replies; the keys named by the requests are then touched


class Choice(NamedTuple):
    """Which commands streams are made of."""
    families: tuple = tuple(FAMILIES)
    without: frozenset = frozenset()   # names that are left out

    def draw(self, g):
        """The name of a command and its family."""
        while True:
            families, weights = zip(*(FAMILIES[name] for name in self.families))
            family = g.rng.choices(families, weights)[0]
            name = g.pick(list(family))
            if name not in self.without:
                return name, family


def _request(g, choice):
    name, family = choice.draw(g)
    if name in (b"FLUSHALL", b"FLUSHDB", b"QUIT", b"RESET") and g.chance(0.7):
        name = b"SET"
        family = STRINGS
    words = [g.spelled(name), *family[name](g)]
    if name not in FRAGILE | WAITING | WAITING_ZSETS and g.chance(0.05):
        words = g.broken(words)
    return tuple(words)


def _step(g, choice):
    connection = g.rng.randrange(CONNECTIONS)
    if g.chance(0.03):
        name, draw = g.pick(SHORT_LIVED)
        return Step(connection, ((name, *draw(g)),), pause_ms=3)
    count = g.rng.randint(2, 12) if g.chance(0.3) else 1
    requests = tuple(_request(g, choice) for _ in range(count))
    alone = [words for words in requests if words[0].upper() in ALONE]
    return Step(connection, tuple(alone[:1]) or requests)


def build(seed, steps=STEPS, password=None, choice=Choice()):
    """The stream of this seed, of the chosen commands. With a password every connection but one
    begins by giving it."""
    g = Grammar(seed)
    stream = []
    for connection in range(CONNECTIONS):
        hello = [b"HELLO", g.pick([b"2", b"3"])]
        if password and connection != 0:
            hello += [b"AUTH", b"default", password]
        if (g.chance(0.7) or password) and b"HELLO" not in choice.without:
            stream.append(Step(connection, (tuple(hello),)))
    stream += [_step(g, choice) for _ in range(steps)]
    return stream


SPECIAL = b"\"'\\$*?[]{}()<>|&;#~`!"   # to a shell


def _quoted(word):
    if word and all(33 <= byte < 127 and byte not in SPECIAL for byte in word):
        return word.decode()
    text = "".join(chr(byte) if 32 <= byte < 127 and chr(byte) not in "\"\\" else f"\\x{byte:02x}"
                   for byte in word)
    return f'"{text}"'


def line(words):
    """The request as one would type it into redis-cli."""
    return " ".join(map(_quoted, words))


def text(stream):
    """The stream as lines: connection, then what it types; '+' marks the rest of a pipeline."""
    lines = []
    for step in stream:
        for index, words in enumerate(step.requests):
            mark = "+" if index else " "
            lines.append(f"  {step.connection}{mark}> {line(words)}")
        if step.pause_ms:
            key = line(step.requests[0][1:2])
            lines.append(f"      (wait {step.pause_ms} ms, then EXISTS {key})")
    return "\n".join(lines)


WORD = re.compile(r'"((?:\\x[0-9a-f]{2}|[^"\\])*)"|(\S+)')
LINE = re.compile(r"\s*(\d+)([ +])> (.*)")
WAIT = re.compile(r"\s*\(wait (\d+) ms, then EXISTS .*\)")


def _word(match):
    if match[1] is None:
        return match[2].encode()
    return re.sub(r"\\x(..)", lambda code: chr(int(code[1], 16)), match[1]).encode("latin-1")


def parse(lines):
    """The stream that text() says so."""
    stream = []
    for number, said in enumerate(filter(str.strip, lines.splitlines())):
        if wait := WAIT.fullmatch(said):
            stream[-1] = stream[-1]._replace(pause_ms=int(wait[1]))
        elif request := LINE.fullmatch(said):
            words = tuple(map(_word, WORD.finditer(request[3])))
            before = stream.pop().requests if request[2] == "+" else ()
            stream.append(Step(int(request[1]), (*before, words)))
        else:
            raise ValueError(f"line {number + 1}: what is {said!r}?")
    return stream
