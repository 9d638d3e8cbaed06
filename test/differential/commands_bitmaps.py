"""The grammar of the bitmap commands: name -> function(grammar) -> the words behind the name."""

FIELD_TYPES = [b"u1", b"u2", b"u4", b"u7", b"u8", b"u16", b"u31", b"u32", b"u33", b"u63", b"i1", b"i2",
               b"i4", b"i5", b"i8", b"i16", b"i32", b"i63", b"i64"]
ODD_FIELD_TYPES = [b"u64", b"i65", b"u0", b"i0", b"u", b"i", b"", b"U8", b"8", b"u-1", b"u08", b"i 8",
                   b"u8x", b"u99999999999999999999", b"#8"]
FIELD_VALUES = [b"0", b"1", b"-1", b"127", b"128", b"-128", b"-129", b"255", b"256", b"65535",
                b"2147483647", b"-2147483648", b"4294967296", b"9223372036854775807",
                b"-9223372036854775808", b"-9223372036854775807", b"4611686018427387904"]


def _offset(g):
    """The place of a bit; never one that makes a string huge."""
    if g.chance(0.12):
        return g.pick([b"-1", b"", b"abc", b"1.5", b" 1", b"4294967296", b"9223372036854775807",
                       b"9223372036854775808", b"00012", b"#1"])
    return g.number(0, 400)


def _field_offset(g):
    if g.chance(0.3):
        return g.pick([b"#0", b"#1", b"#2", b"#7", b"#", b"#-1", b"#a", b"##1", b"#4294967296"])
    return _offset(g)


def _bit(g):
    return g.pick([b"0", b"1"]) if g.chance(0.92) else g.integer(-1, 2)


def _unit(g):
    return [g.spelled(g.pick([b"BIT", b"BYTE"]))] if g.chance(0.95) else [b"BITS"]


def _range(g):
    words = [g.integer(-40, 60) for _ in range(g.pick([0, 1, 2, 2, 2, 2]))]
    return words + (_unit(g) if g.chance(0.6 if len(words) == 2 else 0.05) else [])


def _field(g):
    kind = g.pick(FIELD_TYPES) if g.chance(0.94) else g.pick(ODD_FIELD_TYPES)
    return [kind, _field_offset(g)]


def _value(g):
    return g.pick(FIELD_VALUES) if g.chance(0.7) else g.integer(-300, 300)


def _write(g):
    """The reference saturates a number near -2^63 at the wrong end when it is SET in a field of
    less than 64 bits (a sum of its overflows); the server under test does not."""
    verb, field, value = g.pick([b"SET", b"INCRBY"]), _field(g), _value(g)
    if verb == b"SET" and field[0] != b"i64" and value.startswith(b"-9223372036854775"):
        value = b"-4611686018427387904"
    return [g.spelled(verb), *field, value]


def _operations(g):
    words = []
    for _ in range(g.rng.randint(0, 5)):
        roll = g.rng.random()
        if roll < 0.25:
            words += [g.spelled(b"OVERFLOW"), g.spelled(g.pick([b"WRAP", b"SAT", b"FAIL"]))
                      if g.chance(0.95) else b"NONE"]
        elif roll < 0.5:
            words += [g.spelled(b"GET"), *_field(g)]
        else:
            words += _write(g)
    return words


def _reads(g):
    words = []
    for _ in range(g.rng.randint(0, 4)):
        words += [g.spelled(b"GET"), *_field(g)]
    return words + (_operations(g) if g.chance(0.1) else [])


def _op(g):
    op = g.pick([b"AND", b"OR", b"XOR", b"NOT"]) if g.chance(0.97) else b"NAND"
    count = 1 if op == b"NOT" and g.chance(0.85) else g.rng.randint(1, 5)
    return [g.spelled(op), *(g.key("bitmap") for _ in range(count + 1))]


BITMAPS = {
    b"SETBIT": lambda g: [g.key("bitmap"), _offset(g), _bit(g)],
    b"GETBIT": lambda g: [g.key("bitmap"), _offset(g)],
    b"BITCOUNT": lambda g: [g.key("bitmap"), *_range(g)],
    b"BITPOS": lambda g: [g.key("bitmap"), _bit(g), *_range(g)],
    b"BITOP": _op,
    b"BITFIELD": lambda g: [g.key("bitmap"), *_operations(g)],
    b"BITFIELD_RO": lambda g: [g.key("bitmap"), *_reads(g)],
}
