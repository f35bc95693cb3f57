//! What is promised of every file.

use std::collections::BTreeSet;

use gatehouse_catalogue::{AuthKind, Catalogue, from_json, parse, validate};

/// The 148 names that the catalogue has to hold.
const NAMES: &str = include_str!("../../testdata/names.txt");

pub(crate) fn built_in() -> &'static Catalogue {
    Catalogue::built_in().unwrap_or_else(|error| panic!("the catalogue is wrong:\n{error}"))
}

fn lines(text: &'static str) -> BTreeSet<&'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[test]
fn every_file_is_valid() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/types");
    let files = std::fs::read_dir(folder).unwrap().filter(|file| {
        file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|extension| extension == "toml"))
    });
    assert_eq!(built_in().types().len(), files.count());
}

#[test]
fn all_148_names_are_there() {
    let wanted = lines(NAMES);
    assert_eq!(wanted.len(), 148);
    let there: BTreeSet<&str> = built_in().types().iter().map(|connector| connector.name.as_str()).collect();
    let missing: Vec<_> = wanted.difference(&there).collect();
    assert!(missing.is_empty(), "not in the catalogue: {missing:?}");
}

#[test]
fn the_most_used_have_several_real_actions() {
    for id in [
        "icertis-preview",
        "salesforce",
        "sharepoint-online-oauth",
        "sharepoint-server-oauth",
        "sharepoint-server-password",
        "docusign",
        "github",
        "slack",
        "google-sheets",
        "microsoft-365",
        "jira",
        "hubspot-crm",
        "hubspot-marketing",
        "stripe",
        "servicenow",
    ] {
        let connector = built_in().get(id).unwrap_or_else(|| panic!("{id} is missing"));
        assert!(connector.actions.len() >= 6, "{id} has {} actions", connector.actions.len());
    }
}

#[test]
fn a_type_kept_as_json_comes_back_the_same() {
    for connector in built_in().types() {
        let kept = serde_json::to_string(connector).unwrap();
        let back = from_json(&kept).unwrap_or_else(|problem| panic!("{}: {problem}", connector.id));
        assert_eq!(&back, connector);
        assert!(validate(&back).is_empty());
    }
}

#[test]
fn people_may_connect_for_themselves_where_they_consent() {
    let allowed = |id: &str| {
        let connector = built_in().get(id).unwrap();
        connector.auth.iter().any(|auth| auth.allows_user_authentication())
    };
    for id in ["salesforce", "sharepoint-online-oauth", "sharepoint-server-oauth", "docusign"] {
        assert!(allowed(id), "{id}");
    }
    assert!(!allowed("sharepoint-server-password"));
}

#[test]
fn the_consent_page_is_reached_with_plain_values() {
    for connector in built_in().types() {
        for auth in connector.auth.iter().filter(|auth| auth.kind == AuthKind::Oauth2Code) {
            let url = auth.oauth.as_ref().unwrap().authorization_url.as_ref().unwrap();
            let filled = url.fill(|name| {
                let field =
                    connector.fields.iter().chain(&auth.fields).find(|field| field.key.as_str() == name)?;
                let default = field.default.clone().or_else(|| field.choices.keys().next().cloned());
                default.or_else(|| field.example.clone()).or_else(|| Some("acme".to_owned()))
            });
            assert!(filled.is_ok(), "{} {}: {filled:?}", connector.id, auth.id);
        }
    }
}

#[test]
fn searching_finds_by_words_in_any_case() {
    let found = |words: &str| built_in().search(words).map(|found| found.id.as_str()).collect::<Vec<_>>();
    assert_eq!(found("icertis"), ["icertis-preview"]);
    assert!(found("SHAREPOINT server").contains(&"sharepoint-server-password"));
    assert_eq!(found("").len(), built_in().types().len());
    assert!(found("no such product").is_empty());
}

#[test]
fn the_examples_of_the_documentation_are_valid() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/connector-catalogue.md");
    let text = std::fs::read_to_string(page).unwrap();
    let examples: Vec<&str> =
        text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let connector = parse(example).unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(validate(&connector), []);
    }
}
