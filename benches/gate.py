"""A Gatehouse with API keys, many of them seeded, and the calls that a measurement makes of it."""
import hashlib, json, os, random, shutil, sqlite3, string, subprocess, urllib.error, urllib.request, zlib

from harness import *

LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
SCOPE = "orders:read"
# of all keys so many are asked for, from everywhere among them
IN_USE = 1_000


def key(dice):
    """`gh_`, 40 random characters, and the CRC-32 of them in base 62."""
    text = "".join(dice.choices(LETTERS, k=40))
    rest, sum = zlib.crc32(text.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        sum = LETTERS[digit] + sum
    return f"gh_{text}{sum}"


def call(address, token, method, path, body=None):
    """An answer's status and body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{address}{path}", data=data, method=method, headers={"Content-Type": "application/json"})
    name, value = ("X-API-KEY", token) if token.startswith("gh_") else ("Authorization", f"Bearer {token}")
    request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as refused:
        return refused.code, None


class Gatehouse:
    path = "/authz"

    def __init__(self, label, kind, shared=None):
        self.label, self.dir = label, os.path.join(DIR, label)
        os.makedirs(self.dir)
        self.db = shared.db if shared else kind(self.dir)
        where = port()
        self.address = f"127.0.0.1:{where}"
        self.env = {"GATEHOUSE_DATA_DIR": self.dir, "GATEHOUSE_LISTEN": self.address, "GATEHOUSE_LOG": "error", "GATEHOUSE_DATABASE_URL": self.db.url,
                    "GATEHOUSE_PUBLIC_URL": "http://gatehouse.example"}
        if shared:
            shutil.copytree(shared.dir, self.dir, dirs_exist_ok=True)
            self.owner = shared.owner
        else:
            self.command("admin", "create-owner", "--workspace", "Bench", "--email", "owner@bench.example", "--password-stdin", input="a long password for a bench\n")
            self.owner = self.command("admin", "token", "--workspace", "Bench", "--email", "owner@bench.example")
        self.keys = []

    def command(self, *arguments, **options):
        return subprocess.run([os.path.join(BUILT, "gatehouse"), *arguments], env={**CLEAN, **self.env}, text=True, capture_output=True, check=True, **options).stdout.strip()

    def serve(self):
        self.process, self.ready = start([os.path.join(BUILT, "gatehouse"), "serve"], f"http://{self.address}/readyz", self.env)
        self.pids = [self.process.pid, *self.db.pids]
        return self

    def seed(self, count):
        """Keys straight into the tables, a thousand of each app."""
        dice, apps = random.Random(count), max(1, count // 1_000)
        workspace = self.db.query("SELECT id FROM workspaces")[0][0]
        file = next(os.path.join(self.dir, f) for f in os.listdir(self.dir) if f.endswith((".db", ".sqlite", ".sqlite3")))
        now, app = 1_790_000_000_000_000, lambda n: f"app_{n:032x}"
        with sqlite3.connect(file) as db:
            db.executemany("INSERT INTO api_apps (id, workspace_id, version, name, name_key, scopes, watched, status, networks, owner_kind, created_at, updated_at) "
                           "VALUES (?, ?, 1, ?, ?, ?, '', 'active', '', 'service', ?, ?)",
                           ((app(n), workspace, f"App {n}", f"app {n}", f"{SCOPE} orders:write", now, now) for n in range(apps)))
            def rows():
                for n in range(count):
                    text = key(dice)
                    if n % max(1, count // 10_000) == 0:
                        self.keys.append(text)
                    yield (f"apk_{n:032x}", workspace, app(n % apps), f"Key {n}", f"key {n}", hashlib.sha256(text.encode()).hexdigest(), f"gh_…{text[-4:]}", now)
            db.executemany("INSERT INTO api_keys (id, workspace_id, app_id, version, name, name_key, digest, masked, networks, owner_kind, created_at) "
                           "VALUES (?, ?, ?, 1, ?, ?, ?, ?, '', 'service', ?)", rows())
        dice.shuffle(self.keys)
        self.file, self.many = os.path.join(self.dir, "keys"), os.path.join(self.dir, "many-keys")
        for file, keys in ((self.file, self.keys[:IN_USE]), (self.many, self.keys)):
            with open(file, "w") as f:
                f.write("\n".join(keys) + "\n")
        self.count = count
        return self


def made(one, name):
    """A key over the API: its value and its path."""
    status, app = call(one.address, one.owner, "POST", "/api/v1/api-apps", {"name": name, "scopes": ["workflow:deploy"]})
    assert status == 201, status
    path = f"/api/v1/api-apps/{app['id']}/keys"
    status, key = call(one.address, one.owner, "POST", path, {"name": "k"})
    assert status == 201, status
    return key["plainValue"], f"{path}/{key['key']['id']}"
