"""photo get, the client's part: a daemon made of paste gives photos in every
manner there is, and what lies on disk afterwards is looked at."""
import json
import os
import pty
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import Mesh, fingerprint, wait_until  # noqa: E402
from paste import Paste, Photo  # noqa: E402


def got_line(out):
    """The one of --json that says what was got; progress stands around it."""
    lines = [json.loads(x) for x in out.splitlines()]
    return [x for x in lines if "got" in x][-1]


class Get(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)
        self.dir = self.mesh.folder("here")

    def photo(self, *args, **kw):
        return self.mesh.run([self.mesh.photo_path, *args], cwd=self.dir,
                             **kw)

    def spawn(self, *args, **kw):
        p = subprocess.Popen([self.mesh.photo_path, *args],
                             env=self.mesh.env, cwd=self.dir,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, **kw)
        self.mesh.children.append(p)
        return p

    def files(self, below=""):
        return sorted(os.listdir(os.fsencode(os.path.join(self.dir, below))))

    def read(self, name):
        with open(os.path.join(os.fsencode(self.dir), os.fsencode(name)),
                  "rb") as f:
            return f.read()

    def test_many(self):
        """three hundred photos: all whole, eight at a time, with their times
        """
        photos = [Photo(os.urandom(100 + i), "p/img-%03d.jpg" % i)
                  for i in range(300)]
        with Paste(self.mesh, photos) as d:
            done = self.photo("get", "img", "-o", "trip/")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(d.gets), 300)
            self.assertLessEqual(d.most_open, 8)
            self.assertGreater(d.most_open, 3)
            rows = done.stdout.decode().splitlines()
            self.assertEqual(sorted(rows), sorted(
                "%s\ttrip/img-%03d.jpg" % (p.id[:16].hex(), i)
                for i, p in enumerate(photos)))
            for i, p in enumerate(photos):
                self.assertEqual(self.read("trip/img-%03d.jpg" % i), p.data)
            st = os.stat(os.path.join(self.dir, "trip/img-007.jpg"))
            self.assertEqual(st.st_mtime_ns, 1688205600500000000)
            self.assertEqual(len(self.files("trip")), 300)
            before = fingerprint(self.dir)
            again = self.photo("--json", "get", "img", "-o", "trip")
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertEqual(len(d.gets), 300)
            said = [json.loads(x) for x in again.stdout.splitlines()]
            self.assertEqual(len([s for s in said if s.get("existing")]), 300)
            self.assertEqual(before, fingerprint(self.dir))

    def test_names(self):
        """odd names land in the folder, safe; equal ones get numbers"""
        odd = [b"../../up.jpg", b"/etc/passwd", b".hidden", b"new\nline.jpg",
               b"\x1b[2Jesc.jpg", b"bad\xff.jpg", b"n" * 300 + b".jpg", b"..",
               b"dup.jpg", b"x/dup.jpg", b"y/dup.jpg"]
        photos = [Photo(b"bytes %d" % i, n) for i, n in enumerate(odd)]
        with Paste(self.mesh, photos) as d:
            done = self.photo("get", *[p.id[:16].hex() for p in photos])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(set(self.files()), {
                b"up.jpg", b"passwd", b"_hidden", b"new_line.jpg",
                b"_[2Jesc.jpg", b"bad\xff.jpg", b"n" * 251 + b".jpg", b"_.",
                b"dup.jpg", b"dup (1).jpg", b"dup (2).jpg"})
            self.assertNotIn(b"\x1b", done.stdout + done.stderr)
            self.assertIn(b"bad\\xff.jpg", done.stdout)
            self.assertEqual(len(d.gets), len(odd))
            # All of them again, and the same one twice: nothing is fetched.
            ids = [p.id[:16].hex() for p in photos]
            done = self.photo("get", *ids, *ids)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(d.gets), len(odd))
            js = self.photo("--json", "get", photos[5].id[:16].hex())
            got = got_line(js.stdout)
            self.assertEqual(got["file_hex"], b"bad\xff.jpg".hex())

    def test_twice_in_one_run(self):
        """one photo named twice is got once"""
        p = Photo(os.urandom(50000), "a.jpg")
        with Paste(self.mesh, [p]):
            done = self.photo("get", p.id[:16].hex(), p.id[:16].hex())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.files(), [b"a.jpg"])

    def test_nothing_is_overwritten(self):
        """another file of that name stays, a link is not followed"""
        p = Photo(b"the photo", "a.jpg")
        with open(os.path.join(self.dir, "a.jpg"), "wb") as f:
            f.write(b"precious!")
        os.symlink("/nowhere", os.path.join(self.dir, "a (1).jpg"))
        with Paste(self.mesh, [p]):
            done = self.photo("get", "a.jpg")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.read("a.jpg"), b"precious!")
            self.assertEqual(self.read("a (2).jpg"), p.data)
            done = self.photo("get", "a.jpg", "-o", "a.jpg")
            self.assertEqual(done.returncode, 7)
            self.assertIn(b"nothing is ever overwritten", done.stderr)
            self.assertEqual(self.read("a.jpg"), b"precious!")

    def test_output_forms(self):
        """-o FILE, DIR, DIR/, - and what cannot be"""
        a, b = Photo(b"one", "a.jpg"), Photo(b"two", "b.jpg")
        os.mkdir(os.path.join(self.dir, "there"))
        with Paste(self.mesh, [a, b]) as d:
            for args, code, made in (
                    (["a.jpg", "-o", "x.bin"], 0, "x.bin"),
                    (["a.jpg", "-o", "there/x.bin"], 0, "there/x.bin"),
                    (["a.jpg", "-o", "there"], 0, "there/a.jpg"),
                    (["a.jpg", "-o", "new/"], 0, "new/a.jpg"),
                    (["jpg", "-o", "many.bin"], 2, None),
                    (["jpg", "-o", "-"], 2, None),
                    ([a.id[:16].hex(), b.id[:16].hex(), "-o", "m"], 2, None),
                    (["a.jpg", "-o", "no/such/x"], 2, None),
                    (["a.jpg", "-o", "no/such/"], 1, None),
                    (["a.jpg", "-o", ""], 2, None),
                    (["zzz", "-o", "none/"], 3, None),
                    (["ffffffff"], 3, None)):
                done = self.photo("get", *args)
                self.assertEqual(done.returncode, code, (args, done))
                if made:
                    self.assertEqual(self.read(made), b"one")
            self.assertEqual(self.files(), [b"new", b"there", b"x.bin"])
            done = self.photo("--json", "get", "a.jpg", "-o", "-")
            self.assertEqual(done.returncode, 2)
            before = len(d.gets)
            dry = self.photo("get", "jpg", "--dry-run", "-o", "dry/")
            self.assertEqual(dry.returncode, 0)
            self.assertEqual(dry.stdout.decode().splitlines(), [
                "%s\t3\tbob\ta.jpg" % a.id[:16].hex(),
                "%s\t3\tbob\tb.jpg" % b.id[:16].hex()])
            self.assertEqual(len(d.gets), before)
            self.assertNotIn(b"dry", self.files())

    def test_stream(self):
        """-o -: the bytes, checked; wrong ones end in 9; a reader may go"""
        big = os.urandom(10 * 1024 * 1024 + 12345)
        photos = [Photo(big, "big.jpg"), Photo(b"", "empty.jpg"),
                  Photo(b"x" * 5000000, "wrong.jpg", "wrong")]
        with Paste(self.mesh, photos) as d:
            done = self.photo("get", "big", "-o", "-")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout == big)
            self.assertTrue(all(0 < g[2] <= 4 << 20 for g in d.gets))
            self.assertEqual(self.photo("get", "empty", "-o", "-").stdout,
                             b"")
            done = self.photo("get", "wrong", "-o", "-")
            self.assertEqual(done.returncode, 9)
            self.assertIn(b"is not the photo", done.stderr)
            p = self.spawn("get", "big", "-o", "-")
            p.stdout.read(1000)
            p.stdout.close()
            self.assertEqual(p.wait(20), 0)
            self.assertEqual(p.stderr.read(), b"")
            p.stdout = None
        self.assertEqual(self.files(), [])

    def test_failures(self):
        """what can be got is got; the worst decides the exit code"""
        photos = [Photo(b"1", "a1.jpg"), Photo(b"2", "a2.jpg", "away"),
                  Photo(b"3", "b1.jpg", "refused"), Photo(b"4", "b2.jpg"),
                  Photo(b"5", "c1.jpg", "damaged"), Photo(b"6", "c2.jpg")]
        with Paste(self.mesh, photos):
            done = self.photo("get", "jpg", "-o", "a/")
            self.assertEqual(done.returncode, 9)
            self.assertEqual(self.files("a"),
                             [b"a1.jpg", b"b2.jpg", b"c2.jpg"])
            self.assertIn(b"3 of 6 could not be got", done.stderr)
            for word, code, says in (("a2", 6, "held by (bob)"),
                                     ("b1", 7, "bob says refused"),
                                     ("c1", 9, "bob says damaged")):
                done = self.photo("--json", "get", word, "-o", "b/")
                self.assertEqual(done.returncode, code)
                last = json.loads(done.stdout.splitlines()[-1])
                self.assertEqual(last["exit"], code)
                self.assertIn(says.encode(), done.stdout)
            done = self.photo("get", "ffffffff", photos[0].id[:16].hex())
            self.assertEqual(done.returncode, 3)
            self.assertEqual(self.read("a1.jpg"), b"1")
            self.assertEqual(self.files("b"), [])

    def test_interrupted_and_resumed(self):
        """Ctrl-C leaves no final name, and the next run goes on"""
        p = Photo(os.urandom(100000), "slow.jpg", "stall")
        with Paste(self.mesh, [p]) as d:
            run = self.spawn("get", "slow")
            self.assertTrue(d.stalled.wait(20))
            run.send_signal(signal.SIGINT)
            out, err = run.communicate(timeout=20)
            self.assertEqual(run.returncode, 130)
            self.assertEqual(out, b"")
            part = b".photomesh-%s.part" % p.id[:16].hex().encode()
            self.assertEqual(self.files(), [part])
            self.assertEqual(err.count(b"unfinished file stays in ."), 1)
            st = os.stat(os.path.join(os.fsencode(self.dir), part))
            self.assertEqual(st.st_mode & 0o777, 0o600)
            p.manner = "half"  # now the daemon dies
            done = self.photo("-q", "get", "slow")
            self.assertEqual(done.returncode, 5)
            self.assertEqual(self.files(), [part])
            self.assertNotIn(b"unfinished", done.stderr)
            p.manner = "ok"
            done = self.photo("--json", "get", "slow")
            self.assertEqual(done.returncode, 0, done.stderr)
            got = got_line(done.stdout)
            self.assertGreaterEqual(got["resumed"], 75000)
            self.assertEqual(got["from"], "bob")
            self.assertEqual(self.files(), [b"slow.jpg"])
            self.assertTrue(self.read("slow.jpg") == p.data)
            st = os.stat(os.path.join(self.dir, "slow.jpg"))
            self.assertEqual(st.st_mode & 0o777, 0o666 & ~_umask())

    def test_interrupted_before_anything_came(self):
        """Ctrl-C while it waits for consent leaves nothing at all"""
        p = Photo(b"secret", "s.jpg", "consent")
        with Paste(self.mesh, [p]) as d:
            run = self.spawn("get", "s.jpg")
            wait_until(lambda: d.asked, "the question")
            line = run.stderr.readline()
            self.assertIn(b"waiting for bob's consent: s.jpg", line)
            run.send_signal(signal.SIGINT)
            run.wait(20)
            self.assertEqual(run.returncode, 130)
            self.assertEqual(self.files(), [])

    def test_two_clients(self):
        """two runs for one photo: one fills, both end well"""
        p = Photo(os.urandom(100000), "a.jpg", "consent")
        with Paste(self.mesh, [p]) as d:
            runs = [self.spawn("get", "a.jpg") for _ in range(2)]
            wait_until(lambda: d.asked, "the question")
            wait_until(lambda: d.connections >= 2, "two clients")
            d.yes.add(p.id)
            for r in runs:
                self.assertEqual(r.wait(30), 0, r.stderr.read())
            self.assertEqual(self.files(), [b"a.jpg"])
            self.assertEqual(len(d.gets), 1)

    def test_consent_does_not_block(self):
        """thirty that wait for a yes keep no other from coming"""
        photos = [Photo(b"c%d" % i, "c%02d.jpg" % i, "consent")
                  for i in range(30)]
        photos += [Photo(b"o%d" % i, "o%d.jpg" % i) for i in range(5)]
        with Paste(self.mesh, photos) as d:
            run = self.spawn("get", "jpg")
            wait_until(lambda: sum(f.startswith(b"o") for f in self.files())
                       == 5, "those that nobody guards")
            # every one of the others has been asked for
            wait_until(lambda: len(d.asked) == 30, "all requests")
            d.yes.update(p.id for p in photos)
            out, err = run.communicate(timeout=60)
            self.assertEqual(run.returncode, 0, err)
            self.assertEqual(len(self.files()), 35)
            self.assertEqual(len(out.splitlines()), 35)

    def test_consent_with_a_timeout(self):
        """a --timeout that was given also ends waiting for people"""
        p = Photo(b"secret", "s.jpg", "consent")
        with Paste(self.mesh, [p]):
            done = self.photo("--timeout", "1", "get", "s.jpg")
            self.assertEqual(done.returncode, 8)
            self.assertIn(b"bob has not answered yet", done.stderr)
            self.assertEqual(self.files(), [])
        # Who does not answer will not remember.
        with Paste(self.mesh, [Photo(b"far", "s.jpg", "mute")]):
            done = self.photo("--timeout", "1", "get", "s.jpg")
            self.assertEqual(done.returncode, 8, done.stderr)
            self.assertIn(b"nobody who holds it answers (bob)", done.stderr)
            self.assertNotIn(b"remembered", done.stderr)

    def test_many_consents_with_a_timeout(self):
        """asking anew for those that were set aside is no progress"""
        photos = [Photo(b"c%d" % i, "c%d.jpg" % i, "consent")
                  for i in range(9)]
        with Paste(self.mesh, photos) as d:
            done = self.photo("--timeout", "6", "get", "jpg", timeout=30)
            self.assertEqual(done.returncode, 8, done.stderr)
            self.assertIn(b"bob has not answered yet", done.stderr)
            self.assertEqual(len(d.asked), 9)
            self.assertGreater(len(d.gets), 9 + 7)  # anew, meanwhile
            self.assertEqual(self.files(), [])

    def test_stream_with_a_timeout(self):
        """to standard output, people get no more time either"""
        p = Photo(b"secret", "s.jpg", "consent")
        with Paste(self.mesh, [p]):
            done = self.photo("--timeout", "1", "get", "s.jpg", "-o", "-",
                              timeout=30)
            self.assertEqual(done.returncode, 8, done.stderr)
            self.assertIn(b"bob has not answered yet", done.stderr)
            self.assertEqual(done.stdout, b"")

    def test_dry_run_counts_what_can_come(self):
        """what only nodes hold that are away is no byte that would be got"""
        photos = [Photo(b"x" * 1000, "a1.jpg"),
                  Photo(b"y" * 50000, "a2.jpg", "away")]
        with Paste(self.mesh, photos):
            master, slave = pty.openpty()
            run = subprocess.Popen(
                [self.mesh.photo_path, "get", "jpg", "--dry-run"],
                env=dict(self.mesh.env, TERM="xterm", COLUMNS="80"),
                cwd=self.dir, stdin=slave, stdout=slave,
                stderr=subprocess.PIPE)
            self.mesh.children.append(run)
            self.assertIn(b"1 photo, 1.0 kB would be got", run.stderr.read())
            self.assertEqual(run.wait(20), 6)
            os.close(master)
            os.close(slave)

    def test_no_room_and_no_right(self):
        """a folder that cannot be written is said once for each photo"""
        p = Photo(b"x", "a.jpg")
        with Paste(self.mesh, [p]):
            done = self.photo("get", "a.jpg", "-o", "/proc/")
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"cannot be written", done.stderr)

    def test_a_folder_without_search_permission(self):
        """names cannot be looked at there: said at once, and that is all"""
        shut = os.path.join(self.dir, "shut")
        os.mkdir(shut)
        p = Photo(b"x", "a.jpg")
        # root needs no permission: without its capabilities it does
        drop = (["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
                if os.geteuid() == 0 else [])
        with Paste(self.mesh, [p]) as d:
            os.chmod(shut, 0o644)
            done = self.mesh.run([*drop, self.mesh.photo_path, "get", "a.jpg",
                                  "-o", "shut/"], cwd=self.dir)
            os.chmod(shut, 0o755)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(b"cannot be used: Permission denied", done.stderr)
            self.assertEqual(d.gets, [])

    def test_terminal(self):
        """on a terminal: a bar that goes away; no photo is written to it"""
        p = Photo(os.urandom(1000), "a.jpg", "consent")
        with Paste(self.mesh, [p]) as d:
            master, slave = pty.openpty()
            env = dict(self.mesh.env, TERM="xterm", COLUMNS="80")
            run = subprocess.Popen(
                [self.mesh.photo_path, "get", "a.jpg"], env=env,
                cwd=self.dir, stdin=slave, stdout=slave, stderr=slave)
            self.mesh.children.append(run)
            seen = b""
            wait_until(lambda: d.asked, "the question")
            while b"waiting for bob's consent" not in seen or \
                    b"get [" not in seen:
                seen += os.read(master, 4096)
            d.yes.add(p.id)
            self.assertEqual(run.wait(20), 0)
            while b"1 photo, 1.0 kB" not in seen:
                seen += os.read(master, 4096)
            self.assertRegex(seen, rb"a\.jpg.*from bob")
            for line in re.split(rb"[\r\n]", seen):
                self.assertLess(len(re.sub(rb"\x1b\[[0-9;]*[mK]", b"",
                                           line)), 140)
            run = subprocess.Popen(
                [self.mesh.photo_path, "get", "a.jpg", "-o", "-"], env=env,
                cwd=self.dir, stdin=slave, stdout=slave,
                stderr=subprocess.PIPE)
            self.mesh.children.append(run)
            self.assertIn(b"not written to a terminal", run.stderr.read())
            self.assertEqual(run.wait(20), 2)
            os.close(master)
            os.close(slave)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


if __name__ == "__main__":
    tap.main()
