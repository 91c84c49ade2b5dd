"""world.py: eight daemons, on one host or on two, and how they are harmed.

A Node is a name, a folder, a state directory and whichever daemon serves them
just now.  All that is done to a node is recorded here: lives with their
beginning and end, and nothing else ends one.
"""
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import threading
import time

from folders import Folder
from hosts import Network
from mesh import Mesh
from relay import Relay
from schedule import NAMES, PORTS_A_HOST, SMALL
from talk import Client

SMALL_BYTES = "64m"
# Whatever port a daemon of the other host may come to claim.
PORTS = range(5000, 5000 + PORTS_A_HOST)


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def kinds(pid):
    """How many descriptors of which kind: sockets, pipes, files by name."""
    found = {}
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            to = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            continue  # closed meanwhile
        kind = (os.path.basename(to) if to.startswith("/") else
                to.split(":[")[0])
        found[kind] = found.get(kind, 0) + 1
    return found


class Node:
    def __init__(self, world, name, mesh, state, args=(), env=None):
        self.world, self.name, self.mesh = world, name, mesh
        self.state, self.args, self.env = state, list(args), env or {}
        self.folder = Folder(name, mesh.folder(name), world.record)
        self.daemon, self.port, self.id = None, None, None
        # A state of this round that may be put back; not on the small disk.
        self.older = os.path.join(mesh.dir, "states", name + "-older")
        self.lock = threading.RLock()  # one fault at a time
        self.lives = 0

    @property
    def record(self):
        return self.world.record

    def top(self):
        return os.fsdecode(self.folder.top)

    def start(self, state="kept", refused=False):
        """refused: it will not start, and shall say why."""
        began = self.record.now()
        self.lives += 1
        d = self.mesh.start(self.top(), "--state", self.state, *self.args,
                            name=self.name, env=self.env, wait=False)
        d.life, d.expected = self.lives, refused
        if refused:
            code = d.process.wait(30)
            self.record.write("refused", name=self.name, code=code,
                              said=d.log()[-300:], t=self.record.now())
            self.mesh.daemons.remove(d)
            d._reader.join(5)
            d.process.stdout.close()
            return
        d.ready(60)
        with Client(self.mesh, d.port, 60) as c:
            self.id = c.welcome["node"].hex()
        self.daemon, self.port = d, d.port
        self.record.write("up", name=self.name, id=self.id, port=d.port,
                          life=d.life, state=state, pid=d.pid, t0=began,
                          t=self.record.now())

    def down(self, how, t0):
        self.record.write("down", name=self.name, life=self.daemon.life,
                          how=how, t0=t0, t=self.record.now())
        self.daemon.over = True
        self.daemon = None

    def kill(self):
        t0 = self.record.now()
        self.daemon.expected = True
        self.daemon.kill()
        self.down("kill", t0)

    def end(self):
        t0 = self.record.now()
        self.daemon.expected = True
        code = self.daemon.end(60)
        if code != 0:
            self.record.write("ended", name=self.name, code=code,
                              said=self.daemon.log()[-3000:],
                              t=self.record.now())
        self.down("end", t0)

    # -- state directories: of a dead node -------------------------------
    def change_state(self, how):
        """What is done to it between two lives; what came of that."""
        if how == "older" and not os.path.isdir(self.older):
            how = "kept"
        if how == "whole":
            self.record.write("lost", name=self.name, id=self.id,
                              t=self.record.now())
            self._empty()
            shutil.rmtree(self.older, ignore_errors=True)
        elif how == "catalogue":
            for name in os.listdir(self.state):
                if name.startswith("catalogue.db"):
                    os.unlink(os.path.join(self.state, name))
        elif how == "older":
            self._empty()
            shutil.copytree(self.older, self.state, dirs_exist_ok=True)
        elif how == "copied":
            # By way of another disk: a small one has no room for two.
            aside = self.older + "-aside"
            shutil.copytree(self.state, aside)
            self._empty()
            shutil.copytree(aside, self.state, dirs_exist_ok=True)
            shutil.rmtree(aside)
        return how

    def keep_older(self):
        """Remember this state; the first one of a round is the oldest."""
        if not os.path.isdir(self.older):
            shutil.copytree(self.state, self.older)

    def forget_older(self):
        shutil.rmtree(self.older, ignore_errors=True)

    def _empty(self):
        for name in os.listdir(self.state):
            path = os.path.join(self.state, name)
            (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)


class World(contextlib.ExitStack):
    def __init__(self, record, hosts=1, relayed=False, decoders=3):
        super().__init__()
        self.record, self.relayed = record, relayed
        self.relays, self.nodes = [], {}
        self.ending = threading.Event()
        self.small_is_small = False
        try:
            self._hosts(hosts, relayed)
            for i, name in enumerate(NAMES):
                self._node(i, name, decoders)
        except BaseException:
            self.close()
            raise

    def _hosts(self, hosts, relayed):
        if hosts == 1:
            self.hosts = [self.enter_context(Mesh())]
            return
        network = Network(3 if relayed else 2)
        hosts = self.enter_context(network)
        self.hosts = hosts[:2]
        if not relayed:
            return
        a, b = self.hosts
        a.cut_to(b)
        b.cut_to(a)
        middle = hosts[2]
        for port in PORTS:
            self.relays.append(self.enter_context(Relay(
                (b.address, port), (middle.address, port),
                middle.held.process.pid)))
            self.relays[-1].at = (middle.address, port)

    def _node(self, i, name, decoders):
        mesh = self.hosts[i * len(self.hosts) // len(NAMES)]
        args = ["--decoders", "1" if i % 8 < decoders else "0"]
        if len(self.hosts) > 1 and mesh is self.hosts[0]:
            at = [r.at for r in self.relays] or \
                [(self.hosts[1].address, p) for p in PORTS]
            for host, port in at:
                args += ["--join", "%s:%d" % (host, port)]
        state = os.path.join(mesh.dir, "states", name)
        os.makedirs(state, 0o700)
        if name == SMALL:
            self.small_is_small = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "mode=700,size=" + SMALL_BYTES,
                 "none", state], stderr=subprocess.DEVNULL).returncode == 0
            if self.small_is_small:
                self.callback(subprocess.run, ["umount", "-l", state],
                              check=False)
            state = os.path.join(state, "own")
        # What a sanitizer says in photo-decode, is in the daemon's log.
        self.nodes[name] = Node(self, name, mesh, state, args,
                                {"PHOTOMESH_DECODE_LOG": "1"})

    def host_of(self, node):
        return self.hosts.index(node.mesh)

    def up(self):
        return [n for n in self.nodes.values() if n.daemon is not None]

    def log_lines(self):
        """What every daemon ever said, for the record."""
        for host in self.hosts:
            for d in host.daemons:
                yield d, d.log()

    def twin(self, node, seconds, wait):
        """A second daemon with a copy of its state, over the same folder."""
        state = os.path.join(node.mesh.dir, "states", "%s-twin-%d" % (
            node.name, node.lives))
        t0 = self.record.now()
        # Stopped meanwhile: copied as a snapshot of the disk would be.
        node.daemon.stop()
        try:
            shutil.copytree(node.state, state)
        finally:
            node.daemon.go_on()
        d = node.mesh.start(node.top(), "--state", state, "--decoders", "0",
                            name=node.name, wait=False)
        d.life, d.twin = -1, True
        try:
            d.ready(60)
            wait(seconds)
        finally:
            d.expected = True
            if d.alive():
                d.end(60)
            self.record.write("twin", name=node.name, t0=t0,
                              t=self.record.now())
            shutil.rmtree(state, ignore_errors=True)

    def squeeze(self, node, spare, seconds, wait):
        """So few descriptors more than it has; by its pid, not for long."""
        pid = node.daemon.pid
        limit = descriptors(pid) + spare
        old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, old[1]))
        try:
            wait(seconds)
        finally:
            if node.daemon is not None and node.daemon.pid == pid:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, old)

    def fill_small(self, seconds, wait):
        junk = os.path.join(os.path.dirname(self.nodes[SMALL].state), "junk")
        try:
            with open(junk, "wb", buffering=0) as f:
                with contextlib.suppress(OSError):
                    while True:
                        f.write(b"j" * 4096)
                began = time.monotonic()
                while time.monotonic() < began + seconds:
                    # What it frees meanwhile goes, too.
                    with contextlib.suppress(OSError):
                        f.write(b"j" * 4096)
                    wait(0.05)
        finally:
            os.unlink(junk)

    def small_read_only(self, on):
        where = os.path.dirname(self.nodes[SMALL].state)
        mount = ["mount", "-o", "remount,%s" % ("ro" if on else "rw"), where]
        # Busy for as long as the kernel takes to end who was killed.
        until = time.monotonic() + 20
        while subprocess.run(mount, check=time.monotonic() > until,
                             stderr=subprocess.DEVNULL).returncode != 0:
            time.sleep(0.05)

    def end_all(self):
        for node in self.up():
            with node.lock:
                if node.daemon.stopped:
                    node.daemon.go_on()
        for node in self.up():
            node.daemon.expected = True
            node.daemon.signal(signal.SIGTERM)
        for node in self.up():
            t0 = self.record.now()
            code = node.daemon.process.wait(60)
            if code != 0:
                self.record.write("ended", name=node.name, code=code,
                                  said=node.daemon.log()[-3000:],
                                  t=self.record.now())
            node.down("end", t0)

