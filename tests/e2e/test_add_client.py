"""photo add and photo check, the client's part, against a daemon of paste that
has one folder of its own and a friend called bob."""
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from paste import BOB, Paste, Photo  # noqa: E402

JULY_2023, MARCH_1999 = 1688205600, 922000000


def jpeg(text):
    return b"\xff\xd8" + text


class Base(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)
        self.root = self.mesh.folder("root")
        self.card = self.mesh.folder("card")

    def write(self, name, data, mtime=JULY_2023, top=None):
        path = os.path.join(os.fsencode(top or self.card), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        os.utime(path, (mtime, mtime))
        return path

    def paste(self, photos=(), **kw):
        d = Paste(self.mesh, photos, roots={"Pictures": self.root}, **kw)
        self.addCleanup(d.__exit__)
        d.scan()
        return d

    def photo(self, *args, **kw):
        return self.mesh.run([self.mesh.photo_path, *args], cwd=self.card,
                             **kw)

    def tree(self, top):
        found = []
        for here, _, files in os.walk(os.fsencode(top)):
            found += [os.path.relpath(os.path.join(here, f),
                                      os.fsencode(top)) for f in files]
        return sorted(found)


class Add(Base):
    def test_add(self):
        """new ones are copied by date, held ones named, sources untouched"""
        held = Photo(jpeg(b"held"), "h.jpg")
        self.write("DCIM/a.jpg", jpeg(b"a"))
        self.write("DCIM/b.jpg", jpeg(b"b" * 600000), MARCH_1999)
        self.write("DCIM/same.jpg", jpeg(b"a"))
        self.write("DCIM/bad\xff\n.jpg".encode("latin-1"), jpeg(b"odd"))
        self.write("DCIM/held.jpg", held.data)
        self.write("DCIM/info.txt", b"text")
        self.write("DCIM/.hidden.jpg", jpeg(b"hidden"))
        os.symlink("a.jpg", os.path.join(self.card, "DCIM/link.jpg"))
        os.mkfifo(os.path.join(self.card, "DCIM/fifo.jpg"))
        self.mesh.guard(self.card)
        self.paste([held])
        dry = self.photo("add", "--dry-run", "DCIM")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assertEqual(self.tree(self.root), [])
        self.assertEqual(dry.stdout.count(b"would-add\t"), 3)
        done = self.photo("add", "DCIM")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [r.split(b"\t") for r in done.stdout.splitlines()]
        self.assertEqual(sorted(r[0] for r in rows), [
            b"added", b"added", b"added", b"held", b"not-media", b"twice"])
        self.assertEqual([r[3] for r in rows if r[0] == b"held"], [b"bob"])
        self.assertEqual(self.tree(self.root), [
            b"1999/1999-03/b.jpg", b"2023/2023-07/a.jpg",
            b"2023/2023-07/bad\xff_.jpg"])
        at = os.path.join(self.root, "1999/1999-03/b.jpg")
        with open(at, "rb") as f:
            self.assertEqual(f.read(), jpeg(b"b" * 600000))
        self.assertEqual(os.stat(at).st_mtime, MARCH_1999)
        again = self.photo("--json", "add", "DCIM", "DCIM/a.jpg")
        self.assertEqual(again.returncode, 0, again.stderr)
        said = [json.loads(x) for x in again.stdout.splitlines()]
        self.assertEqual({s["add"] for s in said if "add" in s},
                         {"held", "not-media"})
        self.assertIn(["paste"], [s["holders"] for s in said if "add" in s])
        self.assertEqual(len(self.tree(self.root)), 3)

    def test_conflicts(self):
        """never overwrites; what lies there unlisted counts as there"""
        self.write("a.jpg", jpeg(b"new"))
        self.write("b.jpg", jpeg(b"same"))
        d = self.paste()
        self.write("2023/2023-07/a.jpg", jpeg(b"old"), top=self.root)
        self.write("2023/2023-07/b.jpg", jpeg(b"same"), top=self.root)
        self.assertEqual(d.own, {})  # not looked at yet
        done = self.photo("add", ".")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"existing\t", done.stdout)
        self.assertEqual(self.tree(self.root), [
            b"2023/2023-07/a (1).jpg", b"2023/2023-07/a.jpg",
            b"2023/2023-07/b.jpg"])

    def test_refusals(self):
        """a served folder, a missing file, an unknown root"""
        self.write("x.jpg", jpeg(b"x"), top=self.root)
        self.write("a.jpg", jpeg(b"a"))
        self.mesh.guard(self.card)
        self.paste()
        done = self.photo("add", self.root)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"which paste serves already", done.stderr)
        done = self.photo("add", os.path.join(self.root, "x.jpg"))
        self.assertEqual(done.returncode, 2)
        # through a link, and as a part of something larger
        os.symlink(self.root, os.path.join(self.mesh.dir, "link"))
        done = self.photo("add", os.path.join(self.mesh.dir, "link"))
        self.assertEqual(done.returncode, 2)
        done = self.photo("add", os.path.dirname(self.root), "--dry-run")
        self.assertIn(b"serves already", done.stderr)
        self.assertEqual(done.stdout.count(b"would-add"), 1)
        self.assertEqual(self.photo("add", "a.jpg", "--root",
                                    "nope").returncode, 3)
        done = self.photo("add", "nothing.jpg", "a.jpg", "--root", "Pictures")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"nothing.jpg: No such file", done.stderr)
        self.assertEqual(len(self.tree(self.root)), 2)

    def test_a_link_in_the_root(self):
        """a year that is a link leads nowhere"""
        elsewhere = self.mesh.folder("elsewhere")
        os.symlink(elsewhere, os.path.join(self.root, "2023"))
        self.write("a.jpg", jpeg(b"a"))
        self.paste()
        done = self.photo("add", "a.jpg")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.tree(elsewhere), [])

    def test_many_words(self):
        """as many files as the shell hands over"""
        for i in range(500):
            self.write("%03d.jpg" % i, jpeg(b"%d" % i))
        self.paste()
        done = self.photo("add", *sorted(os.listdir(self.card)))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.tree(self.root)), 500)

    def temporary(self):
        return [f for f in self.tree(self.root) if b".photomesh" in f]

    def interrupted(self, name, size, how):
        """That signal while it copies that; the code."""
        path = self.write(name, jpeg(name.encode() + b"x" * size))
        run = subprocess.Popen(
            [self.mesh.photo_path, "add", path], env=self.mesh.env,
            cwd=self.card, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.mesh.children.append(run)
        wait_until(lambda: self.temporary() or run.poll() is not None,
                   "a temporary file", every=0.001)
        run.send_signal(how)
        code = run.wait(30)
        os.unlink(path)
        self.assertEqual(self.temporary(), [])
        return code

    def test_interrupted(self):
        """Ctrl-C, SIGTERM and the end of the terminal leave no temporary file
        """
        self.paste()
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            codes = []
            while 130 not in codes:
                # The copy may be over before the signal is there: a larger
                # one.
                self.assertLess(len(codes), 5, "never in the midst")
                codes.append(self.interrupted(
                    "big-%d-%d.jpg" % (how, len(codes)),
                    (1 + len(codes)) * 64 << 20, how))
                self.assertIn(codes[-1], (130, 0))

    def test_too_large(self):
        """a file larger than may be written: said, and nothing is left"""
        self.paste()
        self.write("big.jpg", jpeg(b"x" * 300000))
        done = self.mesh.run(
            [self.mesh.photo_path, "add", "big.jpg"], cwd=self.card,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                  (100000, 100000)))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"File too large", done.stderr)
        self.assertEqual(self.temporary(), [])


class Check(Base):
    def test_check(self):
        """proved, few, unproved, damaged, new: each its word and its code"""
        a, rot = Photo(jpeg(b"a"), "a"), Photo(jpeg(b"r"), "r", "rotten")
        self.write("a.jpg", a.data)
        self.write("note.txt", b"text")
        self.mesh.guard(self.card)
        d = self.paste([a, rot])
        done = self.photo("check", ".")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"1 held by 1 or more nodes, 1 neither photo nor video;"
                      b" safe to format: yes", done.stderr)
        rows = dict((r.split(b"\t")[4], r.split(b"\t"))
                    for r in done.stdout.splitlines())
        self.assertEqual(rows[b"./a.jpg"][0::2][:2], [b"held", b"1"])
        self.assertEqual(rows[b"./a.jpg"][3], b"bob")
        done = self.photo("check", ".", "--copies", "2")
        self.assertEqual(done.returncode, 6)
        self.assertIn(b"few\t", done.stdout)
        self.write("x/new.jpg", jpeg(b"new"), top=self.root)
        done = self.photo("check", "a.jpg", "note.txt", "nothing")
        self.assertEqual(done.returncode, 6)
        d.bob_online = False
        done = self.photo("--json", "check", "a.jpg")
        self.assertEqual(done.returncode, 6)
        first, last = [json.loads(x) for x in done.stdout.splitlines()
                       if b'"check"' in x and b"progress" not in x]
        self.assertEqual((first["check"], first["unproved"]),
                         ("unproved", ["bob"]))
        self.assertEqual((last["check"], last["safe"]), ("summary", False))
        d.bob_online = True
        self.mesh.unguard(self.card)
        self.write("rot.jpg", rot.data)
        self.write("new.jpg", jpeg(b"n"))
        done = self.photo("check", ".")
        self.assertEqual(done.returncode, 9)
        self.assertIn(b"damaged\t", done.stdout)
        self.assertIn(b"new\t", done.stdout)
        self.assertIn(b"safe to format: no", done.stderr)

    def test_nothing_to_check(self):
        """an empty folder is not called safe"""
        self.paste()
        done = self.photo("check", ".")
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"safe to format: no", done.stderr)

    def test_a_served_folder_is_no_witness(self):
        """a folder's own daemon does not vouch for it, whichever is asked"""
        self.write("a.jpg", jpeg(b"a"), top=self.root)
        d = self.paste()
        self.assertEqual(len(d.own), 1)
        done = self.photo("check", self.root)
        self.assertEqual(done.returncode, 6)
        self.assertIn(b"new\t", done.stdout)
        self.assertIn(b"lie in a served folder", done.stderr)
        # now bob serves a folder of this machine too, and that is checked
        self.write("a.jpg", jpeg(b"b"))
        other = Paste(self.mesh, [], port=24998, roots={"c": self.card},
                      node=BOB)
        self.addCleanup(other.__exit__)
        d.photos.append(Photo(jpeg(b"b"), "a.jpg"))
        done = self.photo("-p", "24999", "check", ".")
        self.assertEqual(done.returncode, 6, done.stdout)
        done = self.photo("-p", "24999", "--json", "check", ".")
        self.assertIn(b'"itself":["bob"]', done.stdout)

    def test_withdrawn_behind_its_proof(self):
        """whose copy was read cannot be told any more: unproved, and the
        others are checked all the same"""
        a = Photo(jpeg(b"a"), "a.jpg")
        self.write("a.jpg", a.data)
        self.write("new.jpg", jpeg(b"n"))
        d = self.paste([a])
        bobs = Paste(self.mesh, [], port=24998, node=BOB,
                     roots={"bob": self.mesh.folder("bob")})
        self.addCleanup(bobs.__exit__)
        done = self.photo("-p", "24999", "check", "a.jpg")
        self.assertEqual(done.returncode, 0, done.stderr)
        d.shows = False
        done = self.photo("-p", "24999", "check", ".")
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertEqual(sorted(r.split(b"\t")[0] for r in
                                done.stdout.splitlines()),
                         [b"new", b"unproved"])

    def test_a_daemon_that_does_not_say_what_it_serves(self):
        """its proof may be of the very file: nothing is called safe then"""
        a = Photo(jpeg(b"a"), "a")
        self.write("a.jpg", a.data)
        self.paste([a])
        for reserve in ("silent", "stranger", "closes", "ends", "error"):
            with Paste(self.mesh, [], port=25000, node=BOB, reserve=reserve):
                done = self.photo("-p", "24999", "check", ".")
                self.assertEqual(done.returncode, 6, (reserve, done))
                self.assertIn(b"held\t", done.stdout)
                self.assertIn(b"so nothing can be called safe; try again",
                              done.stderr)
                self.assertIn(b"1 silent daemon; safe to format: no",
                              done.stderr)
                if reserve != "error":
                    continue
                done = self.photo("-p", "24999", "-q", "check", ".")
                self.assertEqual(done.returncode, 6)
                self.assertIn(b"try again", done.stderr)
                done = self.photo("-p", "24999", "--json", "check", ".")
                self.assertEqual(done.returncode, 6)
                last = [json.loads(x) for x in done.stdout.splitlines()
                        if b'"summary"' in x][-1]
                self.assertEqual((last["safe"], last["silent"]), (False, 1))
        # A socket that nobody listens on any more keeps nothing back.
        dead = socket.socket(socket.AF_UNIX)
        self.addCleanup(dead.close)
        dead.bind(os.path.join(self.mesh.env["PHOTOMESH_RUNTIME"],
                               "photomesh", "25000.sock"))
        done = self.photo("-p", "24999", "check", ".")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(b"daemon", done.stderr)


if __name__ == "__main__":
    tap.main()
