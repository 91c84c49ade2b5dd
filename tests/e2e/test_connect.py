"""`photo --connect`: a daemon asked over TLS by whoever holds the mesh key.

It tells there what it tells here, and lets nobody who is not here take,
change or stop anything.  Strangers, silence and nonsense, on either end.
"""
import os
import re
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from far import Far  # noqa: E402
from holder import ServerTls  # noqa: E402
from member import HELLO, Identity, Member, mesh_key  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from talk import (CLIENT_HELLO, ERROR, LIST, STATUS, Client,  # noqa: E402
                  Raw, frame, frame_of, pack, settle)

ROOTS, LEAVE, FORGET, GET, DECIDE, RESCAN = 60, 51, 52, 53, 64, 45
REFUSED, USAGE = 20, 16
GREETING = {"vmin": 1, "vmax": 1}


class Server(threading.Thread):
    """Accepts on a port of its own and does to each caller what it is told."""

    def __init__(self, do):
        super().__init__(daemon=True)
        self.do, self.ending, self.kept = do, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.where = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.start()

    def run(self):
        while not self.ending:
            try:
                caller, _ = self.listener.accept()
                self.kept.append(caller)
                self.kept.append(self.do(caller))
            except OSError:
                continue

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ending = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join(5)


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh()
        cls.mesh.__enter__()
        cls.daemons = cls.mesh.start_samples()
        settle(cls.mesh, cls.daemons, 26)
        cls.port = cls.daemons[0].port
        cls.where = "127.0.0.1:%d" % cls.port

    @classmethod
    def tearDownClass(cls):
        cls.mesh.__exit__(None, None, None)

    def fds(self):
        return len(os.listdir("/proc/%d/fd" % self.daemons[0].pid))

    def far(self, *args, **kw):
        return self.mesh.photo("--connect", self.where, *args, **kw)


class Connect(Base):
    def test_tells_the_same(self):
        """over --connect a daemon tells what it tells its own machine"""
        one = self.daemons[0].photo("--json", "list").json[0]["id"]
        for command in (["list"], ["--json", "list"], ["list", "--node",
                        "bob", "--limit", "3"], ["--json", "show", one],
                        ["dupes"], ["problems"], ["verify"], ["requests"],
                        ["rescan"], ["--json", "peers"]):
            here, there = self.daemons[0].photo(*command), self.far(*command)
            self.assertEqual(there.code, 0, there)
            # When somebody was last heard, changes; who verified, comes in
            # the order of the answers.
            here, there = (sorted(re.sub('"last_seen":"[^"]*"', "", line)
                                  for line in a.lines)
                           for a in (here, there))
            self.assertEqual(here, there)
        s = self.far("--json", "status").json[0]
        self.assertEqual((s["name"], s["port"]), ("alice", self.port))
        # Where $PHOTO_PORT points does not matter.
        self.assertEqual(self.far("status", env={"PHOTO_PORT": "1"}).code, 0)

    def test_watches(self):
        """over --connect events come as they happen, and an end is told"""
        folder = self.mesh.folder("dora")
        dora = self.mesh.start(folder)
        watcher = self.mesh.spawn_photo(
            "--connect", "127.0.0.1:%d" % dora.port, "--json", "watch")
        lines = []
        threading.Thread(target=lambda: lines.extend(
            iter(watcher.stdout.readline, b"")), daemon=True).start()
        wait_until(lambda: dora.photo("rescan").code == 0 and lines,
                   "the watcher to hear of a rescan", every=0.1)
        with open(folder + "/new.gif", "wb") as f:
            f.write(b"GIF89a new")
        wait_until(lambda: any(b"new.gif" in x for x in lines), "the photo")
        dora.end()
        self.assertEqual(watcher.wait(20), 5)
        wait_until(lambda: any(b"is gone" in x for x in lines), "its word")
        settle(self.mesh, self.daemons)

    def test_only_here(self):
        """what takes, changes or stops is refused over TLS, at both ends"""
        a_photo = list(self.daemons[0].photo("--json", "list").json)[0]["id"]
        for command in (["leave"], ["forget", "bob", "--yes"], ["get", a_photo],
                        ["add", "/tmp"], ["check", "/tmp"], ["approve", "1"],
                        ["deny", "1"], ["rescan", "--accept-missing"]):
            a = self.far(*command)
            self.assertEqual(a.code, 7, (command, a))
            self.assertIn("own machine", a.err)
        with Far(self.mesh, self.port) as far:
            for kind, fields, code in (
                    (LEAVE, {}, REFUSED), (ROOTS, {}, REFUSED),
                    (FORGET, {"node": "bob", "sure": True}, REFUSED),
                    (DECIDE, {"what": "1", "allow": True}, REFUSED),
                    (RESCAN, {"accept_missing": True}, REFUSED),
                    (GET, {"photo": bytes.fromhex(a_photo) + bytes(8)},
                     USAGE)):
                with self.assertRaisesRegex(OSError, "error %d" % code):
                    far.ask(kind, fields)
            self.assertEqual(far.status()["live"], 3)

    def test_usage(self):
        """--connect with nonsense, with -p, and --key without it: exit 2"""
        for args in (["--connect", "here", "list"],
                     ["--connect", "here:0", "list"],
                     ["--connect", self.where, "-p", "1", "list"],
                     ["--key", "/dev/null", "list"]):
            self.assertEqual(self.mesh.photo(*args).code, 2)


class Strangers(Base):
    def key_file(self, text, mode=0o600):
        path = os.path.join(self.mesh.dir, "other-key")
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def test_keys(self):
        """a wrong key is refused; none, a broken or an open one is told"""
        right = mesh_key(self.mesh).hex() + "\n"
        for text, mode, code, word in (
                (right, 0o600, 0, ""),
                ("ab" * 32 + "\n", 0o600, 7, "does not hold our mesh key"),
                ("abc\n", 0o600, 1, "64 hex digits"),
                (right, 0o640, 1, "read by others")):
            a = self.far("--key", self.key_file(text, mode), "list")
            self.assertEqual(a.code, code, a)
            self.assertIn(word, a.err)
        a = self.far("list", env={"XDG_CONFIG_HOME": self.mesh.dir + "/no"})
        self.assertEqual(a.code, 1, a)
        self.assertIn("photod --set-key", a.err)
        self.assertFalse(os.path.exists(self.mesh.dir + "/no"))

    def test_other_ends(self):
        """a stranger, a silent server, nobody at all: told in time"""
        def web(caller):
            caller.recv(100)
            caller.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            caller.close()
        key = mesh_key(self.mesh)

        def half(caller, frame_only):
            tls = ServerTls(caller, key)
            if frame_only:
                tls.write(b"\0\0\1\0half")
            else:  # a record of TLS
                caller.send(b"\x17\x03\x03\1\0half")
            return tls
        for do, code in ((web, 7), (lambda c: c.close(), 7),
                         (lambda c: None, 8),
                         (lambda c: ServerTls(c, key), 8),
                         (lambda c: half(c, True), 8),
                         (lambda c: half(c, False), 8),
                         (lambda c: ServerTls(c, key).write(
                             b"\xff\xff\xff\xff"), 1),
                         (lambda c: ServerTls(c, key).close(), 5)):
            with Server(do) as s:
                began = time.monotonic()
                a = self.mesh.photo("--connect", s.where, "--timeout", "1",
                                    "list")
                self.assertEqual(a.code, code, a)
                self.assertIn(s.where, a.err)
                self.assertLess(time.monotonic() - began, 8)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            nobody = "127.0.0.1:%d" % s.getsockname()[1]
            a = self.mesh.photo("--connect", nobody, "list")
            self.assertEqual(a.code, 5, a)
        a = self.mesh.photo("--connect", "no-such-host.invalid:1", "list")
        self.assertEqual(a.code, 5, a)

    def test_interrupted(self):
        """Ctrl-C ends a wait for a silent server at once"""
        with Server(lambda c: None) as s:
            p = self.mesh.spawn_photo("--connect", s.where, "list")
            wait_until(lambda: s.kept, "the call")
            p.send_signal(2)
            self.assertEqual(p.wait(10), 130)


class Hostile(Base):
    """Clients that hold the key, and say what none should."""

    def test_first_frames(self):
        """what comes first over TLS is CLIENT_HELLO, or the end"""
        before = self.fds()
        hello = pack([CLIENT_HELLO, 1, GREETING])
        for data, answered in (
                (frame(LIST, 1, {"limit": 1}), True),
                (frame(CLIENT_HELLO, 1, {"vmin": 1}), True),
                (frame(CLIENT_HELLO, 1, {"vmin": 2, "vmax": 1}), True),
                (frame(CLIENT_HELLO, 1, {"vmin": 7, "vmax": 9}), True),
                (frame_of(hello + b"\0"), False),
                (frame_of(b"\xdd\xff\xff\xff\xff"), False),
                (b"\xff\xff\xff\xff", False), (b"\0\0\0\0", False),
                (frame(CLIENT_HELLO, 1, dict(GREETING, x=Raw(pack(
                    bytes(1100))))), False)):
            with Far(self.mesh, self.port, greet=False) as far:
                far.write(data)
                said = far.ended()
                self.assertEqual([s[0] for s in said],
                                 [ERROR] if answered else [], data)
        wait_until(lambda: self.fds() <= before, "no descriptor to be lost")

    def test_not_both(self):
        """a node cannot turn into a client, nor a client into a node"""
        with Member(self.mesh, self.port) as m:
            m.joined()
            m.send(CLIENT_HELLO, 1, GREETING)
            m.until(lambda: m.ended)
            self.assertEqual(m.ended, "hung up")
        with Client(self.mesh, self.port) as c:
            nodes = c.status()["nodes"]
        with Far(self.mesh, self.port) as far:
            who = Identity()
            far.say(HELLO, 0, {"vmin": 1, "vmax": 1, "key": who.public,
                               "sig": bytes(64), "run": 1, "up": 1,
                               "name": "x", "port": 1, "addrs": [],
                               "host": bytes(8), "soft": ""})
            kind, _, fields = far.hear()
            self.assertEqual((kind, fields["code"]), (ERROR, 1))
            self.assertEqual(far.status()["nodes"], nodes)

    def test_at_once(self):
        """questions behind CLIENT_HELLO in one piece are all answered"""
        with Far(self.mesh, self.port, greet=False) as far:
            far.write(frame(CLIENT_HELLO, 1, GREETING) + b"".join(
                frame(STATUS, n, {}) for n in range(2, 12)))
            self.assertEqual(sorted(far.hear()[1] for _ in range(11)),
                             list(range(1, 12)))
            # And a frame byte by byte.
            for byte in frame(STATUS, 50, {}):
                far.write(bytes([byte]))
            self.assertEqual(far.hear()[1], 50)

    def test_nonsense_later(self):
        """nonsense is answered once, which arrives, and ends it"""
        before = self.fds()
        for data in (b"\xff\xff\xff\xff", b"\0\1\0\1" + bytes(65537),
                     frame_of(b"\xc1"), frame(LIST, 9, {"limit": 0}),
                     frame(LIST, 9, {"limit": "x"}) + bytes(100000)):
            with Far(self.mesh, self.port) as far:
                try:
                    far.write(data)
                except ConnectionError:
                    pass
                said = far.ended()
                self.assertEqual([(s[0], s[2]["code"]) for s in said],
                                 [(ERROR, USAGE)], data[:8])
        wait_until(lambda: self.fds() <= before, "no descriptor to be lost")

    def test_does_not_read(self):
        """one that asks and does not read waits, which is no work; others are
        served"""
        with Far(self.mesh, self.port, receive_buffer=4096) as deaf:
            question = frame(LIST, 7, {"limit": 1000})
            deadline = time.monotonic() + 3
            asked = 0
            while time.monotonic() < deadline:
                n = deaf.tls.write(question)
                asked += n > 0
                if n == 0:
                    break
            self.assertEqual(n, 0, "it took %d questions" % asked)
            self.assertLess(self.daemons[0].rss_bytes(), 600 << 20)

            wait_until(lambda: self.daemons[0].rests(1, 0.35),
                       "a daemon at rest", 10)
            with Client(self.mesh, self.port) as c:
                self.assertEqual(c.status()["live"], 3)
            for _ in range(min(asked, 50)):
                self.assertEqual(deaf.hear()[1], 7)

    def test_gone_before_the_answer(self):
        """who asks and is gone, from here or elsewhere, takes nobody along"""
        many = b"".join(frame(LIST, n, {"limit": 1000}) for n in range(100))
        at_once = struct.pack("ii", 1, 0)
        for _ in range(20):
            with Client(self.mesh, self.port) as c:
                c.write(many)
            far = Far(self.mesh, self.port)
            far.write(many)
            # A reset: its answers meet a closed door, not only silence.
            far.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  at_once)
            far.close()
            with Client(self.mesh, self.port) as c:
                self.assertEqual(c.status()["live"], 3)
        self.assertTrue(self.daemons[0].alive())

    def test_crowd(self):
        """a crowd from elsewhere takes no place from who sits here"""
        local = [Client(self.mesh, self.port) for _ in range(4)]
        crowd = [Far(self.mesh, self.port) for _ in range(80)]
        try:
            for c in local:
                self.assertEqual(c.status()["live"], 3)
            alive = 0
            for far in crowd:
                try:
                    far.status()
                    alive += 1
                except OSError:
                    pass
            self.assertEqual(alive, 64)
        finally:
            for c in local + crowd:
                c.close()


if __name__ == "__main__":
    tap.main()
