"""--discover: machines of one network find each other by themselves.

Nobody else learns anything from what is sent for that, or can make use of it:
what a listener records is noise to it, and sent again it leads to a few dials
that find no member.
"""
import os
import select
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from hosts import Network, on_hosts, start, together  # noqa: E402
from mesh import wait_until  # noqa: E402
from talk import Client  # noqa: E402

GROUP, PORT = "239.255.80.77", 48656

# In another namespace; says each datagram in hex, with its sender and how many
# routers it might still pass.
LISTENER = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("%s", %d))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
             socket.inet_aton("%s") + socket.inet_aton(sys.argv[1]))
s.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
print("listens", flush=True)
while True:
    data, more, _, where = s.recvmsg(2048, 64)
    ttl = [struct.unpack("=i", c)[0] for _, kind, c in more if kind == 2]
    print(where[0], data.hex(), *ttl, flush=True)
""" % (GROUP, PORT, GROUP)

# Sends what stands in its input, a datagram a line.
SENDER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
             socket.inet_aton(sys.argv[1]))
for line in sys.stdin:
    try:
        s.sendto(bytes.fromhex(line), ("%s", %d))
    except OSError:
        pass
""" % (GROUP, PORT)

# Counts who dials one port, and hangs up.
COUNTER = """
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("listens", flush=True)
while True:
    s.accept()[0].close()
    print("dialled", flush=True)
"""


class Spy:
    """A Python program on a host that has no key."""

    def __init__(self, host, program, *args):
        self.process = subprocess.Popen(
            [*host.within, sys.executable, "-c", program, host.address,
             *map(str, args)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, bufsize=0)
        host.children.append(self.process)
        self.lines = []

    def hear(self):
        out = self.process.stdout
        while select.select([out], [], [], 0)[0]:
            line = out.readline()
            if not line:
                break
            self.lines.append(line.decode().strip())
        return self.lines


@on_hosts
class Discover(unittest.TestCase):
    def test_find_each_other(self):
        """--discover on two machines is all it takes, in either order"""
        with Network(3) as (a, b, c):
            spy = Spy(c, LISTENER)
            wait_until(spy.hear, "the listener")
            ann = start(a, "ann", "--discover")
            # Not told to: neither finds nor is found, nor says a word.
            cas = start(c, "cas")
            began = time.monotonic()
            ben = start(b, "ben", "--discover")
            together([ann, ben], 2)
            print("# found after %.1f s" % (time.monotonic() - began))
            self.assertEqual(len(cas.photo("peers").lines), 1)
            self.assertEqual({x.split()[0] for x in spy.hear()[1:]},
                             {a.address, b.address})
            # None would pass a router.
            self.assertEqual({x.split()[2] for x in spy.hear()[1:]}, {"1"})
            # Loopback only: it hears and finds, and cannot be found.
            hidden = start(c, "hidden", "--discover", listen=False,
                           base_port=6000)
            before = len(spy.hear())
            ben.kill()
            ben = b.start(os.path.join(b.dir, "photos", "ben"), "--discover")
            together([ann, ben, hidden], 3, verify=False)
            self.assertNotIn(c.address, [x.split()[0]
                                         for x in spy.hear()[before:]])

    def test_strangers(self):
        """beacons recorded, altered, sent again by a stranger: noise"""
        with Network(3) as (a, b, c):
            spy = Spy(c, LISTENER)
            wait_until(spy.hear, "the listener")
            ann, ben = (start(h, n, "--discover")
                        for h, n in ((a, "ann"), (b, "ben")))
            together([ann, ben], 2)
            said = dict(x.split()[:2] for x in spy.hear()[1:])
            for d in (ann, ben):
                with Client(d.mesh, d.port) as client:
                    me = client.welcome["node"]
                sealed = bytes.fromhex(said[d.mesh.address])
                self.assertEqual(len(sealed), 64)
                for i in range(0, 16, 4):
                    self.assertNotIn(me[i:i + 4], sealed)
            # What ben said, from elsewhere and from its own place, when it
            # is no longer there; and what nobody said.
            ben.kill()
            counter = Spy(c, COUNTER, ben.port)
            wait_until(counter.hear, "the counter")
            before, log = ann.cpu_seconds(), len(ann.log())
            sealed = bytes.fromhex(said[b.address])
            nonsense = [os.urandom(64), sealed[:63], sealed + b"\0", b"",
                        bytes(64), os.urandom(1400),
                        bytes([sealed[0] ^ 1]) + sealed[1:],
                        sealed[:63] + bytes([sealed[63] ^ 128])]
            for host in (c, b):
                sender = Spy(host, SENDER)
                for _ in range(400):
                    for data in (sealed, *nonsense):
                        sender.process.stdin.write(data.hex().encode() +
                                                   b"\n")
                sender.process.stdin.close()
                self.assertEqual(sender.process.wait(30), 0)
            wait_until(lambda: len(counter.hear()) > 1, "a dial")
            print("# 7200 datagrams, %d dials, %.2f s of CPU" % (
                len(counter.hear()) - 1, ann.cpu_seconds() - before))
            self.assertLessEqual(len(counter.hear()) - 1, 16)
            self.assertLess(len(ann.log()) - log, 2000)
            with Client(a, ann.port) as client:
                self.assertEqual(len(client.peers()), 2)
            ben = b.start(os.path.join(b.dir, "photos", "ben"), "--discover")
            together([ann, ben], 2)


if __name__ == "__main__":
    tap.main()
