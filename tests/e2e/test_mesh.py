"""What breaks meshes: meetings, absences, returns and histories that fork.

Real daemons, and where an owner has to misbehave, a member written from
PROTOCOL.md.  After each trouble all are one mesh, hold provably equal
replicas, and list what there is to list: no more and no less.
"""
import os
import select
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from member import BATCH, ROOT, Member, copy_row  # noqa: E402
from mesh import Mesh, claim_ports, wait_until  # noqa: E402
from talk import VERIFY_ALL, Client, settle  # noqa: E402


def put(folder, name):
    """A file of this name that no other is equal to."""
    with open(os.path.join(folder, name), "wb") as f:
        f.write(b"GIF89a" + name.encode() * 20)


def names(daemon):
    """The file names of all copies listed."""
    a = daemon.photo("--json", "list")
    assert a.code == 0, a
    return sorted(os.path.basename(copy["path"]) for p in a.json
                  for copy in p["copies"])


class Asked(threading.Thread):
    """VERIFY_ALL from one daemon, while members go on answering."""

    def __init__(self, mesh, daemon, members):
        super().__init__(daemon=True)
        self.mesh, self.port, self.rows = mesh, daemon.port, None
        self.start()
        while self.rows is None:
            for m in members:
                m.turn()
            self.join(0.001)

    def run(self):
        try:
            with Client(self.mesh, self.port, 20) as c:
                self.rows = c.ask(VERIFY_ALL)["rows"]
        except OSError:
            self.rows = []


class Proxy(threading.Thread):
    """Another address of a port: counts who comes, passes the bytes on."""

    def __init__(self, to):
        super().__init__(daemon=True)
        self.to, self.calls, self.ending = to, 0, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        pairs = {}
        while not self.ending:
            for s in select.select([self.listener, *pairs], [], [], 0.05)[0]:
                if s is self.listener:
                    one = s.accept()[0]
                    self.calls += 1
                    two = socket.create_connection(("127.0.0.1", self.to))
                    pairs[one], pairs[two] = two, one
                elif s in pairs:
                    self.carry(s, pairs)
        for s in [self.listener, *pairs]:
            s.close()

    def carry(self, s, pairs):
        try:
            data = s.recv(65536)
            pairs[s].sendall(data)
        except OSError:
            data = b""
        if not data:
            other = pairs.pop(s)
            pairs.pop(other)
            s.close()
            other.close()

    def end(self):
        self.ending = True
        self.join()


class Reunion(unittest.TestCase):
    def test_two_meshes_meet(self):
        """two pairs formed apart, both changing, meet: one mesh, the union"""
        other_base, lock = claim_ports()
        with lock, Mesh() as mesh:
            folders = [mesh.folder("f%d" % i) for i in range(5)]
            for i, f in enumerate(folders):
                put(f, "own-%d.gif" % i)
                put(f, "of-all.gif")
            bases = [mesh.base_port] * 2 + [other_base] * 2
            pairs = [mesh.start(f, base_port=b)
                     for f, b in zip(folders, bases)]
            settle(mesh, pairs[:2], 3)
            settle(mesh, pairs[2:], 3)
            # Each side goes on alone.
            put(folders[0], "left.gif")
            put(folders[3], "right.gif")
            os.unlink(folders[2] + "/of-all.gif")
            for d in (pairs[0], pairs[2], pairs[3]):
                self.assertEqual(d.photo("rescan").code, 0)
            settle(mesh, pairs[:2], 4)
            settle(mesh, pairs[2:], 4)
            # One who knows both: they meet through it.
            fifth = mesh.start(folders[4], "--join",
                               "127.0.0.1:%d" % other_base)
            settle(mesh, [*pairs, fifth], 8)
            everything = sorted(
                ["own-%d.gif" % i for i in range(5)] + ["of-all.gif"] * 4 +
                ["left.gif", "right.gif"])
            for d in [*pairs, fifth]:
                self.assertEqual(names(d), everything)
            # And stay together without it.
            self.assertEqual(fifth.end(), 0)
            settle(mesh, pairs, 8)
            for d in pairs:
                self.assertEqual(names(d), everything)

    def test_deleted_stays_deleted(self):
        """a node long away returns: what was deleted meanwhile stays deleted
        """
        with Mesh() as mesh:
            folders = [mesh.folder(n) for n in ("ann", "ben", "cas")]
            for f in folders:
                for name in ("keep", "drop"):
                    put(f, "%s-%s.gif" % (name, os.path.basename(f)))
                put(f, "everywhere.gif")
            ann, ben, cas = (mesh.start(f) for f in folders)
            settle(mesh, [ann, ben, cas], 7)
            cas.kill()
            for f in folders:
                os.unlink("%s/drop-%s.gif" % (f, os.path.basename(f)))
                os.unlink(f + "/everywhere.gif")
            for d in (ann, ben):
                self.assertEqual(d.photo("rescan").code, 0)
            # What the absent one said last stands until it says otherwise.
            for d in (ann, ben):
                wait_until(lambda: names(d) == [
                    "drop-cas.gif", "everywhere.gif", "keep-ann.gif",
                    "keep-ben.gif", "keep-cas.gif"],
                    "the deletions of those who are here")
            cas = mesh.start(folders[2])
            kept = ["keep-ann.gif", "keep-ben.gif", "keep-cas.gif"]
            settle(mesh, [ann, ben, cas], 3)
            # Nor does anybody bring it back who starts again.
            for d in (ann, ben, cas):
                d.kill()
            daemons = [mesh.start(f) for f in folders]
            settle(mesh, daemons, 3)
            for d in daemons:
                self.assertEqual(names(d), kept)

    def test_freshness_does_not_lie(self):
        """one cut off from all others: `complete` is false, ages grow"""
        with Mesh() as mesh:
            a, b, c = mesh.start_samples()
            settle(mesh, [a, b, c], 26)

            def fresh():
                return c.photo("--json", "status").json[0]["fresh"]
            self.assertTrue(fresh()["complete"])
            self.assertLess(fresh()["oldest_age_ms"], 60000)
            self.assertEqual(c.photo("list", "--max-age", "60000").code, 0)
            # Stopped: their ports are there, and nobody answers.
            a.stop()
            b.stop()
            # 40 heartbeats, which is ten seconds: then they are gone.
            wait_until(lambda: not fresh()["complete"], "honesty", 30)
            ages = [fresh()["oldest_age_ms"]]
            wait_until(lambda: fresh()["oldest_age_ms"] > ages[0] + 1000,
                       "ages to grow", 10)
            stale = c.photo("list", "--max-age", "500")
            self.assertNotEqual(stale.code, 0, stale)
            self.assertEqual(len(c.photo("list").lines), 26)
            a.go_on()
            b.go_on()
            settle(mesh, [a, b, c], 26)
            self.assertTrue(fresh()["complete"])

    def test_freshness_outlives_a_restart(self):
        """who starts again knows how long the others have been away"""
        with Mesh() as mesh:
            a, b = (mesh.start(mesh.sample(n)) for n in ("alice", "bob"))
            settle(mesh, [a, b])

            def age(d):
                return d.photo("--json", "status").json[0]["fresh"][
                    "oldest_age_ms"]
            b.kill()
            wait_until(lambda: age(a) > 1500, "some time")
            before = age(a)
            a.kill()
            a = mesh.start(os.path.join(mesh.dir, "photos", "alice"))
            # What is known of when, outlives nearly nothing but a power cut.
            self.assertGreater(age(a), before)

    def test_freshness_of_who_slept(self):
        """what came while one slept is as old as the sleep, whoever tells it
        """
        with Mesh() as mesh:
            a, b, c = mesh.start_samples()
            settle(mesh, [a, b, c], 26)

            def age(d):
                with Client(mesh, d.port) as client:
                    return client.status()["age"] / 1000
            # bob's kernel goes on taking what alice says, until she stops.
            b.stop()
            time.sleep(0.6)
            a.stop()
            stopped = time.monotonic()
            wait_until(lambda: age(c) > 2.5, "some time")
            b.go_on()
            for _ in range(10):
                for d in (b, c):
                    since = time.monotonic() - stopped
                    # A heartbeat may have been under way.
                    self.assertGreater(age(d), since - 0.3, d.name)
                time.sleep(0.1)
            a.go_on()
            settle(mesh, [a, b, c], 26)

    def test_met_asleep(self):
        """two who found each other asleep are no strangers: linked again soon
        """
        with Mesh() as mesh:
            a, b, c = mesh.start_samples()
            settle(mesh, [a, b, c], 26)
            # bob begins anew and dials alice, whose port is there and silent.
            a.stop()
            b.kill()
            b = mesh.start(os.path.join(mesh.dir, "photos", "bob"))
            time.sleep(4)
            # And the other way round, until everybody gives bob up.
            b.stop()
            a.go_on()
            wait_until(lambda: c.log().count("bob is gone") == 2, "that")
            time.sleep(4)
            b.go_on()

            def linked():
                # Who is live and not linked cannot be asked.
                for d in (a, b):
                    with Client(mesh, d.port, 20) as client:
                        if client.ask(VERIFY_ALL)["silent"]:
                            return False
                return True
            wait_until(linked, "alice and bob to be linked", 15, every=0.1)
            settle(mesh, [a, b, c], 26)

    def test_dials_itself(self):
        """a daemon that is told to join itself does so once and remembers it
        """
        with Mesh() as mesh:
            # The first port it will have, by another name of it.
            mirror = Proxy(mesh.base_port)
            try:
                a = mesh.start(mesh.sample("alice"), "--join",
                               "127.0.0.1:%d" % mirror.port)
                wait_until(lambda: mirror.calls, "the first dial")
                b = mesh.start(mesh.sample("bob"))
                settle(mesh, [a, b])
                seen = mirror.calls
                # Redials of an address come within a second or two at first.
                time.sleep(6)
                print("# %d dials of itself" % mirror.calls)
                self.assertLessEqual(mirror.calls, 2)
                self.assertEqual(mirror.calls, seen)
                self.assertEqual(len(mesh.peers(a)), 2)
                self.assertFalse([x for x in a.log().splitlines()
                                  if " W " in x])
            finally:
                mirror.end()


class Histories(unittest.TestCase):
    """One owner, `eve`, that does what an honest daemon would not."""

    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh()
        cls.mesh.__enter__()
        cls.daemons = cls.mesh.start_samples()
        settle(cls.mesh, cls.daemons, 26)

    @classmethod
    def tearDownClass(cls):
        cls.mesh.__exit__(None, None, None)

    def eve(self, name, rows=8):
        """Her identity and stream; on no link yet."""
        eve = Member(self.mesh, self.daemons[0].port, name=name, hello=False)
        eve.tls.close()
        eve.rows = eve.rows[:2] + [
            copy_row(n, b"%s-%d.jpg" % (name.encode(), n))
            for n in range(3, rows + 1)]
        return eve

    def link(self, eve, to, rows=None, answer=None):
        """One more link of hers, past HELLO, announcing."""
        m = Member(self.mesh, to.port, name=eve.name, hello=False)
        m.identity, m.id, m.run = eve.identity, eve.id, eve.run
        m.generation, m.rows = eve.generation, list(rows or eve.rows)
        m.answer = answer
        m.say_hello()
        m.joined()
        m.announce()
        return m

    def equal_to(self, eve, links=()):
        """Await that all hold exactly what eve has, and list just that."""
        want = [(eve.generation, eve.head(), eve.head(), eve.digest())
                for _ in self.daemons]
        paths = sorted(os.path.basename(r[2][len(ROOT):]).decode()
                       for r in eve.rows if r[1] == 3 and not r[4])

        def so():
            rows = Asked(self.mesh, self.daemons[0], links).rows
            self.seen = [(r[4], r[5], r[6], r[9]) for r in rows
                         if r[0] == eve.id and r[2] != eve.id]
            if self.seen != want:
                return False
            self.seen = [[n for n in names(d) if n.startswith(eve.name)]
                         for d in self.daemons]
            return self.seen == [paths] * 3
        try:
            wait_until(so, "all to hold what %s has" % eve.name, 20)
        except AssertionError as e:
            raise AssertionError("%s\nwant %r, %r\nseen %r" % (
                e, want, paths, self.seen)) from None

    def test_absent_owner_merges(self):
        """an owner pages out while changing, then dies: its replicas merge"""
        eve = self.eve("eve-gone", 8)
        old = list(eve.rows)
        # Meanwhile: row 3 is replaced by row 9, row 5 is withdrawn as row 10.
        eve.rows = [r for r in old if r[0] not in (3, 5)] + [
            [9, 3, old[2][2], copy_row(9, b"other bytes")[3], False],
            [10, 3, old[4][2], b"", True]]

        def up_to(through):
            def answer(m, request, pull):
                if pull["after"] == 0:
                    m.send(BATCH, request, m.batch(
                        pull, through=through, records=[
                            r for r in m.rows if r[0] <= through]))
            return answer
        # One was given a part of the old state, one a part of the new, one
        # all of it.
        links = [self.link(eve, d, rows, up_to(through))
                 for d, rows, through in zip(
                     self.daemons, (old, eve.rows, eve.rows), (6, 7, 10))]

        def held():
            for m in links:
                m.turn()
            cursors = []
            for d in self.daemons:
                with Client(self.mesh, d.port) as c:
                    cursors += [p["head"] for p in c.peers()
                                if p["node"][0] == eve.id]
            return cursors == [6, 7, 10]
        wait_until(held, "each to hold its part", 10)
        for m in links:
            m.tls.close()
        self.equal_to(eve)

    def test_forked_history(self):
        """an owner restored and gone on alone: reported, all equal to it"""
        # Points equal and digests not; a longer history; a shorter one.
        for name, head in (("eve-same", 8), ("eve-more", 11),
                           ("eve-less", 7)):
            eve = self.eve(name, 8)
            links = [self.link(eve, d) for d in self.daemons]
            self.equal_to(eve, links)
            for m in links:
                m.tls.close()
            # Yesterday's rows, and from there another history.
            eve.rows = eve.rows[:5] + [
                copy_row(n, b"%s-fork-%d.jpg" % (name.encode(), n))
                for n in range(6, head + 1)]
            eve.run += 1
            log_at = [len(d.log()) for d in self.daemons]
            links = [self.link(eve, d) for d in self.daemons]
            if head < 8:
                # Whoever hears that others know more of her begins anew.
                for m in links:
                    self.assertEqual(
                        m.streams[(eve.id, eve.generation)][3], 8)
                    m.generation = eve.generation + 1
                    m.announce()
                eve.generation += 1
            self.equal_to(eve, links)
            for d, at in zip(self.daemons, log_at):
                log = d.log()[at:]
                print("# %s: %s" % (name, [x for x in log.splitlines()
                                           if " W " in x]))
                if head == 8:
                    self.assertIn("what %s shares differs" % name, log)
                self.assertLessEqual(log.count(" W "), 2, log)
            for m in links:
                m.tls.close()

    def test_life_taken_back(self):
        """a life taken back by its owner: it goes, and what it has comes"""
        eve = self.eve("eve-young")
        present = eve.generation
        # Two years ahead, by its own word: that is believed.
        eve.generation += 2 * 365 * 86400 * 1000
        links = [self.link(eve, d) for d in self.daemons]
        self.equal_to(eve, links)
        for m in links:
            m.tls.close()
        # Its database is lost, its clock right, and what others say of a
        # life in two years it cannot believe.
        eve.generation, eve.run = present, eve.run + 1
        eve.rows = eve.rows[:5]
        links = [self.link(eve, d) for d in self.daemons]
        for m in links:
            self.assertGreater(max(g for n, g in m.streams if n == eve.id),
                               present)
        self.equal_to(eve, links)
        # And what it says from now on.
        eve.rows = eve.rows + [copy_row(6, b"eve-young-new.jpg")]
        for m in links:
            m.rows = list(eve.rows)
            m.announce()
        self.equal_to(eve, links)
        for m in links:
            m.tls.close()


if __name__ == "__main__":
    tap.main()
