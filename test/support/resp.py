"""A RESP2/RESP3 client that hides nothing.

Every reply keeps its kind, so that a status is not a bulk string, a null bulk is not a null array
and a double keeps its spelling. Client libraries smooth these differences over; tests must see
them.

    kind   value
    '+'    bytes          status
    '-'    bytes          error
    ':'    int            integer
    '$'    bytes or None  bulk string, null bulk
    '*'    tuple or None  array, null array
    '_'    None           RESP3 null
    '#'    bool           RESP3 boolean
    ','    bytes          RESP3 double, as spelled on the wire
    '('    bytes          RESP3 big number
    '='    bytes          RESP3 verbatim string, with its "txt:"
    '!'    bytes          RESP3 bulk error
    '%'    tuple          RESP3 map: alternating keys and values
    '~'    tuple          RESP3 set
    '>'    tuple          RESP3 push
"""

import socket
from typing import Any, NamedTuple


class Reply(NamedTuple):
    kind: str
    value: Any

    def __repr__(self):
        if self.kind in "*%~>" and self.value is not None:
            return self.kind + "[" + ", ".join(map(repr, self.value)) + "]"
        if isinstance(self.value, bytes):
            return self.kind + repr(self.value)[1:]
        return f"{self.kind}{self.value}"

    def is_error(self):
        return self.kind in "-!"


class Closed(Exception):
    """The server closed the connection."""


class Malformed(Exception):
    """The server sent something that is not RESP."""


def _bytes(text):
    if isinstance(text, bytes):
        return text
    return str(text).encode()


def status(text):
    return Reply("+", _bytes(text))


def error(text):
    return Reply("-", _bytes(text))


def number(value):
    return Reply(":", value)


def bulk(text):
    return Reply("$", _bytes(text))


def array(*items):
    return Reply("*", tuple(items))


OK = status("OK")
PONG = status("PONG")
NULL_BULK = Reply("$", None)
NULL_ARRAY = Reply("*", None)
NULL = Reply("_", None)


def encode(words):
    """The request `words` as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = _bytes(word)
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def plain(reply):
    """The reply without its kinds: bytes, int, None, list and dict; for tests that look inside."""
    if reply.kind == "%":
        values = [plain(item) for item in reply.value]
        return {_hashable(key): value for key, value in zip(values[::2], values[1::2])}
    if reply.kind in "*~>" and reply.value is not None:
        return [plain(item) for item in reply.value]
    return reply.value


def _hashable(key):
    return tuple(key) if isinstance(key, list) else key


class Client:
    """One connection. Blocking, with a timeout on everything."""

    def __init__(self, port, host="127.0.0.1", timeout=10.0):
        self.sock = socket.create_connection((host, port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.offset = 0

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.sock.close()

    def send_raw(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionError, BrokenPipeError) as gone:
            raise Closed(str(gone)) from gone

    def send(self, *words):
        self.send_raw(encode(words))

    def call(self, *words):
        """Send one command and give its reply; errors are replies like any other."""
        self.send(*words)
        return self.read()

    def pipeline(self, requests):
        """Send all requests in one write and give their replies."""
        self.send_raw(b"".join(map(encode, requests)))
        return [self.read() for _ in requests]

    def read(self):
        """The next reply."""
        line = self._line()
        kind, rest = chr(line[0]) if line else "", line[1:]
        if kind in "+-,(":
            return Reply(kind, rest)
        if kind == ":":
            return Reply(kind, int(rest))
        if kind in "$=!" and kind:
            size = int(rest)
            return Reply(kind, None if size == -1 else self._exactly(size))
        if kind in "*~>%" and kind:
            count = int(rest)
            if count == -1:
                return Reply(kind, None)
            count *= 2 if kind == "%" else 1
            return Reply(kind, tuple(self.read() for _ in range(count)))
        if kind == "_" and not rest:
            return NULL
        if kind == "#" and rest in (b"t", b"f"):
            return Reply(kind, rest == b"t")
        raise Malformed(repr(bytes(line[:100])))

    def read_until_closed(self, limit=1 << 24):
        """Everything that is left until the server closes, as bytes."""
        data = bytes(self.buffer[self.offset:])
        self.buffer.clear()
        self.offset = 0
        while len(data) < limit:
            try:
                more = self.sock.recv(65536)
            except ConnectionError:
                break
            if not more:
                break
            data += more
        return data

    def is_closed(self, timeout=0.0):
        """True when the server has closed (waits up to `timeout` seconds for it)."""
        if self.offset < len(self.buffer):
            return False
        before = self.sock.gettimeout()
        self.sock.settimeout(timeout or 0.000001)
        try:
            return self.sock.recv(1, socket.MSG_PEEK) == b""
        except (BlockingIOError, socket.timeout):
            return False
        except ConnectionError:
            return True
        finally:
            self.sock.settimeout(before)

    def _receive(self):
        if self.offset > 1 << 16:
            del self.buffer[:self.offset]
            self.offset = 0
        try:
            more = self.sock.recv(65536)
        except ConnectionError as gone:
            raise Closed(str(gone)) from gone
        if not more:
            raise Closed("end of stream")
        self.buffer += more

    def _line(self):
        while True:
            end = self.buffer.find(b"\r\n", self.offset)
            if end >= 0:
                line = bytes(self.buffer[self.offset:end])
                self.offset = end + 2
                if not line:
                    raise Malformed("empty line")
                return line
            self._receive()

    def _exactly(self, size):
        while len(self.buffer) - self.offset < size + 2:
            self._receive()
        start = self.offset
        data = bytes(self.buffer[start:start + size])
        if self.buffer[start + size:start + size + 2] != b"\r\n":
            raise Malformed("bulk string without its line end")
        self.offset = start + size + 2
        return data
