"""The grammar of the HyperLogLog commands. Their keys are their own: PFCOUNT writes the count into
the value on the reference and only reads here (see accepted.py)."""

KEYS = [b"hll1", b"hll2", b"hll3", b"{t}hll", b"{t}hll2"]


def _key(g):
    return g.pick(KEYS) if g.chance(0.94) else g.key()


def _elements(g):
    if g.chance(0.05):
        start = g.rng.randint(0, 5000)
        return [b"element:%d" % i for i in range(start, start + g.rng.randint(100, 700))]
    return [g.value() if g.chance(0.5) else g.number(0, 3000) for _ in range(g.rng.randint(0, 8))]


# Not from a command: values as other servers wrote them, good and broken. One that ends early has
# next to no registers: with more, Redis would add the elements before the one that it cannot add,
# where nothing is changed here.
WRITTEN = [b"HYLL\x01" + bytes(11) + b"\x7f\xff", b"HYLL\x01" + bytes(11) + b"\x00",
           b"HYLL\x01" + bytes(10) + b"\x80" + b"\x40\x03\x84\x7f\xfa",
           b"HYLL" + bytes(12) + bytes(12288), b"HYLL" + bytes(12) + bytes(12287),
           b"HYLL" + bytes(11) + b"\x80" + bytes(range(256)) * 48, b"HYLL\x02" + bytes(13),
           b"HYLL\x01" + bytes(2) + b"\x01" + b"\x05" + bytes(7) + b"\x7f\xff", b"HYLL", b"hyll"]

HLL = {
    b"PFADD": lambda g: [_key(g), *_elements(g)],
    b"PFCOUNT": lambda g: [_key(g) for _ in range(g.pick([1, 1, 1, 2, 4]))],
    b"PFMERGE": lambda g: [_key(g) for _ in range(g.rng.randint(1, 4))],
    b"PFDEBUG": lambda g: [g.spelled(g.pick([b"ENCODING", b"DECODE", b"GETREG", b"NONE"])),
                           g.pick(KEYS)],
    b"SET": lambda g: [g.pick(KEYS), g.pick(WRITTEN)],
    b"GET": lambda g: [g.pick(KEYS)],
    b"DEL": lambda g: [g.pick(KEYS)],
    b"COPY": lambda g: [g.pick(KEYS), g.pick(KEYS), b"REPLACE"],
}
