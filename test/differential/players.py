"""Plays a stream to the reference and to the server under test, and compares all the way."""

import os
import socket
import time

from accepted import reason
from commands_dump import DUMPED
from compare import Pair, same
from streams import line
from support import resp

AUDITED_DATABASES = 16
SHOWN = 800   # characters of a reply in a report, from shortly before the difference

# How the value of a key of each type is read at the end; a new type adds its line.
READERS = {
    b"hash": b"HGETALL",
    b"string": b"GET",
    b"list": b"LRANGE {} 0 -1",
    b"hash": b"HGETALL",
    b"set": b"SMEMBERS",
    b"zset": b"ZRANGE {} 0 -1 WITHSCORES",
    b"stream": b"XINFO STREAM {} FULL COUNT 0",
}


def _reader(kind, key):
    """The request that reads a key: the key is last, or where the braces are."""
    words = READERS[kind].split()
    return tuple(key if word == b"{}" else word
                 for word in (words if b"{}" in words else [*words, b"{}"]))


CLOSED = resp.Reply("closed", b"")


class Difference(Exception):
    """The two servers disagree."""


class Over(Exception):
    """The rest of the stream cannot be compared: an accepted difference changed what follows."""


class Player:
    """Two servers and the connections a stream uses on both."""

    def __init__(self, reference, subject, password=None, plant=None):
        self.servers = [reference, subject]
        self.databases = AUDITED_DATABASES
        self.password = password
        self.plant = plant or (lambda words: words)   # what the subject is told: faults.py
        self.initial = [self._settings(server) for server in self.servers]
        self.used = set()        # commands of the stream before
        self.requests_count = 0
        self.accepted = {}

    def _client(self, server, authenticated=True):
        client = server.client(timeout=10)
        if self.password and authenticated:
            client.call("AUTH", self.password)
        return client

    def _settings(self, server):
        with self._client(server) as client:
            names = [b"maxmemory", b"maxmemory-policy", b"maxmemory-samples", b"timeout",
                     b"slowlog-log-slower-than", b"slowlog-max-len", b"lfu-log-factor",
                     b"lfu-decay-time", b"maxclients", b"proto-max-bulk-len",
                     b"client-query-buffer-limit", b"client-output-buffer-limit",
                     b"latency-monitor-threshold", b"latency-tracking", b"replica-read-only",
                     b"hz"]
            reply = resp.plain(client.call("CONFIG", "GET", *names))
            return dict(zip(reply[::2], reply[1::2])) if isinstance(reply, list) else {}

    def _clean(self, stream):
        """Empty databases and the first settings again, if the stream before may have changed
        them."""
        used = self.used
        self.used = {words[0].lower() for step in stream for words in step.requests}
        for server, settings in zip(self.servers, self.initial):
            requests = [(b"FLUSHALL",)]
            if b"client" in used:
                requests.append((b"CLIENT", b"UNPAUSE"))
            if b"config" in used:
                requests.append((b"CONFIG", b"SET", *(w for p in settings.items() for w in p)))
            with self._client(server) as client:
                for reply in client.pipeline(requests):
                    if reply != resp.OK:
                        raise Difference(f"cleaning between streams: {reply}")

    def play(self, stream):
        """Raise Difference at the first reply that differs, or when the data left behind does."""
        self._clean(stream)
        self.connections = {}
        self.payloads = [b"", b""]   # what each server's last DUMP answered
        self.expiring = False
        self.sorts = False
        self.adds_many = False
        self.restores = False
        self.longest_step = 0.0
        try:
            for step in stream:
                self._play_step(step)
            self._audit()
        except Over:
            pass
        finally:
            for pair in self.connections.values():
                for client in pair:
                    client.close()

    def _pair(self, connection):
        if connection not in self.connections:
            self.connections[connection] = tuple(
                self._client(server, authenticated=False) for server in self.servers)
        return self.connections[connection]

    def _filled(self, which, requests):
        """The requests with this server's own payload where DUMPED stands."""
        return [tuple(self.payloads[which] if word == DUMPED else word for word in words)
                for words in requests]

    def _play_step(self, step):
        pair = self._pair(step.connection)
        started = time.monotonic()
        told = self._filled(0, step.requests), map(self.plant, self._filled(1, step.requests))
        self.sorts |= any(words and words[0].lower() in (b"sort", b"sort_ro")
                          for words in step.requests)
        self.adds_many |= any(len(words) > 514 and words[0].lower() == b"sadd"
                              for words in step.requests)
        self.restores |= any(words and words[0].lower() in (b"restore", b"restore-asking")
                             for words in step.requests)
        for client, requests in zip(pair, told):
            try:
                client.send_raw(b"".join(map(resp.encode, requests)))
            except resp.Closed:
                pass   # reading tells
        for words in step.requests:
            if not self._compare_replies(step, words, started):
                return
        self.longest_step = max(self.longest_step, time.monotonic() - started)
        if step.pause_ms:
            self.expiring = True
            time.sleep(step.pause_ms / 1000)
            self._ask(step.connection, (b"EXISTS", *step.requests[0][1:2]))

    def _compare_replies(self, step, words, started):
        """Compare the next reply of both; False when the connection has ended on both sides.

        started: when the step began; both servers ran the request after that and before now."""
        self.requests_count += 1
        left, right = (self._read(client) for client in self._pair(step.connection))
        if left is CLOSED and right is CLOSED:
            self._drop(step.connection)
            return False
        if words[0].upper() == b"DUMP" and left.kind == right.kind == "$" and left.value:
            self.payloads = [left.value, right.value]
        alone = len(step.requests) == 1
        ask = (lambda request: self._ask(step.connection, request)) if alone else None
        lag = max(self.longest_step, time.monotonic() - started)
        replies = Pair(words, left, right, ask, self.expiring, lag)
        replies.sorts = self.sorts
        replies.adds_many = self.adds_many
        replies.restores = self.restores
        if {left.kind, right.kind} & {"nothing", "not RESP"}:
            raise Difference(self._describe(words, left, right))
        closed = CLOSED in (left, right)
        replies.pipeline = step.requests if closed else ()
        if not closed and same(replies):
            return True
        row = reason(replies)
        if row is None:
            raise Difference(self._describe(words, left, right))
        self.accepted[row.name] = self.accepted.get(row.name, 0) + 1
        if closed or row.ends:
            raise Over
        return True

    def _ask(self, connection, words):
        left, right = self._pair(connection)
        return left.call(*words), right.call(*self.plant(words))

    def _drop(self, connection):
        for client in self.connections.pop(connection):
            client.close()

    @staticmethod
    def _read(client):
        try:
            return client.read()
        except resp.Closed:
            return CLOSED
        except socket.timeout:
            return resp.Reply("nothing", b"")
        except (resp.Malformed, ValueError) as broken:
            return resp.Reply("not RESP", str(broken).encode())

    @staticmethod
    def _describe(words, left, right):
        left, right = repr(left), repr(right)
        start = max(0, len(os.path.commonprefix([left, right])) - 300)
        return f"{line(words)}\n    reference: {left[start:start + SHOWN]}" \
               f"\n    server:    {right[start:start + SHOWN]}"

    def _audit(self):
        """The data of all databases must be the same at the end."""
        clients = [self._client(server) for server in self.servers]
        try:
            for database in range(self.databases):
                self._audit_database(clients, database)
        finally:
            for client in clients:
                client.close()

    def _audit_database(self, clients, database):
        keys = []
        for client in clients:
            reply = client.pipeline([(b"SELECT", b"%d" % database), (b"KEYS", b"*")])[1]
            keys.append(sorted(item.value for item in reply.value))
        if keys[0] != keys[1]:
            raise Difference(f"keys of database {database} at the end\n"
                             f"    reference: {keys[0]}\n    server:    {keys[1]}")
        if not keys[0]:
            return
        words = (b"DBSIZE",)
        count = Pair(words, *(client.call(*words) for client in clients),
                     lambda words: tuple(client.call(*words) for client in clients), self.expiring)
        if not same(count):
            raise Difference("at the end: " + self._describe(words, count.left, count.right))
        for key in keys[0]:
            self._audit_key(clients, key)

    def _audit_key(self, clients, key):
        kind = clients[0].call("TYPE", key).value
        questions = [(b"TYPE", key), _reader(kind, key), (b"PEXPIRETIME", key),
                     (b"OBJECT", b"ENCODING", key)]
        left, right = (client.pipeline(questions) for client in clients)
        for words, *replies in zip(questions, left, right):
            pair = Pair(words, *replies, lag=self.longest_step)
            pair.sorts = self.sorts
            pair.adds_many = self.adds_many
            pair.restores = self.restores
            if not same(pair) and reason(pair) is None:
                raise Difference("at the end: " + self._describe(words, *replies))
