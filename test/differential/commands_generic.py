"""The grammar of the commands for keys of any type: name -> function(grammar) -> words."""

from grammar import TYPES


def _when(g):
    return g.options(b"NX", b"XX", b"GT", b"LT", expected=0.5)


def _scan(g):
    cursor = b"0" if g.chance(0.8) else g.integer(0, 100)
    return [cursor, *g.options((b"MATCH", g.pattern), (b"COUNT", lambda: g.integer(0, 20)),
                               (b"TYPE", lambda: g.pick(TYPES)))]


def _object(g):
    sub = g.pick([b"ENCODING", b"REFCOUNT", b"IDLETIME", b"FREQ", b"ENCODING", b"HELP", b"nosuch"])
    return [g.spelled(sub)] if sub == b"HELP" else [g.spelled(sub), g.key()]


def _memory(g):
    sub = g.pick([b"USAGE", b"USAGE", b"USAGE", b"HELP", b"nosuch", b"DOCTOR", b"STATS"])
    if sub != b"USAGE":
        return [g.spelled(sub)]
    return [g.spelled(sub), g.key(), *g.options((b"SAMPLES", lambda: g.integer(0, 10)),
                                                expected=0.4)]


GENERIC = {
    b"DEL": lambda g: g.keys(),
    b"UNLINK": lambda g: g.keys(),
    b"EXISTS": lambda g: g.keys(1, 5),
    b"TYPE": lambda g: [g.key()],
    b"TOUCH": lambda g: g.keys(),
    b"KEYS": lambda g: [g.pattern()],
    b"SCAN": _scan,
    b"RANDOMKEY": lambda g: [],
    b"RENAME": lambda g: [g.key(), g.key()],
    b"RENAMENX": lambda g: [g.key(), g.key()],
    b"COPY": lambda g: [g.key(), g.key(), *g.options(b"REPLACE", (b"DB", g.database))],
    b"MOVE": lambda g: [g.key(), g.database()],
    b"EXPIRE": lambda g: [g.key(), g.seconds(), *_when(g)],
    b"PEXPIRE": lambda g: [g.key(), g.milliseconds(), *_when(g)],
    b"EXPIREAT": lambda g: [g.key(), g.unix_seconds(), *_when(g)],
    b"PEXPIREAT": lambda g: [g.key(), g.unix_milliseconds(), *_when(g)],
    b"TTL": lambda g: [g.key()],
    b"PTTL": lambda g: [g.key()],
    b"EXPIRETIME": lambda g: [g.key()],
    b"PEXPIRETIME": lambda g: [g.key()],
    b"PERSIST": lambda g: [g.key()],
    b"DBSIZE": lambda g: [],
    b"FLUSHDB": lambda g: g.options(b"ASYNC", b"SYNC", expected=0.5),
    b"FLUSHALL": lambda g: g.options(b"ASYNC", b"SYNC", expected=0.5),
    b"SELECT": lambda g: [g.database()],
    b"SWAPDB": lambda g: [g.database(), g.database()],
    b"OBJECT": _object,
    b"MEMORY": _memory,
}
