#!/usr/bin/env python3
"""tidy.py: a folder is a promise; this keeps it.

Usage: tidy.py SOURCE BUILD    (BUILD: a plain build, without sanitizers)
Reads includes, symbols and sizes; says in TAP what is broken.  Long functions
are asked about, not forbidden.
"""
import json
import os
import re
import shlex
import subprocess
import sys

SOURCE, BUILD = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])

# What stands at the top, and nothing else without need.
TOP = {"daemon", "client", "proto", "tests", "meson.build", "README.md",
       "photos-sample", "meson_options.txt", "LICENSE"}

# Folder: the project folders whose headers it may include, besides its own.
BASE = {"daemon/base", "proto"}
MAY_INCLUDE = {
    "proto": set(),
    "daemon/base": set(),
    "daemon/core": {"proto"},
    "daemon/state": BASE,
    "daemon/catalogue": BASE | {"daemon/core"},
    "daemon/intake": BASE | {"daemon/core", "daemon/catalogue",
                             "daemon/state"},
    "daemon/answer": BASE | {"daemon/core", "daemon/catalogue",
                             "daemon/intake", "daemon/state", "daemon/net",
                             "daemon/transfer"},
    "daemon/net": BASE | {"daemon/core", "daemon/catalogue", "daemon/state",
                          "daemon/intake", "daemon/answer"},
    # Of net only what is no socket of the loop's: tls.h and resolve.h.
    "daemon/transfer": BASE | {"daemon/core", "daemon/catalogue",
                               "daemon/state", "daemon/intake",
                               "daemon/net"},
    # photo-decode: a program of its own, with no more of ours than it must.
    "daemon/decode": {"proto", "daemon/intake"},  # sniff.h alone
    "daemon/pictures": BASE | {"daemon/decode", "daemon/core",
                               "daemon/catalogue", "daemon/transfer"},
    "daemon": BASE | {"daemon/core", "daemon/catalogue", "daemon/state",
                      "daemon/intake", "daemon/answer", "daemon/net",
                      "daemon/transfer", "daemon/pictures"},
    "client": {"proto"},
}

# A big library stays behind the folders that own it.
OWNERS = {
    r"sqlite3\.h": {"daemon/catalogue"},
    r"utf8proc": {"daemon/catalogue"},
    r"event2/": {"daemon/net", "daemon"},
    r"openssl/": {"daemon/net", "daemon/state", "daemon/transfer",
                  "client"},
    r"msgpack": {"proto"},
    r"xxh": {"proto", "daemon/intake", "daemon/state",
            "daemon/transfer"},
    r"pthread\.h": {"daemon/base", "daemon/catalogue", "daemon/intake",
                    "daemon/transfer", "daemon/pictures"},
    r"(vips/|gexiv2/|seccomp)": {"daemon/decode"},
    r"spawn\.h": {"daemon/pictures"},
    r"chafa": {"client"},
}

# The core is pure.
CORE_REFUSES = re.compile(
    r"(event2/|sqlite3|sys/|time\.h|unistd\.h|stdlib\.h|stdio\.h|pthread|"
    r"openssl|msgpack|xxh)")
CORE_SYMBOLS = re.compile(
    r"^(memcpy|memcmp|memset|memmove|memchr|strlen|strcmp|strncmp|strnlen|"
    r"strcpy|strncpy|__assert_fail|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|"
    r"mesh_\w+|node_id_\w+|host_id_\w+|rank_\w+|stream_id_\w+|address_\w+|"
    r"digest_\w+|point_\w+)$")
PROTO_REFUSES = re.compile(
    r"^(open|open64|read|write|socket|connect|time|clock_gettime|gettimeofday|"
    r"pthread_\w+|fopen|fopen64|rand|random|getenv|sqlite3_\w+|SSL_\w+|"
    r"bufferevent_\w+|event_\w+)$")

number = 0
failed = 0


def say(problems, name):
    global number, failed
    number += 1
    print("%sok %d - %s" % ("not " if problems else "", number, name))
    for p in problems[:40]:
        print("# " + p)
    failed += bool(problems)


def tracked():
    found = []
    for here, dirs, files in os.walk(SOURCE):
        dirs[:] = [d for d in dirs if not d.startswith((".git", "build"))
                   and d != "__pycache__"]
        found += [os.path.relpath(os.path.join(here, f), SOURCE)
                  for f in files]
    return sorted(found)


FILES = tracked()
CODE = [f for f in FILES if f.endswith((".c", ".h"))
        and f.startswith(("proto/", "daemon/", "client/"))]
HEADERS = {}
for path in CODE:
    if path.endswith(".h"):
        HEADERS.setdefault(os.path.basename(path), []).append(path)


def folder_of(path):
    return os.path.dirname(path)


def includes(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
        text = f.read()
    # Not blanked by comments: an #include in a comment starts mid-line.
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', text,
                      re.M)


def check_top():
    return ["%s does not belong at the top" % name
            for name in sorted({f.split("/")[0] for f in FILES})
            if name not in TOP and not name.startswith(".")]


def check_folders():
    wrong = []
    for path in CODE:
        here = folder_of(path)
        allowed = MAY_INCLUDE.get(here)
        if allowed is None:
            wrong.append("%s: a folder without a promise in tidy.py" % path)
            continue
        for mark, name in includes(path):
            if mark != '"':
                continue
            if ".." in name or name.startswith("tests"):
                wrong.append("%s includes %s" % (path, name))
                continue
            owners = {folder_of(h) for h in
                      HEADERS.get(os.path.basename(name), [])}
            if here in owners:
                continue
            if not owners:
                if not re.search("|".join(OWNERS), name):
                    wrong.append("%s includes %s: whose?" % (path, name))
            elif not owners & allowed:
                wrong.append("%s includes %s of %s" %
                             (path, name, ", ".join(sorted(owners))))
    return wrong


def check_owners():
    wrong = []
    for path in CODE:
        for _, name in includes(path):
            for pattern, owners in OWNERS.items():
                if re.match(pattern, name) and folder_of(path) not in owners:
                    wrong.append("%s includes <%s>" % (path, name))
    return wrong


def check_core_includes():
    return ["%s includes <%s>" % (path, name) for path in CODE
            if folder_of(path) == "daemon/core"
            for mark, name in includes(path)
            if mark == "<" and CORE_REFUSES.match(name)]


def undefined(archive):
    """Symbols that no object of the archive defines."""
    def symbols(flag):
        out = subprocess.run(["nm", "-A", flag, archive], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             check=True).stdout
        return {line.split()[-1] for line in out.splitlines() if line.strip()}
    return symbols("--undefined-only") - symbols("--defined-only")


def archive(name):
    for here, _, files in os.walk(BUILD):
        if name in files:
            return os.path.join(here, name)
    raise SystemExit("Bail out! no %s below the build" % name)


def check_symbols():
    wrong = ["core calls %s" % s
             for s in sorted(undefined(archive("libcore.a")))
             if not CORE_SYMBOLS.match(s)]
    wrong += ["proto calls %s" % s
              for s in sorted(undefined(archive("libproto.a")))
              if PROTO_REFUSES.match(s)]
    return wrong


def check_headers_alone():
    """Every header compiles by itself, with its folder's own flags."""
    with open(os.path.join(BUILD, "compile_commands.json")) as f:
        commands = json.load(f)
    flags = {}
    for entry in commands:
        path = os.path.relpath(os.path.join(entry["directory"],
                                            entry["file"]), SOURCE)
        argv = shlex.split(entry["command"])
        # Meson puts ccache first where there is one; it takes no header.
        if os.path.basename(argv[0]) in ("ccache", "sccache"):
            argv = argv[1:]
        keep = [argv[0]]
        for i, a in enumerate(argv[1:], 1):
            if a.startswith(("-I", "-D", "-std", "-W")) or a == "-pthread":
                keep.append(a)
            elif a in ("-isystem", "-include"):
                keep += [a, argv[i + 1]]
        flags.setdefault(folder_of(path), keep)
    wrong = []
    for path in CODE:
        if not path.endswith(".h"):
            continue
        argv = flags.get(folder_of(path))
        if argv is None:
            wrong.append("%s: nothing of its folder is built" % path)
            continue
        done = subprocess.run(
            argv + ["-fsyntax-only", "-Wno-unused-function", "-x", "c", "-"],
            input='#include "%s"\n' % os.path.join(SOURCE, path),
            cwd=BUILD, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        if done.returncode != 0:
            wrong.append("%s does not compile alone: %s" %
                         (path, done.stdout.splitlines()[:1]))
    return wrong


def check_design():
    with open(os.path.join(SOURCE, "daemon/DESIGN.md"),
              encoding="utf-8") as f:
        text = f.read()
    return ["daemon/DESIGN.md has no line for %s" % path for path in CODE
            if path.endswith(".c") and path.startswith("daemon/")
            and os.path.basename(path)[:-2] not in text]


def check_words():
    """No build machine's path, no registry's host."""
    bad = re.compile(r"(/work/|/root/\w|/home/\w+/|deb\.debian|"
                     r"registry\.npmjs|pypi\.org)")
    wrong = []
    for path in FILES:
        if path == "tests/tidy.py" or path.startswith("photos-sample/"):
            continue
        if not path.endswith((".c", ".h", ".py", ".md", ".sh", ".build",
                              ".txt")) and "/" in path and \
                path not in ("tests/check", "tests/tour", ".ci/run"):
            continue
        with open(os.path.join(SOURCE, path), encoding="utf-8",
                  errors="replace") as f:
            for n, line in enumerate(f, 1):
                if bad.search(line):
                    wrong.append("%s:%d: %s" % (path, n, line.strip()[:60]))
    return wrong


def check_traps():
    """Calls that libraries.md and pitfalls.md say never to make."""
    never = [(r"\bSO_REUSEPORT\b", "SO_REUSEPORT"),
             (r"\bevbuffer_add_file\b", "evbuffer_add_file"),
             (r"\bTCP_USER_TIMEOUT\b", "TCP_USER_TIMEOUT"),
             (r"\b(strcpy|strcat|sprintf|gets)\s*\(", "unbounded copy"),
             (r'"localhost"', "the name localhost"),
             (r'\[[SW]_BEGIN\]\s*=\s*"BEGIN(?! IMMEDIATE)',
              "a transaction that writes and is deferred"),
             (r"\b(fork|vfork|system|popen)\s*\(",
              "a child but by posix_spawn"),
             (r"\b(accept|pipe|dup|dup2|inotify_init|creat)\s*\(",
              "a descriptor that is not closed on exec"),
             (r"\b(sem_timedwait|setitimer|gettimeofday)\s*\(",
              "a timer by the wall clock")]
    wrong = []
    for path in CODE:
        with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
            text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"),
                          f.read(), flags=re.S)
        for n, line in enumerate(text.splitlines(), 1):
            for pattern, name in never:
                if re.search(pattern, line):
                    wrong.append("%s:%d: %s" % (path, n, name))
    return wrong


def ask_about_sizes():
    for path in CODE:
        with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
            lines = f.read().splitlines()
        if len(lines) > 500:
            print("# %s has %d lines: does it still do one thing?" %
                  (path, len(lines)))
        start = None
        for n, line in enumerate(lines, 1):
            if line.startswith("{"):
                start = n
            elif line.startswith("}") and start:
                if n - start > 70 and not line.startswith("};"):
                    print("# %s:%d: %d lines in one function: why?" %
                          (path, start, n - start))
                start = None


CHECKS = [
    (check_top, "the top level holds what it should"),
    (check_folders, "each folder includes only what it promised"),
    (check_owners, "each big library stays behind its owner"),
    (check_core_includes, "the core includes nothing of the outside"),
    (check_symbols, "the core and proto call nothing of the outside"),
    (check_headers_alone, "every header compiles alone"),
    (check_design, "DESIGN.md has a line for every source file"),
    (check_words, "no path of a machine, no host of a registry"),
    (check_traps, "no call that is known to bite"),
]
print("1..%d" % len(CHECKS))
for check, name in CHECKS:
    say(check(), name)
ask_about_sizes()
sys.exit(1 if failed else 0)
