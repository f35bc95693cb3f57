//! Pasted command lines.

use gatehouse_flow::curl::{Command, CurlError, Payload, parse, print};
use gatehouse_flow::definition::{self, Method};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::chain;

fn request(line: &str) -> Value {
    parse(line).unwrap_or_else(|error| panic!("{error} in {line}")).request()
}

#[test]
fn the_command_of_a_script_is_taken_over() {
    let line = r#"curl --location 'https://gatehouse.example/api/public/scripts/scr_1/functions/add' \
        --header 'x-api-key: gh_abc' \
        --header 'Content-Type: application/json' \
        --data '{"a": 1, "b": "it'\''s"}'"#;
    assert_eq!(
        request(line),
        json!({
            "method": "POST", "url": "https://gatehouse.example/api/public/scripts/scr_1/functions/add",
            "headers": {"x-api-key": "gh_abc"}, "body": {"type": "json", "value": {"a": 1, "b": "it's"}},
        })
    );
}

#[test]
fn each_option_does_its_part() {
    let none = json!({"type": "none"});
    for (line, method, url, headers, body) in [
        ("curl https://a.example", "GET", "https://a.example", json!({}), none.clone()),
        ("$ curl a.example/x", "GET", "http://a.example/x", json!({}), none.clone()),
        ("curl -sSL -XDELETE https://a.example", "DELETE", "https://a.example", json!({}), none.clone()),
        ("curl --url https://a.example -X put", "PUT", "https://a.example", json!({}), none.clone()),
        (
            "curl https://a.example -d a=1 -d 'b=x y'",
            "POST",
            "https://a.example",
            json!({}),
            json!({"type": "form", "value": {"a": "1", "b": "x y"}}),
        ),
        (
            "curl https://a.example -da=1 --data-raw @b",
            "POST",
            "https://a.example",
            json!({}),
            json!({"type": "form", "value": "a=1&@b"}),
        ),
        (
            "curl https://a.example --data-urlencode 'a=b&c d' --data-urlencode =x/y",
            "POST",
            "https://a.example",
            json!({}),
            json!({"type": "form", "value": "a=b%26c+d&x%2Fy"}),
        ),
        (
            "curl https://a.example --json '{\"a\":' --json '[1]}'",
            "POST",
            "https://a.example",
            json!({"Accept": "application/json"}),
            json!({"type": "json", "value": {"a": [1]}}),
        ),
        (
            "curl -G https://a.example?x=1 -d y=2 --data-urlencode 'z=3 4'",
            "GET",
            "https://a.example?x=1&y=2&z=3+4",
            json!({}),
            none.clone(),
        ),
        (
            "curl -u ann:s:x https://a.example",
            "GET",
            "https://a.example",
            json!({"Authorization": "Basic YW5uOnM6eA=="}),
            none.clone(),
        ),
        (
            "curl --oauth2-bearer abc https://a.example",
            "GET",
            "https://a.example",
            json!({"Authorization": "Bearer abc"}),
            none.clone(),
        ),
        (
            "curl https://a.example -b a=1 -b 'b=2' -A me -e https://r.example",
            "GET",
            "https://a.example",
            json!({"User-Agent": "me", "Referer": "https://r.example", "Cookie": "a=1; b=2"}),
            none.clone(),
        ),
        (
            "curl https://a.example -H 'X-A: 1' -H 'x-a: 2' -H 'X-Empty;' -H 'Accept:' --compressed",
            "GET",
            "https://a.example",
            json!({"X-A": "1, 2", "X-Empty": ""}),
            none.clone(),
        ),
        (
            "curl https://a.example -H 'Content-Type: text/xml' -d '<a>{{ input.x }}</a>'",
            "POST",
            "https://a.example",
            json!({"Content-Type": "text/xml"}),
            json!({"type": "xml", "value": "<a>{{ input.x }}</a>"}),
        ),
        (
            "curl https://a.example -H 'Content-Type: application/json' -d '{\"a\": {{ input.x }}}'",
            "POST",
            "https://a.example",
            json!({}),
            json!({"type": "json", "value": "{\"a\": {{ input.x }}}"}),
        ),
        (
            "curl https://a.example -H 'Content-Type: text/csv' --data-binary $'a;b\\nc'",
            "POST",
            "https://a.example",
            json!({}),
            json!({"type": "custom", "contentType": "text/csv", "value": "a;b\nc"}),
        ),
        ("curl -- https://a.example", "GET", "https://a.example", json!({}), none.clone()),
        ("curl --no-silent https://a.example", "GET", "https://a.example", json!({}), none),
    ] {
        let expected = json!({"method": method, "url": url, "headers": headers, "body": body});
        let made = request(line);
        assert_eq!(made, expected, "{line}");
        let node = json!({"id": "call", "kind": "api", "request": made});
        let definition = chain(&[node], json!(null));
        assert!(definition::read(&definition).is_ok(), "{line}: {:?}", definition::read(&definition).err());
    }
}

#[test]
fn what_cannot_be_taken_over_is_named() {
    for (line, said) in [
        ("", "begins with the word curl"),
        ("wget https://a.example", "begins with the word curl"),
        ("curl", "no URL"),
        ("curl https://a.example https://b.example", "more than one URL"),
        ("curl https://a.example -F a=@b", "the option -F cannot be taken over: forms with files"),
        ("curl https://a.example --form a=b", "the option --form cannot"),
        ("curl https://a.example --frobnicate", "the option --frobnicate is not known"),
        ("curl https://a.example -sZ", "the option -Z is not known"),
        ("curl https://a.example -d @file", "the option -d reads a file"),
        ("curl https://a.example --json @file", "the option --json reads a file"),
        ("curl https://a.example --data-urlencode a@file", "the option --data-urlencode reads a file"),
        ("curl https://a.example -b cookies.txt", "the option -b reads a file"),
        ("curl https://a.example -H", "the option -H needs a value"),
        ("curl https://a.example -H 'no colon'", "has no colon"),
        ("curl https://a.example -H $'a: b\\r\\nc: d'", "line break"),
        ("curl https://a.example -I", "the method HEAD is not offered"),
        ("curl https://a.example -X GET -d a=1", "a GET request with a body"),
        ("curl https://a.example/?a=1&b=2", "& outside of single quotes"),
        ("curl https://a.example | jq .", "| outside of single quotes"),
        ("curl ^\"https://a.example^\" ^\n -H ^\"a: b^\"", "shell of Windows"),
        ("curl 'https://a.example", "opened and not closed"),
        ("curl https://a.example --proxy http://p", "the option --proxy cannot"),
        ("curl https://a.example --next https://b.example", "the option --next cannot"),
    ] {
        let error = parse(line).map(|command| command.request()).unwrap_err().to_string();
        assert!(error.contains(said), "{line} gave {error:?}");
    }
    assert_eq!(parse("curl https://a.example -d 'a\0'"), Err(CurlError::NotText));
    assert_eq!(parse(&format!("curl {}", "a".repeat(300_000))), Err(CurlError::TooLong));
}

#[test]
fn what_is_different_here_is_told() {
    for (line, said) in [
        ("curl -k https://a.example", "certificates are always checked"),
        ("curl --max-time 5 https://a.example", "--max-time was left out"),
        ("curl -u ann https://a.example", "has no password"),
        ("curl -H 'Host: b' https://a.example", "Host was left out"),
        ("curl a.example", "http:// was taken"),
        ("curl -H \"Authorization: Bearer $TOKEN\" https://a.example", "$TOKEN is a variable"),
        ("curl https://a.example -d '{\"a\": 1}'", "was taken as that"),
    ] {
        let warnings = parse(line).unwrap().warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(said), "{line} gave {warnings:?}");
    }
    assert!(parse("curl -sSfL --compressed https://a.example").unwrap().warnings.is_empty());
}

fn command() -> impl Strategy<Value = Command> {
    let method = prop::sample::select(Method::ALL.map(|(_, method)| method).to_vec());
    let text = "[\\PC\\n\\t\\r'\"$`!\\\\#&|;<>(){}*?~ -]{0,20}";
    let header = ("X-[A-Za-z0-9]{1,8}", "[a-zA-Z0-9'\"$`\\\\é:;,=-]{0,12}");
    let headers = prop::collection::btree_map(header.0, header.1, 0..4);
    let basic = prop::option::of(("[^:\\p{Cc}]{0,8}", "\\PC{0,8}"));
    let kinds = prop::sample::select(vec![
        "application/json",
        "text/xml",
        "text/plain; charset=utf-8",
        "application/x-www-form-urlencoded",
    ]);
    let body = prop::option::of((kinds, text));
    (method, "[a-zA-Z0-9/?&=%'\"$.~{} -]{0,20}", headers, basic, body).prop_map(
        |(method, path, headers, basic, body)| Command {
            method,
            url: format!("https://a.example/{path}"),
            headers: {
                let mut seen = std::collections::BTreeSet::new();
                headers.into_iter().filter(|(name, _)| seen.insert(name.to_lowercase())).collect()
            },
            body: body
                .filter(|(_, text)| method != Method::Get && !text.is_empty())
                .map(|(kind, text)| Payload { content_type: kind.to_owned(), text }),
            basic,
            warnings: Vec::new(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_printed_as_curl_reads_back(command in command()) {
        let line = print(&command);
        prop_assert_eq!(parse(&line), Ok(command), "{}", line);
    }

    #[test]
    fn no_line_makes_the_reader_panic(line in "(curl )?[\\PC\n]{0,60}", words in "curl( (-[a-zA-Z#:]{1,3}|--[a-z-]{1,10}|'[^']{0,5}'|\\$'[^']{0,5}|\"[^\"]{0,5}\"|[a-z@=:/]{1,5})){0,8}") {
        for line in [line, words] {
            if let Ok(command) = parse(&line) {
                prop_assert!(command.request().is_object());
            }
        }
    }
}
