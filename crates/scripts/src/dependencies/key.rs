use gatehouse_types::hex;
use sha2::{Digest, Sha256};

use super::{Indexes, Lock};

/// Changes whenever packages are laid out in another way.
const LAYOUT: &str = "gatehouse-dependencies-1";

/// What installs, and what it installs for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installer {
    /// The program: uv itself, or the interpreter that runs npm.
    pub program: String,
    /// Arguments before all others: the file of npm.
    pub before: Vec<String>,
    /// Its version, as it tells it.
    pub version: String,
    /// The program of the interpreter.
    pub interpreter: String,
    /// Its version, as it tells it.
    pub interpreter_version: String,
    /// System, processor and C library, like `linux-x86_64-gnu`.
    pub platform: String,
}

impl Lock {
    /// The name of the folder of these packages: SHA-256 of all that makes a difference to them, in hex. The same
    /// packages are installed once, whoever asks for them.
    pub fn key(&self, installer: &Installer, indexes: &Indexes) -> String {
        let parts: [&[u8]; 7] = [
            LAYOUT.as_bytes(),
            self.language.as_str().as_bytes(),
            &self.bytes,
            installer.interpreter_version.as_bytes(),
            installer.platform.as_bytes(),
            installer.version.as_bytes(),
            if indexes.build_from_source { b"source" } else { b"binary" },
        ];
        let mut digest = Sha256::new();
        for part in parts {
            // With its length, so that no two lists of parts read alike.
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        hex(&digest.finalize())
    }
}
