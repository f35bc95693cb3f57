//! The direction of dependencies, checked: who may lean on whom (see ARCHITECTURE.md).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each crate with the crates of ours that it may use outside its tests.
const MAY_USE: [(&str, &[&str]); 20] = [
    ("types", &[]),
    ("saml", &[]),
    ("server", &[]),
    ("catalogue", &[]),
    ("flow", &[]),
    ("sandbox", &[]),
    ("store", &["types"]),
    ("outbound", &["types"]),
    ("web", &["types"]),
    ("identity", &["types", "store", "outbound", "web"]),
    ("sso", &["types", "store", "outbound", "web", "saml", "identity"]),
    ("scim", &["types", "store", "web", "identity"]),
    ("apikeys", &["types", "store", "web", "identity"]),
    ("events", &["types", "store", "outbound", "web", "identity"]),
    ("connect", &["types", "store", "outbound", "web", "catalogue", "identity"]),
    ("scripts", &["types", "store", "web", "identity", "apikeys", "sandbox"]),
    ("flows", &["types", "store", "outbound", "web", "flow", "identity", "apikeys", "connect", "scripts"]),
    ("lab", &["types", "store", "outbound", "web", "saml", "identity", "sso"]),
    (
        "gatehouse",
        &[
            "types", "store", "outbound", "web", "saml", "server", "identity", "sso", "scim", "apikeys",
            "events", "connect", "scripts", "sandbox", "flows", "lab",
        ],
    ),
    ("testkit", &["types", "store"]),
];

/// Libraries that open connections by themselves, with the crates that may use them outside their tests: outward is
/// `outbound`, inward `server`, to the database `store`. `gatehouse` plays a browser against itself for the demo.
const OPEN_CONNECTIONS: [(&str, &[&str]); 28] = [
    ("reqwest", &["outbound", "gatehouse"]),
    ("lettre", &["outbound"]),
    ("hickory-resolver", &["outbound"]),
    ("hickory-proto", &["outbound"]),
    ("hickory-net", &[]),
    ("tokio-rustls", &[]),
    ("hyper", &["server"]),
    ("hyper-util", &["server"]),
    ("sqlx", &["store", "testkit"]),
    ("async-net", &[]),
    ("async-std", &[]),
    ("attohttpc", &[]),
    ("awc", &[]),
    ("curl", &[]),
    ("h3", &[]),
    ("isahc", &[]),
    ("ldap3", &[]),
    ("minreq", &[]),
    ("mio", &[]),
    ("quinn", &[]),
    ("redis", &[]),
    ("smol", &[]),
    ("socket2", &[]),
    ("surf", &[]),
    ("tokio-postgres", &[]),
    ("tokio-tungstenite", &[]),
    ("tonic", &[]),
    ("ureq", &[]),
];

/// The libraries of a crate outside its tests, by their names in the registry.
fn libraries(manifest: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let package = |name: &String, value: &toml::Value| {
        value.get("package").and_then(toml::Value::as_str).unwrap_or(name).to_owned()
    };
    let lists =
        ["dependencies", "build-dependencies"].into_iter().filter_map(|list| table.get(list)?.as_table());
    lists.flatten().map(|(name, value)| package(name, value)).collect()
}

fn used_by(manifest: &Path) -> Vec<String> {
    let all = libraries(manifest).into_iter();
    all.filter_map(|name| name.strip_prefix("gatehouse-").map(str::to_owned)).collect()
}

/// Every crate, with its manifest.
fn crates() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named =
        |path: PathBuf| (path.file_name().unwrap().to_str().unwrap().to_owned(), path.join("Cargo.toml"));
    paths.map(named).collect()
}

#[test]
fn crates_lean_only_in_the_allowed_direction() {
    let allowed: BTreeMap<_, _> = MAY_USE.into_iter().collect();
    let mut seen = 0;
    for (name, manifest) in crates() {
        let may = allowed.get(name.as_str()).unwrap_or_else(|| panic!("crate {name} is not in the table"));
        for used in used_by(&manifest) {
            assert!(may.contains(&used.as_str()), "{name} must not use {used}");
        }
        seen += 1;
    }
    assert_eq!(seen, MAY_USE.len());
}

#[test]
fn no_other_crate_leans_on_a_library_that_opens_connections() {
    let doors: BTreeMap<_, _> = OPEN_CONNECTIONS.into_iter().collect();
    let mut met = 0;
    for (name, manifest) in crates() {
        for library in libraries(&manifest) {
            let Some(may) = doors.get(library.as_str()) else { continue };
            assert!(
                may.contains(&name.as_str()),
                "{name} must not use {library}: see ARCHITECTURE.md, \"Direction\""
            );
            met += 1;
        }
    }
    let allowed: usize = OPEN_CONNECTIONS.iter().map(|(_, may)| may.len()).sum();
    assert_eq!(met, allowed, "an entry of the table is of nobody any more");
}
