#!/usr/bin/env python3
"""Measures the performance goal of custom scripts, G4.3: calls over HTTP beside a bare socket before the same function in the same
interpreter and beside a process for each call, starts of replicas beside bare interpreters, memory, and the autoscaler; in interleaved rounds
(A B C A B C …) of one run. Use: scripts.py TARGET/release [--quick] [--write] [--without-scaling]. See scripts/bench."""
import io, json, os, shutil, socket, subprocess, sys, tarfile, time, urllib.request, uuid

from gate import *

ALONE = 300 if QUICK else 2_000
PROGRAMS = 5 if QUICK else 20
STARTS = 3 if QUICK else 10
CALLS = 2_000 if QUICK else 8_000
WAITS = 400 if QUICK else 1_000
CONNECTIONS = 64
# calls that a replica takes at a time, and how long one of the function `waits` takes
PLACES, WAIT = 8, 0.01
# seconds: how long a replica must be ready before its use counts, and how long the second one may take
WARM_UP, PATIENCE = 31, 90
ARGUMENTS = '{"a": 1, "b": 2}'

MAINS = {
    "python": ("main.py", """import time

def add(a, b):
    return {"sum": a + b}

def waits():
    time.sleep(%s)
    return {}

def works():
    until = time.perf_counter() + 0.02
    while time.perf_counter() < until:
        pass
    return {}
""" % WAIT),
    "javascript": ("main.js", """exports.add = function ({ a, b }) {
  return { sum: a + b }
}
exports.waits = function () {
  return new Promise((resolve) => setTimeout(() => resolve({}), %s))
}
exports.works = function () {
  const until = performance.now() + 20
  while (performance.now() < until) {}
  return {}
}
""" % (WAIT * 1000)),
}


def interpreter(language):
    """The program itself, not what chooses one."""
    names, ask = {"python": (("python3.10", "python3"), ("-c", "import sys; print(sys.executable)")), "javascript": (("node",), ("-p", "process.execPath"))}[language]
    given = os.environ.get({"python": "GATEHOUSE_SCRIPT_PYTHON", "javascript": "GATEHOUSE_SCRIPT_NODE"}[language])
    for name in (given,) if given else names:
        told = subprocess.run([name, *ask], capture_output=True, text=True)
        if told.returncode == 0:
            return os.path.realpath(told.stdout.strip())
    sys.exit(f"no interpreter for {language}")


class Scripting(Gatehouse):
    """A Gatehouse with scripts in service."""

    def __init__(self):
        super().__init__("scripts", Sqlite)
        self.programs = {language: interpreter(language) for language in MAINS}
        self.env |= {"GATEHOUSE_SCRIPT_PYTHON": self.programs["python"], "GATEHOUSE_SCRIPT_NODE": self.programs["javascript"], "GATEHOUSE_SCRIPT_CREDITS": "1000000"}
        self.projects = {}
        for language, (name, text) in MAINS.items():
            self.projects[language] = os.path.join(DIR, f"project-{language}")
            os.makedirs(self.projects[language])
            with open(os.path.join(self.projects[language], name), "w") as f:
                f.write(text)
        self.serve()

    def owned(self, method, path, body=None):
        status, answer = call(self.address, self.owner, method, path, body)
        if status not in (200, 201, 202):
            sys.exit(f"{method} {path}: {status} {answer}")
        return answer

    def imported(self, name, language, **settings):
        """A project as an archive beside its settings."""
        file, (main, text) = io.BytesIO(), MAINS[language]
        with tarfile.open(fileobj=file, mode="w") as tar:
            entry = tarfile.TarInfo(main)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
        mark, settings = uuid.uuid4().hex, json.dumps({"name": name, "language": language, **settings})
        head = (f'--{mark}\r\nContent-Disposition: form-data; name="settings"\r\nContent-Type: application/json\r\n\r\n{settings}\r\n'
                f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="project.tar"\r\nContent-Type: application/octet-stream\r\n\r\n')
        request = urllib.request.Request(f"http://{self.address}/api/v1/scripts", data=head.encode() + file.getvalue() + f"\r\n--{mark}--\r\n".encode(), method="POST",
                                         headers={"Content-Type": f"multipart/form-data; boundary={mark}", "Authorization": f"Bearer {self.owner}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["id"]

    def deployed(self, name, language, replicas, **settings):
        one = Script(self, self.imported(name, language, minReplicas=replicas, **settings), language, replicas)
        self.owned("POST", f"/api/v1/scripts/{one.id}/deploy", {"acceptTerms": True})
        began = time.perf_counter()
        while (told := self.owned("GET", f"/api/v1/scripts/{one.id}"))["status"] == "Deploying":
            if time.perf_counter() - began > 150:
                sys.exit(f"{name} is not in service")
            time.sleep(0.05)
        if told["status"] != "Deployed":
            sys.exit(f"{name}: {told['status']}: {told.get('reason')}")
        one.took = self.owned("GET", f"/api/v1/scripts/{one.id}/deployments")["data"][0]["durationMs"]
        one.key = self.owned("POST", f"/api/v1/scripts/{one.id}/keys", {})["value"]
        return one

    def workers(self, language):
        """The processes of its replicas that run an interpreter."""
        program, found = self.programs[language], []
        for pid in tree(self.process.pid)[1:]:
            try:
                if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == os.path.basename(program):
                    found.append(pid)
            except OSError:
                pass
        return found


class Script:
    def __init__(self, one, id, language, replicas):
        self.one, self.id, self.language, self.replicas = one, id, language, replicas

    def calls(self, function, count, connections, arguments="{}"):
        file = os.path.join(DIR, f"{function}-{self.id}")
        with open(file, "w") as f:
            f.write(f"POST\t/api/public/scripts/{self.id}/functions/{function}\t{arguments}\n" * count)
        before = cpu(self.one.process.pid)
        told = json.loads(tool("bench-load", "calls", self.one.address, file, "--connections", connections, "--media", "application/json", "--key", self.key))
        if told["statuses"] != {"200": count}:
            sys.exit(f"{function}: {told}")
        return (cpu(self.one.process.pid) - before) / 1000 / count, count / told["seconds"], told

    def alone(self, _):
        _, rate, told = self.calls("add", ALONE, 1, ARGUMENTS)
        return told["p50_us"], rate

    def undeploy(self):
        self.one.owned("POST", f"/api/v1/scripts/{self.id}/undeploy")


# the floors

class Echo:
    """The same function behind a bare socket, outside of a sandbox."""

    def __init__(self, one, language, address):
        self.address, file = str(address), {"python": "echo.py", "javascript": "echo.cjs"}[language]
        log = open(os.path.join(DIR, "servers.log"), "a")
        command = [one.programs[language], *(["-I"] if language == "python" else []), os.path.join(HERE, "peers", file), one.projects[language], "add", self.address]
        self.process = subprocess.Popen(["taskset", "-c", "0", *command], stdout=log, stderr=log, env=CLEAN)
        stops.append(self.process)
        self.used = []
        if self.address.isdigit():
            self.address = f"127.0.0.1:{address}"
        for _ in range(200):
            if self.process.poll() is not None:
                sys.exit(f"the echo in {language} ended")
            if subprocess.run([os.path.join(BUILT, "bench-load"), "echo", self.address, ARGUMENTS, "--count", "1"], capture_output=True).returncode == 0:
                return
            time.sleep(0.02)
        sys.exit(f"no echo in {language}")

    def case(self, _):
        before = cpu(self.process.pid)
        told = json.loads(tool("bench-load", "echo", self.address, ARGUMENTS, "--count", ALONE))
        self.used.append((cpu(self.process.pid) - before) / 1000 / ALONE)
        return told["p50_ns"] / 1000, ALONE / told["seconds"]


def engine(one, language, *options):
    """The sandbox without the product."""
    dir = os.path.join(DIR, f"engine-{uuid.uuid4().hex}")
    os.makedirs(dir)
    return json.loads(tool("bench-replica", language, one.programs[language], one.projects[language], "add", ARGUMENTS, "--dir", dir, *options, core="0,1"))


def programs(one, language):
    """A process for each call, on the core of the servers."""
    if language == "python":
        text = "import json, sys\n" + MAINS[language][1] + "\njson.dump(add(**json.load(sys.stdin)), sys.stdout)"
        command = [one.programs[language], "-I", "-S", "-c", text]
    else:
        text = MAINS[language][1] + "\nprocess.stdout.write(JSON.stringify(exports.add(JSON.parse(require('node:fs').readFileSync(0)))))"
        command = [one.programs[language], "-e", text]

    def case(_):
        told = json.loads(tool("bench-load", "programs", ARGUMENTS, "--count", PROGRAMS, "--", *command, core=0))
        return told["p50_us"], PROGRAMS / told["seconds"]
    return case


# what is measured

def warm(one, language, script):
    echoes = {"socket": Echo(one, language, port()), "pipe": Echo(one, language, os.path.join(DIR, f"echo-{language}"))}
    def direct(_):
        used = engine(one, language, "--calls", ALONE)["p50_ns"] / 1000
        return used, 1e6 / used
    cases = {"call": script.alone, **{name: echo.case for name, echo in echoes.items()}, "replica": direct, "programs": programs(one, language)}
    for case in cases.values():
        case(99)
    for echo in echoes.values():
        echo.used.clear()
    figures = interleaved(f"{language}, one at a time", cases)
    us = {label: figure[0] for label, figure in figures.items()}
    what = f"a warm call over HTTP, {NAMES[language]}"
    row("G4.3", what, f"p50 {us['call']:.0f} µs", f"{us['call'] / us['socket']:.2f} × a bare socket to the same function without a sandbox: {us['socket']:.1f} µs", "≤ 1.5 ×", us["call"] <= 1.5 * us["socket"])
    row("G4.3", what, f"{us['call'] - us['socket']:.0f} µs more than the bare socket", "key, routing, sandbox, record of the run, answer", "≤ 500 µs", us["call"] - us["socket"] <= 500)
    row("G4.3", what, f"{us['programs'] / us['call']:.0f} × sooner", f"a process for each call: {us['programs'] / 1000:.1f} ms", "≥ 20 ×", us["programs"] >= 20 * us["call"])
    row("G4.3", f"the sandbox alone, {NAMES[language]}", f"p50 {us['replica']:.1f} µs", f"{us['replica'] / us['pipe']:.2f} × a bare Unix socket: {us['pipe']:.1f} µs", "≤ 1.5 ×", us["replica"] <= 1.5 * us["pipe"])
    for echo in echoes.values():
        stop(echo.process)
    return median(echoes["socket"].used)


def busy(one, language, scripts, bare):
    """No-op calls and calls that wait, over many connections, for each number of replicas."""
    workers, shares = set(one.workers(language)), {script: [] for script in scripts}
    def case(script):
        def measure(_):
            before = cpu(*workers)
            used, rate, _ = script.calls("add", CALLS, CONNECTIONS, ARGUMENTS)
            shares[script].append((cpu(*workers) - before) / 1000 / CALLS)
            return used, rate
        return measure
    def waiting(script):
        def measure(_):
            used, rate, _ = script.calls("waits", WAITS * script.replicas, CONNECTIONS)
            return used, rate
        return measure
    cases = {}
    for script in scripts:
        cases[f"{script.replicas}"] = case(script)
        cases[f"{script.replicas}, waiting"] = waiting(script)
    for make in cases.values():
        make(99)
    for share in shares.values():
        share.clear()
    figures = interleaved(f"{language}, {CONNECTIONS} connections", cases)
    for script in scripts:
        used, rate = figures[f"{script.replicas}"]
        replicas = f"{script.replicas} replica" + ("s" if script.replicas > 1 else "")
        what = f"{CONNECTIONS} connections, {replicas}, {NAMES[language]}"
        row("G4.3", what, f"{rate:.0f} calls a second", f"all on one core; {used:.0f} µs CPU a call, {median(shares[script]):.0f} of it the replica's; a bare socket's: {bare:.0f} µs", "≥ 3000 a second", rate >= 3000)
        _, rate = figures[f"{script.replicas}, waiting"]
        most = script.replicas * PLACES / WAIT
        row("G4.3", f"calls that wait {WAIT * 1000:.0f} ms, {what}", f"{rate:.0f} a second", f"{rate / most:.2f} × what {script.replicas * PLACES} places allow", "", None)


def starts(one, language):
    took = {"replica_us": [], "bare_us": [], "unshare_us": []}
    for n in range(ROUNDS):
        told = engine(one, language, "--starts", STARTS)
        for name in took:
            took[name] += told[name]
        say(f"{language}, starts {n + 1}/{ROUNDS}: " + ", ".join(f"{name} {median(told[name]) / 1000:.1f} ms" for name in took))
    replica, bare, apart = (median(took[name]) / 1000 for name in ("replica_us", "bare_us", "unshare_us"))
    fastest, barest = (min(took[name]) / 1000 for name in ("replica_us", "bare_us"))
    program, bound = {"python": ("python3 -I -S -c pass", 1.5), "javascript": ("node -e 0", 1.3)}[language]
    what = f"a replica starts and answers, {NAMES[language]}"
    row("G4.3", what, f"p50 {replica:.1f} ms, fastest {fastest:.1f} ms", f"{replica / bare:.2f} × {program} to its end: {bare:.1f} ms ({fastest / barest:.2f} × by the fastest)", "≤ 3 ×", replica <= 3 * bare)
    row("G4.3", what, f"p50 {replica:.1f} ms", f"{replica / apart:.2f} × the same in unshare: {apart:.1f} ms", f"≤ {bound} ×", replica <= bound * apart)


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:")) / 1024


def memory(one, language, script):
    """Of idle replicas, beside as many bare interpreters that wait."""
    idle = {"python": ["-I", "-S", "-c", "import sys; sys.stdin.read()"], "javascript": ["-e", "process.stdin.resume()"]}[language]
    workers = one.workers(language)
    bare = [subprocess.Popen([one.programs[language], *idle], stdin=subprocess.PIPE, env=CLEAN) for _ in workers]
    time.sleep(2)
    held = [pss(pid) for pid in workers]
    alone = [pss(process.pid) for process in bare]
    for process in bare:
        process.communicate()
    inits = [pid for pid in tree(one.process.pid)[1:] if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "gatehouse"]
    around = sum(map(pss, inits)) / (len(one.workers("python")) + len(one.workers("javascript")))
    row("G4.3", f"memory of an idle replica, {NAMES[language]}", f"{median(held):.1f} MB, and {around:.2f} MB around it", f"{median(alone):.1f} MB: a bare interpreter that waits (proportional shares)", "≤ 2 MB around it", around <= 2)


def scaling(one, language):
    """From the beginning of a load that fills one replica to the second one."""
    # both cores: beside the server on one core a replica does not get all that its profile allows
    run("taskset", "-a", "-c", "-p", "0,1", str(one.process.pid))
    script = one.deployed(f"Scaling {language}", language, 1, maxReplicas=2, averageComputeUtilization=75)
    time.sleep(WARM_UP)
    file, before = os.path.join(DIR, f"works-{language}"), set(one.workers(language))
    with open(file, "w") as f:
        f.write(f"POST\t/api/public/scripts/{script.id}/functions/works\t{{}}\n" * 100_000)
    began = time.perf_counter()
    load = subprocess.Popen(["taskset", "-c", "1", os.path.join(BUILT, "bench-load"), "calls", one.address, file, "--connections", "16", "--media", "application/json", "--key", script.key],
                            stdout=subprocess.DEVNULL, env=CLEAN)
    try:
        while not set(one.workers(language)) - before:
            if time.perf_counter() - began > PATIENCE:
                sys.exit(f"no second replica within {PATIENCE} s")
            time.sleep(0.05)
        took = time.perf_counter() - began
    finally:
        load.kill()
        load.wait()
    row("G4.3", f"a second replica under load, {NAMES[language]}", f"{took:.1f} s after the load began", "one replica at its limit of 0.7 processors; decided every 15 s over what was used since", "≤ 30 s", took <= 30)
    script.undeploy()
    run("taskset", "-a", "-c", "-p", "0", str(one.process.pid))


def all_of(one, language):
    scripts = [one.deployed(f"{language} {replicas}", language, replicas) for replicas in (1, 2, 4)]
    section("memory", lambda: memory(one, language, scripts[-1]))
    row("G4.3", f"deployed, {NAMES[language]}", f"{scripts[0].took} ms with one replica, {scripts[-1].took} ms with four", "reads the project, lists its functions, starts", "", None)
    bare = warm(one, language, scripts[0])
    section("busy", lambda: busy(one, language, scripts, bare))
    section("starts", lambda: starts(one, language))
    for script in scripts:
        script.undeploy()
    if "--without-scaling" not in sys.argv:
        section("scaling", lambda: scaling(one, language))


NAMES = {"python": "Python", "javascript": "JavaScript"}
try:
    os.sched_setaffinity(0, {1})
    say(f"load average before: {os.getloadavg()}")
    one = Scripting()
    for language in MAINS:
        section(language, lambda: all_of(one, language))
    write(("<!-- scripts results -->", "<!-- end of scripts results -->"))
finally:
    end()
