//! What of the host every sandbox sees, and what it gets in its place.

use std::path::{Path, PathBuf};

use crate::init::INSIDE_ID;
use crate::orders::{BindOrder, Identity};

/// Programs and libraries of the system.
pub(crate) const SYSTEM: [&str; 8] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32", "/nix/store"];
/// Files of /etc that say nothing about this machine: where libraries lie, and which authorities sign certificates.
const PUBLIC: [&str; 4] =
    ["/etc/ld.so.cache", "/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted"];

/// Binds for what is a directory or a file, and links for what is a symbolic link (as /bin on many systems).
pub(crate) fn system(paths: &[PathBuf]) -> (Vec<BindOrder>, Vec<(PathBuf, PathBuf)>) {
    let (mut binds, mut links) = (Vec::new(), Vec::new());
    let mut seen: Vec<&Path> = Vec::new();
    for path in SYSTEM.iter().chain(&PUBLIC).map(Path::new).chain(paths.iter().map(PathBuf::as_path)) {
        if seen.iter().any(|above| path.starts_with(above)) {
            continue;
        }
        let Ok(found) = path.symlink_metadata() else { continue };
        match std::fs::read_link(path) {
            Ok(target) if found.is_symlink() => links.push((path.to_owned(), target)),
            _ => binds.push(BindOrder {
                from: path.to_owned(),
                to: path.to_owned(),
                writable: false,
                strict: false,
            }),
        }
        seen.push(path);
    }
    (binds, links)
}

/// The synthetic /etc.
pub(crate) fn files(identity: Identity, network: bool) -> Vec<(PathBuf, String)> {
    let id = match identity {
        Identity::Host(id) => id,
        Identity::Namespace => INSIDE_ID,
    };
    let resolver = match network {
        true => format!("nameserver {}\noptions timeout:12 attempts:1\n", crate::egress::RESOLVER),
        false => "options timeout:1 attempts:1\n".to_owned(),
    };
    let file = |name: &str, text: String| (Path::new("/etc").join(name), text);
    vec![
        file("passwd", format!("script:x:{id}:{id}:script:/tmp:/usr/sbin/nologin\n")),
        file("group", format!("script:x:{id}:\n")),
        file("hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n".to_owned()),
        file("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
        file("resolv.conf", resolver),
    ]
}
