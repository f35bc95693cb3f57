#!/usr/bin/env python3
"""Measures the performance goals of flows, G4.1, G4.2 and G4.4: a durable flow of three nodes beside a floor that writes as many rows, Node-RED
and n8n, in interleaved rounds (A B C A B C …) of one run; then very many executions that wait for one person. Use: flows.py TARGET/release
[--quick] [--write] [--only-waiting] [--only-flows]. See scripts/bench."""
import http.cookiejar, json, os, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request

from gate import *

FLOWS = 1_000 if QUICK else 4_000
POSTGRES_FLOWS = 500 if QUICK else 1_500
ALONE = 100 if QUICK else 300
# what a peer is asked for in a round, so that it does not take most of the time
PEER = {"Node-RED": 1_000 if QUICK else 3_000, "n8n": 100 if QUICK else 300}
PEER_ALONE = {"Node-RED": ALONE, "n8n": 40 if QUICK else 100}
PEER_DIR = os.environ.get("FLOW_PEERS", os.path.join(tempfile.gettempdir(), "gatehouse-bench-peers"))
WAITING = 2_000 if QUICK else 100_000
ONE = 10 if QUICK else 30
CONNECTIONS = 64


def target():
    where = port()
    start([os.path.join(BUILT, "floor-hello"), f"127.0.0.1:{where}"], f"http://127.0.0.1:{where}/", core=1)
    return f"http://127.0.0.1:{where}/"


def file_of(name, count, line):
    path = os.path.join(DIR, name)
    with open(path, "w") as f:
        f.write((line + "\n") * count)
    return path


def until(what, is_so, within=600, every=0.005):
    began = time.perf_counter()
    while not is_so():
        if time.perf_counter() - began > within:
            sys.exit(f"{what}: not within {within} s")
        time.sleep(every)


class Flowing(Gatehouse):
    """A Gatehouse with a flow of three nodes in service, and a key that may start it."""

    def __init__(self, kind, url):
        super().__init__(f"flows-{kind.name}", kind)
        self.env |= {"GATEHOUSE_EGRESS_ALLOW": "127.0.0.0/8"}
        self.serve()
        self.latencies = []
        self.owned("POST", "/api/v1/api-apps", {"name": "Flows", "scopes": ["flows:use"]})
        app = self.answer["id"]
        self.owned("POST", f"/api/v1/api-apps/{app}/keys", {"name": "k"})
        self.key = self.answer["plainValue"]
        nodes = [{"id": "start", "kind": "start"}, {"id": "call", "kind": "api", "request": {"method": "POST", "url": url, "body": {"type": "json", "value": {}}}},
                 {"id": "end", "kind": "end", "output": "{{ steps.call.output.status }}"}]
        edges = [{"from": "start", "to": "call"}, {"from": "call", "to": "end"}]
        self.owned("POST", "/api/v1/flows", {"name": "Three nodes", "definition": {"nodes": nodes, "edges": edges}})
        self.flow = self.answer["id"]
        self.owned("POST", f"/api/v1/flows/{self.flow}/deploy")
        self.count = FLOWS if kind is Sqlite else POSTGRES_FLOWS
        self.requests = file_of(f"starts-{kind.name}", self.count, f"POST\t/api/v1/flows/executions/start?flowId={self.flow}\t{{}}")

    def owned(self, method, path, body=None):
        status, self.answer = call(self.address, self.owner, method, path, body)
        if status not in (200, 201):
            sys.exit(f"{method} {path}: {status} {self.answer}")

    def open(self):
        return int(self.db.query("SELECT COUNT(*) FROM executions WHERE due_at IS NOT NULL")[0][0])

    def case(self, _):
        """Starts them over 64 connections, and waits until the last one is over."""
        before, began = cpu(*self.pids), time.perf_counter()
        told = json.loads(tool("bench-load", "calls", self.address, self.requests, "--connections", CONNECTIONS, "--media", "application/json", "--key", self.key))
        if told["statuses"] != {"201": self.count}:
            sys.exit(f"{self.label}: {told}")
        until(self.label, lambda: self.open() == 0)
        seconds = time.perf_counter() - began
        return (cpu(*self.pids) - before) / 1000 / self.count, self.count / seconds

    def alone(self, _):
        """One after the other, each until its end is known."""
        before = cpu(*self.pids)
        told = json.loads(tool("bench-load", "executions", self.address, self.flow, "--key", self.key, "--count", ALONE))
        self.latencies.append(told["p50_us"])
        return (cpu(*self.pids) - before) / 1000 / ALONE, ALONE / told["seconds"]


class Answering:
    """What answers a request once its flow is over: the floor and the peers."""

    def __init__(self, label, pids, address, path, count, alone):
        self.label, self.pids, self.address, self.latencies = label, pids, address, []
        self.many, self.few = (file_of(f"{label}-{n}", n, f"POST\t{path}\t{{}}") for n in (count, alone))
        self.counts = (count, alone)

    def ask(self, file, count, connections):
        used, rate, told = measured(self.pids, count, lambda: tool("bench-load", "calls", self.address, file, "--connections", connections, "--media", "application/json"))
        if told["statuses"] != {"200": count}:
            sys.exit(f"{self.label}: {told}")
        return used, rate, told

    def case(self, _):
        return self.ask(self.many, self.counts[0], CONNECTIONS)[:2]

    def alone(self, _):
        used, rate, told = self.ask(self.few, self.counts[1], 1)
        self.latencies.append(told["p50_us"])
        return used, rate


def floor(url):
    where = port()
    process, _ = start([os.path.join(BUILT, "floor-flow"), f"127.0.0.1:{where}", os.path.join(DIR, "floor.sqlite"), url], f"http://127.0.0.1:{where}/")
    return Answering("floor", [process.pid], f"127.0.0.1:{where}", "/", FLOWS, ALONE)


def version(package, name):
    with open(os.path.join(PEER_DIR, package, "node_modules", name, "package.json")) as f:
        return json.load(f)["version"]


def until_answers(what, url):
    """Waits until a flow is in service, which comes after its server is."""
    def is_so():
        try:
            request = urllib.request.Request(url, data=b"{}", method="POST", headers={"Content-Type": "application/json"})
            return urllib.request.urlopen(request, timeout=5).status == 200
        except OSError:
            return False
    until(what, is_so, 60, 0.2)


def node_red(url):
    """HTTP in, HTTP request, HTTP response; it keeps nothing."""
    where, home = port(), os.path.join(DIR, "node-red")
    os.makedirs(home)
    node = lambda id, type, wires, **more: {"id": id, "type": type, "z": "tab", "name": "", "wires": wires, "x": 100, "y": 100, **more}
    flow = [{"id": "tab", "type": "tab", "label": "Bench"}, node("in", "http in", [["call"]], url="/bench", method="post", upload=False, swaggerDoc=""),
            node("call", "http request", [["out"]], method="POST", ret="txt", paytoqs="ignore", url=url, tls="", persist=True, proxy="", authType="", senderr=False, headers=[]),
            node("out", "http response", [], statusCode="200", headers={})]
    with open(os.path.join(home, "flows.json"), "w") as f:
        json.dump(flow, f)
    with open(os.path.join(home, "settings.js"), "w") as f:
        f.write(f'module.exports = {{flowFile: "flows.json", uiHost: "127.0.0.1", uiPort: {where}, logging: {{console: {{level: "error"}}}}, '
                'diagnostics: {enabled: false}, telemetry: {enabled: false}};\n')
    process, _ = start(["node", os.path.join(PEER_DIR, "node-red/node_modules/node-red/red.js"), "-u", home], f"http://127.0.0.1:{where}/settings")
    until_answers("Node-RED", f"http://127.0.0.1:{where}/bench")
    return Answering("Node-RED", [process.pid], f"127.0.0.1:{where}", "/bench", PEER["Node-RED"], PEER_ALONE["Node-RED"])


def n8n(url):
    """Webhook, HTTP request, respond to webhook; PostgreSQL, one process, executions kept as it comes. Its bindings of SQLite and its engine
    of expressions are compiled when they are installed; without a compiler's help the one is not used and the other is the legacy one."""
    where, home = port(), os.path.join(DIR, "n8n")
    os.makedirs(home)
    db = Postgres(home)
    at = urllib.parse.urlsplit(db.url)
    env = {"N8N_USER_FOLDER": home, "N8N_PORT": str(where), "N8N_LISTEN_ADDRESS": "127.0.0.1", "DB_TYPE": "postgresdb", "DB_POSTGRESDB_HOST": at.hostname,
           "DB_POSTGRESDB_PORT": str(at.port), "DB_POSTGRESDB_DATABASE": db.base, "DB_POSTGRESDB_USER": at.username, "DB_POSTGRESDB_PASSWORD": "trusted",
           "N8N_EXPRESSION_ENGINE": "legacy", "N8N_DIAGNOSTICS_ENABLED": "false", "N8N_VERSION_NOTIFICATIONS_ENABLED": "false", "N8N_TEMPLATES_ENABLED": "false",
           "N8N_PERSONALIZATION_ENABLED": "false", "N8N_LOG_LEVEL": "error", "N8N_RUNNERS_BROKER_PORT": str(port()), "NODE_ENV": "production"}
    nodes = [{"parameters": {"httpMethod": "POST", "path": "bench", "responseMode": "responseNode", "options": {}}, "id": "a", "name": "Webhook", "type": "n8n-nodes-base.webhook",
              "typeVersion": 2, "position": [0, 0], "webhookId": "bench"},
             {"parameters": {"method": "POST", "url": url, "options": {"response": {"response": {"responseFormat": "text"}}}}, "id": "b", "name": "Call",
              "type": "n8n-nodes-base.httpRequest", "typeVersion": 4.2, "position": [200, 0]},
             {"parameters": {"respondWith": "json", "responseBody": "{}", "options": {}}, "id": "c", "name": "Respond", "type": "n8n-nodes-base.respondToWebhook", "typeVersion": 1.1, "position": [400, 0]}]
    to = lambda name: {"main": [[{"node": name, "type": "main", "index": 0}]]}
    flow = {"id": "bench000000000001", "name": "Bench", "active": False, "nodes": nodes, "connections": {"Webhook": to("Call"), "Call": to("Respond")}, "settings": {"executionOrder": "v1"}}
    with open(os.path.join(home, "flow.json"), "w") as f:
        json.dump([flow], f)
    program = ["node", os.path.join(PEER_DIR, "n8n/node_modules/n8n/bin/n8n")]
    for arguments in (["import:workflow", f"--input={home}/flow.json"], ["update:workflow", "--all", "--active=true"]):
        done = subprocess.run(["taskset", "-c", "0,1", *program, *arguments], env={**CLEAN, **env}, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"n8n {arguments}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    process, _ = start([*program, "start"], f"http://127.0.0.1:{where}/healthz/readiness", env)
    until_answers("n8n", f"http://127.0.0.1:{where}/webhook/bench")
    return Answering("n8n", [process.pid, *db.pids], f"127.0.0.1:{where}", "/webhook/bench", PEER["n8n"], PEER_ALONE["n8n"])


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


def three_nodes(url):
    ours = [Flowing(Sqlite, url), Flowing(Postgres, url)]
    others, named = [floor(url)], {"floor": "a bare handler with as many durable rows (SQLite)"}
    for label, package, make, how in (("Node-RED", "node-red", node_red, "keeps nothing"), ("n8n", "n8n", n8n, "PostgreSQL, one process")):
        if not os.path.isdir(os.path.join(PEER_DIR, package, "node_modules", package)):
            continue
        try:
            others.append(make(url))
            named[label] = f"{label} {version(package, package)} ({how})"
        except SystemExit as failed:
            say(f"{label} does not run here, its rows are left out: {failed}")
    cases = {"flushes": lambda _: (0.0, flushes())}
    for one in ours + others:
        one.case(99)  # warm
        one.alone(99)
        one.latencies.clear()
        cases |= {one.label: one.case, f"{one.label}, alone": one.alone}
    figures = interleaved("flows", cases)
    flush = 1e6 / figures["flushes"][1]
    bare, bare_rate = figures["floor"]
    for one in ours:
        used, rate = figures[one.label]
        what = f"three nodes, 64 connections, {one.db.name}"
        row("G4.1", what, f"{used:.0f} µs CPU, {rate:.0f} a second", f"{rate / bare_rate:.2f} × {named['floor']}: {bare:.0f} µs, {bare_rate:.0f} a second", "≥ 0.3 ×", rate >= 0.3 * bare_rate)
        row("G4.1", what, f"{used:.0f} µs CPU, {rate:.0f} a second", "", "≤ 150 µs, ≥ 4000 a second", used <= 150 and rate >= 4000)
        alone_used, alone_rate = figures[f"{one.label}, alone"]
        p50 = median(one.latencies)
        what = f"three nodes, one at a time, {one.db.name}"
        row("G4.2", what, f"p50 {p50 / 1000:.2f} ms until the caller knows, {alone_rate:.0f} a second", f"{p50 / flush:.1f} flushes of {flush:.0f} µs; with all looks {alone_used:.0f} µs CPU",
            f"≤ 2 flushes + 1 ms ({(2 * flush + 1000) / 1000:.2f} ms)", p50 <= 2 * flush + 1000)
        for other in others:
            there, there_rate = figures[other.label]
            alone_there = median(other.latencies)
            if other.label == "floor":
                row("G4.2", what, f"{p50 / alone_there:.1f} × as long", f"{named['floor']}: {alone_there / 1000:.2f} ms", "", None)
                continue
            bound = {"n8n": ("≥ 100 ×", 100), "Node-RED": ("≥ 2 ×", 2)}[other.label]
            row("G4.1", f"three nodes, 64 connections, {one.db.name}", f"{rate / there_rate:.1f} × the flows a second, {there / used:.1f} × less CPU", f"{named[other.label]}: {there:.0f} µs, {there_rate:.0f} a second",
                bound[0], rate >= bound[1] * there_rate)
            row("G4.2", what, f"{alone_there / p50:.1f} × sooner", f"{named[other.label]}: {alone_there / 1000:.2f} ms", "", None)


# executions that wait for a person

def certificate(dir):
    """A CA and a certificate for localhost."""
    openssl = lambda *arguments: subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=dir)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Bench CA", "-keyout", "ca.key", "-out", "ca.pem",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout", "tls.key", "-out", "tls.csr")
    with open(os.path.join(dir, "ext"), "w") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "tls.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", "tls.pem")


class Provider:
    """A product with an authorization server, over TLS: nginx, which counts the tokens that were asked for."""

    def __init__(self):
        self.dir, self.port = os.path.join(DIR, "provider"), port()
        os.makedirs(self.dir)
        certificate(self.dir)
        plain, conf = port(), os.path.join(self.dir, "nginx.conf")
        token = '{"access_token": "a-token", "token_type": "Bearer", "expires_in": 86400, "refresh_token": "another"}'
        answers = (f"location /token {{ access_log {self.dir}/tokens; return 200 '{token}'; }} location / {{ return 200 '{{\"ok\": true}}'; }}")
        with open(conf, "w") as f:
            f.write(f"daemon off; worker_processes 1; pid {self.dir}/pid; error_log /dev/null; events {{ worker_connections 1024; }}\n"
                    f"http {{ access_log off; default_type application/json; keepalive_requests 100000000;\n"
                    + "".join(f"{name}_temp_path {self.dir}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")) +
                    f"server {{ listen 127.0.0.1:{plain}; listen 127.0.0.1:{self.port} ssl; ssl_certificate {self.dir}/tls.pem; ssl_certificate_key {self.dir}/tls.key; {answers} }} }}\n")
        start(["nginx", "-c", conf, "-p", self.dir], f"http://127.0.0.1:{plain}/", core=1)
        self.url = f"https://localhost:{self.port}"

    def tokens(self):
        with open(os.path.join(self.dir, "tokens")) as f:
            return sum(1 for _ in f)

    def document(self):
        flow = {"authorizationUrl": f"{self.url}/authorize", "tokenUrl": f"{self.url}/token", "scopes": {"all": "All"}}
        return {"openapi": "3.1.0", "info": {"title": "Product", "version": "1"}, "servers": [{"url": self.url}],
                "components": {"securitySchemes": {"oauth": {"type": "oauth2", "flows": {"authorizationCode": flow}}}}, "security": [{"oauth": ["all"]}],
                "paths": {"/things": {"get": {"operationId": "listThings", "responses": {"200": {"description": "ok"}}}}}}


class Person:
    """Somebody with a browser."""

    def __init__(self, one, email):
        self.one, self.jar = one, http.cookiejar.CookieJar()

        class Stays(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), Stays)
        self.call("POST", "/api/v1/auth/login", {"email": email, "password": "a long password for a bench"})
        self.token = one.command("admin", "token", "--workspace", "Bench", "--email", email, "--ttl", "7200")

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        base = f"http://{self.one.address}"
        request = urllib.request.Request(base + path, data=data, method=method, headers={"Content-Type": "application/json", "Origin": base, "Accept": "application/json"})
        try:
            with self.browser.open(request, timeout=60) as answer:
                text = answer.read()
                return json.loads(text) if text.startswith(b"{") else None
        except urllib.error.HTTPError as refused:
            if 300 <= refused.code < 400:
                return None
            sys.exit(f"{method} {path}: {refused.code} {refused.read()[:500]}")

    def authorizes(self, connector):
        """Consents: begun, and the way back of the browser, which is what counts."""
        begun = self.call("POST", f"/api/v1/me/connections/{connector}/authorize", {})
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(begun["redirectUrl"]).query))
        back = urllib.parse.urlsplit(asked["redirect_uri"]).path
        began = time.perf_counter()
        self.call("GET", f"{back}?{urllib.parse.urlencode({'code': 'c', 'state': asked['state']})}")
        return began


class Waiting(Gatehouse):
    def __init__(self):
        super().__init__("waiting", Sqlite)
        self.provider = Provider()
        self.env |= {"GATEHOUSE_EGRESS_ALLOW": "127.0.0.0/8", "GATEHOUSE_EGRESS_CA_FILE": os.path.join(self.provider.dir, "ca.pem"), "GATEHOUSE_PUBLIC_URL": f"http://{self.address}"}
        self.command("admin", "add-member", "--workspace", "Bench", "--email", "second@bench.example", "--role", "member", "--password-stdin", input="a long password for a bench\n")
        self.serve()
        # its address stands in tokens
        self.owner = self.command("admin", "token", "--workspace", "Bench", "--email", "owner@bench.example", "--ttl", "7200")

    def owned(self, method, path, body=None):
        status, answer = call(self.address, self.owner, method, path, body)
        if status not in (200, 201):
            sys.exit(f"{method} {path}: {status} {answer}")
        return answer

    def flow(self):
        made = self.owned("POST", "/api/v1/connector-types", {"document": self.provider.document(), "name": "Product"})
        kind = made.get("id") or made["type"]["id"]
        type = self.owned("GET", f"/api/v1/connector-types/{kind}")
        connector = self.owned("POST", "/api/v1/connectors", {"type": kind, "name": "Product", "fields": {"clientId": "c", "clientSecret": "a secret of the bench"}})
        self.connector = connector["id"]
        self.owned("PUT", f"/api/v1/connectors/{self.connector}/user-authentications", {"enabled": True, "nonInteractiveMode": "pause"})
        nodes = [{"id": "start", "kind": "start"}, {"id": "ask", "kind": "connector", "connectorId": self.connector, "action": type["actions"][0]["id"]}, {"id": "end", "kind": "end", "output": "done"}]
        flow = self.owned("POST", "/api/v1/flows", {"name": "Waits", "definition": {"nodes": nodes, "edges": [{"from": "start", "to": "ask"}, {"from": "ask", "to": "end"}]}})
        self.owned("POST", f"/api/v1/flows/{flow['id']}/deploy")
        return flow["id"]

    def number(self, select):
        return self.db.query(select)[0][0]

    def rss(self):
        """When it has come to rest."""
        time.sleep(3)
        return status(self.process.pid, "VmRSS")

    def again(self):
        stop(self.process)
        self.serve()


def waiting():
    one = Waiting()
    flow, owner, second = one.flow(), Person(one, "owner@bench.example"), Person(one, "second@bench.example")
    one.again()
    empty, empty_ready = one.rss(), one.ready
    start_path = f"/api/v1/flows/executions/start?flowId={flow}"
    requests, began = file_of("waits", WAITING, f"POST\t{start_path}\t{{}}"), time.perf_counter()
    told = json.loads(tool("bench-load", "calls", one.address, requests, "--connections", CONNECTIONS, "--media", "application/json", "--token", owner.token))
    if told["statuses"] != {"201": WAITING}:
        sys.exit(f"waiting: {told}")
    until("waiting", lambda: one.number("SELECT COUNT(*) FROM execution_waits") == WAITING and one.number("SELECT COUNT(*) FROM executions WHERE due_at IS NOT NULL") == 0, 1800, 0.2)
    took, after = time.perf_counter() - began, one.rss()
    many = f"{WAITING:,}".replace(",", " ")
    one.again()
    full, ready = one.rss(), one.ready
    each = lambda mb: (mb - empty) * 1024 * 1024 / WAITING
    row("G4.4", f"memory with {many} waiting for a person", f"{full:.1f} MB after a start, {each(full):.0f} bytes each", f"{empty:.1f} MB with none", "≤ 200 bytes each", each(full) <= 200)
    row("G4.4", f"memory after {many} came to wait", f"{after:.1f} MB, {each(after):.0f} bytes each", f"{took:.0f} s for all: {WAITING / took:.0f} a second", "≤ 200 bytes each", each(after) <= 200)
    row("G4.4", f"start to ready with {many} waiting", f"{ready:.0f} ms", f"{empty_ready:.0f} ms with none", "≤ 1 s", ready <= 1000)
    times = []
    for _ in range(ONE):
        code, told = call(one.address, second.token, "POST", start_path, {})
        assert code == 201, (code, told)
        progress = lambda: call(one.address, second.token, "GET", f"/api/v1/flows/executions/{told['id']}/progress")[1]["status"]
        until("one waits", lambda: progress() == "Authentication needed", 30, 0.02)
        time.sleep(0.1)
        began = second.authorizes(one.connector)
        until("one goes on", lambda: progress() == "Success", 30, 0.0005)
        times.append((time.perf_counter() - began) * 1000)
        second.call("DELETE", f"/api/v1/me/connections/{one.connector}")
    times.sort()
    row("G4.4", f"one goes on while {many} wait for somebody else", f"p50 {median(times):.1f} ms, slowest of {ONE} {times[-1]:.1f} ms", "from the browser's way back to the end of the flow, the token's exchange included", "< 50 ms", median(times) < 50)
    asked, before = one.provider.tokens(), cpu(*one.pids)
    began = owner.authorizes(one.connector)
    until("all go on", lambda: one.number("SELECT COUNT(*) FROM execution_waits") == 0 and one.number("SELECT COUNT(*) FROM executions WHERE due_at IS NOT NULL") == 0, 1800, 0.1)
    took, used = time.perf_counter() - began, (cpu(*one.pids) - before) / 1000 / WAITING
    over, tokens = one.number(f"SELECT COUNT(*) FROM executions WHERE status = 'Success'"), one.provider.tokens() - asked
    if over != WAITING + ONE:
        sys.exit(f"{over} of {WAITING + ONE} succeeded")
    row("G4.4", f"all {many} go on after one authorization", f"{took:.0f} s, {WAITING / took:.0f} a second, {used:.0f} µs CPU each", f"{tokens} token request" + ("s" if tokens != 1 else ""), "≤ 30 s, at most 1", took <= 30 and tokens <= 1)


try:
    os.sched_setaffinity(0, {1})
    say(f"load average before: {os.getloadavg()}")
    url = target()
    if "--only-waiting" not in sys.argv:
        section("flows", lambda: three_nodes(url))
    if "--only-flows" not in sys.argv:
        section("waiting", waiting)
    write(("<!-- flows results -->", "<!-- end of flows results -->"))
finally:
    end()
