//! Seccomp: which system calls a script may make.
//!
//! Two filters in a row. The first lets a list of calls through and answers the rest with ENOSYS, as an older kernel
//! would: libraries then fall back. The second answers EPERM to what is dangerous, so that a person reads a clear
//! refusal; where both object, the second is heard.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::calls::{ALLOWED, ALLOWED_HERE, REFUSED, REFUSED_HERE};
use super::{At, Step};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Both filters, on this process and all that come from it.
pub(super) fn of_scripts() -> Step<()> {
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let allowed: Rules = ALLOWED.iter().chain(ALLOWED_HERE).map(|call| (*call, Vec::new())).collect();
    let allowed = compile(allowed, unknown, SeccompAction::Allow)?;
    let refused = compile(refused_rules()?, SeccompAction::Allow, refused)?;
    seccompiler::apply_filter(&allowed).at("seccomp")?;
    seccompiler::apply_filter(&refused).at("seccomp")
}

/// Process 1 only waits, reaps and ends.
pub(super) fn of_process_one() -> Step<()> {
    let allowed: Rules = WAITING.iter().map(|call| (*call, Vec::new())).collect();
    let filter = compile(allowed, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)?;
    seccompiler::apply_filter(&filter).at("seccomp")
}

fn compile(rules: Rules, otherwise: SeccompAction, on_match: SeccompAction) -> Step<BpfProgram> {
    // Calls of another architecture's table end the process: seccompiler puts that in front.
    let architecture = std::env::consts::ARCH.try_into().at("seccomp")?;
    let filter = SeccompFilter::new(rules, otherwise, on_match, architecture).at("seccomp")?;
    filter.try_into().at("seccomp")
}

fn when(argument: u8, operation: SeccompCmpOp, value: u64) -> Step<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operation, value).at("seccomp")
}

fn all(conditions: Vec<SeccompCondition>) -> Step<SeccompRule> {
    SeccompRule::new(conditions).at("seccomp")
}

/// A rule that matches when the argument is none of these.
fn none_of(argument: u8, values: &[u64]) -> Step<SeccompRule> {
    let conditions = values.iter().map(|value| when(argument, SeccompCmpOp::Ne, *value));
    all(conditions.collect::<Step<_>>()?)
}

fn refused_rules() -> Step<Rules> {
    let mut rules: Rules = REFUSED.iter().chain(REFUSED_HERE).map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_socket, refused_sockets()?);
    rules.insert(libc::SYS_socketpair, vec![none_of(0, &[libc::AF_UNIX as u64])?]);
    rules.insert(libc::SYS_clone, refused_clones()?);
    rules.insert(libc::SYS_prctl, vec![none_of(0, &PROCESS_CONTROLS)?]);
    rules.insert(libc::SYS_ioctl, vec![none_of(1, &DEVICE_CONTROLS)?]);
    let (linux, ask) = (0, 0xffff_ffff);
    rules.insert(libc::SYS_personality, vec![none_of(0, &[linux, ask])?]);
    let mut nodes = Vec::new();
    for kind in [libc::S_IFCHR, libc::S_IFBLK] {
        nodes.push(u64::from(kind));
    }
    let of_kind = |argument, kind| -> Step<SeccompRule> {
        all(vec![when(argument, SeccompCmpOp::MaskedEq(u64::from(libc::S_IFMT)), kind)?])
    };
    let at: Step<Vec<_>> = nodes.iter().map(|kind| of_kind(2, *kind)).collect();
    rules.insert(libc::SYS_mknodat, at?);
    #[cfg(target_arch = "x86_64")]
    {
        let plain: Step<Vec<_>> = nodes.iter().map(|kind| of_kind(1, *kind)).collect();
        rules.insert(libc::SYS_mknod, plain?);
    }
    Ok(rules)
}

/// Streams and datagrams over IP, sockets inside the sandbox, and questions about its own network. No raw packets, and
/// none of the families that reach out of a namespace (AF_VSOCK reaches a virtual machine's host).
fn refused_sockets() -> Step<Vec<SeccompRule>> {
    let (unix, inet, inet6, netlink) =
        (libc::AF_UNIX as u64, libc::AF_INET as u64, libc::AF_INET6 as u64, libc::AF_NETLINK as u64);
    let mut rules = vec![none_of(0, &[unix, inet, inet6, netlink])?];
    rules.push(all(vec![
        when(0, SeccompCmpOp::Eq, netlink)?,
        when(2, SeccompCmpOp::Ne, libc::NETLINK_ROUTE as u64)?,
    ])?);
    const KIND: u64 = 0xf;
    for family in [inet, inet6] {
        for kind in
            (0..=KIND).filter(|kind| ![libc::SOCK_STREAM as u64, libc::SOCK_DGRAM as u64].contains(kind))
        {
            rules.push(all(vec![
                when(0, SeccompCmpOp::Eq, family)?,
                when(1, SeccompCmpOp::MaskedEq(KIND), kind)?,
            ])?);
        }
        rules.push(all(vec![
            when(0, SeccompCmpOp::Eq, family)?,
            when(2, SeccompCmpOp::Ne, 0)?,
            when(2, SeccompCmpOp::Ne, libc::IPPROTO_TCP as u64)?,
            when(2, SeccompCmpOp::Ne, libc::IPPROTO_UDP as u64)?,
        ])?);
    }
    Ok(rules)
}

/// Threads and processes, but no new namespaces.
fn refused_clones() -> Step<Vec<SeccompRule>> {
    let namespaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
    ];
    let bit = |flag: libc::c_int| {
        let flag = u64::from(flag as u32);
        all(vec![when(0, SeccompCmpOp::MaskedEq(flag), flag)?])
    };
    namespaces.into_iter().map(bit).collect()
}

/// Names, signals at a parent's death, and questions.
const PROCESS_CONTROLS: [u64; 13] = [
    libc::PR_SET_PDEATHSIG as u64,
    libc::PR_GET_PDEATHSIG as u64,
    libc::PR_GET_DUMPABLE as u64,
    libc::PR_SET_DUMPABLE as u64,
    libc::PR_SET_NAME as u64,
    libc::PR_GET_NAME as u64,
    libc::PR_CAPBSET_READ as u64,
    libc::PR_GET_SECCOMP as u64,
    libc::PR_GET_NO_NEW_PRIVS as u64,
    libc::PR_SET_NO_NEW_PRIVS as u64,
    libc::PR_SET_CHILD_SUBREAPER as u64,
    libc::PR_SET_THP_DISABLE as u64,
    // PR_SET_VMA: names of memory areas.
    0x5356_4d41,
];

/// What pipes, sockets and terminals are asked. No input pushed into a terminal, no devices.
const DEVICE_CONTROLS: [u64; 25] = [
    0x5401,      // TCGETS
    0x5402,      // TCSETS
    0x540f,      // TIOCGPGRP
    0x5411,      // TIOCOUTQ, SIOCOUTQ
    0x5413,      // TIOCGWINSZ
    0x5414,      // TIOCSWINSZ
    0x541b,      // FIONREAD
    0x5421,      // FIONBIO
    0x5450,      // FIONCLEX
    0x5451,      // FIOCLEX
    0x5452,      // FIOASYNC
    0x802c_542a, // TCGETS2
    0x4004_9409, // FICLONE
    0x4020_940d, // FICLONERANGE
    0x8905,      // SIOCATMARK
    0x8910,      // SIOCGIFNAME
    0x8912,      // SIOCGIFCONF
    0x8913,      // SIOCGIFFLAGS
    0x8915,      // SIOCGIFADDR
    0x8919,      // SIOCGIFBRDADDR
    0x891b,      // SIOCGIFNETMASK
    0x891d,      // SIOCGIFMETRIC
    0x8921,      // SIOCGIFMTU
    0x8927,      // SIOCGIFHWADDR
    0x8933,      // SIOCGIFINDEX
];

const WAITING: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_ppoll,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_getrandom,
    libc::SYS_exit,
    libc::SYS_exit_group,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
];
