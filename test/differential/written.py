"""Streams that are written down: each once showed a difference that few random ones do. What
differential.py prints of a failing one, once it is repaired, can be put here as it is."""

from streams import parse

STREAMS = {
    "a rank that 7.0 accepts, and a mistake behind it": """
  0 > RPUSH l a b a
  0 > LPOS l a RANK -9223372036854775808
  0 > LPOS l a RANK -9223372036854775808 COUNT
  0 > LPOS l a RANK -9223372036854775808 COUNT -1
  0 > LPOS l a RANK -9223372036854775808 foo
  0 > LPOS none a rank -9223372036854775808 count
  0 > LPOS l a COUNT RANK -9223372036854775808
  0 > LPOS l a RANK -9223372036854775807
  0 > LPOS l -9223372036854775808 RANK 0 COUNT
""",
}


def streams():
    return [(name, parse(lines)) for name, lines in STREAMS.items()]
