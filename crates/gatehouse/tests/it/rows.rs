//! Every row of the requirements about single sign-on, API apps, authorization profiles, connectors, flows and custom scripts has a test
//! that is named after it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The rows: the page, exclusions and switching, and the domains (R007 to R042, R066 to R074); the common rules of the API,
/// and its apps, scopes and keys (R100 to R121); authorization profiles (R122 to R148); connectors and
/// Icertis (R149 to R168); user authentications and flows (R169 to R193); custom scripts (R194 to R237) and their credits (R242).
fn rows() -> BTreeSet<u32> {
    (7..=42).chain(66..=74).chain(100..=237).chain([242]).collect()
}

/// Adds the rows that functions of the files below a folder are named after: `fn r030_r031_…`.
fn named(folder: &Path, found: &mut BTreeSet<u32>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for name in text.split("fn ").skip(1) {
                let name = name.split('(').next().unwrap();
                let rows = name.split('_').map_while(|part| part.strip_prefix('r')?.parse::<u32>().ok());
                found.extend(rows);
            }
        }
    }
}

#[test]
fn every_row_has_a_test_named_after_it() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    named(crates, &mut found);
    let missing: Vec<_> = rows().difference(&found).map(|row| format!("R{row:03}")).collect();
    assert!(missing.is_empty(), "no test is named after {missing:?}");
}
