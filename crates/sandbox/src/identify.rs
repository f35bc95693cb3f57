//! Finding out what an interpreter is, and what it needs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::outcome::LaunchError;
use crate::sandbox::Sandbox;
use crate::spec::{Command, Interpreter, Language};
use crate::world;

/// How long an interpreter may take to tell its version.
const WITHIN: Duration = Duration::from_secs(20);

/// Runs the executable in a sandbox and reads its version.
pub(crate) async fn identify(
    sandbox: &Sandbox,
    language: Language,
    path: &Path,
) -> Result<Interpreter, LaunchError> {
    let refuse = |message: String| LaunchError::BadRequest(format!("{}: {message}", path.display()));
    let real = path.canonicalize().map_err(|error| refuse(error.to_string()))?;
    if !is_program(&real) {
        return Err(refuse(
            "this is no program; name the interpreter itself, not a script that starts one".into(),
        ));
    }
    let binds = needed(&real);
    let command = Command {
        system: binds.clone(),
        ..Command::short("identify", real.clone(), vec!["--version".to_owned()], WITHIN)
    };
    let finished = sandbox.run(command).await?;
    let told = String::from_utf8_lossy(&finished.stdout);
    let version = finished.succeeded().then(|| version_in(language, told.trim())).flatten();
    match version {
        Some(version) => Ok(Interpreter { language, path: real, version, binds }),
        None => {
            let complaint = String::from_utf8_lossy(&finished.stderr);
            let said: String = format!("{told}{complaint}").trim().chars().take(500).collect();
            Err(refuse(format!("this is no {} interpreter; it said: {said}", language.name())))
        }
    }
}

/// Whether a file is an executable of this system, and no text.
fn is_program(path: &Path) -> bool {
    let mut start = [0u8; 4];
    let read =
        std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
    read.is_ok() && start == *b"\x7fELF"
}

/// The number behind `Python ` or `v`.
fn version_in(language: Language, told: &str) -> Option<String> {
    let prefix = match language {
        Language::Python => "Python ",
        Language::JavaScript => "v",
    };
    let version = told.strip_prefix(prefix)?;
    let parts = version.split('.').count();
    let plain = version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-".contains(&byte));
    let begins = version.starts_with(|first: char| first.is_ascii_digit());
    (begins && plain && parts >= 2 && version.len() <= 40).then(|| version.to_owned())
}

/// What an interpreter outside the system's own directories brings: the prefix that it was installed to.
fn needed(path: &Path) -> Vec<PathBuf> {
    if world::SYSTEM.iter().any(|place| path.starts_with(place)) {
        return Vec::new();
    }
    let directory = path.parent().unwrap_or(path);
    let prefix = directory.parent().filter(|_| directory.ends_with("bin"));
    // A bin directory right below the root, or below a home, says nothing about an installation.
    match prefix.filter(|prefix| prefix.components().count() > 2) {
        Some(prefix) => vec![prefix.to_owned()],
        None => vec![path.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_strictly() {
        assert_eq!(version_in(Language::Python, "Python 3.10.13"), Some("3.10.13".to_owned()));
        assert_eq!(version_in(Language::JavaScript, "v20.19.0"), Some("20.19.0".to_owned()));
        assert_eq!(version_in(Language::JavaScript, "Python 3.10.13"), None);
        assert_eq!(version_in(Language::Python, "Python <script>"), None);
        assert_eq!(version_in(Language::Python, ""), None);
    }

    #[test]
    fn an_installation_is_bound_whole_and_nothing_above_it() {
        assert!(needed(Path::new("/usr/bin/python3.11")).is_empty());
        assert_eq!(needed(Path::new("/opt/py/3.10/bin/python3.10")), [PathBuf::from("/opt/py/3.10")]);
        assert_eq!(needed(Path::new("/root/bin/node")), [PathBuf::from("/root/bin/node")]);
        assert_eq!(needed(Path::new("/opt/node")), [PathBuf::from("/opt/node")]);
    }
}
