"""Starting: one mesh out of daemons started at the same instant.

Proves that three and eight daemons started together claim distinct ports,
agree on one coordinator (the lowest port), print the same list with every
photo once, and hold provably equal replicas; that the ready line comes at
once; that start-up mistakes are one sentence with a remedy.
"""
import os
import re
import select
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import SAMPLE, Mesh, wait_until  # noqa: E402
from talk import Client  # noqa: E402

SAMPLE_PHOTOS = 26
SAMPLE_COPIES = 33


def together(mesh, folders):
    daemons = [None] * len(folders)

    def go(i):
        daemons[i] = mesh.start(folders[i], wait=False)
    threads = [threading.Thread(target=go, args=(i,))
               for i in range(len(folders))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return [d.ready() for d in daemons]


def fill(fd):
    """Until nothing more goes in; a terminal makes room for a while."""
    os.set_blocking(fd, False)
    while select.select([], [fd], [], 0.3)[1]:
        for size in (1000, 1):
            try:
                while os.write(fd, b"x" * size):
                    pass
            except BlockingIOError:
                pass
    os.set_blocking(fd, True)


def drain(fd):
    got = b""
    while select.select([fd], [], [], 0.1)[0]:
        got += os.read(fd, 65536)
    return got


def wakes(d):
    """How often its loop's thread has gone to sleep."""
    with open("/proc/%d/status" % d.pid) as f:
        return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", f.read(),
                             re.M).group(1))


def descriptors(pid):
    """(number, what it is, flags) of each that a process has open."""
    here = "/proc/%d/" % pid
    for fd in os.listdir(here + "fd"):
        try:
            to = os.readlink(here + "fd/" + fd)
            with open(here + "fdinfo/" + fd) as f:
                flags = int(re.search(r"^flags:\s*(\d+)", f.read(), re.M)[1],
                            8)
        except OSError:
            continue  # closed meanwhile
        yield int(fd), to, flags


class Start(unittest.TestCase):
    def one_mesh(self, mesh, daemons, photos):
        mesh.settle(daemons, photos)
        ports = sorted(d.port for d in daemons)
        self.assertEqual(len(set(ports)), len(daemons))
        self.assertEqual(ports[0], mesh.base_port)
        lists = [sorted(mesh.list_lines(d)) for d in daemons]
        for other in lists[1:]:
            # last_seen of a live node is "now": compare without it.
            strip = [re.sub(r'"last_seen":"[^"]*"', "", x) for x in other]
            self.assertEqual([re.sub(r'"last_seen":"[^"]*"', "", x)
                              for x in lists[0]], strip)
        for d in daemons:
            a = d.photo("verify")
            self.assertEqual(a.code, 0, a)
            leaders = [p for p in mesh.peers(d) if p["coordinator"]]
            self.assertEqual([p["port"] for p in leaders], [ports[0]])
            self.assertEqual({p["follows"] for p in mesh.peers(d)},
                             {ports[0]})

    def test_three_at_once(self):
        """three daemons at the same instant are one mesh with one list"""
        with Mesh() as mesh:
            daemons = together(mesh, [mesh.sample(n) for n in
                                      ("alice", "bob", "carol")])
            self.one_mesh(mesh, daemons, SAMPLE_PHOTOS)
            photos = daemons[1].photo("--json", "list").json
            self.assertEqual(len(photos), SAMPLE_PHOTOS)
            self.assertEqual(len({p["id"] for p in photos}), SAMPLE_PHOTOS)
            self.assertEqual(sum(len(p["copies"]) for p in photos),
                             SAMPLE_COPIES)
            beach = [p for p in photos if len(p["copies"]) == 4]
            self.assertEqual(len(beach), 1)
            self.assertEqual(
                sorted((c["node"], c["path"]) for c in beach[0]["copies"]),
                [("alice", "beach copy.jpg"), ("alice", "beach.jpg"),
                 ("bob", "IMG_0042.jpg"), ("carol", "holiday/best.jpg")])

    def test_eight_at_once(self):
        """eight daemons at the same instant are one mesh with one list"""
        with Mesh() as mesh:
            folders = []
            with open(os.path.join(SAMPLE, "bob", "IMG_0044.jpg"),
                      "rb") as g:
                picture = g.read()
            for i in range(8):
                # One photo all eight hold, and one of its own for each.
                f = mesh.folder("folder%d" % i)
                shutil.copy2(os.path.join(SAMPLE, "alice", "beach.jpg"), f)
                with open(os.path.join(f, "own-%d.jpg" % i), "wb") as g:
                    g.write(picture + b"%d" % i)
                folders.append(mesh.guard(f))
            daemons = together(mesh, folders)
            self.one_mesh(mesh, daemons, 9)

    def test_ready_line(self):
        """the ready line names the port and comes while the scan runs"""
        with Mesh() as mesh:
            d = mesh.start(mesh.sample("alice"))
            self.assertRegex(
                d.ready_line,
                r"^photod: alice ready on 127\.0\.0\.1:%d "
                r"\(coordinator (unknown|%d)\)$" % (d.port, d.port))
            second = mesh.start(mesh.sample("bob"))
            self.assertEqual(second.port, d.port + 1)

    def test_terminated_cleanly(self):
        """SIGTERM says goodbye: peers see `left` at once, exit 0"""
        with Mesh() as mesh:
            a, b, c = mesh.start_samples()
            mesh.settle([a, b, c])
            self.assertEqual(c.end(), 0)
            wait_until(lambda: [p["state"] for p in mesh.peers(a)
                                if p["name"] == "carol"] == ["left"],
                       "carol to be seen as left", 5)
            self.assertEqual({p["follows"] for p in mesh.peers(b)
                              if p["state"] == "live"}, {a.port})

    def test_terminal_closed(self):
        """SIGHUP says goodbye, too; under nohup it is nothing"""
        with Mesh() as mesh:
            a, b = (mesh.start(mesh.sample(n)) for n in ("alice", "bob"))
            mesh.within = ["nohup"]
            c = mesh.start(mesh.sample("carol"))
            mesh.within = []
            mesh.settle([a, b, c])
            for d in (b, c):
                d.signal(signal.SIGHUP)
            self.assertEqual(b.process.wait(20), 0)
            wait_until(lambda: [p["state"] for p in mesh.peers(a)] ==
                       ["live", "left", "live"], "bob to be seen as left", 5)
            self.assertEqual(c.photo("list").code, 0)

    def test_ended_while_brought_up(self):
        """ended while an older catalogue is brought up: it ends at once, and
        the next start does the whole of it"""
        def ids(d):
            return [p["id"] for p in d.photo("--json", "list").json]
        with Mesh() as mesh:
            folder = mesh.sample("alice")
            a = mesh.start(folder)
            mesh.settle([a])
            a.rested()
            listed = ids(a)
            self.assertEqual(a.end(), 0)
            top = os.path.join(mesh.env["XDG_STATE_HOME"], "photomesh")
            state, = [n for n in os.listdir(top) if n.startswith("alice")]
            db = sqlite3.connect(os.path.join(top, state, "catalogue.db"))
            # As format 1 had it, and large: seconds to bring up.
            db.executescript("""
                DROP TABLE photo; DROP TABLE about;
                CREATE TABLE photo(id BLOB PRIMARY KEY NOT NULL,
                  sort_time INTEGER NOT NULL) STRICT, WITHOUT ROWID;
                PRAGMA user_version = 1;
                WITH RECURSIVE n(i) AS
                  (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
                INSERT INTO copy SELECT
                  CAST(printf('%016d', i) || zeroblob(7) || x'01' AS BLOB),
                  stream, CAST(substr(key, 1, 8) || i AS BLOB), mtime, added,
                  file, type, 0 FROM (SELECT * FROM copy LIMIT 1), n;
                """)
            db.close()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                d = mesh.start(folder, wait=False)
                wait_until(lambda: "listed anew" in d.log(), "the upgrade",
                           every=0.001)
                d.signal(number)
                self.assertEqual(d.process.wait(60), 0, d.log())
                self.assertIn("given up", d.log())
                self.assertNotIn("all are listed", d.log())
                self.assertFalse(d.ready_line)
            db = sqlite3.connect(os.path.join(top, state, "catalogue.db"))
            db.execute("DELETE FROM copy WHERE"
                       " substr(photo, 17) = x'0000000000000001'")
            db.commit()
            db.close()
            a = mesh.start(folder)
            self.assertIn("all are listed", a.log())
            self.assertEqual(ids(a), listed)
            self.assertEqual(a.photo("verify").code, 0)

    def test_port_of_one_who_is_leaving(self):
        """the port of a daemon that is still saying goodbye can be had"""
        with Mesh() as mesh:
            a, b = (mesh.start(mesh.sample(n)) for n in ("alice", "bob"))
            wait_until(lambda: [p["state"] for p in mesh.peers(a)] ==
                       ["live"] * 2, "a mesh of two")
            # So it waits for a moment for its last words to be taken.
            b.stop()
            a.signal(signal.SIGTERM)
            wait_until(lambda: "saying goodbye" in a.log(), "its goodbye")
            c = mesh.start(mesh.sample("carol"))
            self.assertEqual(c.port, a.port)
            self.assertEqual(a.process.wait(30), 0)
            self.assertEqual(c.photo("list").code, 0)
            b.go_on()

    def test_stranger_on_the_first_port(self):
        """a stranger on the first port is left alone; the mesh forms above"""
        with Mesh() as mesh:
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", mesh.base_port))
            s.listen(64)
            try:
                a = mesh.start(mesh.sample("alice"))
                b = mesh.start(mesh.sample("bob"))
                self.assertEqual((a.port, b.port),
                                 (mesh.base_port + 1, mesh.base_port + 2))
                mesh.settle([a, b])
            finally:
                s.close()

    def test_one_libevent(self):
        """one copy of each libevent library is mapped"""
        with Mesh() as mesh:
            d = mesh.start(mesh.sample("alice"))
            with open("/proc/%d/maps" % d.pid) as f:
                names = {line.split()[-1] for line in f if "libevent" in line}
            self.assertFalse([n for n in names
                              if re.search(r"libevent-2", n)], names)
            self.assertEqual(len([n for n in names if "event_core" in n]), 1)

    def test_close_on_exec(self):
        """every descriptor of a daemon at work is closed on exec"""
        with Mesh() as mesh:
            a, b = (mesh.start(mesh.sample(n), "--decoders", "1")
                    for n in ("alice", "bob"))
            mesh.settle([a, b])
            watch = mesh.spawn_watch(a)
            with Client(mesh, a.port):
                # Channels are kept open for a while.
                one = [p for p in b.photo("--json", "list").json if "alice" in
                       {c["node"] for c in p["copies"]}][0]
                into = os.path.join(mesh.dir, "got")
                self.assertEqual(b.photo("get", one["id"], "-o",
                                         into + "/").code, 0)
                kinds = set()
                for d in (a, b):
                    for fd, to, flags in descriptors(d.pid):
                        kinds.add(to.split(":")[0])
                        self.assertTrue(fd < 3 or flags & os.O_CLOEXEC,
                                        "%s: %d is %s" % (d.name, fd, to))
            # Links, sockets, the loop, the watcher, the catalogue.
            self.assertGreaterEqual(len(kinds), 4, kinds)
            self.assertIsNone(watch.poll())

    def test_key_and_state_are_private(self):
        """key, state and sockets are readable by their owner only"""
        with Mesh() as mesh:
            d = mesh.start(mesh.sample("alice"))
            key = os.path.join(mesh.env["XDG_CONFIG_HOME"], "photomesh", "key")
            self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
            d.end()
            os.chmod(key, 0o644)
            late = mesh.start(os.path.join(mesh.dir, "photos", "alice"),
                              wait=False)
            self.assertEqual(late.process.wait(20), 1)
            self.assertIn("chmod 600", late.log())

    def test_sockets_directory_goes(self):
        """the sockets' directory went with a session: back when that is back"""
        with Mesh() as mesh:
            a = mesh.start(mesh.sample("alice"))
            run = mesh.env["PHOTOMESH_RUNTIME"]
            here = os.path.join(run, "photomesh")
            path = os.path.join(here, "%d.sock" % a.port)

            def answers():
                return a.photo("list").code == 0
            self.assertTrue(answers())
            # Told of, not looked for from time to time: at once, four times,
            # and a daemon at rest is not woken for it.
            began = time.monotonic()
            for _ in range(4):
                os.unlink(path)
                wait_until(answers, "another socket")
            self.assertLess(time.monotonic() - began, 4)
            # As when somebody has logged out, and in again.
            os.rename(run, run + "-gone")
            shutil.rmtree(run + "-gone")
            self.assertFalse(answers())
            time.sleep(3)  # that nothing comes is what is tested
            self.assertFalse(os.path.exists(run))
            os.mkdir(run, 0o700)
            wait_until(answers, "another directory")
            self.assertEqual(stat.S_IMODE(os.stat(here).st_mode), 0o700)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            # What others could reach, or is there instead, is let alone.
            os.chmod(here, 0o755)
            os.unlink(path)
            wait_until(lambda: "chmod 700" in a.log(), "the remedy")
            self.assertFalse(os.path.exists(path))
            os.chmod(here, 0o700)
            wait_until(answers, "the socket again")
            with open(path + ".mine", "w") as f:
                f.write("mine")
            os.rename(path + ".mine", path)
            woken = wakes(a)
            time.sleep(5)
            self.assertLess(wakes(a) - woken, 2)
            with open(path) as f:
                self.assertEqual(f.read(), "mine")
            os.unlink(path)
            wait_until(answers, "the socket once more")
            self.assertLessEqual(a.log().count(" W "), 2, a.log())
            self.assertEqual(a.end(), 0)
            self.assertFalse(os.path.exists(path))

    def test_log_nobody_reads(self):
        """a log that nobody reads, pipe or terminal, holds nobody up"""
        with Mesh() as mesh:
            bob = mesh.start(mesh.sample("bob"))
            carols = mesh.folder("carol")

            def come_and_go():
                carol = mesh.start(carols)
                wait_until(lambda: [p["state"] for p in mesh.peers(bob)].count(
                    "live") == 3, "three of them")
                self.assertEqual(carol.end(), 0)
            for name, (r, w) in (("pipe", os.pipe()),
                                 ("terminal", os.openpty())):
                d = subprocess.Popen(
                    [mesh.photod, "-p", str(mesh.base_port), "--name", name,
                     "--decoders", "0", mesh.folder(name)], env=mesh.env,
                    stdout=subprocess.PIPE, stderr=w)
                mesh.children.append(d)
                self.assertIn(b" ready on ", d.stdout.readline())
                fill(w)
                come_and_go()  # of which it would say something
                time.sleep(2)  # it is suspected after one
                self.assertNotIn("%s does not answer" % name, bob.log())
                # There is room again.
                drain(r)
                come_and_go()
                self.assertIn(b" lines of the log were lost", drain(r))
                d.terminate()
                self.assertEqual(d.wait(20), 0)
                os.close(r)
                os.close(w)

    def test_show_and_set_key(self):
        """--show-key | --set-key: who has the key joins, whoever has not does not
        """
        with Mesh() as mesh:
            a = mesh.start(mesh.sample("alice"))
            other = {"XDG_CONFIG_HOME": mesh.dir + "/elsewhere"}
            shown = mesh.run([mesh.photod, "--show-key"])
            self.assertEqual(shown.returncode, 0)
            self.assertRegex(shown.stdout, rb"^[0-9a-f]{64}\n$")
            # Asked before any start, a key is made, and it is another.
            made = mesh.run([mesh.photod, "--show-key"], env=other)
            self.assertRegex(made.stdout, rb"^[0-9a-f]{64}\n$")
            self.assertNotEqual(made.stdout, shown.stdout)
            bob = mesh.start(mesh.sample("bob"), env=other)
            wait_until(lambda: bob.photo("--json", "status").json[0]
                       ["coordinator"] == bob.port, "bob alone")
            self.assertEqual(len(mesh.peers(bob)), 1)
            self.assertEqual(bob.end(), 0)

            def set_key(text):
                with open(mesh.dir + "/piped", "wb") as f:
                    f.write(text)
                with open(mesh.dir + "/piped", "rb") as f:
                    return mesh.run([mesh.photod, "--set-key"], env=other,
                                    stdin=f)
            for wrong in (b"", b"no key\n", shown.stdout[:40]):
                done = set_key(wrong)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stderr.count(b"\n"), 1)
                self.assertEqual(mesh.run(
                    [mesh.photod, "--show-key"], env=other).stdout,
                    made.stdout)
            done = set_key(shown.stdout)
            self.assertEqual(done.returncode, 0, done)
            key = mesh.dir + "/elsewhere/photomesh/key"
            # The former one is not lost, and it is said where it is.
            self.assertIn((key + ".old").encode(), done.stderr)
            self.assertEqual(done.stderr.count(b"\n"), 1)
            with open(key + ".old", "rb") as f:
                self.assertEqual(f.read(), made.stdout)
            self.assertEqual(set_key(shown.stdout).stderr, b"")
            self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
            again = mesh.run([mesh.photod, "--show-key"], env=other)
            self.assertEqual(again.stdout, shown.stdout)
            mesh.settle([a, mesh.start(mesh.dir + "/photos/bob", env=other)])

    def test_start_up_mistakes(self):
        """start-up mistakes: one sentence on stderr, exit 1; usage exit 2"""
        with Mesh() as mesh:
            photo = mesh.sample("alice")
            mesh.start(photo)

            def says(*argv):
                done = mesh.run([mesh.photod, "-p", str(mesh.base_port),
                                 *argv], timeout=20)
                return done.returncode, done.stderr.decode()
            code, text = says(os.path.join(mesh.dir, "nowhere"))
            self.assertEqual(code, 1)
            self.assertIn("nowhere", text)
            code, text = says(photo)  # its state is in use
            self.assertEqual(code, 1)
            self.assertEqual(len(text.strip().splitlines()), 1, text)
            code, text = says()
            self.assertEqual(code, 2)
            code, text = says("--no-such-option", photo)
            self.assertEqual(code, 2)
            done = mesh.run([mesh.photod, "--version"])
            self.assertEqual(done.returncode, 0)
            self.assertIn(b"protocol", done.stdout)
            done = mesh.run([mesh.photod, "--help"])
            self.assertEqual(done.returncode, 0)
            self.assertIn(b"--rescan-interval", done.stdout)
            for what in ("--help", "--version", "--show-key"):
                done = mesh.run(["sh", "-c", '"$@" > /dev/full', "sh",
                                 mesh.photod, what])
                self.assertEqual(done.returncode, 1, what)
                self.assertIn(b"No space left", done.stderr)


if __name__ == "__main__":
    tap.main()
