//! Values in their places: types are kept, and nothing around a value changes.

use gatehouse_flow::template::{JsonText, Text, UrlText, XmlText};
use gatehouse_flow::{Flow, ReadyRequest, definition, fill_request};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Fixed, chain};

fn values() -> Fixed {
    Fixed(json!({
        "input": {"n": 5, "big": u64::MAX, "real": 1.5, "t": true, "s": "a b", "o": {"a": [1, {"b": null}]}, "null": null},
        "steps": {"a": {"output": {"list": [1, 2, 3], "name": "Ann"}, "status": "Success"}},
        "loop": {"item": "i", "index": 4}, "execution": {"id": "exec_1"}
    }))
}

fn value(text: &str) -> Result<Value, String> {
    let read = Text::read(text).map_err(|wrong| wrong.to_string())?;
    read.value(&values()).map_err(|fault| fault.to_string())
}

#[test]
fn an_expression_alone_keeps_its_type_and_a_text_becomes_text() {
    for (text, expected) in [
        ("plain", json!("plain")),
        ("", json!("")),
        ("{{ input.n }}", json!(5)),
        ("{{input.big}}", json!(u64::MAX)),
        ("{{ input.real }}", json!(1.5)),
        ("{{ input.t }}", json!(true)),
        ("{{ input.o }}", json!({"a": [1, {"b": null}]})),
        ("{{ input }}", values().0["input"].clone()),
        (" {{ input.n }}", json!(" 5")),
        ("{{ input.n }}{{ input.n }}", json!("55")),
        ("{{ input.o }}!", json!("{\"a\":[1,{\"b\":null}]}!")),
        ("{{ context.steps.a.output.name }}", json!("Ann")),
        ("{{ steps['a'][\"output\"].list[1] }}", json!(2)),
        ("{{ steps.a.output.list[-1] }}", json!(3)),
        ("{{ steps.a.output.list[1:] }}", json!([2, 3])),
        ("{{ loop.item ~ loop.index }}", json!("i4")),
        ("{{ execution.id }}", json!("exec_1")),
        ("{{ \"{{\" }}", json!("{{")),
        ("{% if x %}", json!("{% if x %}")),
    ] {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_missing_is_null_or_empty() {
    for (text, expected) in [
        ("{{ input.missing }}", json!(null)),
        ("{{ input.missing.deeper[3].x }}", json!(null)),
        ("{{ steps.nobody.output }}", json!(null)),
        ("a{{ input.missing }}b", json!("ab")),
        ("a{{ input.null }}b", json!("ab")),
        ("{{ input.missing | default('x') }}", json!("x")),
        ("{{ input.missing is defined }}", json!(false)),
        ("{{ input.null is none }}", json!(true)),
        ("{{ input.missing ~ 'x' }}", json!("x")),
        ("{{ (input.missing | first).x }}", json!(null)),
        ("{{ 'yes' if input.missing else 'no' }}", json!("no")),
    ] {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn expressions_compute() {
    for (text, expected) in [
        ("{{ input.n + 1 }}", json!(6)),
        ("{{ input.n / 2 }}", json!(2.5)),
        ("{{ input.n // 2 }}", json!(2)),
        ("{{ input.n | times(2) }}", json!(10)),
        ("{{ input.n > 3 and not input.t }}", json!(false)),
        ("{{ 'a' in input.s }}", json!(true)),
        ("{{ input.s | upper | replace(' ', '-') }}", json!("A-B")),
        ("{{ steps.a.output.list | length }}", json!(3)),
        ("{{ {'a': input.n, 'b': [input.t]} }}", json!({"a": 5, "b": [true]})),
        ("{{ (input.o | json | parse_json).a | last }}", json!({"b": null})),
    ] {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_goes_wrong_names_the_expression_and_no_value() {
    for text in [
        "{{ input.s - 1 }}",
        "{{ input.o | float }}",
        "{{ input.s | first }}",
        "{{ 1 // 0 }}",
        "{{ -input.s }}",
    ] {
        let said = value(text).unwrap_err();
        assert!(said.contains(text.trim_matches(['{', '}', ' '])), "{said}");
        assert!(!said.contains("a b"), "{said}");
    }
}

#[test]
fn no_expression_makes_much_of_little() {
    let doubled = (0..12).map(|_| "| replace('a', 'aaaaaaaaaa')").collect::<String>();
    assert!(value(&format!("{{{{ 'a' {doubled} }}}}")).is_err());
    assert!(value("{{ [1] * 1000000000 }}").is_err());
    assert!(value("{{ 9223372036854775807 + 9223372036854775807 }}").is_ok());
    let long = format!("{{{{ {} }}}}", vec!["input.s"; 400].join(" ~ "));
    assert!(value(&long).is_err() || value(&long).unwrap().as_str().unwrap().len() < 2000);
}

fn request(request: Value, input: Value) -> Result<ReadyRequest, String> {
    let node = json!({"id": "call", "kind": "api", "request": request});
    let definition = chain(&[node], json!(null));
    let read = definition::read(&definition).map_err(|problems| format!("{problems:?}"))?;
    Flow::new(&read).map_err(|problems| format!("{problems:?}"))?;
    let definition::Kind::Api(api) = &read.graph.nodes[1].kind else { panic!() };
    fill_request(&api.request, &Fixed(json!({ "input": input }))).map_err(|fault| fault.to_string())
}

#[test]
fn each_type_of_body_is_written_its_way() {
    for (body, content_type, expected) in [
        (
            json!({"type": "form", "value": {"a": "{{ input.v }}", "b": ["x", 1], "c": null}}),
            "application/x-www-form-urlencoded",
            "a=%3Ca%26%22b%22%3E&b=x&b=1",
        ),
        (
            json!({"type": "form", "value": "a={{ input.v }}&b=1"}),
            "application/x-www-form-urlencoded",
            "a=%3Ca%26%22b%22%3E&b=1",
        ),
        (
            json!({"type": "json", "value": {"a": "{{ input.v }}", "n": 1}}),
            "application/json",
            r#"{"a":"<a&\"b\">","n":1}"#,
        ),
        (
            json!({"type": "json", "value": r#"{"a": {{ input.v }}, "b": "({{ input.v }})"}"#}),
            "application/json",
            r#"{"a": "<a&\"b\">", "b": "(<a&\"b\">)"}"#,
        ),
        (
            json!({"type": "xml", "value": r#"<s a="{{ input.v }}"><!-- x -->{{ input.v }}</s>"#}),
            "application/xml",
            r#"<s a="&lt;a&amp;&quot;b&quot;&gt;"><!-- x -->&lt;a&amp;&quot;b&quot;&gt;</s>"#,
        ),
        (
            json!({"type": "custom", "contentType": "text/csv", "value": "x;{{ input.v }}"}),
            "text/csv",
            "x;<a&\"b\">",
        ),
        (
            json!({"type": "custom", "contentType": "application/vnd.a+json", "value": "[{{ input.v }}]"}),
            "application/vnd.a+json",
            r#"["<a&\"b\">"]"#,
        ),
        (
            json!({"type": "custom", "contentType": "application/soap+xml; charset=utf-8", "value": "<a>{{ input.v }}</a>"}),
            "application/soap+xml; charset=utf-8",
            "<a>&lt;a&amp;&quot;b&quot;&gt;</a>",
        ),
    ] {
        let made = request(
            json!({"method": "POST", "url": "https://a.example/", "body": body}),
            json!({"v": "<a&\"b\">"}),
        );
        let made = made.unwrap();
        assert_eq!(made.headers, [("content-type".to_owned(), content_type.to_owned())]);
        assert_eq!(made.body.as_deref(), Some(expected));
    }
    let own = json!({"method": "POST", "url": "https://a.example/", "headers": {"Content-Type": "application/vnd.x+json"},
        "body": {"type": "json", "value": []}});
    assert_eq!(request(own, json!({})).unwrap().headers[0].1, "application/vnd.x+json");
    let none = json!({"method": "DELETE", "url": "https://a.example/", "body": {"type": "none"}});
    assert_eq!(request(none, json!({})).unwrap().body, None);
}

#[test]
fn a_value_that_would_change_the_address_is_refused() {
    let get = |url: &str, v: Value| {
        request(json!({"method": "GET", "url": url}), json!({ "v": v })).map(|made| made.url)
    };
    for (url, v, expected) in [
        (
            "https://a.example/x/{{ input.v }}/y?z={{ input.v }}",
            json!("a/b?c&d=e#f"),
            "https://a.example/x/a%2Fb%3Fc%26d%3De%23f/y?z=a%2Fb%3Fc%26d%3De%23f",
        ),
        ("https://a.example/x-{{ input.v }}", json!(""), "https://a.example/x-"),
        ("https://a.example/?q={{ input.v }}", json!(null), "https://a.example/?q="),
        ("https://a.example/../x/{{ input.v }}", json!(7), "https://a.example/x/7"),
        ("{{ input.v }}", json!("https://b.example/p?q=1"), "https://b.example/p?q=1"),
        ("{{ input.v }}/x", json!("http://b.example:81/p/"), "http://b.example:81/p/x"),
        ("{{ input.v }}?a={{ input.v }}", json!("http://b"), "http://b?a=http%3A%2F%2Fb"),
    ] {
        let made = get(url, v.clone()).unwrap();
        assert_eq!(
            url::Url::parse(&made).unwrap().as_str(),
            url::Url::parse(expected).unwrap().as_str(),
            "{url} {v}"
        );
    }
    for (url, v) in [
        ("https://a.example/x/{{ input.v }}", json!("")),
        ("https://a.example/x/{{ input.v }}/y", json!(null)),
        ("https://a.example/x/{{ input.v }}", json!("..")),
        ("https://a.example/x/.{{ input.v }}", json!(".")),
        ("https://a.example/x/%2e{{ input.v }}", json!(".")),
        ("https://a.example/x/{{ input.v }}/?q", json!(".")),
        ("{{ input.v }}", json!("javascript:alert(1)")),
        ("{{ input.v }}", json!("https://u:p@b.example/")),
        ("{{ input.v }}", json!("file:///etc/passwd")),
        ("{{ input.v }}", json!("/x")),
        ("{{ input.v }}/x", json!("https://b.example/?a")),
        ("{{ input.v }}/x", json!("https://b.example/#a")),
        ("{{ input.v }}/x/{{ input.v }}/../y", json!("")),
    ] {
        assert!(get(url, v.clone()).is_err(), "{url} {v}");
    }
    let profile = json!({"method": "GET", "url": "{{ input.v }}", "authProfileId": "p"});
    assert!(request(profile, json!({"v": "https://b.example"})).unwrap_err().contains("bad_url"));
}

#[test]
fn a_header_holds_one_line() {
    let with = |v: &str| {
        let sent =
            json!({"method": "GET", "url": "https://a.example/", "headers": {"X-A": "<{{ input.v }}>"}});
        request(sent, json!({ "v": v })).map(|made| made.headers[0].1.clone())
    };
    assert_eq!(with("a\tü").unwrap(), "<a\tü>");
    for v in ["a\r\nX-B: c", "a\n", "\0", "\u{7f}", "\u{85}"] {
        assert!(with(v).unwrap_err().contains("X-A"));
    }
}

#[test]
fn an_expression_stands_where_values_stand() {
    for source in [
        "<{{ input.v }}/>",
        "<a {{ input.v }}=\"1\"/>",
        "<a b={{ input.v }}/>",
        "<!-- {{ input.v }} -->",
        "<![CDATA[{{ input.v }}]]>",
        "<?x {{ input.v }}?>",
        "<!DOCTYPE {{ input.v }}>",
        "<a>&{{ input.v }};</a>",
        "<a",
    ] {
        assert!(XmlText::read(source).is_err(), "{source}");
    }
    for source in [
        "{{{ input.v }}: 1}",
        r#"{"a": "\{{ input.v }}"}"#,
        "[{{ input.v }}{{ input.v }}]",
        "[",
        r#"{"a": tr{{ input.v }}}"#,
    ] {
        assert!(JsonText::read(source).is_err(), "{source}");
    }
}

/// The skeleton of a JSON value: everything but the value under `v`.
fn filled(json: &str, v: &Value) -> Value {
    let text = JsonText::read(json).unwrap().fill(&Fixed(json!({"input": {"v": v}}))).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[\\PC\\p{Cc}\"'<>&{}\\[\\]\\\\/?#%=;:,.\r\n]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"<]{1,4}", inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

fn text_of(v: &Value) -> String {
    gatehouse_flow::template::text_of(v)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_keeps_its_structure(v in any_value()) {
        prop_assert_eq!(filled(r#"{"a": {{ input.v }}, "b": [1]}"#, &v), json!({"a": v, "b": [1]}));
        let text = text_of(&v);
        prop_assert_eq!(filled(r#"{"a": "x{{ input.v }}y"}"#, &v), json!({"a": format!("x{text}y")}));
        prop_assert_eq!(filled(r#"{"x{{ input.v }}": 1}"#, &v), json!({format!("x{text}"): 1}));
    }

    #[test]
    fn xml_keeps_its_structure(v in any_value()) {
        let source = r#"<r a="{{ input.v }}" b='{{ input.v }}'><c>{{ input.v }}</c></r>"#;
        if let Ok(text) = XmlText::read(source).unwrap().fill(&Fixed(json!({"input": {"v": v}}))) {
            let tree = roxmltree::Document::parse(&text).unwrap();
            let root = tree.root_element();
            let expected = text_of(&v);
            prop_assert_eq!(root.attribute("a"), Some(expected.as_str()));
            prop_assert_eq!(root.attribute("b"), Some(expected.as_str()));
            prop_assert_eq!(root.children().count(), 1);
            prop_assert_eq!(root.first_child().unwrap().text().unwrap_or_default(), expected);
        }
    }

    #[test]
    fn a_form_keeps_its_structure(v in any_value()) {
        let text = Text::read("a={{ input.v }}&b=1").unwrap().form(&Fixed(json!({"input": {"v": v}}))).unwrap();
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        prop_assert_eq!(pairs, [("a".to_owned(), text_of(&v)), ("b".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_url_keeps_its_structure(v in any_value()) {
        let source = "https://a.example/x/{{ input.v }}/y?q={{ input.v }}&r=1";
        if let Ok(made) = UrlText::read(source).unwrap().fill(&Fixed(json!({"input": {"v": v}}))) {
            prop_assert_eq!(made.host_str(), Some("a.example"));
            let segments: Vec<&str> = made.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 3);
            prop_assert_eq!((segments[0], segments[2]), ("x", "y"));
            let pairs: Vec<(String, String)> = made.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, [("q".to_owned(), text_of(&v)), ("r".to_owned(), "1".to_owned())]);
        }
    }

    #[test]
    fn an_expression_alone_gives_the_very_value(v in any_value()) {
        let made = Text::read("{{ input.v }}").unwrap().value(&Fixed(json!({"input": {"v": v}}))).unwrap();
        prop_assert_eq!(&made, &v);
        let computed = Text::read("{{ (input.v) }}").unwrap().value(&Fixed(json!({"input": {"v": v}}))).unwrap();
        prop_assert_eq!(&computed, &v);
    }

    #[test]
    fn no_text_makes_the_reader_or_the_engine_panic(text in "(\\{\\{)?[a-z0-9 .|~+/%<>=!\"'\\[\\](){},:-]{0,40}(\\}\\})?|\\PC{0,40}") {
        if let Ok(read) = Text::read(&text) {
            let _ = read.value(&values());
        }
    }

    #[test]
    fn no_expression_makes_the_engine_panic(words in prop::collection::vec(prop::sample::select(vec![
        "input.n", "input.s", "input.o", "input.real", "input.big", "steps.a.output.list", "input.missing", "(", ")", "[",
        "]", "[0]", "[1:2]", "[-1]", "[::2]", "{", "}", "'a':", "1", "1.5", "'a'", "+", "-", "/", "//", "%", "~", "==",
        "!=", "<", ">=", "and", "or", "not", "in", "is", "defined", "none", "if", "else", "|", "upper", "join(',')",
        "times(3)", "first", "length", "round(2)", "default(1)", ",", "true", "null", "9007199254740993",
    ]), 1..14)) {
        if let Ok(read) = Text::read(&format!("{{{{ {} }}}}", words.join(" "))) {
            let _ = read.value(&values());
        }
    }
}
