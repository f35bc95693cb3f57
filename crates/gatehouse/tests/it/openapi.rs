//! The document of the API: committed, served and built from the routes are one.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Kind, TestApp};

/// The committed document.
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
const HOW: &str = "openapi.json is not what the routes say; make it anew with: cargo run -q -p gatehouse -- openapi > openapi.json";

#[tokio::test]
async fn the_committed_document_is_what_the_routes_say() {
    let t = TestApp::start(Kind::Sqlite).await;
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    let built = t.app.openapi().to_pretty_json().unwrap();
    // the texts differ in hundreds of lines at once; say what to do, not where
    assert!(committed.trim_end() == built.trim_end(), "{HOW}");
}

#[tokio::test]
async fn the_document_is_served_to_everybody() {
    let t = TestApp::start(Kind::Sqlite).await;
    let served = t.client().get("/api/v1/openapi.json").await.ok();
    assert_eq!(served, serde_json::to_value(t.app.openapi()).unwrap());
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[tokio::test]
async fn every_operation_has_an_id_of_its_own_and_says_what_it_does() {
    let t = TestApp::start(Kind::Sqlite).await;
    let document = serde_json::to_value(t.app.openapi()).unwrap();
    let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let id = operation["operationId"].as_str().unwrap();
            if !seen.insert(id.to_owned()) {
                twice.insert(id.to_owned());
            }
        }
    }
    // OpenAPI 3.1 §4.8.10: unique among all operations; generators of clients fail over it
    assert!(twice.is_empty(), "the same operationId for several operations: {twice:?}");
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let t = TestApp::start(Kind::Sqlite).await;
    let document = serde_json::to_value(t.app.openapi()).unwrap();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(to)) = map.get("$ref") {
                    assert!(document.pointer(&to[1..]).is_some(), "{to}");
                }
                open.extend(map.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_list_says_how_its_pages_are_asked_for() {
    let t = TestApp::start(Kind::Sqlite).await;
    let document = serde_json::to_value(t.app.openapi()).unwrap();
    let mut lists = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get") else { continue };
        let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let name = answer["$ref"].as_str().unwrap_or_default();
        if !name.contains("Page_") {
            continue;
        }
        lists += 1;
        let asked = operation["parameters"].as_array().cloned().unwrap_or_default();
        for wanted in ["page", "pageSize"] {
            assert!(asked.iter().any(|p| p["name"] == wanted), "{path} does not name {wanted}");
        }
    }
    assert!(lists >= 9, "{lists} lists found");
}

/// The names under which the types of a source file stand in the document.
fn names_in(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut lines = source.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if !(line.starts_with("#[derive(") && line.contains("ToSchema")) {
            continue;
        }
        let mut given = None;
        for line in lines.by_ref() {
            if let Some(name) = line.strip_prefix("#[schema(as = ") {
                given = name.split([',', ')']).next().map(str::to_owned);
            } else if let Some((_, rest)) = line.split_once("struct ").or_else(|| line.split_once("enum ")) {
                let own = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                names.push(given.unwrap_or_else(|| own.to_owned()));
                break;
            }
        }
    }
    names
}

#[test]
fn no_two_types_have_one_name_in_the_document() {
    // the second of one name would silently stand for both
    let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let (mut open, mut seen) = (vec![std::path::PathBuf::from(crates)], BTreeSet::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs")
                && path.components().any(|c| c.as_os_str() == "src")
            {
                for name in names_in(&std::fs::read_to_string(&path).unwrap()) {
                    assert!(seen.insert(name.clone()), "a second {name} in {}", path.display());
                }
            }
        }
    }
    assert!(seen.contains("Flow") && seen.len() > 200, "{} names found", seen.len());
}
