"""far.py: a client over TLS, written from PROTOCOL.md like the others."""
import select
import time

from member import HELLO, Tls, mesh_key
from talk import CLIENT_HELLO, Client, frame


class Far(Client):
    """Asks a daemon by the mesh key; ConnectionError when it hangs up."""

    def __init__(self, mesh, port, greet=True, timeout=10, **tls):
        self.tls = Tls(port, mesh_key(mesh), **tls)
        self.socket, self.timeout = self.tls.socket, timeout
        self.buffer, self.serial = bytearray(), 0
        if greet:
            self.welcome = self.ask(CLIENT_HELLO, {"vmin": 1, "vmax": 1})

    def close(self):
        self.tls.close()

    def read(self):
        deadline = time.monotonic() + self.timeout
        while True:
            got = self.tls.read()
            if got is not None:
                return got
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("nothing was said")
            select.select([self.socket], [], [], left)

    def write(self, data):
        while data:
            n = self.tls.write(data)
            data = data[n:]
            if n == 0:
                select.select([], [self.socket], [], 0.05)

    def hear(self):
        """What concerns a client: the daemon's HELLO to nodes does not."""
        while True:
            said = super().hear()
            if said[0] != HELLO:
                return said

    def ended(self):
        """What they still say until the end of it."""
        said = []
        try:
            while True:
                said.append(self.hear())
        except ConnectionError:
            return said

    def say(self, kind, request, fields):
        self.write(frame(kind, request, fields))
