"""Hosts cut apart and joined again: no side stops, nothing is lost.

A cable pulled, a card taken down, packets dropped both ways or one way only.
Each side answers at once, says how old its answers are and follows a
coordinator of its own; reunited they are one mesh with equal digests, and
nobody has been asked anything.
"""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from hosts import (Network, cut, folder, join, mend, on_hosts,  # noqa: E402
                   put, start, together)
from mesh import wait_until  # noqa: E402
from talk import Client  # noqa: E402

@on_hosts
class Partition(unittest.TestCase):
    def apart(self, sides):
        """Await two meshes of their own; each goes on, and says the truth."""
        for side in sides:
            together(side, live=len(side), verify=False)
        for side in sides:
            for d in side:
                began = time.monotonic()
                self.assertEqual(len(d.photo("list").lines), 3)
                self.assertLess(time.monotonic() - began, 2)
                old = d.photo("list", "--max-age", "500")
                self.assertEqual(old.code, 6, old)
            self.ages_grow(side[0])

    def ages_grow(self, daemon):
        def fresh():
            return daemon.photo("--json", "status").json[0]["fresh"]
        first = fresh()
        self.assertFalse(first["complete"])
        self.assertGreater(first["oldest_age_ms"], 1000)
        wait_until(lambda: fresh()["oldest_age_ms"] >
                   first["oldest_age_ms"] + 200, "ages to grow", every=0.2)

    def split(self, sever, restore):
        with Network(2) as (a, b):
            # The leader is alone on its side.
            sides = [[start(a, "ann")],
                     [start(b, "ben", *join(a)), start(b, "bea", *join(a))]]
            everybody = sides[0] + sides[1]
            together(everybody, 3)
            sever(a, b)
            self.apart(sides)
            # Each side changes: one thing comes, one goes.
            for side in sides:
                d = side[0]
                put(folder(d), "new-%s.gif" % d.name)
                os.unlink(os.path.join(folder(d), d.name + ".gif"))
                wait_until(lambda: self.names(d, d.name) ==
                           ["new-%s.gif" % d.name], "the changes", every=0.2)
            restore(a, b)
            took = together(everybody, 3, timeout=60)
            print("# one mesh again after %.1f s" % took)
            for d in everybody:
                self.assertEqual(self.names(d), [
                    "bea.gif", "new-ann.gif", "new-ben.gif"])
                self.assertEqual(d.photo("requests").lines, [])

    def names(self, daemon, node=None):
        args = ["--node", node] if node else []
        a = daemon.photo("--json", "list", *args)
        self.assertEqual(a.code, 0, a)
        return sorted(p["name"] for p in a.json)

    def test_partition_both_ways(self):
        """a partition, dropping both ways: both go on; reunited all is equal
        """
        self.split(cut, mend)

    def test_partition_one_way(self):
        """a partition, dropping one way: both go on; reunited all is equal"""
        self.split(lambda a, b: a.cut_to(b), lambda a, b: a.mend_to(b))

    def test_partition_link_down(self):
        """a partition, the card taken down: both go on; reunited all is equal
        """
        self.split(lambda a, _: a.link_down(), lambda a, _: a.link_up())

    def test_partition_holds_words_back(self):
        """what a cut held back is no news: its age is that of the cut"""
        with Network(2) as (a, b):
            ann, ben = start(a, "ann"), start(b, "ben", *join(a))
            together([ann, ben], 2)
            cut(a, b)
            since = time.monotonic()
            # Said into the cut, until ben says nothing more at all.
            time.sleep(1.5)
            ben.stop()
            time.sleep(1.5)
            mend(a, b)
            until = time.monotonic() + 4
            while time.monotonic() < until:
                with Client(a, ann.port) as c:
                    age = c.status()["age"] / 1000
                # What was under way when the line was cut may have come.
                self.assertGreater(age, time.monotonic() - since - 0.6)
                time.sleep(0.05)
            ben.go_on()
            together([ann, ben], 2)


if __name__ == "__main__":
    tap.main()
