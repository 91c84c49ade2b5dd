"""Liars: members that hold the key and speak well-formed or other nonsense.

Each lie costs the liar its link and the log about a line; the members stay
live, their list and their digests as they were.
"""
import os
import select
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from member import (BATCH, ERROR, HEARTBEAT, HELLO, JOIN, NODES,  # noqa: E402
                    ROOT, STREAMS, VERIFY, WELCOME, Member, copy_row)
from mesh import Mesh, fingerprint, wait_until  # noqa: E402
from talk import Client, Raw, frame, pack, settle  # noqa: E402

PHOTOS = 26
HUGE = Raw(b"\xdd\xff\xff\xff\xff")  # an array of four thousand million


class Spoken(threading.Thread):
    """What `photo` says, while a member goes on answering."""

    def __init__(self, daemon, args, member):
        super().__init__(daemon=True)
        self.daemon_asked, self.args, self.answer = daemon, args, None
        self.start()
        while self.answer is None:
            member.turn()
            self.join(0.001)

    def run(self):
        self.answer = self.daemon_asked.photo(*self.args)


class Liars(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh()
        cls.mesh.__enter__()
        cls.daemons = cls.mesh.start_samples()
        settle(cls.mesh, cls.daemons, PHOTOS)
        cls.ids = []
        cls.facts = []
        for d in cls.daemons:
            with Client(cls.mesh, d.port) as c:
                cls.ids.append(c.welcome["node"])
                cls.facts.append(c.photos())

    @classmethod
    def tearDownClass(cls):
        cls.mesh.__exit__(None, None, None)

    def setUp(self):
        self.started = time.monotonic()
        self.victim = self.daemons[0]
        self.log_at = [len(d.log().splitlines()) for d in self.daemons]
        self.lies = 0

    def tearDown(self):
        """Nobody noticed but the log."""
        lines = 0
        for d, at in zip(self.daemons, self.log_at):
            self.assertTrue(d.alive(), d.log()[-2000:])
            new = d.log().splitlines()[at:]
            lines += len([x for x in new if " W " in x])
            self.assertFalse([x for x in new for n in ("alice", "bob",
                                                       "carol")
                              if n + " is gone" in x or
                              n + " does not answer" in x], new)
        # A liar once let in is told of as anybody is; the lie itself is a
        # line at each member that heard it, at most.
        self.assertLessEqual(lines, max(3, self.lies))

        def unmoved():
            for d, before in zip(self.daemons, self.facts):
                with Client(self.mesh, d.port) as c:
                    states = {p["node"][0]: p["state"] for p in c.peers()}
                    if any(states.get(i) != 0 for i in self.ids):
                        return False
                    now = {k: [r for r in v[1] if not r[0].startswith("eve")]
                           for k, v in c.photos().items()}
                    now = {k: v for k, v in now.items() if v}
                    if now != {k: v[1] for k, v in before.items()}:
                        return False
            with Client(self.mesh, self.victim.port, 20) as c:
                bad = [r for r in c.ask(43)["rows"] if r[0] in self.ids and
                       not (r[7] and r[10])]
                return not bad
        wait_until(unmoved, "the members to be as before")
        print("# %d lies, %d warnings, %.1f s" % (
            self.lies, lines, time.monotonic() - self.started))

    def eve(self, **kw):
        return Member(self.mesh, self.victim.port, **kw)

    def costs_the_link(self, what, lie, timeout=5, hello=True):
        """lie(member) after joining; then the link must end."""
        self.lies += 1
        with self.eve(hello=hello) as eve:
            if hello:
                eve.joined()
                eve.until(lambda: False, 0.05)
            lie(eve)
            eve.until(lambda: eve.ended, timeout)
            self.assertTrue(eve.ended, "%s cost nothing" % what)

    def test_honest_member(self):
        """an honest member of other make is let in, pulled and listed"""
        with self.eve(name="eve-honest") as eve:
            eve.joined()
            with Client(self.mesh, self.victim.port) as c:
                before = len(c.photos())
            eve.announce()

            def listed():
                with Client(self.mesh, self.daemons[1].port) as c:
                    return len(c.photos()) == before + 3
            self.assertTrue(eve.until(listed), eve.ended)
            self.assertTrue(eve.pulls)
            with Client(self.mesh, self.victim.port) as c:
                self.assertIn("eve-honest", [p["node"][1] for p in c.peers()])
            eve.send(2, 0, {"why": 1})
            eve.until(lambda: eve.ended, 2)

    def test_records_nobody_asked_for(self):
        """records nobody asked for, of oneself and of others"""
        for node in (None, self.ids[0], self.ids[1]):
            def lie(eve):
                who = node or eve.id
                gen = eve.generation if not node else [
                    g for n, g in eve.streams if n == node][0]
                eve.send(BATCH, 7, eve.batch(
                    {"node": who, "gen": gen, "after": 0}))
            self.costs_the_link("an unasked BATCH", lie)

    def test_pages_that_cannot_be(self):
        """rows not rising, beyond the cursor, twice, below after; counts"""
        six = [copy_row(n, b"x%d" % n) for n in range(1, 7)]
        for what, over in [
                ("rows that fall", {"records": six[::-1]}),
                ("one row twice", {"records": [six[2], six[2]]}),
                ("row 0", {"records": [copy_row(0, b"zero")]}),
                ("a row beyond through", {"records": [copy_row(99, b"y")]}),
                ("through beyond cursor", {"through": 50}),
                ("through below after", {"through": 2, "cursor": 9,
                                         "base": 9}),
                ("base beyond cursor", {"base": 50}),
                ("a huge count", {"records": HUGE}),
                ("9000 records", {"records": [
                    [n, 77, b"", b"", True] for n in range(1, 9001)]}),
                ("kind 0", {"records": [[1, 0, b"k", b"v", False]]}),
                ("an empty path", {"records": [[1, 3, b"8 bytes!", b"v",
                                                False]]}),
                ("a NUL in a path", {"records": [copy_row(3, b"a\0b.jpg")]}),
                ("a path of 4097", {"records": [copy_row(3, b"p" * 4097)]}),
                ("a dead row with a value", {"records": [
                    [1, 77, b"k", b"v", True]]}),
                ("a digest of 15", {"digest": bytes(15)}),
                ("no records", {"records": None})]:
            def lie(eve):
                def answer(eve, request, pull):
                    eve.send(BATCH, request, eve.batch(pull, **over))
                eve.answer = answer
                eve.announce()
                eve.until(lambda: eve.pulls, 5)
                self.assertTrue(eve.pulls, "never asked")
            self.costs_the_link(what, lie)

    def test_announcements_that_cannot_be(self):
        """streams and rosters without end, points that cannot be, bad beats
        """
        node = [b"n" * 16, 1, "x", b"hhhhhhhh", 9, [], 3, 0]
        for what, kind, fields in [
                ("base beyond cursor", STREAMS, lambda e: {
                    "full": True, "streams": [e.entry(base=9, cursor=5)]}),
                ("generation 0", STREAMS, lambda e: {
                    "full": True, "streams": [e.entry(generation=0)]}),
                ("generation 2^53", STREAMS, lambda e: {
                    "full": True, "streams": [e.entry(generation=2 ** 53)]}),
                ("513 streams", STREAMS, lambda e: {
                    "full": True, "streams": [[os.urandom(16), 1, 0, 0,
                                               bytes(16), 0]] * 513}),
                ("streams without end", STREAMS, lambda e: {
                    "full": True, "streams": HUGE}),
                ("257 nodes", NODES, lambda e: {"nodes": [node] * 257}),
                ("nodes without end", NODES, lambda e: {"nodes": HUGE}),
                ("port 70000", NODES, lambda e: {
                    "nodes": [node[:4] + [70000] + node[5:]]}),
                ("a period of 0", HEARTBEAT, lambda e: {
                    "period": 0, "follows": self.ids[0], "synced": True}),
                ("a second HELLO", HELLO, lambda e: e.hello_fields())]:
            self.costs_the_link(what, lambda e: e.send(kind, 0, fields(e)))

        def falls(eve):
            eve.announce()
            eve.until(lambda: eve.pulls, 5)
            eve.rows = eve.rows[:-1]
            eve.announce()
        self.costs_the_link("a head that falls", falls)

    def test_wrong_digests(self):
        """digests that no rows give, of oneself: mended or not, no storm"""
        with self.eve(name="eve-digest") as eve:
            eve.joined()
            false = bytes(range(16))

            def answer(eve, request, pull):
                eve.send(BATCH, request, eve.batch(pull, digest=false))
            eve.answer = answer
            eve.announce(digest=false)
            # It gives the same rows as often as it is asked; it is asked ever
            # less often, for what it says cannot be had.
            eve.until(lambda: False, 4)
            asked = len(eve.pulls)
            print("# asked %d times in 4 s, %s" % (asked, eve.ended))
            self.assertGreaterEqual(asked, 1)
            self.assertLess(asked, 30)
            self.lies += 1

    def test_false_words_of_others(self):
        """lives and heads forged for others who are here: facts unmoved"""
        year_ms = 366 * 86400 * 1000

        def others(eve):
            return [p for p in eve.pulls if p["node"] != eve.id]
        for what, over in [
                ("a head beyond alice's", {"base": 10 ** 6,
                                           "cursor": 10 ** 6}),
                ("another digest at her head", {"digest": bytes(16)}),
                ("a later life of hers", {"generation": 1}),
                ("a life of hers in a year and a day", {
                    "generation": year_ms + 1}),
                ("a former life of hers", {"generation": -1})]:
            for node in self.ids[:2]:
                with self.eve(name="eve-gossip") as eve:
                    eve.joined()
                    known = [e for k, e in eve.streams.items()
                             if k[0] == node][0]
                    said = dict(zip(("node", "generation", "base", "cursor",
                                     "digest", "rows"), known))
                    said.update(over)
                    if "generation" in over:
                        said["generation"] += known[1]

                    def answer(eve, request, pull):
                        if pull["node"] == eve.id:
                            eve.send(BATCH, request, eve.batch(pull))
                        else:
                            eve.send(BATCH, request, eve.batch(
                                pull, through=said["cursor"],
                                base=said["base"], cursor=said["cursor"],
                                records=[copy_row(pull["after"] + 1,
                                                  b"forged.jpg")]))
                    eve.answer = answer
                    eve.announce(list(said.values()))
                    # Links are read in order: with WELCOME it is read.
                    eve.send(JOIN, 77, {})
                    self.assertTrue(eve.until(lambda: (WELCOME, 77) in [
                        h[:2] for h in eve.heard]), (what, eve.ended))
                    # Who is here is asked in person.  That nobody will ask
                    # eve instead is told by nothing but time; whoever wants
                    # records asks as soon as it has read of them.
                    eve.until(lambda: others(eve), 0.5)
                    self.assertFalse(others(eve), what)
                    for d, before in zip(self.daemons, self.facts):
                        with Client(self.mesh, d.port) as c:
                            now = c.photos()
                        # Nobody who is here is believed through another.
                        self.assertLessEqual(set(before), set(now), what)
                        self.assertFalse([
                            r for _, rows in now.values() for r in rows
                            if r[1] == b"forged.jpg"], what)
                self.lies += 1

    def test_hostile_names(self):
        """names with ../, ESC, bad UTF-8, 300 and 4096 bytes: listing sane"""
        # One with a NUL is unlawful: see pages and HELLOs that cannot be.
        paths = [b"../../../etc/eve-passwd", b"/eve-absolute.jpg", b"eve-..",
                 b"eve-\x1b[2Jclear.jpg",
                 b"eve-\xff\xfe\xc0\xaf.jpg", b"eve-" + b"n" * 296,
                 b"eve-\n\t\r\x07.jpg", b"eve-" + b"d/" * 2046,
                 b"eve-\xe2\x80\xaetxt.jpg"]
        label = "\x1b]0;eve\x07../\x85"
        before = fingerprint(self.mesh.dir + "/photos")
        with self.eve(name="eve\x1b[31m/../~\n") as eve:
            eve.rows = [[1, 1, b"", pack([eve.name, eve.host, "\x1b[1m", 0]),
                         False],
                        [2, 2, ROOT, pack([label, b"v\x1b", True, True, 1, 1,
                                           1700000000000]), False]]
            eve.rows += [copy_row(3 + n, p) for n, p in enumerate(paths)]
            eve.joined()
            eve.announce()

            def taken():
                with Client(self.mesh, self.daemons[1].port) as c:
                    return [p["head"] for p in c.peers()
                            if p["node"][0] == eve.id] == [eve.head()]
            self.assertTrue(eve.until(taken, 10),
                            self.victim.log()[-600:])
            # What is printed, by each command, is text; what is JSON is that.
            for verb in (["list"], ["peers"], ["status"], ["dupes"],
                         ["problems"], ["verify"]):
                plain = Spoken(self.daemons[1], verb, eve).answer
                for byte in set(plain.out) - {0x0a, 0x09}:
                    self.assertGreaterEqual(byte, 0x20, verb)
                    self.assertNotEqual(byte, 0x7f, verb)
                text = plain.out.decode("utf-8")  # or it raises
                for c in "\x85\u202e":
                    self.assertNotIn(c, text, verb)
                said = Spoken(self.daemons[1], ["--json", *verb], eve).answer
                self.assertIsInstance(said.json, list)  # or it raises
            # Lines of six columns: no name has made itself a line.
            rows = Spoken(self.victim, ["list", "--node", eve.id.hex()],
                          eve).answer.lines
            self.assertEqual(len(rows), len(paths))
            self.assertEqual({r.count("\t") for r in rows}, {5})
            eve.send(2, 0, {"why": 1})
            eve.until(lambda: eve.ended, 2)
        for d in self.daemons:
            self.assertNotIn("\x1b", d.log())
        self.assertEqual(before, fingerprint(self.mesh.dir + "/photos"))
        self.assertFalse([f for _, _, fs in os.walk(self.mesh.dir)
                          for f in fs if "eve-" in f])

    def test_false_hellos(self):
        """HELLO with a false signature, another's key, an unknown version"""
        # bob's public key is known to whoever asks him.
        with Member(self.mesh, self.daemons[1].port) as eve:
            eve.joined()
            bob = [f["key"] for k, _, f in eve.heard if k == HELLO][0]
        for what, over in [("zeros for a signature", {"sig": bytes(64)}),
                           ("bob's key", {"key": bob}),
                           ("another run than signed", {"run": 5}),
                           ("versions 2 to 3", {"vmin": 2, "vmax": 3}),
                           ("version 0", {"vmin": 0}),
                           ("a NUL in a name", {"name": "e\0e"}),
                           ("a name of 64", {"name": "n" * 64}),
                           ("port 0", {"port": 0})]:
            self.costs_the_link(what, lambda e: e.say_hello(**over),
                                hello=False)
        for what, data in [("JOIN before HELLO", frame(JOIN, 1, {})),
                           ("1025 bytes before HELLO", b"\0\0\4\1"),
                           ("silence", b""),
                           ("half a frame", b"\0\0\1\0abc")]:
            self.costs_the_link(what, lambda e: e.raw(data), hello=False)

    def test_a_byte_at_a_time(self):
        """a frame a byte at a time is a frame; a HELLO too slow is none"""
        with self.eve() as eve:
            eve.joined()
            eve.until(lambda: False, 0.05)
            eve.beats = False
            for b in frame(JOIN, 1, {}) + frame(VERIFY, 2, {}) + frame(
                    99, 3, {}):
                eve.raw(bytes([b]))
                eve.until(lambda: False, 0.001)
            eve.beats = True
            self.assertTrue(eve.until(lambda: {1, 2, 3} <= {
                r for _, r, _ in eve.heard}), eve.ended)
            self.assertIn((ERROR, 3), [(k, r) for k, r, _ in eve.heard])
        began = time.monotonic()
        with self.eve(hello=False) as eve:
            for b in frame(HELLO, 0, eve.hello_fields()):
                eve.raw(bytes([b]))
                if eve.until(lambda: eve.ended, 0.04):
                    break
            self.assertTrue(eve.ended)
        self.assertLess(time.monotonic() - began, 8)

    def test_never_reading(self):
        """one that asks without end and never reads: bounded, hung up on"""
        self.asks_without_end(lambda eve: None)

    def test_reads_a_byte_a_second(self):
        """one that asks without end and reads a byte a second: the same"""
        def sip(eve):
            if time.monotonic() - self.sipped >= 1:
                try:
                    self.sips += len(eve.tls.socket.recv(1))
                except OSError:
                    return  # nothing there yet
                self.sipped = time.monotonic()
        self.sipped, self.sips = 0, 0
        self.asks_without_end(sip)
        self.assertGreater(self.sips, 0)

    def asks_without_end(self, reads):
        question = {"node": self.ids[0], "gen": 1, "after": 0,
                    "credit": 122880}
        before = self.victim.rss_bytes()
        with self.eve(receive_buffer=4096) as eve:
            eve.joined()
            question["gen"] = [g for n, g in eve.streams
                               if n == self.ids[0]][0]
            eve.reads = False
            self.lies += 1
            many = b"".join(frame(k, n, {}) for n in range(500)
                            for k in (JOIN, 99))
            beat = frame(HEARTBEAT, 0, {"period": 250, "follows": self.ids[0],
                                        "synced": True})
            sent, rest, began = 0, b"", time.monotonic()
            while not eve.ended and time.monotonic() - began < 20:
                reads(eve)
                rest = rest or beat + many
                try:
                    n = eve.tls.write(rest)
                except ConnectionError:
                    eve.ended = "hung up"
                    break
                rest, sent = rest[n:], sent + n
                if n == 0:
                    select.select([], [eve.tls.socket], [], 0.05)
            took = time.monotonic() - began
            grown = self.victim.rss_bytes() - before
            print("# %d bytes asked in %.1f s (%s), grown by %d KiB" % (
                sent, took, eve.ended, grown >> 10))
            self.assertEqual(eve.ended, "hung up")
            wait_until(lambda: "does not read what we send; hung up" in
                       self.victim.log(), "the one line about it")
            if "asan" not in self.mesh.build:
                self.assertLess(grown, 16 << 20)

    def test_unlawful_bodies(self):
        """bodies against the rules: ext, depth, counts, length, rubbish"""
        for what, body in [
                ("ext", b"\x93\x07\0\x81\xa1z\xd4\x01\x02"),
                ("c1", b"\x93\x07\0\xc1"),
                ("depth", pack([JOIN, 1, {"z": [[[[[[[]]]]]]]}])),
                ("70000 values", pack([JOIN, 1, {"z": [1] * 70000}])),
                ("a key twice", b"\x93\x04\x01\x82\xa1a\x01\xa1a\x02"),
                ("something behind", pack([JOIN, 1, {}]) + b"\0"),
                ("zeros", bytes(131072))]:
            self.costs_the_link(what, lambda e: e.raw(
                len(body).to_bytes(4, "big") + body))
        for length in (0, 131073, 0xffffffff):
            self.costs_the_link("length %d" % length, lambda e: e.raw(
                length.to_bytes(4, "big")))


if __name__ == "__main__":
    tap.main()
