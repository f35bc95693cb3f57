//! System calls that lead out, and those that ordinary programs need.

use gatehouse_sandbox::{CallError, Ended, Mode};
use nix::libc;
use serde_json::json;

use crate::workshop::{ATTEMPT, error, mode_uid, python, sandbox};

/// What a system call answers inside: `done` or the name of the error.
async fn answers(calls: &[(i64, &str)]) -> Vec<String> {
    let list: String =
        calls.iter().map(|(number, arguments)| format!("    call({number}, {arguments}),\n")).collect();
    let answer = python(&format!("{ATTEMPT}\ndef main():\n  return [\n{list}  ]\n")).answer().await;
    serde_json::from_value(answer).unwrap()
}

async fn all_are_refused(calls: &[(i64, &str)]) {
    assert_eq!(answers(calls).await, vec!["EPERM"; calls.len()]);
}

#[tokio::test]
async fn namespaces_cannot_be_made_or_entered() {
    let flag = |flag: i32| flag.to_string();
    let (user, mount, net, pid) = (
        flag(libc::CLONE_NEWUSER),
        flag(libc::CLONE_NEWNS),
        flag(libc::CLONE_NEWNET),
        flag(libc::CLONE_NEWPID),
    );
    let forked = format!("{} | 17, 0, 0, 0, 0", libc::CLONE_NEWUSER);
    all_are_refused(&[
        (libc::SYS_unshare, &user),
        (libc::SYS_unshare, &mount),
        (libc::SYS_unshare, &net),
        (libc::SYS_unshare, &pid),
        (libc::SYS_setns, "0, 0"),
        (libc::SYS_clone, &forked),
    ])
    .await;
}

#[tokio::test]
async fn the_newer_clone_is_not_there_so_that_libraries_use_the_older() {
    assert_eq!(answers(&[(libc::SYS_clone3, "0, 0")]).await, ["ENOSYS"]);
}

#[tokio::test]
async fn nothing_can_be_mounted() {
    all_are_refused(&[
        (libc::SYS_mount, "b'none', b'/tmp', b'tmpfs', 0, 0"),
        (libc::SYS_mount, "b'/usr', b'/usr', 0, 4128, 0"),
        (libc::SYS_umount2, "b'/proc/cpuinfo', 2"),
        (libc::SYS_pivot_root, "b'/tmp', b'/tmp'"),
        (libc::SYS_chroot, "b'/tmp'"),
        (libc::SYS_open_tree, "-100, b'/', 1"),
        (libc::SYS_move_mount, "0, b'', 0, b'', 0"),
        (libc::SYS_mount_setattr, "-100, b'/', 0, 0, 0"),
        (libc::SYS_fsopen, "b'tmpfs', 0"),
    ])
    .await;
}

#[tokio::test]
async fn no_process_looks_into_another() {
    all_are_refused(&[
        (libc::SYS_ptrace, "0, 0, 0, 0"),
        (libc::SYS_ptrace, "16, 1, 0, 0"),
        (libc::SYS_process_vm_readv, "1, 0, 0, 0, 0, 0"),
        (libc::SYS_process_vm_writev, "1, 0, 0, 0, 0, 0"),
        (libc::SYS_kcmp, "1, 1, 0, 0, 0"),
        (libc::SYS_pidfd_getfd, "0, 0, 0"),
    ])
    .await;
}

#[tokio::test]
async fn bpf_and_performance_counters_are_refused() {
    all_are_refused(&[
        (libc::SYS_bpf, "0, 0, 0"),
        (libc::SYS_perf_event_open, "0, 0, -1, -1, 0"),
        (libc::SYS_userfaultfd, "0"),
        (libc::SYS_seccomp, "0, 0, 0"),
    ])
    .await;
}

#[tokio::test]
async fn io_uring_which_walks_past_filters_is_refused() {
    all_are_refused(&[
        (libc::SYS_io_uring_setup, "8, 0"),
        (libc::SYS_io_uring_enter, "0, 0, 0, 0, 0, 0"),
        (libc::SYS_io_uring_register, "0, 0, 0, 0"),
    ])
    .await;
}

#[tokio::test]
async fn keys_of_the_kernel_are_refused() {
    all_are_refused(&[
        (libc::SYS_keyctl, "0, -3, 1"),
        (libc::SYS_add_key, "b'user', b'x', b'y', 1, -3"),
        (libc::SYS_request_key, "b'user', b'x', 0, -3"),
    ])
    .await;
}

#[tokio::test]
async fn the_machine_is_not_changed() {
    all_are_refused(&[
        (libc::SYS_reboot, "0xfee1dead, 672274793, 0x1234567, 0"),
        (libc::SYS_init_module, "0, 0, b''"),
        (libc::SYS_finit_module, "0, b'', 0"),
        (libc::SYS_delete_module, "b'x', 0"),
        (libc::SYS_kexec_load, "0, 0, 0, 0"),
        (libc::SYS_swapon, "b'/tmp/x', 0"),
        (libc::SYS_acct, "0"),
        (libc::SYS_syslog, "3, 0, 0"),
        (libc::SYS_quotactl, "0, 0, 0, 0"),
        (libc::SYS_sethostname, "b'x', 1"),
        (libc::SYS_sync, ""),
    ])
    .await;
}

#[tokio::test]
async fn the_clock_is_not_set() {
    all_are_refused(&[
        (libc::SYS_settimeofday, "0, 0"),
        (libc::SYS_clock_settime, "0, 0"),
        (libc::SYS_adjtimex, "0"),
        (libc::SYS_clock_adjtime, "0, 0"),
    ])
    .await;
}

#[tokio::test]
async fn nobody_becomes_another_user() {
    all_are_refused(&[
        (libc::SYS_setuid, "0"),
        (libc::SYS_setgid, "0"),
        (libc::SYS_setreuid, "0, 0"),
        (libc::SYS_setresuid, "0, 0, 0"),
        (libc::SYS_setresgid, "0, 0, 0"),
        (libc::SYS_setgroups, "0, 0"),
        (libc::SYS_setfsuid, "0"),
        (libc::SYS_capset, "0, 0"),
    ])
    .await;
}

#[tokio::test]
async fn files_are_not_opened_past_their_paths() {
    all_are_refused(&[
        (libc::SYS_open_by_handle_at, "-100, 0, 0"),
        (libc::SYS_name_to_handle_at, "-100, b'/', 0, 0, 0"),
        (libc::SYS_fanotify_init, "0, 0"),
    ])
    .await;
}

#[tokio::test]
async fn device_nodes_are_not_made_but_pipes_are() {
    let (character, block, fifo) = (
        format!("-100, b'/tmp/c', {} | 0o666, 0x103", libc::S_IFCHR),
        format!("-100, b'/tmp/b', {} | 0o666, 0x800", libc::S_IFBLK),
        format!("-100, b'/tmp/f', {} | 0o666, 0", libc::S_IFIFO),
    );
    let calls: Vec<(i64, &str)> =
        [&character, &block, &fifo].iter().map(|arguments| (libc::SYS_mknodat, arguments.as_str())).collect();
    assert_eq!(answers(&calls).await, ["EPERM", "EPERM", "done"]);
}

#[tokio::test]
async fn sockets_that_leave_the_sandbox_or_forge_packets_are_refused() {
    let socket = |family: i32, kind: i32, protocol: i32| format!("{family}, {kind}, {protocol}");
    let refused = [
        socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0),
        socket(libc::AF_PACKET, libc::SOCK_RAW, 0x300),
        socket(libc::AF_PACKET, libc::SOCK_DGRAM, 0x300),
        socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
        socket(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_RAW),
        socket(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP),
        socket(libc::AF_INET, libc::SOCK_STREAM, 262),
        socket(libc::AF_NETLINK, libc::SOCK_RAW, 12),
        socket(libc::AF_BLUETOOTH, libc::SOCK_RAW, 0),
        socket(libc::AF_INET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::IPPROTO_TCP),
    ];
    let calls: Vec<(i64, &str)> =
        refused.iter().map(|arguments| (libc::SYS_socket, arguments.as_str())).collect();
    all_are_refused(&calls).await;
    let allowed = [
        socket(libc::AF_UNIX, libc::SOCK_STREAM, 0),
        socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, libc::IPPROTO_TCP),
        socket(libc::AF_INET6, libc::SOCK_DGRAM, 0),
        socket(libc::AF_NETLINK, libc::SOCK_RAW, 0),
    ];
    let calls: Vec<(i64, &str)> =
        allowed.iter().map(|arguments| (libc::SYS_socket, arguments.as_str())).collect();
    assert_eq!(answers(&calls).await, vec!["done"; 4]);
}

#[tokio::test]
async fn controls_of_terminals_and_processes_are_few() {
    all_are_refused(&[
        (libc::SYS_ioctl, "0, 0x5412, b'x'"),
        (libc::SYS_ioctl, "0, 0x541c, b'x'"),
        (libc::SYS_ioctl, "0, 0x5412 | (1 << 40), b'x'"),
        (libc::SYS_prctl, "35, 0, 0, 0, 0"),
        (libc::SYS_prctl, "28, 0, 0, 0, 0"),
        (libc::SYS_prctl, "47, 2, 0, 0, 0"),
        (libc::SYS_prctl, "0x59616d61, -1, 0, 0, 0"),
        (libc::SYS_personality, "0x0040000"),
    ])
    .await;
}

#[tokio::test]
async fn calls_that_nobody_knows_are_answered_as_by_an_old_kernel() {
    assert_eq!(
        answers(&[(999, "0"), (libc::SYS_landlock_create_ruleset, "0, 0, 1")]).await,
        ["ENOSYS", "ENOSYS"]
    );
}

#[cfg(target_arch = "x86_64")]
#[tokio::test]
async fn calls_of_the_other_tables_of_the_processor_lead_nowhere() {
    // The x32 table: the same numbers with a bit.
    let x32 = libc::SYS_ptrace | 0x4000_0000;
    assert_eq!(answers(&[(x32, "0, 0, 0, 0")]).await, ["ENOSYS"]);
    // The 32-bit table by its interrupt: mov eax, 20; int 0x80; ret.
    let project = python(
        "import ctypes, mmap\ndef main():\n    page = mmap.mmap(-1, 4096, prot=7)\n    page.write(bytes.fromhex('b814000000cd80c3'))\n\
         \x20   return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()\n",
    );
    let failed = error(&project.launch(&["main"]).await, "main", json!({})).await;
    assert!(
        matches!(&failed, CallError::Ended(Ended::Crashed { status, .. }) if status.contains("SIGSYS")),
        "{failed:?}"
    );
}

#[tokio::test]
async fn the_kernel_itself_says_that_every_right_is_gone() {
    let project = python(
        "def main(): return dict(line.rstrip('\\n').split(':\\t', 1) for line in open('/proc/self/status') if ':\\t' in line)\n",
    );
    let status = project.answer().await;
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status[set], "0000000000000000", "{set}");
    }
    assert_eq!((&status["NoNewPrivs"], &status["Seccomp"]), (&json!("1"), &json!("2")));
    let uid = match sandbox().mode() {
        Mode::Privileged => mode_uid(&project),
        Mode::Rootless => 1000,
    };
    assert_eq!(status["Uid"], format!("{uid}\t{uid}\t{uid}\t{uid}"));
    assert_eq!(status["Gid"], format!("{uid}\t{uid}\t{uid}\t{uid}"));
    if sandbox().mode() == Mode::Privileged {
        assert_eq!(status["Groups"].as_str().unwrap().trim(), "");
    }
}

#[tokio::test]
async fn programs_with_the_bit_of_their_owner_gain_nothing() {
    let project = python(
        "import os, subprocess\ndef main():\n    found = [p for p in ('/usr/bin/su', '/usr/bin/mount', '/usr/bin/passwd', '/usr/bin/sudo') if os.path.exists(p) and os.stat(p).st_mode & 0o4000]\n\
         \x20   child = subprocess.Popen([found[0], '--help'], stdout=-1)\n    return [len(found) > 0, child.communicate() and child.returncode >= 0, os.geteuid()]\n",
    );
    let answer = project.answer().await;
    let uid = if sandbox().mode() == Mode::Privileged { mode_uid(&project) } else { 1000 };
    assert_eq!(answer, json!([true, true, uid]));
}
