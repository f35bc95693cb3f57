#!/usr/bin/env python3
"""Measures the performance goals of single sign-on and of the program itself: every figure is taken in interleaved rounds
(A B C A B C …) of one run, medians of them. Use: run.py TARGET/release [--quick] [--write]; PEERS names the folder with the
peers' modules. See scripts/bench."""
import json, os, subprocess, sys, time, urllib.request

from harness import *

LOGINS, FLOWS, HOSTILE = (600, 100, 20) if QUICK else (1500, 300, 16)
PEER_LOGINS, PEER_FLOWS = (40, 20) if QUICK else (120, 50)
ISSUER = "https://idp.bench.example/metadata"
PROVIDER, OTHER = os.path.join(DIR, "provider"), os.path.join(DIR, "other")
HOSTILES = {"bad-signature": "one changed byte", "megabyte": "1 MB of elements", "bomb": "entity bomb",
            "attributes": "10 000 attributes", "nesting": "10 000 levels"}


# the product

class Gatehouse:
    """A server with a connection to the bench's provider, ready to be signed in at."""

    def __init__(self, label, kind, connections=10, fallback=False):
        self.label, self.dir = label, os.path.join(DIR, label)
        os.makedirs(self.dir)
        self.db, self.port = kind(self.dir), port()
        self.address = f"127.0.0.1:{self.port}"
        self.env = {"GATEHOUSE_DATA_DIR": self.dir, "GATEHOUSE_LISTEN": self.address, "GATEHOUSE_LOG": "error",
                    "GATEHOUSE_TRUSTED_PROXIES": "127.0.0.1/32", "GATEHOUSE_REQUIRE_DOMAIN": "false",
                    "GATEHOUSE_DATABASE_URL": self.db.url}
        self.command("admin", "create-owner", "--workspace", "Bench", "--email", "owner@bench.example", "--password-stdin",
                     input="a long password for a bench\n")
        self.serve()
        self.token = self.command("admin", "token", "--workspace", "Bench", "--email", "owner@bench.example")
        with open(os.path.join(PROVIDER, "idp.crt")) as f:
            saml = {"entityId": ISSUER, "ssoUrl": "https://idp.bench.example/sso", "certificate": f.read()}
        made = self.call("POST", "/sso/connections", {"name": "Bench", "protocol": "saml", "provider": "other", "jitProvisioning": True,
                                                      "defaultRole": "member", "samlConfig": saml})
        self.id = made["id"]
        self.call("POST", f"/sso/connections/{self.id}/domains", {"domain": "bench.example"})
        self.call("POST", f"/sso/connections/{self.id}/test")
        self.call("POST", f"/sso/connections/{self.id}/activate")
        stop(self.process)
        self.db.query("UPDATE sso_domains SET status = 'verified', verified_at = created_at")
        if fallback:
            self.another_certificate()
        self.more_connections(connections - 1)
        self.serve()
        self.acs = f"http://{self.address}/saml/acs/{self.id}/idp"
        self.path = f"/saml/acs/{self.id}/idp"
        self.audience = f"http://{self.address}/saml/metadata"
        self.sent = 0

    def command(self, *arguments, **options):
        done = subprocess.run([os.path.join(BUILT, "gatehouse"), *arguments], env={**CLEAN, **self.env}, text=True, capture_output=True, **options)
        if done.returncode:
            sys.exit(f"gatehouse {arguments}: {done.stderr}")
        return done.stdout.strip()

    def serve(self):
        self.process, self.ready = start([os.path.join(BUILT, "gatehouse"), "serve"], f"http://{self.address}/readyz", self.env)
        self.pids = [self.process.pid, *self.db.pids]

    def call(self, method, path, body=None):
        request = urllib.request.Request(f"http://{self.address}/api/v1{path}", method=method, data=json.dumps(body).encode() if body else None,
                                         headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path}: {error.read().decode()}")

    def copy(self, table, where, changes, source="", before=""):
        columns = self.db.columns(table)
        values = ", ".join(changes.get(c, f"t.{c}") for c in columns)
        self.db.query(f"{before} INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} t{source} WHERE {where}")

    def another_certificate(self):
        """Another certificate stands before the provider's: each login needs the fallback."""
        with open(os.path.join(OTHER, "idp.crt")) as f:
            pem = f.read()
        self.db.query("UPDATE sso_certificates SET position = 1")
        self.copy("sso_certificates", "position = 1", {"position": "0", "pem": f"'{pem}'", "fingerprint": "'another'"})

    def more_connections(self, count):
        if count < 1:
            return
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        other = lambda column: f"SUBSTR(t.{column}, 1, LENGTH(t.{column}) - 6) || CAST(100000 + i AS TEXT)"
        mine = f"t.{{}} = '{self.id}'"
        config = "REPLACE(t.config, 'https://idp.bench.example', 'https://idp' || CAST(i AS TEXT) || '.bench.example')"
        self.copy("sso_connections", mine.format("id"), {"id": other("id"), "name": "t.name || CAST(i AS TEXT)",
                  "name_key": "t.name_key || CAST(i AS TEXT)", "config": config}, ", n", numbers)
        certificates = {"connection_id": other("connection_id")}
        if "id" in self.db.columns("sso_certificates"):
            certificates["id"] = other("id")
        self.copy("sso_certificates", mine.format("connection_id"), certificates, ", n", numbers)

    def make(self, count, what="login"):
        out = os.path.join(self.dir, f"{what}.bodies")
        tool("bench-load", "make", PROVIDER, ISSUER, self.acs, self.audience, out, "--count", count, "--what", what)
        return out

    def send(self, file, count, skip, connections=64, path=None):
        return send(self.address, path or self.path, file, count, skip, connections)

    def flow(self, count):
        return tool("bench-load", "flow", "gatehouse", self.address, f"/sso/{self.id}/start", PROVIDER, ISSUER, self.audience, "--count", count)


def send(address, path, file, count, skip, connections=64):
    return json.loads(tool("bench-load", "send", address, path, file, "--count", count, "--skip", skip, "--connections", connections))


class Jackson:
    def __init__(self, label, engine, connections=10):
        self.label, self.port, self.engine = label, port(), engine
        self.address, self.path = f"127.0.0.1:{self.port}", "/acs"
        self.process, self.ready = start(["node", f"{HERE}/peers/jackson.mjs", PEERS, str(self.port), engine, f"{PROVIDER}/idp.xml",
                                          os.path.join(DIR, f"{label}.db")], f"http://{self.address}/readyz", {"CONNECTIONS": str(connections)})
        self.pids, self.acs, self.audience = [self.process.pid], f"http://{self.address}/acs", f"http://{self.address}/audience"
        self.dir = os.path.join(DIR, label)
        os.makedirs(self.dir)

    make, send = Gatehouse.make, Gatehouse.send

    def flow(self, count):
        # one at a time: its SQLite engine loses savepoints of transactions that overlap, and codes with them
        return tool("bench-load", "flow", "jackson", self.address, "/authorize", PROVIDER, ISSUER, self.audience, "--count", count,
                    "--connections", 1)


def login_case(server, file, count):
    def case(n):
        used, rate, result = measured(server.pids, count, lambda: server.send(file, count, 1000 + n * count))
        if result["statuses"] != {"303": count}:
            sys.exit(f"{server.label}: not every login was good: {result['statuses']}")
        return used, rate
    return case


def logins():
    servers = [Gatehouse("sqlite", Sqlite), Gatehouse("postgres", Postgres)]
    special = [Gatehouse("sqlite-fallback", Sqlite, fallback=True), Gatehouse("sqlite-many", Sqlite, connections=10_000),
               Gatehouse("postgres-fallback", Postgres, fallback=True), Gatehouse("postgres-many", Postgres, connections=10_000)]
    peers = [Jackson("jackson-mem", "mem"), Jackson("jackson-sqlite", "sqlite")] if os.path.isdir(f"{PEERS}/node_modules/@boxyhq") else []
    hello_port = port()
    hello, _ = start([os.path.join(BUILT, "floor-hello"), f"127.0.0.1:{hello_port}"], f"http://127.0.0.1:{hello_port}/")
    cases, bodies = {}, {}
    for server in servers + special:
        bodies[server.label] = server.make(1000 + ROUNDS * LOGINS)
        server.send(bodies[server.label], 1000, 0)  # every person exists afterwards
        cases[server.label] = login_case(server, bodies[server.label], LOGINS)
    for peer in peers:
        file = bodies[peer.label] = peer.make(1000 + ROUNDS * PEER_LOGINS)
        peer.send(file, 30, 0)
        cases[peer.label] = login_case(peer, file, PEER_LOGINS)
    some = bodies["sqlite"]
    cases["hello"] = lambda n: measured([hello.pid], LOGINS, lambda: send(f"127.0.0.1:{hello_port}", "/", some, LOGINS, 0))[:2]
    figures = interleaved("logins", cases)
    floor = figures["hello"][0] + float(tool("floor-verify", 20000, core=0))
    for server in servers:
        used, rate = figures[server.label]
        name = server.db.name
        row("G3.1", f"durable login, {name}", f"{used:.0f} µs CPU, {rate:.0f} a second", f"{used / floor:.1f} × (hello + one RSA verification)",
            "≤ 330 µs, ≥ 3000 a second", used <= 330 and rate >= 3000)
        for peer, bound in zip(peers, (40, 100)):
            ratio = figures[peer.label][0] / used
            row("G3.1", f"durable login, {name}", f"{ratio:.0f} × less CPU", f"{peer.label}: {figures[peer.label][0]:.0f} µs", f"≥ {bound} ×", ratio >= bound)
        for label, bound, what in (("fallback", 1.35, "second certificate"), ("many", 1.1, "10 000 connections")):
            ratio = figures[f"{server.label}-{label}"][0] / used
            row("G3.4", f"{what}, {name}", f"{ratio:.2f} × a login", "first certificate, 10 connections", f"≤ {bound} ×", ratio <= bound)
    stop(hello)
    for server in special:
        stop(server.process)
    return servers, peers, figures


def flows(servers, peers):
    # fresh ones of a single connection, as a peer would be run
    for peer in peers:
        stop(peer.process)
    peers = [Jackson(f"flow-{peer.engine}", peer.engine, connections=1) for peer in peers]
    cases = {}
    for one in servers + peers:
        count = FLOWS if isinstance(one, Gatehouse) else PEER_FLOWS
        one.flow(10)
        cases[one.label] = lambda n, one=one, count=count: measured(one.pids, count, lambda: one.flow(count))[:2]
    figures = interleaved("sign-ins begun here", cases)
    for server in servers:
        used, rate = figures[server.label]
        if not peers:
            row("G3.2", f"start and answer, {server.db.name}", f"{used:.0f} µs CPU", "", "", None)
        for peer, bound in zip(peers, (None, 60)):
            ratio = figures[peer.label][0] / used
            row("G3.2", f"start and answer, {server.db.name}", f"{used:.0f} µs CPU, {ratio:.0f} × less", f"{peer.label}: {figures[peer.label][0]:.0f} µs",
                f"≥ {bound} ×" if bound else "", ratio >= bound if bound else None)
    for peer in peers:
        stop(peer.process)


def hostile(servers):
    for server in servers:
        good = server.make(ROUNDS * HOSTILE * 4)
        files = {what: server.make(1, what) if what != "bad-signature" else server.make(ROUNDS * HOSTILE, what) for what in HOSTILES}
        for what, file in files.items():
            if what != "bad-signature":
                with open(file) as f:
                    line = f.read()
                with open(file, "w") as f:
                    f.write(line * HOSTILE)
        peak = {}

        def bad(what, n):
            skip = n * HOSTILE if what == "bad-signature" else 0
            pid = server.process.pid
            before = status(pid, "VmRSS")
            with open(f"/proc/{pid}/clear_refs", "w") as f:
                f.write("5")
            used, rate, result = measured(server.pids, HOSTILE, lambda: server.send(files[what], HOSTILE, skip, connections=1))
            if set(result["statuses"]) - {"401", "400", "403"}:
                sys.exit(f"{what}: answered {result['statuses']}")
            peak.setdefault(what, []).append(status(pid, "VmHWM") - before)
            return used, rate

        cases = {"good": lambda n: measured(server.pids, HOSTILE * 4, lambda: server.send(good, HOSTILE * 4, n * HOSTILE * 4, connections=1))[:2]}
        for what in HOSTILES:
            cases[what] = lambda n, what=what: bad(what, n)
        figures = interleaved(f"hostile, {server.db.name}", cases, ROUNDS)
        for what, name in HOSTILES.items():
            ratio, memory = figures[what][0] / figures["good"][0], max(peak[what])
            row("G3.5", f"{name}, {server.db.name}", f"{ratio:.2f} × a login, {memory:+.1f} MB at the peak", f"login, one at a time: {figures['good'][0]:.0f} µs",
                "≤ 2 ×, ≤ 8 MB", ratio <= 2 and memory <= 8)


def alone():
    acs, audience, count = "http://sp.bench.example/acs", "http://sp.bench.example/metadata", 100 if QUICK else 400
    file = os.path.join(DIR, "alone.bodies")
    tool("bench-load", "make", PROVIDER, ISSUER, acs, audience, file, "--count", count)
    common = [ISSUER, acs, audience]
    value = lambda text: (float(text.split()[-1]), 0.0)
    cases = {"gatehouse": lambda n: value(tool("bench-load", "alone", PROVIDER, file, *common, "--rounds", 5, core=0)),
             "floor": lambda n: value(tool("floor-verify", 5000, core=0))}
    if os.path.isdir(f"{PEERS}/node_modules/@node-saml"):
        cases["node-saml"] = lambda n: value(run("node", f"{HERE}/peers/node_saml.mjs", PEERS, file, f"{PROVIDER}/idp.crt", *common, core=0))
    python = f"{PEERS}/python/bin/python"
    if os.path.exists(python) and subprocess.run([python, "-c", "import onelogin.saml2.response"], capture_output=True).returncode == 0:
        cases["python3-saml"] = lambda n: value(run(python, f"{HERE}/peers/python3_saml.py", file, f"{PROVIDER}/idp.crt", *common, core=0))
    figures = interleaved("validation alone", cases)
    ours = figures["gatehouse"][0]
    row("G3.3", "validation alone", f"{ours:.0f} µs", f"{ours / figures['floor'][0]:.1f} × one RSA verification", "", None)
    for peer, bound in (("python3-saml", 15), ("node-saml", 40)):
        if peer in figures:
            row("G3.3", "validation alone", f"{figures[peer][0] / ours:.0f} × less CPU", f"{peer}: {figures[peer][0]:.0f} µs", f"≥ {bound} ×",
                figures[peer][0] / ours >= bound)


def commits():
    count = 2000 if QUICK else 8000
    for kind in (Sqlite, Postgres):
        os.makedirs(os.path.join(DIR, f"floor-{kind.name}"), exist_ok=True)
        db = kind(os.path.join(DIR, f"floor-{kind.name.lower()}"))
        url = db.url if kind is Postgres else f"sqlite:{DIR}/floor-{kind.name}/f.sqlite"
        rates = [count / float(tool("floor-commit", url, count, core=0)) for _ in range(3)]
        row("floor", f"three durable inserts, 16 together, {kind.name}", f"{median(rates):.0f} a second", "", "", None)


def size(peers):
    binary = os.path.getsize(os.path.join(BUILT, "gatehouse")) / 1e6
    row("G5.1", "binary", f"{binary:.1f} MB", "", "≤ 25 MB", binary <= 25)
    idle = Gatehouse("idle", Sqlite)
    starts, resident = [], []
    for _ in range(ROUNDS):
        stop(idle.process)
        idle.serve()
        starts.append(idle.ready)
        time.sleep(2)
        resident.append(status(idle.process.pid, "VmRSS"))
    stop(idle.process)
    ready, memory = median(starts), median(resident)
    row("G5.1", "start to ready", f"{ready:.0f} ms", "", "≤ 80 ms", ready <= 80)
    row("G5.1", "memory when idle, 10 connections", f"{memory:.1f} MB", "", "≤ 28 MB", memory <= 28)
    if peers:
        for peer in peers:
            stop(peer.process)
        other = [Jackson(f"idle-{n}", "sqlite") for n in range(2)]
        time.sleep(3)
        theirs, start = median([status(p.process.pid, "VmRSS") for p in other]), median([p.ready for p in other])
        row("G5.1", "memory when idle", f"1/{theirs / memory:.1f}", f"jackson-sqlite: {theirs:.0f} MB", "≤ 1/4", memory <= theirs / 4)
        row("G5.1", "start to ready", f"{start / ready:.0f} × sooner", f"jackson-sqlite: {start:.0f} ms", "≥ 18 ×", start / ready >= 18)


def replays(servers):
    """The last 1 000 sign-ins of the logins' bench, run against a draft."""
    for server in servers:
        server.token = server.command("admin", "token", "--workspace", "Bench", "--email", "owner@bench.example")
        server.db.query("DELETE FROM sso_attempts WHERE outcome <> 'success' OR id NOT IN (SELECT id FROM sso_attempts "
                        "WHERE outcome = 'success' ORDER BY at DESC, id DESC LIMIT 1000)")
        draft = server.call("POST", f"/sso/connections/{server.id}/drafts", {"defaultRole": "viewer"})["id"]
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            summary = server.call("POST", f"/sso/connections/{server.id}/drafts/{draft}/replay")["summary"]
            times.append(time.perf_counter() - began)
            if (summary["replayed"], summary["lockedOut"]) != (1000, 0):
                sys.exit(f"replay: {summary}")
        row("replay", f"1 000 recorded sign-ins against a draft, {server.db.name}", f"{median(times):.2f} s",
            f"of {summary['people']} people", "≤ 2 s", median(times) <= 2)


try:
    say(f"load average before: {os.getloadavg()}")
    tool("bench-load", "provider", PROVIDER, ISSUER)
    tool("bench-load", "provider", OTHER, ISSUER)
    alone()
    commits()
    servers, peers, _ = logins()
    try:
        flows(servers, peers)
    except SystemExit as failed:
        say(f"sign-ins begun here were not measured: {failed}")
    hostile(servers)
    replays(servers)
    for server in servers:
        stop(server.process)
    size(peers)
    write(("<!-- results -->", "<!-- end of results -->"))
finally:
    end()
