"""member.py: a mesh member for tests, written from PROTOCOL.md alone.

It holds the key, says HELLO, keeps a stream of its own and answers for it, as
honestly as the test wants.  TLS, Ed25519 and XXH3 come from the libraries by
ctypes; of photomesh itself it uses nothing.
"""
import ctypes as c
import hashlib
import os
import select
import socket
import struct
import time

from talk import cut_frame, frame, pack, unpack

(HELLO, GOODBYE, ERROR, JOIN, WELCOME, NODES, HEARTBEAT, STREAMS, PULL, BATCH,
 VERIFY, VERIFIED) = range(1, 13)

_ssl = c.CDLL("libssl.so.3")
_crypto = c.CDLL("libcrypto.so.3")
_xxh = c.CDLL("libxxhash.so.0")
for _f in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
    getattr(_ssl, _f).restype = c.c_void_p
for _f in ("EVP_PKEY_new_raw_private_key", "EVP_MD_CTX_new"):
    getattr(_crypto, _f).restype = c.c_void_p


class _Hash128(c.Structure):
    _fields_ = [("low", c.c_uint64), ("high", c.c_uint64)]


_xxh.XXH3_128bits.restype = _Hash128
_ASK_PSK = c.CFUNCTYPE(c.c_uint, c.c_void_p, c.c_char_p, c.POINTER(c.c_char),
                       c.c_uint, c.POINTER(c.c_char), c.c_uint)
CTRL_MODE, MOVING_BUFFER = 33, 2
ED25519, SET_MIN_PROTO, TLS1_3, WANT_READ, WANT_WRITE = 1087, 123, 0x304, 2, 3


def mesh_key(mesh):
    with open(os.path.join(mesh.env["XDG_CONFIG_HOME"], "photomesh",
                           "key")) as f:
        return bytes.fromhex(f.read().strip())


def row_digest(node, generation, row):
    seq, kind, key, value, dead = row[:5]
    data = (node + struct.pack(">QQBBI", generation, seq, kind, dead,
                               len(key)) + key +
            struct.pack(">I", len(value)) + value)
    h = _xxh.XXH3_128bits(data, c.c_size_t(len(data)))
    return h.high << 64 | h.low


class Identity:
    def __init__(self):
        self._key = c.c_void_p(_crypto.EVP_PKEY_new_raw_private_key(
            ED25519, None, os.urandom(32), c.c_size_t(32)))
        public, n = c.create_string_buffer(32), c.c_size_t(32)
        assert _crypto.EVP_PKEY_get_raw_public_key(self._key, public,
                                                   c.byref(n)) == 1
        self.public = public.raw
        self.id = hashlib.sha256(self.public).digest()[:16]

    def sign(self, data):
        out, n = c.create_string_buffer(64), c.c_size_t(64)
        ctx = c.c_void_p(_crypto.EVP_MD_CTX_new())
        assert _crypto.EVP_DigestSignInit(ctx, None, None, None,
                                          self._key) == 1
        assert _crypto.EVP_DigestSign(ctx, out, c.byref(n), data,
                                      c.c_size_t(len(data))) == 1
        _crypto.EVP_MD_CTX_free(ctx)
        return out.raw


def exporter(tls):
    """What both ends of this connection know, and no other; to be signed."""
    out, label = c.create_string_buffer(32), b"EXPORTER-photomesh"
    assert _ssl.SSL_export_keying_material(
        tls, out, c.c_size_t(32), label, c.c_size_t(len(label)), None,
        c.c_size_t(0), 0) == 1
    return out.raw


class Tls:
    """TLS 1.3 by the mesh key over a socket that never blocks."""

    def __init__(self, port, key, receive_buffer=None, host="127.0.0.1"):
        def ask(_ssl, _hint, identity, _n, psk, _m):
            for i, b in enumerate(b"photomesh\0"):
                identity[i] = b
            for i, b in enumerate(key):
                psk[i] = b
            return len(key)
        self._ask = _ASK_PSK(ask)
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                   receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect((host, port))
        self.socket.settimeout(None)
        self._ctx = c.c_void_p(_ssl.SSL_CTX_new(c.c_void_p(
            _ssl.TLS_client_method())))
        _ssl.SSL_CTX_set_ciphersuites(self._ctx, b"TLS_AES_128_GCM_SHA256")
        _ssl.SSL_CTX_ctrl(self._ctx, SET_MIN_PROTO, c.c_long(TLS1_3), None)
        # What did not go is offered again, from another place in memory.
        _ssl.SSL_CTX_ctrl(self._ctx, CTRL_MODE, c.c_long(MOVING_BUFFER), None)
        _ssl.SSL_CTX_set_psk_client_callback(self._ctx, self._ask)
        self._tls = c.c_void_p(_ssl.SSL_new(self._ctx))
        _ssl.SSL_set_fd(self._tls, self.socket.fileno())
        if _ssl.SSL_connect(self._tls) != 1:
            self.close()
            raise ConnectionError("no TLS")
        self.exporter = exporter(self._tls)
        self.socket.setblocking(False)
        self._room = c.create_string_buffer(1 << 16)

    def write(self, data):
        """How many bytes went; 0: none for now."""
        data = bytes(data[:16000])
        _crypto.ERR_clear_error()  # of another connection
        r = _ssl.SSL_write(self._tls, data, len(data))
        if r > 0:
            return r
        if _ssl.SSL_get_error(self._tls, r) in (WANT_READ, WANT_WRITE):
            return 0
        raise ConnectionError("hung up")

    def read(self):
        """What has come; None: nothing for now."""
        _crypto.ERR_clear_error()
        r = _ssl.SSL_read(self._tls, self._room, len(self._room))
        if r > 0:
            return self._room.raw[:r]
        if _ssl.SSL_get_error(self._tls, r) in (WANT_READ, WANT_WRITE):
            return None
        raise ConnectionError("hung up")

    def close(self):
        if self._tls:
            _ssl.SSL_free(self._tls)
            _ssl.SSL_CTX_free(self._ctx)
            self._tls = None
            self.socket.close()


ROOT = b"a root!!"


def copy_row(seq, path):
    photo = hashlib.sha256(path).digest()[:16] + struct.pack(">Q", 1000)
    return [seq, 3, ROOT + path, pack(
        [photo, 1700000000 * 10 ** 9, 1700000000000,
         hashlib.sha256(path).digest()[16:24], "image/jpeg"]), False]


class Member:
    """`answer(member, request, pull)`, when set, answers PULLs instead."""

    def __init__(self, mesh, port, name="eve", hello=True, photos=3, **tls):
        self.identity = Identity()
        self.id = self.identity.id
        self.tls = Tls(port, mesh_key(mesh), **tls)
        self.name, self.host, self.port = name, b"evesHost", 9
        self.run = int.from_bytes(os.urandom(8), "big")
        self.generation = int(time.time() * 1000)
        self.buffer = bytearray()
        self.heard, self.streams, self.pulls = [], {}, []
        self.peer = self.ended = self.answer = None
        self.reads, self.beats = True, True
        self.beat_at, self._serial = 0.0, 0
        self.rows = [[1, 1, b"", pack([name, self.host, "test", 0]), False],
                     [2, 2, ROOT, pack(["eve's", b"vol", True, True, 1, 1,
                                        1700000000000]), False]]
        self.rows += [copy_row(3 + i, b"%s-%d.jpg" % (name.encode(), i))
                      for i in range(photos)]
        if hello:
            self.say_hello()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tls.close()

    # -- saying ----------------------------------------------------------
    def hello_fields(self, **over):
        signed = (b"photomesh hello 1\0" + self.tls.exporter +
                  struct.pack(">Q", self.run))
        fields = {"vmin": 1, "vmax": 1, "key": self.identity.public,
                  "sig": self.identity.sign(signed), "run": self.run,
                  "up": 5, "name": self.name, "port": self.port, "addrs": [],
                  "host": self.host, "soft": "test member"}
        fields.update(over)
        return fields

    def say_hello(self, **over):
        self.send(HELLO, 0, self.hello_fields(**over))

    def send(self, kind, request, fields):
        self.raw(frame(kind, request, fields))

    def raw(self, data, timeout=10):
        """All of it, unless they hang up or will not read."""
        deadline = time.monotonic() + timeout
        try:
            while data and not self.ended:
                n = self.tls.write(data)
                data = data[n:]
                if n == 0:
                    if time.monotonic() > deadline:
                        self.ended = "blocked"
                    select.select([], [self.tls.socket], [], 0.05)
        except ConnectionError:
            self.ended = self.ended or "hung up"

    def head(self):
        return max(r[0] for r in self.rows)

    def digest(self):
        return (sum(row_digest(self.id, self.generation, r)
                    for r in self.rows) % 2 ** 128).to_bytes(16, "big")

    def entry(self, **over):
        e = dict(node=self.id, generation=self.generation, base=self.head(),
                 cursor=self.head(), digest=self.digest(),
                 rows=len(self.rows))
        e.update(over)
        return list(e.values())

    def announce(self, *more, **over):
        self.send(STREAMS, 0, {"full": True, "streams": [
            self.entry(**over), *more]})

    def batch(self, pull, **over):
        fields = {"node": pull["node"], "gen": pull["gen"],
                  "after": pull["after"], "through": self.head(),
                  "base": self.head(), "cursor": self.head(),
                  "digest": self.digest(), "rows": len(self.rows),
                  "records": [r for r in self.rows if r[0] > pull["after"]]}
        fields.update(over)
        return fields

    # -- hearing ---------------------------------------------------------
    def take(self, kind, request, fields):
        self.heard.append((kind, request, fields))
        if kind == HELLO:
            self.peer = hashlib.sha256(fields["key"]).digest()[:16]
        elif kind == STREAMS:
            self.streams.update({(e[0], e[1]): e
                                 for e in fields["streams"]})
        elif kind == GOODBYE:
            self.ended = "goodbye %d" % fields["why"]
        elif kind == PULL:
            self.pulls.append(fields)
            if self.answer:
                self.answer(self, request, fields)
            else:
                self.send(BATCH, request, self.batch(fields))
        elif kind == VERIFY:
            self.send(VERIFIED, request, {"merged": bytes(16), "photos": 0,
                                          "streams": [self.entry()]})

    def turn(self):
        now = time.monotonic()
        if self.beats and self.peer and now - self.beat_at > 0.25:
            self.beat_at = now
            self.send(HEARTBEAT, 0, {"period": 250, "follows": self.peer,
                                     "synced": True})
        try:
            got = self.tls.read() if self.reads else None
        except ConnectionError:
            self.ended = self.ended or "hung up"
            return
        if got is None:
            select.select([self.tls.socket] if self.reads else [], [], [],
                          0.02)
            return
        self.buffer += got
        while not self.ended:
            body = cut_frame(self.buffer)
            if body is None:
                return
            self.take(*unpack(body))

    def until(self, condition, timeout=10):
        """Go on until condition(), the end, or late; is it so?"""
        deadline = time.monotonic() + timeout
        while not condition() and not self.ended and \
                time.monotonic() < deadline:
            self.turn()
        return condition()

    def joined(self):
        """Past HELLO, and told what they hold."""
        if not self.until(lambda: self.streams):
            raise AssertionError("never let in: %s" % self.ended)
        return self
