"""The grammar of the string commands: name -> function(grammar) -> the words behind the name."""


def _set_options(g):
    # Never in the past: SET keeps such a key until somebody looks (streams.SHORT_LIVED has these).
    return g.options(b"NX", b"XX", b"GET", b"KEEPTTL", (b"EX", g.seconds), (b"PX", g.milliseconds),
                     (b"EXAT", lambda: g.unix_seconds(past=b"0")),
                     (b"PXAT", lambda: g.unix_milliseconds(past=b"0")), expected=0.8)


def _pairs(g):
    words = []
    for key in g.keys():
        words += [key, g.value()]
    return words


def _lcs_options(g):
    return g.options(b"LEN", b"IDX", b"WITHMATCHLEN", (b"MINMATCHLEN", lambda: g.integer(-1, 6)))


STRINGS = {
    b"GET": lambda g: [g.key()],
    b"SET": lambda g: [g.key(), g.value(), *_set_options(g)],
    b"GETEX": lambda g: [g.key(), *g.options(
        b"PERSIST", (b"EX", g.seconds), (b"PX", g.milliseconds), (b"EXAT", g.unix_seconds),
        (b"PXAT", g.unix_milliseconds), expected=0.8)],
    b"GETDEL": lambda g: [g.key()],
    b"GETSET": lambda g: [g.key(), g.value()],
    b"SETNX": lambda g: [g.key(), g.value()],
    b"SETEX": lambda g: [g.key(), g.seconds(), g.value()],
    b"PSETEX": lambda g: [g.key(), g.milliseconds(), g.value()],
    b"MGET": lambda g: g.keys(1, 6),
    b"MSET": _pairs,
    b"MSETNX": _pairs,
    b"APPEND": lambda g: [g.key(), g.value()],
    b"STRLEN": lambda g: [g.key()],
    b"GETRANGE": lambda g: [g.key(), g.index(), g.index()],
    b"SUBSTR": lambda g: [g.key(), g.index(), g.index()],
    b"SETRANGE": lambda g: [g.key(), g.index(), g.value()],
    b"INCR": lambda g: [g.key()],
    b"DECR": lambda g: [g.key()],
    b"INCRBY": lambda g: [g.key(), g.integer(-100, 100)],
    b"DECRBY": lambda g: [g.key(), g.integer(-100, 100)],
    b"INCRBYFLOAT": lambda g: [g.key(), g.float()],
    b"LCS": lambda g: [g.key(), g.key(), *_lcs_options(g)],
}
