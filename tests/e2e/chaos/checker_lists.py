"""checker_lists.py: what no list may ever say, or leave out."""
import collections

from story import FORGETFUL

# Latency that nobody promises away: a loaded machine, a scheduler's turn.
SLACK = 3.0
# A daemon that begins with nothing needs so long to hear who there is.
NEWCOMER = 15.0
# 40 heartbeats of silence, on the way from "live" to "gone".
SILENCE = 10.0
# A life that was put back shows what it knew until it has looked.
RESTORED = 60.0


def _keys(story, numbers):
    """(name, photo) of what is listed, and (node, path, photo) of copies."""
    photos, copies = set(), set()
    for n in numbers:
        node, path, photo = story.copies[n]
        name = story.owner.get(node)
        if name is not None:
            photos.add((name, photo))
            copies.add((node, path, photo))
    return photos, copies


class _Of:
    """What one daemon has listed since it last began with nothing."""

    def __init__(self):
        self.number = None
        self.known = {}  # (name, photo) -> when it was last listed
        self.absent = {}  # copy -> since when it is not listed any more


def nothing_lost(story):
    """no answer lost a photo whose holder did not delete it"""
    wrong, of = [], collections.defaultdict(_Of)
    for line, numbers in story.lists():
        life, at = story.own_answer(line), of[line["at"]]
        if life is None:
            continue
        if life.number != at.number:
            at.number = life.number
            if life.state in FORGETFUL:
                at.known = {}
        photos, _ = _keys(story, numbers)
        for name, photo in set(at.known) - photos:
            since = at.known.pop((name, photo))
            if story.held_throughout(name, photo, since, line["t1"]):
                wrong.append(
                    "%s lost photo %s of %s: listed at %.3f, not at %.3f" % (
                        line["at"], photo[:12], name, since, line["t1"]))
        for key in photos:
            at.known[key] = line["t0"]
    return wrong


def nothing_back(story):
    """a deleted file never came back"""
    wrong, of = [], collections.defaultdict(_Of)
    restored = collections.defaultdict(list)
    for name, lives in story.lives.items():
        # It may speak to others before its own ready line is read.
        restored[name] = [(x.began, x.ready) for x in lives
                          if x.state == "older"]
    # So may a copy of the state, beside the daemon that goes on.
    for fault in story.faults:
        if fault["what"] == "twin":
            restored[fault["who"]].append((fault["t0"], fault["t1"]))
    before = collections.defaultdict(set)
    for line, numbers in story.lists():
        life, at = story.own_answer(line), of[line["at"]]
        if life is None:
            continue
        if life.number != at.number:
            at.number = life.number
            if life.state in FORGETFUL:
                at.absent = {}
                before[line["at"]] = set()
        _, copies = _keys(story, numbers)
        for copy in before[line["at"]] - copies:
            at.absent[copy] = line["t0"]
        for copy in [c for c in copies if c in at.absent]:
            since = at.absent.pop(copy)
            name = story.owner[copy[0]]
            key = (name, copy[1], copy[2])
            if story.copy_existed(key, since, line["t1"]):
                continue
            if any(began <= line["t1"] and since <= ready + RESTORED
                   for began, ready in restored[name]):
                continue
            wrong.append("%s lists %s of %s again at %.3f; it was gone at "
                         "%.3f" % (line["at"], bytes.fromhex(copy[1]), name,
                                   line["t1"], since))
        before[line["at"]] = copies
    return wrong


def nothing_invented(story):
    """what is listed was there: these bytes, at this path, of this node"""
    wrong = []
    for node, path, photo in story.copies.values():
        name = story.owner.get(node)
        if name is None or (name, path) in story.loose:
            continue
        if (name, path, photo) not in story.spans:
            wrong.append("%s is said to hold %s at %s, and never did" % (
                name, photo[:12], bytes.fromhex(path)))
    return wrong


def _surely(fault, t0, t1):
    """Was it on all the time, the moments of its doing left out?"""
    return fault.get("sure0", fault["t0"]) <= t0 and \
        fault.get("sure1", fault["t1"]) >= t1


def _still(story, other, t0, t1):
    """Has nobody heard `other` between these, for sure?  Killed, stopped."""
    if story.down_throughout(other, t0, t1):
        return story.down_throughout(other, t0, t1).how == "kill"
    return any(_surely(f, t0, t1)
               for f in story.fault(t0, t1, ("stop",), (other,)))


def _apart(story, one, other, t0, t1):
    """Was each of them on its own side of a cut all the time?"""
    return story.between_hosts(one, other) and any(
        _surely(f, t0, t1)
        for f in story.fault(t0, t1, ("cut", "unplug")))


def _cut_off(story, one, other, t0, t1):
    return _still(story, other, t0, t1) or _apart(story, one, other, t0, t1)


def _goodbye_on_its_way(story, one, other, t):
    """A goodbye of `other` may have come late, from before a cut; who has
    left is not waited for, though it came back and was lost meanwhile."""
    if not story.between_hosts(one, other):
        return False
    return any(x.how == "end" and x.ending <= t and
               story.fault(x.ending - 1, t, story.NETWORK)
               for x in story.lives[other])


def _asleep(story, at, others, t):
    """For how long may somebody be taken for live longer than silence lasts:
    `at` was stopped itself, or one of those by whose word it does so."""
    def slept(name):
        return sum(f["t1"] - f["t0"] for f in story.fault(
            t - 4 * SILENCE, t, ("stop",), (name,)))
    return slept(at) + max([slept(n) for n in others if n != at], default=0)


def _away(story, at, other, t0, t1):
    """Can `at` not but know by t0 that `other` is away, and until t1?"""
    all_others = [n for n in story.names if n != other]
    near = [n for n in all_others if not story.between_hosts(n, at)]
    since = t0 - SILENCE - SLACK
    # By the word of who has been cut off since, until that is gone, too.
    word = SILENCE if story.run["hosts"] > 1 and story.fault(
        t0 - 2 * SILENCE, t0, story.NETWORK) else 0
    return (_still(story, other, since - word -
                   _asleep(story, at, all_others, t0), t1) or
            _apart(story, at, other, since - _asleep(story, at, near, t0), t1))


def _newcomer(life, line):
    return life.state in FORGETFUL and line["t0"] < life.ready + NEWCOMER


def complete_is_true(story):
    """complete: false while somebody has been away for long"""
    wrong = []
    for line in story.by_kind["list"]:
        life = story.own_answer(line)
        if life is None or not line["complete"] or _newcomer(life, line):
            continue
        for other in story.names:
            if other == line["at"] or _goodbye_on_its_way(
                    story, line["at"], other, line["t0"]):
                continue
            # A killed neighbour is known at once to who was linked with it on
            # the loopback, and so was awake while it lived; else, and in
            # silence, it takes its time, for others may vouch for it who are
            # asleep, or have done so while we slept.
            dead = story.down_throughout(other, line["t0"] - SLACK,
                                         line["t1"])
            near = story.run["hosts"] == 1
            proof = (dead and dead.how == "kill" and near and
                     life.ready + SLACK < dead.ended and
                     not any(f["t0"] < dead.ready + SLACK and
                             f["t1"] > dead.ended for f in story.fault(
                                 dead.ready, dead.ended, ("stop",),
                                 (line["at"],))))
            if proof or _away(story, line["at"], other, line["t0"],
                              line["t1"]):
                if life.ready < line["t0"] - SLACK:
                    wrong.append("%s said complete at %.3f, with %s away" % (
                        line["at"], line["t0"], other))
    return wrong


def ages_grow(story):
    """the age of an answer grows while somebody is cut off"""
    wrong = []
    for line in story.by_kind["list"]:
        life = story.own_answer(line)
        if life is None or _newcomer(life, line):
            continue
        age = line["age"] / 1000
        for other in story.names:
            if other == line["at"] or _goodbye_on_its_way(
                    story, line["at"], other, line["t0"]):
                continue
            since = line["t0"] - age - SLACK
            if _cut_off(story, line["at"], other, since, line["t1"]):
                wrong.append("%s said an age of %.3f s at %.3f; of %s it had "
                             "heard nothing for longer" % (
                                 line["at"], age, line["t0"], other))
    return wrong


def complete_has_all(story):
    """complete: what anybody listed before, as long ago as the age says"""
    wrong, first = [], {}
    for line, numbers in story.lists():
        life = story.own_answer(line)
        if life is None:
            continue
        photos, _ = _keys(story, numbers)
        if line["complete"] and not _newcomer(life, line):
            horizon = line["t0"] - line["age"] / 1000 - SLACK
            over = []
            for (name, photo), (t, by) in first.items():
                if t >= horizon or (name, photo) in photos:
                    continue
                if not story.held_throughout(name, photo, t, line["t1"]):
                    over.append((name, photo))
                else:
                    wrong.append(
                        "%s said complete at %.3f without photo %s of %s, "
                        "which %s listed at %.3f" % (
                            line["at"], line["t0"], photo[:12], name, by, t))
                    break
            # Taken away since, so of no list to come any more; or brought
            # back later, of which somebody's next list is the first word.
            for key in over:
                del first[key]
        if life.how == "end" and line["t1"] >= life.ending:
            continue  # it has said goodbye, and who has left owes nothing
        for key in photos:
            first.setdefault(key, (line["t1"], line["at"]))
    return wrong


RULES = (nothing_lost, nothing_back, nothing_invented, complete_is_true,
         ages_grow, complete_has_all)
