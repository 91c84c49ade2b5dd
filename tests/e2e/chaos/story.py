"""story.py: a record, put in order for the rules of the checker.

Pure: lines in, questions answered.  Times are seconds since the run began.
"""
import bisect
import collections

FOREVER = float("inf")


class Span:
    """From when to when something was so: begin0..begin1 it began, end0..end1
    it ended."""

    def __init__(self, begin0, begin1):
        self.begin0, self.begin1 = begin0, begin1
        self.end0 = self.end1 = FOREVER
        self.clean = True  # nothing like it shortly before


class Life:
    def __init__(self, up):
        self.name, self.number, self.node = up["name"], up["life"], up["id"]
        self.state, self.port = up["state"], up["port"]
        self.began, self.ready = up["t0"], up["t"]
        self.ending = self.ended = FOREVER
        self.how = None


# What empties or changes what a node knew; its list begins afresh.
FORGETFUL = ("new", "catalogue", "older", "whole")
# A photo taken away and brought back so soon may be seen or not in between.
AGAIN_SECONDS = 40.0


class Story:
    def __init__(self, lines):
        self.lines = lines
        self.by_kind = collections.defaultdict(list)
        for line in lines:
            self.by_kind[line["k"]].append(line)
        self.run = self.by_kind["run"][0]
        self.names = self.run["names"]
        self.copies = {c["n"]: (c["node"], c["path"], c["id"])
                       for c in self.by_kind["copy"]}
        self._lives()
        self._holdings()
        self.faults = sorted(self.by_kind["fault"], key=lambda f: f["t0"])
        self._fault_begins = [f["t0"] for f in self.faults]
        self._longest = max((f["t1"] - f["t0"] for f in self.faults),
                            default=0)

    # -- lives -----------------------------------------------------------
    def _lives(self):
        self.lives = collections.defaultdict(list)
        self.owner = {}  # node id -> name
        self._by_number = {}
        for line in self.lines:
            if line["k"] == "up":
                life = Life(line)
                self.lives[life.name].append(life)
                self._by_number[life.name, life.number] = life
                self.owner[life.node] = life.name
            elif line["k"] == "down":
                life = self.life(line["name"], line["life"])
                life.ending, life.ended = line["t0"], line["t"]
                life.how = line["how"]
        # One after the other: what is asked of a moment is found by it.
        self._readies = {name: [x.ready for x in lives]
                         for name, lives in self.lives.items()}

    def life(self, name, number):
        return self._by_number.get((name, number))

    def life_at(self, name, t):
        i = bisect.bisect_right(self._readies.get(name, ()), t)
        life = self.lives[name][i - 1] if i else None
        return life if life and t <= life.ended else None

    def down(self, name, since, until):
        """Was it not there at some moment between these?"""
        lives = self.lives[name]
        # Of the gaps the first that is not over by `since`: no later one
        # begins earlier.
        i = bisect.bisect_right(self._readies.get(name, ()), since)
        if not i:
            return bool(lives)
        return lives[i - 1].ending < until

    def down_throughout(self, name, since, until):
        """The life that had ended by `since`, if none began by `until`."""
        lives = self.lives[name]
        i = bisect.bisect_right(self._readies.get(name, ()), since)
        if not i or lives[i - 1].ended > since:
            return None
        return lives[i - 1] if i == len(lives) or \
            lives[i].began >= until else None

    # -- faults ----------------------------------------------------------
    def fault(self, since, until, what, who=None):
        """The faults of these kinds that were on between these moments."""
        first = bisect.bisect_left(self._fault_begins, since - self._longest)
        last = bisect.bisect_left(self._fault_begins, until)
        return [f for f in self.faults[first:last]
                if f["t1"] > since and f["what"] in what
                and (who is None or f["who"] in who)]

    def disturbed(self, name, since, until):
        """Nobody can expect this daemon to answer just then."""
        return self.down(name, since, until) or bool(self.fault(
            since, until, ("stop", "squeeze", "twin"), (name,)))

    def host(self, name):
        return self.names.index(name) * self.run["hosts"] // len(self.names)

    def between_hosts(self, one, other):
        return self.host(one) != self.host(other)

    NETWORK = ("cut", "oneway", "unplug", "delay", "rate", "stall", "half",
               "reset")

    # -- what lies where --------------------------------------------------
    def _holdings(self):
        """spans of each copy (name, path, id), of each photo (name, id)."""
        self.spans = collections.defaultdict(list)
        self.loose = set()
        for line in sorted(self.by_kind["hold"] + self.by_kind["drop"],
                           key=lambda x: x["t1"]):
            key = (line["name"], line["path"], line["id"])
            if line["k"] == "hold":
                self.spans[key].append(Span(line["t0"], line["t1"]))
                if line.get("loose"):
                    self.loose.add(key[:2])
            else:
                span = self.spans[key][-1]
                span.end0, span.end1 = line["t0"], line["t1"]
        held = collections.defaultdict(list)
        for (name, _, photo), spans in self.spans.items():
            held[name, photo] += spans
        self.held = {k: _union(v) for k, v in held.items()}

    def held_throughout(self, name, photo, since, until):
        """Did the owner leave it there all the time?  Only if it had been
        there for good when that began."""
        for span in self.held.get((name, photo), ()):
            if span.begin1 <= since and span.end0 >= until and (
                    span.clean or since > span.begin1 + AGAIN_SECONDS):
                return True
        return False

    def copy_existed(self, key, since, until):
        """Was there such a copy at some moment between these?"""
        return any(s.begin0 <= until and s.end1 >= since
                   for s in self.spans.get(key, ()))

    # -- answers ----------------------------------------------------------
    def lists(self):
        """Each whole list, as a set of copy numbers, in the order of their
        ends; by whom nobody can be mistaken for another."""
        sets = collections.defaultdict(set)
        for line in self.by_kind["list"]:
            now = sets[line["by"]]
            now.difference_update(line["minus"])
            now.update(line["plus"])
            assert len(now) == line["count"], "a record that lost a line"
            yield line, now

    def own_answer(self, line):
        """By the daemon that was meant, not by whoever has its port now."""
        life = self.life(line["at"], line["life"])
        return life if life and life.node == line["node"] else None

    def said(self, *what):
        return sorted((s for s in self.by_kind["said"]
                       if s["what"] in what and s["life"] > 0),
                      key=lambda s: s["t"])

    def named(self, shown):
        """The name behind a shown one, which may end in ~ and an id."""
        return shown.split("~")[0]


def _union(spans):
    spans = sorted(spans, key=lambda s: (s.begin0, s.begin1))
    out = []
    for s in spans:
        # A rename's two halves lie in the same moment.
        if out and s.begin1 <= out[-1].end1:
            if s.end0 > out[-1].end0:
                out[-1].end0, out[-1].end1 = s.end0, s.end1
            continue
        u = Span(s.begin0, s.begin1)
        u.end0, u.end1 = s.end0, s.end1
        u.clean = not (out and s.begin0 < out[-1].end1 + AGAIN_SECONDS)
        out.append(u)
    return out
