"""Words for random commands: keys, values, numbers and options, most of them sensible, some broken.

Everything comes from one seeded generator, so a seed is a stream. Pools are small on purpose: keys
must collide, types must meet the wrong command, expiries must be overwritten.

Time. Two servers never read the clock at the same instant, so words that set an expiry are either
in the past, or far away and spread so widely that two of them are never equal by accident. Short
ones exist only in Step.pause_ms (see streams.py), with a wait behind them.
"""

import random

# Keys of each type. A new data type adds its own row here; `key()` then mixes them by itself.
KEY_POOLS = {
    "string": [b"s1", b"s2", b"s3", b"s4", b"{t}1", b"{t}2", b"user:1000", b"counter"],
    "hash": [b"h1", b"h2", b"h3", b"{t}h", b"session:1"],
    "set": [b"set1", b"set2", b"set3", b"{t}set", b"set:numbers"],
    "geo": [b"g1", b"g2", b"{t}g"],
    "zset": [b"z1", b"z2", b"z3", b"{t}z1", b"{t}z2"],
    "bitmap": [b"b1", b"b2", b"b3", b"{t}b", b"s1", b"s2"],   # strings, too
    "list": [b"l1", b"l2", b"l3", b"l4", b"{t}l", b"jobs"],
    "stream": [b"x1", b"x2", b"{t}x"],
}
ODD_KEYS = [b"", b"{}", b"a{b", b"\x00\xff\r\n", b"k" * 300, b"-1", b"*", b"missing", b"{t}"]

VALUES = [b"", b"0", b"1", b"10", b"-5", b"00", b"3.14", b"hello", b"Hello World", b"ohmytext",
          b"mynewtext", b"9223372036854775807", b"-9223372036854775808", b"9999", b"10000",
          b"9223372036854775808", b" 1", b"1 ", b"1e5", b"-0", b"+5", b"0x1f", b"nan", b"inf",
          b"\x00\x01\x02\xff", b"a\r\nb", b"x" * 44, b"y" * 45, b"z" * 200, b"12345678901234567890",
          b"true", b"3.0e3", b"1234567890123456789012"]

# Packed as digits in collections, or only just not.
DIGITS = [b"0123456789abcdef", b"0123456789ABCDEF", b"0123456789abcdeg", b"0000000000000012",
          b"fedcba9876543210fedcba98", b"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"]

ODD_INTEGERS = [b"", b" 1", b"1 ", b"+1", b"-0", b"0x10", b"1.5", b"1e3", b"nan", b"inf", b"abc",
                b"00012", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
                b"-9223372036854775809", b"4294967296", b"2147483648", b"-2147483649",
                b"18446744073709551615", b"18446744073709551616", b"1" * 40, b"1\x00", b"--1", b"-"]

FLOATS = [b"0", b"1", b"-1", b"1.5", b"0.1", b"-0.1", b"3.0e3", b"1e10", b"5e-324", b"1e-5", b"-0",
          b"10.50", b"200.000", b".5", b"5.", b"100000000000000000000", b"0.1234567890123456789",
          b"1e17", b"123456789.987654321"]
ODD_FLOATS = [b"", b" 1", b"1 ", b"nan", b"inf", b"-inf", b"+inf", b"infinity", b"1e400", b"1e5000",
              b"-1e5000", b"0x1p3", b"0x10", b"abc", b"1.5x", b"--1", b"1e", b"e5", b"1\x00", b"."]

PATTERNS = [b"*", b"s*", b"s?", b"s[12]", b"s[^1]", b"s[1-3]", b"s[3-1]", b"\\*", b"s\\1", b"[",
            b"", b"s[", b"s[1", b"**", b"*1*", b"{t}*", b"user:*", b"?", b"??", b"[a-", b"s[\\1]",
            b"S*",
            b"*\\", b"s[^", b"nothing", b"h[^]*", b"*0", b"s[1-", b"user*"]

# The number is far in the future whatever the unit.
JUNK = [b"", b"foo", b"NX", b"0", b"-1", b"EX", b"77777777777777", b"\xff\xfe", b"GET", b"1.5",
        b"x" * 150]

TYPES = [b"string", b"STRING", b"list", b"hash", b"set", b"zset", b"stream", b"nothing", b""]


class Grammar:
    """Draws words. One per stream."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def chance(self, probability):
        return self.rng.random() < probability

    def pick(self, items):
        return self.rng.choice(items)

    def number(self, low, high):
        return b"%d" % self.rng.randint(low, high)

    def key(self, kind="string"):
        """A key, mostly of this type."""
        if self.chance(0.06):
            return self.pick(ODD_KEYS)
        if self.chance(0.1):
            kind = self.pick(list(KEY_POOLS))
        return self.pick(KEY_POOLS[kind])

    def keys(self, low=1, high=4):
        return [self.key() for _ in range(self.rng.randint(low, high))]

    def value(self):
        if self.chance(0.1):
            return self.rng.randbytes(self.rng.randint(0, 60))
        return self.pick(VALUES)

    def integer(self, low=-10, high=20):
        """Mostly in low .. high, sometimes hardly a number."""
        return self.pick(ODD_INTEGERS) if self.chance(0.12) else self.number(low, high)

    def index(self):
        """A position inside a string; never one that makes a string huge."""
        odd = [word for word in ODD_INTEGERS if word != b"2147483648"]
        return self.pick(odd) if self.chance(0.12) else self.number(-20, 60)

    def float(self):
        return self.pick(ODD_FLOATS) if self.chance(0.2) else self.pick(FLOATS)

    def database(self):
        return self.pick([b"16", b"-1", b"15", b"abc", b"", b"1.5", b"99999999999", b"00"]) \
            if self.chance(0.12) else self.number(0, 3)

    def pattern(self):
        return self.pick(PATTERNS)

    def seconds(self):
        """A time to live in seconds."""
        return self._time(self.number(1000, 10 ** 7))

    def milliseconds(self):
        return self._time(self.number(10 ** 6, 10 ** 11))

    def unix_seconds(self, past=b"1000000000"):
        return self._time(self.number(4 * 10 ** 9, 5 * 10 ** 9), past)

    def unix_milliseconds(self, past=b"1000000000000"):
        return self._time(self.number(4 * 10 ** 12, 5 * 10 ** 12), past)

    def _time(self, sensible, past=b"-1"):
        roll = self.rng.random()
        if roll < 0.76:
            return sensible
        if roll < 0.84:
            return past
        return self.pick([b"0", b"-1", b"-100", b"", b"abc", b"1.5", b"9223372036854775807",
                          b"-9223372036854775808", b"9223372036854775808", b"9223372036854775",
                          b"9223372036854776", b"-9223372036854775", b" 1", b"0x10"])

    def spelled(self, word):
        """An option's name in some case."""
        roll = self.rng.random()
        if roll < 0.5:
            return word.upper()
        if roll < 0.8:
            return word.lower()
        return bytes(self.pick([c, c ^ 0x20]) if chr(c).isalpha() else c for c in word.upper())

    def options(self, *choices, expected=1.0):
        """Some of the choices in some order, about `expected` of them, now and then one twice.

        A choice is a name, or a name with functions that draw the words behind it.
        """
        count = 0
        while count < len(choices) + 1 and self.chance(expected / (expected + 1)):
            count += 1
        words = []
        for _ in range(count):
            name, *draws = choice if isinstance(choice := self.pick(choices), tuple) else (choice,)
            words.append(self.spelled(name))
            words.extend(draw() for draw in draws)
        if words and self.chance(0.03):
            words.pop()
        return words

    def broken(self, words):
        """The request with one thing wrong: a word added, lost, replaced, inserted or (where that
        cannot turn a value into a short time to live) swapped with another."""
        words = list(words)
        roll = self.rng.randrange(4 if b"SET" in words[0].upper() else 5)
        at = self.rng.randrange(1, len(words)) if len(words) > 1 else 0
        if at == 0 or roll == 0:
            words.append(self.pick(JUNK))
        elif roll == 1:
            del words[at]
        elif roll == 2:
            words[at] = self.pick(JUNK)
        elif roll == 3:
            words.insert(at, self.pick(JUNK))
        else:
            other = self.rng.randrange(1, len(words))
            words[at], words[other] = words[other], words[at]
        return words
