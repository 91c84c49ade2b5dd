"""relay.py: a bad line between two daemons, as bad as the test wants.

Whoever dials the relay is connected on with its target.  Each direction has
settings of its own, `there` (from the dialler) and `back`, which hold for all
connections together, now and later: a delay, a rate, a stop.  One connection
can be stopped, half-closed or reset by itself.
"""
import collections
import ctypes
import os
import select
import socket
import struct
import threading
import time

HELD_MAX = 1 << 18  # of one direction of one connection; then nobody reads
SLICE = 1 << 14
_libc = ctypes.CDLL(None, use_errno=True)


class Way:
    """One direction of the line; change it at any time."""

    def __init__(self):
        self.delay = 0.0    # seconds
        self.rate = None    # bytes per second, of all connections together
        self.stopped = False
        self.noted = False  # when each connection carried something
        self.carried = 0
        self._room, self._at = 0.0, time.monotonic()

    def may_carry(self, now):
        if self.stopped:
            return 0
        if self.rate is None:
            return SLICE
        # Never more saved up than a twentieth of a second.
        self._room = min(self._room + (now - self._at) * self.rate,
                         max(SLICE, self.rate / 20))
        self._at = now
        return int(self._room)

    def carry(self, count):
        self.carried += count
        self._room -= count


class Half:
    """What goes one way on one connection."""

    def __init__(self, way, source, sink):
        self.way, self.source, self.sink = way, source, sink
        self.held = collections.deque()  # (when it is due, bytes)
        self.bytes = 0
        self.times = []  # when something was passed on
        self.stopped = self.ended = self.closed = False

    def wants(self):
        return not self.ended and self.bytes < HELD_MAX and not self.stopped

    def read(self, now):
        try:
            data = self.source.recv(SLICE)
        except BlockingIOError:
            return
        if data:
            self.held.append((now + self.way.delay, data))
            self.bytes += len(data)
        else:
            self.ended = True

    def write(self, now):
        while self.held and self.held[0][0] <= now and not self.stopped:
            may = self.way.may_carry(now)
            if may <= 0:
                return
            due, data = self.held.popleft()
            try:
                n = self.sink.send(data[:may])
            except BlockingIOError:
                n = 0
            self.way.carry(n)
            self.bytes -= n
            if self.way.noted and n > 0:
                self.times.append(now)
            if n < len(data):
                self.held.appendleft((due, data[n:]))
                return
        if self.ended and not self.held and not self.closed:
            self.close()

    def close(self):
        self.closed = self.ended = True
        try:
            self.sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Line:
    """One connection through the relay."""

    def __init__(self, relay, near, far):
        self.near, self.far = near, far
        self.there = Half(relay.there, near, far)
        self.back = Half(relay.back, far, near)
        self.halves = (self.there, self.back)
        self.over = self.must_reset = False
        for s in (near, far):
            s.setblocking(False)

    def stop(self):
        for h in self.halves:
            h.stopped = True

    def go_on(self):
        for h in self.halves:
            h.stopped = False

    def reset(self):
        self.must_reset = True

    def end(self):
        self.over = True
        for s in (self.near, self.far):
            if self.must_reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
            s.close()

    def turn(self, now, ready):
        try:
            for h in self.halves:
                if h.source in ready and h.wants():
                    h.read(now)
                h.write(now)
        except OSError:
            self.must_reset = True
        if self.must_reset or all(h.closed for h in self.halves):
            self.end()


class Relay(threading.Thread):
    def __init__(self, to, at=("127.0.0.1", 0), namespace=None):
        """`namespace`: of the process whose network it is part of."""
        super().__init__(daemon=True)
        self.to, self.at, self.namespace = to, at, namespace
        self.there, self.back = Way(), Way()
        self.lines, self.calls, self.ending = [], 0, False
        self.stops_new = False  # whoever dials now is let in, and stands
        self.longest_turn = 0.0  # how long the machine kept us from it
        self.trouble = None
        self._open = threading.Event()
        self.start()
        self._open.wait()
        if self.trouble:
            raise self.trouble

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ending = True
        self.join(10)

    def alive(self):
        return [line for line in list(self.lines) if not line.over]

    def run(self):
        try:
            if self.namespace is not None:
                # Of this thread only.
                fd = os.open("/proc/%d/ns/net" % self.namespace, os.O_RDONLY)
                if _libc.setns(fd, 0) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
                os.close(fd)
            listener = socket.create_server(self.at)
            self.port = listener.getsockname()[1]
        except OSError as e:
            self.trouble = e
            return
        finally:
            self._open.set()
        at = time.monotonic()
        while not self.ending:
            self.turn(listener)
            before, at = at, time.monotonic()
            self.longest_turn = max(self.longest_turn, at - before)
        listener.close()
        for line in self.alive():
            line.end()

    def turn(self, listener):
        reads = [h.source for line in self.alive() for h in line.halves
                 if h.wants()]
        held = any(h.held for line in self.alive() for h in line.halves)
        ready = select.select([listener, *reads], [], [],
                              0.002 if held else 0.02)[0]
        if listener in ready:
            near = listener.accept()[0]
            self.calls += 1
            try:
                line = Line(self, near, socket.create_connection(
                    self.to, timeout=5))
            except OSError:
                near.close()
            else:
                if self.stops_new:
                    line.stop()
                self.lines.append(line)
        now = time.monotonic()
        # Each in its turn, or the first would have the line to itself.
        for line in self.alive():
            line.turn(now, ready)
