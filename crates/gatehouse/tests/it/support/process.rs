use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use gatehouse_testkit::Database;

use super::{Client, PASSWORD};

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(60);

/// The program itself with the settings of one installation.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Program {
    /// On a database, listening on a free port.
    pub(crate) fn on(database: &Database) -> Self {
        Self::with(&database.url_text(), database.data_dir())
    }

    pub(crate) fn with(url: &str, data_dir: &Path) -> Self {
        let settings = vec![
            ("GATEHOUSE_DATABASE_URL", url.to_owned()),
            ("GATEHOUSE_DATA_DIR", data_dir.display().to_string()),
            ("GATEHOUSE_LISTEN", "127.0.0.1:0".to_owned()),
        ];
        Self { settings }
    }

    pub(crate) fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.retain(|(n, _)| *n != name);
        self.settings.push((name, value.into()));
        self
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = without_settings(Command::new(env!("CARGO_BIN_EXE_gatehouse")));
        command.args(arguments).envs(self.settings.iter().cloned());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a command that must succeed; what it printed.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The owner of a workspace, with the password of everybody.
    pub(crate) fn create_owner(&self, workspace: &str, email: &str) {
        self.with_password(&["admin", "create-owner", "--workspace", workspace, "--email", email]);
    }

    /// A member of a workspace, with the password of everybody.
    pub(crate) fn add_member(&self, workspace: &str, email: &str) {
        let role = ["--role", "member"];
        self.with_password(
            &[["admin", "add-member", "--workspace", workspace, "--email", email].as_slice(), &role].concat(),
        );
    }

    fn with_password(&self, arguments: &[&str]) {
        let arguments = [arguments, &["--password-stdin"]].concat();
        let mut child = self.command(&arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Starts the server and waits until it says that it is ready.
    pub(crate) fn serve(&self) -> Serving {
        Self::watch(self.command(&["serve"]))
    }

    /// Starts a command that ends up as the server.
    pub(crate) fn watch(mut command: Command) -> Serving {
        let log = tempfile::NamedTempFile::new().unwrap().into_temp_path().keep().unwrap();
        let file = std::fs::File::create(&log).unwrap();
        let child = command.stdin(Stdio::null()).stderr(file).spawn().unwrap();
        let mut serving = Serving { child, log, base: String::new() };
        let began = Instant::now();
        loop {
            if let Some(base) = serving.listening() {
                serving.base = base;
                return serving;
            }
            let ended = serving.child.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < START, "no start: {ended:?} {}", serving.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A server in a process of its own; killed when dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    log: PathBuf,
    pub(crate) base: String,
}

impl Serving {
    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn listening(&self) -> Option<String> {
        let log = self.log();
        let line = log.lines().find(|l| l.contains("\"message\":\"ready\""))?;
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(format!("http://{}", line["listen"].as_str()?))
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.base)
    }

    /// Signs in with the password; `None` when the server does not answer any more.
    pub(crate) async fn sign_in(&self, email: &str) -> Client {
        let mut client = self.client();
        let body = serde_json::json!({"email": email, "password": PASSWORD});
        let answer = client.post("/api/v1/auth/login", body).await.ok();
        client.token = Some(answer["accessToken"].as_str().unwrap().to_owned());
        client.forget_cookies();
        client
    }

    /// Sends it a signal, like `-TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, pid.as_str()]).status().unwrap().success());
    }

    /// Kills it as the power does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end, as long as a test may.
    pub(crate) fn ended(&mut self, within: Duration) -> std::process::ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < within, "still running: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

/// The command without what the tests themselves are told by variables of the program's prefix: it would refuse them.
pub(crate) fn without_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("GATEHOUSE_")) {
        command.env_remove(name);
    }
    command
}
