"""clients.py: everybody who asks, all the time, and what they were told.

Raw clients speak the protocol over the daemons' sockets, since they are cheap;
others are `photo` itself, with every verb that changes nothing and `add`.  All
is recorded, answers and failures; whether it was right is not their affair.
"""
import json
import os
import random
import select
import shutil
import socket
import subprocess
import threading
import time

from holder import Failed, Getter, photo_id
from talk import LIST, Client, cut_frame, frame, unpack

WATCH, EVENT = 41, 42
PATIENCE = 10  # as the client's own
BUSY = ("error 2:",)


class Asker(threading.Thread):
    """A thread that asks until the end; errors of its own end the run."""

    def __init__(self, world, name):
        super().__init__(daemon=True, name=name)
        self.world, self.record = world, world.record
        self.ending, self.trouble = world.ending, None
        self.rng = random.Random(name)

    def run(self):
        try:
            while not self.ending.is_set():
                self.turn()
        except Exception as e:  # noqa: BLE001: told by the run
            self.trouble = e
            self.record.write("trouble", by=self.name, what=repr(e),
                              t=self.record.now())


def list_all(c):
    """One whole list: copies as (node, path, id), and how fresh it is."""
    copies, after, fresh, pages = [], b"", None, 0
    while after is not None:
        page = c.ask(LIST, {"limit": 1000, "after": after})
        nodes = [n[0].hex() for n in page["nodes"]]
        for p in page["photos"]:
            photo = p[0].hex()
            copies += [(nodes[r[0]], r[2].hex(), photo) for r in p[9]]
        after, pages = page["after"], pages + 1
        fresh = {k: page[k] for k in ("complete", "age", "scanning",
                                      "syncing")}
    return copies, dict(fresh, pages=pages)


class Lister(Asker):
    """Lists at one daemon, now in one life and now in the next."""

    def __init__(self, world, node, pause):
        super().__init__(world, "lister " + node.name)
        self.node, self.pause, self.client = node, pause, None
        self.asked = None  # the daemon that the client is connected with

    def turn(self):
        d = self.node.daemon
        if d is None:
            self.ending.wait(0.02)
            return
        if d is not self.asked:
            self.hang_up()
        t0 = self.record.now()
        try:
            if self.client is None:
                self.asked = d
                self.client = Client(self.node.mesh, d.port, PATIENCE)
            copies, fresh = list_all(self.client)
            # Another daemon may answer at this port by now.
            node = self.client.welcome["node"].hex()
            self.record.listed(self.name, copies, at=self.node.name,
                               node=node, life=d.life, t0=t0,
                               t1=self.record.now(), **fresh)
        except (OSError, ConnectionError) as e:
            self.record.write("fail", by=self.name, at=self.node.name,
                              life=d.life, t0=t0, t1=self.record.now(),
                              why=repr(e))
            self.hang_up()
        if self.rng.random() < 0.05:
            self.hang_up()
        self.ending.wait(self.pause)

    def hang_up(self):
        if self.client:
            self.client.close()
            self.client = None

    def run(self):
        super().run()
        self.hang_up()


class Watcher(Asker):
    """What each daemon tells those who watch, by one thread for all."""

    def __init__(self, world):
        super().__init__(world, "watcher")
        self.open = {}
        self.retry = {}

    def begin(self, node, d):
        c = Client(node.mesh, d.port, 0.5)
        c.write(frame(WATCH, 0, {}))
        c.socket.setblocking(False)
        self.open[node.name] = (c, d)

    def end(self, name):
        self.open.pop(name)[0].close()

    def turn(self):
        for node in self.world.nodes.values():
            d, now = node.daemon, time.monotonic()
            if d is None or d.stopped or node.name in self.open or \
                    now < self.retry.get(node.name, 0):
                continue
            try:
                self.begin(node, d)
            except OSError:
                self.retry[node.name] = now + 1
        names = {c.socket: name for name, (c, _) in self.open.items()}
        if not names:
            self.ending.wait(0.1)
            return
        for s in select.select(list(names), [], [], 0.1)[0]:
            self.hear(names[s])

    def hear(self, name):
        c, d = self.open[name]
        try:
            more = c.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            self.end(name)
            return
        c.buffer += more
        while True:
            body = cut_frame(c.buffer)
            if body is None:
                return
            what, _, e = unpack(body)
            if what == EVENT:
                self.record.write(
                    "event", at=name, life=d.life, t=self.record.now(),
                    event=e["event"], node=(e.get("node") or b"").hex(),
                    photo=(e.get("photo") or b"").hex())

    def run(self):
        super().run()
        for name in list(self.open):
            self.end(name)


class Fetcher(Asker):
    """Raw GETs of anything listed, at anybody."""

    def __init__(self, world, number, pause):
        super().__init__(world, "fetcher %d" % number)
        self.pause = pause
        self.path = os.path.join(world.hosts[0].dir, "fetched-%d" % number)

    def turn(self):
        self.ending.wait(self.pause)
        up = self.world.up()
        if not up:
            return
        node = self.rng.choice(up)
        d, t0 = node.daemon, self.record.now()
        if d is None:
            return
        asked, code, why, got = "", -1, "", ""
        try:
            with Getter(node.mesh, d.port, PATIENCE) as c:
                copies, _ = list_all(c)
                if not copies:
                    return
                asked = self.rng.choice(copies)[2]
                t0 = self.record.now()
                if os.path.exists(self.path):
                    os.unlink(self.path)
                _, data = c.get(bytes.fromhex(asked), self.path)
                code, got = 0, photo_id(data).hex()
        except Failed as e:
            code, why = e.code, e.text
        except OSError as e:
            why = repr(e)
        self.record.write("get", by=self.name, at=node.name, life=d.life,
                          asked=asked, got=got, code=code, why=why, t0=t0,
                          t1=self.record.now())


LOOKS = (("list",), ("list", "--sort", "size"), ("list", "jpg"), ("peers",),
         ("status",), ("dupes",), ("timeline",), ("problems",),
         ("list", "--reverse", "--limit", "5"), ("requests",))


class Person(Asker):
    """`photo`, as people call it: of whoever answers, or of one daemon."""

    def __init__(self, world, host, number, pause):
        super().__init__(world, "person %d" % number)
        self.host, self.pause = host, pause
        self.into = os.path.join(host.dir, "got-%d" % number)

    def turn(self):
        self.ending.wait(self.pause)
        up = [n for n in self.world.up() if n.mesh is self.host]
        if not up:
            return
        args, node = list(self.rng.choice(LOOKS)), None
        kind = self.rng.random()
        if kind < 0.15:
            self.ask(["--json", "show"], self.rng.choice(up), "show")
            return
        if kind < 0.3:
            self.ask(["--json", "get", "-o", self.into + "/"],
                     self.rng.choice(up), "get")
            return
        if kind < 0.36:
            args = [self.rng.choice(("verify", "rescan"))]
        elif kind < 0.42:
            args = ["check", self.a_file(self.rng.choice(up))]
        if self.rng.random() < 0.4:
            node = self.rng.choice(up)
        self.call(args, node, far=kind >= 0.42 and self.rng.random() < 0.3)

    def a_file(self, node):
        with node.folder.lock:
            path = self.rng.choice(sorted(node.folder.photos))
        return os.fsdecode(node.folder.at(path))

    def ask(self, args, node, verb):
        """About one photo of the list."""
        d = node.daemon
        try:
            with Client(node.mesh, d.port, PATIENCE) as c:
                copies, _ = list_all(c)
            photo = self.rng.choice(copies)[2]
        except (OSError, AttributeError, IndexError):
            return
        answer = self.call(args + ["id:" + photo[:32]], node)
        if verb == "get" and answer is not None:
            self.look(photo)

    def look(self, photo):
        """Nothing lies there under a final name but what was asked for."""
        if not os.path.isdir(self.into):
            return
        for name in os.listdir(self.into):
            if name.startswith("."):
                continue
            with open(os.path.join(self.into, name), "rb") as f:
                got = photo_id(f.read()).hex()
            self.record.write("got", by=self.name, asked=photo, got=got,
                              file=name, t=self.record.now())
        shutil.rmtree(self.into)

    def call(self, args, node, far=False):
        """far: as from another machine, over TLS."""
        d = node.daemon if node else None
        if node and d is None:
            return None
        port = ["-p", str(d.port)] if node else []
        if node and far:
            port = ["--connect", "127.0.0.1:%d" % d.port]
        t0, code, out, err = self.record.now(), None, b"", b""
        try:
            done = self.host.run([self.host.photo_path, *port, *args],
                                 timeout=120)
            code, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired:
            err = b"it hung for 120 s"
        self.record.write(
            "photo", by=self.name, at=node.name if node else None,
            life=d.life if node else None, args=args, far=far, code=code,
            bytes=len(out), err=err.decode("utf-8", "replace")[-400:],
            where=self.world.hosts.index(self.host), t0=t0,
            t1=self.record.now())
        return out


class Adder(Asker):
    """Cards with new pictures, brought to some daemon's folder."""

    def __init__(self, world, hands, pause):
        super().__init__(world, "adder")
        self.hands, self.pause = hands, pause
        self.card = os.path.join(world.hosts[0].dir, "card")
        self.year = 1971

    def turn(self):
        self.ending.wait(self.pause)
        up = self.world.up()
        if not up or self.ending.is_set():
            return
        node = self.rng.choice(up)
        os.mkdir(self.card)
        known = set()
        for n in range(self.rng.randint(1, 4)):
            data = b"GIF89a card %d %d" % (n, self.rng.getrandbits(60))
            path = os.path.join(self.card, "c%d-%d.gif" % (self.year, n))
            with open(path, "wb") as f:
                f.write(data)
            os.utime(path, (self.year * 31557600.0 - 1970 * 31557600,) * 2)
            known.add(photo_id(data).hex())
        with node.folder.lock:
            self.add(node, known)
        self.year = 1971 + (self.year - 1970) % 40
        shutil.rmtree(self.card)

    def add(self, node, known):
        d, t0 = node.daemon, self.record.now()
        if d is None:
            return
        code, err = None, b""
        try:
            done = node.mesh.run([node.mesh.photo_path, "-p", str(d.port),
                                  "--json", "add", self.card], timeout=120)
            code, err = done.returncode, done.stderr
            for line in done.stdout.splitlines():
                json.loads(line)
        except subprocess.TimeoutExpired:
            err = b"it hung for 120 s"
        node.folder.adopt(t0, known)
        self.record.write("photo", by=self.name, at=node.name, life=d.life,
                          args=["add"], code=code, bytes=0, where=0,
                          err=err.decode("utf-8", "replace")[-400:], t0=t0,
                          t1=self.record.now())


class Loose:
    """`photo watch` without a port: it must outlive every daemon."""

    def __init__(self, world, host):
        self.record = world.record
        self.where = world.hosts.index(host)
        self.process = host.spawn_photo("--json", "watch")
        self.lines = 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        """It never waits for us; whatever it says is JSON."""
        for line in self.process.stdout:
            if line.endswith(b"\n"):
                json.loads(line)
                self.lines += 1

    def end(self):
        code = self.process.poll()
        self.process.terminate()
        self.process.wait(20)
        self.reader.join(20)
        self.record.write(
            "loose", where=self.where, code=code, lines=self.lines,
            err=os.read(self.process.stderr.fileno(), 4000).decode(
                "utf-8", "replace")[-300:])


class HalfDeaf(Asker):
    """Strangers and bad clients: half-open dials, bytes that mean nothing,
    watchers who never read."""

    def turn(self):
        self.ending.wait(1.0)
        up = self.world.up()
        if not up:
            return
        node = self.rng.choice(up)
        path = os.path.join(node.mesh.env["PHOTOMESH_RUNTIME"], "photomesh",
                            "%s.sock" % node.port)
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(2)
                s.connect(path)
                s.sendall(self.rng.choice((
                    b"\xff\xff\xff\xff", b"GET / HTTP/1.0\r\n\r\n",
                    frame(WATCH, 1, {}), self.rng.randbytes(300))))
                self.ending.wait(self.rng.random() * 2)
        except OSError:
            pass

