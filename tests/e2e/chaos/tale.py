"""tale.py: stories for the tests of the checker, and how they are judged.

A short sound story is told, which no rule finds fault with; then each lie is
put into it alone.
"""
import unittest

import checker
from story import Story

ONE, TWO, THREE = "aa" * 24, "bb" * 24, "cc" * 24
NAMES = ("alice", "bob")
IDS = {"alice": "11" * 16, "bob": "22" * 16, "new bob": "33" * 16}
FRESH = {"complete": True, "age": 100, "scanning": False, "syncing": False}


class Tale:
    """Two nodes, two photos; events in any order, told by moments."""

    def __init__(self, **run):
        self.lines = [dict({"k": "run", "seed": 1, "hosts": 1, "cores": 2,
                            "names": NAMES, "build": "build-release"},
                           **run)]
        self.numbers, self.told = {}, {}
        for name in NAMES:
            self.add("up", name=name, id=IDS[name], life=1, state="new",
                     port=5000 + NAMES.index(name), t0=0.0, t=0.1)
        self.hold("alice", "a.jpg", ONE, 0.2)
        self.hold("bob", "b.jpg", TWO, 0.2)
        for name in NAMES:
            self.add("size", when="before", name=name, rss=8 << 20,
                     descriptors=30, threads=20, patience=0)
        self.said("alice", "coordinator", "alice", 0.3)
        self.said("bob", "coordinator", "alice", 0.3)

    def add(self, kind, **fields):
        self.lines.append(dict(fields, k=kind))
        return self.lines[-1]

    def hold(self, name, path, photo, t):
        self.add("hold", name=name, path=path.encode().hex(), id=photo,
                 t0=t, t1=t + 0.01)

    def drop(self, name, path, photo, t):
        self.add("drop", name=name, path=path.encode().hex(), id=photo,
                 t0=t, t1=t + 0.01)

    def said(self, at, what, about, t, life=1):
        self.add("said", at=at, life=life, t=t, what=what, about=about,
                 port=0)

    def number(self, node, path, photo):
        key = (node, path, photo)
        if key not in self.numbers:
            self.numbers[key] = len(self.numbers)
            self.add("copy", n=self.numbers[key], node=IDS[node],
                     path=path.encode().hex(), id=photo)
        return self.numbers[key]

    def list(self, at, t, *copies, by="asker", life=1, node=None, **fresh):
        now = {self.number(*c) for c in copies}
        was = self.told.get(by + at, set())
        self.told[by + at] = now
        self.add("list", **dict(
            dict(FRESH, by=by + at, at=at, life=life, t0=t, t1=t + 0.05,
                 node=IDS[node or at], plus=sorted(now - was),
                 minus=sorted(was - now), count=len(now)), **fresh))

    def kill(self, name, t, back, state="kept", new=None):
        self.add("down", name=name, life=1, how="kill", t0=t, t=t + 0.01)
        if back:
            self.add("up", name=name, id=IDS[new or name], life=2, port=5001,
                     state=state, t0=back - 0.1, t=back)
            self.add("fault", what="kill", who=name, t0=t, t1=back,
                     state=state)

    def stop(self, name, t, until):
        self.add("fault", what="stop", who=name, t0=t, t1=until,
                 stopped=until - t)

    def end(self, *disk, ids=None):
        """As a run ends: everybody asked once more, sizes taken."""
        disk = disk or (A, B)
        ids = dict({n: IDS[n] for n in NAMES}, **(ids or {}))
        for name in NAMES:
            life = max(x["life"] for x in self.lines
                       if x["k"] == "up" and x["name"] == name)
            self.list(name, 900.0, *disk, by="last ", last=True, life=life,
                      node=next(k for k, v in IDS.items()
                                if v == ids[name]))
            self.add("verified", at=name, bad="", t=900.1)
            self.add("model", name=name, id=ids[name],
                     files={"61": [33188, 5, "00"]})
            self.add("found", name=name, files={"61": [33188, 5, "00"]})
            self.add("size", when="after", name=name, rss=8 << 20,
                     descriptors=32, threads=21, patience=60)
        self.add("end", t=901.0)
        return self

    def last(self, kind, **where):
        return [x for x in self.lines if x["k"] == kind and
                all(x.get(k) == v for k, v in where.items())][-1]


A, B = ("alice", "a.jpg", ONE), ("bob", "b.jpg", TWO)


class Case(unittest.TestCase):
    def right(self, tale):
        wrong, _ = checker.check(tale.lines)
        self.assertEqual(wrong, [])

    def wrong(self, tale, *rules):
        """These rules, and no others, object."""
        wrong, _ = checker.check(tale.lines)
        self.assertEqual({w.split(":")[0] for w in wrong}, set(rules), wrong)

    def finds(self, rule, tale, fault, what=""):
        """Does this rule alone object?  Of stories that have no end."""
        wrong = rule(Story(tale.lines))
        self.assertEqual(bool(wrong), fault, (what, wrong))
