"""Starts a server for a test, and makes sure that it is gone afterwards.

The server under test is named by `--server PATH` or the environment's GOFISH; redis-server and
valkey-server can be started the same way, which is how a test proves itself right. A server gets a
free port and a directory of its own. It ends with the test however the test ends: on exit, on a
signal, and (by the kernel) when the test itself is killed. Shortly before ctest's limit (GF_TIMEOUT_S)
is over, the stacks of the test and the state of its servers are written to stderr.

Server.stop() raises when the process died early, ended with a bad status, or wrote what only a
broken program writes (a panic, a sanitizer's report).
"""

import atexit
import ctypes
import faulthandler
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from support import resp

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# What must never appear in a server's stderr.
DISASTERS = re.compile(
    rb"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:"
    rb"|panic|assertion failed|BUG REPORT|stack smashing)", re.IGNORECASE)

# Sanitizers and slow machines need more patience; every limit of every test is multiplied by this.
PATIENCE = float(os.environ.get("GF_PATIENCE", "1"))

# A sanitizer's memory follows rules of its own: what is freed stays in its quarantine or shadow.
SANITIZED = os.environ.get("GF_SANITIZED") == "1"

_running = []


class ServerFailed(Exception):
    """The server did something that no server may do."""


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(count=1, first=23000, last=29000):
    """The first of `count` ports in a row on which nobody listens at this moment; unless told
    otherwise below the range that the kernel gives to outgoing connections."""
    chooser = random.SystemRandom()
    for _ in range(200):
        port = chooser.randrange(first, last)
        if all(_is_free(port + i) for i in range(count)):
            return port
    raise RuntimeError("no free port found")


def default_binary():
    """GOFISH, or the newest build in the tree, or None."""
    if os.environ.get("GOFISH"):
        return os.environ["GOFISH"]
    for preset in ("release", "debug"):
        path = os.path.join(ROOT, "build", preset, "gofish")
        if os.access(path, os.X_OK):
            return path
    return None


def binary_from(argv):
    """Take `--server PATH` out of an argument list; gives the path and the arguments left."""
    rest, path = [], None
    words = iter(argv)
    for word in words:
        if word == "--server":
            path = next(words, None)
        elif word.startswith("--server="):
            path = word.split("=", 1)[1]
        else:
            rest.append(word)
    path = path or default_binary()
    if path is None:
        sys.exit("which server? give --server PATH or set GOFISH")
    return os.path.abspath(shutil.which(path) or path), rest


def _die_with_parent():
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)


def _flavour(binary):
    name = os.path.basename(binary)
    for known in ("redis", "valkey"):
        if name.startswith(known):
            return known
    return "gofish"


def _line_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.readline().strip()


class Server:
    """One running server. Use it in a `with` statement, or call stop()."""

    def __init__(self, binary, *options, cores=1, port=None, ready=True, password=None):
        self.binary = binary
        self.flavour = _flavour(binary)
        self.port = port or free_port(1 + cores)
        self.password = password
        self.directory = tempfile.mkdtemp(prefix="gofish-test-")
        self.stderr_path = os.path.join(self.directory, "stderr")
        self.arguments = self._arguments(cores) + [str(option) for option in options]
        if password is not None:
            self.arguments += ["--requirepass", password]
        with open(self.stderr_path, "wb") as output:
            self.process = subprocess.Popen(
                self.arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=self.directory, preexec_fn=_die_with_parent)
        self.pid = self.process.pid
        _running.append(self)
        if ready:
            self.wait_ready()

    def _arguments(self, cores):
        arguments = [self.binary, "--port", str(self.port), "--bind", "127.0.0.1",
                     "--dir", self.directory]
        if self.flavour == "gofish":
            return arguments + ["--cores", str(cores), "--core-port-base", str(self.port + 1)]
        return arguments + ["--save", "", "--daemonize", "no", "--loglevel", "warning"]

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            self.report()
            self.discard()

    def report(self):
        """What can be told from outside about a server that misbehaves, on stderr: the end of its
        log, and what each of its threads does."""
        lines = [f"-- {' '.join(self.arguments)}", *self.stderr().splitlines()[-40:]]
        tasks = f"/proc/{self.pid}/task"
        for task in sorted(os.listdir(tasks)) if self.process.poll() is None else ():
            try:
                said = [_line_of(f"{tasks}/{task}/{name}") for name in ("comm", "wchan", "syscall")]
                state = _line_of(f"{tasks}/{task}/stat").rsplit(")", 1)[1].split()
                lines.append(f"thread {task} {said[0]}: {state[0]}, ticks {state[11]}+{state[12]},"
                             f" waits in {said[1]}, system call {said[2]}")
            except OSError:
                pass
        print("\n".join(lines), file=sys.stderr, flush=True)

    def client(self, timeout=10.0):
        return resp.Client(self.port, timeout=timeout * PATIENCE)

    def wait_ready(self, timeout=20.0):
        """Wait until it answers PING (or asks for a password)."""
        deadline = time.monotonic() + timeout * PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerFailed(f"ended at start with {self.process.returncode}:\n"
                                   + self.stderr())
            try:
                with resp.Client(self.port, timeout=1) as client:
                    if self.password is not None:
                        client.call("AUTH", self.password)
                    reply = client.call("PING")
                    if reply == resp.PONG or reply.value.startswith(b"NOAUTH"):
                        return
            except (OSError, resp.Closed):
                pass
            time.sleep(0.01)
        raise ServerFailed("not ready in time:\n" + self.stderr())

    def stderr(self):
        with open(self.stderr_path, "rb") as output:
            return output.read().decode(errors="replace")

    def check_alive(self):
        """Raise unless the process runs, answers and has written nothing terrible."""
        if self.process.poll() is not None:
            raise ServerFailed(f"died with {self.process.returncode}:\n" + self.stderr())
        self._check_stderr()
        self.wait_ready()

    def _check_stderr(self):
        with open(self.stderr_path, "rb") as output:
            text = output.read()
        if DISASTERS.search(text):
            raise ServerFailed("its stderr:\n" + text.decode(errors="replace")[-20000:])

    def cpu_seconds(self):
        """User and system time used so far, all threads together."""
        with open(f"/proc/{self.pid}/stat", "rb") as stat:
            fields = stat.read().rsplit(b")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def wait_exit(self, timeout=15.0):
        """The exit status; the server is to end by itself."""
        try:
            return self.process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise ServerFailed("does not end:\n" + self.stderr()) from None

    def stop(self):
        """End it politely; raise when it had failed or does not end well."""
        try:
            if self.process.poll() is not None:
                raise ServerFailed(f"had died with {self.process.returncode}:\n" + self.stderr())
            self.process.send_signal(signal.SIGTERM)
            exit_status = self.wait_exit()
            self._check_stderr()
            if exit_status != 0:
                raise ServerFailed(f"SIGTERM ended it with {exit_status}:\n" + self.stderr())
        finally:
            self.discard()

    def discard(self):
        """Kill whatever is left and remove its directory."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
        if self in _running:
            _running.remove(self)


def _discard_all():
    for server in list(_running):
        server.discard()


def _tell_before_killed():
    """ctest is about to kill this program: who waits for what?"""
    faulthandler.dump_traceback()
    for server in list(_running):
        server.report()


def _expect_to_be_killed():
    limit_s = float(os.environ.get("GF_TIMEOUT_S", "0"))
    if limit_s > 0:
        timer = threading.Timer(max(limit_s - 10, limit_s / 2), _tell_before_killed)
        timer.daemon = True
        timer.start()


def _exit_by_signal(number, _frame):
    sys.exit(128 + number)


atexit.register(_discard_all)
_expect_to_be_killed()
for _number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_number, _exit_by_signal)
