"""The grammar of the hash commands: name -> function(grammar) -> the words behind the name. Those
about when fields expire are newer than the reference."""

from grammar import DIGITS

# Few, so that fields are met again; some of them only just fit a small hash, or do not.
FIELDS = [b"f1", b"f2", b"f3", b"", b"0", b"1", b"-5", b"007", b"127", b"128", b"x" * 64, b"y" * 65,
          b"9223372036854775807", b"9223372036854775808", b"\x00\xff\r\n", b"z" * 300] + DIGITS


def _key(g):
    return g.key("hash")


def _field(g):
    return g.pick(FIELDS)


def _fields(g, high=5):
    return [_field(g) for _ in range(g.rng.randint(1, high))]


def _pairs(g):
    """Fields with values; now and then enough for the limit of small hashes to be passed."""
    if g.chance(0.03):
        count = g.pick([60, 65, 200, 511, 513])
        return [word for number in range(count) for word in (b"n%d" % number, b"%d" % number)]
    words = [word for field in _fields(g) for word in (field, g.value())]
    return words[:-1] if g.chance(0.03) else words


def _random(g):
    if g.chance(0.3):
        return []
    count = g.pick([b"0", b"1", b"-1", b"3", b"-30", b"50", b"1000", b"abc", b"1.5", b"",
                    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808"])
    if g.chance(0.5):
        return [count]
    return [count, *g.pick([[g.spelled(b"WITHVALUES")], [g.spelled(b"WITHVALUES")], [b"WITHVALUE"],
                            [b"WITHVALUES", b"WITHVALUES"]])]


def _scan(g):
    cursor = b"0" if g.chance(0.85) else g.integer(0, 100)
    return [_key(g), cursor, *g.options((b"MATCH", lambda: g.pick([b"*", b"f*", b"?", b"n1*", b""])),
                                        (b"COUNT", lambda: g.integer(0, 20)), expected=0.7)]


HASHES = {
    b"HSET": lambda g: [_key(g), *_pairs(g)],
    b"HMSET": lambda g: [_key(g), *_pairs(g)],
    b"HSETNX": lambda g: [_key(g), _field(g), g.value()],
    b"HGET": lambda g: [_key(g), _field(g)],
    b"HMGET": lambda g: [_key(g), *_fields(g)],
    b"HGETALL": lambda g: [_key(g)],
    b"HKEYS": lambda g: [_key(g)],
    b"HVALS": lambda g: [_key(g)],
    b"HDEL": lambda g: [_key(g), *_fields(g, 8)],
    b"HLEN": lambda g: [_key(g)],
    b"HEXISTS": lambda g: [_key(g), _field(g)],
    b"HSTRLEN": lambda g: [_key(g), _field(g)],
    b"HINCRBY": lambda g: [_key(g), _field(g), g.integer(-100, 100)],
    b"HINCRBYFLOAT": lambda g: [_key(g), _field(g), g.float()],
    b"HRANDFIELD": lambda g: [_key(g), *_random(g)],
    b"HSCAN": _scan,
    b"OBJECT": lambda g: [b"ENCODING", _key(g)],
}
