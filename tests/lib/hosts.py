"""hosts.py: several machines on this one, for the tests of the mesh.

Each Host is a network namespace of its own with one card, `eth0`, on a switch
that is a bridge in a namespace too.  None of it can be seen from outside, and
none of it has a name: a namespace lives as long as the process that holds it,
and that ends with its standard input, however the test ends.

A Host is a Mesh (folders, state, runtime, configuration) whose programs run
behind that card.  Addresses are 10.77.0.N; all ports are free.
"""
import contextlib
import ctypes
import os
import select
import shutil
import subprocess
import threading
import time
import unittest

from mesh import Mesh, has_hooks
from talk import Client, cut_frame, frame, unpack

LIVE, SYNCING, SUSPECT, GONE, LEFT = range(5)
WATCH, EVENT = 41, 42
NOBODYS_CARD = "02:00:00:00:00:ff"
_libc = ctypes.CDLL(None, use_errno=True)


class _Held:
    """A network namespace, held by a process that waits for our end."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo here; read -r _"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        if self.process.stdout.readline() != b"here\n":
            said = self.process.stderr.read().decode("utf-8", "replace")
            self.end()
            raise OSError(said.strip() or "no network namespace")

    @property
    def within(self):
        return ["nsenter", "--net=/proc/%d/ns/net" % self.process.pid, "--"]

    def ip(self, *args):
        done = subprocess.run([*self.within, "ip", *map(str, args)],
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise OSError("ip %s: %s" % (" ".join(map(str, args)),
                                         done.stdout.decode()))

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def unpermitted():
    """Why there can be no hosts here; None when there can."""
    for program in ("unshare", "nsenter", "ip"):
        if shutil.which(program) is None:
            return "no program '%s' here" % program
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    try:
        held = _Held()
    except OSError as e:
        return "network namespaces are not permitted: %s" % e
    try:
        held.ip("link", "add", "br0", "type", "bridge")
        held.ip("link", "add", "one", "type", "veth", "peer", "name", "two")
    except OSError as e:
        return "no bridge or veth in a network namespace: %s" % e
    finally:
        held.end()
    return None


_why_not = unpermitted()
# For the classes of tests that need hosts: skipped, with the reason in sight.
on_hosts = unittest.skipIf(_why_not, _why_not)


class Host(Mesh):
    def __init__(self, network, number, host_id=None):
        self.number = number
        self.address = "10.77.0.%d" % number
        self.card = "02:00:00:00:00:%02x" % number
        self.network = network
        self.held = _Held()
        self.plug = "port%d" % number
        super().__init__(base_port=5000, within=self.held.within)
        # Without test hooks all have one, this machine's.
        self.id = host_id or b"hostno%02d" % number if has_hooks() else b""
        self.env["PHOTOMESH_HOST_ID"] = self.id.hex()
        ip, switch = self.held.ip, network.switch
        switch.ip("link", "add", self.plug, "address", "02:00:00:00:01:%02x" %
                  number, "type", "veth", "peer", "name", "eth0", "address",
                  self.card, "netns", self.held.process.pid)
        switch.ip("link", "set", self.plug, "master", "switch", "up")
        # No duplicate detection, no router: up at once.
        for where in ("all", "eth0"):
            self._sysctl("ipv6/conf/%s/disable_ipv6" % where, "1")
        ip("addr", "add", self.address + "/24", "dev", "eth0")
        ip("link", "set", "lo", "up")
        ip("link", "set", "eth0", "up")
        ip("route", "add", "default", "dev", "eth0")

    def _sysctl(self, name, value):
        subprocess.run([*self.within, "sh", "-c", "echo %s >/proc/sys/net/%s" %
                        (value, name)], stderr=subprocess.DEVNULL)

    def start(self, folder, *args, listen=True, **kw):
        """`listen`: reachable from other hosts."""
        if listen:
            args = ("--listen", self.address, *args)
        return super().start(folder, *args, **kw)

    # -- the key ---------------------------------------------------------
    def show_key(self):
        done = self.run([self.photod, "--show-key"])
        assert done.returncode == 0, done
        return done.stdout

    def set_key(self, key):
        r, w = os.pipe()
        os.write(w, key)
        os.close(w)
        with open(r, "rb") as from_there:
            done = self.run([self.photod, "--set-key"], stdin=from_there)
        assert done.returncode == 0, done
        return done

    # -- the network -----------------------------------------------------
    def cut_to(self, *others):
        """From now on nothing goes from here to there: it is sent, and
        nobody takes it.  The other way is as it was."""
        for other in others:
            self.held.ip("neigh", "replace", other.address, "lladdr",
                         NOBODYS_CARD, "dev", "eth0", "nud", "permanent")

    def mend_to(self, *others):
        for other in others:
            self.held.ip("neigh", "replace", other.address, "lladdr",
                         other.card, "dev", "eth0", "nud", "permanent")

    def unplug(self):
        self.network.switch.ip("link", "set", self.plug, "down")

    def plug_in(self):
        self.network.switch.ip("link", "set", self.plug, "up")

    def link_down(self):
        self.held.ip("link", "set", "eth0", "down")

    def link_up(self):
        self.held.ip("link", "set", "eth0", "up")
        self.held.ip("route", "replace", "default", "dev", "eth0")

    def __exit__(self, *args):
        try:
            return super().__exit__(*args)
        finally:
            self.held.end()


def cut(one, two):
    one.cut_to(two)
    two.cut_to(one)


def mend(one, two):
    one.mend_to(two)
    two.mend_to(one)


class Network(contextlib.ExitStack):
    """The switch, and the hosts on it: `with Network(3) as (a, b, c):`."""

    def __init__(self, count, one_key=True, host_ids=None):
        super().__init__()
        self.switch = _Held()
        self.callback(self.switch.end)
        self.hosts = []
        try:
            self.switch.ip("link", "add", "switch", "type", "bridge",
                           "stp_state", "0", "mcast_snooping", "0")
            self.switch.ip("link", "set", "switch", "up")
            for n in range(1, count + 1):
                self.hosts.append(self.enter_context(Host(
                    self, n, host_ids[n - 1] if host_ids else None)))
            if one_key and count:
                key = self.hosts[0].show_key()
                for h in self.hosts[1:]:
                    h.set_key(key)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        super().__enter__()
        return self.hosts


def at_home(host, function):
    """What it returns, called in a thread of that host's network; sockets it
    opens are of that host whoever uses them."""
    done = []

    def run():
        try:
            fd = os.open("/proc/%d/ns/net" % host.held.process.pid,
                         os.O_RDONLY)
            with os.fdopen(fd):
                if _libc.setns(fd, 0) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            done.append((function(), None))
        except Exception as e:
            done.append((None, e))
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if done[0][1] is not None:
        raise done[0][1]
    return done[0][0]


# -- folders with one photo, and daemons --------------------------------------

def put(folder, *names):
    """Files of these names that no others are equal to."""
    for name in names:
        with open(os.path.join(folder, name), "wb") as f:
            f.write(b"GIF89a" + name.encode() * 20)
    return folder


def start(host, name, *args, **kw):
    """A daemon of this name, with one photo of its own."""
    return host.start(put(host.folder(name), name + ".gif"), *args, **kw)


def folder(daemon):
    return os.path.join(daemon.mesh.dir, "photos", daemon.name)


def join(host):
    return "--join", "%s:5000" % host.address


# -- what is so ---------------------------------------------------------------

def rank(daemon):
    with Client(daemon.mesh, daemon.port) as c:
        return daemon.port, daemon.mesh.id, c.welcome["node"]


def missing(daemons, photos=None, live=None, verify=True):
    """What these are short of being one mesh at rest; None: nothing."""
    first = min(map(rank, daemons))
    for d in daemons:
        with Client(d.mesh, d.port) as c:
            s = c.status()
            if s["live"] != (live or len(daemons)):
                return "%s: %d live" % (d.name, s["live"])
            if s["coordinator"] != first[2]:
                return "%s: follows %d, %s" % (
                    d.name, s["coordinator_port"], s["coordinator_name"])
            if s["scan"] == 1 or not s["synced"] or (
                    live is None and not s["complete"]):
                return "%s: not at rest: %r" % (d.name, s)
            if photos is not None and s["photos"] != photos:
                return "%s: %d photos" % (d.name, s["photos"])
            for p in c.peers():
                # Whom somebody follows is heard on a link only.
                if p["state"] == LIVE and p["follows"] not in (first[2],
                                                               bytes(16)):
                    return "%s: %s follows %d" % (d.name, p["node"][1],
                                                  p["follows_port"])
    if verify:
        with Client(daemons[0].mesh, daemons[0].port, 20) as c:
            bad = c.unequal()
            if bad:
                return "verify: %r" % bad[:3]
    return None


def together(daemons, photos=None, timeout=30, **kw):
    """Await one mesh of these at rest; the seconds it took."""
    started = time.monotonic()
    while True:
        try:
            short = missing(daemons, photos, **kw)
        except OSError as e:
            short = str(e)
        if short is None:
            return time.monotonic() - started
        if time.monotonic() - started > timeout:
            raise AssertionError("%s\n%s" % (short, "\n".join(
                "%s:\n%s" % (d.name, d.log()[-1500:]) for d in daemons)))
        time.sleep(0.05)


class Watch(Client):
    """Everything that one daemon tells who watch, in order."""

    def __init__(self, daemon):
        super().__init__(daemon.mesh, daemon.port)
        self.socket.sendall(frame(WATCH, 0, {}))
        self.status()  # an answer proves that it has begun
        self.seen = []

    def events(self):
        while select.select([self.socket], [], [], 0)[0]:
            more = self.socket.recv(1 << 18)
            if not more:
                break
            self.buffer += more
        while True:
            body = cut_frame(self.buffer)
            if body is None:
                return self.seen
            what, _, fields = unpack(body)
            if what == EVENT:
                self.seen.append(fields)

    def count(self, *names):
        return sum(e["event"] in names for e in self.events())

