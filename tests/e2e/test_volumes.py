"""Disks of many kinds: absent, within one another, over a network, without inodes
that last, and with more folders than can be watched.
"""
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(__file__))
import tap  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from paste import photo_id  # noqa: E402
from test_files import names, picture, scanned, write  # noqa: E402
from test_watch import begin, follows, hooked, read_files, state  # noqa: E402


class Volumes(unittest.TestCase):
    def mount(self, *argv):
        return subprocess.run(["mount", *argv], stderr=subprocess.DEVNULL
                              ).returncode == 0

    def test_mount_point_empty(self):
        """a mount point that comes up empty is offline, and reads nothing"""
        with Mesh() as mesh:
            f, real = mesh.folder("alice"), mesh.folder("real")
            for n in range(5):
                write(real + "/%d.jpg" % n, picture(n))
            if not self.mount("--bind", real, f):
                self.skipTest("mounting is not permitted here")
            try:
                d = mesh.start(f)
                wait_until(lambda: scanned(d), "the scan")
                before = d.rested()
                subprocess.run(["umount", f], check=True)
                wait_until(lambda: state(d) == "offline", "offline")
                self.assertEqual(len(names(d)), 5)
                self.assertTrue(self.mount("--bind", real, f))
                self.assertEqual(d.photo("rescan").code, 0)
                wait_until(lambda: state(d) == "idle", "online")
                self.assertEqual(len(names(d)), 5)
                self.assertEqual(read_files(d), before)
            finally:
                subprocess.run(["umount", f], check=False)

    def test_other_device_below(self):
        """what is mounted below is left out; what it hides is not gone"""
        with Mesh() as mesh:
            f, d = begin(mesh, 2)
            write(f + "/sub/below.jpg", picture(7))
            follows(d, f, "the file below")
            if not self.mount("-t", "tmpfs", "none", f + "/sub"):
                self.skipTest("mounting is not permitted here")
            try:
                write(f + "/sub/stranger.jpg", picture(8))
                self.assertEqual(d.photo("rescan").code, 0)
                self.assertEqual(names(d), ["0.jpg", "1.jpg",
                                            "sub/below.jpg"])
                self.assertIn("another disk", d.log())
            finally:
                subprocess.run(["umount", f + "/sub"], check=False)
            self.assertEqual(d.photo("rescan").code, 0)
            follows(d, f, "the file that was hidden")

    def test_other_device_beside(self):
        """what is mounted below, given as a folder too, is a root of its own
        """
        with Mesh() as mesh:
            f = mesh.folder("alice")
            write(f + "/0.jpg", picture(0))
            os.mkdir(f + "/disk")
            if not self.mount("-t", "tmpfs", "none", f + "/disk"):
                self.skipTest("mounting is not permitted here")
            try:
                write(f + "/disk/1.jpg", picture(1))
                d = mesh.start([f, f + "/disk"])
                wait_until(lambda: scanned(d), "the scan")

                def places():
                    return sorted((c["root"], c["path"], c["online"])
                                  for p in d.photo("--json", "list").json
                                  for c in p["copies"])
                self.assertEqual(places(), [("alice", "0.jpg", True),
                                            ("disk", "1.jpg", True)])
                subprocess.run(["umount", f + "/disk"], check=True)
                wait_until(lambda: places() == [("alice", "0.jpg", True),
                                                ("disk", "1.jpg", False)],
                           "that one, and no other, to be offline")
            finally:
                subprocess.run(["umount", f + "/disk"], check=False,
                               stderr=subprocess.DEVNULL)

    def test_inode_of_another_disk(self):
        """inodes of two disks have the same numbers: no photo for another"""
        with Mesh() as mesh:
            one, two = mesh.folder("one"), mesh.folder("two")
            data = {x: picture(n).ljust(9000, b".")
                    for n, x in enumerate((one, two))}
            for x in (one, two):
                if not self.mount("-t", "tmpfs", "none", x):
                    self.skipTest("mounting is not permitted here")
                self.addCleanup(subprocess.run, ["umount", "-l", x],
                                check=False)
                for n in range(8):
                    write(x + "/.%d" % n, data[x])
                    os.utime(x + "/.%d" % n, (1600000000, 1600000000))
            # Both were born before the last that was done to this one.
            os.chmod(one + "/.3", 0o640)
            os.rename(one + "/.3", one + "/a.jpg")
            d = mesh.start([one, two])
            wait_until(lambda: scanned(d) and len(names(d)) == 1, "the scan")
            d.rested()
            like, = [n for n in os.listdir(two) if os.stat(
                two + "/" + n).st_ino == os.stat(one + "/a.jpg").st_ino]
            os.rename(two + "/" + like, two + "/b.jpg")
            wait_until(lambda: len(names(d)) == 2, "the other one")
            self.assertEqual(
                {c["path"]: p["id"] for p in d.photo("--json", "list").json
                 for c in p["copies"]},
                {"a.jpg": photo_id(data[one])[:16].hex(),
                 "b.jpg": photo_id(data[two])[:16].hex()})

    def test_network_is_polled(self):
        """a network file system is looked at from time to time"""
        with Mesh() as mesh:
            hooked(self, mesh)
            f, d = begin(mesh, 2, env={"PHOTOMESH_FS_TYPE": "0x6969",
                                            "PHOTOMESH_POLL_MS": "200"})
            write(f + "/sub/new.jpg", picture(9))
            follows(d, f, "the new file")
            os.unlink(f + "/0.jpg")
            follows(d, f, "the removed file to vanish")
            self.assertIn("does not tell of changes", d.log())

    def test_no_way_of_watching(self):
        """a system that watches nothing: said once, and polled"""
        with Mesh(within=["unshare", "-Ur", "sh", "-c",
                          "echo 0 >/proc/sys/user/max_inotify_instances"
                          " && exec \"$0\" \"$@\""]) as mesh:
            hooked(self, mesh)
            if mesh.run(["true"]).returncode != 0:
                self.skipTest("no user namespace to be had")
            f, d = begin(mesh, 2, env={"PHOTOMESH_POLL_MS": "200"})
            write(f + "/sub/new.jpg", picture(9))
            follows(d, f, "the new file")
            os.unlink(f + "/0.jpg")
            follows(d, f, "the removed file to vanish")
            self.assertEqual(d.log().count("folders cannot be watched"), 1)

    def test_inode_used_again(self):
        """one goes, one comes on its inode, as large and as old: it is read"""
        with Mesh() as mesh:
            f, d = begin(mesh, 5)
            d.rested()
            used = 0
            for n in range(5):
                gone = "%s/%d.jpg" % (f, n)
                st = os.stat(gone)
                os.unlink(gone)
                # As raw pictures are that were copied from a card.
                new = f + "/.new.jpg"
                data = picture(1000 + n)[:st.st_size].ljust(st.st_size, b"x")
                write(new, data)
                os.utime(new, ns=(st.st_atime_ns, st.st_mtime_ns))
                used += os.stat(new).st_ino == st.st_ino
                os.rename(new, "%s/new-%d.jpg" % (f, n))
                follows(d, f, "the new one")
                ids = {c["path"]: p["id"] for p in
                       d.photo("--json", "list").json for c in p["copies"]}
                self.assertEqual(ids["new-%d.jpg" % n],
                                 photo_id(data)[:16].hex())
            if not used:
                self.skipTest("no inode was used again")

    def test_inode_used_again_earlier(self):
        """the same after the clock was set back: born before the last that is
        known of its inode, and another file all the same"""
        with Mesh() as mesh:
            f, d = begin(mesh, 3)
            d.rested()
            d.end()
            # As it was recorded while the clock was an hour ahead.
            top = os.path.join(mesh.env["XDG_STATE_HOME"], "photomesh")
            mine, = os.listdir(top)
            with contextlib.closing(sqlite3.connect(os.path.join(
                    top, mine, "catalogue.db"))) as db, db:
                db.execute("UPDATE known SET ctime = ctime + 3600000000000")
            for n in range(3):
                st = os.stat("%s/%d.jpg" % (f, n))
                data = picture(1000 + n)[:st.st_size].ljust(st.st_size, b"x")
                with open("%s/%d.jpg" % (f, n), "r+b") as out:
                    out.write(data)
                os.utime(out.name, ns=(st.st_atime_ns, st.st_mtime_ns))
                os.rename(out.name, "%s/new-%d.jpg" % (f, n))
            d = mesh.start(f)
            wait_until(lambda: scanned(d), "the scan")
            follows(d, f, "the new ones")
            ids = {c["path"]: p["id"] for p in
                   d.photo("--json", "list").json for c in p["copies"]}
            for n in range(3):
                with open("%s/new-%d.jpg" % (f, n), "rb") as new:
                    self.assertEqual(ids["new-%d.jpg" % n],
                                     photo_id(new.read())[:16].hex())

    def test_no_stable_inodes(self):
        """without stable inodes: by path, size and time; renamed: read"""
        with Mesh() as mesh:
            hooked(self, mesh)
            fat = {"PHOTOMESH_FS_TYPE": "0x4d44"}
            f, d = begin(mesh, 6, env=fat)
            d.rested()
            d.end()
            # Other inodes, as after another mount.
            for n in range(6):
                path = f + "/%d.jpg" % n
                st = os.stat(path)
                shutil.copyfile(path, path + ".new")
                os.utime(path + ".new", ns=(st.st_atime_ns, st.st_mtime_ns))
                os.rename(path + ".new", path)
            d = mesh.start(f, env=fat)
            wait_until(lambda: scanned(d), "the scan")
            self.assertEqual(len(names(d)), 6)
            self.assertEqual(read_files(d), 0)
            os.rename(f + "/0.jpg", f + "/renamed.jpg")
            follows(d, f, "the renamed file")
            wait_until(lambda: read_files(d) >= 1, "it to have been read")
            # Renamed while nobody looks: each is read, and none twice.
            d.rested()
            d.end()
            os.mkdir(f + "/sub")
            for n in range(1, 6):
                os.rename(f + "/%d.jpg" % n, f + "/sub/%d.jpg" % n)
            d = mesh.start(f, env=fat)
            wait_until(lambda: scanned(d), "the scan")
            follows(d, f, "the renamed files")
            self.assertEqual(read_files(d), 5)

    def test_no_stable_inodes_renumbered(self):
        """without stable inodes, of one size and one time: what is renamed
        onto another, swapped or written again is read"""
        with Mesh() as mesh:
            hooked(self, mesh)
            f = mesh.folder("alice")
            data = {n: picture(n).ljust(2000, b".") for n in range(6)}

            def put(n, path):
                write(path, data[n])
                os.utime(path, (1600000000, 1600000000))
            for n in range(5):
                put(n, f + "/%d/%d.jpg" % (n // 3, n))
            d = mesh.start(f, env={"PHOTOMESH_FS_TYPE": "0x4d44"})
            d.rested()

            def listed(**paths):
                want = {k[1:] + ".jpg": photo_id(data[n])[:16].hex()
                        for k, n in paths.items()}
                wait_until(lambda: {os.path.basename(c["path"]): p["id"]
                                    for p in d.photo("--json", "list").json
                                    for c in p["copies"]} == want,
                           "what lies there to be listed")
            listed(_0=0, _1=1, _2=2, _3=3, _4=4)
            os.rename(f + "/0/1.jpg", f + "/0/0.jpg")
            listed(_0=1, _2=2, _3=3, _4=4)
            for a, b in (("0", "x"), ("2", "0"), ("x", "2")):
                os.rename(f + "/0/%s.jpg" % a, f + "/0/%s.jpg" % b)
            listed(_0=2, _2=1, _3=3, _4=4)
            put(5, f + "/1/4.jpg")
            listed(_0=2, _2=1, _3=3, _4=5)
            # A whole folder in the place of another.
            put(0, f + "/.new/3.jpg")
            put(4, f + "/.new/4.jpg")
            os.rename(f + "/1", f + "/.old")
            os.rename(f + "/.new", f + "/1")
            listed(_0=2, _2=1, _3=0, _4=4)
            # And what nobody has told of: in a camera, on another machine.
            d.rested()
            d.end()
            os.rename(f + "/0/2.jpg", f + "/0/0.jpg")
            os.rename(f + "/1/4.jpg", f + "/1/3.jpg")
            d = mesh.start(f, env={"PHOTOMESH_FS_TYPE": "0x4d44"})
            listed(_0=1, _3=4)

    def test_too_many_watches(self):
        """no more watches to be had: one clear line, and polling"""
        with Mesh() as mesh:
            hooked(self, mesh)
            f = mesh.folder("alice")
            for n in range(20):
                write(f + "/%d/%d.jpg" % (n, n), picture(n))
            d = mesh.start(f, env={"PHOTOMESH_WATCHES_MAX": "5",
                                   "PHOTOMESH_POLL_MS": "200"})
            wait_until(lambda: scanned(d), "the scan")
            write(f + "/19/new.jpg", picture(99))
            write(f + "/0/new.jpg", picture(98))
            follows(d, f, "the new files")
            self.assertEqual(d.log().count("max_user_watches"), 1)


if __name__ == "__main__":
    tap.main()
