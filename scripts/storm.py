#!/usr/bin/env python3
"""storm.py GATEHOUSE ROUNDS DATABASE_URL: providers write as fast as they can, and the server is killed in the middle of it.

Each writer keeps people and a group of its own: it makes people, changes them, deletes them, adds and removes several members
by one PATCH, and does all of that in bulk. After each restart everything is read back and compared: what was answered 2xx is
there; what was not answered is there whole or not at all; a PATCH of several members took place for all of them or for none.
At the end the export of the audit log must prove itself. Exit 1 at the first thing that is wrong. Needs nothing but Python."""
import http.client, json, os, random, shutil, signal, socket, subprocess, sys, tempfile, threading, time

GATEHOUSE, ROUNDS, DATABASE = os.path.abspath(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
WRITERS = 6
# seconds of one storm
SHORTEST, LONGEST = 0.15, 1.2
PAGE = 1000
DIR = tempfile.mkdtemp(prefix="gatehouse-storm-")
SCOPES = ["users:read", "users:write", "groups:read", "groups:write"]
seed = int(os.environ.get("STORM_SEED", time.time()))
dice = random.Random(seed)


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


PORT = port()
ENV = {k: v for k, v in os.environ.items() if not k.startswith("GATEHOUSE_")}
ENV |= {"GATEHOUSE_DATABASE_URL": DATABASE, "GATEHOUSE_DATA_DIR": os.path.join(DIR, "data"), "GATEHOUSE_LOG": "error",
        "GATEHOUSE_LISTEN": f"127.0.0.1:{PORT}"}


class Wrong(Exception):
    pass


class NoAnswer(Exception):
    pass


class Client:
    def __init__(self, token, timeout=30):
        self.token, self.connection = token, http.client.HTTPConnection("127.0.0.1", PORT, timeout=timeout)

    def call(self, method, path, body=None):
        """The status and what came; NoAnswer when the whole answer did not come."""
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = self.connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as e:
            self.connection.close()
            raise NoAnswer from e
        is_json = answer.getheader("Content-Type", "").split(";")[0] in ("application/json", "application/scim+json")
        return answer.status, json.loads(data) if is_json and data else data


def command(*arguments, **options):
    done = subprocess.run([GATEHOUSE, *arguments], env=ENV, text=True, capture_output=True, **options)
    if done.returncode:
        raise Wrong(f"gatehouse {arguments}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def serve():
    log = open(os.path.join(DIR, "log"), "a")
    process = subprocess.Popen([GATEHOUSE, "serve"], env=ENV, stdout=log, stderr=log)
    began = time.monotonic()
    while True:
        try:
            with socket.create_connection(("127.0.0.1", PORT), 1) as s:
                s.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
                if b" 200 " in s.recv(100):
                    return process
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() - began > 120:
            raise Wrong("the server did not start: " + open(os.path.join(DIR, "log")).read()[-2000:])
        time.sleep(0.01)


class State:
    """What one writer knows to be there. Each open change says in which two ways what it touched may be found."""

    def __init__(self, n):
        self.n, self.next, self.group = n, 0, None
        self.people = {}      # id → title
        self.members = set()
        self.names = {}       # id → user name
        self.open = []        # changes without an answer
        self.acknowledged = 0

    def name(self):
        self.next += 1
        return f"w{self.n}-{self.next}@storm.test"


def patch(operations):
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}


def joins(ids):
    return {"op": "Add", "path": "members", "value": [{"value": i} for i in ids]}


def leaves(ids):
    return {"op": "Remove", "path": "members", "value": [{"value": i} for i in ids]}


class Writer(threading.Thread):
    def __init__(self, state, token):
        super().__init__()
        self.state, self.client, self.failed = state, Client(token), None
        self.dice = random.Random(dice.random())

    def run(self):
        try:
            while True:
                self.step()
        except NoAnswer:
            pass
        except Exception as e:  # told by the main thread
            self.failed = e

    def ask(self, change, method, path, body=None, good=(200, 201, 204)):
        """Carries a change out; it stays open until its answer is read."""
        self.state.open.append(change)
        status, answer = self.client.call(method, path, body)
        if status not in good:
            raise Wrong(f"{method} {path}: {status} {answer}")
        self.state.open.pop()
        self.state.acknowledged += 1
        return answer

    def make(self):
        s, name = self.state, self.state.name()
        active = self.dice.random() < 0.5
        body = {"userName": name, "title": "new", "active": active, "emails": [{"value": name, "type": "work", "primary": True}]}
        made = self.ask(("make", name), "POST", "/scim/v2/Users", body)
        s.people[made["id"]], s.names[made["id"]] = "new", name

    def bulk(self):
        """Five people and their joining in one request, each operation in a transaction of its own."""
        s, names = self.state, [self.state.name() for _ in range(5)]
        operations = [{"method": "POST", "path": "/Users", "bulkId": n, "data": {"userName": n, "title": "new", "active": False}} for n in names]
        together = patch([joins([f"bulkId:{n}" for n in names])])
        operations.append({"method": "PATCH", "path": f"/Groups/{s.group}", "data": together})
        answer = self.ask(("bulk", names), "POST", "/scim/v2/Bulk", {"Operations": operations})
        statuses = [o["status"] for o in answer["Operations"]]
        if statuses != ["201"] * 5 + ["204"]:
            raise Wrong(f"bulk: {answer}")
        for name, operation in zip(names, answer["Operations"]):
            made = operation["location"].rsplit("/", 1)[1]
            s.people[made], s.names[made] = "new", name
            s.members.add(made)

    def step(self):
        s = self.state
        if s.group is None:
            s.group = self.ask(("group",), "POST", "/scim/v2/Groups", {"displayName": f"Group {s.n}"})["id"]
        outside, kind = list(s.people.keys() - s.members), self.dice.random()
        if len(outside) < 12 or kind < 0.2:
            return self.make()
        if kind < 0.3:
            return self.bulk()
        if kind < 0.5:
            who, title = self.dice.choice(list(s.people)), f"t{self.dice.random()}"
            self.ask(("title", who, title), "PATCH", f"/scim/v2/Users/{who}", patch([{"op": "replace", "path": "title", "value": title}]))
            s.people[who] = title
            return None
        if kind < 0.6:
            who = self.dice.choice(list(s.people))
            self.ask(("delete", who), "DELETE", f"/scim/v2/Users/{who}")
            self.forget(who)
            return None
        new = set(self.dice.sample(outside, self.dice.randint(3, 12)))
        gone = set(self.dice.sample(sorted(s.members), min(len(s.members), self.dice.randint(3, 10)))) if kind > 0.8 else set()
        after = (s.members - gone) | new
        operations = [joins(sorted(new))] + ([leaves(sorted(gone))] if gone else [])
        self.ask(("members", after), "PATCH", f"/scim/v2/Groups/{s.group}", patch(operations))
        s.members = after
        return None

    def forget(self, who):
        forget(self.state, who)


def forget(s, who):
    s.people.pop(who)
    s.names.pop(who)
    s.members.discard(who)


def walk(client, path):
    found, start = [], 1
    while True:
        status, page = client.call("GET", f"{path}&startIndex={start}&count={PAGE}")
        if status != 200:
            raise Wrong(f"{path}: {status} {page}")
        found += page["Resources"]
        if len(page["Resources"]) < PAGE:
            if page["totalResults"] != len(found):
                raise Wrong(f"{path}: {len(found)} found of {page['totalResults']}")
            return found
        start += PAGE


done_open, undone_open = 0, 0


def settle(s, people, by_name, groups):
    """What became of the change that a writer had no answer to, and whether all else is as it was answered."""
    global done_open, undone_open
    change, group = (s.open or [("none",)])[0], groups.get(f"Group {s.n}")
    if len(s.open) > 1:
        raise Wrong(f"{s.n}: {s.open}")
    is_done = None
    if change[0] == "group":
        is_done = group is not None
        s.group = group and group["id"]
    elif change[0] == "make":
        is_done = change[1] in by_name
        if is_done:
            made = by_name[change[1]]
            s.people[made], s.names[made] = "new", change[1]
    elif change[0] == "title":
        is_done = people.get(change[1], {}).get("title") == change[2]
        if is_done:
            s.people[change[1]] = change[2]
    elif change[0] == "delete":
        is_done = change[1] not in people
        if is_done:
            forget(s, change[1])
    members = {m["value"] for m in group.get("members", [])} if group else set()
    if change[0] == "members":
        is_done = members == change[1]
        if is_done:
            s.members = members
    if change[0] == "bulk":
        # in order, each whole: some people, then all of them joined
        made = [n in by_name for n in change[1]]
        if made != sorted(made, reverse=True):
            raise Wrong(f"bulk out of order: {made}")
        for name in change[1]:
            if name in by_name:
                s.people[by_name[name]], s.names[by_name[name]] = "new", name
        new = {by_name[n] for n in change[1] if n in by_name}
        is_done = all(made) and new <= members
        if is_done:
            s.members |= new
    if members != s.members:
        raise Wrong(f"group {s.n} after {change[0]}: without {sorted(s.members - members)}, beside {sorted(members - s.members)}")
    for who, title in s.people.items():
        found = people.get(who)
        if found is None:
            raise Wrong(f"{s.names[who]} is not there, after {change[0]}")
        if (found["userName"], found.get("title")) != (s.names[who], title):
            raise Wrong(f"{found} is not {s.names[who]}, {title}, after {change[0]}")
    if is_done is not None:
        done_open, undone_open = done_open + is_done, undone_open + (not is_done)
    s.open.clear()


def compare(token, states):
    client = Client(token, 120)
    people = {u["id"]: u for u in walk(client, "/scim/v2/Users?attributes=userName,title")}
    groups = {g["displayName"]: g for g in walk(client, "/scim/v2/Groups?attributes=displayName,members.value")}
    by_name = {u["userName"]: i for i, u in people.items()}
    for s in states:
        settle(s, people, by_name, groups)
    known = set().union(*(s.people.keys() for s in states))
    strangers = [u["userName"] for i, u in people.items() if i not in known and u["userName"] != "owner@storm.test"]
    if strangers:
        raise Wrong(f"nobody made {strangers[:5]}, or they were deleted")


def main():
    command("admin", "create-owner", "--workspace", "Storm", "--email", "owner@storm.test", "--password-stdin", input="a long password for storms\n")
    server = serve()
    try:
        owner = lambda: Client(command("admin", "token", "--workspace", "Storm", "--email", "owner@storm.test"))
        status, made = owner().call("POST", "/api/v1/scim/tokens", {"name": "Storm", "scopes": SCOPES})
        if status not in (200, 201):
            raise Wrong(f"no token: {made}")
        token, states, began = made["plainValue"], [State(n) for n in range(WRITERS)], time.monotonic()
        for n in range(ROUNDS):
            writers = [Writer(s, token) for s in states]
            for w in writers:
                w.start()
            time.sleep(dice.uniform(SHORTEST, LONGEST))
            server.send_signal(signal.SIGKILL)
            server.wait()
            for w in writers:
                w.join()
                if w.failed:
                    raise w.failed
            server = serve()
            compare(token, states)
            if (n + 1) % 10 == 0:
                told = sum(s.acknowledged for s in states)
                print(f"storm: {n + 1} kills, {told} changes acknowledged", file=sys.stderr, flush=True)
        export = os.path.join(DIR, "audit.jsonl")
        status, log = owner().call("GET", "/api/v1/audit-events/export")
        if status != 200:
            raise Wrong(f"export: {status}")
        with open(export, "wb") as f:
            f.write(log)
        proof = command("audit", "verify", export)
        told, kind = sum(s.acknowledged for s in states), DATABASE.split(":")[0]
        people, members = sum(len(s.people) for s in states), sum(len(s.members) for s in states)
        print(f"storm on {kind}: {ROUNDS} kills in {time.monotonic() - began:.0f} s, {told} changes acknowledged and none lost; of those "
              f"without an answer {done_open} were done whole and {undone_open} not at all; {people} people, {members} members at the end; "
              f"audit verify: {proof.splitlines()[0][:200]}")
    finally:
        server.kill()
        server.wait()


try:
    main()
except Wrong as wrong:
    sys.exit(f"storm: wrong (STORM_SEED={seed}): {wrong}; files are in {DIR}")
shutil.rmtree(DIR, ignore_errors=True)
