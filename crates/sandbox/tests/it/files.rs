//! What of the file system a script sees, and what it can change.

use std::os::unix::fs::{MetadataExt, symlink};

use gatehouse_sandbox::{Bind, Command, LaunchError, Limits};
use serde_json::json;

use crate::workshop::{ATTEMPT, call, mode_uid, node, python, sandbox, short_job, value};

/// `main()` answers a list: what each of these expressions does.
fn attempts(expressions: &[&str]) -> crate::workshop::Project {
    let list: String = expressions.iter().map(|code| format!("    attempt(lambda: {code}),\n")).collect();
    python(&format!("{ATTEMPT}\ndef main():\n  return [\n{list}  ]\n"))
}

#[tokio::test]
async fn files_of_the_host_are_not_there() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    let path = format!("open({:?})", secret.path().to_str().unwrap());
    let own = format!("open({:?})", std::env::current_exe().unwrap().to_str().unwrap());
    let expressions = [
        "open('/etc/shadow')",
        "open('/etc/machine-id')",
        "os.listdir('/root')",
        "os.listdir('/home')",
        "os.listdir('/var')",
        "os.listdir('/boot')",
        "os.listdir('/sys')",
        "os.listdir('/srv')",
        "os.listdir('/run/systemd')",
        "os.listdir('/var/lib/gatehouse')",
        &path,
        &own,
    ];
    let answer = attempts(&expressions).answer().await;
    assert_eq!(answer, json!(vec!["ENOENT"; expressions.len()]));
}

#[tokio::test]
async fn the_root_holds_what_is_documented_and_nothing_else() {
    let answer = python("import os\ndef main(): return sorted(os.listdir('/'))\n").answer().await;
    let found: Vec<String> = serde_json::from_value(answer).unwrap();
    let known = [
        "app",
        "bin",
        "dev",
        "etc",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "nix",
        "proc",
        "run",
        "runtime",
        "sbin",
        "tmp",
        "uploads",
        "usr",
        "workspace",
    ];
    let strange: Vec<_> = found.iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[tokio::test]
async fn etc_holds_nothing_of_the_host_but_public_files() {
    let answer =
        python("import os\ndef main(): return [sorted(os.listdir('/etc')), open('/etc/passwd').read()]\n")
            .answer()
            .await;
    let names: Vec<String> = serde_json::from_value(answer[0].clone()).unwrap();
    let known = ["group", "hosts", "ld.so.cache", "nsswitch.conf", "passwd", "pki", "resolv.conf", "ssl"];
    assert!(names.iter().all(|name| known.contains(&name.as_str())), "{names:?}");
    assert_eq!(answer[1].as_str().unwrap().lines().count(), 1, "no user but its own");
}

#[tokio::test]
async fn everything_but_its_own_places_is_read_only() {
    let mut project = attempts(&[
        "open('/app/x', 'w')",
        "open('/app/main.py', 'a')",
        "open('/deps/x', 'w')",
        "open('/uploads/x', 'w')",
        "open('/usr/x', 'w')",
        "open('/etc/passwd', 'a')",
        "open('/runtime/worker.py', 'a')",
        "open('/x', 'w')",
        "os.mkdir('/bin2')",
        "os.unlink('/app/main.py')",
        "os.rename('/app/main.py', '/app/other.py')",
        "os.chmod('/app/main.py', 0o777)",
        "os.mkdir('/dev/x')",
        "open('/run/x', 'w')",
    ]);
    let dependencies = tempfile::tempdir().unwrap();
    project.dependencies = Some(dependencies.path().to_owned());
    let answer: Vec<String> = serde_json::from_value(project.answer().await).unwrap();
    // Landlock and the mount both object; which of them is asked first differs between operations.
    assert!(answer.iter().all(|error| ["EROFS", "EACCES", "EPERM"].contains(&error.as_str())), "{answer:?}");
    assert!(answer.iter().any(|error| error == "EROFS"), "the mounts themselves are read-only: {answer:?}");
}

#[tokio::test]
async fn what_is_mounted_below_a_read_only_bind_is_read_only_too() {
    // /dev/shm is a mount below /dev that everybody may write to.
    let command = Command {
        binds: vec![Bind { from: "/dev".into(), to: "/elsewhere".into(), writable: false }],
        ..short_job(
            "/bin/sh",
            &["-c", "grep -q ' /elsewhere/shm ' /proc/self/mountinfo && touch /elsewhere/shm/x"],
        )
    };
    let finished = sandbox().run(command).await.unwrap();
    let told = String::from_utf8_lossy(&finished.stderr).into_owned();
    assert_eq!(finished.code, Some(1), "{told}");
    assert!(told.contains("Read-only file system") || told.contains("Permission denied"), "{told}");
}

#[tokio::test]
async fn no_mount_lets_programs_gain_rights_or_devices() {
    let answer =
        python("def main(): return [line.split() for line in open('/proc/self/mountinfo')]\n").answer().await;
    for mount in answer.as_array().unwrap() {
        let (place, options) = (mount[4].as_str().unwrap(), mount[5].as_str().unwrap());
        assert!(options.contains("nosuid"), "{place}: {options}");
        assert!(options.contains("nodev") || place.starts_with("/dev/"), "{place}: {options}");
        let writable = ["/workspace", "/tmp", "/dev/shm"].contains(&place);
        // The root and what covers /proc are read-only as a whole file system, which is the last field.
        let whole = mount.as_array().unwrap().last().unwrap().as_str().unwrap();
        let read_only = [options, whole].iter().any(|list| list.split(',').any(|word| word == "ro"));
        assert_eq!(read_only, !writable, "{place}: {options} {whole}");
    }
}

#[tokio::test]
async fn the_workspace_is_kept_and_belongs_to_the_script() {
    let project = python(
        "import os\ndef main():\n    with open(os.environ['WORKSPACE_DIR'] + '/kept', 'a') as file: file.write('x')\n    return open('/workspace/kept').read()\n",
    );
    assert_eq!(project.answer().await, json!("x"));
    assert_eq!(project.answer().await, json!("xx"));
    let kept = project.workspace().join("kept").metadata().unwrap();
    assert_eq!(kept.uid(), mode_uid(&project));
}

#[tokio::test]
async fn uploads_are_read() {
    let project = node(
        "const fs = require('fs');\nexports.main = () => fs.readFileSync(process.env.UPLOADS_DIR + '/data.txt', 'utf8');\n",
    );
    std::fs::write(project.uploads().join("data.txt"), "uploaded").unwrap();
    assert_eq!(project.answer().await, json!("uploaded"));
}

#[tokio::test]
async fn temporary_files_are_of_one_replica_alone() {
    let project = python(
        "import os\ndef main():\n    found = os.listdir('/tmp') + os.listdir('/dev/shm')\n    open('/tmp/a', 'w').close(); open('/dev/shm/b', 'w').close()\n    return found\n",
    );
    let (first, second) = (project.launch(&["main"]).await, project.launch(&["main"]).await);
    assert_eq!(value(&call(&first, "main", json!({})).await.unwrap()), json!([]));
    assert_eq!(value(&call(&second, "main", json!({})).await.unwrap()), json!([]));
    assert_eq!(value(&call(&first, "main", json!({})).await.unwrap()), json!(["a", "b"]));
}

#[tokio::test]
async fn files_of_another_script_are_not_there() {
    let other = python("def main(): open('/workspace/secret', 'w').write('of another')\n");
    other.answer().await;
    let path = other.workspace().join("secret");
    assert!(path.exists());
    let expression = format!("open({:?})", path.to_str().unwrap());
    assert_eq!(
        attempts(&[&expression, "open('/workspace/secret')"]).answer().await,
        json!(["ENOENT", "ENOENT"])
    );
}

#[tokio::test]
async fn links_in_the_workspace_lead_nowhere() {
    let project = attempts(&[
        "os.symlink('/etc/shadow', '/workspace/link')",
        "open('/workspace/link')",
        "os.symlink('/', '/workspace/root')",
        "open('/workspace/root/etc/shadow')",
        "os.link('/etc/passwd', '/workspace/hard')",
    ]);
    assert_eq!(project.answer().await, json!(["done", "ENOENT", "done", "ENOENT", "EXDEV"]));
}

#[tokio::test]
async fn a_workspace_or_project_that_is_a_link_is_refused() {
    let project = python("def main(): pass\n");
    for place in [project.workspace(), project.app(), project.uploads()] {
        let moved = place.with_extension("moved");
        std::fs::rename(&place, &moved).unwrap();
        symlink("/etc", &place).unwrap();
        let refused = project.try_launch(&["main"]).await.unwrap_err();
        let LaunchError::Isolation { step, message } = refused else { panic!("{refused:?}") };
        assert_eq!(step, "bind");
        assert!(message.ends_with("is a symbolic link"), "{message}");
        std::fs::remove_file(&place).unwrap();
        std::fs::rename(&moved, &place).unwrap();
    }
}

#[tokio::test]
async fn devices_are_the_harmless_ones() {
    let answer = python("import os\ndef main(): return sorted(os.listdir('/dev'))\n").answer().await;
    let expected = ["fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero"];
    assert_eq!(answer, json!(expected));
    let used = attempts(&[
        "open('/dev/null', 'w').write('x')",
        "open('/dev/urandom', 'rb').read(4)",
        "os.chmod('/dev/null', 0o600)",
        "open('/dev/mem')",
        "open('/dev/kmsg')",
        "open('/dev/tty')",
    ]);
    assert_eq!(used.answer().await, json!(["done", "done", "EROFS", "ENOENT", "ENOENT", "ENOENT"]));
}

#[tokio::test]
async fn descriptors_of_the_supervisor_do_not_come_along() {
    let open = std::fs::File::open("/etc/passwd").unwrap();
    let answer = python("import os\ndef main(): return sorted(os.readlink('/proc/self/fd/' + n).split(':')[0] for n in os.listdir('/proc/self/fd') if os.path.lexists('/proc/self/fd/' + n))\n")
        .answer()
        .await;
    drop(open);
    let found: Vec<String> = serde_json::from_value(answer).unwrap();
    let known = ["/dev/null", "pipe", "socket"];
    assert!(found.iter().all(|target| known.contains(&target.as_str())), "{found:?}");
    assert_eq!(found.iter().filter(|target| *target == "socket").count(), 1, "{found:?}");
}

#[tokio::test]
async fn the_way_up_ends_at_its_own_root() {
    let answer = attempts(&[
        "open('/proc/self/root/etc/shadow')",
        "open('/proc/self/cwd/../../../../etc/shadow')",
        "open('../../../../../../etc/shadow')",
    ]);
    assert_eq!(answer.answer().await, json!(["ENOENT", "ENOENT", "ENOENT"]));
}

#[tokio::test]
async fn a_file_larger_than_allowed_cannot_be_written() {
    let project = python(&format!(
        "{ATTEMPT}\ndef big():\n    with open('/workspace/big', 'wb') as file:\n        file.seek(1 << 30); file.write(b'x'); file.flush()\ndef main(): return attempt(big)\n"
    ));
    assert_eq!(project.answer().await, json!("EFBIG"));
}

#[tokio::test]
async fn limits_that_start_nothing_are_refused() {
    for limits in [
        Limits { cpu_millis: 0, ..Limits::of_a_short_job() },
        Limits { memory_bytes: 0, ..Limits::of_a_short_job() },
        Limits { pids: 1, ..Limits::of_a_short_job() },
    ] {
        let refused = sandbox().run(Command { limits, ..short_job("/bin/true", &[]) }).await.unwrap_err();
        assert!(matches!(refused, LaunchError::BadRequest(_)), "{refused:?}");
    }
    let root = sandbox().run(Command { uid: 0, ..short_job("/bin/true", &[]) }).await.unwrap_err();
    assert!(matches!(root, LaunchError::BadRequest(_)), "nobody runs as root");
}
