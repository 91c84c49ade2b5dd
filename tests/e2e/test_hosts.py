"""Several machines are one mesh: hosts made of network namespaces.

Each host has its own card, key file and state.  What is shown: a second
machine joins in one step and once; who leads when ports repeat; a daemon that
nobody elsewhere can reach is seen all the same; photos come across.
"""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from hosts import (Network, Watch, folder, join, on_hosts,  # noqa: E402
                   rank, start, together)
from mesh import wait_until  # noqa: E402
from talk import Client  # noqa: E402


@on_hosts
class Joining(unittest.TestCase):
    def test_joined_once(self):
        """one step and one --join make two machines one mesh, for good"""
        with Network(2, one_key=False) as (home, desk):
            # photod --show-key | ssh desktop photod --set-key
            desk.set_key(home.show_key())
            self.assertEqual(desk.show_key(), home.show_key())
            a = start(home, "home")
            b = start(desk, "desk", *join(home))
            together([a, b], 2)
            # Both remember: whichever comes back finds the other.
            for old, host in ((b, desk), (a, home)):
                self.assertEqual(old.end(), 0)
                back = host.start(folder(old))
                if host is home:
                    a = back
                else:
                    b = back
                together([a, b], 2)

    def test_wrong_key_elsewhere(self):
        """a machine with another key is no member and learns nothing"""
        with Network(2, one_key=False) as (home, other):
            self.assertNotEqual(home.show_key(), other.show_key())
            a = start(home, "home")
            b = start(other, "other", *join(home))
            wait_until(lambda: "does not hold our mesh key" in a.log(),
                       "the refusal")
            for d in (a, b):
                # Its own photo, once that is scanned, and nothing else.
                together([d], 1)
                with Client(d.mesh, d.port) as c:
                    self.assertEqual(len(c.peers()), 1)
                    self.assertEqual(len(c.photos()), 1)


@on_hosts
class Hosts(unittest.TestCase):
    def test_three_hosts(self):
        """three hosts with two daemons each: one mesh, led by rank"""
        with Network(3) as hosts:
            daemons = []
            for h in hosts:
                for n in ("one", "two"):
                    daemons.append(start(h, "%s-%d" % (n, h.number),
                                         *join(hosts[0])))
            self.assertEqual([d.port for d in daemons], [5000, 5001] * 3)
            took = together(daemons, 6)
            print("# six daemons of three hosts together in %.1f s" % took)
            # By (port, host id, node id): the fives of all hosts first.
            one, two, three, last = daemons[0], daemons[2], daemons[4], \
                daemons[1]
            for leader, dying in ((one, [one]), (two, [two, three]),
                                  (last, [])):
                self.assertEqual(rank(leader), min(map(rank, daemons)))
                for d in dying:
                    d.kill()
                    daemons.remove(d)
                together(daemons, 6, live=len(daemons), verify=False)
            # What the dead alone hold is listed as away.
            a = last.photo("--json", "list")
            self.assertEqual(sorted((p["name"], p["copies"][0]["online"])
                                    for p in a.json), [
                ("one-1.gif", False), ("one-2.gif", False),
                ("one-3.gif", False), ("two-1.gif", True),
                ("two-2.gif", True), ("two-3.gif", True)])

    def test_loopback_only(self):
        """daemons on loopback of two hosts see each other, one hop away"""
        with Network(2) as (a, b):
            hidden = [start(h, "hidden-%d" % h.number, listen=False)
                      for h in (a, b)]
            gates = [start(a, "gate-1")]
            gates.append(start(b, "gate-2", "--join", "%s:%d" % (
                a.address, gates[0].port)))
            self.assertEqual([d.port for d in hidden + gates],
                             [5000, 5000, 5001, 5001])
            # Live, listed and of one mind about who leads.  Verification
            # asks who is linked, which these two cannot be.
            together(hidden + gates, 4, verify=False)
            v = gates[1].photo("verify")
            self.assertEqual(v.code, 0, v)
            v = hidden[0].photo("verify")
            self.assertEqual(v.code, 6, v)
            self.assertIn("hidden-2", v.err)
            self.assertNotIn("differs", v.text)
            # Nobody dials a loopback elsewhere, so no bytes come from there:
            # at once and in plain words.
            for d in (hidden[1], gates[1]):
                far, = d.photo("--json", "list", "hidden-1").json
                self.assertTrue(far["copies"][0]["online"])
                began = time.monotonic()
                got = d.photo("get", far["id"], "-o", b.dir + "/")
                self.assertEqual(got.code, 6, got)
                self.assertIn("its own machine only", got.err)
                self.assertIn("hidden-1", got.err)
                self.assertLess(time.monotonic() - began, 8)
            # The other way: the near gate hands out what it has.
            near, = hidden[0].photo("--json", "list", "gate-2").json
            got = hidden[0].photo("get", near["id"], "-o", a.dir + "/")
            self.assertEqual(got.code, 0, got)
            self.same(b, "gate-2", a.dir)

    def same(self, host, name, where):
        with open(os.path.join(host.dir, "photos", name, name + ".gif"),
                  "rb") as one, \
                open(os.path.join(where, name + ".gif"), "rb") as two:
            self.assertEqual(one.read(), two.read())

    def test_same_host_id(self):
        """one machine id on two machines: loopback proves nothing there"""
        with Network(2, host_ids=[b"twinhost"] * 2) as (a, b):
            one = start(a, "one")
            two = start(b, "two", *join(a))
            gone = start(b, "gone")
            together([one, two, gone], 3)
            with Watch(one) as watch:
                # Port 5001 of the near machine refuses; the far one lives.
                b.unplug()
                time.sleep(0.3)
                b.plug_in()
                together([one, two, gone], 3)
                self.assertEqual(watch.count("peer-gone"), 0)
                gone.kill()
                killed = time.monotonic()
                wait_until(lambda: watch.count("peer-gone"), "its end")
                self.assertGreater(time.monotonic() - killed, 1)
                self.assertEqual(watch.count("peer-gone"), 1)
            together([one, two], 3, live=2, verify=False)


if __name__ == "__main__":
    tap.main()
