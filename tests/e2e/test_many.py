"""Many at once: ports, keys, strangers and descriptors under a crowd.

Proves that sixteen daemons started at one instant claim distinct ports and are
one mesh with one coordinator, twenty times; that the 65th is told what to do;
that strangers on the first ports are hardly touched; that eight first starts
make one key; that a daemon out of descriptors waits and recovers.
"""
import contextlib
import os
import resource
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import SAMPLE, Mesh, wait_until  # noqa: E402
from talk import Client, settle  # noqa: E402

ROUNDS, CROWD = int(os.environ.get("PM_ROUNDS", 20)), 16


def small_folders(mesh, count):
    """Folders of two photos each: one that all hold, one of their own."""
    with open(os.path.join(SAMPLE, "bob", "bird.gif"), "rb") as f:
        picture = f.read()
    folders = []
    for i in range(count):
        f = mesh.folder("folder%02d" % i)
        for name, data in (("same.gif", picture),
                           ("own-%d.gif" % i, picture + b"%d" % i)):
            with open(os.path.join(f, name), "wb") as out:
                out.write(data)
        folders.append(mesh.guard(f))
    return folders


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


class Recorder(threading.Thread):
    """A stranger's server: accepts, counts what it is sent, never answers."""

    def __init__(self, family, address, port):
        super().__init__(daemon=True)
        self.calls, self.bytes = 0, 0
        self.listener = socket.socket(family)
        if family == socket.AF_INET6:
            self.listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY,
                                     1)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(64)
        self.open = []
        self.ending = False
        self.start()

    def run(self):
        while True:
            s, _ = self.listener.accept()
            if self.ending:
                s.close()
                return
            self.calls += 1
            self.open.append(s)
            threading.Thread(target=self.drain, args=(s,),
                             daemon=True).start()

    def drain(self, s):
        try:
            while True:
                got = s.recv(65536)
                if not got:
                    break
                self.bytes += len(got)
        except OSError:
            pass

    def end(self):
        self.ending = True
        where = self.listener.getsockname()
        if where[0] == "0.0.0.0":
            where = ("127.0.0.1", where[1])
        with socket.socket(self.listener.family) as s:
            s.connect(where[:2])
        self.join()
        self.listener.close()
        for s in self.open:
            s.close()


class Many(unittest.TestCase):
    def test_sixteen_at_once(self):
        """16 daemons started within 50 ms, 20 times: ports, mesh, lead"""
        with Mesh() as mesh:
            folders = small_folders(mesh, CROWD)
            slowest, launches = 0, []
            for n in range(ROUNDS):
                daemons, launched = mesh.start_at_once(folders)
                ports = sorted(d.port for d in daemons)
                self.assertEqual(ports, list(range(
                    mesh.base_port, mesh.base_port + CROWD)))
                took = settle(mesh, daemons, CROWD + 1)
                launches.append(launched)
                slowest = max(slowest, took)
                with Client(mesh, ports[n % CROWD]) as c:
                    self.assertEqual(len(c.peers()), CROWD)
                    # Whoever got no time for a second is not eligible for
                    # another one; then it is.
                    wait_until(lambda: [p["node"][2] for p in c.peers()
                                        if p["coordinator"]] == [ports[0]],
                               "the lowest port to lead")
                    photos = c.photos()
                    self.assertEqual(sum(len(r) for _, r in photos.values()),
                                     2 * CROWD)
                # Every other time they die without a word.
                for d in daemons:
                    d.signal(15 if n % 2 else 9)
                for d in daemons:
                    code = d.process.wait(30)
                    self.assertEqual(code, 0 if n % 2 else -9)
            print("# launched within %.0f to %.0f ms, one mesh within %.1f s" %
                  (min(launches) * 1000, max(launches) * 1000, slowest))
            # Starting a sanitizer takes longer than that.
            if "asan" not in mesh.build:
                self.assertLess(min(launches), 0.05)

    def test_sixty_four_ports_taken(self):
        """64 ports taken: the 65th daemon says so in a sentence, exit 1"""
        with Mesh() as mesh:
            held = []
            try:
                for port in range(mesh.base_port, mesh.base_port + 64):
                    s = socket.socket()
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", port))
                    s.listen(4)
                    held.append(s)
                d = mesh.start(mesh.sample("alice"), wait=False)
                self.assertEqual(d.process.wait(30), 1)
                self.assertEqual(len(d.log().strip().splitlines()), 1)
                self.assertIn("no port is free from %d to %d" % (
                    mesh.base_port, mesh.base_port + 63), d.log())
                self.assertIn("--base-port", d.log())
                # The last one free is enough.
                held.pop().close()
                d = mesh.start(os.path.join(mesh.dir, "photos", "alice"))
                self.assertEqual(d.port, mesh.base_port + 63)
            finally:
                for s in held:
                    s.close()

    def test_strangers_at_the_first_ports(self):
        """strangers on 0.0.0.0, 127.0.0.1, ::1 at first ports: hardly touched
        """
        with Mesh() as mesh:
            base = mesh.base_port
            strangers = [Recorder(socket.AF_INET, "0.0.0.0", base),
                         Recorder(socket.AF_INET, "127.0.0.1", base + 1),
                         Recorder(socket.AF_INET6, "::1", base + 2)]
            try:
                daemons = mesh.start_samples()
                # A port taken on ::1 alone is free on 127.0.0.1.
                self.assertEqual([d.port for d in daemons],
                                 [base + 2, base + 3, base + 4])
                settle(mesh, daemons, 26)
                time.sleep(10)  # what they do when nothing happens
                calls = [s.calls for s in strangers]
                print("# 3 daemons, start and 10 s: %r calls, %r bytes" %
                      (calls, [s.bytes for s in strangers]))
                # A probe of each at start and 1 s later, and room for one
                # more round each: no hammering, and nothing on ::1 at all.
                self.assertLessEqual(max(calls[:2]), 3 * 3)
                self.assertEqual(calls[2], 0)
                self.assertLess(max(s.bytes for s in strangers), 3 * 3 * 600)
                settle(mesh, daemons, 26)
            finally:
                for s in strangers:
                    s.end()

    def test_eight_first_starts(self):
        """eight first starts in an empty home make one key and all join"""
        with Mesh() as mesh:
            folders = small_folders(mesh, 8)
            for key in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
                del mesh.env[key]
            daemons, _ = mesh.start_at_once(folders)
            settle(mesh, daemons, 9)
            keys = [os.path.join(here, f) for here, _, files
                    in os.walk(mesh.env["HOME"]) for f in files
                    if f.startswith("key")]
            self.assertEqual(keys, [os.path.join(
                mesh.env["HOME"], ".config", "photomesh", "key")])
            self.assertEqual(os.stat(keys[0]).st_mode & 0o7777, 0o600)
            with open(keys[0]) as f:
                self.assertRegex(f.read(), r"^[0-9a-f]{64}\n$")

    def test_descriptors_run_out(self):
        """descriptors run out: no spinning, members stay; they come back"""
        with Mesh() as mesh:
            a, b = (mesh.start(mesh.sample(n)) for n in ("alice", "bob"))
            settle(mesh, [a, b])
            limit = descriptors(a.pid) + 6
            old = resource.prlimit(a.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(a.pid, resource.RLIMIT_NOFILE, (limit, old[1]))
            idle = []
            log_before = len(a.log().splitlines())
            try:
                # Clients, who may stay: the listener must stop, not spin.
                path = os.path.join(mesh.env["PHOTOMESH_RUNTIME"],
                                    "photomesh", "%d.sock" % a.port)
                for _ in range(24):
                    s = socket.socket(socket.AF_UNIX)
                    s.connect(path)
                    idle.append(s)
                for _ in range(24):
                    idle.append(socket.create_connection(
                        ("127.0.0.1", a.port), 5))
                wait_until(lambda: descriptors(a.pid) >= limit - 1,
                           "the descriptors to run out")
                self.assertTrue(a.rests(3, 1))
                self.assertLess(len(a.log().splitlines()) - log_before, 8)
                with Client(mesh, b.port) as c:
                    self.assertEqual({p["state"] for p in c.peers()}, {0})
            finally:
                for s in idle:
                    s.close()
            wait_until(lambda: a.photo("list").code == 0, "alice to answer")
            # Who dials her is let in again: this one, to be hung up on.
            with socket.create_connection(("127.0.0.1", a.port), 5) as s:
                s.settimeout(10)
                s.sendall(b"GET / HTTP/1.0\r\n\r\n")
                with contextlib.suppress(ConnectionResetError):
                    while s.recv(100):
                        pass
            # And whoever comes now is let in.
            c = mesh.start(mesh.sample("carol"))
            settle(mesh, [a, b, c], 26)
            self.assertNotIn(" gone", b.log())

    def test_few_descriptors_from_the_start(self):
        """started under `ulimit -n 32`: serves; six with 40 are one mesh
        """
        with Mesh() as mesh:
            folders = small_folders(mesh, 1)
            daemons, _ = mesh.start_at_once(folders, "ulimit -n 32")
            settle(mesh, daemons, 2)
        with Mesh() as mesh:
            folders = small_folders(mesh, 6)
            # Six probe each other, scan and serve with less than a dozen
            # descriptors above what each has at rest: what finds none left is
            # done a moment later.
            daemons, _ = mesh.start_at_once(folders, "ulimit -n 40")
            took = settle(mesh, daemons, 7)
            print("# with 40 descriptors: one mesh, all read, in %.1f s" %
                  took)


if __name__ == "__main__":
    tap.main()
