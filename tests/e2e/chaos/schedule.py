"""schedule.py: what will go wrong, when and to whom; from a seed alone.

A run is rounds of storm and calm.  The schedule of a storm is a pure function
of (seed, round, kind of world), so a run is replayed by its seed: the same
faults at the same moments of each storm.  What the machine makes of them is
its own affair.
"""
import random

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "hugo")
SMALL = "hugo"  # its state lies on a small disk of its own
# Of two hosts: four daemons, and a twin of each, who may take the port of one
# that is away, so that this one comes back at another.
PORTS_A_HOST = 8
STATES = ("kept",) * 6 + ("catalogue",) * 2 + ("older",) * 2 + \
    ("copied",) * 2 + ("whole",)
# A silence of 40 heartbeats, 10 s, is the end; lengths near it prove nothing.
SHORT_STOP, LONG_STOP = (0.1, 8.0), (12.0, 20.0)
LATEST = 4.0  # nothing begins later than this before the storm's end


class Fault:
    def __init__(self, at, what, seconds, who=None, **more):
        self.at, self.what, self.seconds = at, what, seconds
        self.who, self.more = who, more

    def line(self):
        more = " ".join("%s=%s" % (k, v) for k, v in sorted(self.more.items()))
        return "%7.2f %-9s %-6s %5.2f s %s" % (
            self.at, self.what, self.who or "-", self.seconds, more)


def _stop(rng):
    low, high = LONG_STOP if rng.random() < 0.15 else SHORT_STOP
    return rng.uniform(low, high)


def _node_fault(rng, at, who):
    what = rng.choices(
        ("kill", "stop", "end", "twin", "squeeze", "full", "readonly"),
        (30, 30, 6, 4, 8, 8, 4))[0]
    if what in ("full", "readonly"):
        who = SMALL
    if what == "kill":
        return Fault(at, what, rng.choice((0.0, rng.uniform(0, 1),
                                           rng.uniform(1, 8))), who,
                     state=rng.choice(STATES))
    if what == "stop":
        return Fault(at, what, _stop(rng), who)
    if what == "squeeze":
        return Fault(at, what, rng.uniform(2, 10), who,
                     spare=rng.randint(0, 8))
    seconds = {"end": (0, 5), "twin": (3, 8), "full": (2, 12),
               "readonly": (0.2, 2)}[what]
    return Fault(at, what, rng.uniform(*seconds), who)


def _net_fault(rng, at, relayed):
    if relayed:
        what = rng.choice(("delay", "rate", "stall", "half", "reset"))
        seconds = {"half": 0.0, "reset": 0.0,
                   "stall": _stop(rng)}.get(what, rng.uniform(2, 15))
        return Fault(at, what, seconds, way=rng.choice(("there", "back")))
    what = rng.choice(("cut", "cut", "oneway", "oneway", "unplug"))
    seconds = rng.uniform(12, 20) if rng.random() < 0.3 else \
        rng.uniform(0.3, 9)
    return Fault(at, what, seconds, way=rng.choice(("there", "back")))


def plan(seed, number, seconds, hosts=1, relayed=False, rate=0.5,
         burn=True):
    """The faults of one storm in the order of their moments.

    rate: faults a second, nearly.  One node has one fault at a time, so the
    record says whose doing an effect was; different nodes have theirs
    together.
    """
    rng = random.Random("%d %d %d %d" % (seed, number, hosts, relayed))
    free_at = dict.fromkeys(NAMES, 0.0)
    net_free = burn_free = 0.0
    faults, at = [], 0.0
    while True:
        at += rng.expovariate(rate)
        if at > seconds - LATEST:
            return faults
        kind = rng.choices(("node", "net", "burn"),
                           (80, 20 if hosts > 1 else 0, 6))[0]
        if kind == "burn":
            fault = Fault(at, "burn", rng.uniform(4, 12))
            if burn and burn_free <= at:
                burn_free = at + fault.seconds + 5
                faults.append(fault)
        elif kind == "net":
            fault = _net_fault(rng, at, relayed)
            if net_free <= at:
                net_free = at + fault.seconds + 1
                faults.append(fault)
        else:
            fault = _node_fault(rng, at, rng.choice(NAMES))
            if free_at[fault.who] <= at:
                free_at[fault.who] = at + fault.seconds + 2
                faults.append(fault)
