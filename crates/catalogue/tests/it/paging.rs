//! From an answer to the next page.

use gatehouse_catalogue::limits;
use gatehouse_catalogue::request::{Answer, PagingError, Request, build, next_page};
use serde_json::{Value, json};

use crate::request::{connection, values, with_action};

/// What follows an answer to the action, for values that are given.
fn after(
    action: &str,
    given: Value,
    headers: &[(&str, &str)],
    body: Value,
) -> Result<Option<Request>, PagingError> {
    let connector = with_action(action);
    let action = &connector.actions[0];
    let request = build(&connector, &connector.auth[0], action, &values(given), connection).unwrap();
    let headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    next_page(action, &request, &Answer { status: 200, headers: &headers, body: &body }, 1)
}

fn address(next: Result<Option<Request>, PagingError>) -> Option<String> {
    next.unwrap().map(|request| request.url.as_str().replace("https://one.acme.example/api", ""))
}

const LINKS: &str = r#"path = "/things"
paging = { style = "link_header" }"#;

#[test]
fn links_of_rfc_8288_are_followed() {
    let next = |link: &str| address(after(LINKS, json!({}), &[("LINK", link)], json!([])));
    assert_eq!(
        next(
            r#"<https://one.acme.example/api/things?page=1>; rel="prev", <https://one.acme.example/api/things?page=3>; rel="next""#
        ),
        Some("/things?page=3".to_owned())
    );
    assert_eq!(
        next(r#"<?page=3,4>; title="a, <b>; rel=last"; rel="last NEXT""#),
        Some("/things?page=3,4".to_owned())
    );
    assert_eq!(next("<?page=3>; rel=next"), Some("/things?page=3".to_owned()));
    for none in ["", "<?p=3>", "<?p=3>; rel=last; rel=next", "<?p=3", "?p=3; rel=next"] {
        assert_eq!(next(none), None, "{none}");
    }
    let huge = format!("<?{}>; rel=next", "x".repeat(limits::LINK_BYTES));
    assert_eq!(after(LINKS, json!({}), &[("link", &huge)], json!([])).unwrap_err(), PagingError::Unreadable);
}

#[test]
fn no_page_leads_to_another_place() {
    for target in [
        "https://evil.example/things",
        "//evil.example/things",
        "http://one.acme.example/api/things",
        "https://one.acme.example:8443/api/things",
        "https://user:password@one.acme.example/api/things?x",
        "javascript:alert(1)",
        "\\\\evil.example/x",
    ] {
        let link = format!("<{target}>; rel=next");
        let by_link = after(LINKS, json!({}), &[("link", &link)], json!([]));
        assert_eq!(by_link.unwrap_err(), PagingError::Elsewhere, "{target}");
        let action = "path = \"/things\"\npaging = { style = \"next_url\", next = \"/next\" }";
        let by_url = after(action, json!({}), &[], json!({ "next": target }));
        assert_eq!(by_url.unwrap_err(), PagingError::Elsewhere, "{target}");
    }
}

#[test]
fn an_address_in_the_answer_is_whole_or_from_the_base_on() {
    let action = "path = \"/things\"\npaging = { style = \"next_url\", next = \"/@odata.nextLink\" }";
    let next = |to: Value| address(after(action, json!({}), &[], json!({ "@odata.nextLink": to })));
    assert_eq!(
        next(json!("https://one.acme.example/api/things?$skiptoken=a%2Fb")).unwrap(),
        "/things?$skiptoken=a%2Fb"
    );
    assert_eq!(next(json!("/api/more/2")).unwrap(), "/more/2");
    assert_eq!(next(json!("/more/2")).unwrap(), "/more/2");
    assert_eq!(next(json!("?page=2")).unwrap(), "/things?page=2");
    assert_eq!(next(json!(null)), None);
    assert_eq!(next(json!("")), None);
    let error = after(action, json!({}), &[], json!({ "@odata.nextLink": 5 })).unwrap_err();
    assert_eq!(error, PagingError::Unreadable);
}

#[test]
fn a_mark_goes_into_query_or_body() {
    let action = r#"path = "/things"
paging = { style = "cursor", parameter = "page[after]", next = "/meta/next", more = "/meta/more" }
parameters = [{ key = "q", in = "query" }]"#;
    let next = |body: Value| address(after(action, json!({ "q": "a&b" }), &[], body));
    assert_eq!(
        next(json!({ "meta": { "next": "x/=", "more": true } })).unwrap(),
        "/things?q=a%26b&page[after]=x%2F%3D"
    );
    assert_eq!(next(json!({ "meta": { "next": "x", "more": false } })), None);
    assert_eq!(next(json!({ "meta": { "more": true } })), None);
    assert_eq!(next(json!({ "meta": { "next": "x" } })), None);

    let action = r#"path = "/search"
method = "POST"
body = {}
paging = { style = "cursor", body_pointer = "/paging/after", next = "/next" }
parameters = [{ key = "q" }]"#;
    let next = after(action, json!({ "q": "a" }), &[], json!({ "next": 7 })).unwrap().unwrap();
    let body: Value = serde_json::from_slice(&next.body.unwrap().bytes).unwrap();
    assert_eq!(body, json!({ "q": "a", "paging": { "after": 7 } }));
}

#[test]
fn pages_and_items_are_counted_until_nothing_comes() {
    let pages = "path = \"/things\"\noutput = \"/items\"\npaging = { style = \"page\", parameter = \"p\", first = 0 }\nparameters = [{ key = \"p\", in = \"query\", type = \"integer\" }]";
    let next = |given: Value, items: Value| address(after(pages, given, &[], json!({ "items": items })));
    assert_eq!(next(json!({}), json!([1])).unwrap(), "/things?p=1");
    assert_eq!(next(json!({ "p": 4 }), json!([1])).unwrap(), "/things?p=5");
    assert_eq!(next(json!({}), json!([])), None);
    assert_eq!(next(json!({}), json!("no list")), None);
    let items = "path = \"/things\"\npaging = { style = \"offset\", parameter = \"start\" }\nparameters = [{ key = \"start\", in = \"query\", type = \"integer\" }]";
    let next = |given: Value, list: Value| address(after(items, given, &[], list));
    assert_eq!(next(json!({}), json!([1, 2, 3])).unwrap(), "/things?start=3");
    assert_eq!(next(json!({ "start": 3 }), json!([1, 2])).unwrap(), "/things?start=5");
    assert_eq!(next(json!({ "start": 5 }), json!([])), None);
    let over = after(items, json!({ "start": u64::MAX }), &[], json!([1]));
    assert_eq!(over.unwrap_err(), PagingError::Unreadable);
}

#[test]
fn the_last_item_is_the_mark() {
    let action = "path = \"/things\"\noutput = \"/data\"\npaging = { style = \"last_item\", parameter = \"after\", next = \"/id\", more = \"/has_more\" }";
    let next = |body: Value| address(after(action, json!({}), &[], body));
    let page = json!({ "data": [{ "id": "a" }, { "id": "b" }], "has_more": true });
    assert_eq!(next(page).unwrap(), "/things?after=b");
    assert_eq!(next(json!({ "data": [], "has_more": true })), None);
    assert_eq!(next(json!({ "data": [{}], "has_more": true })), None);
}

#[test]
fn paging_ends() {
    let connector = with_action(LINKS);
    let action = &connector.actions[0];
    let request = build(&connector, &connector.auth[0], action, &values(json!({})), connection).unwrap();
    let link = |to: &str| vec![("Link".to_owned(), format!("<{to}>; rel=next"))];
    let headers = link("?page=2");
    let answer = |status| Answer { status, headers: &headers, body: &Value::Null };
    assert!(next_page(action, &request, &answer(200), limits::PAGES - 1).unwrap().is_some());
    assert_eq!(next_page(action, &request, &answer(200), limits::PAGES).unwrap_err(), PagingError::TooMany);
    assert_eq!(next_page(action, &request, &answer(404), 1).unwrap(), None);
    let itself = link(request.url.as_str());
    let answer = Answer { status: 200, headers: &itself, body: &Value::Null };
    assert_eq!(next_page(action, &request, &answer, 1).unwrap_err(), PagingError::Circle);
}
