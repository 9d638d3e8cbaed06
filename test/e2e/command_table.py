#!/usr/bin/python3
"""Compares the command tables of two servers: COMMAND INFO and COMMAND DOCS.

    command_table.py REFERENCE_PORT OUR_PORT [COMMAND...]

Every command that our server has, subcommands included, must be known to the reference and say the
same there: arity, flags, keys, ACL categories, tips, key specifications, and in its docs everything
but the prose (summary, complexity, what changed in history, what replaces it). Both protocol
versions are compared. Commands of the reference that we do not have are no difference.

Prints one line per difference. Exit status: 0 = none, 1 = some, 2 = a server does not answer.
"""
import socket
import sys

TIMEOUT_S = 10
HOST = "127.0.0.1"
PROSE = ("summary", "complexity", "replaced_by", "notes")
# Facts about the other server's inside that a client cannot use.
IGNORED_FLAGS = {"module", "no_mandatory_keys"}


class Connection:
    """One connection that keeps aggregate types apart: lists, sets (frozen), maps (dict)."""

    def __init__(self, port, protocol):
        self.file = socket.create_connection((HOST, port), TIMEOUT_S).makefile("rwb")
        self.protocol = protocol
        if protocol == 3:
            self.call("HELLO", "3")

    def call(self, *words):
        data = [word.encode() for word in words]
        request = b"*%d\r\n" % len(data)
        request += b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in data)
        self.file.write(request)
        self.file.flush()
        return self.read()

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection was closed")
        kind, rest = line[:1], line[1:-2].decode()
        if kind in b"+":
            return rest
        if kind == b"-":
            raise ConnectionError(rest)
        if kind == b":":
            return int(rest)
        if kind == b"_" or rest == "-1":
            return None
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"~":
            return ("set", [self.read() for _ in range(int(rest))])
        if kind == b"%":
            return dict((self.read(), self.read()) for _ in range(int(rest)))
        raise ConnectionError("unexpected answer: %r" % line)


def as_items(value):
    """A set (RESP3) or an array (RESP2) as a sorted list."""
    return sorted(value[1] if isinstance(value, tuple) else value, key=repr)


def as_map(value):
    """A map (RESP3) or a flat array (RESP2) as a dict."""
    if isinstance(value, dict):
        return value
    return dict(zip(value[0::2], value[1::2]))


def kind_of(value):
    return "set" if isinstance(value, tuple) else type(value).__name__


def spec_facts(spec):
    spec = as_map(spec)
    begin, find = as_map(spec["begin_search"]), as_map(spec["find_keys"])
    return {
        "flags": as_items(spec["flags"]),
        "begin": (begin["type"], as_map(begin["spec"])),
        "find": (find["type"], as_map(find["spec"])),
    }


def info_facts(row):
    """What COMMAND INFO says of one row, by name of the fact; subcommands apart."""
    facts = {
        "fields": len(row),
        "types": [kind_of(field) for field in row],
        "arity": row[1],
        "flags": [flag for flag in as_items(row[2]) if flag not in IGNORED_FLAGS],
        "first, last, step": row[3:6],
        "categories": as_items(row[6]),
        "tips": as_items(row[7]),
        "key specs": [spec_facts(spec) for spec in (row[8][1] if isinstance(row[8], tuple) else row[8])],
    }
    children = row[9][1] if isinstance(row[9], tuple) else row[9]
    return facts, {child[0]: child for child in children}


def argument_facts(argument):
    facts = {}
    for name, value in as_map(argument).items():
        if name == "arguments":
            facts[name] = [argument_facts(inner) for inner in value]
        elif name == "flags":
            facts[name] = as_items(value)
        elif name not in PROSE:
            facts[name] = value
    facts["order"] = [name for name in as_map(argument) if name not in PROSE]
    return facts


def docs_facts(docs):
    """What COMMAND DOCS says of one row but for the prose; subcommands apart."""
    docs = as_map(docs)
    facts = {"fields": [name for name in docs if name != "subcommands"]}
    for name, value in docs.items():
        if name == "arguments":
            facts[name] = [argument_facts(argument) for argument in value]
        elif name == "history":
            items = value[1] if isinstance(value, tuple) else value
            facts[name] = [item[0] for item in items]
        elif name == "doc_flags":
            facts[name] = as_items(value)
        elif name not in PROSE + ("subcommands",):
            facts[name] = value
    return facts, as_map(docs.get("subcommands", {}))


class Comparison:
    def __init__(self, protocol):
        self.protocol = protocol
        self.differences = 0

    def report(self, name, fact, reference, ours):
        self.differences += 1
        print("RESP%d %s: %s: %r, here %r" % (self.protocol, name, fact, reference, ours))

    def compare(self, name, reference, ours, facts_of):
        """One row and its subcommands."""
        reference_facts, reference_children = facts_of(reference)
        our_facts, our_children = facts_of(ours)
        for fact in sorted(set(reference_facts) | set(our_facts)):
            if reference_facts.get(fact) != our_facts.get(fact):
                self.report(name, fact, reference_facts.get(fact), our_facts.get(fact))
        for child, value in our_children.items():
            if child not in reference_children:
                self.report(child, "exists", False, True)
            else:
                self.compare(child, reference_children[child], value, facts_of)


def compare_servers(protocol, reference_port, our_port, names):
    reference, ours = Connection(reference_port, protocol), Connection(our_port, protocol)
    comparison = Comparison(protocol)
    our_rows = ours.call("COMMAND", "INFO", *names) if names else ours.call("COMMAND")
    count = ours.call("COMMAND", "COUNT")
    if not names and count != len(our_rows):
        comparison.report("COMMAND", "COUNT", len(our_rows), count)
    for row in our_rows:
        name = row[0]
        reference_row = reference.call("COMMAND", "INFO", name)[0]
        if reference_row is None:
            comparison.report(name, "exists", False, True)
            continue
        comparison.compare(name, reference_row, row, info_facts)
        reference_docs = as_map(reference.call("COMMAND", "DOCS", name))[name]
        our_docs = as_map(ours.call("COMMAND", "DOCS", name))[name]
        comparison.compare(name, reference_docs, our_docs, docs_facts)
    return comparison.differences, len(our_rows)


def main():
    if len(sys.argv) < 3:
        print(__doc__)
        return 2
    reference_port, our_port, names = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    differences = 0
    try:
        for protocol in (2, 3):
            found, rows = compare_servers(protocol, reference_port, our_port, names)
            differences += found
    except (OSError, ConnectionError) as error:
        print("command_table: %s" % error)
        return 2
    print("%d commands compared, %d differences" % (rows, differences))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
