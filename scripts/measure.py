#!/usr/bin/env python3
"""Measures a built gatehouse: size, start to ready on a migrated database, memory when idle.
Use: scripts/measure.py target/release/gatehouse. Prints one line a number; needs nothing but Python."""
import os, shutil, signal, statistics, subprocess, sys, tempfile, time, urllib.request

binary = os.path.abspath(sys.argv[1])
data = tempfile.mkdtemp(prefix="gatehouse-measure-")
environment = {k: v for k, v in os.environ.items() if not k.startswith("GATEHOUSE_")}
PORT = int(os.environ.get("MEASURE_PORT", "18999"))


def start():
    """Starts the server and returns it with the milliseconds until /readyz answered."""
    began = time.perf_counter()
    command = [binary, "serve", "--data-dir", data, "--listen", f"127.0.0.1:{PORT}", "--log", "error"]
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=1).read()
            return process, (time.perf_counter() - began) * 1000
        except OSError:
            if process.poll() is not None or time.perf_counter() - began > 30:
                sys.exit("the server did not start")
            time.sleep(0.002)


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def resident(process):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


try:
    process, first = start()
    stop(process)
    times = []
    for _ in range(7):
        process, ms = start()
        times.append(ms)
        if len(times) < 7:
            stop(process)
    time.sleep(5)
    print(f"binary size     {os.path.getsize(binary) / 1e6:.1f} MB")
    print(f"first start     {first:.0f} ms")
    print(f"start to ready  {statistics.median(times):.0f} ms (median of 7: {min(times):.0f} to {max(times):.0f})")
    print(f"idle memory     {resident(process):.1f} MiB resident, 5 s after the start")
    stop(process)
finally:
    shutil.rmtree(data, ignore_errors=True)
