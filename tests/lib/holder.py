"""holder.py: the two ends of a transfer for tests, written from PROTOCOL.md.

Getter is a client that hands descriptors to a daemon.  Holder is a member of
the mesh that lists photos and answers on channels, as honestly as the test
wants: `serve(channel, fields)` is asked for every FETCH, and where there is
`hand(channel, fields)`, it is for every HAND, and `hatch(channel)` for HATCH;
`prove(channel, fields)` for PROVE, `thumbs(channel, fields)` for THUMBS.  With
`metas` it says of each photo what that function makes of it.
"""
import ctypes as c
import hashlib
import os
import select
import socket
import struct
import threading
import time

from member import (_crypto, _ssl, _xxh, HELLO, ROOT, SET_MIN_PROTO, TLS1_3,
                    Identity, Member, exporter, mesh_key)
from talk import Client, cut_frame, frame, pack, unpack

ERROR, CHANNEL, CHANNEL_OPEN, FETCH, CHUNK, PROVE, PROOF = 3, 13, 14, 15, 16, \
    17, 18
HATCH, HATCH_IS, HAND, HANDED = 19, 20, 21, 22
THUMBS, THUMB = 23, 24
GET, GETTING, GOT, HAVE, PROVE_HELD, ROOTS = 53, 54, 55, 56, 58, 60
MIB = 1 << 20
NOT_HERE, CHANGED, WAITING, DENIED = 5, 6, 7, 8

_ssl.TLS_server_method.restype = c.c_void_p
_FIND_PSK = c.CFUNCTYPE(c.c_uint, c.c_void_p, c.c_char_p,
                        c.POINTER(c.c_char), c.c_uint)


def photo_id(data):
    h = _xxh.XXH3_128bits(bytes(data), c.c_size_t(len(data)))
    return (h.high << 64 | h.low).to_bytes(16, "big") + \
        struct.pack(">Q", len(data))


# -- the client's end ---------------------------------------------------------

class Failed(Exception):
    def __init__(self, code, text):
        super().__init__("error %d: %s" % (code, text))
        self.code, self.text = code, text


class Getter(Client):
    """A client whose questions travel with descriptors."""

    def begin(self, photo, fd, **fields):
        self.serial += 1
        self.states = []
        self.told = []
        data = frame(GET, self.serial, dict(photo=photo, **fields))
        if fd is None:
            self.socket.sendall(data)
        else:
            n = socket.send_fds(self.socket, [data], [fd])
            self.socket.sendall(data[n:])
        return self.serial

    def finish(self, serial):
        while True:
            what, request, answer = self.hear()
            if request != serial:
                continue
            if what == ERROR:
                raise Failed(answer["code"], answer["text"])
            if what == GOT:
                return answer
            assert what == GETTING, what
            self.told.append(answer)
            if not self.states or self.states[-1] != answer["state"]:
                self.states.append(answer["state"])

    def get(self, photo, path, **fields):
        """GOT, and the bytes of the file."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            got = self.finish(self.begin(photo, fd, **fields))
        finally:
            os.close(fd)
        with open(path, "rb") as f:
            return got, f.read()


# -- the holder's end ---------------------------------------------------------

class ServerTls:
    """The listening end of TLS 1.3 by the mesh key; blocking."""

    def __init__(self, sock, key):
        def find(_ssl, _identity, psk, _max):
            for i, b in enumerate(key):
                psk[i] = b
            return len(key)
        self._find = _FIND_PSK(find)
        self.socket = sock
        self._ctx = c.c_void_p(_ssl.SSL_CTX_new(c.c_void_p(
            _ssl.TLS_server_method())))
        _ssl.SSL_CTX_set_ciphersuites(self._ctx, b"TLS_AES_128_GCM_SHA256")
        _ssl.SSL_CTX_ctrl(self._ctx, SET_MIN_PROTO, c.c_long(TLS1_3), None)
        _ssl.SSL_CTX_set_num_tickets(self._ctx, c.c_size_t(0))
        _ssl.SSL_CTX_set_psk_server_callback(self._ctx, self._find)
        self._tls = c.c_void_p(_ssl.SSL_new(self._ctx))
        _ssl.SSL_set_fd(self._tls, sock.fileno())
        if _ssl.SSL_accept(self._tls) != 1:
            self.close()
            raise ConnectionError("no TLS")
        self.exporter = exporter(self._tls)
        self._room = c.create_string_buffer(1 << 16)

    def write(self, data):
        while data:
            r = _ssl.SSL_write(self._tls, data, min(len(data), 1 << 16))
            if r <= 0:
                raise ConnectionError("hung up")
            data = data[r:]

    def read(self):
        r = _ssl.SSL_read(self._tls, self._room, len(self._room))
        if r <= 0:
            raise ConnectionError("hung up")
        return self._room.raw[:r]

    def close(self):
        if self._tls:
            _ssl.SSL_free(self._tls)
            _ssl.SSL_CTX_free(self._ctx)
            self._tls = None
            self.socket.close()


class Served:
    """One channel of a Holder, in a thread of its own."""

    def __init__(self, holder, sock):
        self.holder, self.tls, self.buffer = holder, None, bytearray()
        self.request, self.hatch = 0, None
        self.thread = threading.Thread(target=self._run, args=(sock,),
                                       daemon=True)
        self.thread.start()

    def hear(self):
        while True:
            body = cut_frame(self.buffer)
            if body is not None:
                return unpack(body)
            self.buffer += self.tls.read()

    def say(self, kind, request, fields):
        self.tls.write(frame(kind, request, fields))

    def chunks(self, data, request=None, size=1 << 18):
        for at in range(0, max(len(data), 1), size):
            self.say(CHUNK, request or self.request,
                     {"data": data[at:at + size]})

    def error(self, code, text=""):
        self.say(ERROR, self.request, {"code": code, "text": text})

    def prove(self, fields):
        data = self.holder.photos[fields["photo"]]
        self.say(PROOF, self.request, {"sum": hashlib.sha256(
            fields["nonce"] + data).digest()})

    def open_hatch(self):
        """HATCH_IS; whoever comes is let in when something is handed."""
        at, ticket = os.urandom(16), os.urandom(16)
        self.hatch = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.hatch.bind(b"\0photomesh-" + at.hex().encode())
        self.hatch.listen(4)
        self.ticket = ticket
        self.say(HATCH_IS, self.request, {"at": at, "ticket": ticket})

    def hand(self, *fds, request=None):
        """A packet with these through the hatch."""
        if self.ticket:
            listener = self.hatch
            self.hatch, _ = listener.accept()
            listener.close()
            assert self.hatch.recv(64) == self.ticket
            self.ticket = None
        socket.send_fds(self.hatch, [struct.pack(
            ">I", self.request if request is None else request)], fds)

    def handed(self):
        self.say(HANDED, self.request, {})

    def _run(self, sock):
        h = self.holder
        try:
            self.tls = ServerTls(sock, h.key)
            signed = (b"photomesh hello 1\1" + self.tls.exporter +
                      struct.pack(">Q", h.member.run))
            self.say(HELLO, 0, h.member.hello_fields(
                sig=h.member.identity.sign(signed)))
            what, request, fields = self.hear()
            if what != CHANNEL:  # they want a link; we dial ourselves
                return
            h.channels += 1
            opened = {"version": 1}
            if h.hand is not None:
                opened["hatch"] = True
            if h.thumbs is not None:
                opened["thumbs"] = True
            self.say(CHANNEL_OPEN, request, opened)
            while not h.ending:
                what, self.request, fields = self.hear()
                h.asked.append((what, fields))
                if what == PROVE:
                    h.prove(self, fields)
                elif what == THUMBS:
                    h.thumbs(self, fields)
                elif what == HATCH:
                    h.hatch(self)
                elif what == HAND:
                    h.hand(self, fields)
                else:
                    h.serve(self, fields)
        except (ConnectionError, OSError):
            pass
        finally:
            if self.tls:
                self.tls.close()
            if self.hatch:
                self.hatch.close()
            sock.close()


def honestly(channel, f):
    data = channel.holder.photos[f["photo"]]
    channel.chunks(data[f["offset"]:f["offset"] + f["length"]])


class Holder:
    """Lists `photos` (a list of bytes, or id -> bytes) in the mesh of `port`."""

    def __init__(self, mesh, port, name, photos, serve=honestly, share=0,
                 hand=None, hatch=Served.open_hatch, prove=Served.prove,
                 thumbs=None, metas=None):
        self.key, self.serve, self.prove = mesh_key(mesh), serve, prove
        self.hand, self.hatch, self.thumbs = hand, hatch, thumbs
        self.photos = photos if isinstance(photos, dict) else {
            photo_id(p): p for p in photos}
        self.asked, self.channels, self.ending = [], 0, False
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.member = Member(mesh, port, name=name, hello=False, photos=0)
        m = self.member
        m.port = self.listener.getsockname()[1]
        m.rows[0][3] = pack([name, m.host, "test", share])
        for i, photo in enumerate(self.photos):
            path = b"%s-%d.jpg" % (name.encode(), i)
            m.rows.append([3 + i, 3, ROOT + path, pack(
                [photo, 1700000000 * 10 ** 9, 1700000000000,
                 hashlib.sha256(path).digest()[16:24], "image/jpeg"]), False])
        for photo in self.photos if metas else []:
            m.rows.append([m.head() + 1, 6, photo, metas(photo), False])
        m.say_hello(addrs=[["127.0.0.1", m.port]])
        m.joined()
        m.announce()
        self._threads = [threading.Thread(target=t, daemon=True)
                         for t in (self._beat, self._accept)]
        for t in self._threads:
            t.start()

    def _beat(self):
        while not self.ending and not self.member.ended:
            self.member.turn()

    def _accept(self):
        while not self.ending:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            Served(self, sock)

    def close(self):
        self.ending = True
        self.listener.close()
        self._threads[0].join(5)
        self.member.tls.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
