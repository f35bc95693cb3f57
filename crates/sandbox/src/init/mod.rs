//! The process between the supervisor and the script: isolates itself, starts the program, and stays as its process 1.
//!
//! It is executed afresh (`<program> __sandbox-init`), is single-threaded, and learns what to do over the socket that
//! it finds as its standard input.

mod calls;
mod channel;
mod filter;
mod first;
mod mounts;
mod paths;
mod privileges;
mod procfs;
mod syscalls;
mod tunnel;

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::sched::CloneFlags;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use zeroize::Zeroize;

use crate::orders::{Identity, Orders, Report};
use channel::Channel;

pub(crate) use privileges::INSIDE_ID;
pub(crate) use syscalls::landlock_abi;

/// Exit status of an init process that could not do what it was told.
const EXIT_FAILED: i32 = 70;

/// The hidden subcommand. Call it first thing in `main`, before any thread is started.
///
/// It never comes back: it becomes process 1 of a sandbox, and ends with it.
pub fn init_main() -> ! {
    std::process::exit(match run() {
        Ok(code) => code,
        Err(()) => EXIT_FAILED,
    })
}

/// Which step failed, and how.
pub(crate) struct Failure {
    pub step: &'static str,
    pub message: String,
}

pub(crate) type Step<T> = Result<T, Failure>;

/// Names the step of an error.
pub(crate) trait At<T> {
    fn at(self, step: &'static str) -> Step<T>;
    fn about(self, step: &'static str, what: impl std::fmt::Display) -> Step<T>;
}

impl<T, E: std::fmt::Display> At<T> for Result<T, E> {
    fn at(self, step: &'static str) -> Step<T> {
        self.map_err(|error| Failure { step, message: error.to_string() })
    }

    fn about(self, step: &'static str, what: impl std::fmt::Display) -> Step<T> {
        self.map_err(|error| Failure { step, message: format!("{what}: {error}") })
    }
}

fn run() -> Result<i32, ()> {
    let mut channel = Channel::take_standard_input().map_err(drop)?;
    let done = match channel.orders() {
        Ok((orders, rpc)) => isolate(orders, rpc, &mut channel),
        Err(failure) => Err(failure),
    };
    done.map_err(|failure| channel.report_failure(&failure))
}

/// The outer process: joins the groups, leaves the host's namespaces, starts process 1 and waits for it.
fn isolate(mut orders: Orders, rpc: Option<OwnedFd>, channel: &mut Channel) -> Step<i32> {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    for group in &orders.cgroups {
        std::fs::write(group, "0").about("cgroup", group.display())?;
    }
    // Whoever runs short of memory shall end us first, not the supervisor. Raising is allowed to everybody.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    leave_namespaces(orders.identity)?;
    match syscalls::fork().at("fork")? {
        ForkResult::Child => {
            let failure = match process_one(&mut orders, rpc, channel) {
                Ok(never) => match never {},
                Err(failure) => failure,
            };
            channel.report_failure(&failure);
            std::process::exit(EXIT_FAILED)
        }
        ForkResult::Parent { child } => {
            wipe(&mut orders);
            drop(rpc);
            privileges::drop_all(orders.identity)?;
            let _ = syscalls::silence_output();
            Ok(wait_for(child))
        }
    }
}

fn leave_namespaces(identity: Identity) -> Step<()> {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    if matches!(identity, Identity::Namespace) {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    nix::sched::unshare(flags).at("namespaces")?;
    if matches!(identity, Identity::Namespace) {
        let inside = privileges::INSIDE_ID;
        std::fs::write("/proc/self/setgroups", "deny").at("user namespace")?;
        std::fs::write("/proc/self/uid_map", format!("{inside} {user} 1")).at("user namespace")?;
        std::fs::write("/proc/self/gid_map", format!("{inside} {group} 1")).at("user namespace")?;
    }
    Ok(())
}

/// Process 1: builds the world of the script, starts the program in it and keeps watch.
fn process_one(
    orders: &mut Orders,
    rpc: Option<OwnedFd>,
    channel: &mut Channel,
) -> Step<std::convert::Infallible> {
    nix::unistd::sethostname("sandbox").at("host name")?;
    syscalls::raise_loopback().at("loopback")?;
    let tunnel = orders.tunnel.then(tunnel::open).transpose()?;
    mounts::build(orders)?;
    let watch = first::Watch::prepare()?;
    let program = Program::new(orders)?;
    channel.report(&Report::Starting {}, tunnel.as_ref()).at("control socket")?;
    drop(tunnel);
    match syscalls::fork().at("fork")? {
        ForkResult::Child => start(orders, &program, rpc),
        ForkResult::Parent { child } => {
            wipe(orders);
            drop(program);
            drop(rpc);
            let _ = syscalls::silence_output();
            privileges::drop_all(orders.identity)?;
            filter::of_process_one()?;
            watch.until_the_end(channel, child)
        }
    }
}

/// What is executed, in the form that the system call wants.
struct Program {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Program {
    fn new(orders: &Orders) -> Step<Self> {
        let path = CString::new(orders.program.as_os_str().as_bytes()).at("program")?;
        let mut arguments = vec![path.clone()];
        for argument in &orders.arguments {
            arguments.push(CString::new(argument.as_str()).at("arguments")?);
        }
        let mut environment = Vec::new();
        for (name, value) in &orders.environment {
            environment.push(CString::new(format!("{name}={value}")).at("environment")?);
        }
        Ok(Self { path, arguments, environment })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        for entry in &mut self.environment {
            std::mem::take(entry).into_bytes().zeroize();
        }
    }
}

/// The script's process: gives up every right and becomes the program.
fn start(orders: &Orders, program: &Program, rpc: Option<OwnedFd>) -> Step<std::convert::Infallible> {
    first::default_signals()?;
    nix::unistd::setsid().at("session")?;
    nix::unistd::chdir(&orders.directory).about("directory", orders.directory.display())?;
    syscalls::arrange_descriptors(rpc.as_ref().map(|descriptor| descriptor.as_raw_fd())).at("descriptors")?;
    privileges::limit_resources(orders)?;
    privileges::drop_all(orders.identity)?;
    paths::restrict(orders)?;
    filter::of_scripts()?;
    nix::unistd::execve(&program.path, &program.arguments, &program.environment)
        .about("execute", orders.program.display())
}

fn wipe(orders: &mut Orders) {
    for (_, value) in &mut orders.environment {
        value.zeroize();
    }
    orders.environment.clear();
}

fn wait_for(child: Pid) -> i32 {
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => return code,
            Ok(WaitStatus::Signaled(_, signal, _)) => return 128 + signal as i32,
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return EXIT_FAILED,
        }
    }
}
