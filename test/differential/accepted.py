#!/usr/bin/python3
"""Where go-fish differs from redis-server 7.0 on purpose. Each row has its reason; test/README.md
lists the same rows for people: `accepted.py FILE` fails when a row is missing there."""

import os
import sys
from typing import Callable, NamedTuple


class Accepted(NamedTuple):
    name: str
    reason: str
    fits: Callable   # function(pair) -> True when this row explains the difference


def _new_in_7_2(pair):
    new = {b"client|setinfo", b"client|no-touch", b"client|maint_notifications", b"client|capa",
           b"waitaof"}
    if (pair.name, pair.sub) == (b"command", b"list") and pair.left.kind == pair.right.kind == "*":
        return {item.value for item in set(pair.right.value) - set(pair.left.value)} <= new
    return pair.name + b"|" + pair.sub in new


def _quote_limit(pair):
    """Equal up to the end of a quoted word that the reference gives in full."""
    if not pair.left.is_error() or not pair.right.is_error():
        return False
    common = os.path.commonprefix([pair.left.value, pair.right.value])
    return any(len(word) > 128 and word[:128] in pair.right.value and common.endswith(word[:128])
               for word in pair.words)


def _cursor_with_zero_byte(pair):
    return pair.name == b"scan" and len(pair.words) > 1 and b"\0" in pair.words[1] \
        and pair.right.value == b"ERR invalid cursor"


def _refcount(pair):
    """The reference shares small integers, and says so with this number."""
    return (pair.name, pair.sub) == (b"object", b"refcount") and \
        (pair.left.value, pair.right.value) == (2147483647, 1)


ACCEPTED = [
    Accepted("new-in-7.2", "CLIENT SETINFO, NO-TOUCH, CAPA, MAINT_NOTIFICATIONS and WAITAOF "
             "are newer than 7.0", _new_in_7_2),
    Accepted("quote-limit", "every error quotes at most 128 bytes of a client's word; the "
             "reference does so in some errors only", _quote_limit),
    Accepted("cursor-with-zero-byte", "a SCAN cursor with a zero byte in it is not a number; the "
             "reference stops reading there (7.2 refuses it, too)", _cursor_with_zero_byte),
    Accepted("refcount", "values are never shared: OBJECT REFCOUNT is 1 for small integers, too",
             _refcount),
]


def reason(pair):
    """The accepted difference that explains this pair, or None."""
    for row in ACCEPTED:
        if row.fits(pair):
            return row
    return None


def undocumented(path):
    """Rows that the page does not mention."""
    with open(path, encoding="utf-8") as page:
        text = page.read()
    return [row for row in ACCEPTED if f"`{row.name}`" not in text]


if __name__ == "__main__":
    missing = undocumented(sys.argv[1])
    for row in missing:
        print(f"{sys.argv[1]}: error: no line about `{row.name}`: {row.reason}")
    sys.exit(1 if missing else 0)
