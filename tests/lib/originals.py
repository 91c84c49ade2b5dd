"""originals.py: who has touched the folders of photos?

The kernel (fanotify) tells which process changes, makes, moves or removes what
in the directories it is asked about.  Tests change them all the time; a daemon
never may.  It takes the right to ask, and without it nothing is told.
"""
import ctypes
import os
import struct

FAN_CLOEXEC, FAN_NONBLOCK, FAN_UNLIMITED = 0x1, 0x2, 0x30
FAN_REPORT_NAMES = 0xc00  # of a directory and in it
FAN_MARK_ADD, FAN_MARK_ONLYDIR = 0x1, 0x8
CHANGES = {0x2: "written to", 0x4: "times or modes changed",
           0x40: "moved away", 0x80: "moved here", 0x100: "made",
           0x200: "removed"}
FAN_ON_DIRECTORIES_AND_IN_THEM = 0x48000000
EVENT = struct.Struct("=IBBHQii")
AT_FDCWD = -100


def _name(info):
    """Of one event's record: header, file system, handle, name."""
    handle_bytes, = struct.unpack_from("=I", info, 12)
    return os.fsdecode(info[20 + handle_bytes:].split(b"\0")[0])


class Originals:
    def __init__(self):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.fanotify_mark.argtypes = [
            ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int,
            ctypes.c_char_p]
        self._fd = self._libc.fanotify_init(
            FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED | FAN_REPORT_NAMES,
            os.O_RDONLY)
        self._folders = set()
        self.touched = []  # (pid, how, name)

    def watched(self):
        return self._fd != -1

    def watch(self, folder):
        """It and what is below it, as it is now."""
        if self._fd == -1:
            return
        self._folders.add(folder)
        for here, _, _ in os.walk(os.fsencode(folder)):
            # Some file systems cannot tell, and some are gone by now.
            self._libc.fanotify_mark(
                self._fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR,
                sum(CHANGES) | FAN_ON_DIRECTORIES_AND_IN_THEM, AT_FDCWD,
                here)

    def watch_again(self):
        """What directories have come since."""
        for folder in list(self._folders):
            self.watch(folder)

    def _read(self):
        while self._fd != -1:
            try:
                data = os.read(self._fd, 1 << 18)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                size, _, _, head, mask, _, pid = EVENT.unpack_from(data, at)
                how = ", ".join(CHANGES[m] for m in CHANGES if mask & m)
                self.touched.append((pid, how,
                                     _name(data[at + head:at + size])))
                at += size

    def by(self, pids):
        """What these processes have done, in words."""
        self._read()
        return sorted({"%s: %s" % (name, how)
                       for pid, how, name in self.touched if pid in pids})

    def end(self):
        if self._fd != -1:
            os.close(self._fd)
        self._fd = -1
