#!/usr/bin/env python3
"""Kills the server between a provider's answer to a refresh and the writing of it. See scripts/grants.
Use: grants.py GATEHOUSE ROUNDS DATABASE_URL. The authorization server here rotates refresh tokens and takes each once (RFC 9700 §4.14.2); in odd
rounds it takes the one before for a while, as many providers do. After each kill a request through the profile either works again, or it says that
the person must authorize anew and the provider really refused; and never is the grant given up without that refusal."""
import http.cookiejar, http.server, json, os, signal, socket, subprocess, sys, tempfile, threading, time
import urllib.error, urllib.parse, urllib.request

GATEHOUSE, ROUNDS, DATABASE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
PASSWORD = "a long password for a storm"
DIR = tempfile.mkdtemp(prefix="gatehouse-grants-")


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Provider:
    """Who gives tokens: refresh tokens rotate, access tokens end after a second."""

    def __init__(self):
        self.lock = threading.Lock()
        self.made = self.refreshes = self.refused = 0
        self.good, self.before = None, None
        self.forgiving = self.killing = False
        self.kill = lambda: None

    def tokens(self):
        self.made += 1
        self.before, self.good = self.good, f"refresh-{self.made}"
        return {"access_token": f"access-{self.made}", "token_type": "Bearer", "expires_in": 1, "refresh_token": self.good}

    def token(self, form):
        """Status and answer of the token endpoint."""
        with self.lock:
            if form.get("grant_type") == "authorization_code":
                return 200, self.tokens()
            given = form.get("refresh_token")
            if given == self.good or (self.forgiving and given == self.before):
                self.refreshes += 1
                return 200, self.tokens()
            self.refused += 1
            return 400, {"error": "invalid_grant", "error_description": "This refresh token was used."}


def handler(provider):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def say(self, status, body, headers=()):
            text = json.dumps(body).encode()
            self.send_response(status)
            for name, value in [("Content-Type", "application/json"), ("Content-Length", str(len(text))), *headers]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)
            self.wfile.flush()

        def do_GET(self):
            where = urllib.parse.urlsplit(self.path)
            asked = dict(urllib.parse.parse_qsl(where.query))
            if where.path == "/authorize":
                back = asked["redirect_uri"] + "?" + urllib.parse.urlencode({"code": "code", "state": asked["state"]})
                return self.say(302, {}, [("Location", back)])
            self.say(200, {"authorization": self.headers.get("Authorization")})

        def do_POST(self):
            form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            status, answer = provider.token(form)
            self.say(status, answer)
            if provider.killing and form.get("grant_type") == "refresh_token":
                provider.killing = False
                provider.kill()

    return Handler


class Server:
    def __init__(self, provider_url):
        self.address = f"127.0.0.1:{port()}"
        self.base = f"http://{self.address}"
        self.env = {**{k: v for k, v in os.environ.items() if not k.startswith("GATEHOUSE_")}, "GATEHOUSE_DATA_DIR": DIR, "GATEHOUSE_LISTEN": self.address,
                    "GATEHOUSE_PUBLIC_URL": self.base, "GATEHOUSE_DATABASE_URL": DATABASE, "GATEHOUSE_EGRESS_ALLOW": "127.0.0.0/8", "GATEHOUSE_LOG": "error"}
        self.provider_url = provider_url
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def command(self, *arguments, **options):
        return subprocess.run([GATEHOUSE, *arguments], env=self.env, text=True, capture_output=True, check=True, **options).stdout.strip()

    def start(self):
        self.process = subprocess.Popen([GATEHOUSE, "serve"], env=self.env)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                return urllib.request.urlopen(f"{self.base}/readyz", timeout=2).read()
            except OSError:
                time.sleep(0.02)
        sys.exit("the server did not become ready")

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)

    def call(self, method, path, body=None, token=None):
        """Status and answer; status 0 when the server went away."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(path if path.startswith("http") else self.base + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        else:
            request.add_header("Origin", self.base)
        try:
            with self.opener.open(request, timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text.startswith(b"{") else None
        except urllib.error.HTTPError as refused:
            text = refused.read()
            return refused.code, json.loads(text) if text.startswith(b"{") else None
        except OSError:
            return 0, None


def authorized(server, profile):
    """The person authorizes the profile, in the browser of the session."""
    status, begun = server.call("POST", f"/api/v1/auth-profiles/{profile}/authorize", {})
    assert status == 200, (status, begun)
    status, _ = server.call("GET", begun["redirectUrl"])
    assert status in (200, 204), status


def grant(server, profile):
    """The state of the workspace's grant, as the profile shows it."""
    status, shown = server.call("GET", f"/api/v1/auth-profiles/{profile}")
    assert status == 200, (status, shown)
    return shown["grant"]["state"]


def refreshed(server, profile, url):
    return server.call("POST", f"/api/v1/auth-profiles/{profile}/request", {"method": "GET", "url": f"{url}/echo", "as": "service"})


def round_of(n, server, provider, profile, url):
    """One kill; says what was lost: nothing, or the grant, truthfully."""
    time.sleep(1.1)
    provider.forgiving, provider.killing = n % 2 == 1, True
    refused = provider.refused
    status, _ = refreshed(server, profile, url)
    server.process.wait(10)
    assert not provider.killing, "no refresh came"
    assert status in (0, 200), status
    server.start()
    status, answer = refreshed(server, profile, url)
    state = grant(server, profile)
    if status == 200:
        assert answer["status"] == 200 and f"Bearer access-{provider.made}" in answer["body"], answer
        assert state == "ok", state
        return "works"
    assert provider.refused > refused, f"given up without a refusal: {status} {answer}"
    assert not provider.forgiving, "given up although the provider takes the token before"
    assert state == "needs_reauthorization", (status, answer, state)
    authorized(server, profile)
    assert refreshed(server, profile, url)[0] == 200
    return "says that it needs authorization"


def main():
    provider = Provider()
    at = port()
    there = http.server.ThreadingHTTPServer(("127.0.0.1", at), handler(provider))
    there.handle_error = lambda *_: None  # connections of a server that was killed
    threading.Thread(target=there.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{at}"
    server = Server(url)
    server.command("admin", "create-owner", "--workspace", "Grants", "--email", "owner@grants.example", "--password-stdin", input=PASSWORD + "\n")
    server.start()
    provider.kill = server.kill
    try:
        status, told = server.call("POST", "/api/v1/auth/login", {"email": "owner@grants.example", "password": PASSWORD})
        assert status == 200, (status, told)
        profile = {"authorizationType": "oauth2", "identityProviderName": "Rotating", "clientId": "c", "clientSecret": "a secret", "authorizationUrl": f"{url}/authorize",
                   "tokenRequestUrl": f"{url}/token", "tenancyUrl": False, "allowedHosts": [f"127.0.0.1:{at}"]}
        status, made = server.call("POST", "/api/v1/auth-profiles", profile)
        assert status == 201, (status, made)
        authorized(server, made["id"])
        status, answer = refreshed(server, made["id"], url)
        assert status == 200 and answer["status"] == 200, (status, answer)
        ends = {}
        for n in range(ROUNDS):
            end = round_of(n, server, provider, made["id"], url)
            ends[end] = ends.get(end, 0) + 1
            print(f"round {n + 1}/{ROUNDS}, the provider {'takes the token before for a while' if provider.forgiving else 'takes each token once'}: the grant {end}", flush=True)
        print(f"{ROUNDS} kills between the provider's answer and our write, {DATABASE.split(':')[0]}: " + ", ".join(f"{v} × {k}" for k, v in ends.items()))
    finally:
        server.process.kill()


main()
