//! The direction of dependencies, checked: who may lean on whom (see ARCHITECTURE.md).

use std::collections::BTreeMap;
use std::path::Path;

/// Each crate with the crates of ours that it may use outside its tests.
const MAY_USE: [(&str, &[&str]); 16] = [
    ("types", &[]),
    ("saml", &[]),
    ("server", &[]),
    ("catalogue", &[]),
    ("flow", &[]),
    ("store", &["types"]),
    ("outbound", &["types"]),
    ("web", &["types"]),
    ("identity", &["types", "store", "outbound", "web"]),
    ("sso", &["types", "store", "outbound", "web", "saml", "identity"]),
    ("scim", &["types", "store", "web", "identity"]),
    ("apikeys", &["types", "store", "web", "identity"]),
    ("events", &["types", "store", "outbound", "web", "identity"]),
    ("lab", &["types", "store", "outbound", "web", "saml", "identity", "sso"]),
    (
        "gatehouse",
        &[
            "types", "store", "outbound", "web", "saml", "server", "identity", "sso", "scim", "apikeys",
            "events", "lab",
        ],
    ),
    ("testkit", &["types", "store"]),
];

fn used_by(manifest: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let dependencies = table["dependencies"].as_table().unwrap();
    dependencies.keys().filter_map(|name| name.strip_prefix("gatehouse-").map(str::to_owned)).collect()
}

#[test]
fn crates_lean_only_in_the_allowed_direction() {
    let allowed: BTreeMap<_, _> = MAY_USE.into_iter().collect();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(crates).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let may = allowed.get(name.as_str()).unwrap_or_else(|| panic!("crate {name} is not in the table"));
        for used in used_by(&path.join("Cargo.toml")) {
            assert!(may.contains(&used.as_str()), "{name} must not use {used}");
        }
        seen += 1;
    }
    assert_eq!(seen, MAY_USE.len());
}
