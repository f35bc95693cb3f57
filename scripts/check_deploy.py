#!/usr/bin/env python3
"""The files of deploy/ name only paths, settings and commands that exist. Exit 0 or 1; says what is wrong."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
wrong = []


def check(ok, what):
    if not ok:
        wrong.append(what)


dockerfile = (ROOT / "deploy/Dockerfile").read_text()
unit = (ROOT / "deploy/gatehouse.service").read_text()
example = (ROOT / "gatehouse.example.toml").read_text()
settings = {m.upper() for m in re.findall(r"(?m)^(?:# )?([a-z_]+) = ", example)}
commands = {
    m.lower()
    for m in re.findall(r"(?m)^        Command::(\w+)", (ROOT / "crates/gatehouse/src/cli/mod.rs").read_text())
}

# Dockerfile: what it copies is there, what it builds is a package, who runs it is not root.
stages = set(re.findall(r"(?m)^FROM \S+ AS (\w+)", dockerfile))
for line in re.findall(r"(?m)^COPY (.+)$", dockerfile):
    words = line.split()
    if words[0].startswith("--from="):
        check(words[0][7:] in stages, f"COPY {line}: there is no such stage")
        continue
    for source in words[:-1]:
        check((ROOT / source).exists(), f"COPY {line}: {source} is not there")
for package in re.findall(r"--package (\S+)", dockerfile):
    metadata = json.loads(subprocess.check_output(
        ["cargo", "metadata", "--format-version=1", "--no-deps", "--offline"], cwd=ROOT))
    check(package in {p["name"] for p in metadata["packages"]}, f"there is no package {package}")
version = re.search(r'rust-version = "([\d.]+)"', (ROOT / "Cargo.toml").read_text())[1]
check(f"FROM rust:{version}-" in dockerfile, f"the image does not build with Rust {version}")
for image in re.findall(r"(?m)^FROM (\S+)", dockerfile):
    check(":" in image and not image.endswith(":latest"), f"FROM {image} names no version")
users = re.findall(r"(?m)^USER (\S+)", dockerfile)
check(users and users[-1] not in ("0", "root"), "the image runs as root")
healthcheck = re.search(r"(?ms)^HEALTHCHECK .*?^\s+CMD (\[.*?\])$", dockerfile)
check(healthcheck is not None, "there is no HEALTHCHECK")
for form in re.findall(r"(?m)^\s*(?:CMD|ENTRYPOINT|VOLUME) (\[.*\])$", dockerfile):
    try:
        json.loads(form)
    except ValueError:
        check(False, f"{form} is not in exec form")

# Both: settings and commands exist.
for name in re.findall(r"GATEHOUSE_([A-Z_]+)", dockerfile + unit):
    check(name in settings, f"GATEHOUSE_{name} is not a setting")
used = set(re.findall(r"(?m)^ExecStart=/usr/local/bin/gatehouse .*?(\w+)$", unit))
used |= {json.loads(c)[0] for c in re.findall(r"(?m)^CMD (\[.*\])$", dockerfile)}
check(used, "no command is started")
for command in used:
    check(command in commands, f"gatehouse {command} is not a command")

# The unit: stopping takes longer than what is in flight may, and systemd understands every line.
grace = int(re.search(r"GRACE: Duration = Duration::from_secs\((\d+)\)", (ROOT / "crates/server/src/lib.rs").read_text())[1])
check(int(re.search(r"TimeoutStopSec=(\d+)", unit)[1]) > grace, f"TimeoutStopSec is not above {grace}")
if shutil.which("systemd-analyze"):
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder) / "gatehouse.service"
        # the binary and the user are not on the machine that checks
        here.write_text(unit.replace("/usr/local/bin/gatehouse", "/bin/true")
                        .replace("=gatehouse\nGroup=gatehouse", "=daemon\nGroup=daemon"))
        run = subprocess.run(["systemd-analyze", "verify", "--man=no", str(here)], capture_output=True, text=True)
        said = [line for line in (run.stdout + run.stderr).splitlines() if "gatehouse.service" in line]
        check(run.returncode == 0 and not said, "systemd-analyze verify: " + "; ".join(said or [run.stderr]))

for what in wrong:
    print(f"deploy: {what}", file=sys.stderr)
sys.exit(1 if wrong else 0)
