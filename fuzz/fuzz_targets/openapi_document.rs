//! An API description that somebody uploads, the requests made of it, and what its product answers.
#![no_main]

use gatehouse_catalogue::openapi::{OpenApiError, Options, import};
use gatehouse_catalogue::request::{Answer, Request, build, next_page};
use gatehouse_catalogue::{ConnectorType, HttpsUrl, Parameter, ParameterType, limits, validate};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

/// A value of the parameter's type, made of what the fuzzer sent.
fn value(parameter: &Parameter, text: &str) -> Value {
    if let Some(choice) = parameter.choices.first() {
        return if parameter.kind == ParameterType::Array { json!([choice]) } else { choice.clone() };
    }
    match parameter.kind {
        ParameterType::String | ParameterType::Any => json!(text),
        ParameterType::Integer | ParameterType::Number => json!(text.len()),
        ParameterType::Boolean => json!(true),
        ParameterType::Date => json!("2026-01-31"),
        ParameterType::DateTime => json!("2026-01-31T09:30:00Z"),
        ParameterType::Array => json!([text, text]),
        ParameterType::Object => json!({ text: { text: [text] } }),
        ParameterType::File => json!("YQ=="),
    }
}

fn stays(request: &Request) {
    assert_eq!(request.url.origin(), request.base.origin(), "{}", request.url);
    assert!(request.url.username().is_empty() && request.url.password().is_none());
    assert!(request.headers.iter().all(|(_, value)| !value.contains(['\r', '\n'])));
}

fn call(connector: &ConnectorType, text: &str) {
    let texts = [text, "a", "..", "https://a.example"];
    for (auth, action) in
        connector.auth.iter().flat_map(|auth| connector.actions.iter().map(move |a| (auth, a)))
    {
        for given in texts {
            let values: Map<String, Value> =
                action.parameters.iter().map(|p| (p.key.to_string(), value(p, given))).collect();
            for entered in texts {
                let Ok(request) = build(connector, auth, action, &values, |_| Some(entered.to_owned()))
                else {
                    continue;
                };
                stays(&request);
                let headers = [("link".to_owned(), text.to_owned())];
                let answer = Answer { status: 200, headers: &headers, body: &Value::Null };
                if let Ok(Some(next)) = next_page(action, &request, &answer, 1) {
                    stays(&next);
                }
            }
        }
    }
}

fuzz_target!(|data: &str| {
    let homepage = HttpsUrl::try_from("https://home.example".to_owned()).ok();
    match import(data.as_bytes(), &Options { homepage, ..Options::default() }) {
        Err(OpenApiError::Invalid(problem)) => panic!("made something that is not valid: {problem}"),
        Err(refused) => assert!(!refused.to_string().is_empty()),
        Ok(imported) => {
            assert!(validate(&imported.connector).is_empty());
            assert!(imported.left_out.len() <= limits::LEFT_OUT);
            let few: String = data.chars().rev().take(40).collect();
            call(&imported.connector, &few);
        }
    }
});
