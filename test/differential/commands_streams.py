"""The grammar of the stream commands: name -> function(grammar) -> the words behind the name.

Ids are written out, so that both servers have the same; "*" is only for a key that exists with a
last id far in the future, or for none. Idle times are either next to nothing or huge: what is
asked for lies in between.
"""

GROUPS = [b"g1", b"g2", b"g3", b""]
CONSUMERS = [b"alice", b"bob", b"carol", b"7", b""]
FIELDS = [b"a", b"b", b"1", b"field", b"", b"name\x00"]
FUTURE_KEY = b"future"   # no other family writes to it

BAD_IDS = [b"", b"-", b"+", b"$", b">", b"*", b"abc", b"1-", b"-1", b"1-1-1", b"1-x", b"x-1",
           b"1-*", b"0", b"0-0", b"0-*", b"00-01", b" 1-1", b"+1-1", b"1--1", b"1--01", b"(1-1",
           b"1-1\x00", b"18446744073709551615", b"18446744073709551615-18446744073709551615",
           b"18446744073709551616-0", b"1" * 130, b"1.5-0", b"1 -1", b"1-+1"]


def _key(g):
    return g.key("stream")


def _id(g):
    """An id that is probably there, or nearly."""
    roll = g.rng.random()
    if roll < 0.06:
        return g.pick(BAD_IDS)
    ms = g.number(0, 2 + getattr(g, "stream_ms", 0))
    return ms if roll < 0.3 else ms + b"-" + g.number(0, 2)


def _new_id(g):
    """An id that is probably above all others."""
    if g.chance(0.05):
        return _id(g)
    g.stream_ms = getattr(g, "stream_ms", 0) + g.rng.choice([0, 0, 1, 1, 1, 2, 3, 20, 300])
    ms = b"%d" % g.stream_ms
    return g.pick([ms, ms + b"-*", ms + b"-*", ms + b"-" + g.number(0, 3),
                   ms + b"-" + g.number(0, 2 ** 40) if g.chance(0.1) else ms + b"-*"])


def _start(g):
    return b"-" if g.chance(0.3) else (b"(" if g.chance(0.2) else b"") + _id(g)


def _end(g):
    return b"+" if g.chance(0.3) else (b"(" if g.chance(0.2) else b"") + _id(g)


def _pairs(g):
    count = g.pick([1, 1, 1, 2, 2, 3, 12])
    fields = g.pick([[b"a"], [b"a"], [b"a", b"b"], [b"1", b"field"], FIELDS])
    words = []
    for index in range(count):
        words += [fields[index % len(fields)], g.value()]
    return words


def _trim(g):
    how = g.pick([[], [b"~"], [b"~"], [b"="]])
    if g.chance(0.6):
        words = [g.spelled(b"MAXLEN"), *how, g.integer(0, 30)]
    else:
        words = [g.spelled(b"MINID"), *how, _id(g)]
    if g.chance(0.2):
        words += [g.spelled(b"LIMIT"), g.integer(0, 40)]
    return words


def _xadd(g):
    if g.chance(0.05):
        return [FUTURE_KEY, b"99999999999999-%d" % g.rng.randint(1, 9), *_pairs(g)]
    if g.chance(0.05):
        return [FUTURE_KEY, g.spelled(b"NOMKSTREAM"), b"*", *_pairs(g)]
    words = [_key(g)]
    if g.chance(0.1):
        words.append(g.spelled(b"NOMKSTREAM"))
    if g.chance(0.2):
        words += _trim(g)
    words.append(_new_id(g))
    return words + _pairs(g)


def _count(g):
    return g.options((b"COUNT", lambda: g.integer(-1, 8)), expected=0.4)


def _sources(g, *more):
    count = g.pick([1, 1, 1, 2, 3])
    keys = [_key(g) for _ in range(count)]
    ids = [g.pick(more) if more and g.chance(0.5) else _id(g) for _ in range(count)]
    if g.chance(0.04):
        ids.pop()
    return [g.spelled(b"STREAMS"), *keys, *ids]


def _xread(g):
    return [*_count(g), *_sources(g, b"0", b"$")]


def _xreadgroup(g):
    words = [g.spelled(b"GROUP"), g.pick(GROUPS), g.pick(CONSUMERS)]
    if g.chance(0.1):
        words.append(g.spelled(b"NOACK"))
    return words + _count(g) + _sources(g, b">", b">", b">", b"0", b"0")


def _xgroup(g):
    sub = g.pick([b"CREATE", b"CREATE", b"CREATE", b"SETID", b"DESTROY", b"CREATECONSUMER",
                  b"DELCONSUMER", b"HELP", b"nosuch"])
    words = [g.spelled(sub)]
    if sub == b"HELP":
        return words
    words += [_key(g), g.pick(GROUPS)]
    if sub in (b"CREATE", b"SETID"):
        words.append(g.pick([b"$", b"0", _id(g)]))
        if sub == b"CREATE" and g.chance(0.4):
            words.append(g.spelled(b"MKSTREAM"))
        if g.chance(0.3):
            words += [g.spelled(b"ENTRIESREAD"), g.integer(-2, 20)]
    elif sub != b"DESTROY":
        words.append(g.pick(CONSUMERS))
    return words


def _idle(g):
    """Nobody has been idle for as long as the second and third say, but by XCLAIM's options."""
    return g.pick([b"0", b"0", b"0", b"100000", b"1000000000000", b"-1", g.integer(0, 0)])


def _xpending(g):
    words = [_key(g), g.pick(GROUPS)]
    if g.chance(0.4):
        return words
    if g.chance(0.3):
        words += [g.spelled(b"IDLE"), _idle(g)]
    words += [_start(g), _end(g), g.integer(-1, 10)]
    if g.chance(0.3):
        words.append(g.pick(CONSUMERS))
    return words


def _xclaim(g):
    words = [_key(g), g.pick(GROUPS), g.pick(CONSUMERS), _idle(g)]
    words += [_id(g) for _ in range(g.rng.randint(1, 4))]
    return words + g.options(
        b"FORCE", b"FORCE", b"JUSTID", (b"IDLE", lambda: g.number(10 ** 6, 10 ** 9)),
        (b"TIME", lambda: g.number(10 ** 6, 10 ** 12)), (b"RETRYCOUNT", lambda: g.integer(-1, 9)),
        (b"LASTID", lambda: _id(g)), b"nosuch" if g.chance(0.05) else b"FORCE", expected=0.7)


def _xautoclaim(g):
    return [_key(g), g.pick(GROUPS), g.pick(CONSUMERS), _idle(g), _start(g),
            *g.options((b"COUNT", lambda: g.integer(0, 5)), b"JUSTID", expected=0.6)]


def _xinfo(g):
    sub = g.pick([b"STREAM", b"STREAM", b"STREAM", b"GROUPS", b"GROUPS", b"CONSUMERS", b"HELP",
                  b"nosuch"])
    if sub == b"HELP":
        return [g.spelled(sub)]
    words = [g.spelled(sub), _key(g)]
    if sub == b"STREAM" and g.chance(0.6):
        words.append(g.spelled(b"FULL"))
        words += _count(g)
    if sub == b"CONSUMERS":
        words.append(g.pick(GROUPS))
    return words


def _xsetid(g):
    # Mostly above all that were there: 7.0 forgets to compare with those that were removed.
    g.stream_ms = getattr(g, "stream_ms", 0) + 1
    return [_key(g), b"%d-0" % g.stream_ms if g.chance(0.9) else _id(g),
            *g.options((b"ENTRIESADDED", lambda: g.integer(-1, 100)),
                       (b"MAXDELETEDID", lambda: _id(g)), expected=0.5)]


# Entries make everything else interesting: XADD has several spellings.
STREAMS = {
    b"XADD": _xadd,
    b"XADd": _xadd,
    b"XAdd": _xadd,
    b"Xadd": _xadd,
    b"xADD": _xadd,
    b"XREADGroup": _xreadgroup,
    b"XLEN": lambda g: [_key(g)],
    b"XRANGE": lambda g: [_key(g), _start(g), _end(g), *_count(g)],
    b"XREVRANGE": lambda g: [_key(g), _end(g), _start(g), *_count(g)],
    b"XREAD": _xread,
    b"XDEL": lambda g: [_key(g), *(_id(g) for _ in range(g.rng.randint(1, 4)))],
    b"XTRIM": lambda g: [_key(g), *_trim(g)],
    b"XSETID": _xsetid,
    b"XGROUP": _xgroup,
    b"XREADGROUP": _xreadgroup,
    b"XACK": lambda g: [_key(g), g.pick(GROUPS), *(_id(g) for _ in range(g.rng.randint(1, 4)))],
    b"XPENDING": _xpending,
    b"XCLAIM": _xclaim,
    b"XAUTOCLAIM": _xautoclaim,
    b"XINFO": _xinfo,
}
