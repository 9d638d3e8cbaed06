"""The grammar of the connection and server commands: name -> function(grammar) -> words behind it.

Left out, because their effect cannot be compared reply by reply: CLIENT REPLY and MONITOR (they
change which replies come; wire.py has the first), SHUTDOWN other than broken, CLIENT KILL that
kills.
"""

from commands_generic import GENERIC
from commands_strings import STRINGS

NAMES = [b"", b"alice", b"bob-2", b"with space", b"new\nline", b"caf\xc3\xa9", b"!~", b"x" * 100]

# Values for every parameter that is a whole number: edges of what C can hold, and odd spellings.
WHOLE = [b"0", b"1", b"-1", b"-2", b"128", b"10000", b"1000000", b"2147483647", b"2147483648",
         b"4294967295", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809",
         b"", b"abc", b" 1", b"1 ", b"+1", b"01", b"-0", b"1.5", b"1mb", b"10%", b"1\x00"]

# Likewise for one that is an amount of memory. Nothing small: it would evict, and refuse, at once.
MEMORY = [b"0", b"100mb", b"1gb", b"1G", b"2000M", b"9223372036854775807", b"9223372036854775808",
          b"18446744073709551615", b"18446744073709551616", b"17179869183gb", b"", b"gb", b"b",
          b"-1", b"-1gb", b"abc", b"1tb", b"1.5gb", b"1 gb", b"10%", b"100mbb", b"9" * 130]

YES_OR_NO = [b"yes", b"NO", b"Yes", b"", b"1", b"true", b"yes "]

# Parameters that exist on both sides, and values to try on them. Not port, bind and dir: the
# reference moves while it runs.
SETTINGS = {
    b"maxmemory": MEMORY,
    b"maxmemory-policy": [b"noeviction", b"allkeys-lru", b"volatile-ttl", b"bogus", b"ALLKEYS-LFU",
                          b"", b"noeviction ", b"volatile-random"],
    b"maxmemory-samples": WHOLE,
    # Nothing small: it would close connections.
    b"timeout": [b"0", b"1000", b"-1", b"abc", b"2147483647", b"2147483648", b"99999999999", b""],
    b"slowlog-log-slower-than": WHOLE,
    b"slowlog-max-len": WHOLE,
    b"lfu-log-factor": WHOLE,
    b"lfu-decay-time": WHOLE,
    b"maxclients": [b"5000", b"abc", b"0", b"-1", b"", b"1000000"],
    b"proto-max-bulk-len": [*MEMORY, b"536870912", b"1mb", b"1048575", b"1\x00", b"17179869184gb"],
    b"client-query-buffer-limit": [*MEMORY, b"1mb", b"1048575"],
    b"client-output-buffer-limit": [
        b"normal 0 0 0", b"NORMAL 1gb 256mb 60", b"normal 0 0 0 slave 0 0 0 pubsub 1gb 1gb 60",
        b"normal", b"normal 1 2", b"bogus 0 0 0", b"master 0 0 0", b"normal -1 0 0",
        b"normal 0 x 0", b"normal 0 0 -1", b"normal 1.5mb 0 0", b" normal 0 0 0", b"normal  0 0 0",
        b"normal 0 0 2147483648"],
    b"latency-monitor-threshold": WHOLE,
    b"latency-tracking": YES_OR_NO,
    b"replica-read-only": YES_OR_NO,
    b"slave-read-only": YES_OR_NO,
    b"appendonly": [b"no", b"NO", b"", b"bogus"],
    b"save": [b"", b"abc", b"1", b"60 -1"],
    b"notify-keyspace-events": [b"", b"KEA", b"AKEm", b"Kx", b"g$lshzxetdnKEm", b"q", b"KEA x"],
    b"maxmemory-clients": [b"0", b""],
    b"min-slaves-to-write": [b"0", b"-1", b"abc"],
    b"replicaof": [b"", b"x"],
    b"io-threads": [b"1", b"x"],
    b"hz": [b"1", b"10", b"500", b"abc"],
    b"active-expire-effort": WHOLE,
    b"lazyfree-lazy-user-flush": YES_OR_NO,
    b"stop-writes-on-bgsave-error": YES_OR_NO,
    b"replica-priority": WHOLE,
    b"slave-priority": WHOLE,
    b"busy-reply-threshold": WHOLE,
    b"repl-timeout": WHOLE,
    b"hash-max-listpack-entries": WHOLE,
    b"list-max-ziplist-size": WHOLE,
    b"zset-max-listpack-value": MEMORY,
    b"loglevel": [b"bogus", b"", b"notice "],
    b"tcp-keepalive": WHOLE,
    b"databases": [b"16", b"32", b"abc"],
    b"maxmemory_policy": [b"noeviction"],
    b"nosuchparameter": [b"1"],
    b"": [b""],
}

# Their values differ from the start, or after what is accepted (accepted.py).
UNREADABLE = {b"maxclients", b"client-output-buffer-limit", b"loglevel", b"tcp-keepalive", b"save"}


def _client(g):
    subs = {
        b"ID": lambda: [],
        b"INFO": lambda: [],
        b"GETNAME": lambda: [],
        b"SETNAME": lambda: [g.pick(NAMES)],
        b"LIST": lambda: g.pick([[b"ID", b"99999999"], [b"TYPE", b"pubsub"], [b"TYPE", b"bogus"],
                                 [b"ID"], [b"TYPE"], [b"bogus"], [b"ID", b"x"], [b"ID", b"-1"]]),
        b"KILL": lambda: g.pick([
            [b"127.0.0.1:1"], [b"ID", b"99999999"], [b"ID", b"0"], [b"ID", b"x"], [b"TYPE", b"x"],
            [b"ADDR", b"1.2.3.4:5"], [b"LADDR", b"1.2.3.4:5"], [b"USER", b"nobody"], [b"ID"],
            [b"TYPE", b"pubsub"], [b"SKIPME", b"maybe"], [b"BOGUS", b"x"], [b"TYPE", b"pubsub",
            b"SKIPME", b"no"], []]),
        b"NO-EVICT": lambda: [g.pick([b"on", b"OFF", b"maybe"])],
        b"PAUSE": lambda: [g.pick([b"0", b"1", b"-1", b"abc"]),
                           *g.options(b"WRITE", b"ALL", b"BOGUS", expected=0.5)],
        b"UNPAUSE": lambda: [],
        b"UNBLOCK": lambda: [g.pick([b"99999999", b"0", b"x", b"-1"]),
                             *g.options(b"TIMEOUT", b"ERROR", b"BOGUS", expected=0.5)],
        b"GETREDIR": lambda: [],
        b"TRACKINGINFO": lambda: [],
        b"CACHING": lambda: [g.pick([b"yes", b"no", b"x"])],
        # None that works: pushes would come between the answers.
        b"TRACKING": lambda: g.pick([
            [b"off"], [b"x"], [b"on", b"BOGUS"], [b"on", b"PREFIX", b"a"], [b"on", b"PREFIX"],
            [b"on", b"OPTIN", b"OPTOUT"], [b"on", b"BCAST", b"OPTIN"], [b"on", b"REDIRECT", b"x"],
            [b"on", b"REDIRECT", b"99999999"], [b"on", b"REDIRECT"], [b"off", b"NOLOOP"],
            [b"on", b"BCAST", b"PREFIX", b"ab", b"PREFIX", b"a"], [b"x", b"OPTIN"]]),
        b"HELP": lambda: [],
        b"nosuch": lambda: g.pick([[], [b"x"]]),
    }
    name = g.pick(list(subs))
    return [g.spelled(name), *subs[name]()]


def _pubsub(g):
    """Nobody is subscribed: a subscriber's answers are tested end to end."""
    return g.pick([[b"CHANNELS"], [b"CHANNELS", b"a*"], [b"CHANNELS", b"a", b"b"], [b"NUMPAT"],
                   [b"NUMPAT", b"x"], [b"NUMSUB"], [b"NUMSUB", b"a", b"b"], [b"SHARDCHANNELS"],
                   [b"SHARDCHANNELS", b"a", b"b"], [b"SHARDNUMSUB", b"a"], [b"nosuch"], []])


def _inner(g):
    """A command line to put behind COMMAND GETKEYS."""
    table = g.pick([STRINGS, GENERIC, STRINGS])
    name = g.pick([name for name in table if name not in (b"OBJECT", b"MEMORY")])
    return [g.spelled(name), *table[name](g)]


def _command(g):
    names = [b"get", b"SET", b"mset", b"object", b"object|freq", b"nosuch", b"client|kill", b"scan",
             b"memory|usage", b"config|set", b"ping", b"client|nosuch"]
    subs = {
        b"GETKEYS": lambda: _inner(g),
        b"GETKEYSANDFLAGS": lambda: _inner(g),
        b"INFO": lambda: [g.pick(names) for _ in range(g.rng.randint(1, 3))],
        b"DOCS": lambda: [g.pick(names) for _ in range(g.rng.randint(1, 3))],
        b"COUNT": lambda: [],
        b"LIST": lambda: g.pick([[b"FILTERBY", b"PATTERN", b"get*"], [b"FILTERBY", b"BOGUS", b"x"],
                                 [b"FILTERBY", b"MODULE", b"nosuch"], [b"BOGUS"], [b"FILTERBY"],
                                 [b"FILTERBY", b"PATTERN", b"client|*"]]),
        b"HELP": lambda: [],
        b"nosuch": lambda: [],
    }
    name = g.pick(list(subs))
    return [g.spelled(name), *subs[name]()]


def _config(g):
    def one():
        name = g.pick(list(SETTINGS))
        return [g.spelled(name), g.pick(SETTINGS[name])]

    def readable():
        return g.spelled(g.pick([name for name in SETTINGS if name not in UNREADABLE]))

    subs = {
        b"GET": lambda: [readable() for _ in range(g.rng.randint(1, 3))],
        b"SET": lambda: one() if g.chance(0.8) else [*one(), *one()],
        b"RESETSTAT": lambda: [],
        b"HELP": lambda: [],
        b"nosuch": lambda: [b"x"],
    }
    name = g.pick(list(subs))
    return [g.spelled(name), *subs[name]()]


def _slowlog(g):
    return g.pick([[b"RESET"], [b"LEN"], [b"GET"], [b"GET", g.integer(-1, 5)], [b"HELP"],
                   [b"nosuch"], [b"GET", b"-2"]])


def _latency(g):
    return g.pick([[b"LATEST"], [b"RESET"], [b"RESET", b"nosuch"], [b"HISTORY", b"nosuch"],
                   [b"HISTORY"], [b"HISTOGRAM", b"nosuchcommand"], [b"HELP"], [b"nosuch"],
                   [b"DOCTOR"], [b"GRAPH", b"nosuch"]])


def _hello(g):
    if g.chance(0.1):
        return []
    version = g.pick([b"2", b"3", b"3", b"2", b"1", b"4", b"abc", b"", b"-1", b"3.0"])
    return [version, *g.options((b"SETNAME", lambda: g.pick(NAMES)),
                                (b"AUTH", lambda: g.pick([b"default", b"nobody"]), g.value),
                                b"BOGUS", expected=0.4)]


def _auth(g):
    return g.pick([[g.value()], [b"default", g.value()], [b"nobody", b"x"], [b"default", b"sesame"],
                   [b"sesame"], []])


SERVER = {
    b"PING": lambda g: [] if g.chance(0.5) else [g.value()],
    b"ECHO": lambda g: [g.value()],
    b"QUIT": lambda g: [],
    b"RESET": lambda g: [],
    b"HELLO": _hello,
    b"AUTH": _auth,
    b"CLIENT": _client,
    b"COMMAND": _command,
    b"PUBSUB": _pubsub,
    b"PUBLISH": lambda g: [g.value(), g.value()],
    b"SPUBLISH": lambda g: [g.value(), g.value()],
    b"CONFIG": _config,
    b"SLOWLOG": _slowlog,
    b"LATENCY": _latency,
    b"TIME": lambda g: [],
    b"LOLWUT": lambda g: g.pick([[], [b"VERSION", b"5"]]),
    b"INFO": lambda g: [g.pick([b"server", b"nosuch", b"keyspace", b"replication"])],
    b"DEBUG": lambda g: g.pick([[b"SLEEP", b"0"], [b"JMAP"], [b"OBJECT", g.key()], []]),
    b"SHUTDOWN": lambda g: g.pick([[b"BOGUS"], [b"ABORT"], [b"SAVE", b"NOSAVE"],
                                   [b"ABORT", b"NOW"]]),
    b"nosuchcommand": lambda g: [g.value() for _ in range(g.rng.randint(0, 4))],
}

# Never broken by chance: what is one word away from them would stop or silence a server.
FRAGILE = {b"SHUTDOWN", b"DEBUG", b"CONFIG", b"CLIENT", b"QUIT"}
