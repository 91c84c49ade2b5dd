"""Slow and broken lines between two hosts: a relay of our own between them.

They cannot reach each other but through it.  Bulk bytes through a narrow line
keep no heartbeat waiting; what a channel that stands still was to bring comes
all the same; a line that is far, half-closed or reset costs a redial and nobody's life.
"""
import filecmp
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from channel import Channel, photo_id  # noqa: E402
from hosts import (Network, Watch, at_home, cut, folder,  # noqa: E402
                   on_hosts, start, together)
from mesh import wait_until  # noqa: E402
from relay import Relay  # noqa: E402

MIB = 1 << 20
LARGE = 6 * MIB
BULK = int(os.environ.get("PM_BULK_MB", "16")) * 10 ** 6
RATE = 10 ** 6
PERIOD = 0.25
STANDS_SECONDS = 30


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
        self.put("large.gif", LARGE)
        self.ann = start(self.a, "ann", "--join",
                         "%s:5000" % middle.address)
        together([self.ann, self.ben], 3)
        self.watches = [Watch(d) for d in (self.ann, self.ben)]
        for w in self.watches:
            self.addCleanup(w.close)

    def put(self, name, size):
        """At ben's, a file of so many bytes that no other is equal to."""
        with open(os.path.join(folder(self.ben), name), "wb") as f:
            f.write(b"GIF89a")
            while f.tell() < size:
                f.write(os.urandom(min(MIB, size - f.tell())))

    def news(self):
        return [w.count("peer-suspect", "peer-gone", "peer-left",
                        "coordinator") for w in self.watches]

    def get(self, name="large.gif", timeout=120):
        """photo get of that one, going on in a thread; its answer."""
        answer = []
        wanted = self.ann.photo("--json", "list", name).json[0]["id"]
        thread = threading.Thread(target=lambda: answer.append(
            self.ann.photo("get", wanted, "-o", self.a.dir + "/",
                           timeout=timeout)))
        thread.start()
        self.addCleanup(thread.join)
        return answer

    def got(self, answer, name="large.gif"):
        wait_until(lambda: answer, "the photo", 90)
        self.assertEqual(answer[0].code, 0, answer[0])
        self.assertTrue(filecmp.cmp(os.path.join(folder(self.ben), name),
                                    os.path.join(self.a.dir, name), False))

    def test_heartbeats_beside_bulk(self):
        """bulk bytes through 1 MB/s: heartbeats come within two periods"""
        self.put("bulk.gif", BULK)
        together([self.ann, self.ben], 4, timeout=120)
        link, = self.relay.alive()
        back = self.relay.back
        back.rate = RATE
        before, began = back.carried, time.monotonic()
        answer = self.get("bulk.gif", 60 + 2 * BULK / RATE)
        wait_until(lambda: back.carried > before + RATE, "bytes")
        self.relay.longest_turn, back.noted = 0.0, True
        while not answer:
            listed = time.monotonic()
            self.assertEqual(self.ann.photo("list").code, 0)
            self.assertLess(time.monotonic() - listed, 2)
            time.sleep(0.3)
        back.noted = False
        self.got(answer, "bulk.gif")
        took = time.monotonic() - began
        at, = [line.back.times for line in self.relay.alive()
               if line is link]
        gaps = [y - x for x, y in zip(at, at[1:])]
        print("# %.1f MB in %.1f s; %d heartbeats, longest gap %.0f ms; the "
              "relay itself stood for %.0f ms" % (
                  (back.carried - before) / 1e6, took, len(at),
                  max(gaps) * 1000, self.relay.longest_turn * 1000))
        self.assertGreater(took, BULK / RATE * 0.7)
        # All the while, on the same link, and little else.
        self.assertTrue(0.7 < len(at) * PERIOD / (at[-1] - at[0]) < 1.5)
        self.assertGreater(at[-1] - at[0], took * 0.7)
        # What the machine does to the relay it does to everybody.
        self.assertLess(max(gaps), 2 * PERIOD + 2 * self.relay.longest_turn)
        self.assertEqual(self.news(), [0, 0])

    def test_channel_stands_still(self):
        """a channel stands still, or is not read, for 30 s: it survives"""
        # An asker of other make, at ben's own host, stops reading.
        slow = at_home(self.b, lambda: Channel(self.b, 5000,
                                               receive_buffer=4096))
        self.addCleanup(slow.close)
        with open(os.path.join(folder(self.ben), "large.gif"), "rb") as f:
            large = f.read()
        asked = [slow.ask(photo_id(large), n * MIB, MIB) for n in range(4)]
        self.relay.back.rate = 2000000
        links = len(self.relay.alive())
        answer = self.get()
        wait_until(lambda: len(self.relay.alive()) > links and
                   self.relay.back.carried > MIB, "bytes on a channel")
        self.relay.stops_new = True
        for line in self.relay.alive()[links:]:
            line.stop()
        # Nothing to await: that nothing moves is what is tested.
        time.sleep(1)
        carried = self.relay.back.carried
        time.sleep(STANDS_SECONDS - 1)
        for n, request in enumerate(asked):
            self.assertTrue(slow.answer(request, MIB) ==
                            large[n * MIB:(n + 1) * MIB])
        # Heartbeats only.
        self.assertLess(self.relay.back.carried - carried, MIB // 8)
        self.assertFalse(answer)
        self.relay.stops_new = False
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
