//! `requirements.txt`: names of packages with versions, and their checksums where it is a lock.

use super::{Lock, MAX_LOCKED, MAX_PACKAGES, Wanted};
use crate::archive::{Code, Finding, Manifests};
use crate::model::Language;

const FILE: &str = "requirements.txt";
/// The longest line, in bytes, continued lines joined: a package with the checksums of all its files.
const MAX_LINE: usize = 64 * 1024;

/// A package that is asked for.
struct Requirement {
    /// Name, extras, versions and marker, as they were written but for spaces.
    text: String,
    pinned: bool,
    hashes: Vec<String>,
}

pub(super) fn read(manifests: &Manifests) -> Result<Option<Wanted>, Vec<Finding>> {
    let Some(bytes) = manifests.get(FILE) else { return Ok(None) };
    let (requirements, only_hashed) = parse(bytes, MAX_PACKAGES)?;
    if requirements.is_empty() {
        return Ok(None);
    }
    let hashed = requirements.iter().filter(|r| !r.hashes.is_empty()).count();
    if hashed > 0 || only_hashed {
        locked(&requirements)?;
    }
    let text = written(&requirements);
    let lock = Lock { language: Language::Python, bytes: text.clone(), scripts: Vec::new() };
    Ok(Some(Wanted {
        language: Language::Python,
        manifest: text,
        lock: (hashed > 0).then_some(lock),
        warnings: Vec::new(),
    }))
}

pub(super) fn lock(bytes: &[u8]) -> Result<Lock, Vec<Finding>> {
    let (requirements, _) = parse(bytes, MAX_LOCKED)?;
    locked(&requirements)?;
    Ok(Lock { language: Language::Python, bytes: written(&requirements), scripts: Vec::new() })
}

/// Whether each package has one version and a checksum.
fn locked(requirements: &[Requirement]) -> Result<(), Vec<Finding>> {
    let open = requirements.iter().filter(|r| !r.pinned || r.hashes.is_empty());
    let findings: Vec<_> = open
        .take(crate::archive::MAX_FINDINGS)
        .map(|r| {
            let message = format!(
                "{} has no checksum or no exact version (==). When one package has a checksum, all must.",
                r.text
            );
            Finding::new(Code::Dependency, message).about(FILE.as_bytes())
        })
        .collect();
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

fn written(requirements: &[Requirement]) -> Vec<u8> {
    let mut text = String::new();
    for requirement in requirements {
        text.push_str(&requirement.text);
        for hash in &requirement.hashes {
            text.push_str(" --hash=");
            text.push_str(hash);
        }
        text.push('\n');
    }
    text.into_bytes()
}

/// All packages, and whether the file says that all must have checksums.
fn parse(bytes: &[u8], most: usize) -> Result<(Vec<Requirement>, bool), Vec<Finding>> {
    let finding = |message: String, line: usize| {
        Finding::new(Code::Dependency, message).about(format!("{FILE}:{line}").as_bytes())
    };
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(vec![finding("The file is not in UTF-8.".to_owned(), 1)]);
    };
    let (mut all, mut findings, mut only_hashed) = (Vec::new(), Vec::new(), false);
    for (number, line) in lines(text.trim_start_matches('\u{feff}')) {
        if line == "--require-hashes" {
            only_hashed = true;
            continue;
        }
        match requirement(&line) {
            Ok(requirement) => all.push(requirement),
            Err(message) => findings.push(finding(message, number)),
        }
        if all.len() > most {
            findings.push(finding(format!("There are more than {most} packages."), number));
        }
        if all.len() > most || findings.len() == crate::archive::MAX_FINDINGS {
            break;
        }
    }
    if findings.is_empty() { Ok((all, only_hashed)) } else { Err(findings) }
}

/// Lines with their numbers: continued ones joined, comments and empty ones left out.
fn lines(text: &str) -> Vec<(usize, String)> {
    let (mut all, mut joined, mut start) = (Vec::new(), String::new(), 1);
    for (index, line) in text.lines().enumerate() {
        if joined.is_empty() {
            start = index + 1;
        }
        let bare = without_comment(line);
        if let Some(more) = bare.strip_suffix('\\') {
            joined.push_str(more);
            joined.push(' ');
            continue;
        }
        joined.push_str(bare);
        push(&mut all, start, &mut joined);
    }
    push(&mut all, start, &mut joined);
    all
}

fn push(all: &mut Vec<(usize, String)>, start: usize, joined: &mut String) {
    let line = std::mem::take(joined);
    if !line.trim().is_empty() {
        all.push((start, line.trim().to_owned()));
    }
}

/// A comment begins at the start of a line or after a space.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if c == '#' && before.is_whitespace() {
            return line[..at].trim_end();
        }
        before = c;
    }
    line
}

fn requirement(line: &str) -> Result<Requirement, String> {
    if line.len() > MAX_LINE || line.chars().any(|c| c.is_control() && c != '\t') {
        return Err("The line is too long or holds control characters.".to_owned());
    }
    if line.starts_with('-') {
        return Err(option(line));
    }
    let line = line.replace('\t', " ");
    let (package, options) = match line.find(" --") {
        Some(at) => line.split_at(at),
        None => (line.as_str(), ""),
    };
    let hashes = hashes(options)?;
    let (text, pinned) = package_of(package.trim())?;
    Ok(Requirement { text, pinned, hashes })
}

/// Why an option is not taken.
fn option(line: &str) -> String {
    let name = line.split(['=', ' ', '\t']).next().unwrap_or(line);
    match name {
        "-e" | "--editable" => {
            "Packages cannot be taken from a folder (-e). Put the files into the project and import them."
                .to_owned()
        }
        "-r" | "--requirement" | "-c" | "--constraint" => {
            format!("Other files cannot be included ({name}). Put all packages into requirements.txt.")
        }
        "-i" | "--index-url" | "--extra-index-url" | "-f" | "--find-links" | "--no-index"
        | "--trusted-host" => {
            format!(
                "Packages come from the index of this installation; {name} is not taken. Remove the line."
            )
        }
        "--pre" => "--pre is not taken. Name the exact version of the package instead.".to_owned(),
        "--no-binary" | "--only-binary" | "--prefer-binary" => {
            format!(
                "Whether packages are built is up to this installation; {name} is not taken. Remove the line."
            )
        }
        _ => format!("The option {name} is not known here. Remove the line."),
    }
}

fn hashes(options: &str) -> Result<Vec<String>, String> {
    let mut hashes = Vec::new();
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let hash = match word.strip_prefix("--hash=") {
            Some(hash) => hash,
            None if word == "--hash" => words.next().unwrap_or_default(),
            None => return Err(format!("{word} is not taken. Only --hash may follow a package.")),
        };
        let length = match hash.split_once(':') {
            Some(("sha256", hex)) => (hex, 64),
            Some(("sha384", hex)) => (hex, 96),
            Some(("sha512", hex)) => (hex, 128),
            _ => return Err("A checksum is written --hash=sha256:… (or sha384, sha512).".to_owned()),
        };
        if length.0.len() != length.1 || !length.0.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(
                "A checksum has the wrong length, or other characters than hexadecimal digits.".to_owned()
            );
        }
        hashes.push(hash.to_ascii_lowercase());
    }
    Ok(hashes)
}

/// The package as it is written down, and whether it has one exact version (PEP 508).
fn package_of(text: &str) -> Result<(String, bool), String> {
    if text.contains("://") || text.starts_with("git+") || text.contains(" @ ") || text.contains('@') {
        return Err("Packages cannot be taken from an address or a repository. Name a package of the index."
            .to_owned());
    }
    if text.starts_with(['.', '/', '~']) || text.contains(['/', '\\']) || is_file(text) {
        return Err("Packages cannot be taken from a path. Put the files into the project, or name a package of the index.".to_owned());
    }
    let no_package = || format!("\"{text}\" is no package with a version, like requests==2.32.3.");
    let (package, marker) = match text.split_once(';') {
        Some((package, marker)) => (package.trim(), Some(marker.trim())),
        None => (text, None),
    };
    let end =
        package.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(package.len());
    let (name, rest) = package.split_at(end);
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let (extras, versions) = extras(rest.trim()).ok_or_else(no_package)?;
    let versions: String = versions.chars().filter(|c| *c != ' ').collect();
    let bare = versions.strip_prefix('(').and_then(|v| v.strip_suffix(')')).unwrap_or(&versions);
    let good = edge(name.chars().next())
        && edge(name.chars().last())
        && (bare.is_empty() || bare.split(',').all(is_version));
    let marker_good = marker.is_none_or(|m| {
        !m.is_empty() && m.is_ascii() && !m.contains("--") && !m.contains(['#', ';', '$', '`'])
    });
    if !good || !marker_good {
        return Err(no_package());
    }
    let pinned = bare.starts_with("==") && !bare.contains([',', '*']);
    let marker = marker.map_or_else(String::new, |marker| format!(" ; {marker}"));
    Ok((format!("{name}{extras}{bare}{marker}"), pinned))
}

/// Whether this is a comparison with a version, like `>=2.0`.
fn is_version(text: &str) -> bool {
    const COMPARISONS: [&str; 8] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];
    let plain = |c: char| c.is_ascii_alphanumeric() || ".*+!_-".contains(c);
    let version = COMPARISONS.iter().find_map(|comparison| text.strip_prefix(comparison));
    version.is_some_and(|version| {
        version.starts_with(|c: char| c.is_ascii_alphanumeric()) && version.chars().all(plain)
    })
}

fn is_file(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    [".whl", ".tar.gz", ".zip", ".tgz"].iter().any(|ending| lower.ends_with(ending))
}

/// The extras in brackets, and what follows them.
fn extras(rest: &str) -> Option<(String, &str)> {
    let Some(inner) = rest.strip_prefix('[') else { return Some((String::new(), rest)) };
    let (names, after) = inner.split_once(']')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-, ".contains(c);
    let names: String = names.chars().all(plain).then(|| names.replace(' ', ""))?;
    Some((format!("[{names}]"), after.trim()))
}
