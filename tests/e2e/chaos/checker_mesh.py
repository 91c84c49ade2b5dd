"""checker_mesh.py: what nodes may say of each other."""
import collections

# From the end of a process to its being known: redials, under load.
KNOWN = 5.0
# Stops shorter than this are no death: 40 heartbeats of 250 ms.
SILENCE = 9.5
# How long behind a cut TCP may still be waiting to try again.
TCP_WAITS = 25.0
# A suspect is held for up to a minute after it was heard again.
HELD = 75.0
# Who led for less than this led nobody.
BURST = 0.05
# Each fault may move the crown away and back, for each who looks on.
MOVES = 2


def _since(story, at, t):
    """From when on something may be news to `at` only now: it may have been
    stopped itself."""
    return min([f["t0"] for f in story.fault(t - KNOWN, t, ("stop",), (at,))],
               default=t) - KNOWN


def _may_be_gone(story, at, name, t):
    """Is there a reason why `at` should take `name` for gone at t?"""
    if story.down(name, _since(story, at, t), t):
        return True
    for f in story.fault(t - KNOWN, t, ("stop",), (name,)):
        if f["t1"] - f["t0"] >= SILENCE and t >= f["t0"] + SILENCE:
            return True
    # The end of a twin, too, is news only to who is awake.
    if story.fault(t - KNOWN, t, ("squeeze",), (at, name)) or story.fault(
            _since(story, at, t), t, ("twin",), (at, name)):
        return True
    return story.between_hosts(at, name) and bool(
        story.fault(t - TCP_WAITS, t, story.NETWORK))


def _is_former(story, at, name, t):
    """A log tells names, and that name has had another identity, which is
    gone for good: then only an event, which tells the id, accuses."""
    now = story.life_at(name, t)
    former = {x.node for x in story.lives[name] if x.ready <= t} - {
        now.node if now else None}
    if not former or not now:
        return bool(former)
    told = [(abs(e["t"] - t), e["node"]) for e in story.by_kind["event"]
            if e["event"] == "peer-gone" and e["at"] == at and
            abs(e["t"] - t) < KNOWN]
    # Both may go within that time: the line is of the event next to it.
    of_now = [d for d, node in told if node == now.node]
    of_former = [d for d, node in told if node in former]
    return not of_now or bool(of_former) and min(of_former) < min(of_now)


def no_false_gone(story):
    """nobody is taken for gone who was merely slow"""
    wrong = []
    for said in story.said("gone"):
        name = story.named(said["about"])
        if name in story.names and not _may_be_gone(
                story, said["at"], name, said["t"]) and \
                not _is_former(story, said["at"], name, said["t"]):
            wrong.append("%s said at %.3f that %s is gone" % (
                said["at"], said["t"], name))
    return wrong


def suspicions(story):
    """(true, false): was there a reason for it?"""
    true = false = 0
    for said in story.said("suspect"):
        name, t = story.named(said["about"]), said["t"]
        reason = story.down(name, t - KNOWN, t) or story.fault(
            t - KNOWN, t, ("stop", "squeeze", "twin"), (name,)) or (
                story.between_hosts(said["at"], name) and
                story.fault(t - TCP_WAITS, t, story.NETWORK))
        true, false = true + bool(reason), false + (not reason)
    return true, false


def _troubled(story, at, name, t, window):
    """What may have moved the crown from or to `name`, as `at` sees it."""
    reasons = []
    for f in story.faults:
        if not f["t0"] <= t <= f["t1"] + window:
            continue
        if f["who"] in (at, name) and f["what"] in (
                "kill", "end", "readonly", "twin", "squeeze", "stop"):
            reasons.append(f)
        elif f["what"] == "burn" or (
                f["what"] in story.NETWORK and
                story.run["hosts"] > 1):
            reasons.append(f)
    return reasons


def crowns(story):
    """Each daemon's coordinators in their order: at -> [(t, life, name)]."""
    out = collections.defaultdict(list)
    for said in story.said("coordinator", "uncrowned"):
        name = story.named(said["about"])
        moves = out[said["at"]]
        # Words that a cut line or a sleep held back come all at once.
        while len(moves) > 1 and moves[-1][1] == said["life"] and \
                said["t"] - moves[-1][0] < BURST:
            moves.pop()
        last = moves[-1:] or [(0, None, None)]
        if last[0][1] == said["life"] and last[0][2] == name:
            continue
        out[said["at"]].append((said["t"], said["life"], name))
    return out


def crowns_explained(story):
    """the coordinator changes only where a fault explains it"""
    wrong = []
    # The daemons are ended one by one.
    over = min([e["t"] for e in story.by_kind["ending"]],
               default=float("inf"))
    for at, moves in crowns(story).items():
        used = collections.Counter()
        for (t0, life0, was), (t, life, now) in zip(moves, moves[1:]):
            first = story.life(at, life)
            if life0 != life or (first and t < first.ready + KNOWN):
                continue  # it has just begun to look around
            reasons = [f for name in (was, now) if name for f in
                       _troubled(story, at, name, t, HELD)]
            reasons = [f for f in reasons if
                       used[id(f)] < MOVES * (1 + (f["who"] in (None, at)))]
            if reasons:
                used[id(max(reasons, key=lambda f: f["t0"]))] += 1
            elif t < over:
                wrong.append("%s left %s for %s at %.3f, and no fault "
                             "explains it" % (at, was or "nobody",
                                              now or "nobody", t))
    return wrong


def slowest_failover(story):
    """Of killed coordinators: until the last daemon that could had another
    one; seconds."""
    slowest = 0.0
    moves = collections.defaultdict(list)
    for said in story.said("coordinator"):
        moves[said["at"]].append((said["t"], said["life"],
                                  story.named(said["about"])))
    for fault in story.faults:
        if fault["what"] not in ("kill", "readonly"):
            continue
        t = fault["t0"]
        for at, told in moves.items():
            if at == fault["who"] or story.disturbed(at, t - 1, t + 3):
                continue
            was = [m for m in told if m[0] <= t]
            then = [m for m in told if m[0] > t]
            if was and was[-1][2] == fault["who"] and then:
                slowest = max(slowest, then[0][0] - t)
    return slowest


RULES = (no_false_gone, crowns_explained)
