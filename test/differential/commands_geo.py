"""The grammar of the geo commands: name -> function(grammar) -> the words behind the name."""

from commands_zsets import member, members

CENTERS = [(13.361389, 38.115556), (15.087269, 37.502669), (0, 0), (-122.4, 37.8), (179.9, 10),
           (-179.9, -10), (25, 70), (100, 84), (10, -75), (-60, -84.9)]
ODD_NUMBERS = [b"", b"abc", b"181", b"-181", b"86", b"-86", b"1e400", b"inf", b"nan", b"180",
               b"-180", b"85.05112878", b"-85.05112878", b"0"]


def _key(g):
    return g.key("geo")


def _position(g):
    """Around a few places, hardly ever one that was there before."""
    if g.chance(0.02):
        return [g.pick(ODD_NUMBERS), g.pick(ODD_NUMBERS)]
    lon, lat = g.pick(CENTERS)
    spread = g.pick([0.001, 0.1, 5, 60])
    lon = min(max(lon + g.rng.uniform(-spread, spread), -180), 180)
    lat = min(max(lat + g.rng.uniform(-spread, spread), -85), 85)
    return [repr(lon).encode(), repr(lat).encode()]


def _geoadd(g):
    words = [_key(g), *g.options(b"NX", b"XX", b"CH", expected=0.3)]
    count = g.pick([40, 150]) if g.chance(0.08) else g.rng.randint(1, 8)
    for number in range(count):
        name = member(g) if g.chance(0.5) else b"p%d" % g.rng.randrange(max(count, 20))
        words += [*_position(g), name]
    return words


def _unit(g):
    if g.chance(0.03):
        return g.pick([b"", b"cm", b"mm", b"kms", b"1"])
    return g.spelled(g.pick([b"m", b"km", b"ft", b"mi"]))


def _length(g):
    if g.chance(0.04):
        return g.pick([b"-1", b"abc", b"", b"nan", b"inf", b"1e300", b"0"])
    return b"%.6g" % g.pick([g.rng.uniform(0, 10), g.rng.uniform(0, 1000),
                             g.rng.uniform(0, 20000), g.rng.uniform(0, 1e7)])


def _radius(g):
    return [_length(g), _unit(g)]


def _shows(g):
    return g.options(b"WITHDIST", b"WITHHASH", b"WITHCOORD", b"ASC", b"DESC",
                     (b"COUNT", lambda: g.integer(0, 10)),
                     (b"COUNT", lambda: g.number(1, 8), lambda: g.spelled(b"ANY")), expected=1.2)


def _targets(g):
    if g.chance(0.75):
        return []
    return [g.spelled(g.pick([b"STORE", b"STOREDIST"])), _key(g)]


def _stored_shows(g):
    """Options, most of the time such that go with storing."""
    if g.chance(0.1):
        return _shows(g)
    return g.options(b"ASC", b"DESC", (b"COUNT", lambda: g.number(1, 10)), expected=0.6)


def _around(g, *center, stores=True):
    words = [_key(g), *center, *_radius(g)]
    targets = _targets(g) if stores or g.chance(0.03) else []
    shows = _stored_shows(g) if targets else _shows(g)
    return words + (targets + shows if g.chance(0.5) else shows + targets)


def _search(g, stores=False):
    center = [b"FROMMEMBER", member(g)] if g.chance(0.5) else [b"FROMLONLAT", *_position(g)]
    area = [b"BYRADIUS", *_radius(g)] if g.chance(0.5) else [b"BYBOX", _length(g), *_radius(g)]
    parts = [part for part in (center, area) if not g.chance(0.03)]
    if g.chance(0.03):
        parts.append([b"BYRADIUS", *_radius(g)])
    parts.append(_stored_shows(g) if stores else _shows(g))
    if stores and g.chance(0.3):
        parts.append([g.spelled(b"STOREDIST")])
    g.rng.shuffle(parts)
    return [*([_key(g)] if stores else []), _key(g), *(word for part in parts for word in part)]


GEO = {
    b"GEOADD": _geoadd,
    b"GEODIST": lambda g: [_key(g), member(g), member(g), *([_unit(g)] if g.chance(0.6) else [])],
    b"GEOHASH": lambda g: [_key(g), *members(g)],
    b"GEOPOS": lambda g: [_key(g), *members(g)],
    b"GEOSEARCH": _search,
    b"GEOSEARCHSTORE": lambda g: _search(g, stores=True),
    b"GEORADIUS": lambda g: _around(g, *_position(g)),
    b"GEORADIUS_RO": lambda g: _around(g, *_position(g), stores=False),
    b"GEORADIUSBYMEMBER": lambda g: _around(g, member(g)),
    b"GEORADIUSBYMEMBER_RO": lambda g: _around(g, member(g), stores=False),
    b"ZRANGE": lambda g: [_key(g), b"0", b"-1", b"WITHSCORES"],
    b"ZREM": lambda g: [_key(g), *members(g, 3)],
    b"ZADD": lambda g: [_key(g), g.pick([b"0", b"-1", b"1e20", b"inf", b"4503599627370496", b"1"]),
                        member(g)],
}
