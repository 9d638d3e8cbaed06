"""The grammar of the sorted set commands: name -> function(grammar) -> the words behind the name."""

# Small, so that they meet; some only just fit a small sorted set, or do not.

from grammar import DIGITS

MEMBERS = [b"a", b"b", b"c", b"d", b"aa", b"ab", b"hello", b"", b"x" * 64, b"y" * 65, b"z" * 300,
           b"0", b"1", b"-1", b"2", b"10", b"111", b"112", b"007", b"1.5", b"\x00\xff\r\n", b"\xff",
           b"-9223372036854775808", b"9223372036854775808", b"-0", b"z" * 250, b"z" * 251] + DIGITS
SCORES = [b"0", b"-0", b"1", b"2", b"3", b"-1", b"1.5", b"0.1", b"0.2", b"1e3", b"1e300", b"-1e300",
          b"inf", b"-inf", b"+inf", b"3.0", b"111", b"112", b"128", b"100000", b"9007199254740992",
          b"9007199254740993", b"1e17", b"123456789012345678", b"5e-324", b"0x10", b"4e15"]
ODD_SCORES = [b"", b" 1", b"1 ", b"nan", b"abc", b"1e400", b"--1", b"(1", b"1\x00", b"infinity"]
ENDS = [b"-inf", b"+inf", b"inf", b"(-inf", b"(inf", b"0", b"1", b"(1", b"2", b"(2", b"1.5", b"-1",
        b"(-1", b"100", b"1e300"]
ODD_ENDS = [b"", b"(", b" 1", b"(( 1", b"nan", b"(nan", b"abc", b"1x", b"1e400", b"1\x00x", b"[1"]
LEX_ENDS = [b"-", b"+", b"[a", b"(a", b"[b", b"(b", b"[aa", b"[", b"(", b"[hello", b"[\xff", b"(d",
            b"[1", b"[x"]
ODD_LEX_ENDS = [b"", b"a", b"--", b"-a", b"+\x00", b"1", b"\x00", b"inf"]

# All members of these have the same score, without which a range by name means nothing.
LEX_KEYS = [b"{zl}1", b"{zl}2"]


def member(g):
    return g.pick(MEMBERS) if g.chance(0.8) else g.number(-20, 20)


def members(g, high=5):
    return [member(g) for _ in range(g.rng.randint(1, high))]


def score(g):
    if g.chance(0.03):
        return g.pick(ODD_SCORES)
    return g.pick(SCORES) if g.chance(0.5) else g.number(-20, 20)


def key(g):
    return g.key("zset")


def keys(g, high=3):
    return [key(g) for _ in range(g.rng.randint(1, high))]


def lex_key(g):
    return key(g) if g.chance(0.05) else g.pick(LEX_KEYS)


def _pairs(g):
    """Now and then enough of them for the limits of small sorted sets to be passed."""
    words = []
    if g.chance(0.05):
        first, count = g.rng.randint(-50, 50), g.pick([60, 127, 129, 300])
        for number in range(first, first + count):
            words += [b"%d" % (number % 17), b"m%d" % number]
        return words
    for _ in range(g.rng.randint(1, 6)):
        words += [score(g), member(g)]
    return words


def _zadd(g):
    if g.chance(0.25):
        words = []
        for name in members(g, 40 if g.chance(0.2) else 6):
            words += [b"0", name]
        return [g.pick(LEX_KEYS), *words]
    options = g.options(b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR", expected=0.6)
    if b"INCR" in [word.upper() for word in options] and g.chance(0.8):
        return [key(g), *options, score(g), member(g)]
    return [key(g), *options, *_pairs(g)]


def end(g):
    if g.chance(0.06):
        return g.pick(ODD_ENDS)
    return g.pick(ENDS) if g.chance(0.7) else g.number(-20, 20)


def lex_end(g):
    return g.pick(ODD_LEX_ENDS) if g.chance(0.06) else g.pick(LEX_ENDS)


def _limit(g):
    return (b"LIMIT", lambda: g.integer(-1, 6), lambda: g.integer(-1, 8))


def _limits(g):
    """The words of LIMIT, or none."""
    name, *draws = _limit(g)
    return [g.spelled(name), *(draw() for draw in draws)] if g.chance(0.3) else []


def _with_scores(g):
    return [g.spelled(b"WITHSCORES")] if g.chance(0.4) else []


def _shuffled(g, *parts):
    parts = list(parts)
    g.rng.shuffle(parts)
    return [word for part in parts for word in part]


def _ranks(g):
    return [g.index() if g.chance(0.2) else g.number(-8, 8) for _ in range(2)]


def _range(g, stores=False):
    """Everything behind the command's name, but for the key that is stored to."""
    rev = [g.spelled(b"REV")] if g.chance(0.3) else []
    scores = [] if stores and g.chance(0.95) else _with_scores(g)
    by = g.rng.random()
    if by < 0.4:
        limit = _limits(g) if g.chance(0.1) else []
        return [key(g), *_ranks(g), *_shuffled(g, rev, scores, limit)]
    if by < 0.7:
        return [key(g), end(g), end(g),
                *_shuffled(g, [g.spelled(b"BYSCORE")], rev, scores, _limits(g))]
    scores = scores if g.chance(0.1) else []
    return [g.pick(LEX_KEYS), lex_end(g), lex_end(g),
            *_shuffled(g, [g.spelled(b"BYLEX")], rev, scores, _limits(g))]


def _by_score(g):
    return [key(g), end(g), end(g), *_shuffled(g, _with_scores(g), _limits(g))]


def _by_lex(g):
    return [lex_key(g) if g.chance(0) else g.pick(LEX_KEYS), lex_end(g), lex_end(g), *_limits(g)]


def _counted_keys(g):
    drawn = keys(g)
    count = g.integer(0, 4) if g.chance(0.1) else b"%d" % len(drawn)
    return [count, *drawn]


def _mpop(g):
    words = [*_counted_keys(g), g.spelled(g.pick([b"MIN", b"MAX"]))]
    return words + g.options((b"COUNT", lambda: g.integer(0, 8)), expected=0.4)


def _timeout(g):
    """Never for ever, nor long."""
    return g.pick([b"-1", b"abc", b"", b"1e400", b"-0.1"]) if g.chance(0.05) else b"0.01"


def _random(g):
    count = g.pick([b"0", b"1", b"-1", b"3", b"-30", b"50", b"1000", b"abc", b"1.5", b"",
                    b"-9223372036854775808", b"9223372036854775808"])
    if g.chance(0.3):
        return []
    return [count, *_with_scores(g)]


def _scan(g):
    cursor = b"0" if g.chance(0.85) else g.integer(0, 100)
    return [key(g), cursor, *g.options((b"MATCH", g.pattern),
                                       (b"COUNT", lambda: g.integer(0, 20)), expected=0.7)]


def _sources(g):
    """Keys, some of them of plain sets, and how many they are."""
    drawn = [g.key("set") if g.chance(0.2) else key(g) for _ in range(g.rng.randint(1, 3))]
    count = g.integer(0, 4) if g.chance(0.06) else b"%d" % len(drawn)
    return [count, *drawn]


def _weights(g, count):
    return [g.pick([b"1", b"2", b"0", b"-1", b"0.5", b"inf", b"-inf", b"1e300", b"x", b""])
            if g.chance(0.6) else g.number(-3, 3) for _ in range(count)]


def _combined(g, stores=False, weighs=True):
    words = _sources(g)
    parts = []
    if (weighs or g.chance(0.05)) and g.chance(0.4):
        parts.append([g.spelled(b"WEIGHTS"), *_weights(g, len(words) - 1)])
    if (weighs or g.chance(0.05)) and g.chance(0.4):
        how = b"AVG" if g.chance(0.04) else g.pick([b"SUM", b"MIN", b"MAX"])
        parts.append([g.spelled(b"AGGREGATE"), g.spelled(how)])
    if not stores or g.chance(0.05):
        parts.append(_with_scores(g))
    return [*([key(g)] if stores else []), *words, *_shuffled(g, *parts)]


ZSETS = {
    b"ZADD": _zadd,
    b"ZINCRBY": lambda g: [key(g), score(g), member(g)],
    b"ZREM": lambda g: [g.pick([key(g), g.pick(LEX_KEYS)]), *members(g, 8)],
    b"ZCARD": lambda g: [key(g)],
    b"ZSCORE": lambda g: [key(g), member(g)],
    b"ZMSCORE": lambda g: [key(g), *members(g)],
    b"ZRANK": lambda g: [key(g), member(g)],
    b"ZREVRANK": lambda g: [key(g), member(g)],
    b"ZCOUNT": lambda g: [key(g), end(g), end(g)],
    b"ZLEXCOUNT": lambda g: [g.pick(LEX_KEYS), lex_end(g), lex_end(g)],
    b"ZRANGE": _range,
    b"ZRANGESTORE": lambda g: [key(g), *_range(g, stores=True)],
    b"ZREVRANGE": lambda g: [key(g), *_ranks(g), *_with_scores(g)],
    b"ZRANGEBYSCORE": _by_score,
    b"ZREVRANGEBYSCORE": _by_score,
    b"ZRANGEBYLEX": _by_lex,
    b"ZREVRANGEBYLEX": _by_lex,
    b"ZREMRANGEBYRANK": lambda g: [key(g), *_ranks(g)],
    b"ZREMRANGEBYSCORE": lambda g: [key(g), end(g), end(g)],
    b"ZREMRANGEBYLEX": lambda g: [g.pick(LEX_KEYS), lex_end(g), lex_end(g)],
    b"ZPOPMIN": lambda g: [key(g), *([g.integer(0, 8)] if g.chance(0.5) else [])],
    b"ZPOPMAX": lambda g: [key(g), *([g.integer(0, 8)] if g.chance(0.5) else [])],
    b"ZMPOP": _mpop,
    b"ZUNION": _combined,
    b"ZINTER": _combined,
    b"ZDIFF": lambda g: _combined(g, weighs=False),
    b"ZUNIONSTORE": lambda g: _combined(g, stores=True),
    b"ZINTERSTORE": lambda g: _combined(g, stores=True),
    b"ZDIFFSTORE": lambda g: _combined(g, stores=True, weighs=False),
    b"ZINTERCARD": lambda g: [*_sources(g), *g.options((b"LIMIT", lambda: g.integer(-1, 5)),
                                                       expected=0.4)],
    b"BZPOPMIN": lambda g: [*keys(g), _timeout(g)],
    b"BZPOPMAX": lambda g: [*keys(g), _timeout(g)],
    b"BZMPOP": lambda g: [_timeout(g), *_mpop(g)],
    b"ZRANDMEMBER": lambda g: [key(g), *_random(g)],
    b"ZSCAN": _scan,
    b"OBJECT": lambda g: [b"ENCODING", key(g)],
}

# A broken request of these could wait for ever.
WAITING_ZSETS = {b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP"}
