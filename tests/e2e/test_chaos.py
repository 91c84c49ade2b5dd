"""Everything at once: storms of faults, and a checker that decides afterwards.

See chaos/chaos.py.  Two minutes on one host unless PM_CHAOS_MINUTES says more;
then on two hosts, too, and on two with a relay between them, each as long again.
PM_CHAOS_SEED replays a run.
"""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, os.path.join(HERE, "chaos"))
import chaos  # noqa: E402
import tap  # noqa: E402
from hosts import on_hosts  # noqa: E402

MINUTES = os.environ.get("PM_CHAOS_MINUTES", "")
SEED = os.environ.get("PM_CHAOS_SEED")


class Chaos(unittest.TestCase):
    def run_it(self, *args):
        if SEED:
            args += ("--seed", SEED)
        self.assertEqual(chaos.main(list(args)), 0, "see above")

    def test_one_host(self):
        """eight daemons of one host in storms of faults: nothing wrong"""
        if MINUTES:
            self.run_it("--minutes", MINUTES)
        else:
            # Others run beside this one: they are load enough.
            self.run_it("--minutes", "2", "--storm", "105", "--no-burn")

    @unittest.skipUnless(MINUTES, "minutes of its own: with --soak")
    @on_hosts
    def test_two_hosts(self):
        """two hosts of four daemons each: cut apart, one way or both"""
        self.run_it("--minutes", MINUTES, "--hosts", "2", "--relay", "no")

    @unittest.skipUnless(MINUTES, "minutes of its own: with --soak")
    @on_hosts
    def test_two_hosts_and_a_relay(self):
        """two hosts that see a relay only: slow, stalled, half-closed, reset
        """
        self.run_it("--minutes", MINUTES, "--hosts", "2", "--relay", "yes")


if __name__ == "__main__":
    tap.main()
