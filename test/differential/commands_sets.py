"""The grammar of the set commands: name -> function(grammar) -> the words behind the name."""

from grammar import DIGITS

# Small, so that sets meet in the middle; some of them only just fit a small set, or do not.
MEMBERS = [b"a", b"b", b"c", b"d", b"hello", b"", b"x" * 64, b"y" * 65, b"z" * 300, b"0", b"1",
           b"-1", b"2", b"3", b"10", b"007", b"1.5", b"\x00\xff\r\n", b"127", b"128", b"65536",
           b"-9223372036854775808", b"9223372036854775807", b"9223372036854775808", b"-0", b"+1",
           *DIGITS]


def member(g):
    return g.pick(MEMBERS) if g.chance(0.8) else g.number(-20, 20)


def _members(g, high=5):
    return [member(g) for _ in range(g.rng.randint(1, high))]


def _added(g):
    """Members of SADD; now and then enough for the limits of small sets to be passed."""
    roll = g.rng.random()
    if roll < 0.06:
        first, count = g.rng.randint(-100, 100), g.pick([60, 127, 129, 300, 513])
        return [b"%d" % number for number in range(first, first + count)]
    if roll < 0.1:
        count = g.pick([60, 127, 129, 300])
        return [b"e%d" % number for number in range(count)]
    if roll < 0.3:
        return [g.number(-20, 20) for _ in range(g.rng.randint(1, 8))]
    return _members(g)


def _key(g):
    return g.key("set")


def _keys(g, high=4):
    return [_key(g) for _ in range(g.rng.randint(1, high))]


def _counted(g):
    keys = _keys(g)
    count = g.integer(0, 5) if g.chance(0.15) else b"%d" % len(keys)
    return [count, *keys, *g.options((b"LIMIT", lambda: g.integer(-1, 5)), expected=0.4)]


def _popped(g):
    """A count that takes nothing, everything, or something."""
    return g.pick([[], [], [b"0"], [b"1"], [b"2"], [b"1000"], [g.integer(0, 30)],
                   [g.number(100, 600)]])


def _random(g):
    return [] if g.chance(0.3) else [g.pick([
        b"0", b"1", b"-1", b"3", b"-30", b"50", b"1000", b"abc", b"1.5", b"",
        b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808"])]


def _scan(g):
    cursor = b"0" if g.chance(0.85) else g.integer(0, 100)
    return [_key(g), cursor, *g.options((b"MATCH", g.pattern),
                                        (b"COUNT", lambda: g.integer(0, 20)), expected=0.7)]


SETS = {
    b"SADD": lambda g: [_key(g), *_added(g)],
    b"SREM": lambda g: [_key(g), *_members(g, 8)],
    b"SISMEMBER": lambda g: [_key(g), member(g)],
    b"SMISMEMBER": lambda g: [_key(g), *_members(g)],
    b"SCARD": lambda g: [_key(g)],
    b"SMEMBERS": lambda g: [_key(g)],
    b"SMOVE": lambda g: [_key(g), _key(g), member(g)],
    b"SPOP": lambda g: [_key(g), *_popped(g)],
    b"SRANDMEMBER": lambda g: [_key(g), *_random(g)],
    b"SINTER": _keys,
    b"SINTERCARD": _counted,
    b"SUNION": lambda g: _keys(g, 7),
    b"SDIFF": _keys,
    b"SINTERSTORE": lambda g: [_key(g), *_keys(g)],
    b"SUNIONSTORE": lambda g: [_key(g), *_keys(g, 7)],
    b"SDIFFSTORE": lambda g: [_key(g), *_keys(g)],
    b"SSCAN": _scan,
    b"OBJECT": lambda g: [b"ENCODING", _key(g)],
}
