"""Strangers: bytes from people without the key, and bombs from those with it.

Two members go on while a stranger speaks HTTP, random bytes, absurd lengths,
TLS without a key or with a wrong one, and msgpack bombs inside good TLS.
Nobody gets in, nothing crashes, memory stays flat, the members do not notice.
"""
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from member import Member  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from talk import Client, frame as question  # noqa: E402

BOMBS = [
    b"\xdd\xff\xff\xff\xff",                    # array32 of 2^32 - 1
    b"\xdf\xff\xff\xff\xff",                    # map32 of 2^32 - 1
    b"\xdd\x00\x10\x00\x00",                    # array32 of 2^20
    b"\xdd\x01\x00\x00\x00" * 31,               # 31 nested, 2^24 each
    b"\xdc\xff\xff" * 31,                       # 31 nested array16
    b"\xdb\xff\xff\xff\xff",                    # str32 of 4 GiB
    b"\xc6\xff\xff\xff\xff",                    # bin32 of 4 GiB
    b"\xc9\xff\xff\xff\xff\x01",                # ext32
    b"\xc1",                                    # never used
    b"\x91" * 1000,                             # deep nesting
    b"\x93\x01\x00\x81\xa3run\xdd\xff\xff\xff\xff",
    b"\x93\xcd\xff\xff\x00\x80",                # an unknown type before HELLO
    b"\x93\x07\x00\x80",                        # HEARTBEAT before HELLO
]

# Less than what any of them announces; threads that come up take some of it.
RESERVED_BYTES = 512 << 20
QUESTIONS = 2000


def frame(body):
    return struct.pack(">I", len(body)) + body


def raw(port, data, linger=5.0):
    """Send bytes over plain TCP; what comes back until they hang up."""
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.settimeout(linger)
        got = b""
        try:
            s.sendall(data)
            while True:
                more = s.recv(65536)
                if not more:
                    return got, True
                got += more
        except (ConnectionError, BrokenPipeError):
            return got, True
        except socket.timeout:
            return got, False


class Room:
    """What a daemon takes between two moments: of memory, and of addresses
    for what is reserved and never touched."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.resident = daemon.rss_bytes()
        self.reserved = daemon.rss_bytes("VmPeak")

    def small(self, case, limit):
        reserved = self.daemon.rss_bytes("VmPeak") - self.reserved
        case.assertLess(reserved, RESERVED_BYTES)
        if "asan" not in self.daemon.mesh.build:
            case.assertLess(self.daemon.rss_bytes() - self.resident, limit)


class Strangers(unittest.TestCase):
    def members(self, mesh):
        a, b = mesh.start(mesh.sample("alice")), mesh.start(mesh.sample("bob"))
        mesh.settle([a, b])
        return a, b

    def unmoved(self, mesh, a, b):
        for d in (a, b):
            self.assertTrue(d.alive())
            peers = mesh.peers(d)
            self.assertEqual(sorted(p["name"] for p in peers),
                             ["alice", "bob"])
            self.assertEqual({p["state"] for p in peers}, {"live"})
            self.assertEqual({p["follows"] for p in peers}, {a.port})
        self.assertNotIn("suspect", b.log())
        self.assertNotIn(" gone", b.log())
        self.assertEqual(b.photo("verify").code, 0)

    def tls(self, mesh, port, data, *args):
        """openssl's own client: handshake with these arguments, then data."""
        done = subprocess.run(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % port,
             "-quiet", "-no_ign_eof", *args], input=data,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
        return done.stdout, done.stderr.decode("utf-8", "replace")

    def mesh_key(self, mesh):
        with open(os.path.join(mesh.env["XDG_CONFIG_HOME"], "photomesh",
                               "key")) as f:
            return f.read().split()[0]

    def test_plain_bytes(self):
        """HTTP, random bytes, 0xFFFFFFFF lengths: nothing but a close, no memory
        """
        with Mesh() as mesh:
            a, b = self.members(mesh)
            room = Room(a)
            rng = random.Random(4711)
            for data in [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                         b"\xff\xff\xff\xff", b"\xff" * 70000,
                         b"\x00\x00\x00\x00", b"\n" * 20] + [
                             rng.randbytes(rng.randint(1, 4000))
                             for _ in range(60)]:
                got, closed = raw(a.port, data)
                self.assertTrue(closed, data[:20])
                # At most a TLS alert: nothing about who we are.
                self.assertLess(len(got), 16)
            room.small(self, 8 << 20)
            self.unmoved(mesh, a, b)

    def test_keys(self):
        """no key, a wrong key, TLS 1.2, HTTP: none gets in, a line a minute"""
        with Mesh() as mesh:
            a, b = self.members(mesh)
            key = self.mesh_key(mesh)
            good = ["-tls1_3", "-psk_identity", "photomesh", "-psk", key]
            # The door does open for the right key: else this proves nothing.
            out, err = self.tls(mesh, a.port, b"", *good, "-brief")
            self.assertIn("TLSv1.3", err)
            said, began = len(a.log()), time.monotonic()
            for args in 5 * (
                    [], ["-tls1_2"],
                    ["-tls1_3", "-psk_identity", "photomesh", "-psk",
                     "00" * 32],
                    ["-tls1_3", "-psk_identity", "someone", "-psk", key],
                    ["-tls1_2", "-psk_identity", "photomesh", "-psk", key]):
                out, err = self.tls(mesh, a.port, frame(b"\x93\x04\x01\x80"),
                                    *args)
                self.assertEqual(out, b"", args)
                self.assertRegex(err.lower(), "alert|error", args)
            self.unmoved(mesh, a, b)
            for _ in range(5):
                self.assertTrue(raw(a.port, b"GET / HTTP/1.1\r\n\r\n")[1])
            new = a.log()[said:].splitlines()
            # A word a minute is enough.
            self.assertLessEqual(
                len(new), 1 + (time.monotonic() - began) / 60, new)

    def test_bombs_behind_the_key(self):
        """msgpack bombs inside good TLS before HELLO: hung up on, no memory"""
        with Mesh() as mesh:
            a, b = self.members(mesh)
            key = self.mesh_key(mesh)
            room = Room(a)
            for bomb in BOMBS + [b"\xff\xff\xff\xff"]:
                data = bomb if bomb == b"\xff" * 4 else frame(bomb)
                self.tls(mesh, a.port, data, "-tls1_3", "-psk_identity",
                         "photomesh", "-psk", key)
            room.small(self, 8 << 20)
            self.unmoved(mesh, a, b)

    def test_silent_handshakes(self):
        """300 silent connections are closed in time; members unaffected"""
        with Mesh() as mesh:
            a, b = self.members(mesh)
            idle = []
            for _ in range(300):
                s = socket.create_connection(("127.0.0.1", a.port), 5)
                idle.append(s)
            self.unmoved(mesh, a, b)
            deadline = time.monotonic() + 15
            for s in idle:
                s.settimeout(max(0.1, deadline - time.monotonic()))
                try:
                    self.assertEqual(s.recv(1), b"")
                except ConnectionError:
                    pass
                s.close()
            self.unmoved(mesh, a, b)

    def awaits_closing(self, sockets, timeout=15):
        """All of them hung up on, seen from here; the seconds it took."""
        began = time.monotonic()
        left = select.poll()
        waiting = {s.fileno(): s for s in sockets}
        for fd in waiting:
            left.register(fd, select.POLLIN)
        while waiting:
            self.assertLess(time.monotonic() - began, timeout,
                            "%d still open" % len(waiting))
            for fd, _ in left.poll(200):
                try:
                    if waiting[fd].recv(4096):
                        continue  # an alert may come first
                except ConnectionError:
                    pass
                left.unregister(fd)
                waiting.pop(fd).close()
        return time.monotonic() - began

    def test_thousand_half_open(self):
        """1000 silent dials, 200 slow ones: closed after 3 s, members answer
        """
        with Mesh() as mesh:
            a, b = self.members(mesh)
            before = a.rss_bytes()
            idle = [socket.create_connection(("127.0.0.1", a.port), 5)
                    for _ in range(1000)]
            # What a TLS client says first, a byte at a time.
            said = (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" +
                    bytes(501))
            slow = [socket.create_connection(("127.0.0.1", a.port), 5)
                    for _ in range(200)]
            worst, at, began, still = 0, 0, time.monotonic(), list(slow)
            while still and time.monotonic() - began < 15:
                for s in list(still):
                    try:
                        s.send(said[at:at + 1])
                    except OSError:
                        still.remove(s)
                at = min(at + 1, len(said) - 1)
                asked = time.monotonic()
                with Client(mesh, a.port) as c:
                    self.assertEqual(len(c.photos()), 19)
                worst = max(worst, time.monotonic() - asked)
            self.assertFalse(still, "slow ones are still there")
            took = time.monotonic() - began
            for s in slow:
                s.close()
            rest = self.awaits_closing(idle)
            print("# slow ones out after %.1f s, silent ones %.1f s later; "
                  "slowest list %.0f ms; grown by %d KiB" % (
                      took, rest, worst * 1000,
                      (a.rss_bytes() - before) >> 10))
            self.assertLess(worst, 3)
            self.unmoved(mesh, a, b)
            # A handshake has 3 s.
            if "asan" not in mesh.build:
                self.assertLess(took + rest, 8)
            if "asan" not in mesh.build:
                self.assertLess(a.rss_bytes() - before, 24 << 20)

    def test_key_but_no_hello(self):
        """the right key and then silence, 40 times: closed, nothing learned
        """
        with Mesh() as mesh:
            a, b = self.members(mesh)
            quiet = [Member(mesh, a.port, hello=False) for _ in range(40)]
            began = time.monotonic()
            for m in quiet:
                m.until(lambda: m.ended, 10)
                self.assertTrue(m.ended)
                m.tls.close()
            self.assertLess(time.monotonic() - began, 10)
            self.unmoved(mesh, a, b)

    def test_client_that_never_reads(self):
        """asking LIST without end and never reading: memory bounded, no spinning
        """
        with Mesh() as mesh:
            a, b = self.members(mesh)
            before = a.rss_bytes()
            with Client(mesh, a.port) as deaf:
                deaf.socket.setblocking(False)
                # More than it reads ahead and has room to answer, and more
                # than sockets hold: it must stop reading, too.
                data = b"".join(question(34, n + 2, {
                    "limit": 1000, "unknown": b"." * 1000})
                    for n in range(QUESTIONS))
                sent, grown, began = 0, 0, time.monotonic()
                try:
                    while sent < len(data) and time.monotonic() - began < 5:
                        try:
                            sent += deaf.socket.send(data[sent:sent + 4096])
                        except BlockingIOError:
                            with Client(mesh, a.port) as c:
                                self.assertEqual(len(c.photos()), 19)
                        grown = max(grown, a.rss_bytes() - before)
                    # Full on both sides: waiting must not be work, once
                    # what was read has been answered.
                    wait_until(lambda: a.rests(2, 0.7), "a daemon at rest")
                    answered = self.count_answers(deaf, data[sent:])
                except ConnectionError:
                    answered = -1  # hung up on: as good
                print("# %d bytes of questions taken, %d answers when read "
                      "at last; grown by %d KiB" % (sent, answered,
                                                    grown >> 10))
                self.assertIn(answered, (-1, QUESTIONS))
                self.assertLess(sent, len(data), "it took all of them")
            if "asan" not in mesh.build:
                self.assertLess(grown, 16 << 20)
            self.unmoved(mesh, a, b)

    def count_answers(self, client, rest):
        """Read at last, sending what is left; how many answers came."""
        def send():
            try:
                client.socket.sendall(rest)
            except OSError:
                pass
        client.socket.settimeout(20)
        sender = threading.Thread(target=send)
        sender.start()
        answers = set()
        while len(answers) < QUESTIONS:
            answers.add(client.hear()[1])
        sender.join()
        return len(answers)

    def test_another_users_key(self):
        """a daemon with another key shares ports but never joins"""
        with Mesh() as mesh:
            a, b = self.members(mesh)
            other = os.path.join(mesh.dir, "other-config")
            c = mesh.start(mesh.sample("carol"),
                           env={"XDG_CONFIG_HOME": other})
            wait_until(lambda: c.photo("--json", "status").json[0]["photos"]
                       == 11, "carol's own list")
            wait_until(lambda: c.photo("--json", "status").json[0]
                       ["coordinator"] == c.port, "carol alone")
            self.assertEqual(len(mesh.peers(c)), 1)
            self.unmoved(mesh, a, b)

    def test_nonsense_from_a_client(self):
        """nonsense on the client socket ends that client and nothing else"""
        with Mesh() as mesh:
            a, b = self.members(mesh)
            path = os.path.join(mesh.env["PHOTOMESH_RUNTIME"], "photomesh",
                                "%d.sock" % a.port)
            rng = random.Random(1)
            hello = frame(b"\x93\x20\x01\x83\xa4vmin\x01\xa4vmax\x01"
                          b"\xa4soft\xa1x")
            for bomb in [frame(x) for x in BOMBS] + [
                    b"\xff\xff\xff\xff", rng.randbytes(500)]:
                for data in (bomb, hello + bomb):
                    s = socket.socket(socket.AF_UNIX)
                    s.connect(path)
                    s.settimeout(10)
                    try:
                        s.sendall(data)
                        s.shutdown(socket.SHUT_WR)
                        while s.recv(65536):
                            pass
                    except ConnectionError:
                        pass
                    s.close()
            self.unmoved(mesh, a, b)


if __name__ == "__main__":
    tap.main()
