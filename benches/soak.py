#!/usr/bin/env python3
"""Ten minutes at full rate (`soak.py TARGET/release [SECONDS]`): 64 connections ask for keys of which the answer is known (good ones, strangers,
the wrong scope), while others are made and deleted over the API and asked for before and after. Not one answer may be wrong, and memory stays."""
import os, random, subprocess, sys, time

from gate import *

SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 600
KEYS = 10_000
# after this share of the time memory has found its size
WARM = 0.25


def expectations(one, dice):
    """Keys with what is to be answered when `orders:read` is asked for."""
    _, path = made(one, "Other scope")
    status, other = call(one.address, one.owner, "POST", path.rsplit("/", 1)[0], {"name": "other"})
    assert status == 201, status
    unknown = [key(dice) for _ in range(200)]
    lines = [f"{k}\t200" for k in one.keys] + [f"{k}\t401" for k in unknown] + [f"{other['plainValue']}\t403"] * 200 + ["gh_typo\t401"] * 50
    dice.shuffle(lines)
    file = os.path.join(one.dir, "soak")
    with open(file, "w") as f:
        f.write("\n".join(lines) + "\n")
    return file


def churn(one, n):
    """One key's life; says how many answers were wrong."""
    status, app = call(one.address, one.owner, "POST", "/api/v1/api-apps", {"name": f"Soak {n}", "scopes": ["workflow:deploy"]})
    if status != 201:
        return f"an app was answered {status}"
    path = f"/api/v1/api-apps/{app['id']}"
    status, fresh = call(one.address, one.owner, "POST", f"{path}/keys", {"name": "k"})
    if status != 201:
        return f"a key was answered {status}"
    value, wrong = fresh["plainValue"], []
    asked = lambda wanted: [s for s in (call(one.address, value, "GET", "/authz")[0] for _ in range(5)) if s != wanted]
    wrong += asked(200)
    gone = f"{path}/keys/{fresh['key']['id']}" if n % 2 else path
    status, _ = call(one.address, one.owner, "DELETE", gone)
    if status not in (200, 204):
        return f"{gone} was answered {status} at its end"
    wrong += asked(401)
    if n % 2:
        call(one.address, one.owner, "DELETE", path)
    return f"wrong answers: {wrong}" if wrong else None


failed = []
try:
    one = Gatehouse("soak", Sqlite).seed(KEYS).serve()
    time.sleep(2)
    file = expectations(one, random.Random(7))
    load = subprocess.Popen(["taskset", "-c", "1", os.path.join(BUILT, "bench-load"), "gate", one.address, file, "--scope", SCOPE, "--connections", "64",
                             "--seconds", str(SECONDS)], stdout=subprocess.PIPE, text=True, env=CLEAN)
    began, lives, memory = time.monotonic(), 0, []
    while load.poll() is None:
        wrong = churn(one, lives)
        if wrong:
            failed.append(wrong)
        lives += 1
        memory.append((time.monotonic() - began, status(one.process.pid, "VmRSS")))
        # the owner's token ends after a quarter of an hour
        if lives % 500 == 0:
            one.owner = one.command("admin", "token", "--workspace", "Bench", "--email", "owner@bench.example")
    told = json.loads(load.communicate()[0] or "{}")
    if load.returncode or told["wrong"]:
        failed.append(f"under load: {told}")
    settled = [m for t, m in memory if t > SECONDS * WARM]
    third = max(1, len(settled) // 3)
    early, late = max(settled[:third]), max(settled[-third:])
    say(f"{told['count']:,} answers in {told['seconds']:.0f} s ({told['count'] / told['seconds']:,.0f} a second), {told['wrong']} wrong; {told['statuses']}")
    say(f"{lives:,} keys were made and deleted meanwhile, {len(failed)} answers about them wrong")
    say(f"memory: {early:.1f} MB at the most at first, {late:.1f} MB at the end")
    if late > early * 1.05 + 1:
        failed.append(f"memory grew from {early:.1f} MB to {late:.1f} MB")
finally:
    end()
for one in failed[:20]:
    say(one)
sys.exit(1 if failed else 0)
