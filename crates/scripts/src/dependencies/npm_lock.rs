//! `package-lock.json`: exact versions, where they come from, and their checksums.

use serde_json::{Map, Value};
use url::Url;

use super::indexes::NPM;
use super::npm::is_name;
use super::{Indexes, Lock, MAX_LOCKED};
use crate::archive::{Code, Finding, MAX_FINDINGS};
use crate::model::Language;

const FILE: &str = "package-lock.json";
/// How many packages with install scripts are named.
const MAX_SCRIPTS: usize = 20;
/// Kinds of checksums that npm writes.
const CHECKSUMS: [&str; 4] = ["sha512-", "sha384-", "sha256-", "sha1-"];

pub(super) fn read(bytes: &[u8], indexes: &Indexes) -> Result<Lock, Vec<Finding>> {
    let Ok(Value::Object(mut lock)) = serde_json::from_slice(bytes) else {
        return Err(vec![finding("The file is no JSON object.")]);
    };
    let Some(Value::Object(packages)) = lock.get("packages") else {
        return Err(vec![finding("The file is of npm 6 or older. Make it anew with npm 7 or later.")]);
    };
    if packages.len() > MAX_LOCKED {
        return Err(vec![finding(format!("There are more than {MAX_LOCKED} packages."))]);
    }
    let wrong = packages.iter().filter_map(|(place, package)| judge(place, package, indexes).err());
    let findings: Vec<_> = wrong.take(MAX_FINDINGS).map(finding).collect();
    if !findings.is_empty() {
        return Err(findings);
    }
    let scripts = packages.iter().filter(|(place, package)| {
        !place.is_empty() && package.get("hasInstallScript") == Some(&Value::Bool(true))
    });
    let scripts = scripts.map(|(place, _)| name_of(place).to_owned()).take(MAX_SCRIPTS).collect();
    // What older versions of npm read instead, and nobody judged.
    lock.remove("dependencies");
    Ok(Lock { language: Language::JavaScript, bytes: Value::Object(lock).to_string().into_bytes(), scripts })
}

fn finding(message: impl Into<std::borrow::Cow<'static, str>>) -> Finding {
    Finding::new(Code::Dependency, message).about(FILE.as_bytes())
}

/// The name of the package at a place like `node_modules/a/node_modules/@b/c`.
fn name_of(place: &str) -> &str {
    place.rsplit_once("node_modules/").map_or(place, |(_, name)| name)
}

fn judge(place: &str, package: &Value, indexes: &Indexes) -> Result<(), String> {
    let Value::Object(package) = package else { return Err("A package is no object.".to_owned()) };
    if place.is_empty() {
        return match package.contains_key("workspaces") {
            true => Err("workspaces are not taken. Put the project into one package.".to_owned()),
            false => Ok(()),
        };
    }
    let names = place.strip_prefix("node_modules/").map(|rest| rest.split("/node_modules/"));
    if !names.is_some_and(|mut names| names.all(is_name)) || package.get("link") == Some(&Value::Bool(true)) {
        let place: String = place.chars().take(200).filter(|c| !c.is_control()).collect();
        return Err(format!("{place} is a folder of the project and no package of the registry."));
    }
    if package.get("inBundle") == Some(&Value::Bool(true)) && !package.contains_key("resolved") {
        return Ok(());
    }
    source(name_of(place), package, indexes)
}

fn source(name: &str, package: &Map<String, Value>, indexes: &Indexes) -> Result<(), String> {
    let from_registry = match package.get("resolved") {
        // npm may be set to leave it out; the version is that of the registry then.
        None => package.get("version").and_then(Value::as_str).is_some_and(is_version),
        Some(resolved) => resolved.as_str().is_some_and(|url| is_from(url, indexes)),
    };
    if !from_registry {
        return Err(format!("{name} does not come from the registry. Name a version of the registry."));
    }
    let integrity = package.get("integrity").and_then(Value::as_str).unwrap_or_default();
    if !CHECKSUMS.iter().any(|kind| integrity.starts_with(kind)) {
        return Err(format!("{name} has no checksum (integrity). Make the file anew."));
    }
    Ok(())
}

fn is_version(text: &str) -> bool {
    let digit = text.starts_with(|c: char| c.is_ascii_digit());
    digit && text.chars().all(|c| c.is_ascii_alphanumeric() || ".+-".contains(c))
}

/// Whether an address is one of the registry, or of a host where it keeps its files.
fn is_from(address: &str, indexes: &Indexes) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let at = |index: &str| Url::parse(index).is_ok_and(|index| index.origin() == url.origin());
    let host = url.host_str().unwrap_or_default().to_owned();
    let files = url.scheme() == "https" && url.port().is_none() && indexes.npm_files.contains(&host);
    url.username().is_empty() && url.password().is_none() && (at(indexes.npm()) || at(NPM) || files)
}
