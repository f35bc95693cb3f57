//! `package.json`: names of packages with ranges of versions.

use serde_json::{Map, Value};

use super::{Indexes, MAX_PACKAGES, Wanted, npm_lock};
use crate::archive::{Code, Finding, MAX_FINDINGS, Manifests};
use crate::model::Language;

const FILE: &str = "package.json";
/// Members that name packages. `npm ci` compares all of them with the lock.
const LISTS: [&str; 4] = ["dependencies", "optionalDependencies", "devDependencies", "peerDependencies"];
/// Scripts that npm would run while it installs.
const INSTALL_SCRIPTS: [&str; 4] = ["preinstall", "install", "postinstall", "prepare"];
/// How deep overrides may be nested.
const MAX_DEPTH: usize = 8;

pub(super) fn read(manifests: &Manifests, indexes: &Indexes) -> Result<Option<Wanted>, Vec<Finding>> {
    let Some(bytes) = manifests.get(FILE) else { return Ok(None) };
    let Ok(Value::Object(package)) = serde_json::from_slice(bytes) else {
        return Err(vec![finding("The file is no JSON object.".to_owned())]);
    };
    let (kept, count, mut findings) = judged(&package);
    let lock = match manifests.get("package-lock.json").map(|lock| npm_lock::read(lock, indexes)) {
        Some(Ok(lock)) => Some(lock),
        Some(Err(more)) => {
            findings.extend(more);
            None
        }
        None => None,
    };
    if !findings.is_empty() {
        findings.truncate(MAX_FINDINGS);
        return Err(findings);
    }
    if count == 0 {
        return Ok(None);
    }
    let scripts: Vec<_> = lock.iter().flat_map(|lock| lock.scripts().to_vec()).collect();
    Ok(Some(Wanted {
        language: Language::JavaScript,
        manifest: Value::Object(kept).to_string().into_bytes(),
        lock,
        warnings: warnings(&package, &scripts),
    }))
}

fn finding(message: String) -> Finding {
    Finding::new(Code::Dependency, message).about(FILE.as_bytes())
}

/// What is kept of the file, how many packages the project runs with, and what is wrong.
fn judged(package: &Map<String, Value>) -> (Map<String, Value>, usize, Vec<Finding>) {
    let (mut kept, mut findings, mut count) = (Map::new(), Vec::new(), 0);
    kept.insert("name".to_owned(), "project".into());
    kept.insert("private".to_owned(), true.into());
    for list in LISTS {
        let packages = match package.get(list) {
            None => continue,
            Some(Value::Object(packages)) => packages,
            Some(_) => {
                findings.push(finding(format!("{list} is no object of packages.")));
                continue;
            }
        };
        if packages.len() > MAX_PACKAGES {
            findings.push(finding(format!("{list} has more than {MAX_PACKAGES} packages.")));
            continue;
        }
        for (name, range) in packages {
            if let Err(why) = judge(name, range) {
                findings.push(finding(format!("{list}: {why}")));
            }
        }
        if list == "dependencies" || list == "optionalDependencies" {
            count += packages.len();
        }
        kept.insert(list.to_owned(), Value::Object(packages.clone()));
    }
    if let Some(overrides) = package.get("overrides") {
        if let Err(why) = judge_overrides(overrides, MAX_DEPTH) {
            findings.push(finding(format!("overrides: {why}")));
        }
        kept.insert("overrides".to_owned(), overrides.clone());
    }
    if package.contains_key("workspaces") {
        findings.push(finding("workspaces are not taken. Put the project into one package.".to_owned()));
    }
    (kept, count, findings)
}

fn warnings(package: &Map<String, Value>, scripts: &[String]) -> Vec<Finding> {
    let own: Vec<_> = INSTALL_SCRIPTS
        .into_iter()
        .filter(|name| package.get("scripts").is_some_and(|scripts| scripts.get(name).is_some()))
        .collect();
    let mut warnings = Vec::new();
    if !own.is_empty() {
        warnings.push(finding(format!("Scripts of the project are not run: {}.", own.join(", "))));
    }
    if !scripts.is_empty() {
        let message = format!("The install scripts of these packages are not run: {}.", scripts.join(", "));
        warnings.push(Finding::new(Code::Dependency, message).about(b"package-lock.json"));
    }
    warnings
}

fn judge(name: &str, range: &Value) -> Result<(), String> {
    if !is_name(name) {
        return Err(format!("\"{}\" is no name of a package.", short(name)));
    }
    let Some(range) = range.as_str() else { return Err(format!("{name} has no range of versions.")) };
    match range.strip_prefix("npm:") {
        Some(alias) => {
            let split = alias.char_indices().skip(1).filter(|(_, c)| *c == '@').last();
            let (other, range) = split.map_or((alias, ""), |(at, _)| (&alias[..at], &alias[at + 1..]));
            if !is_name(other) {
                return Err(format!("{name}: \"{}\" is no name of a package.", short(other)));
            }
            judge_range(name, range)
        }
        None => judge_range(name, range),
    }
}

/// A range of versions or a tag; not an address, a repository or a path.
fn judge_range(name: &str, range: &str) -> Result<(), String> {
    const ELSEWHERE: [&str; 7] = ["file:", "link:", "portal:", "workspace:", "patch:", "catalog:", "."];
    if ELSEWHERE.iter().any(|beginning| range.starts_with(beginning)) {
        return Err(format!(
            "{name} cannot be taken from a path. Put the files into the project and require them."
        ));
    }
    if range.contains([':', '/', '@']) {
        return Err(format!(
            "{name} cannot be taken from an address or a repository. Name a version of the registry."
        ));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || " .*^~<>=|+_-".contains(c);
    if range.len() > 256 || !range.chars().all(plain) {
        return Err(format!("{name}: \"{}\" is no range of versions.", short(range)));
    }
    Ok(())
}

fn judge_overrides(value: &Value, depth: usize) -> Result<(), String> {
    let Value::Object(members) = value else { return Err("they are no object.".to_owned()) };
    if depth == 0 {
        return Err("they are nested too deep.".to_owned());
    }
    for (name, value) in members {
        match value {
            Value::Object(_) => judge_overrides(value, depth - 1)?,
            // The version that the project itself names.
            Value::String(reference) if reference.strip_prefix('$').is_some_and(is_name) => {}
            // A name may be followed by the range that is overridden, and `.` is the package itself.
            other => {
                let end =
                    name.char_indices().skip(1).find(|(_, c)| *c == '@').map_or(name.len(), |(at, _)| at);
                let bare = if name == "." { "self" } else { &name[..end] };
                judge(bare, other)?;
            }
        }
    }
    Ok(())
}

/// Whether this names a package: `name` or `@scope/name`.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '_'])
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
    };
    let good = match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| plain(scope) && plain(name)),
        None => plain(name) && name != "node_modules" && name != "favicon.ico",
    };
    good && name.len() <= 214
}

fn short(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}
