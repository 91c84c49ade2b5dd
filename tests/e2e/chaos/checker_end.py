"""checker_end.py: answers to other questions, and what is left in the end."""

# What `photo` may answer: done, nothing found, incomplete.
ALWAYS = (0, 3, 6)
# ... and what it may say besides when a daemon was disturbed meanwhile.
DISTURBED = (1, 4, 5, 7, 8, 9)
SOON = 2.0
DESCRIPTORS, THREADS, BYTES = 6, 4, 24 << 20
# Sanitizers that keep what is freed: builds whose memory tells nothing.
KEEPS_FREED = ("asan", "tsan")
# Channels are kept open for a while: what they may take until then.
CHANNELS = 48


def fetched_is_what_was_asked(story):
    """everything fetched hashes to its id"""
    wrong = []
    for g in story.by_kind["get"]:
        if g["code"] == 0 and g["got"] != g["asked"]:
            wrong.append("%s got %s for %s at %.3f" % (
                g["at"], g["got"], g["asked"], g["t1"]))
    for g in story.by_kind["got"]:
        if g["got"] != g["asked"]:
            wrong.append("photo get made %r: %s for %s at %.3f" % (
                g["file"], g["got"], g["asked"], g["t"]))
    return wrong


def raw_clients_are_answered(story):
    """who asks a daemon that is there and well is answered"""
    wrong = []
    for f in story.by_kind["fail"]:
        if not story.disturbed(f["at"], f["t0"] - SOON, f["t1"]):
            wrong.append("%s was not answered by %s at %.3f: %s" % (
                f["by"], f["at"], f["t1"], f["why"]))
    return wrong


def _all_disturbed(story, where, t0, t1):
    names = [n for n in story.names if story.host(n) == where]
    return all(story.disturbed(n, t0 - SOON, t1) for n in names)


def commands_end_well(story):
    """`photo` never crashes or hangs, and answers whenever anybody can"""
    wrong = []
    # A run that is given up ends its daemons whoever is asking.
    over = min([u["t"] for u in story.by_kind["unsettled"]],
               default=float("inf"))
    for p in story.by_kind["photo"]:
        code, t0, t1 = p["code"], p["t0"], p["t1"]
        allowed = code in ALWAYS or (code in DISTURBED and t1 > over)
        if not allowed and code in DISTURBED:
            # Some question the whole mesh, or whoever holds a photo.
            wide = p["args"][0] in ("verify", "check", "--json", "add",
                                    "rescan")
            if p["at"] is not None or wide:
                names = story.names if wide else (p["at"],)
                allowed = any(story.disturbed(n, t0 - 5 * SOON, t1)
                              for n in names) or bool(story.fault(
                                  t0 - 25, t1, story.NETWORK + ("full",)))
            else:
                allowed = _all_disturbed(story, p["where"], t0, t1)
        if "AddressSanitizer" in p["err"] or "runtime error" in p["err"]:
            allowed = False
        if not allowed:
            wrong.append("photo %s (at %s) ended with %s at %.3f: %s" % (
                " ".join(p["args"]), p["at"], code, t1, p["err"]))
    for p in story.by_kind["loose"]:
        if p["code"] is not None:
            wrong.append("photo watch ended by itself: %s, %s" % (
                p["code"], p["err"]))
    return wrong


def nobody_ended(story):
    """no daemon ended but by our doing; no report, no damage, no nonsense"""
    wrong = ["%s ended by itself with %s at %.3f: %s" % (
        e["name"], e["code"], e["t"], e.get("said", ""))
        for e in story.by_kind["ended"]]
    wrong += ["%s: %s" % (r["at"], r["said"]) for r in
              story.by_kind["report"]]
    for said in story.said("damaged", "unlawful", "unequal"):
        wrong.append("%s said at %.3f: %s, of %s" % (
            said["at"], said["t"], said["what"], said["about"]))
    for r in story.by_kind["refused"]:
        if r["code"] != 1 or "ead-only" not in r["said"]:
            wrong.append("%s with a state that cannot be written: %s, %s" % (
                r["name"], r["code"], r["said"]))
    for t in story.by_kind["trouble"] + story.by_kind["unsettled"]:
        wrong.append("%s: %s" % (t.get("by", "calm"), t["what"]))
    return wrong


def folders_untouched(story):
    """nobody but the owners changed a byte, a name, a time, a mode"""
    wrong = []
    found = {f["name"]: f["files"] for f in story.by_kind["found"]}
    for model in story.by_kind["model"]:
        there = found[model["name"]]
        for path in sorted(set(model["files"]) | set(there)):
            if model["files"].get(path) != there.get(path):
                wrong.append("%s: %s is %s and should be %s" % (
                    model["name"], bytes.fromhex(path), there.get(path),
                    model["files"].get(path)))
    return wrong


def all_equal_in_the_end(story):
    """all lists are equal to each other and to the disks, and verified"""
    wrong = ["verify at %s: %s" % (v["at"], v["bad"])
             for v in story.by_kind["verified"] if v["bad"]]
    disk, ids = {}, {m["name"]: m["id"] for m in story.by_kind["model"]}
    for (name, path, photo), spans in story.spans.items():
        if spans[-1].end0 == float("inf"):
            disk[ids.get(name), path, photo] = name
    last = 0
    for line, numbers in story.lists():
        if not line.get("last"):
            continue
        last += 1
        listed = {story.copies[n] for n in numbers}
        for copy in sorted(listed ^ set(disk), key=repr)[:3]:
            wrong.append("%s in the end %s %s" % (
                line["at"], "lists" if copy in listed else "lacks", copy))
        if not line["complete"] or line["scanning"] or line["syncing"]:
            wrong.append("%s is not complete in the end" % line["at"])
    if last != len(story.names) or not story.by_kind["end"]:
        wrong.append("only %d of %d daemons were asked in the end" % (
            last, len(story.names)))
    return wrong


def _more(size, before, kind):
    """How many more of a kind than anybody had before."""
    return max(0, size["kinds"].get(kind, 0) - max(
        b["kinds"].get(kind, 0) for b in before))


def _kinds(size, before):
    """Files of each name, pipes and the like are as many as they were."""
    return ["%s has %d more of %s in the end" % (
        size["name"], _more(size, before, kind), kind)
        for kind in size["kinds"] if kind != "socket" and
        not kind.startswith("log-") and _more(size, before, kind) > 2]


def nothing_leaked(story):
    """memory, descriptors and threads are back to where they began"""
    wrong = []
    sizes = story.by_kind["size"]
    before = [s for s in sizes if s["when"] == "before"]
    for s in sizes:
        if s["when"] != "after" or not before:
            continue
        spare = 0 if s["patience"] else CHANNELS
        if s["patience"] and "kinds" in s:
            wrong += _kinds(s, before)
        for what, more in (("descriptors", DESCRIPTORS + spare),
                           ("threads", THREADS + spare), ("rss", BYTES)):
            if what == "rss" and story.run["build"].endswith(KEEPS_FREED):
                continue
            limit = max(b[what] for b in before) + more
            if s[what] > limit:
                wrong.append("%s has %s %d in the end, at most %d are "
                             "explained" % (s["name"], what, s[what], limit))
    return wrong


RULES = (fetched_is_what_was_asked, raw_clients_are_answered,
         commands_end_well, nobody_ended, folders_untouched,
         all_equal_in_the_end, nothing_leaked)
