"""calm.py: behind a storm, what must be so again, and by when.

One mesh of exactly these nodes, everything at rest, all indexes recomputed and
equal, all lists equal to the disks.  What was found is recorded; the checker
decides.  Only that it takes longer than CALM_SECONDS is said here.
"""
import os
import re
import time

from clients import list_all
from folders import walk
from hosts import LIVE
from talk import ERROR, Client, frame
from world import kinds

CALM_SECONDS = 120.0
WHOLE_SECONDS = 10.0
FORGET, PROGRESS = 52, 46
SAID = (
    ("coordinator", re.compile(r"the coordinator is (.*) on port (\d+)$")),
    ("uncrowned", re.compile(r"the coordinator is not known for now()$")),
    ("suspect", re.compile(r"(.*) does not answer$")),
    ("well", re.compile(r"(.*) is well again$")),
    ("gone", re.compile(r"(.*) is gone$")),
    ("left", re.compile(r"(.*) said goodbye$")),
    ("synced", re.compile(r"in step with everybody who is here()$")),
    ("here", re.compile(r"(.*) is here$")),
    ("afresh", re.compile(r"looking around afresh()$")),
    ("unequal", re.compile(r"our replica of what (.*) shares differs")),
    ("unlawful", re.compile(r"(.*) said something unlawful: ")),
    ("damaged", re.compile(r"(.*) is damaged|(.*) was damaged")),
    ("nonsense", re.compile(r"(.*) sent nonsense; hung up")),
)
REPORTS = ("ERROR: AddressSanitizer", "runtime error:", "LeakSanitizer",
           "ThreadSanitizer", "Assertion ")


class Client60(Client):
    """Patient: a calm is awaited as a whole."""

    def __init__(self, node):
        super().__init__(node.mesh, node.port, 60)


class Calm:
    def __init__(self, world):
        self.world, self.record = world, world.record
        self.before = {}

    def missing(self):
        nodes = list(self.world.nodes.values())
        ours = {n.id for n in nodes}
        with Client60(nodes[0]) as c:
            host = {p["node"][0].hex(): p["node"][5] for p in c.peers()}
        first = min((n.port, host.get(n.id, b""), n.id) for n in nodes)[2]
        for n in nodes:
            with Client60(n) as c:
                s = c.status()
                if s["live"] != len(nodes):
                    return "%s: %d live" % (n.name, s["live"])
                if s["coordinator"].hex() != first:
                    return "%s: follows port %d" % (n.name,
                                                    s["coordinator_port"])
                if s["scan"] == 1 or not s["synced"] or not s["complete"]:
                    return "%s: not at rest: %r" % (n.name, s)
                for p in c.peers():
                    if p["node"][0].hex() not in ours:
                        return "%s: still knows %s" % (n.name, p["node"][1])
                copies, _ = list_all(c)
                short = self.unlike_disk(copies, n.name)
                if short:
                    return short
        for n in nodes:
            with Client60(n) as c:
                bad = c.unequal()
                if bad:
                    return "verify at %s: %r" % (n.name, bad[:3])
        return None

    def on_disk(self):
        here = {}
        for n in self.world.nodes.values():
            with n.folder.lock:
                for path, photo in n.folder.photos.items():
                    here[(n.id, path.hex(), photo)] = n.name
        return here

    def lacking(self):
        """Who lists less than there is: whoever is forgotten then would be
        missed there, for whose files a new identity has, it has not told."""
        disk = set(self.on_disk())
        for n in self.world.nodes.values():
            with Client60(n) as c:
                lacks = disk - set(list_all(c)[0])
            if lacks:
                return "%s lacks %d copies" % (n.name, len(lacks))
        return None

    def unlike_disk(self, copies, at):
        disk = self.on_disk()
        listed = set(copies)
        for what, some in (("lacks", set(disk) - listed),
                           ("still lists", listed - set(disk))):
            for node, path, photo in sorted(some)[:1]:
                return "%s %s %d copies, as %s of %s" % (
                    at, what, len(some), bytes.fromhex(path),
                    disk.get((node, path, photo), node))
        return None

    def forget(self):
        """Those who will not return: twins, and who lost an identity."""
        nodes = list(self.world.nodes.values())
        ours = {n.id for n in nodes}
        with Client60(nodes[0]) as c:
            for p in c.peers():
                if p["node"][0].hex() in ours or p["state"] == LIVE:
                    continue
                c.serial += 1
                c.write(frame(FORGET, c.serial, {
                    "node": p["node"][0].hex(), "sure": True}))
                while True:
                    what, request, answer = c.hear()
                    if request == c.serial and what != PROGRESS:
                        break
                self.record.write("forgotten", node=p["node"][0].hex(),
                                  refused=answer.get("text", "")
                                  if what == ERROR else "",
                                  t=self.record.now())

    def settle(self, number, forget=True):
        """Await it; the seconds.  Then the state of things is recorded."""
        began, last = time.monotonic(), ""
        while True:
            try:
                short = self.lacking() if forget else None
                if short is None:
                    if forget:
                        self.forget()
                    short = self.missing()
            except OSError as e:
                short = repr(e)
            if short is None:
                break
            last = short
            if time.monotonic() - began > CALM_SECONDS:
                self.record.write("unsettled", number=number, what=last,
                                  t=self.record.now())
                raise AssertionError("no calm after %d s: %s" % (
                    CALM_SECONDS, last))
            time.sleep(0.2)
        took = time.monotonic() - began
        self.record.write("settled", number=number, took=took, last=last,
                          t=self.record.now())
        return took

    def list_whole(self, c):
        """Whole at last: heads move for moments even when nobody changes
        anything, as with the free room of a disk."""
        until = time.monotonic() + WHOLE_SECONDS
        while True:
            copies, fresh = list_all(c)
            if fresh["complete"] or time.monotonic() > until:
                return copies, fresh
            time.sleep(0.05)

    def last(self, number):
        """Nobody changes or asks anything any more: all of it, once."""
        self.settle(number, forget=True)
        for n in self.world.nodes.values():
            t0 = self.record.now()
            with Client60(n) as c:
                copies, fresh = self.list_whole(c)
                self.record.listed("last " + n.name, copies, at=n.name,
                                   node=n.id, life=n.daemon.life, t0=t0,
                                   t1=self.record.now(), last=True, **fresh)
                bad = c.unequal()
            self.record.write("verified", at=n.name, bad=repr(bad[:4]) if bad
                              else "", t=self.record.now())
            self.record.write("model", name=n.name, id=n.id,
                              files=n.folder.expected)
            self.record.write("found", name=n.name, files=walk(n.top()))

    def _sizes(self):
        sizes = {}
        for n in self.world.nodes.values():
            pid = n.daemon.pid
            sizes[n.name] = {
                "rss": n.daemon.rss_bytes(),
                "descriptors": len(os.listdir("/proc/%d/fd" % pid)),
                "kinds": kinds(pid),
                "threads": len(os.listdir("/proc/%d/task" % pid))}
        return sizes

    def sizes(self, when, patience):
        """Channels are kept for a while for the next photo: with patience,
        await their end."""
        began = time.monotonic()
        while True:
            sizes = self._sizes()
            rested = not self.before or all(
                s[k] <= self.before[k] + 2 for s in sizes.values()
                for k in ("descriptors", "threads"))
            if rested or time.monotonic() - began > patience:
                break
            time.sleep(0.5)
        if not self.before:
            self.before = {k: max(s[k] for s in sizes.values())
                           for k in ("descriptors", "threads")}
        for name, size in sizes.items():
            self.record.write("size", when=when, name=name,
                              patience=patience, **size)

    def tell_logs(self):
        """What the daemons said of each other, by the steady clock."""
        day = time.gmtime(self.record.wall)
        midnight = self.record.wall - (day.tm_hour * 3600 + day.tm_min * 60 +
                                       day.tm_sec) - self.record.wall % 1
        logs = open(self.record.path + ".logs", "w")
        for d, log in self.world.log_lines():
            logs.writelines("%s/%s %s\n" % (d.name, getattr(d, "life", -1), x)
                            for x in log.splitlines())
            for mark in REPORTS:
                if mark in log:
                    at = log.index(mark)
                    self.record.write("report", at=d.name,
                                      said=log[max(0, at - 200):at + 3000])
            for line in log.splitlines():
                self.tell(d, line, midnight)
        logs.close()

    def tell(self, d, line, midnight):
        m = re.match(r"(\d\d):(\d\d):(\d\d\.\d{3}) ([EWI]) (.*)$", line)
        if not m:
            return
        h, minute, s, mark, text = m.groups()
        t = midnight + int(h) * 3600 + int(minute) * 60 + float(s)
        t -= self.record.wall
        began = self.record.at(d.started_at)
        while t < began - 3600:
            t += 86400
        for what, pattern in SAID:
            found = pattern.search(text)
            if found:
                about = [g for g in found.groups() if g]
                self.record.write("said", at=d.name,
                                  life=getattr(d, "life", -1), t=t,
                                  what=what, about=about[0] if about else "",
                                  port=int(about[1]) if len(about) > 1 else 0)
                return
