//! Files with one thing wrong: each is refused, and told where.

use gatehouse_catalogue::{Catalogue, parse, validate};

const GOOD: &str = r#"
id = "acme"
name = "Acme"
category = "other"
description = "For tests."
icon = "code"
homepage = "https://acme.example"
docs = "https://acme.example/docs"
checked = { month = "2026-11", source = "https://acme.example/docs" }
base_url = "https://{instance}.acme.example"
fields = [{ key = "instance", label = "Instance", type = "host_label" }]

[test]
path = "/me"

[[auth]]
id = "oauth"
label = "OAuth"
kind = "oauth2_code"
fields = [
  { key = "client_id", label = "Client ID" },
  { key = "client_secret", label = "Client secret", secret = true },
]

[auth.oauth]
authorization_url = "https://acme.example/authorize"
token_url = "https://acme.example/token"

[[actions]]
id = "get"
label = "Get"
path = "/things/{thing}"
parameters = [{ key = "thing", in = "path" }]

[[guide]]
title = "Register"
text = "Enter `{redirect_uri}`."
"#;

/// What is said of the good file with one text in it replaced.
fn said(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from:?} is not in the good file");
    let file = GOOD.replacen(from, to, 1);
    match parse(&file) {
        Err(problem) => problem.to_string(),
        Ok(connector) => validate(&connector).iter().map(|problem| format!("{problem}\n")).collect(),
    }
}

#[test]
fn the_good_file_is_good() {
    assert_eq!(validate(&parse(GOOD).unwrap()), []);
    assert!(Catalogue::of([("acme.toml".to_owned(), GOOD.to_owned())]).is_ok());
}

#[test]
fn each_fault_is_named() {
    for (from, to, expected) in [
        ("category", "categorie", "unknown field `categorie`"),
        ("icon = \"code\"", "icon = \"acme-logo\"", "unknown variant `acme-logo`"),
        ("id = \"acme\"", "id = \"Acme\"", "is not an id of small letters"),
        ("https://acme.example/token", "http://acme.example/token", "begins with https://"),
        ("homepage = \"https://", "homepage = \"http://", "is not a URL that begins with https://"),
        ("https://acme.example/token", "https://acme.example/{tenant}", "{tenant} is no declared field"),
        (
            "https://acme.example/token",
            "https://acme.example/{client_secret}",
            "is a secret, and addresses hold none",
        ),
        ("type = \"host_label\"", "type = \"text\"", "its type must be host_label, host or choice"),
        ("https://{instance}.acme.example", "{instance}/api", "its type must be url"),
        ("{ key = \"client_id\", label = \"Client ID\" },", "", "needs a field client_id"),
        (", secret = true", "", "the field client_secret is a secret"),
        ("key = \"client_id\"", "key = \"instance\"", "is there twice, here and for all"),
        ("key = \"client_id\"", "key = \"access_token\"", "this name is ours"),
        (
            "authorization_url = \"https://acme.example/authorize\"",
            "",
            "`authorization_url` belongs to oauth2_code",
        ),
        ("kind = \"oauth2_code\"", "kind = \"api_key\"", "the table `oauth` does not belong to this kind"),
        ("kind = \"oauth2_code\"", "kind = \"session\"", "needs the table `session`"),
        ("/things/{thing}", "/things/{other}", "{other} is no declared field"),
        ("/things/{thing}", "/things", "is not in the path"),
        ("/things/{thing}", "things/{thing}", "begins with a slash"),
        ("in = \"path\" }", "in = \"path\" }, { key = \"x\" }", "goes into a body, but the action has none"),
        ("id = \"get\"", "id = \"get\"\nbase = \"files\"", "there is no base files"),
        ("id = \"get\"", "id = \"get\"\npaging = { style = \"cursor\" }", "needs `next`"),
        ("id = \"get\"", "id = \"get\"\nheaders = { Host = \"x\" }", "written by whoever sends"),
        ("2026-11", "2026-13", "is a year and a month, such as 2026-11"),
        ("2026-11", "November", "is a year and a month, such as 2026-11"),
        ("source = \"https://", "source = \"http://", "is not a URL that begins with https://"),
        ("{redirect_uri}", "{nobody}", "{nobody} is no declared field"),
        ("{redirect_uri}", "{client_secret}", "is shown to nobody"),
        ("label = \"Instance\"", "label = \"Instance\", default = \"a.b\"", "its own default does not fit"),
        (
            "[auth.oauth]",
            "[auth.oauth]\ntoken_values = [{ key = \"api\", pointer = \"/api\", type = \"url\" }]",
            "needs `hosts`",
        ),
        ("[auth.oauth]", "[auth.oauth]\nauthorization_params = { x = \"{client_secret}\" }", "no secrets"),
        ("[test]", "[test]\nexpect = [500]", "`expect` holds the status codes"),
    ] {
        let said = said(from, to);
        assert!(said.contains(expected), "{from:?} → {to:?} gave {said:?}, not {expected:?}");
    }
}

#[test]
fn a_password_has_a_token_beside_it_only_where_it_is_put() {
    let (head, tail) = GOOD.split_once("[[auth]]").unwrap();
    let (_, tail) = tail.split_once("[[actions]]").unwrap();
    let said = |apply: &str, session: &str| {
        let fields = "fields = [{ key = \"username\", label = \"User\" }, \
                      { key = \"password\", label = \"Password\", secret = true }]";
        let auth = format!("id = \"password\"\nlabel = \"Password\"\nkind = \"basic\"\n{fields}");
        let file = format!("{head}[[auth]]\n{auth}\n{apply}\n{session}\n[[actions]]{tail}");
        let problems = validate(&parse(&file).unwrap());
        problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()
    };
    let apply = "apply = [{ place = \"header\", name = \"X-Digest\", value = \"{session_value}\" }]";
    let session =
        "[auth.session]\nurl = \"https://acme.example/digest\"\ntoken = \"/digest\"\nlifetime_seconds = 60";
    let unused = said("", session);
    assert!(unused.contains("needs `apply`"), "{unused}");
    let missing = said(apply, "");
    assert!(missing.contains("`apply` does not belong to this kind"), "{missing}");
    assert_eq!(said(apply, session), "");
}

#[test]
fn files_are_judged_together() {
    let twice =
        [("acme.toml", GOOD), ("other.toml", GOOD)].map(|(name, text)| (name.to_owned(), text.to_owned()));
    let error = Catalogue::of(twice).unwrap_err().to_string();
    assert!(error.contains("other.toml: id: the file of acme is acme.toml"), "{error}");
    assert!(error.contains("is there already"), "{error}");
}

#[test]
fn a_huge_file_is_not_even_read() {
    let huge = format!("{GOOD}# {}", "x".repeat(gatehouse_catalogue::limits::FILE_BYTES));
    assert!(parse(&huge).unwrap_err().to_string().contains("larger than"));
}
