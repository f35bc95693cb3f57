"""What all measurements share: processes and their CPU time, the two databases, interleaved rounds, the table.
Servers and their databases run on core 0, the load on core 1; CPU time is that of the whole process tree."""
import datetime, json, os, re, shutil, signal, socket, sqlite3, statistics, subprocess, sys, tempfile, time, traceback, urllib.request

BUILT = os.path.abspath(sys.argv[1])
QUICK, WRITE = "--quick" in sys.argv, "--write" in sys.argv
# rows of other goals that a part of the measurement was written with before stay in the table
ADD = "--add" in sys.argv
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PEERS = os.path.abspath(os.environ.get("PEERS", os.path.join(ROOT, ".dev/peers")))
ROUNDS = 3 if QUICK else 7
DIR = tempfile.mkdtemp(prefix="gatehouse-bench-")
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("GATEHOUSE_")}
stops = []


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, core=1, **options):
    done = subprocess.run(["taskset", "-c", str(core), *command], capture_output=True, text=True, env=CLEAN, **options)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
    return done.stdout.strip()


def tool(name, *arguments, core=1):
    return run(os.path.join(BUILT, name), *map(str, arguments), core=core)


# processes

def tree(pid):
    """A process and all below it, whichever of its threads started them."""
    found = [pid]
    for one in found:
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{thread}/children") as f:
                    found += [int(p) for p in f.read().split()]
        except OSError:
            pass
    return found


def cpu(*pids):
    """Nanoseconds on a processor so far, of the processes and all below them. Threads that have ended are only in the
    coarser count of their process, which is taken where it is the greater one."""
    total, tick = 0, 1e9 / os.sysconf("SC_CLK_TCK")
    for pid in (p for top in pids for p in tree(top)):
        fine = 0
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                    fine += int(f.read().split()[0])
            with open(f"/proc/{pid}/stat") as f:
                parts = f.read().rsplit(")", 1)[1].split()
            coarse = (int(parts[11]) + int(parts[12])) * tick
            total += coarse if coarse > fine + 5 * tick else fine
        except OSError:
            total += fine
    return total


def status(pid, name):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name + ":")) / 1024


def await_ready(url, process, began):
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).read()
            return (time.perf_counter() - began) * 1000
        except OSError:
            if process.poll() is not None or time.perf_counter() - began > 120:
                sys.exit(f"{url} did not become ready")
            time.sleep(0.002)


def start(command, url, env=None, core=0):
    began = time.perf_counter()
    log = open(os.path.join(DIR, "servers.log"), "a")
    process = subprocess.Popen(["taskset", "-c", str(core), *command], env={**CLEAN, **(env or {})}, stdout=log, stderr=log)
    stops.append(process)
    return process, await_ready(url, process, began)


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


# databases

class Sqlite:
    name = "SQLite"

    def __init__(self, dir):
        self.dir, self.url, self.pids = dir, "sqlite:", []

    def query(self, text):
        files = [f for f in os.listdir(self.dir) if f.endswith((".db", ".sqlite", ".sqlite3"))]
        with sqlite3.connect(os.path.join(self.dir, files[0])) as db:
            return db.execute(text).fetchall()

    def columns(self, table):
        return [row[1] for row in self.query(f"PRAGMA table_info({table})")]


class Postgres:
    name = "PostgreSQL"
    server = None

    def __init__(self, dir):
        if Postgres.server is None:
            Postgres.server = start_postgres()
        process, where = Postgres.server
        self.pids, self.base = [process.pid], f"bench_{os.path.basename(dir).replace('-', '_').lower()}"
        self.url = f"postgres://postgres@127.0.0.1:{where}/{self.base}"
        subprocess.run(["psql", "-qXh", "127.0.0.1", "-p", str(where), "-U", "postgres", "-c", f"create database {self.base}"], check=True)

    def query(self, text):
        out = subprocess.run(["psql", "-qAtXv", "ON_ERROR_STOP=1", self.url, "-c", text], check=True, capture_output=True, text=True).stdout
        return [tuple(line.split("|")) for line in out.splitlines()]

    def columns(self, table):
        wanted = f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"
        return [row[0] for row in self.query(wanted)]


def start_postgres():
    """A server of our own on core 0, durable as it comes."""
    bins = subprocess.run("ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1", shell=True, capture_output=True, text=True).stdout.strip()
    where, data = port(), os.path.join(DIR, "pg")
    os.makedirs(data)
    os.chmod(DIR, 0o755)
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if user:
        shutil.chown(data, "postgres")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": data}
    subprocess.run([*user, f"{bins}/initdb", "-D", f"{data}/d", "-U", "postgres", "-A", "trust", "-E", "UTF8"], check=True, **quiet)
    server = subprocess.Popen(["taskset", "-c", "0", *user, f"{bins}/postgres", "-D", f"{data}/d", "-p", str(where), "-k", data,
                               "-c", "listen_addresses=127.0.0.1"], **quiet)
    stops.append(server)
    while subprocess.run(["psql", "-qAtXh", "127.0.0.1", "-p", str(where), "-U", "postgres", "-c", "select 1"], **{**quiet}).returncode:
        time.sleep(0.1)
    return server, where


# figures

def measured(pids, count, work):
    """Microseconds of CPU time each, and each second."""
    before, result = cpu(*pids), work()
    used = (cpu(*pids) - before) / 1000 / count
    result = json.loads(result) if isinstance(result, str) else result
    return used, count / result["seconds"], result


def median(values):
    return statistics.median(values)


def interleaved(name, cases, rounds=ROUNDS):
    """cases: label → function giving (µs, a second). Runs A B C A B C …; gives label → median µs, median a second."""
    figures = {label: [] for label in cases}
    for n in range(rounds):
        for label, case in cases.items():
            figures[label].append(case(n))
        say(f"{name} round {n + 1}/{rounds}: " + ", ".join(f"{k} {v[-1][0]:.0f} µs" for k, v in figures.items()))
    return {k: (median([a for a, _ in v]), median([b for _, b in v])) for k, v in figures.items()}


rows = []


def spaced(text):
    """The commas between groups of digits become spaces, all others stay."""
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", " ", text)


def row(goal, what, value, against, bound, good):
    said = [spaced(text) for text in (what, value, against)]
    rows.append((goal, *said, bound, {True: "met", False: "missed", None: ""}[good]))
    say("  ".join(map(str, rows[-1])))


def section(name, work):
    try:
        work()
    except (SystemExit, Exception) as failed:
        say(f"{name} was not measured: {failed}\n{traceback.format_exc()}")


def table():
    load = os.getloadavg()
    lines = [f"Measured {datetime.date.today()}, 2 shared cores, medians of {ROUNDS} interleaved rounds; load average at the end "
             f"{load[0]:.1f} (the measuring itself is about 2).", "", "| goal | what | measured | beside it | wanted | |", "|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(r) + " |" for r in sorted(rows, key=lambda r: r[0])]
    return "\n".join(lines)


def write(marks):
    """Puts the table between two marks of docs/performance.md, if it is asked for."""
    print(table())
    if WRITE:
        page = os.path.join(ROOT, "docs/performance.md")
        text = open(page).read()
        if ADD:
            measured_now = {r[0] for r in rows}
            before = text.split(marks[0])[1].split(marks[1])[0].splitlines()
            cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in before if re.match(r"\| G\d", line)]
            rows.extend(r for r in cells if r[0] not in measured_now)
        new = re.sub(f"{marks[0]}.*{marks[1]}", lambda _: f"{marks[0]}\n{table()}\n{marks[1]}", text, flags=re.S)
        open(page, "w").write(new)


def end():
    for process in reversed(stops):
        try:
            stop(process)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
    shutil.rmtree(DIR, ignore_errors=True)
