#!/usr/bin/env python3
"""Measures the performance goals of API keys, G1.1 to G1.5: interleaved rounds (A B C A B C …) of one run, medians of them.
Use: keys.py TARGET/release [--quick] [--write]; PEERS names the folder with the peers' modules. See scripts/bench."""
import json, os, shutil, subprocess, sys, threading, time

from gate import *

ASKED = 20_000 if QUICK else 60_000
PEER_ASKED = 300 if QUICK else 1_500
SIZES = (1_000, 20_000, 100_000) if QUICK else (1_000, 100_000, 1_000_000)
CONNECTIONS = 64
REVOCATIONS = 10 if QUICK else 50


class Bare:
    """Something that answers and knows no keys, or knows them otherwise."""

    def __init__(self, label, command, path, keys, asked=ASKED, env=None, ready=None):
        self.label, self.path, self.file, self.asked = label, path, keys, asked
        where = port()
        self.address = f"127.0.0.1:{where}"
        self.process, _ = start(command(where), ready(where) if ready else f"http://{self.address}/", env)
        self.pids = [self.process.pid]


def asking(one, scope=SCOPE, asked=None, file=None):
    def case(_):
        count = asked or getattr(one, "asked", ASKED)
        used, rate, told = measured(one.pids, count, lambda: tool("bench-load", "gate", one.address, file or one.file, "--path", one.path, "--scope", scope,
                                                                   "--connections", CONNECTIONS, "--count", count))
        if told["wrong"]:
            sys.exit(f"{one.label}: {told}")
        times.setdefault(file or one.label, []).append(told["p99"])
        return used, rate
    return case


times = {}


def nginx(name, server, keys=""):
    """A configuration with one worker; gives the command that runs it on a port."""
    def command(where):
        file = os.path.join(DIR, f"{name}.conf")
        with open(file, "w") as f:
            f.write(f"daemon off; worker_processes 1; pid {DIR}/{name}.pid; error_log /dev/null; events {{ worker_connections 1024; }}\n"
                    f"http {{ access_log off; keepalive_requests 100000000; map_hash_max_size 65536; map_hash_bucket_size 128;\n"
                    f"client_body_temp_path {DIR}/{name}-body; proxy_temp_path {DIR}/{name}-proxy; fastcgi_temp_path {DIR}/{name}-f; uwsgi_temp_path {DIR}/{name}-u; scgi_temp_path {DIR}/{name}-s;\n"
                    f"{keys}\nserver {{ listen 127.0.0.1:{where}; {server} }} }}\n")
        return ["nginx", "-c", file, "-p", DIR]
    return command


def verdicts(sized, hello, others, proxied):
    cases = {one.label: asking(one) for one in [hello, *sized, *others, *proxied]}
    busy = sized[-1]
    cases["busy"] = asking(busy, file=busy.many)
    figures = interleaved("verdicts", cases)
    bare, bare_rate = figures[hello.label]
    p99 = lambda one: median(times[one.label])
    for one in sized:
        used, rate = figures[one.label]
        row("G1.1", f"a key judged by /authz, {one.count:,} keys", f"{used:.1f} µs CPU, {rate:.0f} a second", f"{used / bare:.2f} × a bare axum handler: {bare:.1f} µs, {bare_rate:.0f} a second",
            "≤ 1.25 ×", used <= 1.25 * bare)
        row("G1.1", f"a key judged by /authz, {one.count:,} keys", f"{rate / bare_rate:.2f} × its requests a second", f"p99 {p99(one):.0f} µs beside {p99(hello):.0f} µs", "≥ 0.85 ×, p99 ≤ 1.3 ×",
            rate >= 0.85 * bare_rate and p99(one) <= 1.3 * p99(hello))
    few, many = figures[sized[0].label][0], figures[sized[-1].label][0]
    row("G1.3", f"a key judged among {sized[-1].count:,} keys", f"{many / few:.2f} × the cost among {sized[0].count:,}", f"{few:.1f} µs", "≤ 1.15 ×", many <= 1.15 * few)
    row("G1.1", f"the same with {len(busy.keys):,} of them in use", f"{figures['busy'][0]:.1f} µs CPU", f"{figures['busy'][0] / bare:.2f} × a bare axum handler; every one of them is counted and written once a second", "", None)
    middle = figures[sized[1].label][0]
    for other in others:
        ratio = figures[other.label][0] / middle
        wanted = {"nginx map": (1 / 1.35, "≤ 1.35 ×"), "better-auth (memory)": (18, "≥ 18 × less"), "better-auth (SQLite)": (60, "≥ 60 × less")}.get(other.label)
        value = f"{1 / ratio:.2f} ×" if other.label.startswith("nginx") else f"{ratio:.0f} × less CPU"
        row("G1.1" if other.label.startswith("nginx") else "G1.2", "a key judged", value, f"{other.label}: {figures[other.label][0]:.1f} µs", wanted[1] if wanted else "", ratio >= wanted[0] if wanted else None)
    if proxied:
        theirs, floor = (figures[one.label][0] for one in proxied)
        row("G1.1", "a request through nginx auth_request", f"{theirs:.1f} µs CPU of nginx and gate", f"{theirs / floor:.2f} × auth_request to a bare axum handler: {floor:.1f} µs", "≤ 1.25 ×", theirs <= 1.25 * floor)


def memory(sized):
    few, many = (status(one.process.pid, "VmRSS") for one in (sized[0], sized[-1]))
    each = (many - few) * 1024 * 1024 / (sized[-1].count - sized[0].count)
    row("G1.3", f"memory a key, {sized[-1].count:,} keys", f"{each:.0f} bytes", f"{many:.0f} MB in all", "≤ 130 bytes", each <= 130)


def starts(one):
    """From the start of the program to its first right answer about a key, and until it has them all in memory."""
    seconds = []
    for n in range(3 if QUICK else 5):
        stop(one.process)
        wanted, began = one.keys[n], time.perf_counter()
        one.process = subprocess.Popen(["taskset", "-c", "0", os.path.join(BUILT, "gatehouse"), "serve"], env={**CLEAN, **one.env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stops.append(one.process)
        while True:
            try:
                if call(one.address, wanted, "GET", "/authz")[0] == 200:
                    break
            except OSError:
                time.sleep(0.001)
        seconds.append(time.perf_counter() - began)
    one.pids = [one.process.pid]
    row("G1.3", f"start to the first right answer, {one.count:,} keys", f"{median(seconds):.2f} s", "", "≤ 1.5 s", median(seconds) <= 1.5)


def hammered(one, value, until):
    """64 connections ask for one key until they are told to stop; gives what was said after that moment."""
    file = os.path.join(DIR, f"hammer-{one.label}")
    with open(file, "w") as f:
        f.write(value + "\n")
    return subprocess.Popen(["taskset", "-c", "1", os.path.join(BUILT, "bench-load"), "gate", one.address, file, "--connections", str(CONNECTIONS), "--seconds", str(until)],
                            stdout=subprocess.PIPE, text=True, env=CLEAN)


def revocations(here, there):
    """A key is asked for by 64 connections on both servers while it is deleted on one of them."""
    accepted, delays = [], []
    for n in range(REVOCATIONS):
        value, path = made(here, f"Revoked {n}")
        while call(there.address, value, "GET", "/authz")[0] != 200:
            time.sleep(0.001)
        load = hammered(here, value, 1)
        time.sleep(0.3)
        status, _ = call(here.address, here.owner, "DELETE", path)
        gone = time.perf_counter()
        assert status in (200, 204), status
        asked = threading.Thread(target=lambda: accepted.extend(call(here.address, value, "GET", "/authz")[0] for _ in range(20)))
        asked.start()
        while call(there.address, value, "GET", "/authz")[0] == 200:
            pass
        delays.append((time.perf_counter() - gone) * 1000)
        asked.join()
        load.communicate()
    delays.sort()
    p99 = delays[min(len(delays) - 1, len(delays) * 99 // 100)]
    row("G1.4", f"{REVOCATIONS} keys deleted while 64 connections asked for them, PostgreSQL", f"{accepted.count(200)} accepted after the answer", f"{len(accepted)} questions right after it", "0", 200 not in accepted)
    row("G1.4", "the other server has heard of it", f"p50 {median(delays):.0f} ms, p99 {p99:.0f} ms", "the same load on the same core", "p99 ≤ 100 ms", p99 <= 100)


def commits(one):
    """The transactions in the write-ahead log of SQLite: frames that say how large the database is after them (file format, §4.1)."""
    file = next(os.path.join(one.dir, f) for f in os.listdir(one.dir) if f.endswith("-wal"))
    with open(file, "rb") as f:
        log = f.read()
    size, salt = int.from_bytes(log[8:12], "big"), log[16:24]
    heads = (log[at:at + 24] for at in range(32, len(log) - 23, size + 24))
    return salt, sum(head[8:16] == salt and head[4:8] != bytes(4) for head in heads)


def writes(one):
    """Transactions while keys are asked for: nothing is written for one request alone."""
    # the log is begun anew when it was taken over; soon after that it lasts for the while
    salt = commits(one)[0]
    while commits(one)[0] == salt and os.path.getsize(os.path.join(one.dir, next(f for f in os.listdir(one.dir) if f.endswith("-wal")))) > 1_000_000:
        time.sleep(0.2)
    salt, idle = commits(one)
    time.sleep(11.5)
    (_, before), began = commits(one), time.perf_counter()
    idle = before - idle
    told = json.loads(tool("bench-load", "gate", one.address, one.file, "--scope", SCOPE, "--connections", CONNECTIONS, "--seconds", 10))
    time.sleep(1.5)
    again, after = commits(one)
    if again != salt:
        sys.exit("the log was begun anew meanwhile")
    count, seconds = after - before, time.perf_counter() - began
    row("G1.5", f"transactions while {told['count']:,} keys were judged", f"{(count - idle) / seconds:.2f} a second", f"{count} in {seconds:.0f} s, {idle} in as long of idleness", "≤ 1 a second", 0 < count - idle <= seconds + 1)


def losses(one):
    """What `kill -9` takes of the counts: keys are asked for, then the program is killed."""
    told = json.loads(tool("bench-load", "gate", one.address, one.file, "--scope", SCOPE, "--connections", CONNECTIONS, "--seconds", 5))
    one.process.kill()
    one.process.wait()
    kept = one.db.query("SELECT COALESCE(SUM(allowed), 0) FROM api_key_usage")[0][0] - one.counted
    lost = told["count"] - kept
    row("G1.5", "counts lost by kill -9", f"{lost:,} of {told['count']:,}", f"{told['count'] / 5:,.0f} a second", "those of ≤ 1 second", lost <= told["count"] / 5)


try:
    say(f"load average before: {os.getloadavg()}")
    sized = [Gatehouse(f"{count} keys", Sqlite).seed(count).serve() for count in SIZES]
    for one in sized:
        began = time.monotonic()
        while status(one.process.pid, "VmRSS") != (now := (time.sleep(2), status(one.process.pid, "VmRSS"))[1]) and time.monotonic() - began < 60:
            pass
    file = sized[1].file
    hello = Bare("hello", lambda where: [os.path.join(BUILT, "floor-hello"), f"127.0.0.1:{where}"], "/", file)
    others, proxied = [], []
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        ready, is_ready = "location = /ready { return 204; }", lambda where: f"http://127.0.0.1:{where}/ready"
        keys = "map $http_x_api_key $known { default 0;\n" + "".join(f'"{k}" 1;\n' for k in sized[1].keys) + "}"
        others.append(Bare("nginx map", nginx("map", ready + "location / { if ($known = 0) { return 401; } return 200; }", keys), "/", file, ready=is_ready))
        for gate in (sized[1], hello):
            upstream = f"upstream gate {{ server {gate.address}; keepalive 64; keepalive_requests 100000000; }}"
            server = (ready + "location / { auth_request /gate; empty_gif; } location = /gate { internal; proxy_pass http://gate" + ("/empty" if gate is hello else gate.path) +
                      "; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_pass_request_body off; proxy_set_header Content-Length ''; }")
            proxied.append(Bare(f"auth_request to {gate.label}", nginx(f"auth-{len(proxied)}", server, upstream), "/", file, ready=is_ready))
            proxied[-1].pids.append(gate.process.pid)
    else:
        say("nginx is not installed: it is left out")
    if os.path.isdir(f"{PEERS}/node_modules/better-auth"):
        for kind in ("memory", "SQLite"):
            theirs = os.path.join(DIR, f"better-auth-{kind}.keys")
            program = lambda where: ["node", f"{HERE}/peers/better_auth.mjs", PEERS, kind, str(where), theirs]
            others.append(Bare(f"better-auth ({kind})", program, "/", theirs, PEER_ASKED))
    section("verdicts", lambda: verdicts(sized, hello, others, proxied))
    section("memory", lambda: memory(sized))
    section("writes", lambda: writes(sized[0]))
    sized[0].counted = sized[0].db.query("SELECT COALESCE(SUM(allowed), 0) FROM api_key_usage")[0][0]
    section("losses", lambda: losses(sized[0]))
    section("starts", lambda: starts(sized[-1]))
    here = Gatehouse("here", Postgres).serve()
    there = Gatehouse("there", Postgres, here).serve()
    section("revocations", lambda: revocations(here, there))
    write(("<!-- keys results -->", "<!-- end of keys results -->"))
finally:
    end()
