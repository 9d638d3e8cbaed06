"""When are two replies the same?

Exactly the same, bytes and kinds, unless a rule below says otherwise for a command: time passes
between two servers, a hash table has an order of its own, an id is an id. Errors are always
compared exactly. What go-fish does differently on purpose is not a rule but an accepted difference
(accepted.py).
"""

import time

SECONDS_SLACK = 2   # beyond how far apart in time the two servers ran a request


class Pair:
    """Two replies to the same request, the first from the reference."""

    def __init__(self, words, left, right, ask=None, expiring=False, lag=0.0):
        self.words = words
        self.lag = lag   # seconds that the two may have run any request of this stream apart
        self.expiring = expiring   # keys have expired in this stream: they may still be counted
        self.left = left
        self.right = right
        self.sorts = False   # there was a SORT in this stream: small sorted sets may be large there
        self.restores = False   # there was a RESTORE
        self.adds_many = False   # there was a SADD of more than 512 members
        self.pipeline = ()   # the requests of the step, when the reference hung up in it
        self.ask = ask   # function(words) -> both replies, same connections; None in a pipeline
        self.name = words[0].lower() if words else b""
        self.sub = words[1].lower() if len(words) > 1 else b""


def _same_kind(pair):
    return pair.left.kind == pair.right.kind and \
        (pair.left.value is None) == (pair.right.value is None)


def _near_numbers(left, right, slack):
    if left == right:
        return True
    if left.kind != ":" or right.kind != ":" or left.value < 0 or right.value < 0:
        return False
    return abs(left.value - right.value) <= slack


def _near(slack):
    return lambda pair: _near_numbers(pair.left, pair.right, slack)


def _near_in_time(per_second):
    """Times, in units of which a second has this many. Twice the lag: the expiry was set, and is
    now read, on one server later than on the other; a busy machine may stop one for seconds."""
    return lambda pair: _near_numbers(pair.left, pair.right,
                                      (SECONDS_SLACK + 2 * pair.lag) * per_second)


def _latency_reset(pair):
    """How many kinds of events there were: on a busy machine any command may have been slow."""
    return pair.left == pair.right or len(pair.words) == 2 and _same_kind(pair)


def _same_members(pair):
    if pair.left.kind != pair.right.kind or pair.left.value is None or pair.right.value is None:
        return pair.left == pair.right
    return sorted(pair.left.value, key=repr) == sorted(pair.right.value, key=repr)


def _scan_shape(reply):
    return reply.kind == "*" and len(reply.value) == 2 and reply.value[0].kind == "$" \
        and reply.value[0].value.isdigit() and reply.value[1].kind == "*" \
        and all(item.kind == "$" for item in reply.value[1].value)


def _whole_scan(pair, which, first, at):
    """Every key (or element) one server gives from this reply on, following its own cursors to the end."""
    found, reply, turns = set(), first, 0
    while True:
        found.update(item.value for item in reply.value[1].value)
        cursor = reply.value[0].value
        turns += 1
        if cursor == b"0" or turns > 200:
            return found if cursor == b"0" else f"cursor never returns to 0: {cursor}"
        words = list(pair.words)
        words[at] = cursor
        reply = pair.ask(tuple(words))[which]
        if not _scan_shape(reply):
            return f"cursor {cursor} is answered by {reply}"


def _scan_at(at):
    """A scan whose cursor is this word."""
    def rule(pair):
        if not _scan_shape(pair.left) or not _scan_shape(pair.right):
            return False
        if pair.ask is None or pair.words[at] != b"0":
            return True
        return _whole_scan(pair, 0, pair.left, at) == _whole_scan(pair, 1, pair.right, at)
    return rule


def _drawn(reply):
    """The elements that chance chose, or None when there was nothing to choose from."""
    if reply.kind == "$":
        return None if reply.value is None else [reply.value]
    return [item.value for item in reply.value] if reply.kind in "*~" else None


def _popped(pair):
    """SPOP. Equally many different ones, and what one server took is in the other's set, or was
    taken there, too. They are taken out of both sets, which are equal again then."""
    left, right = _drawn(pair.left), _drawn(pair.right)
    if left is None or right is None or not _same_kind(pair):
        return pair.left == pair.right
    if len(left) != len(set(left)) or len(left) != len(right) or len(right) != len(set(right)):
        return False
    if sorted(left) == sorted(right):
        return True
    if pair.ask is None:
        return False
    removed = pair.ask((b"SREM", pair.words[1], *sorted(set(left + right))))
    return all(reply.kind == ":" and reply.value == len(set(left) ^ set(right)) / 2
               for reply in removed)


def _pairs(reply):
    """Fields with values, flat (RESP2, maps) or as arrays of two; None when it is neither."""
    if reply.value is None or reply.kind not in "*%":
        return None
    if reply.kind == "*" and reply.value and reply.value[0].kind == "*":
        return [(item.value[0].value, item.value[1].value) for item in reply.value]
    return list(zip((item.value for item in reply.value[::2]),
                    (item.value for item in reply.value[1::2])))


def _same_pairs(pair):
    left, right = _pairs(pair.left), _pairs(pair.right)
    if left is None or right is None or pair.left.kind != pair.right.kind:
        return pair.left == pair.right
    return len(pair.left.value) == len(pair.right.value) and sorted(left) == sorted(right)


def _drawn_fields(pair):
    """HRANDFIELD. Equally many fields, of those that there are, with their values; different ones,
    unless the count is negative."""
    with_values = len(pair.words) > 3
    fields = [_pairs(reply) if with_values else _drawn(reply) for reply in (pair.left, pair.right)]
    if None in fields or not _same_kind(pair):
        return pair.left == pair.right
    repeats = len(pair.words) > 2 and pair.words[2].startswith(b"-")
    left, right = fields
    if len(left) != len(right) or len(pair.left.value) != len(pair.right.value) \
            and pair.left.kind != "$" or not repeats and len(right) != len(set(right)):
        return False
    if not right or pair.ask is None:
        return True
    held = _pairs(pair.ask((b"HGETALL", pair.words[1]))[1])
    return set(right) <= set(held if with_values else (field for field, _ in held))


def _drawn_members(pair):
    """SRANDMEMBER. Equally many members; different ones, unless the count is negative."""
    left, right = _drawn(pair.left), _drawn(pair.right)
    if left is None or right is None or not _same_kind(pair):
        return pair.left == pair.right
    repeats = len(pair.words) > 2 and pair.words[2].startswith(b"-")
    if len(left) != len(right) or not repeats and len(right) != len(set(right)):
        return False
    if not right or pair.ask is None:
        return True
    found = pair.ask((b"SMISMEMBER", pair.words[1], *right))
    return found[0] == found[1] and all(item.value == 1 for item in found[0].value)


def _whole_pair_scan(pair, which, reply):
    """Every element with its value that a scan of a collection gives, cursor in word 2."""
    found, turns = set(), 0
    while turns < 400 and _scan_shape(reply):
        items = [item.value for item in reply.value[1].value]
        found.update(zip(items[::2], items[1::2]))
        cursor = reply.value[0].value
        turns += 1
        if cursor == b"0":
            return found
        reply = pair.ask((*pair.words[:2], cursor, *pair.words[3:]))[which]
    return f"no end of the scan: {reply}"


def _pair_scan(pair):
    if not _scan_shape(pair.left) or not _scan_shape(pair.right):
        return False
    if pair.ask is None or pair.words[2] != b"0":
        return True
    return _whole_pair_scan(pair, 0, pair.left) == _whole_pair_scan(pair, 1, pair.right)


def _zrandmember(pair):
    """Equally many members, with scores that they have; different ones unless repeats are asked."""
    if not _same_kind(pair) or pair.right.kind != "*":
        return _same_kind(pair)
    if len(pair.left.value) != len(pair.right.value):
        return False
    items = pair.right.value
    if len(pair.words) > 3:
        pairs = [item.value for item in items] if items and items[0].kind == "*" else \
            list(zip(items[::2], items[1::2]))
        items = [member for member, _ in pairs]
    names = [item.value for item in items]
    return pair.words[2].startswith(b"-") or len(names) == len(set(names))


def _random_key(pair):
    if not _same_kind(pair) or pair.right.value is None or pair.ask is None:
        return _same_kind(pair)
    exists = pair.ask((b"EXISTS", pair.right.value))
    return exists[0] == exists[1] and exists[0].value == 1


def _dbsize(pair):
    """Exact, unless a key that has expired may still be there; then it must go soon."""
    if pair.left == pair.right or not pair.expiring or pair.left.kind != pair.right.kind:
        return pair.left == pair.right
    for _ in range(200):
        if pair.ask is None:
            return True
        left, right = pair.ask(pair.words)
        if left == right:
            return True
        time.sleep(0.01)
    return False


def _hello(pair):
    """A map (or flat array) with the same keys in the same order; versions and ids differ."""
    left, right = pair.left, pair.right
    if left.kind != right.kind or len(left.value) > len(right.value):
        return False
    keys = left.value[::2]
    if right.value[:len(left.value)][::2] != keys:
        return False
    told = dict(zip(right.value[::2], right.value[1::2]))
    same = [key for key in keys if key.value in (b"proto", b"mode", b"role", b"modules")]
    return all(told[key] == value for key, value in zip(left.value[::2], left.value[1::2])
               if key in same) and told[keys[1]].kind == "$" and told[keys[3]].kind == ":"


CLIENT_FIELDS = [b"name", b"db", b"flags", b"sub", b"psub", b"multi", b"cmd", b"user", b"redir",
                 b"resp"]


def _client_info(pair):
    if pair.left.kind != pair.right.kind:
        return False
    left, right = (dict(field.split(b"=", 1) for field in reply.value.split() if b"=" in field)
                   for reply in (pair.left, pair.right))
    missing = set(left) - set(right)
    return not missing and all(left.get(field) == right.get(field) for field in CLIENT_FIELDS)


def _unordered(reply):
    """The reply with the members of every set in one order (RESP2 has arrays, they stay)."""
    if reply.kind in "*%~" and reply.value is not None:
        items = [_unordered(item) for item in reply.value]
        if reply.kind == "~":
            items.sort(key=repr)
        return reply._replace(value=tuple(items))
    return reply


def command_row(reply):
    """What COMMAND INFO says about one command, with its unordered parts in one order."""
    if reply.value is None or len(reply.value) < 10:
        return reply
    row = [_unordered(item) for item in reply.value]
    for unordered in (2, 6, 7):
        row[unordered] = tuple(sorted(row[unordered].value, key=repr))
    row[8] = tuple(_key_spec(spec) for spec in row[8].value)
    row[9] = tuple(sorted((command_row(sub) for sub in row[9].value), key=repr))
    return tuple(row)


def _key_spec(spec):
    """Flags in one order; notes are prose."""
    pairs = [(key, value) for key, value in zip(spec.value[::2], spec.value[1::2])
             if key.value != b"notes"]
    return tuple(sorted((key.value, sorted(map(repr, value.value)) if key.value == b"flags"
                         else repr(value)) for key, value in pairs))


def _command_info(pair):
    if len(pair.words) == 2:
        return _same_kind(pair)   # all commands there are
    if pair.left.kind != pair.right.kind or len(pair.left.value) != len(pair.right.value):
        return False
    return all(command_row(left) == command_row(right)
               for left, right in zip(pair.left.value, pair.right.value))


def _command_docs(pair):
    """The same commands are documented; the words of the documentation are compared elsewhere."""
    if len(pair.words) == 2:
        return _same_kind(pair)   # all commands there are
    def names(reply):
        return [item.value for item in reply.value[::2]]
    return pair.left.kind == pair.right.kind and \
        sorted(names(pair.left)) == sorted(names(pair.right))


def _getkeys_flags(pair):
    """Keys in order, the flags of each in any."""
    def told(reply):
        return [(item.value[0], sorted(map(repr, item.value[1].value))) for item in reply.value]
    return pair.left.kind == pair.right.kind and told(pair.left) == told(pair.right)


def _subset(pair):
    """The server may know fewer commands than the reference, not others."""
    return pair.left.kind == pair.right.kind and set(pair.right.value) <= set(pair.left.value)


def _config_get(pair):
    """The same parameters with the same values, in any order."""
    def told(reply):
        return sorted(zip(reply.value[::2], reply.value[1::2]))
    return pair.left.kind == pair.right.kind and told(pair.left) == told(pair.right)


def _help(pair):
    """HELP texts differ between versions; the first line names the command."""
    return pair.left.kind == pair.right.kind and pair.left.value[0] == pair.right.value[0]


TIMES = {b"idle", b"inactive", b"seen-time", b"active-time"}   # of XINFO, in milliseconds
NEWER = {b"inactive", b"active-time"}                          # than 7.0
ODD = {b"radix-tree-nodes"}                                    # about the reference's inside


def _fields(reply):
    """Name to value of what XINFO tells about a stream, a group or a consumer; None: no such."""
    if reply.kind not in "*%" or not reply.value or len(reply.value) % 2:
        return None
    names = [item.value for item in reply.value[::2]]
    return dict(zip(names, reply.value[1::2])) if names[0] in (b"name", b"length") else None


def _idle_consumer(reply):
    fields = _fields(reply) or {}
    return (fields.get(b"pel-count") or fields.get(b"pending")) == (":", 0)


class _Xinfo:
    """The same but for times, which are near, and fields that the reference does not have."""

    def __init__(self, pair, spare=False):
        self.pair = pair
        self.spare = spare   # the right one may have more consumers for whom nothing is pending

    def near(self, left, right):
        return _near_numbers(left, right, (SECONDS_SLACK + 2 * self.pair.lag) * 1000)

    def same(self, left, right):
        if left.kind != right.kind or left.kind not in "*%" or left.value is None:
            return left == right
        fields = _fields(left)
        if fields is not None:
            return self._same_fields(fields, _fields(right) or {})
        return self.same_items(left.value, right.value)

    def _same_fields(self, left, right):
        return [name for name in right if name in left or name not in NEWER] == list(left) \
            and all(self._same_field(name, left[name], right[name]) for name in left)

    def _same_field(self, name, left, right):
        if name in TIMES:
            return self.near(left, right)
        if name == b"consumers" and self.spare:
            return left.kind == ":" or self.same_consumers(left.value, right.value)
        return name in ODD or self.same(left, right)

    def same_consumers(self, left, right):
        names = {_fields(item)[b"name"] for item in left}
        return self.same_items(left, [item for item in right if not _idle_consumer(item)
                                      or _fields(item)[b"name"] in names])

    def same_items(self, left, right):
        """A list; [id, consumer, time, count] and [id, time, count] have a time in them."""
        kinds = "".join(item.kind for item in left)
        time_at = {"$$::": 2, "$::": 1}.get(kinds)
        return len(left) == len(right) and all(
            (self.near if index == time_at else self.same)(*items)
            for index, items in enumerate(zip(left, right)))


def _xinfo(pair):
    return _Xinfo(pair).same(pair.left, pair.right)


def xinfo_but_idle_consumers(pair):
    if pair.left.kind != pair.right.kind or pair.left.kind not in "*%":
        return False
    if pair.sub == b"consumers":
        return _Xinfo(pair).same_consumers(pair.left.value, pair.right.value)
    return _Xinfo(pair, spare=True).same(pair.left, pair.right)


def _sorted_elements(pair):
    """A set that SORT is told not to sort (BY without a star) comes in the server's own order."""
    words = [word.upper() for word in pair.words]
    unsorted = any(word == b"BY" and b"*" not in behind for word, behind in zip(words, words[1:]))
    return pair.left == pair.right or unsorted and _same_members(pair)


RULES = {
    b"ttl": _near_in_time(1),
    b"pttl": _near_in_time(1000),
    b"expiretime": _near_in_time(1),
    b"pexpiretime": _near_in_time(1000),
    b"keys": _same_members,
    b"scan": _scan_at(1),
    b"hscan": _scan_at(2),
    b"hgetall": _same_pairs,
    b"hkeys": _same_members,
    b"hvals": _same_members,
    b"hrandfield": _drawn_fields,
    b"sscan": _scan_at(2),
    b"smembers": _same_members,
    b"sinter": _same_members,
    b"sunion": _same_members,
    b"sdiff": _same_members,
    b"sort": _sorted_elements,
    b"sort_ro": _sorted_elements,
    b"spop": _popped,
    b"srandmember": _drawn_members,
    b"zscan": _pair_scan,
    b"zrandmember": _zrandmember,
    b"randomkey": _random_key,
    b"dbsize": _dbsize,
    b"hello": _hello,
    b"time": _same_kind,
    b"lolwut": _same_kind,
    b"info": _same_kind,
    b"object|idletime": _same_kind,   # the reference shares small numbers, with their age
    b"object|freq": _near(255),
    b"object|help": _help,
    b"memory|usage": _same_kind,
    b"memory|doctor": _same_kind,
    b"memory|stats": _same_kind,
    b"memory|help": _help,
    b"client|id": _same_kind,
    b"client|info": _client_info,
    b"client|list": _same_kind,
    b"client|help": _help,
    b"xpending": _xinfo,
    b"xinfo": _xinfo,
    b"xinfo|help": _help,
    b"xgroup|help": _help,
    b"command|": _same_kind,
    b"command|count": _same_kind,
    b"command|info": _command_info,
    b"command|docs": _command_docs,
    b"command|list": _subset,
    b"command|getkeysandflags": _getkeys_flags,
    b"command|help": _help,
    b"config|get": _config_get,
    b"config|help": _help,
    b"slowlog|get": _same_kind,
    b"slowlog|len": _same_kind,
    b"slowlog|help": _help,
    b"latency|latest": _same_kind,
    b"latency|histogram": _same_kind,
    b"latency|doctor": _same_kind,
    b"latency|reset": _latency_reset,
    b"latency|help": _help,
    b"debug|object": _same_kind,
    b"dump": _same_kind,   # each server has a format of its own; RESTORE takes it back
}


def same(pair):
    """True when the replies agree under the rule of their command."""
    if pair.left.is_error() or pair.right.is_error():
        return pair.left == pair.right
    rule = RULES.get(pair.name + b"|" + pair.sub) or RULES.get(pair.name)
    return pair.left == pair.right if rule is None else rule(pair)
