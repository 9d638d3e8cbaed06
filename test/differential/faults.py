"""Planted faults: what the test must find. Each makes the server under test hear something else
than was said, which is how a server with that bug would behave."""


def _renamed(name, other, count):
    """Only where both have the right number of words: not the arity's text is to give it away."""
    def hear(words):
        if words[0].upper() == name and len(words) == count:
            return (other, *words[1:])
        return words
    return hear


def _without_option(name, option):
    def hear(words):
        if words[0].upper() == name:
            return words[:3] + tuple(word for word in words[3:] if word.upper() != option)
        return words
    return hear


def _replaced(name, word, other):
    def hear(words):
        if words[0].upper() == name:
            return tuple(other if given == word else given for given in words)
        return words
    return hear


FAULTS = {
    "getdel-keeps-the-key": _renamed(b"GETDEL", b"GET", 2),
    "persist-does-nothing": _renamed(b"PERSIST", b"EXISTS", 2),
    "renamenx-overwrites": _renamed(b"RENAMENX", b"RENAME", 3),
    "expire-ignores-nx": _without_option(b"EXPIRE", b"NX"),
    "set-forgets-keepttl": _without_option(b"SET", b"KEEPTTL"),
    "copy-ignores-replace": _without_option(b"COPY", b"REPLACE"),
    "msetnx-is-mset": _renamed(b"MSETNX", b"MSET", 5),
    "substr-is-getrange": _renamed(b"SUBSTR", b"GETRANGE", 3),   # the text of one error, no more
    "scan-begins-too-late": _replaced(b"SCAN", b"0", b"6"),
}
