"""record.py: what happened, a JSON object a line, for the checker.

Times are seconds of the steady clock since the run began.  Nothing is judged
here.  Copies are numbered once and named by their number ever after, and a
list says only what has changed since the same client's last one, so an hour
of lists stays readable.
"""
import json
import threading
import time


class Record:
    def __init__(self, path):
        self.path = path
        self._file = open(path, "w")
        self._lock = threading.Lock()
        self._copies = {}
        self._last = {}
        self.began = time.monotonic()
        self.wall = time.time() - time.monotonic() + self.began

    def now(self):
        return time.monotonic() - self.began

    def at(self, moment):
        return moment - self.began

    def write(self, kind, **fields):
        with self._lock:
            self._write(kind, fields)

    def _write(self, kind, fields):
        out = {"k": kind}
        for key, value in fields.items():
            out[key] = round(value, 4) if isinstance(value, float) else value
        self._file.write(json.dumps(out, separators=(",", ":")) + "\n")

    def _number(self, copy):
        """copy: (node id, path, photo id), all hexadecimal."""
        n = self._copies.get(copy)
        if n is None:
            n = self._copies[copy] = len(self._copies)
            self._write("copy", {"n": n, "node": copy[0], "path": copy[1],
                                 "id": copy[2]})
        return n

    def listed(self, by, copies, **fields):
        with self._lock:
            now = {self._number(c) for c in copies}
            was = self._last.get(by, set())
            self._last[by] = now
            self._write("list", dict(
                fields, by=by, plus=sorted(now - was),
                minus=sorted(was - now), count=len(now)))

    def close(self):
        with self._lock:
            self._file.close()


def read(path):
    with open(path) as f:
        return [json.loads(line) for line in f]
