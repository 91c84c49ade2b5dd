"""The owner's word, from both ends, as people say and hear it.

`photo get` at alice asks for photos of bob, `photo requests`, `approve`, `deny`
and `watch` are the owner's.  In whatever order asking, answering, going away
and coming back happen: nothing leaves without a yes, nobody asks twice for what
was answered, and after a yes every byte comes.
"""
import json
import os
import re
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from paste import photo_id  # noqa: E402


class Consent(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)
        self.here = self.mesh.folder("here")
        self.photos = {}
        self.folder = self.mesh.folder("bob")
        for name in ("one", "two", "three"):
            data = b"\xff\xd8\xff\xe0" + name.encode() * 5000 + b"\xff\xd9"
            with open(os.path.join(self.folder, name + ".jpg"), "wb") as f:
                f.write(data)
            self.photos[name] = data
        self.mesh.guard(self.folder)
        self.alice = self.mesh.start(self.mesh.folder("alice"))
        self.bob = None

    def owner(self, share="ask"):
        self.bob = self.mesh.start(self.folder, "--share", share)
        self.mesh.settle([self.alice, self.bob], 3)
        return self.bob

    def run_get(self, *what):
        """photo get at alice, its lines as they come; to be ended or awaited"""
        p = self.mesh.spawn_photo("-p", self.alice.port, "get", *what,
                                  "-o", self.here)
        return p

    def get(self, *what, timeout=None):
        return self.alice.photo("get", *what, "-o", self.here,
                                timeout=timeout)

    def hex(self, name):
        return photo_id(self.photos[name])[:16].hex()

    def has(self, *names):
        """Exactly these lie there, and are right."""
        self.assertEqual(sorted(os.listdir(self.here)),
                         sorted(n + ".jpg" for n in names))
        for n in names:
            with open(os.path.join(self.here, n + ".jpg"), "rb") as f:
                self.assertEqual(f.read(), self.photos[n])

    def requests(self):
        a = self.bob.photo("--json", "requests")
        self.assertEqual(a.code, 0, a)
        return [r for r in a.json if "request" in r]

    def rules(self):
        return [(r["rule"], r["node"]) for r in
                self.bob.photo("--json", "requests").json if "rule" in r]

    def asked(self, *states):
        """Await that so many requests stand there, in these states."""
        return wait_until(lambda: [r for r in [self.requests()] if
                                   [x["state"] for x in r] == list(states)],
                          "requests that are %r" % (states,))[0]

    def say(self, verb, *what):
        a = self.bob.photo(verb, *what)
        self.assertEqual(a.code, 0, a)
        return int(a.text.split("\t")[2])

    def ended(self, p, code):
        out, err = p.communicate(timeout=60)
        self.assertEqual(p.returncode, code, err)
        return out, err

    def test_yes(self):
        """asked, shown live, approved: the get that waits goes on"""
        self.owner()
        watch = self.mesh.spawn_watch(self.bob)
        p = self.run_get("one")
        r = self.asked("waiting")[0]
        self.assertEqual((r["id"], r["node"], r["name"]),
                         (self.hex("one"), "alice", "one.jpg"))
        for line in watch.stdout:
            e = json.loads(line)
            if e["event"] == "request":
                break
        self.assertEqual((e["id"], e["count"]), (self.hex("one"),
                                                 r["request"]))
        self.assertIsNone(p.poll())
        self.assertEqual(self.say("approve", r["request"]), 1)
        _, err = self.ended(p, 0)
        self.assertIn(b"waiting for bob's consent", err)
        self.has("one")
        # said once, it holds for this photo and for no other
        os.unlink(os.path.join(self.here, "one.jpg"))
        self.assertEqual(self.get(self.hex("one")).code, 0)
        self.has("one")
        self.assertEqual(len(self.requests()), 1)

    def test_no(self):
        """denied while it waits: exit 7; and again at once; then a yes"""
        self.owner()
        p = self.run_get("one")
        number = self.asked("waiting")[0]["request"]
        self.say("deny", number)
        _, err = self.ended(p, 7)
        self.assertIn(b"bob", err)
        self.assertEqual(self.get("one").code, 7)
        self.has()
        self.asked("denied")
        self.say("approve", number)
        self.assertEqual(self.get("one").code, 0)
        self.has("one")
        a = self.bob.photo("approve", 99)
        self.assertEqual(a.code, 3, a)

    def test_always(self):
        """a node is answered for good: what waits, and what is still to come"""
        self.owner()
        p = self.run_get("one")
        self.asked("waiting")
        self.assertEqual(self.say("approve", "alice", "--always"), 1)
        self.ended(p, 0)
        self.assertEqual(self.get("two").code, 0)
        self.assertEqual(self.rules(), [("approve", "alice")])
        self.say("deny", "alice", "--always")
        self.assertEqual(self.rules(), [("deny", "alice")])
        self.assertEqual(self.get("three").code, 7)
        self.has("one", "two")
        # it outlives the daemon
        self.bob.kill()
        self.owner()
        self.assertEqual(self.get("three").code, 7)
        self.say("approve", "alice", "--always")
        self.assertEqual(self.get("three").code, 0)
        self.has("one", "two", "three")

    def test_answered_before(self):
        """a rule made before anything was asked"""
        self.owner()
        self.say("approve", "alice", "--always")
        self.assertEqual(self.get("jpg").code, 0)
        self.has("one", "two", "three")
        self.assertEqual(self.requests(), [])

    def test_the_asker_goes(self):
        """asked, given up, answered meanwhile: it is there on coming back"""
        self.owner()
        p = self.run_get("one")
        number = self.asked("waiting")[0]["request"]
        p.send_signal(signal.SIGINT)
        self.ended(p, 130)
        self.has()
        self.alice.kill()
        self.say("approve", number)
        self.alice = self.mesh.start(os.path.join(self.mesh.dir, "photos",
                                                  "alice"))
        self.mesh.settle([self.alice, self.bob], 3)
        self.assertEqual(self.get("one").code, 0)
        self.has("one")
        # with --timeout it ends by itself, and says that it is remembered
        a = self.alice.photo("--timeout", 1, "get", "two", "-o", self.here)
        self.assertEqual(a.code, 8, a)
        self.assertIn("remembered", a.err)
        number = self.asked("approved", "waiting")[1]["request"]
        p = self.run_get("two")  # the same request, not another
        self.say("approve", number)
        self.ended(p, 0)
        self.assertEqual(len(self.requests()), 2)
        self.has("one", "two")

    def test_the_owner_goes(self):
        """nobody is home; then he is; he leaves while one waits, and answers
        after he came back"""
        self.owner()
        self.bob.kill()
        wait_until(lambda: any(p["state"] == "gone" for p in
                               self.mesh.peers(self.alice)), "bob to be gone")
        a = self.get("one")
        self.assertEqual(a.code, 6, a)
        self.assertIn("bob", a.err)
        self.owner()
        p = self.run_get("one")
        number = self.asked("waiting")[0]["request"]
        # What was asked is on disk at the end of a life, and after a crash at
        # the latest with the next asking.
        self.assertEqual(self.bob.end(), 0)
        self.owner()
        self.assertEqual([r["request"] for r in self.asked("waiting")],
                         [number])
        if p.poll() is not None:  # its patience with an absent one is 10 s
            self.ended(p, 6)
            p = self.run_get("one")
        self.say("approve", "alice")
        self.ended(p, 0)
        self.has("one")

    def files(self):
        return [os.path.join(top, n) for top, _, names in
                os.walk(self.mesh.env["XDG_STATE_HOME"])
                for n in names if n == "consent"]

    def remembered(self):
        text = ""
        for path in self.files():
            with open(path) as f:
                text += f.read()
        return text.count("\nrequest ")

    def test_killed(self):
        """the owner killed: what was asked is remembered, number by number"""
        self.owner()
        p = self.run_get(*map(self.hex, ("one", "two", "three")))
        asked = self.asked("waiting", "waiting", "waiting")
        wait_until(lambda: self.remembered() == 3, "all three to be written",
                   timeout=30)
        self.bob.kill()
        self.owner()
        self.assertEqual([(r["request"], r["id"]) for r in self.requests()],
                         [(r["request"], r["id"]) for r in asked])
        self.say("approve", "alice")
        self.ended(p, 0)
        self.has("one", "two", "three")

    def test_damaged(self):
        """what says no to somebody is damaged: no start, whatever the policy"""
        self.owner()
        p = self.run_get("one")
        self.asked("waiting")
        self.say("deny", "alice", "--always")
        self.ended(p, 7)
        self.assertEqual(self.bob.end(), 0)
        path, = self.files()
        with open(path, "rb") as f:
            good = f.read()
        lines = good.splitlines(True)
        self.assertEqual((lines[0], lines[-1]),
                         (b"photomesh consent 2\n", b"end\n"))
        for bad in (b"", b"\0" * 40, lines[0], good[:-4],
                    good.replace(b"rule ", b"rvle "),
                    good.replace(b"end", b"e\0d"),
                    b"".join(lines[:-2]), good[:len(good) // 2]):
            for share in ("open", "ask", "none"):
                with open(path, "wb") as f:
                    f.write(bad)
                late = self.mesh.start(self.folder, "--share", share,
                                       wait=False)
                self.assertEqual(late.process.wait(20), 1, bad)
                said = late.log().strip().splitlines()[-1]
                self.assertIn("consent is damaged", said)
                self.assertIn("remove it", said)
                with open(path, "rb") as f:
                    self.assertEqual(f.read(), bad)
        # What an older photod wrote has no end.
        with open(path, "wb") as f:
            f.write(b"photomesh consent 1\n" + b"".join(lines[1:-1]))
        self.owner("open")
        self.assertEqual(self.get("one").code, 7)
        self.bob.end()
        with open(path, "wb") as f:
            f.write(good)
        self.owner("open")
        self.assertEqual(self.get("one").code, 7)
        self.assertEqual(self.rules(), [("deny", "alice")])
        self.bob.end()
        os.unlink(path)
        self.owner("open")
        self.assertEqual(self.get("one").code, 0)

    def test_too_late(self):
        """a request that nobody answered in time is over; it may be made anew"""
        self.owner()
        p = self.run_get("one")
        first = self.asked("waiting")[0]
        p.send_signal(signal.SIGINT)
        self.ended(p, 130)
        self.assertEqual(self.bob.end(), 0)
        changed = 0
        for path in self.files():  # a week passes, as far as the file is concerned
            with open(path) as f:
                text = f.read()
            text, n = re.subn(r"(request (?:\S+ ){4})(\d+) (\d+)",
                              lambda m: "%s%d %d" % (
                                  m[1], int(m[2]) - 8 * 86400000,
                                  int(m[3]) - 8 * 86400000), text)
            changed += n
            with open(path, "w") as f:
                f.write(text)
        self.assertEqual(changed, 1)
        self.owner()
        self.assertEqual(self.requests(), [])
        self.assertEqual(self.bob.photo("approve", first["request"]).code, 3)
        p = self.run_get("one")
        again = self.asked("waiting")[0]
        self.assertGreater(again["request"], first["request"])
        self.say("approve", again["request"])
        self.ended(p, 0)
        self.has("one")

    def test_none(self):
        """--share none: all is listed, nothing leaves, nobody is asked"""
        self.owner("none")
        self.assertEqual(len(self.alice.photo("list").lines), 3)
        a = self.get("jpg")
        self.assertEqual(a.code, 7, a)
        self.assertIn("bob", a.err)
        self.has()
        self.assertEqual(self.requests(), [])


if __name__ == "__main__":
    tap.main()
