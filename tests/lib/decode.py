"""decode.py: asking photo-decode directly, as photod does.

One question, one answer, with a deadline of the asker's.  See
daemon/decode/questions.h for the frames.
"""
import array
import os
import select
import signal
import socket
import struct
import subprocess
import time

from talk import unpack

META, THUMB, PIXELS = 1, 2, 3
READY, DONE, REFUSED, UNREADABLE = 1, 2, 3, 4
FIELDS = ["decoder", "media", "width", "height", "orientation", "taken",
          "offset", "source", "make", "model", "lens", "exposure", "aperture",
          "iso", "focal", "latitude", "longitude", "altitude", "rating",
          "title", "keywords", "duration"]
OTHER, PICTURE, RAW, VIDEO = range(4)


class Died(Exception):
    """The worker is gone, or did not answer in time (signal 9 by us)."""

    def __init__(self, status, stderr=b""):
        super().__init__("photo-decode ended: %s %s" %
                         (status, stderr.decode(errors="replace")))
        self.status = status


class Worker:
    def __init__(self, program, deadline=10.0, environ=None, stderr=None):
        ours, theirs = socket.socketpair()
        self.socket, self.deadline = ours, deadline
        self.process = subprocess.Popen(
            [program], stdin=theirs, stdout=subprocess.DEVNULL,
            stderr=stderr if stderr is not None else subprocess.DEVNULL,
            env=dict(os.environ, **(environ or {})))
        theirs.close()
        if self._hear(20.0) != (READY, b""):
            raise Died(self.end())

    def _take(self, count, until):
        data = b""
        while len(data) < count:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [],
                                              left)[0]:
                raise Died(self.end())
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                raise Died(self.end())
            data += more
        return data

    def _hear(self, deadline):
        until = time.monotonic() + deadline
        size = struct.unpack(">I", self._take(4, until))[0]
        assert 1 <= size <= 5 + 256 * 256 * 3, size
        body = self._take(size, until)
        return body[0], body[1:]

    def ask_fd(self, question, fd, size=None):
        size = os.fstat(fd).st_size if size is None else size
        frame = struct.pack(">IBQ", 9, question, size)
        try:
            self.socket.sendmsg(
                [frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                           array.array("i", [fd]))])
        except BrokenPipeError:
            raise Died(self.end()) from None
        return self._hear(self.deadline)

    def ask(self, question, path):
        fd = os.open(path, os.O_RDONLY)
        try:
            return self.ask_fd(question, fd)
        finally:
            os.close(fd)

    def meta(self, path):
        """The record as a dictionary, or the refusal's words."""
        reply, body = self.ask(META, path)
        if reply == REFUSED:
            return body.decode()
        items = unpack(body)
        assert len(items) == len(FIELDS)
        return dict(zip(FIELDS, items))

    def peak_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            for line in f:
                if line.startswith("VmHWM"):
                    return int(line.split()[1])
        return 0

    def end(self):
        """Its status: what it died of, or -9 because we ended it."""
        self.socket.close()
        try:
            # Whoever hangs up has ended, or is about to.
            status = self.process.wait(0.3)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            status = self.process.wait()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.end()


class Pool:
    """One worker, and another one when that dies; counts the dead."""

    def __init__(self, program, **options):
        self.program, self.options = program, options
        self.worker, self.deaths = None, []

    def __call__(self):
        if self.worker is None or self.worker.process.returncode is not None:
            self.worker = Worker(self.program, **self.options)
        return self.worker

    def ask(self, question, path):
        """(reply, body), or (None, status) for one that died of it."""
        try:
            return self().ask(question, path)
        except Died as e:
            self.deaths.append((path, e.status))
            return None, e.status

    def close(self):
        if self.worker is not None and \
                self.worker.process.returncode is None:
            self.worker.end()
