//! What ordinary programs do must go on working under the filters and limits.

use serde_json::json;

use crate::workshop::{node, python};

#[tokio::test]
async fn python_threads_processes_and_sockets_work() {
    let project = python(
        r#"
import asyncio, concurrent.futures, multiprocessing, os, socket, sqlite3, ssl, subprocess, tempfile, threading, time

def square(n): return n * n

def main():
    found = {}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found["threads"] = list(pool.map(square, range(4)))
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        found["processes"] = pool.map(square, range(4))
    found["subprocess"] = subprocess.run(["sh", "-c", "echo $((6 * 7))"], capture_output=True, text=True).stdout
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    client.sendall(b"x")
    found["loopback"] = server.accept()[0].recv(1).decode()
    left, right = socket.socketpair()
    left.sendall(b"y")
    found["pair"] = right.recv(1).decode()
    database = sqlite3.connect("/workspace/data.db")
    database.execute("create table t (x)")
    database.execute("insert into t values (5)")
    database.commit()
    found["sqlite"] = database.execute("select x from t").fetchone()[0]
    found["tls"] = ssl.create_default_context().cert_store_stats()["x509_ca"] > 0
    with tempfile.NamedTemporaryFile() as file:
        found["temporary"] = file.name.startswith("/tmp/")
    async def both():
        process = await asyncio.create_subprocess_exec("echo", "hello", stdout=-1)
        out, _ = await process.communicate()
        return (await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))) + [out.decode()]
    found["asyncio"] = asyncio.run(both())
    found["fork"] = os.waitpid(os.fork() or os._exit(5), 0)[1] >> 8
    with multiprocessing.get_context("fork").Manager() as manager:
        shared = manager.list([1]); shared.append(2)
        found["manager"] = list(shared)
    return found
"#,
    );
    let expected = json!({
        "threads": [0, 1, 4, 9], "processes": [0, 1, 4, 9], "subprocess": "42\n", "loopback": "x", "pair": "y",
        "sqlite": 5, "tls": true, "temporary": true, "asyncio": [1, 2, "hello\n"], "fork": 5, "manager": [1, 2],
    });
    assert_eq!(project.answer().await, expected);
}

#[tokio::test]
async fn node_threads_processes_and_sockets_work() {
    let project = node(
        r#"
const { Worker } = require('worker_threads');
const { execFile, spawnSync, fork } = require('child_process');
const { promisify } = require('util');
const net = require('net');
const fs = require('fs');
const os = require('os');
const zlib = require('zlib');
const crypto = require('crypto');

exports.main = async () => {
  const found = {};
  found.thread = await new Promise((done, failed) => {
    const worker = new Worker('require("worker_threads").parentPort.postMessage(6 * 7)', { eval: true });
    worker.on('message', done).on('error', failed);
  });
  found.execFile = (await promisify(execFile)('sh', ['-c', 'echo hello'])).stdout;
  found.spawnSync = spawnSync('node', ['-p', '1 + 1']).stdout.toString();
  found.loopback = await new Promise((done) => {
    const server = net.createServer((socket) => socket.end('x')).listen(0, '127.0.0.1', () => {
      net.connect(server.address().port, '127.0.0.1').on('data', (data) => { server.close(); done(data.toString()); });
    });
  });
  found.http = await new Promise((done) => {
    const server = require('http').createServer((_, answer) => answer.end('served')).listen(0, '127.0.0.1', async () => {
      const text = await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text();
      server.close();
      done(text);
    });
  });
  fs.writeFileSync('/workspace/file', 'kept');
  found.file = await fs.promises.readFile('/workspace/file', 'utf8');
  found.gzip = zlib.gunzipSync(zlib.gzipSync('packed')).toString();
  found.digest = crypto.createHash('sha256').update('x').digest('hex').slice(0, 8);
  found.password = (await promisify(crypto.scrypt)('p', 's', 8)).length;
  found.interfaces = Object.keys(os.networkInterfaces());
  found.watch = await new Promise((done) => {
    const watcher = fs.watch('/workspace', () => { watcher.close(); done(true); });
    setTimeout(() => fs.writeFileSync('/workspace/other', ''), 50);
  });
  return found;
};
"#,
    );
    let expected = json!({
        "thread": 42, "execFile": "hello\n", "spawnSync": "2\n", "loopback": "x", "http": "served", "file": "kept",
        "gzip": "packed", "digest": "2d711642", "password": 8, "interfaces": ["lo"], "watch": true,
    });
    assert_eq!(project.answer().await, expected);
}

#[tokio::test]
async fn programs_see_their_limits_and_not_the_machine() {
    let mut project = node(
        "const os = require('os'); const v8 = require('v8');\nexports.main = () => ({ cpus: os.cpus().length, total: os.totalmem(), heap: v8.getHeapStatistics().heap_size_limit, host: os.hostname() });\n",
    );
    project.limits.cpu_millis = 700;
    let answer = project.answer().await;
    assert_eq!(
        (&answer["cpus"], &answer["total"], &answer["host"]),
        (&json!(1), &json!(256 * 1024 * 1024), &json!("sandbox"))
    );
    assert!(
        answer["heap"].as_u64().unwrap() < 256 * 1024 * 1024,
        "an error of JavaScript comes before the kernel's end: {answer}"
    );
    let mut project = python(
        "import os\ndef main(): return [os.cpu_count(), os.sysconf('SC_PHYS_PAGES') > 0, os.uname().nodename, open('/proc/meminfo').readline().split()]\n",
    );
    project.limits.cpu_millis = 1500;
    let answer = project.answer().await;
    assert_eq!(answer[0], json!(2));
    assert_eq!(answer[3], json!(["MemTotal:", "262144", "kB"]));
}

#[tokio::test]
async fn the_processor_limit_holds() {
    let mut project = python(
        "import time\ndef main():\n    used, end = time.process_time(), time.monotonic() + 1.5\n    while time.monotonic() < end: pass\n    return time.process_time() - used\n",
    );
    project.limits.cpu_millis = 300;
    let share = project.answer().await.as_f64().unwrap() / 1.5;
    assert!(share < 0.45, "{share} of a processor");
}

#[tokio::test]
async fn dependencies_are_found_beside_the_project() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("parcel/__init__.py", "weight = 7\n");
    write("node_modules/parcel/package.json", r#"{"name": "parcel", "main": "index.js"}"#);
    write("node_modules/parcel/index.js", "exports.weight = 7;\n");
    write(
        "node_modules/modern/package.json",
        r#"{"name": "modern", "type": "module", "exports": "./index.js"}"#,
    );
    write("node_modules/modern/index.js", "export const weight = 8;\n");
    open_to_all(folder.path());
    let projects = [
        python("import parcel\nfrom .helper import twice\ndef main(): return [parcel.weight, twice(parcel.weight)]\n")
            .with("helper.py", "import parcel\ndef twice(n): return n + parcel.weight\n"),
        node("const { weight } = require('parcel');\nexports.main = () => [weight, require('./helper').twice()];\n")
            .with("helper.js", "exports.twice = () => 2 * require('parcel').weight;\n"),
        node("import parcel from 'parcel';\nimport { weight } from 'modern';\nexport const main = () => [parcel.weight, weight + 6];\n")
            .with("package.json", r#"{"type": "module"}"#),
    ];
    for mut project in projects {
        project.dependencies = Some(folder.path().to_owned());
        assert_eq!(project.answer().await, json!([7, 14]));
    }
}

/// Temporary directories are for their owner alone; what a script is given must be readable for others.
fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
