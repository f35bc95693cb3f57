//! Where strangers' code runs: isolated processes with limits, and the workers that call its functions.
//!
//! [`Sandbox::launch`] starts a [`Replica`]: a worker in namespaces, control groups and filters of its own that has
//! loaded one project and answers [`Replica::call`]. [`Sandbox::run`] runs one program to its end. The program of
//! [`Settings`] must hand over to [`init_main`] when its first argument is [`INIT_SUBCOMMAND`].

mod cgroup;
mod command;
mod control;
mod egress;
mod frames;
mod identify;
mod init;
mod listing;
mod orders;
mod outcome;
mod probe;
mod process;
mod replica;
mod runtime;
mod sandbox;
mod spec;
mod world;

pub use cgroup::CgroupVersion;
pub use egress::{Decision, Dial, Dialing, Refusal, Stream};
pub use frames::{FRAME_MAX, OUTPUT_MAX};
pub use init::init_main;
pub use orders::SUBCOMMAND as INIT_SUBCOMMAND;
pub use outcome::{
    CallError, CallFailure, Ended, Finished, Function, LaunchError, Level, ListError, LogLine, Outcome, Usage,
};
pub use probe::{Missing, Mode, Probe};
pub use replica::capture::LOG_KEPT;
pub use replica::{GRACE, READY_WITHIN, Replica};
pub use sandbox::{JOBS_UID, Sandbox, Settings};
pub use spec::{Bind, Command, Egress, Interpreter, Language, Limits, Spec};
