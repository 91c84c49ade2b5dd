"""folders.py: what the owners of the photos do to their folders.

Each change is made to the disk and to a model of it, and recorded: from when
to when which photo came to be, or was no longer, at which path of which node.
The model is what the folders are held against in the end: nobody but the
owners may have changed a byte, a name, a time or a mode.
"""
import hashlib
import os
import random
import stat
import struct
import threading
import zlib

from holder import photo_id
from mesh import SAMPLE

FEWEST, MOST = 25, 60  # files of one folder
DELETED_AT_ONCE = 4    # far below what looks like a disk that is missing
ODD = (b"latin-\xe9\xff", b"new\nline", b"esc\x1b[31m", b" . ", b"a\\b'c\"d",
       b"n" * 240, "m\u00f6we".encode(), b"-p", b"$(id)", b"UPPER", b"upper")


def png(width, height, rows=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + \
            struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(
        ">IIBBBBB", width, height, 8, 6, 0, 0, 0)) + \
        chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Pictures:
    """Contents that no other file has, some of them hostile."""

    def __init__(self, rng):
        self.rng, self.serial = rng, 0
        self.samples = []
        for here, _, files in os.walk(SAMPLE):
            for name in sorted(files):
                # shopping-list.jpg is no picture.
                if name.endswith((".jpg", ".png", ".gif", ".webp", ".tif",
                                  ".heic")) and name[0] != "s":
                    with open(os.path.join(here, name), "rb") as f:
                        data = f.read()
                    if len(data) < 200000:
                        self.samples.append(data)

    def make(self):
        self.serial += 1
        mark = b"%d-%d" % (self.serial, self.rng.getrandbits(32))
        kind = self.rng.choices(
            ("gif", "jpeg", "sample", "cut", "spoilt", "bomb"),
            (40, 15, 6, 5, 5, 3))[0]
        if kind == "gif":
            return b"GIF89a" + mark * self.rng.randint(1, 400)
        if kind == "jpeg":
            return b"\xff\xd8\xff\xe0" + mark + self.rng.randbytes(
                self.rng.randint(1000, 300000)) + b"\xff\xd9"
        if kind == "bomb":
            return png(65535, 65535, bytes(1 << 20)) + mark
        data = self.rng.choice(self.samples)
        if kind == "cut":
            return data[:max(64, int(len(data) * self.rng.random()))] + mark
        if kind == "spoilt":
            data = bytearray(data)
            for _ in range(20):
                at = self.rng.randrange(32, len(data))
                data[at] = self.rng.randrange(256)
        return bytes(data) + mark


def look(path):
    """What nobody but its owner may change: mode, time, bytes."""
    st = os.lstat(path)
    found = [stat.S_IFMT(st.st_mode) | stat.S_IMODE(st.st_mode),
             st.st_mtime_ns]
    if stat.S_ISREG(st.st_mode):
        with open(path, "rb") as f:
            found.append(hashlib.sha256(f.read()).hexdigest())
    return found


def walk(top):
    found = {}
    top = os.fsencode(top)
    found[""] = look(top)
    for here, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(here, name)
            found[os.path.relpath(path, top).hex()] = look(path)
    return found


class Folder:
    """One node's folder, on the disk and as it should be."""

    def __init__(self, name, top, record):
        self.name, self.top = name, os.fsencode(top)
        self.record = record
        self.lock = threading.RLock()
        self.photos = {}   # path -> id (hex) of each file that is a photo
        self.expected = {}  # path (hex) -> look()

    def at(self, path):
        return os.path.join(self.top, path)

    def note(self, *paths):
        """These are as they are by our doing; their folders, too."""
        for path in paths:
            while True:
                key = path.hex()
                if os.path.lexists(self.at(path)):
                    self.expected[key] = look(self.at(path))
                else:
                    self.expected.pop(key, None)
                if path == b"":
                    break
                path = os.path.dirname(path)

    def _say(self, kind, path, photo, t0, **more):
        self.record.write(kind, name=self.name, path=path.hex(), id=photo,
                          t0=t0, t1=self.record.now(), **more)

    def holds(self, path, photo, t0, loose=False):
        """loose: for a moment other bytes were there, or a part of these."""
        self.photos[path] = photo
        self._say("hold", path, photo, t0, **({"loose": 1} if loose else {}))

    def drops(self, path, t0):
        self._say("drop", path, self.photos.pop(path), t0)

    def make_room(self, path):
        at = os.path.dirname(path)
        if at and not os.path.isdir(self.at(at)):
            os.makedirs(self.at(at))
        return path

    # -- what owners do --------------------------------------------------
    def create(self, path, data, slowly=None):
        t0 = self.record.now()
        self.make_room(path)
        with open(self.at(path), "wb", buffering=0) as f:
            if slowly is None:
                f.write(data)
            else:
                for at in range(0, len(data), len(data) // 4 + 1):
                    f.write(data[at:at + len(data) // 4 + 1])
                    slowly(0.05)
        self.holds(path, photo_id(data).hex(), t0, slowly is not None)
        self.note(path)

    def replace(self, path, data, whole):
        """Another content under the same name: saved beside it and renamed,
        or written over it."""
        if whole:
            self.create(path + b".part", data)
        t0 = self.record.now()
        if whole:
            os.rename(self.at(path + b".part"), self.at(path))
            self.drops(path + b".part", t0)
        else:
            with open(self.at(path), "r+b", buffering=0) as f:
                f.write(data)
                f.truncate(len(data))
        self.drops(path, t0)
        self.holds(path, photo_id(data).hex(), t0, loose=not whole)
        self.note(path, path + b".part")

    def delete(self, path):
        t0 = self.record.now()
        os.unlink(self.at(path))
        self.drops(path, t0)
        self.note(path)

    def rename(self, path, to):
        t0 = self.record.now()
        self.make_room(to)
        os.rename(self.at(path), self.at(to))
        photo = self.photos[path]
        self.holds(to, photo, t0)
        self.drops(path, t0)
        self.note(path, to)

    def rename_folder(self, path, to):
        t0 = self.record.now()
        os.rename(self.at(path), self.at(to))
        inside = [p for p in self.photos if p.startswith(path + b"/")]
        for p in inside:
            self.holds(to + p[len(path):], self.photos[p], t0)
        for p in inside:
            self.drops(p, t0)
        for key in [k for k in self.expected
                    if bytes.fromhex(k).startswith(path + b"/")]:
            moved = to + bytes.fromhex(key)[len(path):]
            self.expected[moved.hex()] = self.expected.pop(key)
        self.note(path, to)

    def link(self, path, to):
        t0 = self.record.now()
        self.make_room(to)
        os.link(self.at(path), self.at(to))
        self.holds(to, self.photos[path], t0)
        self.note(path, to)

    def adopt(self, t0, known):
        """What `photo add` has put here: files of known contents, whole.
        Anything else is left out, and found in the end."""
        for here, _, files in os.walk(self.top):
            for name in files:
                path = os.path.relpath(os.path.join(here, name), self.top)
                if path.hex() in self.expected:
                    continue
                with open(self.at(path), "rb") as f:
                    photo = photo_id(f.read()).hex()
                if photo in known and not name.startswith(b"."):
                    self.holds(path, photo, t0)
                    self.note(path)


class Hands:
    """The owners: one thing at a time, somewhere."""

    def __init__(self, folders, seed, record, pause):
        self.folders = folders
        self.rng = random.Random("hands %s" % seed)
        self.pictures = Pictures(self.rng)
        self.record, self.pause = record, pause
        self.serial, self.done = 0, 0

    def fill(self, count):
        for folder in self.folders:
            for _ in range(count):
                folder.create(self.name(), self.pictures.make())
            with open(folder.at(b"notes.txt"), "w") as f:
                f.write("no photo")
            os.symlink(b"notes.txt", folder.at(b"link.jpg"))
            os.mkfifo(folder.at(b"fifo.jpg"))
            folder.note(b"notes.txt", b"link.jpg", b"fifo.jpg")

    def name(self):
        """A path that never was before, and no year: those are folders."""
        self.serial += 1
        stem = b"p%d" % self.serial
        if self.rng.random() < 0.2:
            stem = (self.rng.choice(ODD) + stem)[-240:]
        path = stem + self.rng.choice((b".jpg", b".GIF", b".png", b""))
        return self.rng.choice((b"", b"", b"trip/", b"trip/deep/er/",
                                b"old/")) + path

    def _lonely(self, folder):
        """A file that has no other name."""
        path = self.rng.choice(sorted(folder.photos))
        return path if os.lstat(folder.at(path)).st_nlink == 1 else None

    def act(self):
        folder = self.rng.choice(self.folders)
        what = self.rng.choices(
            ("create", "slow", "twin", "link", "rename", "move", "folder",
             "replace", "over", "delete", "chmod"),
            (24, 3, 10, 4, 12, 8, 4, 6, 4, 24, 2))[0]
        if not folder.lock.acquire(blocking=False):
            return  # somebody adds photos to it
        try:
            if len(folder.photos) < FEWEST:
                what = "create"
            elif len(folder.photos) > MOST:
                what = "delete"
            getattr(self, "_" + what)(folder)
            self.done += 1
        finally:
            folder.lock.release()

    def _create(self, folder):
        folder.create(self.name(), self.pictures.make())

    def _slow(self, folder):
        folder.create(self.name(), self.pictures.make(), self.pause)

    def _twin(self, folder):
        """What some other folder has as well."""
        other = self.rng.choice(self.folders)
        if other is folder or not other.lock.acquire(blocking=False):
            return
        try:
            path = self.rng.choice(sorted(other.photos))
            with open(other.at(path), "rb") as f:
                data = f.read()
        finally:
            other.lock.release()
        folder.create(self.name(), data)

    def _link(self, folder):
        folder.link(self.rng.choice(sorted(folder.photos)), self.name())

    def _rename(self, folder):
        folder.rename(self.rng.choice(sorted(folder.photos)), self.name())

    def _move(self, folder):
        """To another folder of another node: a copy, then a deletion."""
        other = self.rng.choice(self.folders)
        if other is folder or not other.lock.acquire(blocking=False):
            return
        try:
            path = self.rng.choice(sorted(folder.photos))
            with open(folder.at(path), "rb") as f:
                other.create(self.name(), f.read())
            folder.delete(path)
        finally:
            other.lock.release()

    def _folder(self, folder):
        self.serial += 1
        tops = {p.split(b"/")[0] for p in folder.photos if b"/" in p}
        if tops:
            folder.rename_folder(self.rng.choice(sorted(tops)),
                                 b"folder %d" % self.serial)

    def _replace(self, folder):
        path = self._lonely(folder)
        if path:
            folder.replace(path, self.pictures.make(), True)

    def _over(self, folder):
        path = self._lonely(folder)
        if path:
            folder.replace(path, self.pictures.make(), False)

    def _delete(self, folder):
        for _ in range(self.rng.randint(1, DELETED_AT_ONCE)):
            if len(folder.photos) > FEWEST // 2:
                folder.delete(self.rng.choice(sorted(folder.photos)))

    def _chmod(self, folder):
        path = self._lonely(folder)
        if path:
            os.chmod(folder.at(path), self.rng.choice((0o600, 0o644, 0o444)))
            folder.note(path)
