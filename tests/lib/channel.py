"""channel.py: the asker's end of a channel, written from PROTOCOL.md alone."""
import hashlib
import os
import select
import socket
import struct
import time

import ctypes as c

from member import Identity, Tls, _xxh, mesh_key
from talk import cut_frame, frame, unpack

CHANNEL, CHANNEL_OPEN, FETCH, CHUNK, PROVE, PROOF, HATCH, HATCH_IS, HAND, \
    HANDED = range(13, 23)
ERROR, HELLO = 3, 1
MIB = 1 << 20


class Refused(Exception):
    def __init__(self, fields):
        super().__init__("error %(code)d: %(text)s" % fields)
        self.code = fields["code"]


def photo_id(data):
    h = _xxh.XXH3_128bits(data, c.c_size_t(len(data)))
    return struct.pack(">QQQ", h.high, h.low, len(data))


def hatch_name(at):
    return b"\0photomesh-" + at.hex().encode()


def claim(where, ticket=None):
    """A connection to the hatch that HATCH_IS told of, with its ticket."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        s.connect(hatch_name(where["at"]))
        s.send(where["ticket"] if ticket is None else ticket)
    except OSError:
        s.close()
        raise
    return s


class Channel:
    """ConnectionError when they end it, Refused when they say no."""

    def __init__(self, mesh, port, identity=None, say=True, **tls):
        self.identity = identity or Identity()
        self.tls = Tls(port, mesh_key(mesh), **tls)
        self.buffer = bytearray()
        self.serial = 1
        self.hatch = None
        try:
            kind, _, hello = self.hear()
            assert kind == HELLO, kind
            self.holder = hashlib.sha256(hello["key"]).digest()[:16]
            if say:
                self.say(CHANNEL, 1, self.fields())
                kind, request, answer = self.hear()
                assert request == 1, request
                if kind == ERROR:
                    raise Refused(answer)
                assert (kind, answer["version"]) == (CHANNEL_OPEN, 1)
                self.offers_hatch = answer.get("hatch", False)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.tls.close()
        if self.hatch:
            self.hatch.close()

    def fields(self, **over):
        run = 7
        fields = {"vmin": 1, "vmax": 1, "key": self.identity.public,
                  "sig": self.identity.sign(
                      b"photomesh channel 1\0" + self.tls.exporter +
                      struct.pack(">Q", run)), "run": run}
        fields.update(over)
        return fields

    def say(self, kind, request, fields):
        self.raw(frame(kind, request, fields))

    def raw(self, data):
        while data:
            n = self.tls.write(data)
            data = data[n:]
            if n == 0:
                select.select([], [self.tls.socket], [], 0.1)

    def hear(self, timeout=20):
        deadline = time.monotonic() + timeout
        while True:
            body = cut_frame(self.buffer)
            if body is not None:
                return unpack(body)
            got = self.tls.read()
            if got is not None:
                self.buffer += got
                continue
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("nothing was said")
            select.select([self.tls.socket], [], [], left)

    def ended(self, timeout=20):
        """Do they end it, with nothing more said?"""
        try:
            said = self.hear(timeout)
        except ConnectionError:
            return True
        raise AssertionError("they said %r" % (said[:2],))

    # -- asking ----------------------------------------------------------
    def ask(self, photo, offset, length):
        self.serial += 1
        self.say(FETCH, self.serial, {"photo": photo, "offset": offset,
                                      "length": length})
        return self.serial

    def answer(self, request, length):
        """What was asked for; exactly so much, in order, or Refused."""
        got = bytearray()
        while True:
            kind, r, fields = self.hear()
            assert r == request, (r, request)
            if kind == ERROR:
                raise Refused(fields)
            assert kind == CHUNK, kind
            assert len(fields["data"]) <= 262144
            assert fields["data"] or length == 0
            got += fields["data"]
            assert len(got) <= length, "more than was asked for"
            if len(got) == length:
                return bytes(got)

    def fetch(self, photo, offset, length):
        return self.answer(self.ask(photo, offset, length), length)

    def get(self, photo):
        """All of it, four MiB under way; checked against its id."""
        size = struct.unpack(">Q", photo[16:])[0]
        parts = [(o, min(MIB, size - o)) for o in range(0, size, MIB)] or \
            [(0, 0)]
        asked, got = [], bytearray()
        while parts or asked:
            while parts and len(asked) < 4:
                o, n = parts.pop(0)
                asked.append((self.ask(photo, o, n), n))
            got += self.answer(*asked.pop(0))
        assert photo_id(bytes(got)) == photo, "not what its id says"
        return bytes(got)

    def one(self, kind, fields, answer):
        """A question with one frame in answer."""
        self.serial += 1
        self.say(kind, self.serial, fields)
        kind, request, fields = self.hear()
        assert request == self.serial
        if kind == ERROR:
            raise Refused(fields)
        assert kind == answer, kind
        return fields

    def prove(self, photo, nonce):
        return self.one(PROVE, {"photo": photo, "nonce": nonce},
                        PROOF)["sum"]

    def open_hatch(self):
        """Where it is, not yet claimed."""
        return self.one(HATCH, {}, HATCH_IS)

    def hand(self, photo):
        """A descriptor; the hatch is claimed when there is none yet."""
        if self.hatch is None:
            self.hatch = claim(self.open_hatch())
        self.one(HAND, {"photo": photo}, HANDED)
        # It is there before HANDED is: nothing is waited for.
        data, fds, flags, _ = socket.recv_fds(
            self.hatch, 16, 4, socket.MSG_DONTWAIT)
        assert data == struct.pack(">I", self.serial), data
        assert len(fds) == 1 and flags & socket.MSG_CTRUNC == 0, fds
        return fds[0]

    def get_handed(self, photo):
        """All of it, out of the file that was handed over."""
        fd = self.hand(photo)
        try:
            # No more room than that: malloc may be told to fill it.
            data = os.pread(fd, struct.unpack(">Q", photo[16:])[0] + 1, 0)
        finally:
            os.close(fd)
        assert photo_id(data) == photo, "not what its id says"
        return data
