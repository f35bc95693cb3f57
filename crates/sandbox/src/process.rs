//! Starting an init process, telling it its orders, and seeing it to its end.

use std::io::IoSlice;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use zeroize::Zeroizing;

use crate::cgroup::Group;
use crate::control::Reports;
use crate::egress::{self, Rules};
use crate::orders::{Orders, Report, SUBCOMMAND};
use crate::outcome::{LaunchError, Usage};

/// How long a sandbox has, from the closing of its control socket to its end, before every process of it is killed by
/// way of its control group.
const CLOSING: Duration = Duration::from_millis(400);

/// A sandbox that was started.
pub(crate) struct Process {
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
    /// The conversation with the worker, if there is one.
    pub conversation: Option<UnixStream>,
    pub ending: Ending,
}

/// How a sandbox ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    /// The step of the isolation that failed.
    pub failed: Option<(String, String)>,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub usage: Usage,
}

impl End {
    /// Whether the kernel ended it for its memory.
    pub(crate) fn out_of_memory(&self) -> bool {
        self.usage.oom_kills > 0 && self.code.is_none()
    }

    /// In words.
    pub(crate) fn status(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit status {code}"),
            (_, Some(signal)) => match nix::sys::signal::Signal::try_from(signal) {
                Ok(name) => format!("signal {signal} ({name})"),
                Err(_) => format!("signal {signal}"),
            },
            (None, None) => "no status".to_owned(),
        }
    }
}

/// The way to end a sandbox, and to learn that it has ended. When the last copy is gone, the sandbox ends.
#[derive(Clone)]
pub(crate) struct Ending {
    stop: std::sync::Arc<watch::Sender<bool>>,
    end: watch::Receiver<Option<End>>,
}

impl Ending {
    /// Ends everything in the sandbox; does not wait.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until nothing of the sandbox is left.
    pub(crate) async fn ended(&self) -> End {
        let mut end = self.end.clone();
        let found = end.wait_for(Option::is_some).await;
        found.ok().and_then(|end| end.clone()).unwrap_or_default()
    }
}

/// Starts a sandbox in a group that was made for it.
pub(crate) async fn start(
    program: &Path,
    orders: Orders,
    group: Group,
    with_conversation: bool,
    rules: Option<Rules>,
) -> Result<Process, LaunchError> {
    match try_start(program, orders, &group, with_conversation, rules).await {
        Ok(process) => Ok(process),
        Err(error) => {
            group.dispose().await;
            let message = format!("{}: {error}", program.display());
            Err(LaunchError::Isolation { step: "start".to_owned(), message })
        }
    }
}

async fn try_start(
    program: &Path,
    orders: Orders,
    group: &Group,
    with_conversation: bool,
    rules: Option<Rules>,
) -> std::io::Result<Process> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut child = spawn(program, theirs)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
        return Err(std::io::Error::other("the outputs are missing"));
    };
    let (conversation, inside) = match with_conversation {
        true => {
            let (ours, theirs) = UnixStream::pair()?;
            (Some(ours), Some(blocking(theirs)?))
        }
        false => (None, None),
    };
    let (reading, mut writing) = ours.into_split();
    let body = Zeroizing::new(serde_json::to_vec(&orders)?);
    forget(orders);
    // Whoever ends before it has read its orders says why in its report.
    let _ = tell(&mut writing, &body, inside).await;

    let (stop, stopped) = watch::channel(false);
    let (ended, end) = watch::channel(None);
    let guard = Guard { child, group: group.clone(), reports: Reports::new(reading), rules, network: None };
    tokio::spawn(async move {
        let end = guard.until_the_end(writing, stopped).await;
        ended.send_replace(Some(end));
    });
    let ending = Ending { stop: std::sync::Arc::new(stop), end };
    Ok(Process { stdout, stderr, conversation, ending })
}

fn spawn(program: &Path, control: UnixStream) -> std::io::Result<Child> {
    tokio::process::Command::new(program)
        .arg(SUBCOMMAND)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(blocking(control)?))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Not ended by a terminal's interruption before we are.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

fn blocking(socket: UnixStream) -> std::io::Result<std::os::fd::OwnedFd> {
    let socket = socket.into_std()?;
    socket.set_nonblocking(false)?;
    Ok(socket.into())
}

async fn tell(
    control: &mut OwnedWriteHalf,
    body: &[u8],
    inside: Option<std::os::fd::OwnedFd>,
) -> std::io::Result<()> {
    let length = u32::try_from(body.len()).map_err(std::io::Error::other)?.to_le_bytes();
    let descriptors: Vec<_> = inside.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let along = if descriptors.is_empty() { &[][..] } else { &rights[..] };
    let socket = control.as_ref().as_raw_fd();
    // Four bytes into an empty socket: this neither blocks nor falls short.
    sendmsg::<()>(socket, &[IoSlice::new(&length)], along, MsgFlags::MSG_NOSIGNAL, None)?;
    control.write_all(body).await
}

fn forget(mut orders: Orders) {
    use zeroize::Zeroize;
    for (_, value) in &mut orders.environment {
        value.zeroize();
    }
}

/// Sees one sandbox to its end.
struct Guard {
    child: Child,
    group: Group,
    reports: Reports,
    /// What it may reach, until its network is there.
    rules: Option<Rules>,
    network: Option<AbortHandle>,
}

impl Guard {
    async fn until_the_end(mut self, control: OwnedWriteHalf, mut stopped: watch::Receiver<bool>) -> End {
        let mut end = End::default();
        let mut control = Some(control);
        let deadline = tokio::time::sleep(Duration::MAX);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                report = self.reports.next() => self.note(report, &mut end),
                // An error means that nobody holds the sandbox any more.
                _ = stopped.wait_for(|stop| *stop), if control.is_some() => {
                    control = None;
                    deadline.as_mut().reset(tokio::time::Instant::now() + CLOSING);
                }
                () = &mut deadline => {
                    self.group.kill();
                    let _ = self.child.start_kill();
                    deadline.as_mut().reset(tokio::time::Instant::now() + CLOSING);
                }
                _ = self.child.wait() => break,
            }
        }
        drop(control);
        // What it still said on its way out.
        while let Some(report) = self.reports.rest() {
            self.note(Some(report), &mut end);
        }
        end.usage = self.group.usage();
        if let Some(network) = self.network.take() {
            network.abort();
        }
        self.group.dispose().await;
        end
    }

    fn note(&mut self, report: Option<Report>, end: &mut End) {
        match report {
            Some(Report::Failed { step, message }) => end.failed = Some((step, message)),
            Some(Report::Exited { code, signal }) => (end.code, end.signal) = (code, signal),
            Some(Report::Starting {}) => self.connect(),
            None => {}
        }
    }

    /// Serves the network that was handed up.
    fn connect(&mut self) {
        if let (Some(tunnel), Some(rules)) = (self.reports.handed(), self.rules.take()) {
            let served = tokio::spawn(async move {
                if let Err(error) = egress::run(tunnel, rules).await {
                    tracing::debug!(%error, "the network of a sandbox is gone");
                }
            });
            self.network = Some(served.abort_handle());
        }
    }
}
