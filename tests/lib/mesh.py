"""mesh.py: real daemons for the end-to-end tests.

A Mesh owns a scratch directory (state, runtime, keys, folders), a block of 64
ports nobody else uses, and every process it starts.  Leaving the `with` block
ends those processes by pid, looks for sanitizer reports in their logs, checks
that no daemon has touched the folders of photos (originals.py), that those
which are guarded are as they were, and removes the scratch.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import random
import select
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import tempfile
import threading
import time

from originals import Originals

SOURCE = os.environ.get("PM_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PM_BUILD") or os.path.join(SOURCE, "build")
SAMPLE = os.path.join(SOURCE, "photos-sample")
# Sanitizers and a loaded machine are slow; deadlines are for hangs only.
PATIENCE = float(os.environ.get("PM_PATIENCE", "30"))

NOBODY = 65534

REPORTS = (b"ERROR: AddressSanitizer", b"runtime error:", b"LeakSanitizer",
           b"ThreadSanitizer", b"Assertion ")

CRASHES = (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL,
           signal.SIGSEGV)


def wait_until(condition, what, timeout=None, every=0.01):
    """Await a condition; its value when true.  AssertionError when late."""
    deadline = time.monotonic() + (timeout or PATIENCE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain for: %s" % what)
        time.sleep(every)


def fingerprint(top):
    """Everything a user could notice: names, types, modes, times, bytes."""
    found = {}
    for here, dirs, files in os.walk(os.fsencode(top)):
        for name in dirs + files:
            path = os.path.join(here, name)
            st = os.lstat(path)
            entry = [stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode),
                     st.st_mtime_ns, st.st_uid]
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    entry.append(hashlib.sha256(f.read()).hexdigest())
            elif stat.S_ISLNK(st.st_mode):
                entry.append(os.readlink(path))
            found[path] = entry
    return found


def differences(before, after):
    return sorted(p for p in set(before) | set(after)
                  if before.get(p) != after.get(p))


# What is started here hears the end of its terminal, though we may not.
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)


def claim_ports():
    """A block of 64 ports, ours while the returned file stays open."""
    blocks = list(range(20480, 32000, 64))
    random.shuffle(blocks)
    for base in blocks:
        lock = open("/tmp/photomesh-test-ports-%d" % base, "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        busy = False
        for port in range(base, base + 64):
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind(("127.0.0.1", port))
                except OSError:
                    busy = True
                    break
        if not busy:
            return base, lock
        lock.close()
    raise AssertionError("no free block of 64 ports")


def has_hooks(build=None):
    """Was it built with test hooks?"""
    with open(os.path.join(build or BUILD, "daemon", "photod"), "rb") as f:
        return b"PHOTOMESH_BLOCK_MS" in f.read()


class Answer:
    """What `photo` said."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr.decode("utf-8", "replace")

    @property
    def text(self):
        return self.out.decode("utf-8", "replace")

    @property
    def lines(self):
        return self.text.splitlines()

    @property
    def json(self):
        return [json.loads(line) for line in self.text.splitlines()]

    def __repr__(self):
        return "exit %d\nstdout: %s\nstderr: %s" % (
            self.code, self.text[-2000:], self.err[-2000:])


class Daemon:
    def __init__(self, mesh, name, argv, env, log_path, user=None):
        self.mesh, self.name, self.log_path = mesh, name, log_path
        self.port = None
        self.ready_line = None
        self.stopped = False
        self.started_at = time.monotonic()
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                argv, env=env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                user=user)
        self.pid = self.process.pid
        self._arrived = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        line = self.process.stdout.readline().decode("utf-8", "replace")
        if " ready on 127.0.0.1:" in line:
            self.ready_line = line.strip()
            self.port = int(line.split("127.0.0.1:")[1].split()[0])
        self.ready_after = time.monotonic() - self.started_at
        self._arrived.set()
        self.process.stdout.read()

    def ready(self, timeout=None):
        if not self._arrived.wait(timeout or PATIENCE) or self.port is None:
            raise AssertionError("%s never said ready: %s" %
                                 (self.name, self.log()[-2000:]))
        return self

    def log(self):
        with open(self.log_path, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        """kill -9, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.stopped = True
        self.signal(signal.SIGSTOP)

    def go_on(self):
        self.stopped = False
        self.signal(signal.SIGCONT)

    def end(self, timeout=None):
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout or PATIENCE)

    def photo(self, *args, **kw):
        return self.mesh.photo("-p", str(self.port), *args, **kw)

    def rested(self):
        """Await that no scan runs and no file is young any more, to be read
        a second time; how many have been read since the start."""
        top = os.path.join(self.mesh.env["XDG_STATE_HOME"], "photomesh")
        state, = [n for n in os.listdir(top) if n.startswith(self.name)]
        path = os.path.join(top, state, "catalogue.db")

        def scan():
            return self.photo("--json", "status").json[0]["scan"]

        def sure():
            if scan()["state"] == "scanning":
                return False
            with contextlib.closing(sqlite3.connect(
                    "file:%s?mode=ro" % path, uri=True)) as db:
                # What is no media (3) waits for the next scan, or an event.
                (young,), = db.execute("SELECT count(*) FROM known"
                                       " WHERE ctime <= 0 AND verdict <> 3")
            return young == 0
        wait_until(sure, "nothing to be young any more")
        return scan()["read_files"]

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rests(self, seconds, of_cpu):
        """Watched for so long: did it work for less than `of_cpu`, and did
        its loop mostly sleep?  On a busy machine a loop that spins gets little
        time, but sleep it never does."""
        before, slept, moments = self.cpu_seconds(), 0, 40
        for _ in range(moments):
            time.sleep(seconds / moments)
            with open("/proc/%d/task/%d/stat" % (self.pid, self.pid)) as f:
                slept += f.read().rsplit(")", 1)[1].split()[0] == "S"
        spent = self.cpu_seconds() - before
        print("# %.2f s of CPU in %g s; asleep at %d moments of %d" % (
            spent, seconds, slept, moments))
        return spent < of_cpu and slept * 2 > moments

    def rss_bytes(self, key="RssAnon"):
        with open("/proc/%d/status" % self.pid) as f:
            for line in f:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) * 1024
        return 0


class Mesh(contextlib.AbstractContextManager):
    def __init__(self, build=None, unprivileged=False, base_port=None,
                 within=()):
        """unprivileged: when root runs the tests, be somebody whom the modes
        of files bind.  within: words before each command (see hosts.py)."""
        self.within = list(within)
        self.build = build or BUILD
        self.photod = os.path.join(self.build, "daemon", "photod")
        self.photo_path = os.path.join(self.build, "client", "photo")
        self.dir = tempfile.mkdtemp(prefix="pm-", dir="/tmp")
        self.user = NOBODY if unprivileged and os.geteuid() == 0 else None
        if self.user is not None:
            # The build may lie where nobody else may look.
            self.photod = shutil.copy2(self.photod, self.dir)
            self.photo_path = shutil.copy2(self.photo_path, self.dir)
        self.base_port, self._ports = (base_port, None) if base_port else \
            claim_ports()
        self.daemons = []
        self.children = []
        self._guarded = {}
        self.originals = Originals()
        self._serial = 0
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("XDG_", "PHOTO"))}
        self.env.update(
            HOME=os.path.join(self.dir, "home"),
            XDG_STATE_HOME=os.path.join(self.dir, "state"),
            XDG_CONFIG_HOME=os.path.join(self.dir, "config"),
            PHOTOMESH_RUNTIME=os.path.join(self.dir, "run"),
            TZ="UTC", LC_ALL="C.UTF-8",
            ASAN_OPTIONS="abort_on_error=0:exitcode=99:detect_leaks=1:"
                         "allocator_may_return_null=0",
            UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:exitcode=99")
        for key in ("HOME", "PHOTOMESH_RUNTIME"):
            os.mkdir(self.env[key], 0o700)
            self.give(self.env[key])
        self.give(self.dir)

    def give(self, path):
        """Make it the test user's."""
        if self.user is not None:
            os.chown(path, self.user, -1)

    # -- folders ---------------------------------------------------------
    def sample(self, name):
        """A copy of one of the sample folders, guarded."""
        to = os.path.join(self.dir, "photos", name)
        shutil.copytree(os.path.join(SAMPLE, name), to)
        return self.guard(to)

    def folder(self, name):
        to = os.path.join(self.dir, "photos", name)
        os.makedirs(to)
        return to

    def guard(self, folder):
        """From now on nothing in it may change (call again to allow)."""
        self._guarded[folder] = fingerprint(folder)
        return folder

    def unguard(self, folder):
        self._guarded.pop(folder, None)

    # -- daemons ---------------------------------------------------------
    def start(self, folder, *args, name=None, env=None, wait=True,
              base_port=None):
        folders = [folder] if isinstance(folder, str) else list(folder)
        self._serial += 1
        name = name or os.path.basename(folders[0])
        argv = [*self.within, self.photod, "-p", str(base_port or self.base_port),
                # Who wants to know what is in pictures, says so: what is
                # found out behind a scan changes lists.
                "--name", name, "--decoders", "0", *args, *folders]
        for f in folders:
            self.originals.watch(f)
        log = os.path.join(self.dir, "log-%d-%s" % (self._serial, name))
        d = Daemon(self, name, argv, dict(self.env, **(env or {})), log,
                   self.user)
        self.daemons.append(d)
        return d.ready() if wait else d

    def start_at_once(self, folders, before=""):
        """Start them all behind one gate, open it: they begin as one.  Also
        the seconds from the gate's opening until the last was photod."""
        gate = os.path.join(self.dir, "gate")
        os.mkdir(gate)
        os.mkfifo(gate + "/fifo")
        photod, self.photod = self.photod, gate + "/photod"
        with open(self.photod, "w") as f:
            f.write("#!/bin/sh\n%s\n: >%s/here-$$\n: <%s/fifo\n"
                    "exec %s \"$@\"\n" % (before, gate, gate, photod))
        os.chmod(self.photod, 0o755)
        daemons = [self.start(f, wait=False) for f in folders]
        wait_until(lambda: sum(n.startswith("here") for n in os.listdir(gate))
                   == len(folders), "all at the gate")
        opened = time.monotonic()
        with open(gate + "/fifo", "w"):
            wait_until(lambda: all(os.readlink("/proc/%d/exe" % d.pid) ==
                                   photod for d in daemons if d.alive()),
                       "all through the gate", every=0.001)
            launched = time.monotonic() - opened
            for d in daemons:
                d.ready(60)
        self.photod = photod
        shutil.rmtree(gate)
        return daemons, launched

    def start_samples(self, names=("alice", "bob", "carol")):
        return [self.start(self.sample(n)) for n in names]

    def run(self, argv, timeout=None, env=None, **kw):
        return subprocess.run([*self.within, *argv], env=dict(self.env, **(env or {})),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=kw.pop("stdin", subprocess.DEVNULL),
                              timeout=timeout or PATIENCE, user=self.user,
                              **kw)

    def photo(self, *args, timeout=None, env=None):
        return Answer(self.run([self.photo_path, *map(str, args)],
                               timeout=timeout, env=env))

    def spawn_photo(self, *args, env=None):
        p = subprocess.Popen([*self.within, self.photo_path, *map(str, args)],
                             env=dict(self.env, **(env or {})),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        self.children.append(p)
        return p

    def spawn_watch(self, daemon):
        """`photo watch`, which hears already: it has told of a rescan."""
        p = self.spawn_photo("-p", daemon.port, "--json", "watch")
        wait_until(lambda: daemon.photo("rescan").code == 0 and
                   select.select([p.stdout], [], [], 0.1)[0],
                   "the watcher to hear of a rescan")
        return p

    # -- what is so ------------------------------------------------------
    def peers(self, daemon):
        a = daemon.photo("--json", "peers")
        return a.json if a.code == 0 else []

    def list_lines(self, daemon):
        a = daemon.photo("--json", "list")
        assert a.code == 0, a
        return a.lines

    def settle(self, daemons, photos=None, timeout=None):
        """Await one mesh: all live and scanned, one coordinator, verified."""
        ports = sorted(d.port for d in daemons)
        self.originals.watch_again()

        def settled():
            for d in daemons:
                s = d.photo("--json", "status")
                if s.code != 0:
                    return False
                s = s.json[0]
                if (s["live"] != len(daemons) or s["coordinator"] != ports[0]
                        or s["scan"]["state"] == "scanning"):
                    return False
                if photos is not None and s["photos"] != photos:
                    return False
            for d in daemons:
                here = [p for p in self.peers(d)
                        if p["state"] not in ("gone", "left")]
                if any(p["state"] != "live" or p["follows"] != ports[0]
                       for p in here):
                    return False
            return daemons[0].photo("verify").code in (0,)
        try:
            wait_until(settled, "one settled mesh of %d" % len(daemons),
                       timeout, every=0.05)
        except AssertionError as e:
            seen = "\n".join(repr(d.photo("peers")) + repr(d.photo(
                "--json", "status")) for d in daemons)
            raise AssertionError("%s\n%s\n%r\n%s" % (
                e, seen, daemons[0].photo("verify"),
                "\n".join(d.log()[-1500:] for d in daemons))) from None

    # -- the end ---------------------------------------------------------
    def __exit__(self, kind, value, trace):
        trouble = []
        for p in self.children:
            if p.poll() is None:
                p.kill()
            p.wait()
            for pipe in (p.stdout, p.stderr):
                if pipe:
                    pipe.close()
        for d in self.daemons:
            if d.alive():
                if d.stopped:
                    d.go_on()
                d.signal(signal.SIGTERM)
        for d in self.daemons:
            try:
                d.process.wait(10)
            except subprocess.TimeoutExpired:
                trouble.append("%s did not end on SIGTERM" % d.name)
                d.kill()
            d._reader.join(5)
            d.process.stdout.close()
            # An end by itself, of which no sanitizer tells.
            if -d.process.returncode in CRASHES:
                trouble.append("%s ended by signal %d" % (
                    d.name, -d.process.returncode))
            with open(d.log_path, "rb") as f:
                log = f.read()
            if any(mark in log for mark in REPORTS):
                trouble.append("%s: %s" % (d.name, log.decode(
                    "utf-8", "replace")[-6000:]))
        touched = self.originals.by({d.pid for d in self.daemons})
        self.originals.end()
        if touched:
            trouble.append("a daemon touched originals: %r" % touched[:5])
        for folder, before in self._guarded.items():
            changed = differences(before, fingerprint(folder))
            if changed:
                trouble.append("%s: the originals changed: %r" %
                               (folder, changed[:5]))
        if self._ports:
            self._ports.close()
        if kind is not None and os.environ.get("PM_KEEP"):
            print("# kept: %s" % self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
        if trouble and kind is None:
            raise AssertionError("\n".join(trouble))
        if trouble:
            print("\n".join("# " + t for t in trouble)[:8000])
        return False
