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
    "a score of -0, small and large, answered and stored": """
  0 > DEL z
  0 > ZADD z INCR -0 a
  0 > ZINCRBY z -0 b
  0 > ZADD z -0 c
  0 > ZSCORE z c
  0 > ZRANGE z 0 -1 WITHSCORES
  0 > DEL y
  0 > ZADD y -1 a 1 b
  0 > ZUNION 1 y WEIGHTS 0 WITHSCORES
  0 > ZINTER 2 y y WEIGHTS 0 0 WITHSCORES
  0 > ZINTER 1 y WEIGHTS 0 WITHSCORES
  0 > ZUNIONSTORE s 1 y WEIGHTS 0
  0 > ZRANGE s 0 -1 WITHSCORES
  0 > ZDIFF 1 z WITHSCORES
  0 > ZADD z -5 d
  0 > ZINCRBY z 5 d
  0 > ZUNION 2 y z AGGREGATE MIN WITHSCORES
  0 > ZUNION 2 z y WEIGHTS 1 0 AGGREGATE MAX WITHSCORES
  0 > ZRANGESTORE r z 0 -1
  0 > ZRANGE r 0 -1 WITHSCORES
  0 > ZPOPMIN z
  0 > ZADD big -1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa -0 b
  0 > ZRANGE big 0 -1 WITHSCORES
  0 > ZUNION 1 big WEIGHTS 0 WITHSCORES
  0 > ZRANGESTORE r big 1 1
  0 > ZRANGE r 0 -1 WITHSCORES
  0 > ZUNIONSTORE s 1 big WEIGHTS 0
  0 > ZRANGE s 0 -1 WITHSCORES
""",
    "an id below one that was removed, and below the last entry": """
  0 > XADD x 325-1 a 00
  0 > XSETID x 326-0 ENTRIESADDED 5 MAXDELETEDID 327-2
  0 > XSETID x 326-0 ENTRIESADDED 5 MAXDELETEDID 172-2
  0 > XSETID x 6-1
""",
    "a set made of 513 integers, two of them alike": """
  0 > SADD s """ + " ".join(map(str, range(512))) + """ 0
  0 > OBJECT ENCODING s
  0 > SADD t """ + " ".join(map(str, range(512))) + """
  0 > OBJECT ENCODING t
""",
    "a hash that is small again, dumped and restored": """
  0 > HSET h a zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz b 1
  0 > HSET h a 1
  0 > DUMP h
  0 > RESTORE r 0 "\\x00payload"
  0 > OBJECT ENCODING r
""",
}


def streams():
    return [(name, parse(lines)) for name, lines in STREAMS.items()]
