"""raws.py: raw pictures of several makers, made here: the containers as these
makers lay them out, with metadata and previews, and next to no sensor data.

Laid out from public descriptions of TIFF 6.0, TIFF/EP, DNG and the makers'
containers; nothing in them comes out of a camera.
"""
import struct

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}
FORMS = {1: "B", 3: "H", 4: "I", 5: "I"}


class Tiff:
    """Directories and blobs, in the order they were added; a value may be the
    name of one of them, and becomes its place (less `base`)."""

    def __init__(self, magic=b"II*\0", head=(), base=0):
        self.order = "<" if magic[:2] == b"II" else ">"
        self.magic, self.head, self.base = magic, head, base
        self.parts = []
        self.places = {}

    def add(self, name, content, following=0):
        self.parts.append((name, content, following))

    def _number(self, v):
        return self.places.get(v, 0) - self.base if isinstance(v, str) else v

    def _dir(self, at, entries, following):
        rows, extra = b"", b""
        behind = at + 2 + 12 * len(entries) + 4
        for tag, kind, values in sorted(entries, key=lambda e: e[0]):
            if kind == 2:
                data = values.encode() + b"\0"
            elif kind == 7:
                data = values
            else:
                values = [self._number(v) for v in values]
                data = struct.pack("%s%d%s" % (self.order, len(values),
                                               FORMS[kind]), *values)
            rows += struct.pack(self.order + "HHI", tag, kind,
                                len(data) // SIZES[kind])
            if len(data) > 4:
                rows += struct.pack(self.order + "I",
                                    behind + len(extra) - self.base)
                extra += data + b"\0" * (len(data) % 2)
            else:
                rows += data.ljust(4, b"\0")
        return struct.pack(self.order + "H", len(entries)) + rows + \
            struct.pack(self.order + "I", self._number(following)) + extra

    def bytes(self, start=0):
        """With the header, or without (start: where it will lie)."""
        for _ in range(2):  # places are known after the first
            out = b"" if start else self.magic + struct.pack(
                self.order + "I", 8 + 4 * len(self.head))
            for h in [] if start else self.head:
                out += h if isinstance(h, bytes) else struct.pack(
                    self.order + "I", self._number(h))
            for name, content, following in self.parts:
                out += b"\0" * (len(out) % 2)
                at = start + len(out)
                self.places[name] = at
                out += content if isinstance(content, bytes) else \
                    self._dir(at, content, following)
        return out


def exif(maker=None, lens="Example 50mm", size=None):
    entries = [(0x829a, 5, [1, 250]), (0x829d, 5, [28, 10]),
               (0x8827, 3, [400]), (0x9003, 2, "2019:07:04 10:15:30"),
               (0x9004, 2, "2019:07:05 11:11:11"),
               (0x9011, 2, "+02:00"), (0x9291, 2, "25"),
               (0x920a, 5, [50, 1]), (0xa434, 2, lens)]
    if maker is not None:
        entries.append((0x927c, 7, maker))
    if size is not None:
        entries += [(0xa002, 4, [size[0]]), (0xa003, 4, [size[1]])]
    return entries


GPS = [(1, 2, "N"), (2, 5, [48, 1, 51, 1, 2772, 100]), (3, 2, "E"),
       (4, 5, [2, 1, 17, 1, 4200, 100])]
WIDE, HIGH = 4000, 3000


def common(make, model, orientation):
    return [(0x10f, 2, make), (0x110, 2, model), (0x112, 3, [orientation]),
            (0x132, 2, "2019:07:05 11:11:11"), (0x8769, 4, ["exif"]),
            (0x8825, 4, ["gps"])]


def sensor():
    return [(0xfe, 4, [0]), (0x100, 4, [WIDE]), (0x101, 4, [HIGH]),
            (0x102, 3, [14]), (0x103, 3, [1]), (0x106, 3, [32803]),
            (0x111, 4, ["data"]), (0x115, 3, [1]), (0x116, 4, [HIGH]),
            (0x117, 4, [64])]


def finish(t, exif_entries):
    t.add("exif", exif_entries)
    t.add("gps", GPS)
    t.add("data", b"\0" * 64)
    return t.bytes()


def cr2(jpeg, orientation):
    """Canon: the preview as IFD0's strip, a thumbnail in IFD1, the sensor in
    IFD3, which the header names."""
    t = Tiff(b"II*\0", [b"CR\2\0", "raw"])
    t.add("ifd0", common("Canon", "Canon EOS 80D", orientation) + [
        (0x100, 3, [WIDE]), (0x101, 3, [HIGH]), (0x102, 3, [8, 8, 8]),
        (0x103, 3, [6]), (0x111, 4, ["jpeg"]), (0x117, 4, [len(jpeg)])],
        "ifd1")
    t.add("ifd1", [(0x201, 4, ["jpeg"]), (0x202, 4, [len(jpeg)])], "raw")
    t.add("raw", [(0x103, 3, [6]), (0x111, 4, ["data"]), (0x117, 4, [64]),
                  (0xc640, 3, [0, 0, WIDE])])
    t.add("jpeg", jpeg)
    return finish(t, exif(size=(WIDE, HIGH)))


def with_subifds(make, model, orientation, jpeg, magic, more=()):
    t = Tiff(magic)
    t.add("ifd0", common(make, model, orientation) + [
        (0xfe, 4, [1]), (0x100, 4, [160]), (0x101, 4, [120]),
        (0x14a, 4, ["shown", "raw"])] + list(more))
    t.add("shown", [(0xfe, 4, [1]), (0x103, 3, [6]), (0x201, 4, ["jpeg"]),
                    (0x202, 4, [len(jpeg)])])
    t.add("raw", sensor())
    t.add("jpeg", jpeg)
    return finish(t, exif())


def nef(jpeg, orientation):
    return with_subifds("NIKON CORPORATION", "NIKON D90", orientation, jpeg,
                        b"MM\0*")


def dng(jpeg, orientation):
    return with_subifds("Example", "Example Raw", orientation, jpeg,
                        b"II*\0", [(0xc612, 1, [1, 4, 0, 0])])


def arw(jpeg, orientation):
    """Sony: the preview is IFD0's JPEG."""
    t = Tiff(b"II*\0")
    t.add("ifd0", common("SONY", "ILCE-7M3", orientation) + [
        (0xfe, 4, [1]), (0x103, 3, [6]), (0x201, 4, ["jpeg"]),
        (0x202, 4, [len(jpeg)]), (0x14a, 4, ["raw"])])
    t.add("raw", sensor())
    t.add("jpeg", jpeg)
    return finish(t, exif())


def orf(jpeg, orientation):
    """Olympus: a magic of its own, and the preview behind the maker's note,
    whose places count from its own beginning."""
    t = Tiff(b"IIRO")
    t.add("ifd0", common("OLYMPUS IMAGING CORP.", "E-M5", orientation) +
          [e for e in sensor() if e[0] not in (0xfe, 0x106)])
    t.add("note", b"")
    t.add("exif", exif())
    t.add("gps", GPS)
    t.add("data", b"\0" * 64)
    # Twice: the note is as long whatever its places are.
    note = b""
    for _ in range(2):
        t.parts[2] = ("exif", exif(note or b"\0" * (12 + 18 + 4 + 42)), 0)
        whole = t.bytes()
        at = whole.index(b"OLYMPUS\0II\3\0") if note else 0
        camera = Tiff()
        camera.add("camera", [(0, 7, b"0100"), (0x100, 4, [1]),
                              (0x101, 4, [len(whole) - at]),
                              (0x102, 4, [len(jpeg)])])
        head = b"OLYMPUS\0II\3\0" + struct.pack(
            "<HHHIII", 1, 0x2020, 13, 1, 12 + 18, 0)
        note = head + camera.bytes(12 + 18)
    t.parts[2] = ("exif", exif(note), 0)
    return t.bytes() + jpeg


def rw2(jpeg, orientation):
    """Panasonic: a magic of its own, tags of its own, and a whole JPEG, which
    has the rest of what is known, as one of them."""
    t = Tiff(b"IIU\0")
    t.add("ifd0", common("Panasonic", "DMC-G80", orientation) + [
        (1, 7, b"0310"), (2, 3, [WIDE]), (3, 3, [HIGH]), (4, 3, [0]),
        (5, 3, [0]), (6, 3, [HIGH]), (7, 3, [WIDE]), (0x2e, 7, jpeg)])
    return finish(t, exif())


def raf(jpeg, _orientation):
    """Fujifilm: a header, a JPEG with all metadata, the sensor's directory."""
    # the sensor is a little larger than what the camera shows
    rows = struct.pack(">IHHHHHHHH", 2, 0x100, 4, HIGH + 40, WIDE + 96,
                       0x111, 4, HIGH, WIDE)
    at = 160
    head = b"FUJIFILMCCD-RAW 0201FF119502" + b"X-T1".ljust(32, b"\0") + \
        b"0100" + b"\0" * 20
    places = struct.pack(">IIIIII", at, len(jpeg), at + len(jpeg), len(rows),
                         at + len(jpeg) + len(rows), 64)
    return (head + places).ljust(at, b"\0") + jpeg + rows + b"\0" * 64


ALL = {"cr2": cr2, "nef": nef, "arw": arw, "orf": orf, "rw2": rw2, "raf": raf,
       "dng": dng}
