"""tap.py: run unittest cases and say it in TAP, for meson.

A test's first docstring line is its name in the report.
"""
import signal
import sys
import time
import traceback
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self._began = 0.0

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()

    def _say(self, ok, test, tail=""):
        self.number += 1
        name = test.shortDescription() or test.id().split(".", 1)[-1]
        print("%s %d - %s%s" % ("ok" if ok else "not ok", self.number,
                                name.replace("#", ""), tail), flush=True)
        print("# (%.1f s)" % (time.monotonic() - self._began), flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._say(True, test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say(True, test, " # SKIP " + reason)

    def _explain(self, err):
        text = "".join(traceback.format_exception(*err))
        print("\n".join("# " + line for line in text.splitlines()),
              flush=True)
        # The runner shows what a failed test wrote here, not its TAP.
        print(text, file=sys.stderr, flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say(False, test)
        self._explain(err)

    def addError(self, test, err):
        super().addError(test, err)
        self._say(False, test)
        self._explain(err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._say(False, subtest)
            self._explain(err)


def main(module="__main__"):
    # A runner that loses patience sends this: clean up all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromModule(sys.modules[module])
    wanted = sys.argv[1:]
    if wanted:
        suite = unittest.TestSuite(
            t for group in suite for t in group
            if any(w in t.id() for w in wanted))
    print("1..%d" % suite.countTestCases(), flush=True)
    result = TapResult()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
