//! Documents as they are uploaded, and what becomes of them.

use gatehouse_catalogue::openapi::{Imported, OpenApiError, Options, import};
use gatehouse_catalogue::{
    Action, AuthKind, AuthType, BodyFormat, ConnectorType, FieldType, PagingStyle, Parameter, ParameterPlace,
    ParameterStyle, ParameterType, Place, from_json, limits, validate,
};
use serde_json::{Value, json};

pub(crate) const PARCELS: &str = include_str!("../../testdata/openapi/parcels.json");
pub(crate) const LIBRARY: &str = include_str!("../../testdata/openapi/library.json");
pub(crate) const PRINTING: &str = include_str!("../../testdata/openapi/printing.json");

pub(crate) fn imported(document: &str) -> Imported {
    let imported = import(document.as_bytes(), &Options::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(validate(&imported.connector), []);
    let kept = serde_json::to_string(&imported.connector).unwrap();
    assert_eq!(from_json(&kept).unwrap(), imported.connector, "it can be kept and read again");
    imported
}

pub(crate) fn action<'a>(connector: &'a ConnectorType, id: &str) -> &'a Action {
    let ids: Vec<&str> = connector.actions.iter().map(|action| action.id.as_str()).collect();
    connector
        .actions
        .iter()
        .find(|action| action.id.as_str() == id)
        .unwrap_or_else(|| panic!("{id} is not in {ids:?}"))
}

fn auth<'a>(connector: &'a ConnectorType, id: &str) -> &'a AuthType {
    let ids: Vec<&str> = connector.auth.iter().map(|auth| auth.id.as_str()).collect();
    connector
        .auth
        .iter()
        .find(|auth| auth.id.as_str() == id)
        .unwrap_or_else(|| panic!("{id} is not in {ids:?}"))
}

fn parameter<'a>(action: &'a Action, key: &str) -> &'a Parameter {
    let keys: Vec<&str> = action.parameters.iter().map(|parameter| parameter.key.as_str()).collect();
    action
        .parameters
        .iter()
        .find(|parameter| parameter.key.as_str() == key)
        .unwrap_or_else(|| panic!("{key} is not in {keys:?}"))
}

/// That something at a place was left out, for a reason.
fn assert_left_out(imported: &Imported, at: &str, why: &str) {
    let found = imported.left_out.iter().any(|left_out| left_out.at == at && left_out.what.contains(why));
    assert!(found, "{at} ({why}) is not in {:#?}", imported.left_out);
}

#[test]
fn the_head_says_what_the_document_says() {
    let connector = imported(PARCELS).connector;
    assert_eq!(connector.id.as_str(), "parcels-routes");
    assert_eq!(connector.name, "Parcels & Routes");
    assert_eq!(connector.description, "Shipments, labels and pick-ups.");
    assert_eq!(connector.homepage.as_str(), "https://parcels.example/contact");
    assert_eq!(connector.docs.as_str(), "https://parcels.example/handbook");
    assert_eq!(connector.test.path.source(), "/me");
    assert_eq!(connector.test.expect, [200]);
}

#[test]
fn variables_of_a_server_become_fields_where_they_can() {
    let imported = imported(PARCELS);
    let connector = &imported.connector;
    assert_eq!(connector.base_url.source(), "https://{region}.parcels.example/api/v2");
    let [region] = connector.fields.as_slice() else { panic!("{:?}", connector.fields) };
    assert_eq!((region.key.as_str(), region.kind), ("region", FieldType::Choice));
    assert_eq!(region.default.as_deref(), Some("eu"));
    assert_eq!(region.choices.len(), 2);
    assert_eq!(region.help.as_ref().unwrap().source(), "Where your account is.");
    assert_left_out(&imported, "/servers/1", "another server");
}

#[test]
fn a_relative_server_asks_where_the_product_is() {
    let imported = imported(PRINTING);
    let connector = &imported.connector;
    assert_eq!(connector.base_url.source(), "{site_url}/print/api");
    assert_eq!(connector.fields[0].kind, FieldType::Url);
    // A server of one operation; its variable has the name that a bearer token's field has.
    let upload = action(connector, "files-upload");
    let base = upload.base.as_ref().unwrap();
    assert_eq!(connector.bases[base].source(), "https://files.print.example/{token_2}");
    let connector_without = imported_from(json!({ "servers": null })).unwrap().connector;
    assert_eq!(connector_without.base_url.source(), "{site_url}");
}

#[test]
fn oauth_has_its_flows_and_scopes() {
    let imported = imported(PARCELS);
    let connector = &imported.connector;
    let code = auth(connector, "sign-in-code");
    assert_eq!(code.kind, AuthKind::Oauth2Code);
    let oauth = code.oauth.as_ref().unwrap();
    assert_eq!(oauth.authorization_url.as_ref().unwrap().source(), "https://login.parcels.example/authorize");
    assert_eq!(
        oauth.refresh_url.as_ref().unwrap().source(),
        "https://{region}.parcels.example/oauth/refresh"
    );
    assert_eq!(oauth.scopes.iter().map(|scope| scope.source()).collect::<Vec<_>>(), ["shipments:read"]);
    assert_eq!(auth(connector, "sign-in-client").kind, AuthKind::Oauth2ClientCredentials);
    assert_eq!(action(connector, "create-shipment").scopes, ["shipments:write"]);
    assert!(action(connector, "list-shipments").scopes.is_empty());
    assert_left_out(&imported, "/components/securitySchemes/signIn/flows/implicit", "is not used");
}

#[test]
fn keys_are_put_where_the_document_says() {
    let connector = imported(PARCELS).connector;
    let key = auth(&connector, "key");
    assert_eq!(
        (key.kind, key.apply[0].place, key.apply[0].name.as_str()),
        (AuthKind::ApiKey, Place::Header, "X-Api-Key")
    );
    assert!(key.fields[0].secret);

    let imported = imported(LIBRARY);
    let kinds: Vec<AuthKind> = imported.connector.auth.iter().map(|auth| auth.kind).collect();
    assert_eq!(kinds, [AuthKind::Bearer, AuthKind::ApiKey, AuthKind::None]);
    assert_eq!(imported.connector.auth[1].apply[0].place, Place::Query);
    assert_left_out(&imported, "/components/securitySchemes/browser", "into a cookie");
    assert_left_out(&imported, "/components/securitySchemes/digest", "basic and bearer are");
}

#[test]
fn schemes_that_are_needed_together_are_one_way() {
    let connector = imported(PRINTING).connector;
    let both = auth(&connector, "app-user");
    assert_eq!(both.kind, AuthKind::Custom);
    let applied: Vec<_> =
        both.apply.iter().map(|apply| (apply.name.as_str(), apply.value.source())).collect();
    assert_eq!(applied, [("X-App", "{app}"), ("Authorization", "Bearer {user}")]);
    assert_eq!(auth(&connector, "door").kind, AuthKind::Basic);
}

#[test]
fn a_document_whose_only_key_is_a_cookie_is_no_connector() {
    let only = json!({ "security": [{ "c": [] }],
        "components": { "securitySchemes": { "c": { "type": "apiKey", "in": "cookie", "name": "S" } } } });
    let error = imported_from(only).unwrap_err().to_string();
    assert!(error.starts_with("/components/securitySchemes/c: ") && error.contains("cookie"), "{error}");
}

#[test]
fn operations_become_actions() {
    let imported = imported(PARCELS);
    let connector = &imported.connector;
    let ids: Vec<&str> = connector.actions.iter().map(|action| action.id.as_str()).collect();
    assert_eq!(
        ids,
        ["who-am-i", "list-shipments", "create-shipment", "get-shipment", "delete-shipments-shipment-id"]
    );
    let list = action(connector, "list-shipments");
    assert_eq!(list.label, "List shipments");
    assert_eq!(list.paging.as_ref().unwrap().style, PagingStyle::LinkHeader);
    assert_eq!(parameter(list, "state").style, Some(ParameterStyle::Comma));
    assert_eq!(parameter(list, "state").choices, [json!("new"), json!("moving"), json!("done")]);
    assert_eq!(parameter(list, "tag").style, Some(ParameterStyle::Repeat));
    assert_eq!(parameter(list, "sent_after").kind, ParameterType::DateTime);
    assert_eq!(parameter(list, "sent_after").name.as_deref(), Some("sentAfter"));
    assert_eq!(parameter(list, "page").style, Some(ParameterStyle::Brackets));
    assert_eq!(parameter(list, "limit").default, Some(json!(50)));
    let tenant = parameter(list, "x_tenant");
    assert!(tenant.required && tenant.place == ParameterPlace::Header);
    assert_left_out(&imported, "/paths/~1shipments/get/parameters/5", "is a cookie");
    assert_left_out(&imported, "/paths/~1shipments~1{shipmentId}/options", "is not sent");
    assert_left_out(&imported, "/paths/~1legacy/get/parameters/0", "GET /legacy: refers to another document");

    let get = action(connector, "get-shipment");
    assert_eq!(get.path.source(), "/shipments/{shipment_id}");
    assert_eq!(get.label, "Get shipment");
    assert_eq!(action(connector, "delete-shipments-shipment-id").label, "DELETE /shipments/{shipmentId}");
}

#[test]
fn members_of_a_body_become_parameters() {
    let imported = imported(PARCELS);
    let create = action(&imported.connector, "create-shipment");
    assert_eq!(create.output.as_ref().unwrap().as_str(), "/shipment");
    let body: Vec<&str> = create
        .parameters
        .iter()
        .filter(|parameter| parameter.place == ParameterPlace::Body)
        .map(|parameter| parameter.key.as_str())
        .collect();
    assert_eq!(body.len(), 4, "{body:?}");
    assert!(parameter(create, "city").required && parameter(create, "weight").required);
    assert_eq!(parameter(create, "insured").default, None);
    assert_left_out(
        &imported,
        "/components/schemas/NewShipment/allOf/1/properties/insured",
        "its default, which does not fit",
    );

    let connector = imported_of(LIBRARY);
    let lend = action(&connector, "lend");
    assert_eq!(parameter(lend, "isbn").kind, ParameterType::String);
    assert_eq!(parameter(lend, "days").choices.len(), 3);
    assert_eq!(parameter(lend, "until").kind, ParameterType::Date);
    assert_eq!(parameter(lend, "note").kind, ParameterType::Any);
    assert_eq!(parameter(lend, "id").choices, [json!("loan")]);
}

fn imported_of(document: &str) -> ConnectorType {
    imported(document).connector
}

#[test]
fn other_bodies_are_one_parameter() {
    let imported = imported(LIBRARY);
    let connector = &imported.connector;
    let patch = action(connector, "patch-books-isbn").body.as_ref().unwrap();
    assert_eq!(patch.whole.as_ref().unwrap().as_str(), "body");
    assert_eq!(patch.media_type.as_deref(), Some("application/merge-patch+json"));
    let cover = action(connector, "cover");
    assert_eq!(cover.body.as_ref().unwrap().format, BodyFormat::Bytes);
    assert_eq!(cover.body.as_ref().unwrap().media_type.as_deref(), Some("image/png"));
    assert_eq!(parameter(cover, "body").kind, ParameterType::File);
    assert_eq!(action(connector, "note").body.as_ref().unwrap().format, BodyFormat::Text);
    assert!(!connector.actions.iter().any(|action| action.id.as_str() == "soap"));
    assert_left_out(&imported, "/paths/~1soap/post/requestBody", "of no media type that is made");
    assert_left_out(&imported, "/webhooks", "calls of the product to us");
    assert_left_out(&imported, "/servers/0/url", "begins with https://");

    let connector = imported_of(PRINTING);
    let form = action(&connector, "jobs-create");
    assert_eq!(form.body.as_ref().unwrap().format, BodyFormat::Form);
    assert_eq!(parameter(form, "pages").style, Some(ParameterStyle::Repeat));
    assert_eq!(parameter(form, "folders").style, Some(ParameterStyle::Comma));
    assert_eq!(parameter(action(&connector, "files-upload"), "file").kind, ParameterType::File);
    // The name of a field that stands in the address is taken.
    assert_eq!(parameter(action(&connector, "queue"), "site_url_2").name.as_deref(), Some("site_url"));
}

/// A small document with some members replaced; `null` takes one out.
pub(crate) fn imported_from(changes: Value) -> Result<Imported, OpenApiError> {
    let mut document = json!({
        "openapi": "3.0.0", "info": { "title": "Small", "contact": { "url": "https://small.example" } },
        "servers": [{ "url": "https://small.example" }], "paths": { "/x": { "get": {} } }
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
        if value.is_null() {
            document.as_object_mut().unwrap().remove(name);
        }
    }
    import(document.to_string().as_bytes(), &Options::default())
}

#[test]
fn what_is_no_openapi_3_document_is_refused() {
    for (document, expected) in [
        ("openapi: 3.0.0", "in YAML must be converted"),
        ("{}", "/openapi: must say the version"),
        (r#"{"swagger": "2.0"}"#, "/swagger: this is Swagger 2"),
        (r#"{"openapi": "4.0.0"}"#, "/openapi: must say the version"),
        (r#"{"openapi": "3.10.0"}"#, "/openapi: must say the version"),
        (r#"{"openapi": "3.0.0"}"#, "/paths: there is no operation"),
    ] {
        let error = import(document.as_bytes(), &Options::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{document} gave {error:?}");
    }
    let huge = " ".repeat(limits::DOCUMENT_BYTES + 1);
    assert_eq!(import(huge.as_bytes(), &Options::default()).unwrap_err(), OpenApiError::Large);
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    assert!(matches!(import(deep.as_bytes(), &Options::default()), Err(OpenApiError::Json(_))));
}

#[test]
fn servers_that_could_lie_are_refused() {
    for (url, expected) in [
        ("http://a.example", "begins with https://"),
        ("ftp://a.example", "begins with https://"),
        ("a.example", "begins with https://"),
        ("https://a.example/x?y=1", "has a query"),
        ("https://u:p@a.example", "neither user name"),
        ("https://a.example/#x", "nor fragment"),
        ("https://a.example/../x", "leads elsewhere"),
        ("https:///a.example", "an address has a host"),
        ("https://a.example/{x", "no counterpart"),
        ("https://a.example:{port}/", "do not fit where it stands"),
    ] {
        let error = imported_from(json!({ "servers": [{ "url": url }] })).unwrap_err().to_string();
        assert!(error.starts_with("/servers/0/url: ") && error.contains(expected), "{url} gave {error:?}");
    }
}

#[test]
fn servers_of_every_form_are_read() {
    for (server, expected) in [
        (json!({ "url": "https://{host}/v1" }), "https://{host}/v1"),
        (
            json!({ "url": "{scheme}://a.example", "variables": { "scheme": { "default": "https" } } }),
            "https://a.example",
        ),
        (
            json!({ "url": "https://a.example:{port}", "variables": { "port": { "default": "8443" } } }),
            "https://a.example:8443",
        ),
        (json!({ "url": "{server}/api" }), "{server}/api"),
        (json!({ "url": "//a.example/" }), "https://a.example"),
        (
            json!({ "url": "https://a.example/{version}", "variables": { "version": { "default": "v3" } } }),
            "https://a.example/{version}",
        ),
    ] {
        let imported = imported_from(json!({ "servers": [server] })).unwrap();
        assert_eq!(imported.connector.base_url.source(), expected);
    }
}

#[test]
fn references_are_followed_within_bounds() {
    let with = |parameter: Value, parameters: Value| {
        imported_from(json!({
            "paths": { "/x": { "get": { "parameters": [parameter] } }, "/y": { "get": {} } },
            "components": { "parameters": parameters }
        }))
        .unwrap()
    };
    let circle = with(
        json!({ "$ref": "#/components/parameters/a" }),
        json!({ "a": { "$ref": "#/components/parameters/b" }, "b": { "$ref": "#/components/parameters/a" } }),
    );
    assert_eq!(circle.connector.actions.len(), 1);
    assert!(circle.left_out[0].what.contains("in a circle"), "{:?}", circle.left_out);
    let odd = with(
        json!({ "$ref": "#/components/parameters/a%20~1b" }),
        json!({ "a /b": { "name": "q", "in": "query" } }),
    );
    assert_eq!(odd.connector.actions[0].parameters[0].key.as_str(), "q");
    for reference in ["#/nowhere", "other.json", "https://a.example/x", "#anchor"] {
        let refused = with(json!({ "$ref": reference }), json!({}));
        assert_eq!(refused.connector.actions.len(), 1, "{reference}");
        assert_eq!(refused.left_out[0].at, "/paths/~1x/get/parameters/0");
    }
}

/// Schemas whose parts double at each level: few bytes, and more steps than anybody waits for.
#[test]
fn a_document_that_grows_when_it_is_read_is_refused() {
    let mut schemas = serde_json::Map::new();
    for level in 0..12 {
        let next = json!({ "$ref": format!("#/components/schemas/s{}", level + 1) });
        schemas.insert(format!("s{level}"), json!({ "allOf": vec![next; 8] }));
    }
    schemas.insert("s12".to_owned(), json!({ "type": "object", "properties": { "a": {} } }));
    let body =
        json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/s0" } } } });
    let error = imported_from(json!({
        "paths": { "/x": { "post": { "requestBody": body } } }, "components": { "schemas": schemas }
    }));
    assert_eq!(error.unwrap_err(), OpenApiError::Steps);
}

#[test]
fn too_many_of_anything_is_told() {
    let paths: serde_json::Map<String, Value> =
        (0..limits::ACTIONS + 7).map(|number| (format!("/p{number}"), json!({ "get": {} }))).collect();
    let many = imported_from(json!({ "paths": paths })).unwrap();
    assert_eq!(many.connector.actions.len(), limits::ACTIONS);
    assert!(
        many.left_out.iter().any(|left_out| left_out.what.starts_with("7 operations")),
        "{:?}",
        many.left_out
    );

    let wide: Vec<Value> = (0..limits::PARAMETERS + 1)
        .map(|number| json!({ "name": format!("p{number}"), "in": "query" }))
        .collect();
    let wide = imported_from(json!({ "paths": { "/x": { "get": { "parameters": wide } } } })).unwrap();
    assert_eq!(wide.connector.actions[0].parameters.len(), limits::PARAMETERS);
    assert_eq!(wide.left_out.len(), 1);

    let long = json!({ "description": "x".repeat(4000), "parameters": (0..60)
        .map(|number| json!({ "name": format!("p{number}"), "in": "query", "description": "y ".repeat(400) }))
        .collect::<Vec<_>>() });
    let paths: serde_json::Map<String, Value> =
        (0..40).map(|number| (format!("/p{number}"), json!({ "get": long }))).collect();
    let large = imported_from(json!({ "paths": paths })).unwrap();
    assert!(serde_json::to_vec(&large.connector).unwrap().len() <= limits::FILE_BYTES);
    assert!(large.left_out.iter().any(|left_out| left_out.what.contains("bytes")), "{:?}", large.left_out);
}

#[test]
fn the_test_call_needs_the_credential_and_nothing_else() {
    let paths = json!({
        "/a": { "get": { "security": [] } },
        "/bb": { "get": { "responses": { "204": {} } } },
        "/c/{id}": { "get": {} }
    });
    let schemes = json!({ "securitySchemes": { "k": { "type": "http", "scheme": "bearer" } } });
    let imported =
        imported_from(json!({ "paths": paths, "components": schemes, "security": [{ "k": [] }] })).unwrap();
    assert_eq!(imported.connector.test.path.source(), "/bb");
    assert_eq!(imported.connector.test.expect, [204]);
    let without = imported_from(json!({ "paths": { "/c/{id}": { "get": {} } } })).unwrap();
    assert_eq!(without.connector.test.path.source(), "");
    assert_left_out(&without, "/paths", "a real test");
    assert_left_out(&without, "/paths/~1c~1{id}", "it is taken to be a text");
}

#[test]
fn what_the_document_does_not_say_can_be_given() {
    let document = json!({ "openapi": "3.1.0", "paths": { "/x": { "get": {} } } }).to_string();
    let error = import(document.as_bytes(), &Options::default()).unwrap_err().to_string();
    assert!(error.starts_with("/info/contact/url: "), "{error}");
    let options = Options {
        id: Some("acme".to_owned().try_into().unwrap()),
        name: Some("Acme".to_owned()),
        homepage: Some("https://acme.example".to_owned().try_into().unwrap()),
        ..Options::default()
    };
    let connector = import(document.as_bytes(), &options).unwrap().connector;
    assert_eq!((connector.id.as_str(), connector.name.as_str()), ("acme", "Acme"));
    assert_eq!(connector.description, "Made from the OpenAPI document of Acme.");
}
