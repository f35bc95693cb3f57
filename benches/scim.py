#!/usr/bin/env python3
"""Measures the performance goals of directory provisioning (SCIM), G2.1 to G2.5: interleaved rounds (A B C A B C …) of one run,
medians of them. Use: scim.py TARGET/release [--quick] [--write]; PEERS names the folder with the peers' modules. See scripts/bench."""
import json, os, subprocess, sys, time
from urllib.parse import quote

from harness import *

CREATES, ALONE, LOOKS, PAGES, PATCHES = (300, 60, 200, 10, 40) if QUICK else (1000, 150, 400, 30, 100)
PEER_CREATES, PEER_PAGES, PEER_PATCHES = (60, 3, 3) if QUICK else (200, 5, 5)
PEER_USERS, PEER_MEMBERS = (1_000, 2_000) if QUICK else (2_000, 10_000)
SMALL, SIZES = 1_000, (10_000, 100_000) if QUICK else (10_000, 100_000, 1_000_000)
LARGEST = SIZES[-1]
MEMBERS = (10, 20_000 if QUICK else 100_000)
SYNC_USERS, SYNC_GROUPS, SYNC_MEMBERS, SYNC_PATCH = (1_000, 10, 200, 100) if QUICK else (10_000, 100, 1_000, 100)
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def written(file, lines):
    with open(file, "w") as f:
        f.write("\n".join("\t".join(line) for line in lines) + "\n")
    return file


def user(name):
    return json.dumps({"schemas": [SCHEMA + "User"], "userName": name, "externalId": f"ext-{name}", "active": True,
                       "name": {"givenName": "Ada", "familyName": "Lovelace"}, "emails": [{"value": name, "type": "work", "primary": True}]})


def members(op, ids):
    return json.dumps({"schemas": [PATCH], "Operations": [{"op": op, "path": "members", "value": [{"value": i} for i in ids]}]})


def leaves(one):
    return json.dumps({"schemas": [PATCH], "Operations": [{"op": "remove", "path": f'members[value eq "{one}"]'}]})


class Server:
    """Something that speaks SCIM. `base` is the path of its resources."""

    def calls(self, name, lines, connections=64, good=("200", "201", "204"), locations=None):
        file = written(os.path.join(DIR, f"{self.label}-{name}.calls"), lines)
        more = ["--locations", locations] if locations else []
        told = json.loads(tool("bench-load", "calls", self.address, file, "--token", self.token, "--connections", connections, *more))
        if set(told["statuses"]) - set(good):
            sys.exit(f"{self.label} {name}: {told['statuses']}")
        return told

    def case(self, name, lines, connections):
        """lines: round → requests."""
        def case(n):
            asked = lines(n)
            used, rate, _ = measured(self.pids, len(asked), lambda: self.calls(name, asked, connections))
            return used, rate
        return case

    def made(self, what, bodies):
        """Makes resources and gives their ids."""
        file = os.path.join(DIR, f"{self.label}.locations")
        self.calls("seed", [("POST", f"{self.base}/{what}", body) for body in bodies], 4, locations=file)
        with open(file) as f:
            return [line.strip() for line in f]


class Gatehouse(Server):
    base = "/scim/v2"

    def __init__(self, label, kind):
        self.label, self.dir = label, os.path.join(DIR, label)
        os.makedirs(self.dir)
        self.db, where = kind(self.dir), port()
        self.address = f"127.0.0.1:{where}"
        self.env = {"GATEHOUSE_DATA_DIR": self.dir, "GATEHOUSE_LISTEN": self.address, "GATEHOUSE_LOG": "error",
                    "GATEHOUSE_DATABASE_URL": self.db.url, "GATEHOUSE_SCIM_REQUESTS_PER_MINUTE": "100000000"}
        self.command("admin", "create-owner", "--workspace", "Bench", "--email", "owner@bench.example", "--password-stdin",
                     input="a long password for a bench\n")
        self.serve()
        owner = self.command("admin", "token", "--workspace", "Bench", "--email", "owner@bench.example")
        scopes = ["users:read", "users:write", "groups:read", "groups:write"]
        request = urllib.request.Request(f"http://{self.address}/api/v1/scim/tokens", data=json.dumps({"name": "Bench", "scopes": scopes}).encode(),
                                         headers={"Authorization": f"Bearer {owner}", "Content-Type": "application/json"})
        self.token = json.load(urllib.request.urlopen(request))["plainValue"]
        self.get("/Users")  # the owner has an entry afterwards

    command = lambda self, *arguments, **options: subprocess.run(
        [os.path.join(BUILT, "gatehouse"), *arguments], env={**CLEAN, **self.env}, text=True, capture_output=True, check=True, **options).stdout.strip()

    def serve(self):
        self.process, self.ready = start([os.path.join(BUILT, "gatehouse"), "serve"], f"http://{self.address}/readyz", self.env)
        self.pids = [self.process.pid, *self.db.pids]

    def get(self, path):
        request = urllib.request.Request(f"http://{self.address}{self.base}{path}", headers={"Authorization": f"Bearer {self.token}"})
        return json.load(urllib.request.urlopen(request))

    def seed(self, count):
        """People straight into the tables, as a provider would have made them, without accounts."""
        began = time.monotonic()
        stop(self.process)
        sqlite = self.db.name == "SQLite"
        workspace = self.db.query("SELECT id FROM workspaces")[0][0]
        series = (f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) " if sqlite
                  else f"WITH n AS (SELECT i FROM generate_series(1, {count}) AS i) ")
        ident = "'scu_' || printf('%032x', i)" if sqlite else "'scu_' || lpad(to_hex(i), 32, '0')"
        name, yes, no = "'user' || i || '@bench.example'", "1" if sqlite else "true", "0" if sqlite else "false"
        attributes = (f"'{{\"userName\":\"' || {name} || '\",\"externalId\":\"ext-' || i || '\",\"name\":{{\"givenName\":\"Ada\",\"familyName\":\"Lovelace\"}},"
                      f"\"emails\":[{{\"value\":\"' || {name} || '\",\"type\":\"work\",\"primary\":true}}]}}'")
        search = (f"'{{\"username\":\"' || {name} || '\",\"externalid\":\"ext-' || i || '\",\"emails\":[{{\"value\":\"' || {name} || "
                  f"'\",\"type\":\"work\",\"primary\":\"true\"}}],\"emails^\":\"' || {name} || '\"}}'")
        columns = ("id, workspace_id, user_id, user_name, user_name_key, external_id, display, display_key, active, is_adopted, attributes, "
                   "search, version, created_at, updated_at")
        with_head = lambda insert, select: series + insert + select if sqlite else insert + series + select
        self.db.query(with_head(f"INSERT INTO scim_users ({columns}) ", f"SELECT {ident}, '{workspace}', NULL, {name}, {name}, 'ext-' || i, "
                      f"'Ada Lovelace', 'ada lovelace', {yes}, {no}, {attributes}, {search}, 1, 1790000000000000 + i, 1790000000000000 + i FROM n"))
        self.db.query(with_head("INSERT INTO scim_emails (entry_id, value_key, workspace_id) ", f"SELECT {ident}, {name}, '{workspace}' FROM n"))
        self.db.query("DELETE FROM scim_blocks WHERE kind = 'user'")
        self.db.query("DELETE FROM scim_moves WHERE kind = 'user'")
        self.db.query(f"INSERT INTO scim_blocks (workspace_id, kind, first_id, entries, settled) SELECT '{workspace}', 'user', '', COUNT(*), 0 FROM scim_users")
        if not sqlite:
            self.db.query("ANALYZE")
        self.count = count
        self.serve()
        # one block is all there is; who looks far into it has it split
        while int(self.db.query("SELECT MAX(entries) FROM scim_blocks WHERE kind = 'user'")[0][0]) > 1_024:
            self.get(f"/Users?startIndex={count}&count=1")
            time.sleep(0.2)
        say(f"{self.label}: {count} people in {time.monotonic() - began:.0f} s")
        return self

    def id(self, n):
        return f"scu_{n:032x}"


class Scim2Server(Server):
    label, base, token = "scim2-server", "/v2", "x"

    def __init__(self):
        where = port()
        self.address = f"127.0.0.1:{where}"
        self.process, _ = start([f"{PEERS}/python/bin/scim2-server", "--port", str(where)], f"http://{self.address}/v2/ServiceProviderConfig")
        self.pids = [self.process.pid]


class Scimmy(Server):
    label, base, token = "scimmy", "", "x"

    def __init__(self):
        where = port()
        self.address = f"127.0.0.1:{where}"
        self.process, _ = start(["node", f"{HERE}/peers/scimmy.mjs", PEERS, str(where)], f"http://{self.address}/readyz")
        self.pids = [self.process.pid]


def peers():
    found = []
    if os.path.exists(f"{PEERS}/python/bin/scim2-server"):
        found.append(Scim2Server())
    if os.path.isdir(f"{PEERS}/node_modules/scimmy-routers"):
        found.append(Scimmy())
    return found


def flushes():
    """How often a second this disk has a page written to the end of a file on it."""
    file = os.open(os.path.join(DIR, "flushes"), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    began = time.perf_counter()
    for _ in range(200):
        os.write(file, b"x" * 4096)
        os.fdatasync(file)
    rate = 200 / (time.perf_counter() - began)
    os.close(file)
    return rate


def floor(kind, url):
    """Durable transactions of one row, 64 together."""
    def case(_):
        before = cpu(*kind.pids)
        seconds = float(tool("floor-commit", url, CREATES, 1, 64, core=0))
        return (cpu(*kind.pids) - before) / 1000 / CREATES, CREATES / seconds
    return case


def creates(servers, others):
    cases = {}
    for one in servers + others:
        count = CREATES if one in servers else PEER_CREATES
        new = lambda n, what, count, one=one: [("POST", f"{one.base}/Users", user(f"{what}{n}x{i}@bench.example")) for i in range(count)]
        one.calls("warm", new(99, "w", 50))
        cases[one.label] = one.case("create", lambda n, new=new, count=count: new(n, "c", count), 64)
        if one in servers:
            cases[f"{one.label}, alone"] = one.case("alone", lambda n, new=new: new(n, "a", ALONE), 1)
            os.makedirs(os.path.join(DIR, f"floor-{one.label}"))
            other = type(one.db)(os.path.join(DIR, f"floor-{one.label}"))
            url = other.url if one.db.name == "PostgreSQL" else f"sqlite:{DIR}/floor-{one.label}/f.sqlite"
            cases[f"{one.label}, floor"] = floor(other, url)
    cases["flushes"] = lambda n: (0.0, flushes())
    figures = interleaved("creates", cases)
    for one in servers:
        (used, rate), name = figures[one.label], one.db.name
        bare = figures[f"{one.label}, floor"][1]
        row("G2.1", f"durable creates, 64 connections, {name}", f"{used:.0f} µs CPU, {rate:.0f} a second", f"{rate / bare:.2f} × the floor: {bare:.0f} bare rows a second",
            "≥ 4000 a second, ≥ 0.5 × the floor", rate >= 4000 and rate >= bare / 2)
        alone, disk = figures[f"{one.label}, alone"][1], figures["flushes"][1]
        row("G2.1", f"durable creates, one connection, {name}", f"{alone:.0f} a second", f"{alone / disk:.2f} × {disk:.0f} flushes a second", "≥ 0.8 ×", alone >= 0.8 * disk)
        for other in others:
            ratio = figures[other.label][0] / used
            bound = 6 if other.label == "scim2-server" else None
            row("G2.1", f"durable creates, {name}", f"{ratio:.1f} × less CPU", f"{other.label} (in memory): {figures[other.label][0]:.0f} µs",
                f"≥ {bound} ×" if bound else "", ratio >= bound if bound else None)


def filters(base, names):
    return lambda n: [("GET", f"{base}/Users?filter={quote(text)}") for text in names(n)]


def looks(small, large, others):
    wanted = {"userName": lambda s, i: f'userName eq "user{i}@bench.example"', "externalId": lambda s, i: f'externalId eq "ext-{i}"',
              "emails.value": lambda s, i: f'emails.value eq "user{i}@bench.example"', "id": lambda s, i: f'id eq "{s.id(i)}"'}
    cases = {}
    for one in small + large:
        for name, text in wanted.items():
            names = lambda n, one=one, text=text: [text(one, 1 + (i * 7919 + n * 104729) % one.count) for i in range(LOOKS)]
            cases[f"{one.label} {name}"] = one.case(f"look-{name}", filters(one.base, names), 8)
        starts = lambda n, one=one: [f'userName sw "user{10_000 + (i * 7919) % 80_000}"' for i in range(LOOKS)]
        if one in large:
            cases[f"{one.label} sw"] = one.case("look-sw", filters(one.base, starts), 8)
    for other in others:
        names = lambda n: [f'userName eq "p{(i * 7) % PEER_USERS}@bench.example"' for i in range(PEER_PAGES * 4)]
        cases[other.label] = other.case("look", filters(other.base, names), 8)
    figures = interleaved("looks", cases)
    for few, many in zip(small, large):
        for name in wanted:
            less, used = figures[f"{few.label} {name}"][0], figures[f"{many.label} {name}"][0]
            row("G2.2", f"{name} eq, {few.db.name}", f"{used / less:.2f} × at {many.count:,} people", f"{less:.0f} µs at {few.count:,}",
                "≤ 1.5 ×", used <= 1.5 * less)
        used, begins = figures[f"{many.label} userName"][0], figures[f"{many.label} sw"][0]
        row("G2.2", f"userName eq at {many.count:,} people, {few.db.name}", f"{used:.0f} µs CPU", "", "≤ 40 µs", used <= 40)
        row("G2.2", f"userName sw (ten found) at {many.count:,} people, {few.db.name}", f"{begins:.0f} µs CPU", f"{begins / used:.1f} × userName eq", "", None)
        for other in others:
            ratio = figures[other.label][0] / used
            row("G2.2", f"userName eq, {few.db.name}", f"{ratio:.0f} × less CPU", f"{other.label} at {PEER_USERS} people: {figures[other.label][0]:.0f} µs",
                "≥ 20 ×" if other.label == "scim2-server" else "", ratio >= 20 if other.label == "scim2-server" else None)


def pages(servers, others):
    cases = {}
    page = lambda one, start, count: lambda n: [("GET", f"{one.base}/Users?startIndex={start}&count=100")] * count
    for one in servers:
        cases[f"{one.label} first"] = one.case("first", page(one, 1, PAGES), 4)
        cases[f"{one.label} last"] = one.case("last", page(one, one.count - 99, PAGES), 4)
        cases[f"{one.label} middle"] = one.case("middle", page(one, one.count // 2 + 777, PAGES), 4)
    for other in others:
        cases[other.label] = other.case("page", page(other, PEER_USERS - 99, PEER_PAGES), 1)
    figures = interleaved("pages", cases)
    for one in servers:
        (first, _), (last, _), (middle, _) = (figures[f"{one.label} {w}"] for w in ("first", "last", "middle"))
        row("G2.3", f"100 people at the end of {one.count:,}, {one.db.name}", f"{last / first:.2f} × (in the middle {middle / first:.2f} ×)",
            f"the first 100: {first:.0f} µs CPU", "≤ 1.3 ×", max(last, middle) <= 1.3 * first)
        for other in others:
            ratio = figures[other.label][0] / last
            row("G2.3", f"100 people at the end of {one.count:,}, {one.db.name}", f"{ratio:.0f} × less CPU",
                f"{other.label} at {PEER_USERS} people: {figures[other.label][0]:.0f} µs", "≥ 200 ×" if other.label == "scim2-server" else "",
                ratio >= 200 if other.label == "scim2-server" else None)


def walk(servers):
    """All people in pages of 1000, and the most memory that this takes."""
    for one in servers:
        pid = one.process.pid
        with open(f"/proc/{pid}/clear_refs", "w") as f:
            f.write("5")
        asked = [("GET", f"{one.base}/Users?startIndex={start}&count=1000") for start in range(1, one.count, 1000)]
        used, rate, told = measured(one.pids, len(asked), lambda: one.calls("walk", asked, 1))
        peak = status(pid, "VmHWM")
        row("G2.3", f"all {one.count:,} people in pages of 1000, {one.db.name}", f"{told['seconds']:.0f} s, at most {peak:.0f} MB", f"{told['bytes'] / 1e6:.0f} MB of answers",
            "< 100 MB", peak < 100)


def groups(servers, others):
    cases = {}
    for one in servers:
        for count in MEMBERS:
            group = one.made("Groups", [json.dumps({"schemas": [SCHEMA + "Group"], "displayName": f"Group of {count}"})])[0]
            ids = [one.id(i + 1) for i in range(count)]
            one.calls("fill", [("PATCH", f"{one.base}/Groups/{group}", members("add", ids[at:at + 5000])) for at in range(0, count, 5000)], 1)
            alone = one.id(one.count)
            both = [("PATCH", f"{one.base}/Groups/{group}", body) for body in (members("add", [alone]), leaves(alone))]
            cases[f"{one.label} {count}"] = one.case("patch", lambda n, both=both: both * (PATCHES // 2), 1)
    for other in others:
        ids = [f"made-{i}" for i in range(PEER_MEMBERS)]
        body = json.dumps({"schemas": [SCHEMA + "Group"], "displayName": "All", "members": [{"value": i} for i in ids]})
        other.made("Groups", [body])
        request = urllib.request.Request(f"http://{other.address}{other.base}/Groups", headers={"Authorization": "Bearer x"})
        group = json.load(urllib.request.urlopen(request))["Resources"][0]["id"]
        both = [("PATCH", f"{other.base}/Groups/{group}", text) for text in (members("add", ["made-x"]), leaves("made-x"))]
        cases[other.label] = other.case("patch", lambda n, both=both: both * (PEER_PATCHES // 2 + 1), 1)
    figures = interleaved("groups", cases)
    for one in servers:
        few, many = (figures[f"{one.label} {count}"][0] for count in MEMBERS)
        row("G2.4", f"one member joins or leaves, group of {MEMBERS[1]:,}, {one.db.name}", f"{many / few:.2f} ×", f"group of {MEMBERS[0]}: {few:.0f} µs CPU", "≤ 1.2 ×", many <= 1.2 * few)
        for other in others:
            ratio = figures[other.label][0] / many
            row("G2.4", f"one member joins or leaves, {one.db.name}", f"{ratio:.0f} × less CPU", f"{other.label}, group of {PEER_MEMBERS:,}: {figures[other.label][0]:.0f} µs",
                "≥ 300 ×", ratio >= 300)


def sync(kinds):
    """The first synchronisation as Entra ID does it: look for each person, make them, make the groups, add members by the hundred."""
    for kind in kinds:
        one = Gatehouse(f"sync-{kind.name.lower()}", kind)
        names = [f"s{i}@bench.example" for i in range(SYNC_USERS)]
        lines = []
        for name in names:
            lines.append(("GET", f"{one.base}/Users?filter={quote(f'userName eq {json.dumps(name)}')}"))
            lines.append(("POST", f"{one.base}/Users", user(name)))
        file, began = os.path.join(DIR, f"{one.label}.ids"), cpu(*one.pids)
        seconds = one.calls("people", lines, 8, locations=file)["seconds"]
        with open(file) as f:
            ids = [line.strip() for line in f if line.strip()]
        lines = [("POST", f"{one.base}/Groups", json.dumps({"schemas": [SCHEMA + "Group"], "displayName": f"Group {n}"})) for n in range(SYNC_GROUPS)]
        seconds += one.calls("groups", lines, 8, locations=file)["seconds"]
        with open(file) as f:
            made = [line.strip() for line in f if line.strip()]
        lines = []
        for at in range(0, SYNC_MEMBERS, SYNC_PATCH):
            for n, group in enumerate(made):
                some = [ids[(n * 97 + at + i) % len(ids)] for i in range(SYNC_PATCH)]
                lines.append(("PATCH", f"{one.base}/Groups/{group}", members("Add", some)))
        seconds += one.calls("members", lines, 8)["seconds"]
        used, memory = (cpu(*one.pids) - began) / 1e9, status(one.process.pid, "VmRSS")
        row("G2.5", f"first synchronisation: {SYNC_USERS:,} people, {SYNC_GROUPS} groups of {SYNC_MEMBERS:,}, {kind.name}", f"{seconds:.1f} s, {memory:.0f} MB after",
            f"{used:.1f} s CPU, database included", "≤ 15 s, ≤ 100 MB", seconds <= 15 and memory <= 100)
        stop(one.process)


try:
    say(f"load average before: {os.getloadavg()}")
    kinds = [Sqlite, Postgres]
    others = peers()
    for other in others:
        other.made("Users", [user(f"p{i}@bench.example") for i in range(PEER_USERS)])
    fresh = [Gatehouse(f"create-{kind.name.lower()}", kind) for kind in kinds]
    section("creates", lambda: creates(fresh, others))
    for one in fresh:
        stop(one.process)
    section("first synchronisation", lambda: sync(kinds))
    sized = {count: [Gatehouse(f"{kind.name.lower()}-{count}", kind).seed(count) for kind in kinds] for count in (SMALL, *SIZES)}
    section("looks", lambda: looks(sized[SMALL], sized[LARGEST], others))
    section("pages", lambda: pages([one for count in SIZES for one in sized[count]], others))
    section("groups", lambda: groups(sized[LARGEST], others))
    section("walk", lambda: walk(sized[LARGEST]))
    write(("<!-- scim results -->", "<!-- end of scim results -->"))
finally:
    end()
