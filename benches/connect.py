#!/usr/bin/env python3
"""Measures the performance goals of authorization profiles, G6.1 to G6.3: interleaved rounds (A B C A B C …) of one run, medians of
them. Use: connect.py TARGET/release [--quick] [--write]. See scripts/bench."""
import json, os, resource, shutil, sqlite3, subprocess, sys, time, urllib.request

from gate import *

ASKED = 2_000 if QUICK else 10_000
SIZES = (1, 100, 1_000) if QUICK else (1, 100, 10_000)
# of a workspace at most; further profiles are of further workspaces
EACH = 100
CONNECTIONS = 64
# seconds for which a server remembers at most what it read of a profile
REMEMBERED = 30


def target():
    """What is called, and where tokens come from; on the core of the load."""
    where = port()
    return start([os.path.join(BUILT, "floor-hello"), f"127.0.0.1:{where}"], f"http://127.0.0.1:{where}/", core=1)[0], f"http://127.0.0.1:{where}"


class Connected(Gatehouse):
    """A Gatehouse with profiles that have their tokens, and a file of requests through them."""

    def __init__(self, count, url):
        super().__init__(f"{count} profiles", Sqlite)
        self.env["GATEHOUSE_EGRESS_ALLOW"] = "127.0.0.0/8"
        self.env["GATEHOUSE_OUTBOUND_REQUESTS_PER_MINUTE"] = "10000000"
        self.count, self.url = count, url
        self.serve()

    def owners(self):
        yield self.owner
        for n in range(1, -(-self.count // EACH)):
            name = f"Bench {n}"
            self.command("admin", "create-owner", "--workspace", name, "--email", f"owner{n}@bench.example", "--password-stdin", input="a long password for a bench\n")
            yield self.command("admin", "token", "--workspace", name, "--email", f"owner{n}@bench.example", "--ttl", "7200")

    def profiles(self):
        """Makes them over the API, each with its first token; gives a token of the person and a path for each."""
        found = []
        for owner in self.owners():
            for n in range(min(EACH, self.count - len(found))):
                profile = {"name": f"Profile {n}", "identityProviderName": f"Profile {n}", "authorizationType": "oauth2_client_credentials", "clientId": "bench",
                           "clientSecret": "a secret of the bench", "tokenRequestUrl": f"{self.url}/token", "allowedHosts": ["127.0.0.1"]}
                status, made = call(self.address, owner, "POST", "/api/v1/auth-profiles", profile)
                assert status == 201, (status, made)
                found.append((owner, f"/api/v1/auth-profiles/{made['id']}/request"))
        body = {"method": "GET", "url": f"{self.url}/"}
        for owner, path in found:
            status, answer = call(self.address, owner, "POST", path, body)
            assert status == 200 and answer["status"] == 200, (status, answer)
        return found

    def file(self):
        """So many requests as are asked in a round, through all profiles in turn."""
        found, self.requests, self.tokens = self.profiles(), os.path.join(self.dir, "requests"), os.path.join(self.dir, "tokens")
        body = json.dumps({"method": "GET", "url": f"{self.url}/"})
        with open(self.requests, "w") as requests, open(self.tokens, "w") as tokens:
            for n in range(ASKED):
                owner, path = found[n * 7919 % len(found)]
                requests.write(f"POST\t{path}\t{body}\n")
                tokens.write(owner + "\n")
        return self


def asking(pids, address, requests, *options):
    def case(_):
        used, rate, told = measured(pids, ASKED, lambda: tool("bench-load", "calls", address, requests, "--connections", CONNECTIONS, "--media", "application/json", *options))
        if told["statuses"] != {"200": ASKED}:
            sys.exit(f"{address}: {told['statuses']}")
        return used, rate
    return case


def direct(url):
    """The same HTTP client calls the target itself, on the core of the servers."""
    def case(_):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = json.loads(tool("floor-forward", url, ASKED, core=0))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return used * 1e6 / ASKED, ASKED / told["seconds"]
    return case


def proxy(url):
    """nginx that passes on with a fixed header."""
    where, file = port(), os.path.join(DIR, "proxy.conf")
    with open(file, "w") as f:
        f.write(f"daemon off; worker_processes 1; pid {DIR}/proxy.pid; error_log /dev/null; events {{ worker_connections 1024; }}\n"
                f"http {{ access_log off; keepalive_requests 100000000; upstream there {{ server {url.removeprefix('http://')}; keepalive 64; keepalive_requests 100000000; }}\n"
                + "".join(f"{name}_temp_path {DIR}/proxy-{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")) +
                f"server {{ listen 127.0.0.1:{where}; location / {{ proxy_pass http://there; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Authorization 'Bearer token-of-the-floor'; }} }} }}\n")
    process, _ = start(["nginx", "-c", file, "-p", DIR], f"http://127.0.0.1:{where}/")
    return process, f"127.0.0.1:{where}"


def calls(sized, url):
    floor_at = port()
    floor, _ = start([os.path.join(BUILT, "floor-forward"), f"127.0.0.1:{floor_at}"], f"http://127.0.0.1:{floor_at}/")
    plain, passed = os.path.join(DIR, "forwarded"), os.path.join(DIR, "passed")
    for file, line in ((plain, "POST\t/\t" + json.dumps({"method": "GET", "url": f"{url}/"})), (passed, "GET\t/\t")):
        with open(file, "w") as f:
            f.write((line + "\n") * ASKED)
    cases = {"direct": direct(f"{url}/"), "forwarder": asking([floor.pid], f"127.0.0.1:{floor_at}", plain)}
    if shutil.which("nginx"):
        process, address = proxy(url)
        cases["nginx"] = asking([process.pid], address, passed)
    cases |= {one.label: asking(one.pids, one.address, one.requests, "--tokens", one.tokens) for one in sized}
    figures = interleaved("calls", cases)
    forwarder, _ = figures["forwarder"]
    alone, alone_rate = figures["direct"]
    few = figures[sized[0].label][0]
    for one in sized:
        used, rate = figures[one.label]
        what = f"a request through one of {one.count:,} profiles"
        row("G6.1", what, f"{used:.0f} µs CPU, {rate:.0f} a second", f"{used / forwarder:.2f} × a bare forwarder: {forwarder:.0f} µs", "≤ 1.15 ×", used <= 1.15 * forwarder)
        row("G6.1", what, f"{rate / alone_rate:.2f} × the requests a second", f"the same client alone: {alone:.0f} µs, {alone_rate:.0f} a second", "≥ 0.85 ×", rate >= 0.85 * alone_rate)
        if one is not sized[0]:
            row("G6.1", what, f"{used / few:.2f} × the cost through the only one", f"{few:.0f} µs", "flat", used <= 1.15 * few)
        if "nginx" in figures:
            row("G6.1", what, f"{used / figures['nginx'][0]:.2f} ×", f"nginx with a fixed header: {figures['nginx'][0]:.0f} µs", "≤ 1.6 ×", used <= 1.6 * figures["nginx"][0])


def memory(sized):
    few, many = (status(one.process.pid, "VmRSS") for one in (sized[0], sized[-1]))
    each = (many - few) * 1024 * 1024 / (sized[-1].count - sized[0].count)
    row("G6.3", f"memory a profile in use, {sized[-1].count:,} profiles", f"{each:.0f} bytes", f"{many:.0f} MB in all", "≤ 200 bytes beyond the token", each <= 200 + 64)


def wakes(pid):
    """How often threads of a process have slept and were woken."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            total += int(next(line for line in f if line.startswith("voluntary_ctxt")).split()[1])
    return total


def idle(sized):
    """Ten seconds in which nothing is asked and no token ends."""
    ends = (sized[0], sized[-1])
    before = [wakes(one.process.pid) for one in ends]
    time.sleep(10)
    few, many = ((wakes(one.process.pid) - then) / 10 for one, then in zip(ends, before))
    row("G6.3", f"wake-ups a second while nothing ends, {sized[-1].count:,} profiles", f"{many:.1f}", f"{few:.1f} with one profile", "no more", many <= few * 1.1 + 1)


def expiring(one, url):
    """All tokens end at the same moment, while each is asked for again and again."""
    asked = lambda: int(urllib.request.urlopen(f"{url}/asked", timeout=5).read())
    file = next(os.path.join(one.dir, f) for f in os.listdir(one.dir) if f.endswith((".db", ".sqlite", ".sqlite3")))
    play = lambda: json.loads(tool("bench-load", "calls", one.address, one.requests, "--connections", CONNECTIONS, "--media", "application/json", "--tokens", one.tokens))
    quiet = play()
    with sqlite3.connect(file, timeout=30) as db:
        ended = db.execute("UPDATE oauth_grants SET expires_at = ?", (int(time.time() * 1e6) - 1_000_000,)).rowcount
        latest = db.execute("SELECT MAX(at) FROM outbound_calls").fetchone()[0]
    # the server cannot know of what is written beside it: it reads again what it remembers
    time.sleep(REMEMBERED + 1)
    before = asked()
    told = play()
    if told["statuses"] != {"200": ASKED}:
        sys.exit(f"while tokens end: {told['statuses']}")
    with sqlite3.connect(file, timeout=30) as db:
        used = db.execute("SELECT COUNT(DISTINCT holder_id) FROM outbound_calls WHERE at > ?", (latest,)).fetchone()[0]
        stale = db.execute("SELECT COUNT(*) FROM outbound_calls c JOIN oauth_grants g ON g.id = c.credential WHERE c.at > ? AND c.credential_version < g.version", (latest,)).fetchone()[0]
    refreshed = asked() - before
    what = f"{ended:,} tokens end at once"
    row("G6.2", what, f"{refreshed:,} new tokens for the {used:,} profiles in use", f"{stale} calls with a token that had ended", "one each, 0", refreshed == used and stale == 0)
    later = (told["p99_us"] - quiet["p99_us"]) / 1000
    row("G6.2", what, f"p99 {told['p99_us'] / 1000:.0f} ms", f"{quiet['p99_us'] / 1000:.0f} ms when none ends", "+ 5 ms and a round trip", later <= 6)


try:
    say(f"load average before: {os.getloadavg()}")
    _, url = target()
    sized = [Connected(count, url).file() for count in SIZES]
    section("calls", lambda: calls(sized, url))
    section("memory", lambda: memory(sized))
    section("idle", lambda: idle(sized))
    section("expiring", lambda: expiring(sized[-1], url))
    write(("<!-- connect results -->", "<!-- end of connect results -->"))
finally:
    end()
