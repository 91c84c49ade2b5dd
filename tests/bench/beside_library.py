"""beside_library.py FOLDER FILES SCRATCH PORT SECONDS: two Syncthings, at work
and at rest.

One scans FOLDER, which has so many files, then another one a second folder of
the same files, and both rest.  Each line as tests/bench/library prints its own;
nothing where Syncthing is not installed.
"""
import os
import shutil
import subprocess
import sys
import time

import beside


def tell(what, figure, unit):
    print("  %-44s %9s  %-26s %9.2f %6s %8s           (%s)" %
          ("", "", what, figure, "", "", unit), flush=True)


def family(pid):
    """It has a process that watches over the one that works."""
    found = [pid]
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, thread)) as f:
            found += [int(child) for child in f.read().split()]
    return found


def anonymous_mib(pid):
    kib = 0
    for one in family(pid):
        with open("/proc/%d/status" % one) as f:
            kib += sum(int(line.split()[1]) for line in f
                       if line.startswith("RssAnon:"))
    return kib / 1024


def worked(pid):
    """CPU seconds and context switches of all threads until now."""
    cpu = switches = 0
    for base in ("/proc/%d/task/%s/" % (one, thread) for one in family(pid)
                 for thread in os.listdir("/proc/%d/task" % one)):
        try:
            with open(base + "schedstat") as f:
                cpu += int(f.read().split()[0]) / 1e9
            with open(base + "status") as f:
                switches += sum(int(line.split()[1]) for line in f
                                if "ctxt_switches" in line)
        except FileNotFoundError:
            pass
    return cpu, switches


def main():
    folder, files, scratch, port, seconds = sys.argv[1:]
    if not shutil.which("syncthing"):
        return
    os.makedirs(scratch)
    other = os.path.join(scratch, "folder")
    subprocess.run(["cp", "-al", folder, other], check=True)
    a, b = (beside.Syncthing(scratch, n, int(port) + i)
            for i, n in enumerate("ab"))
    for path, one, two in (folder, a, b), (other, b, a):
        os.mkdir(path + "/.stfolder")
        one.configure(two, path, "sendreceive", watch=True)
    try:
        a.start()
        beside.until(lambda: beside.there(a.port, "/rest/noauth/health") or
                     beside.there(a.port))
        started = time.monotonic()
        beside.until(lambda: a.has(int(files)))
        tell("Syncthing: its first scan", 1e3 * (time.monotonic() - started),
             "ms")
        tell("Syncthing: RssAnon", anonymous_mib(a.process.pid), "MiB")
        b.start()
        beside.until(lambda: b.has(int(files)))
        time.sleep(10)
        before = [worked(x.process.pid) for x in (a, b)]
        time.sleep(int(seconds))
        cpu, switches = (sum(worked(x.process.pid)[k] - was[k] for x, was in
                             zip((a, b), before)) / 2 for k in (0, 1))
        tell("Syncthing: CPU each, a minute", cpu * 60 / int(seconds), "s")
        tell("Syncthing: switches each", switches / int(seconds), "1/s")
    except beside.Late:
        print("  (Syncthing: not done in %d s)" % beside.PATIENCE)
    finally:
        a.end()
        b.end()
        os.rmdir(folder + "/.stfolder")


if __name__ == "__main__":
    main()
