//! The same as an ordinary user: the whole suite again, and what is said when control groups are missing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::workshop::{program, sandbox};

/// An ordinary user that owns nothing.
const USER: u32 = 64_999;
/// What an ordinary user can be given of the control groups of version 1.
const CONTROLLERS: [&str; 4] = ["memory", "cpu", "pids", "cpuacct"];

/// Directories of control groups that belong to [`USER`].
struct Delegated(Vec<PathBuf>);

impl Delegated {
    fn new() -> Self {
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
        let name = format!("rootless-test-{}", std::process::id());
        let mut made = Vec::new();
        for controller in CONTROLLERS {
            let path = own.lines().find_map(|line| {
                let mut parts = line.splitn(3, ':').skip(1);
                let (controllers, path) = (parts.next()?, parts.next()?);
                controllers.split(',').any(|name| name == controller).then_some(path)
            });
            let path = path.unwrap_or_else(|| panic!("this test needs the controller {controller} of cgroup version 1; with version 2 only, run the suite as a user with a delegated subtree"));
            let directory =
                Path::new("/sys/fs/cgroup").join(controller).join(path.trim_start_matches('/')).join(&name);
            if !directory.exists() {
                std::fs::create_dir(&directory).unwrap();
            }
            for given in [directory.clone(), directory.join("cgroup.procs"), directory.join("tasks")] {
                std::os::unix::fs::chown(given, Some(USER), Some(USER)).unwrap();
            }
            made.push(directory);
        }
        Self(made)
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        for directory in &self.0 {
            for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
                let _ = std::fs::remove_dir(entry.path());
            }
            let _ = std::fs::remove_dir(directory);
        }
    }
}

/// A copy of an executable that the user can reach.
fn reachable(executable: &Path, folder: &Path) -> PathBuf {
    let copy = folder.join(executable.file_name().unwrap());
    std::fs::copy(executable, &copy).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

fn as_user(
    groups: &[PathBuf],
    folder: &Path,
    program: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Output {
    // The shell joins the groups while it is still root, and becomes the program.
    let mut script = String::new();
    for group in groups {
        script += &format!("echo $$ > '{}/cgroup.procs' || exit 99\n", group.display());
    }
    script += &format!("exec setpriv --reuid={USER} --regid={USER} --clear-groups --no-new-privs \"$@\"");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script, "sh"]).arg(program).args(arguments).current_dir("/");
    command.env("TMPDIR", folder).envs(variables.iter().copied());
    command.output().unwrap()
}

fn folder_of_the_user() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(USER), Some(USER)).unwrap();
    folder
}

#[tokio::test]
async fn without_control_groups_nothing_runs_and_the_probe_says_what_to_do() {
    let folder = folder_of_the_user();
    let program = reachable(&program(), folder.path());
    let output = as_user(&[], folder.path(), &program, &["probe"], &[]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    for words in [
        "mode: Rootless",
        "cgroup: None",
        "Permission denied",
        "Delegate=cpu memory pids",
        "or start it as root",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    // And nothing is run in spite of it.
    std::fs::create_dir_all(folder.path().join("p/app")).unwrap();
    std::fs::write(folder.path().join("p/app/main.py"), "def main(): return 1\n").unwrap();
    let project = folder.path().join("p/app");
    let arguments = ["run", "python", "/usr/bin/python3", project.to_str().unwrap(), "main"];
    let output = as_user(&[], folder.path(), &program, &arguments, &[]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cgroup"), "{output:?}");
}

#[tokio::test]
async fn with_control_groups_the_probe_finds_everything() {
    let (folder, groups) = (folder_of_the_user(), Delegated::new());
    let program = reachable(&program(), folder.path());
    let output = as_user(&groups.0, folder.path(), &program, &["probe"], &[]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    for words in ["mode: Rootless", "V1", "missing: []"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[tokio::test]
async fn the_whole_suite_holds_for_an_ordinary_user() {
    assert!(sandbox().probe().await.is_usable());
    let (folder, groups) = (folder_of_the_user(), Delegated::new());
    let tests = reachable(&std::env::current_exe().unwrap(), folder.path());
    let program = reachable(&program(), folder.path());
    // What is the same code in both modes, or about root itself, is left to the suite around this one.
    let skipped = ["rootless::", "this_machine_has_what_it_takes", "listing::", "results::", "forgery::"];
    let mut arguments = vec!["--test-threads=2"];
    arguments.extend(skipped.iter().flat_map(|name| ["--skip", *name]));
    let variables = [("GATEHOUSE_TEST_PROGRAM", program.to_str().unwrap())];
    let output = as_user(&groups.0, folder.path(), &tests, &arguments, &variables);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("test files::files_of_the_host_are_not_there ... ok"), "{told}");
}
