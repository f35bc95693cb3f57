//! Secrets stay where they belong.

use serde_json::json;

use crate::workshop::{call, node, python};

#[tokio::test]
async fn the_environment_is_what_was_given_and_nothing_of_the_supervisor() {
    let mut project = node("exports.main = () => process.env;\n");
    project.environment =
        vec![("TOKEN".into(), "s3cret".into()), ("TEXT".into(), "two\nlines = \"x\" ü".into())];
    let answer = project.answer().await;
    let names: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
    let expected = ["HOME", "LANG", "PATH", "TEXT", "TMPDIR", "TOKEN", "TZ", "UPLOADS_DIR", "WORKSPACE_DIR"];
    assert_eq!(names, expected);
    assert_eq!((&answer["TOKEN"], &answer["TEXT"]), (&json!("s3cret"), &json!("two\nlines = \"x\" ü")));
    assert_eq!(
        (&answer["WORKSPACE_DIR"], &answer["UPLOADS_DIR"]),
        (&json!("/workspace"), &json!("/uploads"))
    );
}

/// Every process of the host that has this in its arguments or environment.
fn holders(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        for file in ["cmdline", "environ"] {
            let contents = std::fs::read(entry.path().join(file)).unwrap_or_default();
            if contents.windows(text.len()).any(|window| window == text.as_bytes()) {
                let command = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
                found.push(format!("{file} of {}", command.trim()));
            }
        }
    }
    found
}

#[tokio::test]
async fn variables_are_in_no_arguments_and_in_no_environment_but_the_scripts_own() {
    let secret = format!("s3cret-{}-{}", std::process::id(), 48_151_623);
    let mut project = python("def main(): return open('/proc/self/cmdline').read().split('\\0')\n");
    project.environment = vec![("TOKEN".into(), secret.clone())];
    let replica = project.launch(&["main"]).await;
    let held = holders(&secret);
    assert!(held.iter().all(|holder| holder.starts_with("environ of python")), "{held:?}");
    let arguments = crate::workshop::value(&call(&replica, "main", json!({})).await.unwrap());
    assert!(!arguments.to_string().contains(&secret), "{arguments}");
}

#[tokio::test]
async fn processes_of_others_are_not_seen_and_process_one_is_hidden() {
    let project = python(
        "import os\ndef main():\n    found = [int(n) for n in os.listdir('/proc') if n.isdigit()]\n    hidden = []\n    for name in ('environ', 'cmdline', 'status', 'root', 'mem', 'maps'):\n\
         \x20       try: open('/proc/1/' + name).read(1); hidden.append(name)\n        except OSError: pass\n    return [found == [os.getpid()], hidden]\n",
    );
    let mut other = project;
    other.concurrency = 1;
    assert_eq!(other.answer().await, json!([true, []]));
}

#[tokio::test]
async fn proc_tells_nothing_of_the_machine() {
    let project = python(
        r#"
import os
def main():
    told = {}
    for name in sorted(os.listdir('/proc')):
        path = '/proc/' + name
        if name.isdigit() or name in ('self', 'thread-self', 'mounts', 'net', 'sys'):
            continue
        try:
            told[name] = sorted(os.listdir(path)) if os.path.isdir(path) else open(path, 'rb').read(100).decode('latin-1')
        except OSError as error:
            told[name] = 'error'
    shown = sorted(name for name, text in told.items() if text)
    settings = sorted(os.path.join(base, file)[10:] for base, _, files in os.walk('/proc/sys') for file in files)
    return [shown, settings]
"#,
    );
    let answer = project.answer().await;
    assert_eq!(
        answer[0],
        json!(["cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version"])
    );
    let settings = [
        "kernel/hostname",
        "kernel/ngroups_max",
        "kernel/pid_max",
        "kernel/random/entropy_avail",
        "net/core/somaxconn",
        "vm/overcommit_memory",
    ];
    assert_eq!(answer[1], json!(settings));
}

#[tokio::test]
async fn settings_of_the_kernel_are_not_written() {
    let project = python(&format!(
        "{}\ndef main(): return [attempt(lambda: open(p, 'w')) for p in ('/proc/sys/kernel/hostname', '/proc/sysrq-trigger', '/proc/self/oom_score_adj', '/proc/cpuinfo', '/proc/self/uid_map')]\n",
        crate::workshop::ATTEMPT
    ));
    let answer: Vec<String> = serde_json::from_value(project.answer().await).unwrap();
    // Not every kernel has each of them.
    assert!(
        answer.iter().all(|error| ["EROFS", "EACCES", "EPERM", "ENOENT"].contains(&error.as_str())),
        "{answer:?}"
    );
}

#[tokio::test]
async fn the_group_of_the_host_is_not_named() {
    let answer = python(
        "def main(): return sorted({line.strip().split(':', 2)[2] for line in open('/proc/self/cgroup')})\n",
    )
    .answer()
    .await;
    let text = answer.to_string();
    assert!(!text.contains("gatehouse"), "{text}");
}
