"""The grammar of DUMP and RESTORE. The two servers' payloads differ, so each is given back its own:
DUMPED stands for the payload that the last DUMP of the stream answered (see players.py)."""

DUMPED = b"\0payload"


def _payload(g):
    return DUMPED if g.chance(0.9) else g.value()


def _access(g):
    return g.options(b"REPLACE", b"REPLACE", b"REPLACE",
                     (b"IDLETIME", lambda: g.integer(-1, 1000)),
                     (b"FREQ", lambda: g.integer(-1, 260)), expected=1.2)


def _restore(g):
    if g.chance(0.2):
        return [g.key(), g.unix_milliseconds(), _payload(g), g.spelled(b"ABSTTL"), *_access(g)]
    ttl = b"0" if g.chance(0.7) else g.milliseconds()
    return [g.key(), ttl, _payload(g), *_access(g)]


DUMP = {
    b"DUMP": lambda g: [g.key()],
    b"RESTORE": _restore,
    b"RESTORE-ASKING": _restore,
}
