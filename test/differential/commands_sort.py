"""The grammar of SORT and SORT_RO: name -> function(grammar) -> the words behind the name.

They have collections of their own, because three things differ that nobody can want:
* SORT makes a large sorted set of a small one in Redis, for good;
* Redis compares texts up to their first zero byte: members have none;
* weights that are the same, or missing, leave the order of texts open, as Redis's sort is not a
  stable one: weights are numbers, then the texts themselves decide.
"""

from grammar import KEY_POOLS

KEY_POOLS["sort"] = [b"num1", b"num2", b"num3", b"{t}num", b"text1", b"text2", b"ranked"]
BY = [b"nosort", b"w_*", b"w_*x", b"h_*->f", b"h_*->", b"*", b"#", b"h_*->f*", b"", b"set1"]
GETS = [b"#", b"w_*", b"h_*->f", b"h_*->nothing", b"nothing", b"*", b"h_*->", b"w_*->f", b"w_**"]
TEXTS = [b"a", b"b", b"B", b"ab", b"", b"a" * 80, b"10", b"9", b"1.5", b"-1", b"\xff", b"\xc3\xa4",
         b"~", b" 7", b"x y"]


def _limit(g):
    return [b"LIMIT", g.integer(-2, 6), g.integer(-2, 6)]


def _sort(g, stores):
    key = g.key("sort") if g.chance(0.9) else g.key("string")
    parts = []
    by = g.pick(BY) if g.chance(0.35) else None
    if by is not None:
        parts.append([b"BY", by])
    # A set that is not to be sorted comes in the server's own order: a part of it is any part.
    if g.chance(0.3) and (by is None or b"*" in by or key == b"ranked"):
        parts.append(_limit(g))
    parts += [[b"GET", g.pick(GETS)] for _ in range(g.rng.choice([0, 0, 0, 1, 2]))]
    if g.chance(0.4):
        parts.append([g.pick([b"ASC", b"DESC"])])
    if g.chance(0.4 if not key.startswith(b"text") else 0.8) and by is None:
        parts.append([b"ALPHA"])
    if stores and g.chance(0.3):
        parts.append([b"STORE", g.key("list") if g.chance(0.8) else g.key("string")])
    g.rng.shuffle(parts)
    words = [key]
    for part in parts:
        words += [g.spelled(part[0]), *part[1:]]
    return words


def _numbers(g):
    return [g.pick(KEY_POOLS["sort"][:4]), *(g.number(-20, 30) for _ in range(g.rng.randint(1, 8)))]


def _texts(g):
    return [g.pick([b"text1", b"text2"]), *(g.pick(TEXTS) for _ in range(g.rng.randint(1, 6)))]


def _ranked(g):
    return [b"ranked", *(word for _ in range(g.rng.randint(1, 6))
                         for word in (g.number(-9, 9), g.number(-20, 30)))]


def _weight(g):
    return g.pick([g.number(-5, 5), b"1.5", b"-2e3", b"", b"  7", b"x" if g.chance(0.2) else b"0"])


SORT = {
    b"SORT": lambda g: _sort(g, True),
    b"SORT_RO": lambda g: _sort(g, False),
    b"SADD": lambda g: _numbers(g) if g.chance(0.6) else _texts(g),
    b"RPUSH": lambda g: _numbers(g) if g.chance(0.6) else _texts(g),
    b"ZADD": _ranked,
    b"SET": lambda g: [b"w_" + g.number(-20, 30), _weight(g)],
    b"MSET": lambda g: [word for number in range(-3, 12) for word in (b"w_%d" % number, _weight(g))],
    b"HSET": lambda g: [b"h_" + g.number(-20, 30), b"f", _weight(g)],
    b"DEL": lambda g: [g.key("sort")],
}
