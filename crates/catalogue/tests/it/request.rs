//! From an action and values to a request.

use gatehouse_catalogue::request::{Request, RequestError, build};
use gatehouse_catalogue::{Action, ConnectorType, Method, parse, validate};
use serde_json::{Map, Value, json};

use crate::catalogue::built_in;
use crate::openapi::{PARCELS, PRINTING, action, imported};

/// A connector with one action, whose parts are given as TOML.
pub(crate) fn with_action(action: &str) -> ConnectorType {
    let text = format!(
        r#"
id = "acme"
name = "Acme"
category = "other"
description = "For tests."
icon = "code"
homepage = "https://acme.example"
docs = "https://acme.example"
base_url = "https://{{instance}}.acme.example/api/"
headers = {{ Accept = "application/json", X-Team = "{{team}}" }}
fields = [
  {{ key = "instance", label = "Instance", type = "host_label" }},
  {{ key = "team", label = "Team", required = false }},
]
[test]
path = "/me"
[[auth]]
id = "none"
label = "None"
kind = "none"
[[actions]]
id = "act"
label = "Act"
{action}
"#
    );
    let connector = parse(&text).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(validate(&connector), []);
    connector
}

pub(crate) fn connection(name: &str) -> Option<String> {
    let known = [
        ("instance", "one"),
        ("region", "eu"),
        ("site_url", "https://print.example/"),
        ("token_2", "public"),
    ];
    known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

pub(crate) fn values(values: Value) -> Map<String, Value> {
    values.as_object().unwrap().clone()
}

fn built_of(connector: &ConnectorType, action: &Action, given: Value) -> Result<Request, RequestError> {
    build(connector, &connector.auth[0], action, &values(given), connection)
}

pub(crate) fn built(action: &str, given: Value) -> Result<Request, RequestError> {
    let connector = with_action(action);
    built_of(&connector, &connector.actions[0], given)
}

fn url(action: &str, given: Value) -> String {
    built(action, given).unwrap_or_else(|error| panic!("{error}")).url.to_string()
}

fn body(action: &str, given: Value) -> (String, String) {
    let body = built(action, given).unwrap_or_else(|error| panic!("{error}")).body.unwrap();
    (body.media_type, String::from_utf8(body.bytes).unwrap())
}

const THING: &str = r#"path = "/things/{id}"
parameters = [{ key = "id", in = "path" }]"#;

#[test]
fn a_value_in_the_path_stays_in_its_segment() {
    assert_eq!(url(THING, json!({ "id": "a b" })), "https://one.acme.example/api/things/a%20b");
    for hostile in ["../admin", "a/../../b", "a?b=c", "a#b", "%2e%2e", "a\\b", "//evil.example", "\r\n", "ä"]
    {
        let request = built(THING, json!({ "id": hostile })).unwrap();
        assert_eq!(request.url.host_str(), Some("one.acme.example"), "{hostile}");
        assert_eq!(request.url.path().split('/').count(), 4, "{hostile} gave {}", request.url);
        assert_eq!(request.url.query(), None, "{hostile}");
    }
    for bad in ["", ".", ".."] {
        let error = built(THING, json!({ "id": bad })).unwrap_err().to_string();
        assert_eq!(error, "id must be something that is not empty, not . and not ..");
    }
    let dotted = "path = \"/x/.{id}/y\"\nparameters = [{ key = \"id\", in = \"path\" }]";
    assert!(built(dotted, json!({ "id": "." })).is_err());
}

#[test]
fn a_parameter_with_the_name_of_a_field_does_not_reach_the_host() {
    let connector = {
        let mut connector = with_action(THING);
        connector.actions[0].parameters[0].key = "instance".to_owned().try_into().unwrap();
        connector.actions[0].path = "/things/{instance}".to_owned().try_into().unwrap();
        connector
    };
    let request = built_of(&connector, &connector.actions[0], json!({ "instance": "evil" })).unwrap();
    assert_eq!(request.url.as_str(), "https://one.acme.example/api/things/evil");
}

#[test]
fn missing_unknown_and_ill_typed_values_are_named_at_once() {
    let action = r#"path = "/x"
parameters = [
  { key = "a", in = "query", required = true },
  { key = "n", in = "query", type = "integer" },
  { key = "c", in = "query", choices = ["x", "y"] },
  { key = "d", in = "query", type = "date_time" },
]"#;
    let given = json!({ "n": "secret-value", "c": "secret-value", "d": "2026", "zzz": 1, "a": null });
    let error = built(action, given).unwrap_err();
    assert_eq!(
        error.to_string(),
        "zzz is no parameter of the action act; a must be given; n must be a whole number; \
         c must be one of: x, y; d must be a date and time like 2026-01-31T09:30:00Z"
    );
    assert!(!format!("{error:?}").contains("secret-value"));
}

#[test]
fn every_type_is_judged() {
    for (kind, good, bad) in [
        ("string", json!("a"), json!(1)),
        ("integer", json!(1), json!(1.5)),
        ("number", json!(1.5), json!("1")),
        ("boolean", json!(true), json!("true")),
        ("date", json!("2026-02-28"), json!("2026-02-30")),
        ("array", json!(["a"]), json!("a")),
        ("object", json!({}), json!([])),
        ("file", json!("YWI="), json!("~")),
    ] {
        let action = format!(
            "path = \"/x\"\nmethod = \"POST\"\nbody = {{}}\nparameters = [{{ key = \"v\", type = \"{kind}\" }}]"
        );
        assert!(built(&action, json!({ "v": good })).is_ok(), "{kind}");
        let error = built(&action, json!({ "v": bad })).unwrap_err().to_string();
        assert!(error.starts_with("v must be "), "{kind}: {error}");
    }
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let error = built(
        "path = \"/x\"\nmethod = \"POST\"\nbody = {}\nparameters = [{ key = \"v\", type = \"any\" }]",
        json!({ "v": deep }),
    );
    assert!(error.unwrap_err().to_string().contains("nested at most"));
}

#[test]
fn lists_and_objects_are_written_in_their_style() {
    for (style, expected) in [
        ("", "v=a%20b&v=c%26d"),
        ("style = \"repeat\",", "v=a%20b&v=c%26d"),
        ("style = \"comma\",", "v=a%20b,c%26d"),
        ("style = \"space\",", "v=a%20b%20c%26d"),
        ("style = \"pipe\",", "v=a%20b%7Cc%26d"),
        ("style = \"brackets\",", "v[]=a%20b&v[]=c%26d"),
    ] {
        let action = format!(
            "path = \"/x\"\nparameters = [{{ key = \"v\", in = \"query\", {style} type = \"array\" }}]"
        );
        let url = url(&action, json!({ "v": ["a b", "c&d"] }));
        assert_eq!(url, format!("https://one.acme.example/api/x?{expected}"));
    }
    let object = |style: &str| {
        format!(
            "path = \"/x\"\nparameters = [{{ key = \"v\", name = \"$v\", in = \"query\", {style} type = \"object\" }}]"
        )
    };
    let brackets = url(&object("style = \"brackets\","), json!({ "v": { "a": 1, "b": { "c": [true] } } }));
    assert_eq!(brackets, "https://one.acme.example/api/x?$v[a]=1&$v[b][c][0]=true");
    assert_eq!(
        url(&object(""), json!({ "v": { "a": 1 } })),
        "https://one.acme.example/api/x?$v=%7B%22a%22%3A1%7D"
    );
}

#[test]
fn defaults_and_sizes_are_sent_and_what_the_path_has_stays() {
    let action = r#"path = "/x?fields=all"
paging = { style = "link_header", size_parameter = "per_page", size = 100 }
parameters = [{ key = "sort", in = "query", default = "name" }]"#;
    assert_eq!(url(action, json!({})), "https://one.acme.example/api/x?fields=all&sort=name&per_page=100");
    let own = r#"path = "/x"
paging = { style = "link_header", size_parameter = "n", size = 100 }
parameters = [{ key = "n", in = "query", type = "integer" }]"#;
    assert_eq!(url(own, json!({ "n": 5 })), "https://one.acme.example/api/x?n=5");
}

#[test]
fn headers_replace_each_other_and_hold_no_line_ends() {
    let action = r#"path = "/x"
headers = { accept = "text/csv" }
parameters = [{ key = "tag", name = "X-Tag", in = "header", type = "any" }]"#;
    let request = built(action, json!({ "tag": ["a", 1] })).unwrap();
    // X-Team names a field that was not filled in.
    let expected = [("accept", "text/csv"), ("X-Tag", "a,1")];
    assert_eq!(request.headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let error = built(action, json!({ "tag": "a\r\nHost: evil" })).unwrap_err().to_string();
    assert!(error.starts_with("tag must be at most"), "{error}");
    let connector = with_action(action);
    let lines = |name: &str| if name == "team" { Some("a\nb".to_owned()) } else { connection(name) };
    let error = build(&connector, &connector.auth[0], &connector.actions[0], &Map::new(), lines).unwrap_err();
    assert_eq!(error, RequestError::Header("X-Team".to_owned()));
}

#[test]
fn a_json_body_is_put_together_by_pointers() {
    let action = r#"path = "/x"
method = "POST"
body = { constant = { kind = "ticket", tags = ["ours"] } }
parameters = [
  { key = "text", pointer = "/ticket/comment/body" },
  { key = "second", pointer = "/to/1/mail" },
  { key = "second_name", pointer = "/to/1/name" },
  { key = "first", pointer = "/to/0/mail" },
  { key = "odd", name = "a/b" },
  { key = "digits", name = "0" },
]"#;
    let (media_type, text) =
        body(action, json!({ "text": "hi", "second": "b@x", "second_name": "B", "odd": "1", "digits": "2" }));
    assert_eq!(media_type, "application/json");
    let made: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        made,
        json!({ "kind": "ticket", "tags": ["ours"], "ticket": { "comment": { "body": "hi" } },
            "to": [{ "mail": "b@x", "name": "B" }], "a/b": "1", "0": "2" })
    );
    let both = body(action, json!({ "first": "a@x", "second": "b@x" })).1;
    assert_eq!(
        serde_json::from_str::<Value>(&both).unwrap()["to"],
        json!([{ "mail": "a@x" }, { "mail": "b@x" }])
    );
    let nothing = "path = \"/x\"\nmethod = \"POST\"\nbody = {}";
    assert_eq!(body(nothing, json!({})).1, "{}");
    let clash = "path = \"/x\"\nmethod = \"POST\"\nbody = { constant = { a = 1 } }\nparameters = [{ key = \"v\", pointer = \"/a/b\" }]";
    assert!(built(clash, json!({ "v": "x" })).unwrap_err().to_string().contains("there is something else"));
    let far = "path = \"/x\"\nmethod = \"POST\"\nbody = {}\nparameters = [{ key = \"v\", pointer = \"/a/99999999\" }]";
    assert!(built(far, json!({ "v": "x" })).is_err());
}

#[test]
fn a_whole_body_is_the_value_itself() {
    let action = "path = \"/x\"\nmethod = \"PUT\"\nbody = { whole = \"data\", media_type = \"application/a+json\" }\nparameters = [{ key = \"data\", type = \"any\" }]";
    assert_eq!(body(action, json!({ "data": [1] })), ("application/a+json".to_owned(), "[1]".to_owned()));
    assert_eq!(built(action, json!({})).unwrap().body, None);
    let bytes = "path = \"/x\"\nmethod = \"PUT\"\nbody = { format = \"bytes\", whole = \"data\" }\nparameters = [{ key = \"data\", type = \"file\" }]";
    assert_eq!(body(bytes, json!({ "data": "YWI=" })).1, "ab");
}

#[test]
fn forms_have_brackets_or_a_style() {
    let action = r#"path = "/x"
method = "POST"
body = { format = "form", constant = { on = true } }
parameters = [
  { key = "meta", name = "metadata", type = "object" },
  { key = "ids", type = "array" },
  { key = "tags", type = "array", style = "repeat" },
  { key = "text" },
]"#;
    let (media_type, text) =
        body(action, json!({ "meta": { "a b": "c&d" }, "ids": [1, 2], "tags": ["x", "y"], "text": "ä" }));
    assert_eq!(media_type, "application/x-www-form-urlencoded");
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let mut pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.sort();
    assert_eq!(pairs, ["ids[0]=1", "ids[1]=2", "metadata[a b]=c&d", "on=true", "tags=x", "tags=y", "text=ä"]);
}

#[test]
fn templates_are_escaped_in_xml_alone() {
    let action = |format: &str| {
        format!(
            "path = \"/x\"\nmethod = \"POST\"\nbody = {{ format = \"{format}\", template = \"<a b='{{v}}'>{{w}}</a>\" }}\nparameters = [{{ key = \"v\" }}, {{ key = \"w\", type = \"any\" }}]"
        )
    };
    assert_eq!(body(&action("xml"), json!({ "v": "<'&\">" })).1, "<a b='&lt;&apos;&amp;&quot;&gt;'></a>");
    assert_eq!(body(&action("text"), json!({ "v": "<", "w": 1 })).1, "<a b='<'>1</a>");
    assert!(built(&action("xml"), json!({ "v": "\u{1}" })).is_err());
}

#[test]
fn parts_of_a_multipart_body_are_kept_apart() {
    let action = "path = \"/x\"\nmethod = \"POST\"\nbody = { format = \"multipart\" }\nparameters = [{ key = \"file\", type = \"file\" }, { key = \"note\", name = \"no\\\"te\" }]";
    let given = json!({ "file": "YWI=", "note": "hi" });
    let (media_type, text) = body(action, given.clone());
    let boundary = media_type.strip_prefix("multipart/form-data; boundary=").unwrap().to_owned();
    assert_eq!(
        text,
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"no%22te\"\r\n\r\nhi\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\nab\r\n--{boundary}--\r\n"
        )
    );
    // Whoever knows the boundary of one body cannot use it in another.
    let other = body(action, json!({ "file": "YWI=", "note": format!("--{boundary}--") })).0;
    assert!(!other.ends_with(&boundary));
}

#[test]
fn requests_are_bounded() {
    let long = "x".repeat(gatehouse_catalogue::limits::REQUEST_URL_BYTES);
    assert_eq!(built(THING, json!({ "id": long })).unwrap_err(), RequestError::LongUrl);
    let action = "path = \"/x\"\nmethod = \"POST\"\nbody = {}\nparameters = [{ key = \"v\" }]";
    let large = "x".repeat(gatehouse_catalogue::limits::REQUEST_BODY_BYTES);
    assert_eq!(built(action, json!({ "v": large })).unwrap_err(), RequestError::LargeBody);
    let many: Map<String, Value> = (0..1000).map(|number| (format!("k{number}"), json!(1))).collect();
    let Err(RequestError::Values(problems)) = built(action, Value::Object(many)) else {
        panic!("not refused")
    };
    assert_eq!(problems.len(), gatehouse_catalogue::limits::VALUE_PROBLEMS);
}

#[test]
fn a_connection_without_its_values_is_told() {
    let connector = with_action(THING);
    let action = &connector.actions[0];
    let error = build(&connector, &connector.auth[0], action, &values(json!({ "id": "1" })), |_| None);
    assert_eq!(error.unwrap_err().to_string(), "there is no value for {instance}");
}

#[test]
fn imported_operations_can_be_called() {
    let connector = imported(PARCELS).connector;
    let list = action(&connector, "list-shipments");
    let request = built_of(
        &connector,
        list,
        json!({ "x_tenant": "acme", "state": ["new", "done"], "tag": ["a", "b"], "sent_after": "2026-01-01T00:00:00Z", "page": { "size": 5 } }),
    );
    let request = request.unwrap_or_else(|error| panic!("{error}"));
    let mut query: Vec<&str> = request.url.query().unwrap().split('&').collect();
    query.sort_unstable();
    assert_eq!(
        query,
        [
            "limit=50",
            "page[size]=5",
            "sentAfter=2026-01-01T00%3A00%3A00Z",
            "state=new,done",
            "tag=a",
            "tag=b"
        ]
    );
    assert_eq!(request.url.path(), "/api/v2/shipments");
    assert_eq!(request.headers, [("X-Tenant".to_owned(), "acme".to_owned())]);
    let create = action(&connector, "create-shipment");
    let request =
        built_of(&connector, create, json!({ "x_tenant": "a", "city": "Ulm", "weight": 1.5 })).unwrap();
    assert_eq!(request.method, Method::Post);
    let sent: Value = serde_json::from_slice(&request.body.unwrap().bytes).unwrap();
    assert_eq!(sent, json!({ "city": "Ulm", "weight": 1.5 }));

    let connector = imported(PRINTING).connector;
    let upload = built_of(&connector, action(&connector, "files-upload"), json!({ "file": "YQ==" })).unwrap();
    assert_eq!(upload.url.as_str(), "https://files.print.example/public/files");
    let queue =
        built_of(&connector, action(&connector, "queue"), json!({ "ids": [1, 2], "sort": ["a", "b"] }))
            .unwrap();
    assert_eq!(queue.url.as_str(), "https://print.example/print/api/queue/1%2C2?sort=a%7Cb");
}

/// Actions of the catalogue whose parameters have examples or plain types: each makes a request on its base.
#[test]
fn actions_of_the_catalogue_make_requests() {
    let mut made = 0;
    for connector in built_in().types() {
        for (auth, action) in
            connector.auth.iter().flat_map(|auth| connector.actions.iter().map(move |a| (auth, a)))
        {
            let given: Map<String, Value> = action
                .parameters
                .iter()
                .filter(|parameter| parameter.default.is_none())
                .map(|parameter| (parameter.key.to_string(), sample(parameter)))
                .collect();
            let request =
                build(connector, auth, action, &given, |name| Some(field_sample(connector, auth, name)));
            let request = request.unwrap_or_else(|error| panic!("{} {}: {error}", connector.id, action.id));
            assert_eq!(request.url.origin(), request.base.origin());
            made += 1;
        }
    }
    assert!(made > 100, "{made}");
}

fn sample(parameter: &gatehouse_catalogue::Parameter) -> Value {
    use gatehouse_catalogue::ParameterType as Type;
    if let Some(choice) = parameter.choices.first() {
        return if parameter.kind == Type::Array { json!([choice]) } else { choice.clone() };
    }
    match parameter.kind {
        Type::String | Type::Any => json!("a"),
        Type::Integer | Type::Number => json!(1),
        Type::Boolean => json!(true),
        Type::Date => json!("2026-01-31"),
        Type::DateTime => json!("2026-01-31T09:30:00Z"),
        Type::Array => json!(["a"]),
        Type::Object => json!({ "a": 1 }),
        Type::File => json!("YQ=="),
    }
}

fn field_sample(connector: &ConnectorType, auth: &gatehouse_catalogue::AuthType, name: &str) -> String {
    use gatehouse_catalogue::FieldType as Type;
    let field = connector.fields.iter().chain(&auth.fields).find(|field| field.key.as_str() == name);
    let kind = field.map(|field| field.kind).or_else(|| told(auth, name)).unwrap_or_default();
    match kind {
        Type::Choice => field.and_then(|field| field.choices.keys().next().cloned()).unwrap_or_default(),
        Type::Url => "https://a.example/b".to_owned(),
        Type::Host => "a.example".to_owned(),
        _ => "a".to_owned(),
    }
}

/// The type of a value that the vendor tells.
fn told(auth: &gatehouse_catalogue::AuthType, name: &str) -> Option<gatehouse_catalogue::FieldType> {
    let oauth = auth.oauth.iter().flat_map(|oauth| oauth.token_values.iter().chain(&oauth.callback_values));
    let looked = auth.lookup.iter().flat_map(|lookup| &lookup.values);
    let mut kinds =
        oauth.map(|value| (&value.key, value.kind)).chain(looked.map(|value| (&value.key, value.kind)));
    kinds.find(|(key, _)| key.as_str() == name).map(|(_, kind)| kind)
}
