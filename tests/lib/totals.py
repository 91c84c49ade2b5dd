"""totals.py: add up what the test runner logged; the totals come last."""
import json
import re
import sys

passed = failed = skipped = 0
bad = []
for path in sys.argv[1:]:
    try:
        with open(path) as f:
            tests = [json.loads(line) for line in f if line.strip()]
    except OSError as e:
        bad.append("no log: %s" % e)
        failed += 1
        continue
    for test in tests:
        lines = re.findall(r"^(ok|not ok)\b[^\n]*", test.get("stdout") or "",
                           re.M)
        points = re.findall(r"^(ok|not ok)\b([^\n]*)",
                            test.get("stdout") or "", re.M)
        good = sum(1 for verdict, rest in points
                   if verdict == "ok" and "# SKIP" not in rest.upper())
        skip = sum(1 for verdict, rest in points
                   if verdict == "ok" and "# SKIP" in rest.upper())
        wrong = sum(1 for verdict, _ in points if verdict == "not ok")
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            if not lines:
                good = 1
        elif test["result"] == "SKIP":
            skip = max(skip, 1)
        else:
            wrong = max(wrong, 1)
            bad.append("%s: %s" % (test["name"], test["result"]))
        passed, failed, skipped = passed + good, failed + wrong, skipped + skip
for line in bad:
    print("failed: %s" % line)
print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
sys.exit(1 if failed or passed == 0 else 0)
