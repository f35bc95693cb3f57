#!/usr/bin/env python3
"""flow_storm.py GATEHOUSE ROUNDS DATABASE_URL [EXECUTIONS]: executions are started and driven as fast as that goes, and a server is killed in the
middle of it: one of two on PostgreSQL, the only one on SQLite.

Steps post to a target that does each idempotency key once, and answers some only after it did them: so kills fall between the effect and its
being known. Afterwards each execution that was answered 201 is there and has succeeded, and so has each whose answer was lost if it is there at
all; every step of it had its effect under one key, which no other step had; the timeline tells each step once, in order, and ends. Exit 1
otherwise. Needs nothing but Python (and psql for PostgreSQL)."""
import collections, http.client, http.server, json, os, random, shutil, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time

GATEHOUSE, ROUNDS, DATABASE = os.path.abspath(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
EXECUTIONS = int(sys.argv[4]) if len(sys.argv) > 4 else 10_000
IS_SQLITE = DATABASE.startswith("sqlite:")
SERVERS = 1 if IS_SQLITE else 2
STARTERS = 6
# of how many executions of 20 each kind of flow is
KINDS = {"plain": 12, "branch": 3, "retry": 2, "loop": 2, "delay": 1}
# seconds without any progress after which what is left is stuck; a lease and a delay are shorter
STUCK = 120
PAGE = 100
DIR = tempfile.mkdtemp(prefix="gatehouse-flow-storm-")
seed = int(os.environ.get("STORM_SEED", time.time()))
dice = random.Random(seed)
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("GATEHOUSE_")}
COMMON = {"GATEHOUSE_DATABASE_URL": DATABASE, "GATEHOUSE_DATA_DIR": os.path.join(DIR, "data"), "GATEHOUSE_LOG": "error",
          "GATEHOUSE_PUBLIC_URL": "http://gatehouse.test", "GATEHOUSE_EGRESS_ALLOW": "127.0.0.0/8"}


class Wrong(Exception):
    pass


class NoAnswer(Exception):
    """The request may have been taken in or not."""


class NotSent(Exception):
    """Nobody listened."""


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# the outside

class Target:
    """Does each idempotency key once. What it did, by key: a number, the step, and how often it was asked."""

    def __init__(self):
        self.lock, self.done, self.asked, self.what, self.wrong = threading.Lock(), {}, collections.Counter(), {}, []
        self.dice = random.Random(dice.random())

    def post(self, path, key, body):
        """Status and answer, and how long it keeps the caller waiting after the deed."""
        with self.lock:
            what = (body.get("n"), body.get("step"))
            self.asked[key] += 1
            if not key or self.what.setdefault(key, what) != what:
                self.wrong.append(f"the key {key!r} of {self.what.get(key)} came with {what}")
            if path == "/flaky" and self.asked[key] == 1:
                return 503, {"later": True}, 0
            number = self.done.setdefault(key, len(self.done) + 1)
            return 200, {"effect": number}, self.dice.choice((0, 0, 0, 0.03))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, answer, pause = self.server.target.post(self.path, self.headers.get("Idempotency-Key"), body)
        time.sleep(pause)
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class Outside(http.server.ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, *_):
        pass  # connections of a server that was killed


# the servers

class Server:
    def __init__(self, n):
        self.port, self.process, self.n = port(), None, n
        self.env = {**CLEAN, **COMMON, "GATEHOUSE_LISTEN": f"127.0.0.1:{self.port}"}

    def start(self):
        log = open(os.path.join(DIR, f"log-{self.n}"), "a")
        self.process, began = subprocess.Popen([GATEHOUSE, "serve"], env=self.env, stdout=log, stderr=log), time.monotonic()
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                    s.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
                    if b" 200 " in s.recv(100):
                        return self
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - began > 120:
                raise Wrong(f"server {self.n} did not start: {open(os.path.join(DIR, f'log-{self.n}')).read()[-2000:]}")
            time.sleep(0.02)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def command(*arguments, **options):
    done = subprocess.run([GATEHOUSE, *arguments], env={**CLEAN, **COMMON}, text=True, capture_output=True, **options)
    if done.returncode:
        raise Wrong(f"gatehouse {arguments}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def query(text):
    """One number, straight from the tables."""
    if IS_SQLITE:
        with sqlite3.connect(os.path.join(DIR, "data", "gatehouse.db"), timeout=30) as db:
            return db.execute(text).fetchone()[0]
    return int(subprocess.run(["psql", "-qAtXc", text, DATABASE], check=True, capture_output=True, text=True).stdout)


class Client:
    """Asks any server; when one is gone, another."""

    def __init__(self, servers, credential, timeout=60):
        self.servers, self.credential, self.timeout = servers, credential, timeout
        self.connection, self.dice = None, random.Random(dice.random())

    def call(self, method, path, body=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.dice.choice(self.servers).port, timeout=self.timeout)
            try:
                self.connection.connect()
            except OSError as e:
                self.connection = None
                raise NotSent from e
        headers = dict([self.credential]) | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = self.connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as e:
            self.connection.close()
            self.connection = None
            raise NoAnswer from e
        return answer.status, json.loads(data) if data and answer.getheader("Content-Type", "").split(";")[0] == "application/json" else data

    def ask(self, method, path, body=None, good=(200, 201)):
        """The answer of whoever is there; for what may be asked twice."""
        until = time.monotonic() + 60
        while True:
            try:
                status, answer = self.call(method, path, body)
            except (NotSent, NoAnswer):
                if time.monotonic() > until:
                    raise Wrong(f"{method} {path}: nobody answers")
                time.sleep(0.05)
                continue
            if status not in good:
                raise Wrong(f"{method} {path}: {status} {answer}")
            return answer


# the flows

def api(name, at, path="/do", step=None, **more):
    value = {"n": "{{ input.n }}", "step": step or name}
    return {"id": name, "kind": "api", "request": {"method": "POST", "url": f"{at}{path}", "body": {"type": "json", "value": value}}, **more}


def flow(nodes, edges, output):
    nodes = [{"id": "start", "kind": "start", "inputs": [{"name": "n", "type": "integer", "required": True}]}, *nodes, {"id": "end", "kind": "end", "output": output}]
    return {"nodes": nodes, "edges": [dict(zip(("from", "to", "case"), edge)) for edge in edges]}


def definitions(at):
    effect = lambda step: "{{ steps.%s.output.body.effect }}" % step
    choose = {"id": "choose", "kind": "condition", "cases": [{"name": "even", "when": {"left": "{{ input.n % 2 }}", "operator": "==", "right": 0}}]}
    each = {"id": "each", "kind": "loop", "items": "{{ ['a', 'b', 'c'] }}", "result": "{{ steps.ask.output.body.effect }}",
            "body": {"nodes": [api("ask", at, step="each-{{ loop.item }}")], "edges": []}}
    return {
        "plain": flow([api("call", at)], [("start", "call"), ("call", "end")], effect("call")),
        "branch": flow([choose, api("even", at), api("odd", at), api("side", at)],
                       [("start", "choose"), ("choose", "even", "even"), ("choose", "odd", "else"), ("even", "end"), ("odd", "end"), ("start", "side"), ("side", "end")],
                       {"even": effect("even"), "odd": effect("odd"), "side": effect("side")}),
        "retry": flow([api("flaky", at, "/flaky", retry={"times": 4, "delaySeconds": 1})], [("start", "flaky"), ("flaky", "end")], effect("flaky")),
        "loop": flow([each], [("start", "each"), ("each", "end")], "{{ steps.each.output }}"),
        "delay": flow([api("before", at), {"id": "pause", "kind": "delay", "seconds": 30}, api("after", at)],
                      [("start", "before"), ("before", "pause"), ("pause", "after"), ("after", "end")], [effect("before"), effect("after")]),
    }


def expected(kind, n):
    """The steps of the timeline, each with what the target knows it by, and which comes after which."""
    if kind == "branch":
        way = "odd" if n % 2 else "even"
        return {"start": None, "choose": None, way: way, "side": "side", "end": None}, [("start", "choose"), ("choose", way), (way, "end"), ("start", "side"), ("side", "end")]
    if kind == "loop":
        asked = [f"each[{i}]/ask" for i in range(3)]
        return ({"start": None, "each": None, "end": None, **{path: f"each-{item}" for path, item in zip(asked, "abc")}},
                [("start", "each"), ("start", asked[0]), *zip(asked, asked[1:]), (asked[2], "end"), ("each", "end")])
    row = {"plain": ["call"], "retry": ["flaky"], "delay": ["before", "pause", "after"]}[kind]
    whole = ["start", *row, "end"]
    return {step: step if step in row and step != "pause" else None for step in whole}, list(zip(whole, whole[1:]))


class Starter(threading.Thread):
    """Starts executions until a round has enough; what was answered, and what may or may not have begun."""

    def __init__(self, servers, key, flows, work):
        super().__init__(daemon=True)
        self.client, self.flows, self.work, self.failed = Client(servers, ("X-API-KEY", key)), flows, work, None

    def run(self):
        try:
            while True:
                with self.work.lock:
                    if not self.work.left:
                        return
                    n, kind = self.work.left.pop()
                self.start_one(n, kind)
        except Exception as e:  # reported by the main thread
            self.failed = e

    def start_one(self, n, kind):
        until = time.monotonic() + 90
        while True:
            try:
                status, answer = self.client.call("POST", f"/api/v1/flows/executions/start?flowId={self.flows[kind]}", {"n": n})
            except NotSent:
                if time.monotonic() > until:
                    raise Wrong("no server listens")
                time.sleep(0.02)
                continue
            except NoAnswer:
                self.work.open[n] = kind
                return
            if status == 503 and time.monotonic() < until:
                self.work.refused += 1
                time.sleep(0.1)
                continue
            if status != 201:
                raise Wrong(f"a start was answered {status} {answer}")
            self.work.started[n] = (kind, answer["id"])
            return


class Work:
    def __init__(self):
        self.lock, self.left, self.started, self.open, self.refused = threading.Lock(), [], {}, {}, 0


def storm(servers, key, flows):
    """The rounds: so many executions each, and a kill at a random moment of them."""
    work, bag = Work(), [kind for kind, share in KINDS.items() for _ in range(share)]
    for n in range(ROUNDS):
        first, last = n * EXECUTIONS // ROUNDS, (n + 1) * EXECUTIONS // ROUNDS
        before = len(work.started) + len(work.open)
        work.left = [(i, dice.choice(bag)) for i in range(first, last)]
        starters = [Starter(servers, key, flows, work) for _ in range(STARTERS)]
        for one in starters:
            one.start()
        after = before + dice.randrange(1, max(2, last - first))
        while len(work.started) + len(work.open) < after and any(one.is_alive() for one in starters):
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.3))
        victim = dice.choice(servers)
        victim.kill()
        victim.start()
        for one in starters:
            one.join()
            if one.failed:
                raise one.failed
        if (n + 1) % 5 == 0:
            print(f"flow-storm: {n + 1} kills, {len(work.started)} starts answered", file=sys.stderr, flush=True)
    return work


def settle():
    """Waits until nothing goes on any more."""
    left = "SELECT COUNT(*) FROM executions WHERE ended_at IS NULL"
    last, since = query(left), time.monotonic()
    while last:
        time.sleep(0.25)
        now = query(left)
        if now != last:
            last, since = now, time.monotonic()
        if time.monotonic() - since > STUCK:
            raise Wrong(f"{last} executions are stuck")


def walk(client, flow):
    """All executions of a flow."""
    found, page = [], 1
    while True:
        answer = client.ask("GET", f"/api/v1/flows/executions?flowId={flow}&pageSize={PAGE}&page={page}")
        found += answer["data"]
        if len(answer["data"]) < PAGE:
            if answer["pagination"]["totalItems"] != len(found):
                raise Wrong(f"{len(found)} executions found of {answer['pagination']['totalItems']}")
            return found
        page += 1


def judge(kind, n, shown, keys, target):
    """Whether one execution is as it must be. `keys`: of each step outside, by (n, step)."""
    wrong = lambda what: Wrong(f"{shown['id']} ({kind}, {n}): {what}: {json.dumps(shown)[:1500]}")
    steps, order = expected(kind, n)
    if (shown["status"], shown["percentage"], shown["message"], shown["warnings"], shown["waitingFor"], shown["canRetry"]) != ("Success", 100, None, [], [], False):
        raise wrong("not a success")
    told = {step["step"]: step for step in shown["steps"]}
    if len(told) != len(shown["steps"]) or told.keys() != steps.keys():
        raise wrong(f"the timeline has {sorted(told)} instead of {sorted(steps)}")
    if not shown["createdAt"] <= shown["startedAt"] <= shown["endedAt"]:
        raise wrong("its times")
    effects = {}
    for path, outside in steps.items():
        step = told[path]
        if step["status"] != "Success" or step["error"] or not shown["startedAt"] <= step["startedAt"] <= step["endedAt"] <= shown["endedAt"]:
            raise wrong(f"the step {path}")
        if step["attempt"] > 1 and path != "flaky":
            raise wrong(f"the tries of {path}")
        if path == "flaky" and target.asked[keys[(n, outside)][0]] < 2:
            raise wrong("it was asked once, and that was refused")
        if outside:
            if len(keys[(n, outside)]) != 1:
                raise wrong(f"{path} has the keys {keys[(n, outside)]}")
            effects[outside] = target.done.get(keys[(n, outside)][0])
            if effects[outside] is None or step["output"]["body"] != {"effect": effects[outside]} or step["effectiveIdentity"] != "none":
                raise wrong(f"the effect of {path}: {effects[outside]}")
    for earlier, later in order:
        if told[earlier]["endedAt"] > told[later]["startedAt"]:
            raise wrong(f"{later} began before {earlier} ended")
    of = effects.get
    output = {"plain": of("call"), "retry": of("flaky"), "branch": {"even": of("even"), "odd": of("odd"), "side": of("side")},
              "loop": [of("each-a"), of("each-b"), of("each-c")], "delay": [of("before"), of("after")]}[kind]
    if shown["output"] != output:
        raise wrong(f"the output is not {output}")
    # whose first try was never known to be refused, because the server was killed
    forgotten = told.get("flaky", {}).get("attempt") == 1
    return len(effects), forgotten


def compare(client, work, flows, target):
    """Everything against everything; how many steps outside there were, and how many starts without an answer took place."""
    if target.wrong:
        raise Wrong(target.wrong[:3])
    keys = collections.defaultdict(list)
    for key, what in target.what.items():
        keys[what].append(key)
    ids, outside, known = {id: (kind, n) for n, (kind, id) in work.started.items()}, 0, set()
    begun, forgotten = 0, 0
    for kind, flow in flows.items():
        for listed in walk(client, flow):
            shown = client.ask("GET", f"/api/v1/flows/executions/{listed['id']}")
            if shown["flowId"] != flow:
                raise Wrong(f"{listed['id']} is of another flow")
            if listed["id"] in ids:
                n = ids.pop(listed["id"])[1]
            else:
                # nobody was told of it: its own calls tell which it is
                mine = [what[0] for what, made in keys.items() if any(target.done.get(key) in numbers(shown["output"]) for key in made)]
                if not mine or mine[0] not in work.open:
                    raise Wrong(f"nobody started {listed['id']}: {json.dumps(shown)[:800]}")
                n, begun = mine[0], begun + 1
            if n in known:
                raise Wrong(f"{n} ran twice")
            known.add(n)
            effects, forgot = judge(kind, n, shown, keys, target)
            outside, forgotten = outside + effects, forgotten + forgot
    if ids:
        raise Wrong(f"{len(ids)} executions are lost, as {list(ids.items())[:3]}")
    if len(target.done) != outside:
        raise Wrong(f"{len(target.done)} effects of {outside} steps")
    return outside, begun, forgotten


def numbers(output):
    values = output.values() if isinstance(output, dict) else output if isinstance(output, list) else [output]
    return {value for value in values if value is not None}


def main():
    target = Target()
    there = Outside(("127.0.0.1", 0), Handler)
    there.target = target
    threading.Thread(target=there.serve_forever, daemon=True).start()
    at = f"http://127.0.0.1:{there.server_address[1]}"
    command("admin", "create-owner", "--workspace", "Storm", "--email", "owner@storm.test", "--password-stdin", input="a long password for storms\n")
    servers = [Server(n).start() for n in range(SERVERS)]
    try:
        token = command("admin", "token", "--workspace", "Storm", "--email", "owner@storm.test", "--ttl", "7200")
        owner = Client(servers, ("Authorization", f"Bearer {token}"))
        app = owner.ask("POST", "/api/v1/api-apps", {"name": "Storm", "scopes": ["flows:use"]})
        key = owner.ask("POST", f"/api/v1/api-apps/{app['id']}/keys", {"name": "Storm"})["plainValue"]
        flows = {}
        for kind, definition in definitions(at).items():
            flows[kind] = owner.ask("POST", "/api/v1/flows", {"name": f"Storm {kind}", "definition": definition})["id"]
            owner.ask("POST", f"/api/v1/flows/{flows[kind]}/deploy")
        began = time.monotonic()
        work = storm(servers, key, flows)
        stormed = time.monotonic() - began
        settle()
        took = time.monotonic() - began
        outside, begun, forgotten = compare(owner, work, flows, target)
        for what, select in {"leases": "lease_by IS NOT NULL OR lease_until IS NOT NULL", "times": "due_at IS NOT NULL", "states": "state IS NOT NULL OR input IS NOT NULL"}.items():
            if query(f"SELECT COUNT(*) FROM executions WHERE {select}"):
                raise Wrong(f"{what} are left of executions that are over")
        if query("SELECT COUNT(*) FROM execution_events") or query("SELECT COUNT(*) FROM execution_waits"):
            raise Wrong("events or waits are left of executions that are over")
        export = os.path.join(DIR, "audit.jsonl")
        with open(export, "wb") as f:
            f.write(owner.ask("GET", "/api/v1/audit-events/export"))
        proof = command("audit", "verify", export)
        with open(export) as f:
            recorded = sum('"flow-execution.started"' in line for line in f)
        total = len(work.started) + begun
        if recorded != total:
            raise Wrong(f"{recorded} starts are recorded of {total}")
        again = sum(target.asked[key] for key in target.done) - len(target.done) - sum(target.what[key][1] == "flaky" for key in target.done)
        taken = query("SELECT COUNT(*) FROM executions WHERE claims > 1")
        if forgotten > taken:
            raise Wrong(f"{forgotten} refused tries are in no timeline, and {taken} executions were taken up again")
        kinds = collections.Counter(kind for kind, _ in work.started.values())
        print(f"flow-storm on {'SQLite' if IS_SQLITE else 'PostgreSQL'}: {ROUNDS} kills of {'the only server' if IS_SQLITE else 'one of two servers'} in {stormed:.0f} s, everything over after {took:.0f} s; "
              f"{len(work.started)} starts answered ({', '.join(f'{v} {k}' for k, v in sorted(kinds.items()))}) and none lost or stuck; of {len(work.open)} without an answer {begun} took place whole; "
              f"{outside} steps outside, the effect of each exactly once under a key of its own; {again} calls were repeated under their key; {taken} executions were taken up more than once; "
              f"audit verify: {proof.splitlines()[0][:120]}", flush=True)
    finally:
        for server in servers:
            if server.process.poll() is None:
                server.kill()


try:
    main()
except Wrong as wrong:
    sys.exit(f"flow-storm: wrong (STORM_SEED={seed}): {wrong}; files are in {DIR}")
shutil.rmtree(DIR, ignore_errors=True)
