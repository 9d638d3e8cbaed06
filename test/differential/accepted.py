#!/usr/bin/python3
"""Where go-fish differs from redis-server 7.0 on purpose. Each row has its reason; test/README.md
lists the same rows for people: `accepted.py FILE` fails when a row is missing there."""

import os
import re
import sys
from typing import Callable, NamedTuple

from compare import xinfo_but_idle_consumers


class Accepted(NamedTuple):
    name: str
    reason: str
    fits: Callable   # function(pair) -> True when this row explains the difference
    ends: bool = False   # what follows in the stream is different, too


def _new_in_7_2(pair):
    new = {b"client|setinfo", b"client|no-touch", b"client|maint_notifications", b"client|capa",
           b"waitaof"}
    new |= {b"hexpire", b"hpexpire", b"hexpireat", b"hpexpireat", b"httl", b"hpttl", b"hexpiretime",
            b"hpexpiretime", b"hpersist", b"hgetdel", b"hgetex", b"hsetex"}
    if (pair.name, pair.sub) == (b"command", b"list") and pair.left.kind == pair.right.kind == "*":
        return {item.value for item in set(pair.right.value) - set(pair.left.value)} <= new
    return pair.name + b"|" + pair.sub in new


def _rank_with_score(pair):
    """Also in COMMAND INFO and what else knows how many words a command has."""
    if pair.name == b"command":
        return any(word.lower() in (b"zrank", b"zrevrank") for word in pair.words[2:])
    return pair.name in (b"zrank", b"zrevrank") and len(pair.words) > 3 and \
        pair.left.value.startswith(b"ERR wrong number of arguments")


def _quote_limit(pair):
    """Equal up to the end of a quoted word that the reference gives in full."""
    if not pair.left.is_error() or not pair.right.is_error():
        return False
    common = os.path.commonprefix([pair.left.value, pair.right.value])
    return any(len(word) > 128 and word[:128] in pair.right.value and common.endswith(word[:128])
               for word in pair.words)


def _cursor_with_zero_byte(pair):
    at = 1 if pair.name == b"scan" else 2
    return pair.name.endswith(b"scan") and len(pair.words) > at and b"\0" in pair.words[at] \
        and pair.right.value == b"ERR invalid cursor"


def _refcount(pair):
    """The reference shares small integers, and says so with this number."""
    return (pair.name, pair.sub) == (b"object", b"refcount") and \
        (pair.left.value, pair.right.value) == (2147483647, 1)


def _no_sync(pair):
    return (pair.name, pair.sub) in ((b"command", b"getkeys"), (b"command", b"getkeysandflags")) \
        and pair.words[2].upper() in (b"SYNC", b"PSYNC") \
        and pair.right.value == b"ERR Invalid command specified"


def _set_error(pair, *endings):
    """The server refuses a CONFIG SET with one of these."""
    return (pair.name, pair.sub) == (b"config", b"set") and pair.right.is_error() \
        and pair.right.value.endswith(endings)


def _names(pair):
    return {word.lower() for word in pair.words[2::2]}


def _restart_only(pair):
    return _set_error(pair, b"can't set immutable config") \
        and bool(_names(pair) & {b"port", b"bind", b"dir", b"tcp-keepalive"})


def _odd_memory(pair):
    return _set_error(pair, b"argument must be a memory value") \
        and any(b"\0" in value or value.endswith(b"gb") for value in pair.words[3::2])


def _one_line_settings(pair):
    return _set_error(pair, b"a zero byte", b"a line break", b"'yes' or 'no'") \
        and any(byte in value for value in pair.words[3::2] for byte in (b"\0", b"\n", b"\r"))


def _not_in_this_build(pair):
    return _set_error(pair, b"works in this build")


def _output_limit(pair):
    name = b"client-output-buffer-limit"
    if (pair.name, pair.sub) == (b"config", b"get"):
        return name in (word.lower() for word in pair.words[2:])
    return _set_error(pair, b"Wrong number of arguments in buffer limit configuration.") \
        and (name, b"") in zip((word.lower() for word in pair.words[2::2]), pair.words[3::2])


def _maxclients_of_the_system(pair):
    return (pair.name, pair.sub) == (b"config", b"set") and b"maxclients" in _names(pair) \
        and pair.left.is_error() and b"The operating system is not able to" in pair.left.value


def _reset_keeps_no_evict(pair):
    """CLIENT INFO says the same but for this flag."""
    if (pair.name, pair.sub) != (b"client", b"info") or pair.left.kind != pair.right.kind:
        return False
    left, right = (re.search(rb"flags=(\S*)", reply.value).group(1)
                   for reply in (pair.left, pair.right))
    return b"e" in left and left.replace(b"e", b"") == right.replace(b"N", b"")


def _reset_closes(pair):
    return pair.left.kind == "closed" and any(words[0].upper() == b"RESET"
                                              for words in pair.pipeline)


def _loglevel_info(pair):
    return (pair.name, pair.sub) == (b"config", b"set") and b"info" in pair.words[3::2]


def _small_sets(pair):
    """What is no small set of integers, or has been larger, is a hashtable in 7.0. One made of more
    words than an intset may have, which do not all differ, is no intset since 7.2."""
    return (pair.name, pair.sub) == (b"object", b"encoding") and (
        pair.right.value == b"listpack" and pair.left.value in (b"hashtable", b"intset") or
        pair.adds_many and (pair.left.value, pair.right.value) == (b"intset", b"hashtable"))


def _mistake_before_key(pair):
    """The reference does not look at the words of a range when there is no key, or no string."""
    return pair.name in (b"bitcount", b"bitpos") and pair.right.is_error() \
        and (pair.left.value in (0, -1) or pair.left.value.startswith(b"WRONGTYPE"))


def _small_lists(pair):
    """All lists of 7.0 are quicklists."""
    return (pair.name, pair.sub) == (b"object", b"encoding") and pair.right.value == b"listpack" \
        and pair.left.value == b"quicklist"


def _lowest_rank(pair):
    """The reference goes on, to an answer or to a mistake behind it."""
    ranks = [rank for word, rank in zip(pair.words[3:], pair.words[4:]) if word.upper() == b"RANK"]
    return pair.name == b"lpos" and b"-9223372036854775808" in ranks and pair.right.value == \
        b"ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"


def _long_wait(pair):
    return (pair.left.value, pair.right.value) == \
        (b"ERR timeout is negative", b"ERR timeout is out of range")


def _clock_ids(pair):
    """XADD with *, made of a line that the grammar never writes so."""
    ids = [re.fullmatch(rb"(\d{13})-\d+", reply.value or b"") if reply.kind == "$" else None
           for reply in (pair.left, pair.right)]
    return pair.name == b"xadd" and b"*" in pair.words and all(ids) and \
        abs(int(ids[0][1]) - int(ids[1][1])) < 60000


def _sort_leaves_form(pair):
    return (pair.name, pair.sub) == (b"object", b"encoding") and pair.sorts \
        and (pair.left.value, pair.right.value) == (b"skiplist", b"listpack")


def _restore_keeps_form(pair):
    return (pair.name, pair.sub) == (b"object", b"encoding") and pair.restores \
        and pair.left.value == b"listpack" and pair.right.value in (b"hashtable", b"skiplist")


def _xread_balance(pair):
    """The same sentence with the command's name quoted, and > for XREADGROUP."""
    return all(reply.is_error() and reply.value.startswith(b"ERR Unbalanced ")
               for reply in (pair.left, pair.right))


def _xread_plus(pair):
    return pair.name in (b"xread", b"xreadgroup") and b"+" in pair.words \
        and pair.left.value == b"ERR Invalid stream ID specified as stream command argument"


def _xsetid_deleted(pair):
    """The reference takes the id, or complains of the last entry, which is looked at behind that."""
    return pair.name == b"xsetid" and pair.right.value \
        == b"ERR The ID specified in XSETID is smaller than current max_deleted_entry_id" and \
        pair.left.value in (b"OK", b"ERR The ID specified in XSETID is smaller than the target "
                                   b"stream top item")


def _consumer_of_nothing(pair):
    if (pair.name, pair.sub) == (b"xgroup", b"createconsumer"):
        return (pair.left.value, pair.right.value) == (1, 0)
    return pair.name == b"xinfo" and xinfo_but_idle_consumers(pair)


def _without_count(reply):
    """A HyperLogLog without the count that may be in it."""
    if reply.kind == "$" and reply.value and reply.value[:4] == b"HYLL":
        return reply.value[:8] + reply.value[16:]
    return reply


def _pfcount_reads(pair):
    if (pair.name, pair.sub) == (b"object", b"encoding"):
        return b"hll" in pair.words[2] and pair.left.value == b"raw" \
            and pair.right.value == b"embstr"
    return pair.name in (b"get", b"set") and \
        _without_count(pair.left) == _without_count(pair.right)


# together.py sees these.
MOVED_ON = "moved-on"
AS_IN_7_2 = "as-in-7.2"
SWAPPED_IN = "swapped-in"


def _woken_anew(told):
    """One answer of a connection that waited. The reference makes it of the key that came."""
    if len(told.left) != 1 or len(told.right) > 1:
        return False
    left = told.left[0]
    if not told.right:   # an entry that came and went within a transaction
        return told.name in (b"xread", b"xreadgroup") and left.value and _has_no_entries(left)
    right = told.right[0]
    if right.is_error():
        return right.value.startswith((b"WRONGTYPE", b"NOGROUP")) and \
            (not left.is_error() or left.value.startswith((b"UNBLOCKED the", b"NOGROUP the")))
    return left.kind == right.kind == "*" and left.value[:1] != right.value[:1] and all(
        reply.value and reply.value[0].kind == "$" and reply.value[0].value in told.words
        for reply in (left, right))


def _has_no_entries(reply):
    """Of XREAD's answer, as arrays or as a map."""
    parts = reply.value[1::2] if reply.kind == "%" else [item.value[1] for item in reply.value]
    return all(part.value == () for part in parts)


def _waiting_consumer(told):
    return told.name == b"xinfo" and len(told.left) == len(told.right) == 1 and \
        _but_consumers(told.left[0]) == _but_consumers(told.right[0])


def _but_consumers(reply):
    """XINFO GROUPS without how many consumers there are."""
    return [[item for at, item in enumerate(group.value)
             if at % 2 == 0 or group.value[at - 1].value != b"consumers"]
            for group in reply.value] if reply.kind == "*" else reply


def _overwritten(told):
    return told.by[:1] in ((b"ZRANGESTORE",), (b"ZUNIONSTORE",), (b"SORT",), (b"COPY",)) \
        and not told.left and len(told.right) == 1 and not told.right[0].is_error()


class Told(NamedTuple):
    """What a connection was told in one step, and what it had asked for (together.py)."""
    words: tuple   # of all its requests since it was told something
    by: tuple      # words of the step's first request
    left: list     # replies
    right: list

    @property
    def name(self):
        return self.words[0].lower() if self.words else b""


# Of together.py, where several connections play.
TOGETHER = [
    Accepted(AS_IN_7_2, "a whole schedule that valkey-server does as this server", lambda told: False),
    Accepted("woken-anew", "who is woken runs his command again as a whole, as since 7.2: it begins "
             "with the first of its keys, and complains of one of another type, or of a stream that "
             "is gone", _woken_anew, ends=True),
    Accepted("consumer-who-waits", "XREADGROUP that waits has made its consumer, as since 7.2",
             _waiting_consumer),
    Accepted("overwriting-wakes", "a value that is stored in the place of one of another type wakes "
             "who waits for it, as any other; the reference forgets them", _overwritten, ends=True),
    Accepted("groups-are-watched", "a change of a consumer group is one of its stream, for WATCH and "
             "caches", lambda told: False),
    Accepted(SWAPPED_IN, "who waits for other keys of those that SWAPDB brings is woken before or after "
             "another", lambda told: False, ends=True),
    Accepted(MOVED_ON, "what a blocking move hands on goes to the first in line at its destination, "
             "who may wait for other keys that came at once, too", lambda told: False, ends=True),
]

ACCEPTED = [
    Accepted("new-in-7.2", "CLIENT SETINFO, NO-TOUCH, CAPA, MAINT_NOTIFICATIONS and WAITAOF "
             "are newer than 7.0", _new_in_7_2),
    Accepted("rank-with-score", "ZRANK and ZREVRANK have WITHSCORE, as since 7.2",
             _rank_with_score),
    Accepted("quote-limit", "every error quotes at most 128 bytes of a client's word; the "
             "reference does so in some errors only", _quote_limit),
    Accepted("cursor-with-zero-byte", "a SCAN cursor with a zero byte in it is not a number; the "
             "reference stops reading there (7.2 refuses it, too)", _cursor_with_zero_byte),
    Accepted("refcount", "values are never shared: OBJECT REFCOUNT is 1 for small integers, too",
             _refcount),
    Accepted("no-sync", "SYNC and PSYNC are no commands: nodes do not replicate that way", _no_sync),
    Accepted("restart-only", "port, bind, dir and tcp-keepalive cannot be changed while the server "
             "runs: every core has its sockets made when it starts", _restart_only),
    Accepted("odd-memory-sizes", "2^64 bytes and more are no amount of memory, nor is one with a "
             "zero byte in it; the reference makes 0 of 2^64", _odd_memory),
    Accepted("one-line-settings", "no setting may have a zero byte or a line break in it: the "
             "config file could not hold it", _one_line_settings),
    Accepted("not-in-this-build", "what this build does not do cannot be turned on: save, "
             "appendonly, maxmemory-clients and others take their default "
             "only", _not_in_this_build),
    Accepted("output-limit", "client-output-buffer-limit is shown as it was given, has another "
             "default, and no empty value; classes it does not name have Redis's defaults", _output_limit),
    Accepted("maxclients-of-the-system", "maxclients may be more than the system's limit of open "
             "files, which can be raised while the server runs", _maxclients_of_the_system),
    Accepted("reset-ends-no-evict", "RESET ends CLIENT NO-EVICT, as it does since 7.2",
             _reset_keeps_no_evict),
    Accepted("reset-keeps-answers", "RESET does not close a connection whose answers are still to "
             "be sent; with a password the reference does when they are many", _reset_closes),
    Accepted("sort-leaves-form", "SORT does not make a large sorted set of a small one",
             _sort_leaves_form),
    Accepted("restore-keeps-form", "RESTORE does not make a small hash or sorted set of one that had been "
             "large when it was dumped", _restore_keeps_form),
    Accepted("small-sets", "OBJECT ENCODING of a small set is listpack, as it is since 7.2",
             _small_sets),
    Accepted("bit-range-before-key", "BITCOUNT and BITPOS tell a mistake in their words even when "
             "there is no such key, as they do since 7.2", _mistake_before_key),
    Accepted("small-lists", "a small list is a listpack, as it is since 7.2", _small_lists),
    Accepted("lowest-rank", "LPOS refuses a RANK of -2^63, as it does since 7.2", _lowest_rank),
    Accepted("long-wait", "a timeout of more milliseconds than 63 bits hold is out of range, as it "
             "is since 7.2", _long_wait),
    Accepted("clock-ids", "XADD takes its id from the clock, and the two servers run it one after the "
             "other", _clock_ids, ends=True),
    Accepted("xread-balance", "XREADGROUP's complaint about the number of keys and ids names the "
             "command and its >, as since 7.2", _xread_balance),
    Accepted("xread-plus", "XREAD knows + for the last entry, as since 7.4", _xread_plus),
    Accepted("xsetid-deleted", "XSETID refuses an id below one that was removed, as since 7.2",
             _xsetid_deleted, ends=True),
    Accepted("consumer-of-nothing", "XCLAIM and XAUTOCLAIM make the consumer also when there is "
             "nothing to claim, as since 7.2", _consumer_of_nothing),
    Accepted("pfcount-reads", "PFCOUNT only reads: it leaves no count in the value, nor another "
             "encoding", _pfcount_reads),
    Accepted("loglevel-info", "loglevel info is another name of verbose", _loglevel_info),
]


def reason(pair):
    """The accepted difference that explains this pair, or None."""
    for row in ACCEPTED:
        if row.fits(pair):
            return row
    return None


def reason_together(told):
    """The same for what one of several connections was told."""
    for row in TOGETHER:
        if row.fits(told):
            return row
    return None


def undocumented(path):
    """Rows that the page does not mention."""
    with open(path, encoding="utf-8") as page:
        text = page.read()
    return [row for row in ACCEPTED + TOGETHER if f"`{row.name}`" not in text]


if __name__ == "__main__":
    missing = undocumented(sys.argv[1])
    for row in missing:
        print(f"{sys.argv[1]}: error: no line about `{row.name}`: {row.reason}")
    sys.exit(1 if missing else 0)
