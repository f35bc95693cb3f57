//! The file system of a sandbox: an empty root in memory, and in it what the script may see.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::syscalls::{self, Tree};
use super::{At, Failure, Step, procfs};
use crate::orders::{BindOrder, Orders};

/// The devices of a sandbox; nothing else of /dev is there.
pub(super) const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// Bytes and files of the root itself: our own files and the places of the mounts.
const ROOT_SIZE: &str = "size=16m,nr_inodes=4096,mode=755";
/// Files that fit into /tmp and /dev/shm each.
const TMP_FILES: u32 = 65_536;

const NONE: Option<&str> = None;

/// Builds the root and goes there; nothing of the old one can be reached afterwards.
pub(super) fn build(orders: &Orders) -> Step<()> {
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).at("private mounts")?;
    // Cloned before anything is covered: sources may lie below the place of the new root.
    let mut trees = Vec::new();
    for bind in &orders.binds {
        trees.push((clone_tree(bind)?, &bind.to));
    }
    let devices = DEVICES.map(|name| (name, syscalls::clone_tree(&Path::new("/dev").join(name), true)));

    let root = orders.root.as_path();
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), root, Some("tmpfs"), plain, Some(ROOT_SIZE)).at("root")?;
    for (path, target) in &orders.links {
        let link = inside(root, path)?;
        make_parent(&link)?;
        symlink(target, &link).about("root", path.display())?;
    }
    for (tree, to) in trees {
        attach(&tree, &inside(root, to)?).map_err(|failure| told_of(failure, to))?;
    }
    for (path, contents) in &orders.files {
        make_file(&inside(root, path)?, contents)?;
    }
    make_devices(root, devices)?;
    mount_memory(&root.join("tmp"), orders.tmp_bytes)?;
    mount_memory(&root.join("dev/shm"), orders.tmp_bytes)?;
    procfs::build(root, orders)?;
    enter(root)
}

fn told_of(failure: Failure, path: &Path) -> Failure {
    Failure { step: failure.step, message: format!("{}: {}", path.display(), failure.message) }
}

fn clone_tree(bind: &BindOrder) -> Step<Tree> {
    let tree = syscalls::clone_tree(&bind.from, !bind.strict).about("bind", bind.from.display())?;
    if bind.strict && tree.is_symbolic_link().at("bind")? {
        let message = format!("{} is a symbolic link", bind.from.display());
        return Err(Failure { step: "bind", message });
    }
    let flags = if bind.writable { syscalls::WRITABLE } else { syscalls::READ_ONLY };
    // Recursive: what is mounted below a read-only directory is read-only too.
    tree.set_attributes(flags).about("read-only mount", bind.from.display())?;
    Ok(tree)
}

/// Where a path of the sandbox lies below the new root.
fn inside(root: &Path, path: &Path) -> Step<PathBuf> {
    let normal = |part| matches!(part, Component::RootDir | Component::Normal(_));
    let relative = path.strip_prefix("/").ok().filter(|_| path.components().all(normal));
    match relative {
        Some(relative) => Ok(root.join(relative)),
        None => Err(Failure { step: "root", message: format!("{} is no absolute path", path.display()) }),
    }
}

fn attach(tree: &Tree, target: &Path) -> Step<()> {
    if tree.is_directory().at("bind")? {
        make_directory(target)?;
    } else {
        make_file(target, "")?;
    }
    tree.attach(target).at("bind")
}

/// Mounts one of our own files or directories over something.
pub(super) fn cover(from: &Path, over: &Path) -> Step<()> {
    mount(Some(from), over, NONE, MsFlags::MS_BIND, NONE).about("cover", over.display())
}

pub(super) fn mount_proc(at: &Path) -> Step<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    mount(Some("proc"), at, Some("proc"), flags, Some("hidepid=2")).at("proc")
}

fn make_devices(root: &Path, devices: [(&str, nix::Result<Tree>); 5]) -> Step<()> {
    let dev = root.join("dev");
    for (name, tree) in devices {
        let tree = tree.about("devices", name)?;
        tree.set_attributes(syscalls::DEVICE).about("devices", name)?;
        make_file(&dev.join(name), "")?;
        tree.attach(&dev.join(name)).about("devices", name)?;
    }
    let links = [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")];
    for (name, target) in links {
        symlink(target, dev.join(name)).about("devices", name)?;
    }
    Ok(())
}

fn mount_memory(at: &Path, bytes: u64) -> Step<()> {
    make_directory(at)?;
    let size = format!("size={bytes},nr_inodes={TMP_FILES},mode=1777");
    mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(size.as_str()))
        .about("memory file system", at.display())
}

/// Makes the new root the only one.
fn enter(root: &Path) -> Step<()> {
    nix::unistd::chdir(root).at("enter root")?;
    nix::unistd::pivot_root(".", ".").at("pivot root")?;
    umount2(".", MntFlags::MNT_DETACH).at("leave old root")?;
    nix::unistd::chdir("/").at("enter root")?;
    // The whole file system, not the mount alone: so the covers of /proc are read-only with it.
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(NONE, "/", NONE, flags, NONE).at("read-only root")
}

pub(super) fn make_directory(path: &Path) -> Step<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path).about("root", path.display())
}

fn make_parent(path: &Path) -> Step<()> {
    path.parent().map_or(Ok(()), make_directory)
}

pub(super) fn make_file(path: &Path, contents: &str) -> Step<()> {
    make_parent(path)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)
        .about("root", path.display())?;
    file.write_all(contents.as_bytes()).about("root", path.display())
}
