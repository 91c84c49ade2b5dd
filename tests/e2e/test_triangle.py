"""Three hosts of which two cannot reach each other, and meetings through one.

Everybody sees everybody's photos through whoever is between, and nothing
flaps; what an absent owner said ends equal with all who are left; two meshes
that grew up apart become one when one daemon knows both.
"""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from hosts import (Network, Watch, cut, folder, join, mend,  # noqa: E402
                   on_hosts, put, start, together)
from mesh import wait_until  # noqa: E402
from talk import VERIFY_ALL, Client  # noqa: E402

PEERS = ("coordinator", "peer-live", "peer-suspect", "peer-gone", "peer-left",
         "peer-forgotten")


@on_hosts
class Triangle(unittest.TestCase):
    def test_triangle(self):
        """A-B up, B-C up, A-C down: all see all, and nothing flaps"""
        with Network(3) as (a, b, c):
            ann, ben = start(a, "ann"), start(b, "ben", *join(a))
            cas = start(c, "cas", *join(a))
            everybody = [ann, ben, cas]
            together(everybody, 3)
            cut(a, c)
            cut_at = time.monotonic()
            watches = [Watch(d) for d in everybody]

            def quiet():
                """No word about anybody for 6 s: is it so?  Of the cut itself
                there is one after 4 heartbeats, and one after 40."""
                counts = [w.count(*PEERS) for w in watches]
                if counts != quiet.counts:
                    quiet.counts, quiet.since = counts, time.monotonic()
                return time.monotonic() - max(quiet.since, cut_at + 7) > 6
            quiet.counts = None
            wait_until(quiet, "it to be quiet", 30, every=0.1)
            print("# news at each until then: %r" % quiet.counts)
            # The leader was suspected once and came back: that is all.
            for w in watches:
                self.assertLessEqual(w.count("coordinator"), 2)
                self.assertEqual(w.count("peer-gone", "peer-left"), 0)
            # What is new on one side is seen on the other, through ben.
            put(folder(ann), "new.gif")
            together(everybody, 4, verify=False)
            self.assertEqual([w.count(*PEERS) for w in watches],
                             quiet.counts)
            # Seen is not had: bytes come from their holder alone.
            far = next(p for p in cas.photo("--json", "list").json
                       if [c["node"] for c in p["copies"]] == ["cas"])
            got = ann.photo("get", far["id"], "-o", a.dir + "/", timeout=90)
            self.assertEqual(got.code, 6, got)
            self.assertIn("cas", got.err)
            got = ben.photo("get", far["id"], "-o", b.dir + "/")
            self.assertEqual(got.code, 0, got)
            for w in watches:
                w.socket.close()
            mend(a, c)
            together(everybody, 4, timeout=60)

    def test_absent_owner_is_relayed(self):
        """what an absent owner said ends equal on all who are left"""
        with Network(3) as (a, b, c):
            ann = start(a, "ann")
            ben, cas = start(b, "ben", *join(a)), start(c, "cas", *join(a))
            together([ann, ben, cas], 3)
            # Only ben hears the last words of ann.
            cut(a, c)
            cut(b, c)
            put(folder(ann),
                *["late-%d.gif" % n for n in range(40)])
            together([ann, ben], 43, live=2, verify=False)
            ann.kill()
            mend(b, c)
            together([ben, cas], 43, live=2, verify=False, timeout=60)

            def equal():
                with Client(ben.mesh, ben.port, 20) as client:
                    rows = client.ask(VERIFY_ALL)["rows"]
                mine = [r for r in rows if r[1] == "ann"]
                return len(mine) == 2 and all(r[7] and r[10] for r in mine)
            wait_until(equal, "equal replicas of ann")


@on_hosts
class Meeting(unittest.TestCase):
    def test_two_meshes_meet_across_hosts(self):
        """two meshes that grew up apart under one key meet: the union"""
        with Network(2) as (a, b):
            sides = [[start(h, "%s-%d" % (n, h.number)) for n in ("x", "y")]
                     for h in (a, b)]
            for side in sides:
                together(side, 2)
                put(folder(side[0]),
                    "of-both.gif")
                together(side, 3)
            # One who knows both.
            go = start(a, "go-between", *join(b))
            everybody = sides[0] + sides[1] + [go]
            together(everybody, 6)
            for d in everybody:
                found = {p["name"]: len(p["copies"])
                         for p in d.photo("--json", "list").json}
                self.assertEqual(found.pop("of-both.gif"), 2)
                self.assertEqual(len(found), 5)
            # They stay together without it.
            self.assertEqual(go.end(), 0)
            together(sides[0] + sides[1], 6, live=4, verify=False)


if __name__ == "__main__":
    tap.main()
