"""The grammar of the list commands: name -> function(grammar) -> the words behind the name."""


def _list(g):
    return g.key("list")


def _elements(g):
    """Some elements; now and then enough of them that a list changes its form."""
    roll = g.rng.random()
    if roll < 0.02:
        return [b"element:%06d" % g.rng.randrange(10 ** 6) for _ in range(g.rng.randint(50, 400))]
    if roll < 0.04:
        return [g.value()] * g.rng.randint(30, 300)
    if roll < 0.05:
        return [g.pick([b"w" * 1000, b"v" * 5000, b"u" * 9000])]
    return [_element(g) for _ in range(g.rng.randint(1, 5))]


def _element(g):
    return g.pick([b"a", b"b", b"c", b"job:0001", b"job:0002"]) if g.chance(0.5) else g.value()


def _end(g):
    return g.pick([b"", b"MIDDLE", b"LEF"]) if g.chance(0.05) else g.spelled(g.pick([b"LEFT",
                                                                                     b"RIGHT"]))


def _place(g):
    return g.integer(-12, 12)


def _pop(g):
    return [_list(g)] if g.chance(0.7) else [_list(g), g.integer(-1, 6)]


def _several(g):
    keys = [_list(g) for _ in range(g.rng.randint(1, 4))]
    count = g.integer(-1, 6) if g.chance(0.1) else b"%d" % len(keys)
    return [count, *keys, _end(g), *g.options((b"COUNT", lambda: g.integer(-1, 5)), expected=0.5)]


def _timeout(g):
    """Never long: a list that is empty makes its client wait for so many seconds."""
    if g.chance(0.15):
        return g.pick([b"", b"-1", b"abc", b"nan", b"-inf", b"inf", b"1e400", b"-0.5", b"1 ",
                       b"9223372036854775807", b"0x", b"1\x00"])
    return g.pick([b"0.001", b"0.002", b"1e-3", b"0.0000001"])


def _positions(g):
    return g.options((b"RANK", lambda: g.integer(-3, 3)), (b"COUNT", lambda: g.integer(-1, 4)),
                     (b"MAXLEN", lambda: g.integer(-1, 8)))


LISTS = {
    b"LPUSH": lambda g: [_list(g), *_elements(g)],
    b"RPUSH": lambda g: [_list(g), *_elements(g)],
    b"LPUSHX": lambda g: [_list(g), *_elements(g)],
    b"RPUSHX": lambda g: [_list(g), *_elements(g)],
    b"LPOP": _pop,
    b"RPOP": _pop,
    b"LLEN": lambda g: [_list(g)],
    b"LRANGE": lambda g: [_list(g), _place(g), _place(g)],
    b"LINDEX": lambda g: [_list(g), _place(g)],
    b"LSET": lambda g: [_list(g), _place(g), _element(g)],
    b"LINSERT": lambda g: [_list(g), g.spelled(g.pick([b"BEFORE", b"AFTER"])), _element(g),
                           _element(g)],
    b"LREM": lambda g: [_list(g), g.integer(-3, 3), _element(g)],
    b"LTRIM": lambda g: [_list(g), _place(g), _place(g)],
    b"LPOS": lambda g: [_list(g), _element(g), *_positions(g)],
    b"LMOVE": lambda g: [_list(g), _list(g), _end(g), _end(g)],
    b"RPOPLPUSH": lambda g: [_list(g), _list(g)],
    b"LMPOP": _several,
    b"BLPOP": lambda g: [*(_list(g) for _ in range(g.rng.randint(1, 3))), _timeout(g)],
    b"BRPOP": lambda g: [*(_list(g) for _ in range(g.rng.randint(1, 3))), _timeout(g)],
    b"BLMOVE": lambda g: [_list(g), _list(g), _end(g), _end(g), _timeout(g)],
    b"BRPOPLPUSH": lambda g: [_list(g), _list(g), _timeout(g)],
    b"BLMPOP": lambda g: [_timeout(g), *_several(g)],
}

# A broken request of these could wait for ever.
WAITING = {b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH", b"BLMPOP"}
