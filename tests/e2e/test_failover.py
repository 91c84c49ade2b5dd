"""Failover: the coordinator dies or freezes and nobody misses an answer.

A client asks the survivors a hundred times a second all the while and counts
photos; nothing may fail and nothing may be missing.
"""
import os
import shutil
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from member import HEARTBEAT, STREAMS, Member  # noqa: E402
from mesh import Mesh, has_hooks, wait_until  # noqa: E402
from talk import Client, frame  # noqa: E402


class Asker(threading.Thread):
    """Lists at up to 100 a second from each survivor in turn."""

    def __init__(self, mesh, daemons, photos):
        super().__init__(daemon=True)
        self.mesh, self.daemons, self.photos = mesh, daemons, photos
        self.answers, self.wrong = 0, []
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            for d in self.daemons:
                started = time.monotonic()
                a = d.photo("list")
                self.answers += 1
                if a.code != 0 or len(a.lines) != self.photos:
                    self.wrong.append((d.port, a.code, len(a.lines), a.err))
                self.ending.wait(max(0, 0.01 - (time.monotonic() - started)))

    def end(self):
        self.ending.set()
        self.join()


def crowns(d, since=0):
    """The ports it has followed, one after the other, by its log."""
    return [int(x.rsplit(" ", 1)[1]) for x in d.log()[since:].splitlines()
            if " I the coordinator is " in x and " on port " in x]


def seconds_until(d, words, since):
    """From time.time() `since` to the last line with these words."""
    at = [x for x in d.log().splitlines() if x.endswith(words)][-1].split()[0]
    h, m, s = at.split(":")
    return (int(h) * 3600 + int(m) * 60 + float(s) - since) % 86400


def coordinator(d):
    a = d.photo("--json", "status")
    return a.json[0]["coordinator"] if a.code == 0 else None


class Failover(unittest.TestCase):
    def test_kill_the_coordinator(self):
        """kill -9 of the coordinator: the next port leads, no answer lost, no
        error logged of TLS that ends without a close_notify"""
        with Mesh() as mesh:
            a, b, c = mesh.start_samples()
            mesh.settle([a, b, c], 26)
            asker = Asker(mesh, [b, c], 26)
            asker.start()
            wait_until(lambda: asker.answers > 10, "answers")
            a.kill()
            for d in (b, c):
                wait_until(lambda: coordinator(d) == b.port,
                           "%s to follow %d" % (d.name, b.port), 10)
            gone = [p for p in mesh.peers(c) if p["name"] == "alice"][0]
            self.assertEqual(gone["state"], "gone")
            photos = b.photo("--json", "list").json
            for p in photos:
                for copy in p["copies"]:
                    self.assertEqual(copy["online"], copy["node"] != "alice")
            # It comes back, catches up, and only then leads again.
            again = mesh.start(os.path.join(mesh.dir, "photos", "alice"))
            self.assertEqual(again.port, a.port)
            for d in (again, b, c):
                wait_until(lambda: coordinator(d) == a.port,
                           "%s to follow %d again" % (d.name, a.port))
            mesh.settle([again, b, c], 26)
            wait_until(lambda: asker.answers > 100, "a hundred answers",
                       120)
            asker.end()
            self.assertEqual(asker.wrong, [])
            names = [p["name"] for p in mesh.peers(b)]
            self.assertEqual(sorted(names), ["alice", "bob", "carol"])
            # A peer's death is the end of its TLS, and no error.
            for d in (b, c):
                self.assertFalse([x for x in d.log().splitlines()
                                  if " W " in x or " E " in x])

    def test_killed_with_bytes_unread(self):
        """killed with heartbeats of others unread: they meet a reset instead
        of an end, and it is as quick a proof"""
        with Mesh() as mesh:
            a, b, c = mesh.start_samples()
            mesh.settle([a, b, c], 26)
            for _ in range(2):
                wait_until(lambda: coordinator(b) == coordinator(c) == a.port,
                           "alice to lead")
                marks = [len(d.log()) for d in (b, c)]
                # Less than what makes it suspect: a second.
                a.stop()
                time.sleep(0.4)
                killed = time.time()
                a.kill()
                for d, mark in zip((b, c), marks):
                    wait_until(lambda: "alice is gone" in d.log()[mark:],
                               "alice to be gone")
                    # Without proof it would be two seconds.
                    self.assertLess(seconds_until(d, "alice is gone", killed),
                                    1.5)
                    self.assertEqual(coordinator(d), b.port)
                a = mesh.start(os.path.join(mesh.dir, "photos", "alice"))
                mesh.settle([a, b, c], 26)

    def test_kill_again_and_again(self):
        """five coordinators killed one after the other, list whole each time"""
        with Mesh() as mesh:
            a, b, c = mesh.start_samples()
            mesh.settle([a, b, c], 26)
            daemons = {d.name: d for d in (a, b, c)}
            for _ in range(5):
                lead = min(daemons.values(), key=lambda d: d.port)
                rest = [d for d in daemons.values() if d is not lead]
                lead.kill()
                heir = min(d.port for d in rest)
                for d in rest:
                    wait_until(lambda: coordinator(d) == heir, "an heir", 10)
                    self.assertEqual(len(d.photo("list").lines), 26)
                daemons[lead.name] = mesh.start(
                    os.path.join(mesh.dir, "photos", lead.name))
                mesh.settle(list(daemons.values()), 26)

    def test_empty_low_port_returns(self):
        """a low port comes back empty: it leads only once it is synced"""
        with Mesh() as mesh:
            # Something to catch up with: its absence must be seen.
            many = mesh.folder("dora")
            for n in range(3000):
                with open("%s/%d.gif" % (many, n), "wb") as f:
                    f.write(b"GIF89a" + b"%d." % n * 20)
            a, b, c = mesh.start_samples()
            d = mesh.start(many)
            mesh.settle([a, b, c, d], 3026)
            state = os.path.join(mesh.env["XDG_STATE_HOME"], "photomesh")
            for lost in ("the catalogue", "all state"):
                a.kill()
                for s in (b, c, d):
                    wait_until(lambda: coordinator(s) == b.port, "an heir",
                               10)
                mine = [os.path.join(state, s) for s in os.listdir(state)
                        if s.startswith("alice")]
                self.assertEqual(len(mine), 1)
                if lost == "all state":
                    shutil.rmtree(mine[0])
                else:
                    for name in os.listdir(mine[0]):
                        if name.startswith("catalogue"):
                            os.unlink(os.path.join(mine[0], name))
                asker = Asker(mesh, [b, c], 3026)
                asker.start()
                said = len(b.log())
                a = mesh.start(os.path.join(mesh.dir, "photos", "alice"),
                               wait=False)
                early = self.led_unsynced(a.ready(), b)
                print("# %s lost: %d looks while it was catching up" % (
                    lost, early))
                wait_until(lambda: {coordinator(s) for s in (a, b, c, d)} ==
                           {a.port}, "all to follow it again")
                asker.end()
                self.assertEqual(asker.wrong, [])
                # From the sitting one to the newcomer, and nothing between.
                self.assertEqual(crowns(b, said), [a.port])

    def led_unsynced(self, newcomer, sitting):
        """Watch it catch up; how often it was seen at that."""
        looks = 0
        while True:
            with Client(newcomer.mesh, sitting.port) as c:
                leads = c.status()["coordinator_port"] == newcomer.port
            with Client(newcomer.mesh, newcomer.port) as c:
                s = c.status()
            if leads:
                # Asked after it was followed: it must have been there.
                self.assertTrue(s["synced"], s)
                self.assertEqual(s["photos"], 3026)
                return looks
            looks += 1
            self.assertLess(looks, 20000)

    def test_stop_the_coordinator(self):
        """SIGSTOP of the coordinator: suspected, replaced, list answers, which
        asks it first; SIGCONT: it leads again, and nothing flaps"""
        with Mesh() as mesh:
            a, b, c = mesh.start_samples()
            mesh.settle([a, b, c], 26)
            asker = Asker(mesh, [b, c], 26)
            asker.start()
            said = {d: len(d.log()) for d in (a, b, c)}
            a.stop()
            stopped = time.time()
            # A plain list, which would ask the stopped one first.
            took = []
            for _ in range(3):
                started = time.monotonic()
                plain = mesh.photo("list", env={"PHOTO_PORT": ""})
                answered = time.monotonic()
                self.assertEqual(plain.code, 0, plain)
                self.assertEqual(len(plain.lines), 26)
                # Less what a list takes that asks one who is well: the
                # machine may be busy.
                self.assertEqual(b.photo("list").code, 0)
                took.append(2 * answered - started - time.monotonic())
            self.assertLess(min(took), 1)
            for d in (b, c):
                wait_until(lambda: coordinator(d) == b.port,
                           "%s to follow %d" % (d.name, b.port), 10)
            suspected = min(seconds_until(d, "alice does not answer", stopped)
                            for d in (b, c))
            # Four heartbeats: a second, by one of two who are well.
            self.assertLess(suspected, 2)
            state = [p["state"] for p in mesh.peers(b)
                     if p["name"] == "alice"][0]
            self.assertEqual(state, "suspect")
            a.go_on()
            for d in (a, b, c):
                wait_until(lambda: coordinator(d) == a.port,
                           "%s to follow %d again" % (d.name, a.port))
            asker.end()
            self.assertEqual(asker.wrong, [])
            # There and back once: nobody flaps, nothing stale is done.
            for d in (b, c):
                self.assertEqual(crowns(d, said[d]), [b.port, a.port])
                self.assertNotIn(" is gone", d.log())
            # Woken and told that it was missed, it follows until it is well.
            wait_until(lambda: crowns(a, said[a]) in ([], [b.port, a.port]),
                       "alice to lead in her own eyes")
            print("# a plain list took %.0f ms more, suspected after %.1f s" % (
                min(took) * 1000, suspected))

    def test_stop_them_all(self):
        """all stopped for a while and woken: nobody is declared gone"""
        with Mesh() as mesh:
            daemons = mesh.start_samples()
            mesh.settle(daemons, 26)
            for d in daemons:
                d.stop()
            # Nothing to await: the stopped time itself is what is tested.
            time.sleep(12)
            for d in daemons:
                d.go_on()
            said = [len(d.log()) for d in daemons]
            mesh.settle(daemons, 26)
            for d, at in zip(daemons, said):
                self.assertNotIn(" gone", d.log())
                # No storm: a look around, a passing suspicion at most.
                self.assertLess(len(d.log()[at:].splitlines()), 20)

    def test_watch_tells_the_failover(self):
        """photo watch prints the failover as it happens and moves on"""
        with Mesh() as mesh:
            a, b, c = mesh.start_samples()
            mesh.settle([a, b, c], 26)
            watch = mesh.spawn_photo("-p", str(c.port), "--json", "watch")
            lines = []

            def read():
                for line in watch.stdout:
                    lines.append(line.decode())
            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            plain = mesh.spawn_photo("--json", "watch")
            moved = []
            threading.Thread(target=lambda: moved.extend(
                x.decode() for x in plain.stdout), daemon=True).start()

            def asked():
                clients = b"".join(open("/proc/net/unix", "rb").readlines())
                return clients.count(b"%d.sock" % c.port) >= 2
            wait_until(asked, "watch to be connected")
            # A daemon that answers a later client has heard the watcher.
            self.assertEqual(c.photo("status").code, 0)
            a.kill()
            wait_until(lambda: any('"event":"coordinator"' in x
                                   for x in lines), "the coordinator event")
            event = [x for x in lines if '"event":"coordinator"' in x][0]
            self.assertIn('"port":%d' % b.port, event)
            self.assertIn('"was":%d' % a.port, event)
            wait_until(lambda: any("peer-gone" in x for x in lines),
                       "the peer-gone event")
            b.kill()
            told = []
            threading.Thread(target=lambda: told.extend(
                x.decode() for x in plain.stderr), daemon=True).start()
            wait_until(lambda: any(str(c.port) in x for x in told),
                       "the plain watch to say where it has moved")
            wait_until(lambda: c.photo("rescan").code == 0 and any(
                "scan-done" in x for x in moved),
                "events from the daemon the plain watch has moved to")
            watch.send_signal(signal.SIGINT)
            self.assertEqual(watch.wait(10), 130)

    def test_hung_loop_is_suspected(self):
        """a loop blocked for 10 s is suspected: no other thread answers for it
        """
        if not has_hooks():
            self.skipTest("built without test hooks")
        with Mesh() as mesh:
            f = mesh.sample("alice")
            a = mesh.start(f, env={"PHOTOMESH_BLOCK_MS": "10000"})
            b = mesh.start(mesh.sample("bob"))
            mesh.settle([a, b])
            a.signal(signal.SIGUSR2)
            wait_until(lambda: coordinator(b) == b.port,
                       "bob to lead while alice hangs", 6)
            wait_until(lambda: coordinator(b) == a.port,
                       "alice to lead again")

    def talk(self, member, said, over):
        while not over.is_set() and not member.ended:
            member.raw(said)
        over.set()

    def hear(self, quiet, other, done):
        """Go on until done(number of its own heartbeats); when it heard
        others."""
        said, last, times = 0, quiet.beat_at, []
        while not done(said) and not quiet.ended:
            if other:
                other.turn()
            count = len(quiet.heard)
            quiet.turn()
            times += [time.monotonic() for kind, _, _ in quiet.heard[count:]
                      if kind == HEARTBEAT]
            said, last = said + (quiet.beat_at != last), quiet.beat_at
        return times

    def test_a_quiet_one_beside_a_loud_one(self):
        """heartbeats that lie unread are heard, however much another says"""
        with Mesh() as mesh:
            a = mesh.start(mesh.sample("alice"))
            mesh.settle([a])
            said = frame(STREAMS, 0, {"full": False, "streams": []}) * 20
            with Member(mesh, a.port, "loud", photos=0) as loud, \
                    Member(mesh, a.port, "quiet", photos=0) as quiet:
                for m in (loud, quiet):
                    m.joined()
                    m.announce()
                for beats in (2, 3, 4, 5):
                    # Nothing new in them, so they lie there for a while.
                    self.hear(quiet, loud, lambda b: b == beats)
                    over = threading.Event()
                    talks = threading.Thread(
                        target=self.talk, args=(loud, said, over))
                    talks.start()
                    began = time.monotonic()
                    times = self.hear(quiet, None, lambda _: over.is_set() or
                                      time.monotonic() - began > 1.5)
                    over.set()
                    talks.join()
                    self.assertFalse(quiet.ended or loud.ended)
                    gaps = [y - x for x, y in zip(times, times[1:])]
                    self.assertGreater(len(gaps), 2)
                    self.assertLess(max(gaps), 1)
            self.assertNotIn("does not answer", a.log())



class UnderWay(unittest.TestCase):
    def test_list_under_way(self):
        """a list goes on at the next daemon when its own dies or freezes"""
        for ending in ("kill", "stop"):
            with self.subTest(ending), Mesh() as mesh:
                self.under_way(mesh, ending)

    def under_way(self, mesh, ending):
        full = mesh.folder("full")
        # Rows for more than a pipe takes, and for more than two pages.
        for n in range(2500):
            with open("%s/a-name-as-long-as-cameras-like-%d.gif" % (full, n),
                      "wb") as f:
                f.write(b"GIF89a" + n.to_bytes(4, "little") * 9)
        asked = mesh.start(mesh.folder("empty"))
        other = mesh.start(full)
        mesh.settle([asked, other], 2500)
        whole = set(other.photo("list").lines)
        p = mesh.spawn_photo("list")
        lines = [p.stdout.readline()]  # the first page has come
        if ending == "kill":
            asked.kill()
        else:
            asked.stop()
        lines += p.stdout.readlines()
        notes = p.stderr.read()
        self.assertEqual(p.wait(), 0, notes)
        self.assertEqual(len(lines), 2500, notes)
        self.assertEqual({x.decode().rstrip("\n") for x in lines}, whole)
        self.assertIn(b"is gone; the rest is from port %d" % other.port
                      if ending == "kill" else
                      b"port %d did not answer in time" % asked.port, notes)


if __name__ == "__main__":
    tap.main()
