"""Where go-fish differs from redis-server 7.0 on purpose. Each row has its reason; test/README.md lists
the same rows for people (a test compares the two lists)."""

from typing import Callable, NamedTuple


class Accepted(NamedTuple):
    name: str
    reason: str
    fits: Callable   # function(pair) -> True when this row explains the difference


def _new_in_7_2(pair):
    new = {(b"client", b"setinfo"), (b"client", b"no-touch"), (b"client", b"maint_notifications")}
    return (pair.name, pair.sub) in new


ACCEPTED = [
    Accepted("new-in-7.2", "CLIENT SETINFO, CLIENT NO-TOUCH and CLIENT MAINT_NOTIFICATIONS are newer "
             "than 7.0", _new_in_7_2),
]


def reason(pair):
    """The accepted difference that explains this pair, or None."""
    for row in ACCEPTED:
        if row.fits(pair):
            return row
    return None
