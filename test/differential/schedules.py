"""Schedules for together.py: what several connections send, one after the other.

What a connection that waits, or has been closed, would send is left out: two that were woken together
would go on at the same time.
On several cores things happen at once only where the order makes no difference: a transaction gives to
one key that others wait for, not to several.
"""

from typing import NamedTuple

from grammar import Grammar
from streams import Step

ID_OF = b"@id:"                      # and a number: CLIENT ID of that connection
HANGS_UP = ((b"(hangs up)",),)       # instead of requests

READERS = {   # by type: how a value is read in the end
    b"string": [[b"GET", b"{}"]],
    b"list": [[b"LRANGE", b"{}", b"0", b"-1"]],
    b"zset": [[b"ZRANGE", b"{}", b"0", b"-1", b"WITHSCORES"]],
    b"stream": [[b"XRANGE", b"{}", b"-", b"+"], [b"XINFO", b"GROUPS", b"{}"]],
}


class Schedule(NamedTuple):
    protocols: tuple   # of each connection: 2 or 3
    steps: list


# ---- written down ------------------------------------------------------------------------------

# Each line: the connection, then what it sends; " + " between the requests of one piece.
WRITTEN = {
    "first come, first served": """
        0 BLPOP l1 0
        1 BLPOP l1 l2 0
        2 BRPOP l2 l1 0
        3 RPUSH l1 a b c d
        3 LRANGE l1 0 -1
    """,
    "a transaction is seen as a whole": """
        0 BLPOP l1 0
        1 BZPOPMIN z1 0
        2 MULTI + RPUSH l1 a + DEL l1 + ZADD z1 1 m + ZREM z1 m + EXEC
        2 MULTI + RPUSH l1 a b + LPOP l1 + EXEC
        2 MULTI + BLPOP l3 0 + BLMOVE l3 l4 LEFT LEFT 0 + XREAD BLOCK 0 STREAMS x1 $ + EXEC
        2 ZADD z1 1 m
    """,
    "chains of those who wait": """
        0 BLMOVE l1 l2 LEFT RIGHT 0
        1 BLMOVE l2 l3 LEFT RIGHT 0
        2 BRPOPLPUSH l3 l4 0
        3 BLPOP l4 0
        4 RPUSH l1 baton
    """,
    "a circle": """
        0 BLMOVE l1 l2 LEFT RIGHT 0
        1 BLMOVE l2 l1 LEFT RIGHT 0
        2 RPUSH l1 a
        2 LRANGE l1 0 -1 + LRANGE l2 0 -1
    """,
    "the destination is of another type": """
        0 BLMOVE l1 s1 LEFT LEFT 0
        1 BLPOP l1 0
        2 SET s1 x
        2 RPUSH l1 a
    """,
    "keys come in other ways": """
        0 BLPOP l1 0
        1 RPUSH other a + RENAME other l1
        0 BLPOP l1 0
        1 RPUSH other b + COPY other l1
        0 BLPOP l1 0
        1 SELECT 1 + RPUSH l1 c + MOVE l1 0 + SELECT 0
        0 BLPOP l1 0
        1 SELECT 1 + RPUSH l1 d + SWAPDB 0 1 + SELECT 0
        0 BZPOPMIN z1 0
        1 ZADD o 1 a 2 b + ZUNIONSTORE z1 1 o
        0 BLPOP l5 0
        1 SORT o BY nosort STORE l5
        0 BLPOP l6 0
        1 LMOVE l5 l6 LEFT LEFT
        0 BLPOP l7 0
        1 RPUSH from a + RENAMENX from l7
        0 BLPOP l8 0
        1 RPUSH from a + DUMP nothing + LMPOP 1 from LEFT + RPUSH l8 z
    """,
    "keys of other types do not count": """
        0 BLPOP k 0
        1 BZPOPMAX k 0
        2 XREAD BLOCK 0 STREAMS k $
        3 SET k x + DEL k + SADD k m + DEL k
        3 ZADD k 1 m
        3 RPUSH k v
        3 XADD k 1-1 f v
    """,
    "several of a list and of a sorted set": """
        0 BLMPOP 0 2 l1 l2 LEFT COUNT 3
        1 BLMPOP 0 1 l2 RIGHT
        2 BZMPOP 0 2 z1 z2 MAX COUNT 2
        3 RPUSH l2 a b c d e
        3 ZADD z2 1 a 2 b 3 c
        3 LRANGE l2 0 -1 + ZRANGE z2 0 -1
    """,
    "unblocked": """
        0 BLPOP l1 0
        1 BLPOP l1 l2 0
        2 CLIENT UNBLOCK @id:0
        2 CLIENT UNBLOCK @id:1 ERROR
        2 CLIENT UNBLOCK @id:1
        0 XREAD BLOCK 0 STREAMS x1 $
        1 BZMPOP 0 2 z1 z2 MIN
        2 CLIENT UNBLOCK @id:0 TIMEOUT
        2 CLIENT UNBLOCK @id:1 TIMEOUT
        0 BLMOVE l1 l2 LEFT LEFT 0
        2 CLIENT UNBLOCK @id:0
    """,
    "gone while they wait": """
        0 BLPOP l1 0
        1 BLPOP l1 l2 0
        2 BLPOP l2 l1 0
        3 BLPOP l1 0
        0 (hangs up)
        4 CLIENT KILL ID @id:1
        4 RPUSH l1 a b
        4 LRANGE l1 0 -1
    """,
    "the pipeline behind": """
        0 SET a 1 + BLPOP l1 l2 0 + GET a + BLPOP l1 0 + GET b
        1 SET b 2 + RPUSH l2 x
        1 RPUSH l1 y
    """,
    "who gives does not take back": """
        0 BLPOP l1 0
        1 RPUSH l1 a + LPOP l1 + LLEN l1
        0 BZPOPMIN {z}1 {z}2 0
        1 ZADD {z}2 1 a + ZCARD {z}2
    """,
    "watched keys": """
        0 WATCH a b
        1 WATCH b
        2 SET a 1
        0 MULTI + SET c 1 + EXEC
        1 MULTI + SET d 1 + EXEC
        0 WATCH a + UNWATCH
        2 SET a 2
        0 MULTI + GET a + EXEC
        0 WATCH a
        2 MULTI + SET a 3 + SET a 2 + EXEC
        0 MULTI + GET a + EXEC
        0 WATCH a
        0 SET a 4
        0 MULTI + GET a + EXEC
        0 WATCH a gone
        2 DEL gone
        0 MULTI + GET a + EXEC
        0 WATCH a + MULTI + GET a
        2 RENAME a b
        0 EXEC
        0 WATCH a
        2 COPY b a
        0 MULTI + DISCARD
        0 MULTI + GET a + EXEC
    """,
    "watched and flushed": """
        2 SET a 1
        0 WATCH a
        1 WATCH nothing
        2 FLUSHALL
        0 MULTI + PING + EXEC
        1 MULTI + PING + EXEC
        2 SET a 1
        0 WATCH a
        2 SWAPDB 0 1
        0 MULTI + PING + EXEC
        0 SELECT 1 + WATCH a + SELECT 0
        2 SELECT 1 + SET a 2
        0 MULTI + PING + EXEC
    """,
    "watched streams": """
        0 XADD x1 1-1 f v + WATCH x1
        0 MULTI + XLEN x1 + EXEC
        0 WATCH x1
        1 XADD x1 2-1 f v
        0 MULTI + XLEN x1 + EXEC
        0 WATCH x1
        1 XDEL x1 2-1
        0 MULTI + XLEN x1 + EXEC
    """,
    "watched by who waits": """
        0 WATCH l1 a
        0 BLPOP l1 0
        1 RPUSH l1 x
        0 MULTI + PING + EXEC
        0 WATCH a
        0 BLPOP l1 l2 0
        1 SET a 1
        1 RPUSH l2 y
        0 MULTI + PING + EXEC
    """,
    "broken transactions": """
        0 EXEC
        0 DISCARD
        0 MULTI + MULTI + WATCH a + NOSUCH + EXEC
        0 MULTI + GET + EXEC
        0 MULTI + SET a x + LPUSH a y + GET a + EXEC
        0 MULTI + SUBSCRIBE ch + UNSUBSCRIBE ch + EXEC
        0 MULTI + SELECT 1 + SET a y + SELECT 0 + GET a + EXEC
        0 MULTI + EXEC
        0 WATCH + UNWATCH x + DISCARD x + MULTI x
        0 MULTI + EXEC x + EXEC
        0 MULTI + RESET + EXEC
    """,
    "SORT in a transaction": """
        0 RPUSH l1 3 1 2 + ZADD z1 5 a 4 b + MSET w_1 9 w_2 8 w_3 7
        0 MULTI + SORT l1 + SORT l1 DESC LIMIT 0 2 + SORT z1 ALPHA + SORT_RO l1 + EXEC
        1 BLPOP sorted 0
        0 MULTI + SORT l1 STORE sorted + LRANGE sorted 0 -1 + SORT l1 BY w_* GET # GET w_* + EXEC
        0 MULTI + SORT nothing STORE sorted + EXISTS sorted + SORT w_1 + EXEC
    """,
    "streams": """
        0 XREAD BLOCK 0 STREAMS x1 x2 $ $
        1 XREAD COUNT 1 BLOCK 0 STREAMS x2 0
        2 XADD x2 1-1 f v
        2 XADD x2 2-1 f v
        0 XREAD BLOCK 0 STREAMS x1 x2 $ 1-1
        0 XREAD BLOCK 0 STREAMS x1 $
        2 MULTI + XADD x1 1-1 a b + XADD x1 2-1 c d + EXEC
        0 XREAD BLOCK 0 STREAMS x1 $
        2 XDEL x1 1-1 + XTRIM x1 MAXLEN 0
        2 XADD x1 3-1 e f
        0 XREAD BLOCK 0 STREAMS x1 $
        2 DEL x1
        2 XADD x1 1-1 g h
        2 XADD x1 5-1 i j
    """,
    "groups": """
        4 XGROUP CREATE x1 g $ MKSTREAM + XGROUP CREATE x2 g $ MKSTREAM
        0 XREADGROUP GROUP g a BLOCK 0 STREAMS x1 >
        1 XREADGROUP GROUP g b BLOCK 0 COUNT 1 STREAMS x1 x2 > >
        2 XREADGROUP GROUP g a BLOCK 0 NOACK STREAMS x1 >
        4 XADD x1 1-1 f v
        4 MULTI + XADD x1 2-1 f v + XADD x1 3-1 f v + EXEC
        4 XADD x1 4-1 f v
        4 XPENDING x1 g
        0 XREADGROUP GROUP g a BLOCK 0 STREAMS x1 0
        0 XREADGROUP GROUP g a BLOCK 0 STREAMS x1 x2 > >
        4 XADD x2 1-1 f v
    """,
    "groups that go": """
        4 XGROUP CREATE x1 g $ MKSTREAM + XGROUP CREATE x2 g $ MKSTREAM
        0 XREADGROUP GROUP g a BLOCK 0 STREAMS x1 >
        1 XREADGROUP GROUP g b BLOCK 0 STREAMS x2 >
        2 XREADGROUP GROUP g c BLOCK 0 STREAMS x1 x2 > >
        4 XGROUP DESTROY x1 g
        4 DEL x2
        4 XGROUP CREATE x1 g $ + XGROUP CREATE x2 g $ MKSTREAM
        0 XREADGROUP GROUP g a BLOCK 0 STREAMS x1 >
        1 XREADGROUP GROUP g b BLOCK 0 STREAMS x2 >
        4 SET x1 y
        4 FLUSHALL
    """,
    "subscribers may do little in RESP2": """
        0 SUBSCRIBE a b
        0 GET k
        0 PING
        0 PING x
        0 SET k v + HELLO 3 + CLIENT GETNAME + MULTI + EXEC + DISCARD + WATCH k + INFO nothing + NOSUCH + GET
        0 BLPOP l1 0
        0 PUBLISH a m
        0 PSUBSCRIBE p*
        0 SSUBSCRIBE s
        0 UNSUBSCRIBE a
        0 UNSUBSCRIBE
        0 GET k
        0 PUNSUBSCRIBE
        0 SUNSUBSCRIBE
        0 GET k
        0 PING
        0 SUBSCRIBE a + RESET + PING
        0 SUBSCRIBE a + QUIT
    """,
    "subscribers may do anything in RESP3": """
        5 SUBSCRIBE a b
        5 GET k
        5 PING
        5 PING x
        5 SET k v + MULTI + GET k + EXEC + WATCH k + NOSUCH + GET
        5 PUBLISH a m
        5 BLPOP l1 0
        1 PUBLISH b n
        1 RPUSH l1 x
        5 UNSUBSCRIBE a
        5 UNSUBSCRIBE
        5 UNSUBSCRIBE
        5 PSUBSCRIBE *
        1 PUBLISH other m + PUBLISH another m
        5 PUNSUBSCRIBE *
        5 RESET
        5 PING
    """,
    "messages": """
        0 SUBSCRIBE a
        5 SUBSCRIBE a + PSUBSCRIBE a*
        1 SSUBSCRIBE s
        2 PUBLISH a 1 + PUBLISH b 2 + PUBLISH abc 3 + SPUBLISH s 4 + PUBLISH s 5
        2 MULTI + PUBLISH a 6 + SET k v + PUBLISH nobody 7 + EXEC
        2 PUBSUB CHANNELS + PUBSUB NUMPAT + PUBSUB NUMSUB a b + PUBSUB SHARDCHANNELS
        0 UNSUBSCRIBE
        2 PUBLISH a 8
        5 (hangs up)
        2 PUBLISH a 9
    """,
    "a transaction that subscribes": """
        0 MULTI + SUBSCRIBE a + PING + EXEC
        1 PUBLISH a m
        0 UNSUBSCRIBE a
        5 MULTI + SUBSCRIBE a + PING + UNSUBSCRIBE a + EXEC
    """,
    "caches": """
        5 CLIENT TRACKING ON
        5 GET a + MGET b c + GET d
        0 SET a 1
        0 MSET b 1 c 2
        0 SET a 2
        5 GET a
        5 SET a 3
        5 GET a + GET d
        0 MULTI + SET a 1 + SET a 2 + DEL d + EXEC
        5 LRANGE l1 0 -1
        0 RPUSH l1 x
        5 GET a
        0 EXPIRE a 1000
        5 GET a
        0 RENAME a aa
        5 GET a + GET aa
        0 COPY aa a
        0 FLUSHALL
        5 GET a
        5 CLIENT TRACKING OFF
        0 SET a 1
    """,
    "caches of who waits": """
        5 CLIENT TRACKING ON
        5 GET a
        5 BLPOP l1 l2 0
        0 SET a 1
        0 RPUSH l1 x
        5 GET a
        5 BLPOP l1 0
        0 SET a 1
        0 RPUSH l1 x
    """,
    "caches that choose": """
        5 CLIENT TRACKING ON OPTIN NOLOOP
        5 GET a
        0 SET a 1
        5 CLIENT CACHING YES + GET a
        5 GET b
        0 SET a 1 + SET b 1
        5 CLIENT CACHING YES + GET a
        5 SET a 2
        5 CLIENT CACHING YES + MULTI + GET a + GET b + EXEC
        0 SET a 1
        0 SET b 1
        4 CLIENT TRACKING ON BCAST PREFIX x: PREFIX y
        0 SET x:1 a + SET yes b + SET no c
        4 SET x:2 c
        0 DEL x:1 x:2 yes no
    """,
    "caches of streams": """
        0 XADD x1 1-1 f v
        5 CLIENT TRACKING ON
        5 XREAD STREAMS x1 0
        0 XADD x1 2-1 f v
        5 XRANGE x1 - +
        0 XADD x1 3-1 f v
    """,
    "caches that are told elsewhere": """
        0 SUBSCRIBE __redis__:invalidate
        1 CLIENT TRACKING ON REDIRECT @id:0
        1 GET a + GET b
        2 SET a 1
        1 GET a
        5 CLIENT TRACKING ON REDIRECT @id:0
        5 GET b
        2 SET b 1
    """,
}

PROTOCOLS = (2, 2, 2, 2, 3, 3)


def _step(told):
    connection, words = told.split(None, 1)
    requests = tuple(tuple(word.encode() for word in request.split())
                     for request in words.split(" + "))
    if words == "(hangs up)":
        requests = HANGS_UP
    return Step(int(connection), requests)


def written():
    """(name, schedule) of all that are written down; those in which nobody needs a certain protocol in
    both."""
    for name, lines in WRITTEN.items():
        steps = [_step(told) for told in lines.strip().splitlines()]
        yield name, Schedule(PROTOCOLS, steps)
        if all(step.connection < 4 for step in steps) and "RESP2" not in name:
            yield name + ", RESP3", Schedule((3,) * len(PROTOCOLS), steps)


# ---- drawn -------------------------------------------------------------------------------------

CONNECTIONS = 6
STEPS = 40


class _Drawn:
    """A schedule being drawn."""

    def __init__(self, seed):
        self.g = Grammar(seed)
        self.last_id = 0
        self.one = None   # in a transaction: the key that others may wait for

    def key(self, kind):
        """Few, so that they meet; mostly of this kind."""
        if self.g.chance(0.04):
            kind = self.g.pick("lzx")
        return f"{kind}{self.g.rng.randint(1, 4)}".encode()

    def keys(self, kind):
        """Different ones, in any order."""
        return list(dict.fromkeys(self.key(kind) for _ in range(self.g.rng.randint(1, 3))))

    def given(self, kind):
        """The key that a command adds to."""
        if self.one is None:
            return self.key(kind)
        if self.one == b"":
            self.one = self.key(kind)
        return self.one

    def new_id(self):
        self.last_id += 1
        return b"%d-1" % self.last_id

    def values(self):
        return [self.g.pick([b"a", b"b", b"c", b"d"]) for _ in range(self.g.rng.randint(1, 4))]

    def end(self):
        return self.g.pick([b"LEFT", b"RIGHT"])

    def count(self):
        return [b"COUNT", self.g.number(1, 3)] if self.g.chance(0.4) else []

    def seen(self):
        """From where a stream is read."""
        return self.g.pick([b"$", b"$", b"0", b"%d-1" % max(0, self.last_id - 2)])

    def waiting(self):
        """A command that may wait."""
        g, lists, zsets, streams = self.g, self.keys("l"), self.keys("z"), self.keys("x")
        number = b"%d"
        return g.pick([
            lambda: [g.pick([b"BLPOP", b"BRPOP"]), *lists, b"0"],
            lambda: [g.pick([b"BLPOP", b"BRPOP"]), *lists, b"0"],
            lambda: [b"BLMOVE", self.key("l"), self.key("l"), self.end(), self.end(), b"0"],
            lambda: [b"BRPOPLPUSH", self.key("l"), self.key("l"), b"0"],
            lambda: [b"BLMPOP", b"0", number % len(lists), *lists, self.end(), *self.count()],
            lambda: [g.pick([b"BZPOPMIN", b"BZPOPMAX"]), *zsets, b"0"],
            lambda: [b"BZMPOP", b"0", number % len(zsets), *zsets, g.pick([b"MIN", b"MAX"]),
                     *self.count()],
            lambda: [b"XREAD", *self.count(), b"BLOCK", b"0", b"STREAMS", *streams,
                     *(self.seen() for _ in streams)],
            lambda: [b"XREADGROUP", b"GROUP", b"g", g.pick([b"alice", b"bob"]), *self.count(),
                     b"BLOCK", b"0", b"STREAMS", *streams,
                     *(g.pick([b">", b">", b">", b"0"]) for _ in streams)],
        ])()

    def giving(self):
        """A command that adds."""
        g = self.g
        return g.pick([
            lambda: [g.pick([b"RPUSH", b"LPUSH"]), self.given("l"), *self.values()],
            lambda: [g.pick([b"RPUSH", b"LPUSH"]), self.given("l"), *self.values()],
            lambda: [b"ZADD", self.given("z"),
                     *(w for v in self.values() for w in (g.number(1, 3), v))],
            lambda: [b"XADD", self.given("x"), self.new_id(), b"f", g.pick([b"v", b"w"])],
            lambda: [b"XADD", self.given("x"), self.new_id(), b"f", g.pick([b"v", b"w"])],
        ])()

    def taking(self):
        """A command that takes away, moves or looks."""
        g = self.g
        return g.pick([
            lambda: [b"DEL", self.key(g.pick("lzx"))],
            lambda: [b"LPOP", self.key("l")],
            lambda: [b"ZPOPMIN", self.key("z")],
            lambda: [b"LRANGE", self.key("l"), b"0", b"-1"],
            lambda: [b"ZRANGE", self.key("z"), b"0", b"-1"],
            lambda: [b"XRANGE", self.key("x"), b"-", b"+"],
            lambda: [b"XLEN", self.key("x")],
            lambda: [b"XDEL", self.key("x"), b"%d-1" % self.last_id],
            lambda: [b"EXISTS", self.key(g.pick("lzx"))],
            lambda: [b"SET", self.key("s"), g.pick([b"1", b"2"])],
            lambda: [b"GET", self.key("s")],
            lambda: [b"INCR", self.key("s")],
        ])()

    def moving(self):
        """A command that gives to a key what another had."""
        g = self.g
        return g.pick([
            lambda: [b"RENAME", *self.pair()],
            lambda: [b"COPY", *self.pair(), b"REPLACE"],
            lambda: [b"LMOVE", self.key("l"), self.key("l"), self.end(), self.end()],
            lambda: [b"SORT", self.key("l"), b"ALPHA", b"STORE", self.key("l")],
            lambda: [b"ZUNIONSTORE", self.key("z"), b"2", self.key("z"), self.key("z")],
            lambda: [b"ZRANGESTORE", self.key("z"), self.key("z"), b"0", b"-1"],
        ])()

    def pair(self):
        kind = self.g.pick("lzx")
        return self.key(kind), self.key(kind)

    def grouping(self):
        g = self.g
        return [b"XGROUP", *g.pick([
            lambda: [b"CREATE", self.key("x"), b"g", g.pick([b"$", b"0"]), b"MKSTREAM"],
            lambda: [b"CREATE", self.key("x"), b"g", g.pick([b"$", b"0"]), b"MKSTREAM"],
            lambda: [b"DESTROY", self.key("x"), b"g"],
            lambda: [b"DELCONSUMER", self.key("x"), b"g", g.pick([b"alice", b"bob"])],
            lambda: [b"SETID", self.key("x"), b"g", g.pick([b"$", b"0"])],
        ])()]

    def operating(self):
        g = self.g
        other = ID_OF + g.number(0, CONNECTIONS - 1)
        return g.pick([
            lambda: [b"CLIENT", b"UNBLOCK", other, g.pick([b"TIMEOUT", b"ERROR"])],
            lambda: [b"CLIENT", b"UNBLOCK", other],
            lambda: [b"CLIENT", b"UNBLOCK", other],
            lambda: [b"CLIENT", b"KILL", b"ID", other],
        ])()

    def transaction(self):
        """MULTI to EXEC in one piece; what it gives, it gives to one key."""
        g = self.g
        self.one = b""
        body = [g.pick([self.giving, self.taking, self.giving, self.taking, self.waiting])()
                for _ in range(g.rng.randint(0, 4))]
        self.one = None
        return [[b"MULTI"], *body, [b"DISCARD"] if g.chance(0.1) else [b"EXEC"]]

    def requests(self):
        roll = self.g.rng.random()
        if roll < 0.3:
            return [self.waiting()]
        if roll < 0.57:
            return [self.giving()]
        if roll < 0.67:
            return [self.taking()]
        if roll < 0.72:
            return [self.moving()]
        if roll < 0.77:
            return [self.grouping()]
        if roll < 0.82:
            return [self.operating()]
        if roll < 0.88:
            return [[b"WATCH", *self.keys(self.g.pick("lzs"))]]   # streams: groups-are-watched
        if roll < 0.96:
            return self.transaction()
        return [self.g.pick([[b"UNWATCH"], [b"FLUSHALL"], [b"PING"], [b"SWAPDB", b"0", b"1"]])]

    def step(self):
        connection = self.g.rng.randrange(CONNECTIONS)
        if self.g.chance(0.015):
            return Step(connection, HANGS_UP)
        return Step(connection, tuple(map(tuple, self.requests())))


def drawn(seed):
    """The schedule of this seed."""
    drawn_ = _Drawn(seed)
    protocols = tuple(drawn_.g.pick([2, 3]) for _ in range(CONNECTIONS))
    return Schedule(protocols, [drawn_.step() for _ in range(STEPS)])
