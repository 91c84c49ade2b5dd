#!/usr/bin/env python3
"""What photo-decode says of pictures, held against exiftool.

exiftool is an oracle here and nowhere else: it has other code, other authors
and the longest experience.  Every file of photos-sample, and a matrix of
formats, orientations, offsets and missing pieces, written by exiftool into
copies of them at the time of the test; films are built box by box.
"""
import datetime
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ["PM_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "lib"))
import decode  # noqa: E402
import tap  # noqa: E402
import raws  # noqa: E402
from decode import DONE, META, PIXELS, REFUSED, THUMB  # noqa: E402

PROGRAM = os.path.join(os.environ["PM_BUILD"], "daemon", "photo-decode")
SAMPLE = os.path.join(SOURCE, "photos-sample")
EPOCH = datetime.datetime(1970, 1, 1)


def exiftool(*args):
    return subprocess.run(("exiftool", "-config", "") + args, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True).stdout


def oracle(paths):
    """What exiftool says of each path."""
    out = exiftool("-j", "-n", "-G0", "-api", "QuickTimeUTC=0", *paths)
    return {os.path.normpath(t["SourceFile"]): t for t in json.loads(out)}


def moment(text, form="%Y:%m:%d %H:%M:%S"):
    """Milliseconds as photo-decode counts them; None for no time."""
    try:
        at = datetime.datetime.strptime(text[:19], form)
    except (ValueError, TypeError):
        return None
    return int((at - EPOCH).total_seconds()) * 1000


def minutes(text):
    if text is None:
        return None
    text = str(text)
    if text == "Z":
        return 0
    sign = -1 if text[0] == "-" else 1
    h, m = text[1:].split(":")
    return sign * (int(h) * 60 + int(m))


def thousandths(digits):
    return int((str(digits) + "000")[:3])


def zoned(text):
    """'2019:07:04 10:15:30.25+02:00' of XMP, IPTC and QuickTime."""
    ms, zone, rest = moment(text), None, text[19:]
    if ms is None:
        # a day alone
        ms = moment(text[:10], "%Y:%m:%d")
        return (ms, None)
    for mark in "Z+-":
        if mark in rest:
            rest, zone = rest[:rest.index(mark)], rest[rest.index(mark):]
            break
    if rest.startswith("."):
        ms += thousandths(rest[1:])
    return ms, minutes(zone)


def taken(t):
    """(ms, offset, source) as this project reads the same tags."""
    for time, fine, zone, source in (
            ("DateTimeOriginal", "SubSecTimeOriginal", "OffsetTimeOriginal",
             1),
            ("CreateDate", "SubSecTimeDigitized", "OffsetTimeDigitized", 2)):
        ms = moment(t.get("EXIF:" + time))
        if ms is not None:
            if "EXIF:" + fine in t:
                ms += thousandths(t["EXIF:" + fine])
            return ms, minutes(t.get("EXIF:" + zone)), source
    for name in ("DateTimeOriginal", "DateCreated", "CreateDate"):
        ms, zone = zoned(str(t.get("XMP:" + name, "")))
        if ms is not None:
            return ms, zone, 3
    if "IPTC:DateCreated" in t:
        day = t["IPTC:DateCreated"]
        if "IPTC:TimeCreated" in t:
            day += " " + t["IPTC:TimeCreated"]
        return zoned(day) + (4,)
    if "QuickTime:CreationDate" in t:
        return zoned(t["QuickTime:CreationDate"]) + (5,)
    if t["File:MIMEType"].startswith("video") and \
            moment(t.get("QuickTime:CreateDate")) is not None:
        return moment(t["QuickTime:CreateDate"]), 0, 5
    return None, None, None


def size(t):
    """Width, height and orientation, as displayed."""
    # BMP and TIFF from their own header; the composite is of all formats
    w, h = (int(x) for x in str(t["Composite:ImageSize"]).split())
    turned = t.get("EXIF:Orientation", 1)
    if t["File:MIMEType"] in ("image/heic", "image/heif", "image/avif"):
        if t.get("QuickTime:Rotation", 0) % 180:
            w, h = h, w
        return w, h, 1
    if t["File:MIMEType"].startswith("video"):
        if t.get("Composite:Rotation", 0) % 180:
            w, h = h, w
        return w, h, 1
    if turned not in range(1, 9):
        turned = 1
    return (h, w, turned) if turned >= 5 else (w, h, turned)


def jpeg_size(data):
    at = 2
    while data[at + 1] not in (0xc0, 0xc1, 0xc2):
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    h, w = struct.unpack(">HH", data[at + 5:at + 9])
    return w, h


class Against(unittest.TestCase):
    def setUp(self):
        self.worker = decode.Worker(PROGRAM)
        self.dir = tempfile.mkdtemp(prefix="photomesh-decode.")

    def tearDown(self):
        self.worker.end()
        shutil.rmtree(self.dir)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def agree(self, path, t):
        """One file; what exiftool knows is what the record says."""
        m = self.worker.meta(path)
        self.assertIsInstance(m, dict, "%s: %s" % (path, m))
        name = os.path.basename(path)
        self.assertEqual((m["width"], m["height"], m["orientation"]),
                         size(t), name)
        self.assertEqual((m["taken"], m["offset"], m["source"]), taken(t),
                         name)
        for ours, theirs in (("make", "Make"), ("model", "Model")):
            said = t.get("EXIF:" + theirs, t.get("QuickTime:" + theirs,
                                                 t.get("XMP:" + theirs, "")))
            self.assertEqual(m[ours], str(said).strip(), name)
        place = [t.get("Composite:GPSLatitude"),
                 t.get("Composite:GPSLongitude")]
        if None in place or "" in place:
            self.assertIsNone(m["latitude"], name)
            self.assertIsNone(m["longitude"], name)
        else:
            self.assertAlmostEqual(m["latitude"] / 1e7, place[0], 6, name)
            self.assertAlmostEqual(m["longitude"] / 1e7, place[1], 6, name)
            height = t.get("Composite:GPSAltitude")
            if height is not None:
                self.assertAlmostEqual(m["altitude"] / 1e3, height, 2, name)
        return m


class Samples(Against):
    def test_samples(self):
        """Every file of photos-sample: date, size, camera and place agree."""
        paths = sorted(os.path.join(here, name)
                       for here, _, names in os.walk(SAMPLE)
                       for name in names)
        told = oracle(paths)
        compared = 0
        for path in paths:
            t = told[os.path.normpath(path)]
            kind = t.get("File:MIMEType", "")
            if not kind.startswith(("image/", "video/")):
                self.assertEqual(self.worker.ask(META, path)[0], REFUSED,
                                 path)
                continue
            self.agree(path, t)
            compared += 1
        self.assertGreaterEqual(compared, 30)

    def test_sample_thumbnails(self):
        """Thumbnails of all samples but the cut one: small, upright JPEGs."""
        refused = []
        for here, _, names in os.walk(SAMPLE):
            for name in names:
                path = os.path.join(here, name)
                m = self.worker.meta(path)
                reply, body = self.worker.ask(THUMB, path)
                if reply == REFUSED:
                    refused.append(name)
                    continue
                w, h = jpeg_size(body)
                self.assertLessEqual(len(body), 65536)
                self.assertEqual(max(w, h),
                                 min(256, max(m["width"], m["height"])), name)
                self.assertLess(abs(w / h - m["width"] / m["height"]),
                                0.02 * w / h, name)
        # no pictures, no reader for BMP, and the truncated JPEG
        self.assertEqual(sorted(refused),
                         ["ATTRIBUTION", "IMG_0045.jpg", "LICENSE.GPL-2",
                          "notes.txt", "peaks.bmp", "shopping-list.jpg"])


FULL = {"Make": "Canon", "Model": "Canon EOS 80D",
        "EXIF:DateTimeOriginal": "2019:07:04 10:15:30",
        "EXIF:SubSecTimeOriginal": "25",
        "EXIF:OffsetTimeOriginal": "+02:00",
        "EXIF:CreateDate": "2019:07:05 11:11:11",
        "EXIF:ExposureTime": "1/250", "EXIF:FNumber": "2.8",
        "EXIF:ISO": "400", "EXIF:FocalLength": "50",
        "EXIF:LensModel": "EF50mm f/1.8 STM",
        "GPSLatitude": "48.8577", "GPSLatitudeRef": "N",
        "GPSLongitude": "2.295", "GPSLongitudeRef": "E",
        "GPSAltitude": "35.5", "GPSAltitudeRef": "0"}


def but(*without, **other):
    tags = {k: v for k, v in FULL.items()
            if not any(k.endswith(w) for w in without)}
    tags.update({k.replace("__", ":"): v for k, v in other.items()})
    return tags


VARIANTS = {
    "full": FULL,
    "no-offset": but("OffsetTimeOriginal"),
    "no-fraction": but("SubSecTimeOriginal"),
    "west": but(EXIF__OffsetTimeOriginal="-08:00",
                EXIF__SubSecTimeOriginal="004"),
    "half-hour": but(EXIF__OffsetTimeOriginal="+05:45",
                     EXIF__SubSecTimeOriginal="123456"),
    "digitized": but("DateTimeOriginal", EXIF__SubSecTimeDigitized="5",
                     EXIF__OffsetTimeDigitized="-03:30"),
    "blank-date": but("CreateDate",
                      EXIF__DateTimeOriginal="    :  :     :  :  "),
    "zero-date": but("CreateDate",
                     EXIF__DateTimeOriginal="0000:00:00 00:00:00"),
    "leap": but(EXIF__DateTimeOriginal="2020:02:29 23:59:59"),
    "before-1970": but(EXIF__DateTimeOriginal="1958:03:01 12:00:00"),
    "no-date": but("DateTimeOriginal", "CreateDate"),
    "xmp-date": but("DateTimeOriginal", "CreateDate",
                    XMP__DateTimeOriginal="2018:12:31 23:59:58.75-08:00"),
    "xmp-created": but("DateTimeOriginal", "CreateDate",
                       XMP__CreateDate="2018:12:31 23:59:58"),
    "xmp-no-zone": but("DateTimeOriginal", "CreateDate",
                       **{"XMP-photoshop:DateCreated":
                          "2018:12:31 23:59:58"}),
    # and no EXIF beside it
    "xmp-alone": {"XMP-photoshop:DateCreated": "2018:12:31 23:59:58-05:00",
                  "XMP-tiff:Model": "M"},
    "xmp-year-alone": {"XMP-photoshop:DateCreated": "2012"},
    "south-west": but(GPSLatitude="33.8642", GPSLatitudeRef="S",
                      GPSLongitude="70.6693", GPSLongitudeRef="W"),
    "below-sea": but(GPSAltitude="430.5", GPSAltitudeRef="1"),
    "no-letter": but("GPSLatitudeRef"),
    "no-place": but("GPSLatitude", "GPSLatitudeRef", "GPSLongitude",
                    "GPSLongitudeRef", "GPSAltitude", "GPSAltitudeRef"),
    "poles": but(GPSLatitude="90", GPSLongitude="180"),
    "no-camera": but("Make", "Model"),
    "padded": but(Make="NIKON CORPORATION   ", Model=" NIKON D90 "),
    "unicode": but(Make="M\u00f6we", Model="\u5199\u771f"),
    "nothing": {},
}
# Only of these formats exiftool writes the old IPTC block.
IPTC = {
    "iptc-date": but("DateTimeOriginal", "CreateDate",
                     IPTC__DateCreated="2017:06:05",
                     IPTC__TimeCreated="04:03:02+01:00"),
    "iptc-day": but("DateTimeOriginal", "CreateDate",
                    IPTC__DateCreated="2017:06:05"),
}
FORMATS = {
    "jpg": "carol/IMG-20190704-WA0003.jpg", "png": "alice/brushes.png",
    "webp": "alice/clock.webp", "tif": "bob/scans/wine.tif",
    "heic": "carol/phone/IMG_0001.HEIC", "avif": "carol/phone/IMG_0002.avif",
}


class Matrix(Against):
    def write(self, jobs):
        """{file name: (sample, tags)} in one run of exiftool."""
        args = []
        for name, (sample, tags) in jobs.items():
            shutil.copy(os.path.join(SAMPLE, sample), self.path(name))
            args += ["-overwrite_original", "-q", "-all="]
            # -n: fractions and letters as they are, not as people say
            args += ["-n"] + ["-%s=%s" % tag for tag in tags.items()]
            args += [self.path(name), "-execute"]
        with open(self.path("args"), "w", encoding="utf-8") as f:
            f.write("\n".join(args) + "\n")
        exiftool("-@", self.path("args"))
        os.unlink(self.path("args"))
        return oracle([self.path(name) for name in jobs])

    def test_matrix(self):
        """Formats x what is there and what is missing: all agree."""
        jobs = {}
        for ext, sample in FORMATS.items():
            variants = dict(VARIANTS, **(IPTC if ext in ("jpg", "tif")
                                         else {}))
            for name, tags in variants.items():
                jobs["%s.%s" % (name, ext)] = (sample, tags)
        for path, t in self.write(jobs).items():
            m = self.agree(path, t)
            if os.path.basename(path).startswith("full."):
                self.assertEqual((m["exposure"], m["aperture"], m["iso"],
                                  m["focal"], m["lens"]),
                                 (4000, 2800, 400, 50000,
                                  "EF50mm f/1.8 STM"), path)
                self.assertEqual(m["source"], 1)
        self.assertGreater(len(jobs), 130)

    def test_orientations(self):
        """Formats x orientations: sizes agree, thumbnails are that way up."""
        jobs = {}
        for ext, sample in FORMATS.items():
            for o in range(1, 9):
                jobs["%d.%s" % (o, ext)] = (
                    sample, dict(FULL, **{"EXIF:Orientation": str(o)}))
        jobs["9.jpg"] = (FORMATS["jpg"], {"EXIF:Orientation": "9"})
        for path, t in self.write(jobs).items():
            m = self.agree(path, t)
            reply, body = self.worker.ask(THUMB, path)
            self.assertEqual(reply, DONE, path)
            w, h = jpeg_size(body)
            self.assertEqual(w > h, m["width"] > m["height"], path)

    def test_owner(self):
        """Rating, title and keywords, from XMP and IPTC, each once."""
        told = {
            "a.jpg": ({"XMP:Rating": "4", "XMP:Title": "Am Strand",
                       "XMP:Subject": "sea", "IPTC:Keywords": "beach"},
                      (4, "Am Strand", ["sea", "beach"])),
            "b.jpg": ({"XMP:Rating": "-1",
                       "IPTC:ObjectName": "old \u00fc",
                       "IPTC:CodedCharacterSet": "UTF8",
                       "IPTC:Keywords": "m\u00f6we"},
                      (-1, "old \u00fc", ["m\u00f6we"])),
            "c.png": ({"XMP:Title": "two\nlines\x1b[2J",
                       "XMP:Subject": "  padded "},
                      (None, "two lines.[2J", ["padded"])),
            "d.jpg": ({"XMP:Rating": "7"}, (None, "", [])),
            "e.jpg": ({"XMP:Subject": "x" * 200, "XMP:Title": "y" * 900},
                      (None, "y" * 511, ["x" * 95])),
            "f.jpg": ({"EXIF:Rating": "3"}, (3, "", [])),
        }
        jobs = {name: (FORMATS["png" if name.endswith("png") else "jpg"],
                       tags)
                for name, (tags, _) in told.items()}
        # A line break ends an argument: that one is written apart.  (XML has
        # no ESC; exiftool writes a point for it.)
        del jobs["c.png"]
        self.write(jobs)
        shutil.copy(os.path.join(SAMPLE, FORMATS["png"]), self.path("c.png"))
        exiftool("-overwrite_original", "-all=", "-XMP:Subject=  padded ",
                 "-XMP:Title=two\nlines\x1b[2J", self.path("c.png"))
        for name, (_, expected) in told.items():
            m = self.worker.meta(self.path(name))
            self.assertEqual((m["rating"], m["title"], m["keywords"]),
                             expected, name)

    def test_many_keywords(self):
        """More keywords than a record holds: the first of them."""
        shutil.copy(os.path.join(SAMPLE, FORMATS["jpg"]), self.path("k.jpg"))
        exiftool("-overwrite_original",
                 *["-XMP:Subject=k%02d" % i for i in range(40)],
                 self.path("k.jpg"))
        m = self.worker.meta(self.path("k.jpg"))
        self.assertEqual(m["keywords"], ["k%02d" % i for i in range(24)])

    def test_preview(self):
        """An embedded preview is used where shape, size and colours fit."""
        big = os.path.join(SAMPLE, "alice/mountains.jpg")  # 1280 x 852
        other = os.path.join(SAMPLE, "carol/nuthatch.jpg")  # 1280 x 720
        shape = self.path("shape.jpg")  # a thumbnail, of the right shape
        with open(shape, "wb") as f:
            f.write(self.worker.ask(THUMB, big)[1])
        wrong = self.path("wrong.jpg")
        with open(wrong, "wb") as f:
            f.write(self.worker.ask(THUMB, other)[1])
        target = os.path.join(SAMPLE, "bob/IMG_0043.JPG")  # 1280 x 853
        own = self.worker.ask(THUMB, target)[1]
        used = self.worker.ask(THUMB, shape)[1]
        self.assertNotEqual(own, used)
        for preview, colours, expected in ((shape, "1", used),
                                           (shape, "65535", own),
                                           (wrong, "1", own)):
            path = self.path("p.jpg")
            shutil.copy(target, path)
            exiftool("-overwrite_original", "-n",
                     "-EXIF:ColorSpace=" + colours,
                     "-ThumbnailImage<=" + preview, path)
            self.assertEqual(self.worker.ask(THUMB, path)[1], expected,
                             (preview, colours))


# ---- raw pictures and films, built here -------------------------------------


def ifd(entries, base, following=0):
    """A little-endian TIFF directory at `base`: [(tag, type, values)]."""
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
    forms = {1: "B", 3: "H", 4: "I", 5: "I"}
    rows, extra = b"", b""
    behind = base + 2 + 12 * len(entries) + 4
    for tag, kind, values in sorted(entries):
        if kind == 2:
            data = values.encode() + b"\0"
            count = len(data)
        else:
            data = struct.pack("<%d%s" % (len(values), forms[kind]), *values)
            count = len(data) // sizes[kind]
        if len(data) > 4:
            rows += struct.pack("<HHII", tag, kind, count,
                                behind + len(extra))
            extra += data + b"\0" * (len(data) % 2)
        else:
            rows += struct.pack("<HHI4s", tag, kind, count, data)
    return struct.pack("<H", len(entries)) + rows + \
        struct.pack("<I", following) + extra


def dng(preview, orientation=6):
    """A raw picture of 4000 x 3000 without its values, with a JPEG inside."""
    main = [(0xfe, 4, [1]), (0x100, 4, [256]), (0x101, 4, [171]),
            (0x10f, 2, "Example"), (0x110, 2, "Example Raw"),
            (0x112, 3, [orientation]), (0x14a, 4, [0, 0]),
            (0xc612, 1, [1, 4, 0, 0]), (0x8769, 4, [0])]
    for _ in range(2):
        at = 8 + len(ifd(main, 8))
        raw = [(0xfe, 4, [0]), (0x100, 4, [4000]), (0x101, 4, [3000]),
               (0x102, 3, [16]), (0x103, 3, [1]), (0x106, 3, [32803])]
        raw_bytes = ifd(raw, at)
        jpeg_at = at + len(raw_bytes)
        jpeg = [(0xfe, 4, [1]), (0x103, 3, [6]), (0x201, 4, [0]),
                (0x202, 4, [len(preview)])]
        exif_at = jpeg_at + len(ifd(jpeg, jpeg_at))
        exif = ifd([(0x9003, 2, "2019:07:04 10:15:30"),
                    (0x829a, 5, [1, 250])], exif_at)
        data_at = exif_at + len(exif)
        jpeg[2] = (0x201, 4, [data_at])
        main[6] = (0x14a, 4, [at, jpeg_at])
        main[8] = (0x8769, 4, [exif_at])
    return b"II*\0" + struct.pack("<I", 8) + ifd(main, 8) + raw_bytes + \
        ifd(jpeg, jpeg_at) + exif + preview


def box(kind, *content):
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def film(created, scale, duration, width, height, turned, extra=b"",
         first=b""):
    one, minus = 0x10000, 0xffff0000
    matrix = (0, one, 0, minus, 0, 0, 0, 0, 0x40000000) if turned else \
        (one, 0, 0, 0, one, 0, 0, 0, 0x40000000)
    tkhd = box(b"tkhd", struct.pack(">IIIIII8xHHHH", 7, created, created, 1,
                                    0, duration, 0, 0, 0, 0),
               struct.pack(">9I", *matrix),
               struct.pack(">II", width << 16, height << 16))
    hdlr = box(b"hdlr", struct.pack(">II4s12x1x", 0, 0, b"vide"))
    mvhd = box(b"mvhd", struct.pack(">IIIII", 0, created, created, scale,
                                    duration), struct.pack(">IH10x", one, 0),
               struct.pack(">9I", one, 0, 0, 0, one, 0, 0, 0, 0x40000000),
               b"\0" * 24, struct.pack(">I", 2))
    return box(b"ftyp", b"qt  \0\0\2\0qt  ") + first + \
        box(b"moov", mvhd, box(b"trak", tkhd, box(b"mdia", hdlr)), extra)


def apple(**values):
    names = {"creationdate": "com.apple.quicktime.creationdate",
             "place": "com.apple.quicktime.location.ISO6709",
             "make": "com.apple.quicktime.make",
             "model": "com.apple.quicktime.model"}
    keys = b"".join(box(b"mdta", names[k].encode()) for k in values)
    items = b"".join(
        box(struct.pack(">I", i + 1),
            box(b"data", struct.pack(">II", 1, 0), v.encode()))
        for i, v in enumerate(values.values()))
    return box(b"meta", box(b"hdlr", struct.pack(">II4s13x", 0, 0, b"mdta")),
               box(b"keys", struct.pack(">II", 0, len(values)), keys),
               box(b"ilst", items))


class Built(Against):
    def test_raw(self):
        """A raw picture: its own size and date, its preview as thumbnail."""
        preview = self.path("preview.jpg")
        with open(preview, "wb") as f:
            f.write(self.worker.ask(THUMB, os.path.join(
                SAMPLE, "bob/2023/trip/peaks.jpg"))[1])  # 4:3
        with open(preview, "rb") as f, open(self.path("r.dng"), "wb") as out:
            out.write(dng(f.read()))
        m = self.agree(self.path("r.dng"), oracle([self.path("r.dng")])[
            self.path("r.dng")])
        self.assertEqual(m["media"], decode.RAW)
        self.assertEqual((m["width"], m["height"]), (3000, 4000))
        self.assertEqual(m["exposure"], 4000)
        reply, body = self.worker.ask(THUMB, self.path("r.dng"))
        self.assertEqual(reply, DONE, body)
        self.assertEqual(jpeg_size(body), (192, 256))

    def test_makers(self):
        """Raw pictures as seven makers lay them out, each way up: date, size,
        camera and place agree, and the preview is the thumbnail."""
        small = self.worker.ask(THUMB, os.path.join(
            SAMPLE, "bob/2023/trip/peaks.jpg"))[1]
        # A JPEG with all metadata, as two of them have it within.
        told = self.path("told.jpg")
        with open(told, "wb") as f:
            f.write(small)
        paths = []
        for orientation in (1, 6):
            for kind, make in raws.ALL.items():
                whole = small
                if kind in ("raf", "rw2"):
                    exiftool("-overwrite_original", "-n", *(
                        "-%s=%s" % t for t in dict(FULL, **{
                            "Make": "Panasonic" if kind == "rw2"
                                    else "FUJIFILM",
                            "Model": "DMC-G80" if kind == "rw2" else "X-T1",
                            "EXIF:Orientation": str(orientation)}).items()),
                        told)
                    with open(told, "rb") as f:
                        whole = f.read()
                paths.append(self.path("%d.%s" % (orientation, kind)))
                with open(paths[-1], "wb") as f:
                    f.write(make(whole, orientation))
        told = oracle(paths)
        for path in paths:
            m = self.agree(path, told[path])
            name = os.path.basename(path)
            up = name.startswith("1.")
            self.assertEqual(m["media"], decode.RAW, name)
            self.assertEqual((m["width"], m["height"]),
                             (4000, 3000) if up else (3000, 4000), name)
            self.assertEqual((m["exposure"], m["aperture"], m["iso"],
                              m["focal"], m["offset"]),
                             (4000, 2800, 400, 50000, 120), name)
            self.assertIsNotNone(m["latitude"], name)
            reply, body = self.worker.ask(THUMB, path)
            self.assertEqual(reply, DONE, (name, body))
            self.assertEqual(jpeg_size(body), (256, 192) if up
                             else (192, 256), name)

    def test_pixels(self):
        """What a thumbnail shows, as bytes; of nothing else."""
        path = self.path("thumb.jpg")
        with open(path, "wb") as f:
            f.write(self.worker.ask(THUMB, os.path.join(
                SAMPLE, "bob/2023/trip/peaks.jpg"))[1])
        reply, body = self.worker.ask(PIXELS, path)
        self.assertEqual(reply, DONE, body)
        self.assertEqual(struct.unpack(">HH", body[:4]), (256, 192))
        self.assertEqual(len(body), 4 + 256 * 192 * 3)
        self.assertGreater(len(set(body[4:])), 100)
        for other in ("bob/2023/trip/peaks.jpg", "alice/brushes.png"):
            self.assertEqual(self.worker.ask(PIXELS, os.path.join(
                SAMPLE, other))[0], REFUSED, other)

    def test_films(self):
        """Films: clock, zone, length, turned size and place agree."""
        day = 2082844800 + 1562235330
        films = {
            "plain.mov": film(day, 600, 7500, 1920, 1080, False),
            "turned.mov": film(day, 600, 7500, 1920, 1080, True),
            "no-clock.mov": film(0, 1000, 61234, 640, 480, False),
            "apple.mov": film(day, 600, 7500, 1920, 1080, True, apple(
                make="Apple", model="iPhone 12",
                creationdate="2019-07-04T12:15:30+0200",
                place="+48.8577+002.2950+035.125/")),
            "android.mp4": film(day, 1000, 5000, 1280, 720, False, box(
                b"udta", box(b"\xa9xyz", struct.pack(">HH", 18, 0x15c7),
                             b"-33.8642+151.2166/"))),
            # a day alone is less than the moment in the head
            "released.mov": film(day, 600, 7500, 1920, 1080, False, box(
                b"udta", box(b"\xa9day", struct.pack(">HH", 10, 0x15c7),
                             b"2001-05-06"))),
            "unset.mov": film(2082844800, 600, 7500, 1920, 1080, False),
            "last.mov": film(day, 600, 7500, 1920, 1080, False,
                             first=box(b"mdat", b"\0" * 100000)),
        }
        for name, data in films.items():
            with open(self.path(name), "wb") as f:
                f.write(data)
        told = oracle([self.path(n) for n in films])
        for name in films:
            t = told[self.path(name)]
            m = self.agree(self.path(name), t)
            self.assertEqual(m["media"], decode.VIDEO)
            self.assertAlmostEqual(m["duration"] / 1000,
                                   t["QuickTime:Duration"], 2, name)
            self.assertEqual(self.worker.ask(THUMB, self.path(name))[0],
                             REFUSED)

    def test_large_film(self):
        """The head of a film behind 6 GB of holes is found."""
        whole = film(2082844800 + 1562235330, 600, 7500, 1920, 1080, False)
        with open(self.path("large.mov"), "wb") as f:
            f.write(whole[:20])
            f.write(struct.pack(">I4sQ", 1, b"mdat", 6 << 30))
            f.seek(20 + (6 << 30))
            f.write(whole[20:])
        m = self.worker.meta(self.path("large.mov"))
        self.assertEqual(m["duration"], 12500)
        self.assertEqual((m["width"], m["height"]), (1920, 1080))

    def test_large_picture(self):
        """A picture in a file of 500 MiB: what its front says, no thumbnail."""
        for name in ("alice/mountains.jpg", "bob/scans/wine.tif",
                     "alice/brushes.png"):
            path = self.path("large")
            shutil.copy(os.path.join(SAMPLE, name), path)
            small = self.worker.meta(path)
            os.truncate(path, 500 << 20)
            self.assertEqual(self.worker.meta(path), small, name)
            reply, body = self.worker.ask(THUMB, path)
            self.assertEqual(reply, REFUSED, name)
            self.assertIn(b"too large", body)


if __name__ == "__main__":
    tap.main()
