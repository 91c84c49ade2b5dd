"""Slow and broken lines between two hosts: a relay of our own between them.

They cannot reach each other but through it.  Bulk bytes through a narrow line
keep no heartbeat waiting; what a channel that stands still was to bring comes
all the same; a line that is far, half-closed or reset costs a redial and nobody's life.
"""
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from hosts import (Network, Watch, cut, folder, on_hosts,  # noqa: E402
                   start, together)
from mesh import wait_until  # noqa: E402
from relay import Relay  # noqa: E402

MIB = 1 << 20
LARGE = 6 * MIB


@on_hosts
class Slow(unittest.TestCase):
    def setUp(self):
        network = Network(3)
        self.addCleanup(network.close)
        self.a, self.b, middle = network.hosts
        cut(self.a, self.b)
        self.relay = Relay((self.b.address, 5000), (middle.address, 5000),
                           middle.held.process.pid)
        self.addCleanup(self.relay.__exit__)
        self.ben = start(self.b, "ben")
        with open(os.path.join(folder(self.ben), "large.gif"), "wb") as f:
            f.write(b"GIF89a" + os.urandom(LARGE - 6))
        self.ann = start(self.a, "ann", "--join",
                         "%s:5000" % middle.address)
        together([self.ann, self.ben], 3)
        self.watches = [Watch(d) for d in (self.ann, self.ben)]
        for w in self.watches:
            self.addCleanup(w.close)

    def news(self):
        return [w.count("peer-suspect", "peer-gone", "peer-left",
                        "coordinator") for w in self.watches]

    def get(self):
        """photo get of the large one, going on in a thread; its answer."""
        answer = []
        wanted = self.ann.photo("--json", "list", "large").json[0]["id"]
        thread = threading.Thread(target=lambda: answer.append(
            self.ann.photo("get", wanted, "-o", self.a.dir + "/",
                           timeout=120)))
        thread.start()
        self.addCleanup(thread.join)
        return answer

    def got(self, answer):
        wait_until(lambda: answer, "the photo", 90)
        self.assertEqual(answer[0].code, 0, answer[0])
        with open(os.path.join(folder(self.ben), "large.gif"), "rb") as one, \
                open(os.path.join(self.a.dir, "large.gif"), "rb") as two:
            self.assertEqual(one.read(), two.read())

    def test_heartbeats_beside_bulk(self):
        """bulk bytes through 1 MB/s: no heartbeat is late behind them"""
        self.relay.back.rate = 1000000
        before, began = self.relay.back.carried, time.monotonic()
        answer = self.get()
        while not answer:
            listed = time.monotonic()
            self.assertEqual(self.ann.photo("list").code, 0)
            self.assertLess(time.monotonic() - listed, 2)
            time.sleep(0.3)
        self.got(answer)
        took = time.monotonic() - began
        print("# %.1f MB in %.1f s" % (
            (self.relay.back.carried - before) / 1e6, took))
        self.assertGreater(took, LARGE / 1e6 * 0.7)
        # After four heartbeats that did not come there would be a word.
        self.assertEqual(self.news(), [0, 0])

    def test_channel_stands_still(self):
        """a channel stands still for seconds: the transfer survives"""
        self.relay.back.rate = 2000000
        links = len(self.relay.alive())
        answer = self.get()
        wait_until(lambda: len(self.relay.alive()) > links and
                   self.relay.back.carried > MIB, "bytes on a channel")
        stopped_at = time.monotonic()
        carried = None
        while time.monotonic() < stopped_at + 6:
            for line in self.relay.alive()[links:]:
                line.stop()  # also one that was opened only now
            if carried is None and time.monotonic() > stopped_at + 1:
                carried = self.relay.back.carried
            time.sleep(0.01)
        # Heartbeats only, and handshakes.
        self.assertLess(self.relay.back.carried - carried, MIB // 8)
        self.assertFalse(answer)
        for line in self.relay.alive():
            line.go_on()
        self.got(answer)
        # Nothing much came twice.
        self.assertLess(self.relay.back.carried, LARGE + 3 * MIB)
        self.assertEqual(self.news(), [0, 0])

    def test_far_and_broken(self):
        """a far line; half-closed, reset: relinked, and nobody is gone"""
        self.relay.there.delay = self.relay.back.delay = 0.2
        with open(os.path.join(folder(self.ben), "new.gif"), "wb") as f:
            f.write(b"GIF89a new")
        together([self.ann, self.ben], 4)
        self.got(self.get())
        for harm in (lambda line: line.reset(),
                     lambda line: line.there.close(),
                     lambda line: line.back.close()):
            calls = self.relay.calls
            for line in self.relay.alive():
                harm(line)
            wait_until(lambda: self.relay.calls > calls, "a redial")
            together([self.ann, self.ben], 4)
        self.assertEqual([w.count("peer-gone", "peer-left", "coordinator")
                          for w in self.watches], [0, 0])


if __name__ == "__main__":
    tap.main()
