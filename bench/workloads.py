"""What bench/compare asks servers to do: its tests, and the collections whose memory it measures.

A test is a command line for redis-benchmark (its own test where it has one), what has to be there
before it, and what must be there after it, or the numbers mean nothing.
"""
import hashlib
from dataclasses import dataclass

VALUE_SIZE = 32  # bytes
VALUE = "x" * VALUE_SIZE
CHUNK = 500  # elements of one command that fills a collection
LRANGE_SOURCE = 1000  # elements of the list that LRANGE reads the head of
ZRANGE_SOURCE = 10_000
HASH_FIELDS = 20


@dataclass(frozen=True)
class Test:
    """One row of the table."""
    name: str
    words: tuple = ()       # the command line; empty: redis-benchmark's own test of this name
    keys: tuple = ("one", "random")  # "random": redis-benchmark's -r changes something
    share: int = 1          # its requests are so many times fewer: each takes as much longer
    key: str = ""           # a collection: made anew before each measurement
    needs: tuple = ()       # commands beside its own without which it cannot be measured
    fill: object = None     # count -> command lines that make `key`
    check: object = None    # keys, count -> command line and its wanted answer; None = any but 0

    @property
    def commands(self):
        return (self.words[0] if self.words else self.name, *self.needs)


def element(index):
    """As redis-benchmark names them with -r."""
    return f"element:{index:012}"


def chunks(count):
    return (range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK))


def fill_list(count):
    return (("RPUSH", "mylist", *[VALUE] * len(part)) for part in chunks(count))


def fill_set(count):
    return (("SADD", "myset", *map(element, part)) for part in chunks(count))


def fill_zset(count):
    return (("ZADD", "myzset", *(word for i in part for word in (str(i), element(i))))
            for part in chunks(count))


def fill_hash(_):
    return [("HSET", "myhash", *(word for i in range(HASH_FIELDS)
                                 for word in (f"field:{i:010}", VALUE)))]


def is_key_set(name, size):
    """SET and MSET: one of the keys has a value of the right size."""
    def check(keys, _):
        return (name, "key:__rand_int__" if keys == "one" else "key:000000000007"), str(size)
    return check


def is_counted(keys, count):
    return (("GET", "counter:__rand_int__"), str(count)) if keys == "one" else None


def has_all(*words):
    return lambda keys, count: (words, str(count))


def has_some(*words):
    """With one name for all elements there is one; with random names, more than one."""
    return lambda keys, count: (words, "1" if keys == "one" else None)


def has(wanted, *words):
    return lambda keys, count: (words, str(wanted))


ONE = ("one",)
STRINGS = [
    Test("set", check=is_key_set("STRLEN", VALUE_SIZE)),
    Test("get"),
    Test("incr", check=is_counted, key="counter:__rand_int__"),
    Test("mset", share=5, check=is_key_set("STRLEN", VALUE_SIZE)),
]
COLLECTIONS = [
    Test("lpush", keys=ONE, key="mylist", check=has_all("LLEN", "mylist")),
    Test("rpush", keys=ONE, key="mylist", check=has_all("LLEN", "mylist")),
    Test("lpop", keys=ONE, key="mylist", needs=("RPUSH",), fill=fill_list,
         check=has(0, "EXISTS", "mylist")),
    Test("rpop", keys=ONE, key="mylist", needs=("RPUSH",), fill=fill_list,
         check=has(0, "EXISTS", "mylist")),
    Test("sadd", key="myset", check=has_some("SCARD", "myset")),
    Test("hset", key="myhash", check=has_some("HLEN", "myhash")),
    Test("spop", keys=ONE, key="myset", needs=("SADD",), fill=fill_set,
         check=has(0, "EXISTS", "myset")),
    Test("zadd", key="myzset", check=has_some("ZCARD", "myzset")),
    Test("zpopmin", keys=ONE, key="myzset", needs=("ZADD",), fill=fill_zset,
         check=has(0, "EXISTS", "myzset")),
    Test("xadd", ("XADD", "mystream", "*", "myfield", VALUE), ONE, key="mystream",
         check=has_all("XLEN", "mystream")),
    # redis-benchmark's own lrange tests count the pushes that they need as well.
    Test("lrange_100", ("LRANGE", "mylist", "0", "99"), ONE, 10, "mylist", ("RPUSH",),
         lambda _: fill_list(LRANGE_SOURCE), has(LRANGE_SOURCE, "LLEN", "mylist")),
    Test("lrange_600", ("LRANGE", "mylist", "0", "599"), ONE, 50, "mylist", ("RPUSH",),
         lambda _: fill_list(LRANGE_SOURCE), has(LRANGE_SOURCE, "LLEN", "mylist")),
    Test("zrange", ("ZRANGE", "myzset", "0", "99"), ONE, 10, "myzset", ("ZADD",),
         lambda _: fill_zset(ZRANGE_SOURCE), has(ZRANGE_SOURCE, "ZCARD", "myzset")),
    Test("hgetall", ("HGETALL", "myhash"), ONE, 5, "myhash", ("HSET",), fill_hash,
         has(HASH_FIELDS, "HLEN", "myhash")),
]
GROUPS = {"strings": STRINGS, "collections": COLLECTIONS, "all": STRINGS + COLLECTIONS}
TESTS = {test.name: test for test in GROUPS["all"]}


# -- memory ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """So many keys with so many elements each, of one type."""
    kind: str
    content: str  # of elements: a row of CONTENTS
    size: str  # "small": one packed block; "big"
    keys: int
    elements: int  # of each key

    @property
    def total(self):
        return self.keys * self.elements


def scrambled(index):
    """16 hex digits that look random: neighbours share nothing."""
    mixed = (index + 1) * 0x9E3779B97F4A7C15 & (1 << 64) - 1
    return f"{(mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1:016x}"


def scattered(index):
    """16 bytes of any value, which no encoding makes less of."""
    return hashlib.blake2b(b"%d" % index, digest_size=16).digest()


def integer(index):
    return str(index * 7919 % 1_000_003)


# What elements are: what is made of its number, and of hashes and streams the value behind it.
CONTENTS = {
    "hex": (scrambled, lambda i: VALUE),
    "ints": (integer, integer),
    "bytes": (scattered, lambda i: scattered(-i) + scattered(i + (1 << 40))),
}

# How the elements `part` (numbers, unique over all keys) get into a key.
ADDING = {
    "hash": ("HSET", lambda i, element, value: (element(i), value(i))),
    "list": ("RPUSH", lambda i, element, value: (element(i),)),
    "set": ("SADD", lambda i, element, value: (element(i),)),
    "zset": ("ZADD", lambda i, element, value: (integer(i), element(i))),
    "stream": ("XADD", lambda i, element, value: ("*", "field", element(i))),
}
COUNTING = {"hash": "HLEN", "list": "LLEN", "set": "SCARD", "zset": "ZCARD", "stream": "XLEN"}


def layouts(total):
    """`total` elements per measurement: 50 per key, and in ten keys."""
    big = min(10, max(1, total // 100))
    return [layout for kind in ADDING for content in CONTENTS
            for layout in (Layout(kind, content, "small", max(1, total // 50), 50),
                           Layout(kind, content, "big", big, total // big))]


def layout_key(layout, number):
    return f"{layout.kind}:{number:08}"


def fill_layout(layout):
    """Keys grow in turns, as they would in use, not one after the other."""
    command, words = ADDING[layout.kind]
    element, value = CONTENTS[layout.content]
    step = 1 if layout.kind == "stream" else 10
    for start in range(0, layout.elements, step):
        for number in range(layout.keys):
            first = number * layout.elements
            part = range(first + start, first + min(start + step, layout.elements))
            yield (command, layout_key(layout, number),
                   *(word for i in part for word in words(i, element, value)))


def warm_up():
    """16 MiB that leave nothing behind: buffers have their memory before elements come."""
    return (("EXISTS", "x" * 4096) for _ in range(4096))
