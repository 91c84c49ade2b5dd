"""beside.py FROM PREFIX SCRATCH PORT: what other programs do with the same files.

nginx with curl, unencrypted, and Syncthing between two of its own: each only
where it is installed, each line as tests/bench/transfer prints its own.  They
listen on 127.0.0.1 from PORT on, and end before this ends.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request

PATIENCE = 120


class Late(Exception):
    pass


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise Late
        time.sleep(0.05)


def tell(what, count, way, *args):
    try:
        seconds, note = way(*args), ""
    except Late:
        seconds, note = PATIENCE, " at most: not done in %d s" % PATIENCE
    print("  %-34s %8.0f MB/s%s" % (what, count / seconds / 1e6, note),
          flush=True)


def fresh(*parts):
    path = os.path.join(*parts)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def there(port, path="/", key=None):
    request = urllib.request.Request(
        "http://127.0.0.1:%d%s" % (port, path),
        headers={"X-API-Key": key} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"{}") if key else True
    except urllib.error.HTTPError:
        return not key
    except OSError:
        return False


def nginx(names, folder, scratch, port):
    """Seconds from curl's start to its end: one connection, file by file."""
    home, to = fresh(scratch, "nginx"), fresh(scratch, "to")
    with open(home + "/conf", "w") as f:
        f.write("""daemon off; master_process off; pid %s/pid;
            error_log %s/log; events {} http { access_log off; sendfile on;
            client_body_temp_path %s/a; proxy_temp_path %s/b;
            fastcgi_temp_path %s/c; uwsgi_temp_path %s/d; scgi_temp_path %s/e;
            keepalive_requests 1000000;
            server { listen 127.0.0.1:%d; root %s; } }""" % (
                (home,) * 7 + (port, folder)))
    with open(home + "/urls", "w") as f:
        for n in names:
            f.write('url = "http://127.0.0.1:%d/%s"\noutput = "%s/%s"\n' %
                    (port, n, to, n))
    server = subprocess.Popen(["nginx", "-p", home, "-c", home + "/conf"],
                              stderr=subprocess.DEVNULL)
    try:
        until(lambda: there(port))
        started = time.monotonic()
        subprocess.run(["curl", "-sfK", home + "/urls"], check=True)
        return time.monotonic() - started
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(to)


class Syncthing:
    """One of them, with a home of its own and nobody to call."""

    def __init__(self, scratch, name, port):
        self.home, self.port = fresh(scratch, name), port
        out = subprocess.run(["syncthing", "generate", "--no-default-folder",
                              "--home", self.home], check=True,
                             capture_output=True, text=True)
        self.id = re.search(r"[A-Z0-9]{7}(-[A-Z0-9]{7}){7}",
                            out.stdout + out.stderr).group()
        self.process = None

    def configure(self, other, folder, mode, watch=False):
        path = self.home + "/config.xml"
        with open(path) as f:
            text = f.read()
        self.key = re.search(r"<apikey>(.*?)</apikey>", text).group(1)
        text = re.sub(r"<address>127.0.0.1:\d+</address>",
                      "<address>127.0.0.1:%d</address>" % self.port, text)
        for option in ("globalAnnounceEnabled", "localAnnounceEnabled",
                       "relaysEnabled", "natEnabled",
                       "crashReportingEnabled"):
            text = re.sub(r"<%s>\w+<" % option, "<%s>false<" % option, text)
        text = re.sub(r"<listenAddress>.*?<",
                      "<listenAddress>tcp://127.0.0.1:%d<" % (self.port + 2),
                      text)
        text = text.replace("<options>", """<device id="%s" name="other">
            <address>tcp://127.0.0.1:%d</address></device>
            <folder id="f" label="f" path="%s" type="%s" rescanIntervalS="0"
            fsWatcherEnabled="%s"><device id="%s"/><device id="%s"/>
            </folder><options>""" % (other.id, other.port + 2, folder, mode,
                                     str(watch).lower(), self.id, other.id),
                            1)
        with open(path, "w") as f:
            f.write(text)

    def start(self):
        self.process = subprocess.Popen(
            ["syncthing", "serve", "--home", self.home, "--no-browser",
             "--no-restart", "--logfile=" + self.home + "/log"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self):
        if self.process:
            self.process.terminate()
            self.process.wait()

    def has(self, count):
        s = there(self.port, "/rest/db/status?folder=f", self.key)
        return s and s["state"] == "idle" and s["localFiles"] == count


def syncthing(names, folder, scratch, port):
    """Seconds from the start of who has nothing, who has all being ready."""
    shown, to = fresh(scratch, "shown"), fresh(scratch, "to")
    for n in names:
        os.link(os.path.join(folder, n), os.path.join(shown, n))
    for path in (shown, to):
        os.mkdir(path + "/.stfolder")
    a, b = (Syncthing(scratch, n, port + i) for i, n in enumerate("ab"))
    a.configure(b, shown, "sendonly")
    b.configure(a, to, "receiveonly")
    try:
        a.start()
        until(lambda: a.has(len(names)))
        started = time.monotonic()
        b.start()
        until(lambda: b.has(len(names)))
        return time.monotonic() - started
    finally:
        a.end()
        b.end()


def main():
    folder, prefix, scratch, port = sys.argv[1:]
    names = sorted(n for n in os.listdir(folder) if n.startswith(prefix))
    count = sum(os.stat(os.path.join(folder, n)).st_size for n in names)
    if shutil.which("nginx") and shutil.which("curl"):
        tell("nginx and curl, unencrypted", count, nginx, names, folder,
             scratch, int(port))
    if shutil.which("syncthing"):
        tell("Syncthing", count, syncthing, names, folder, scratch, int(port))


if __name__ == "__main__":
    main()
