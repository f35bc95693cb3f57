//! The code of the Endpoint page: a call of one function, ready to copy.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use url::Url;

/// What stands where the key of the caller belongs.
pub const KEY_PLACEHOLDER: &str = "YOUR_API_KEY";
/// How much longer than the function itself a caller waits, in seconds.
const GRACE_SECONDS: u32 = 30;

/// A parameter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it has no default; those that have one are left out.
    pub required: bool,
}

impl<'a> Parameter<'a> {
    /// The parameters that the listing of a project's functions tells. Those that take whatever is left, or take an
    /// object apart, have no name to be given by: they are left out.
    pub fn listed(names: &'a [impl AsRef<str>]) -> Vec<Self> {
        let names = names.iter().map(AsRef::as_ref);
        let named = names.filter(|name| !name.starts_with(['*', '.', '{', '[', '?']));
        named.map(|name| Self { name, required: true }).collect()
    }
}

/// A function that is called.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Where Gatehouse is reached from outside; may have a path.
    pub public_url: &'a Url,
    /// The id of the script.
    pub script: &'a str,
    /// The name of the function.
    pub function: &'a str,
    /// Its parameters.
    pub parameters: &'a [Parameter<'a>],
    /// How long the function may take, in seconds.
    pub timeout_seconds: u16,
}

/// The same call in three languages. It runs as it is once the key stands in it, and needs no library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippets {
    /// For a shell, and for the API node of a flow.
    pub curl: String,
    /// For Node 18 and later, and for browsers.
    pub javascript: String,
    /// For Python 3.8 and later.
    pub python: String,
}

impl Call<'_> {
    /// Where the function is called.
    pub fn url(&self) -> Url {
        let mut url = self.public_url.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut path) = url.path_segments_mut() {
            let segments = ["api", "public", "scripts", self.script, "functions", self.function];
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// An example of the arguments: for each parameter that must be given, its name in angle brackets.
    fn arguments(&self) -> Value {
        let required = self.parameters.iter().filter(|parameter| parameter.required);
        let example = |p: &Parameter<'_>| (p.name.to_owned(), Value::String(format!("<{}>", p.name)));
        Value::Object(required.map(example).collect::<Map<_, _>>())
    }

    /// The code.
    pub fn snippets(&self) -> Snippets {
        let (url, arguments) = (self.url(), self.arguments());
        let seconds = u32::from(self.timeout_seconds) + GRACE_SECONDS;
        Snippets {
            curl: curl(url.as_str(), &arguments),
            javascript: javascript(url.as_str(), &arguments, seconds),
            python: python(url.as_str(), &arguments, seconds),
        }
    }
}

fn curl(url: &str, arguments: &Value) -> String {
    format!(
        "curl -X POST {url} \\\n  -H {json} \\\n  -H {key} \\\n  -d {body}",
        url = quoted(url),
        json = quoted("Content-Type: application/json"),
        key = quoted(&format!("X-api-key: {KEY_PLACEHOLDER}")),
        body = quoted(&arguments.to_string()),
    )
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn javascript(url: &str, arguments: &Value, seconds: u32) -> String {
    format!(
        r#"const url = {url};
const apiKey = {key};
const payload = {arguments:#};

async function call() {{
  const response = await fetch(url, {{
    method: "POST",
    headers: {{ "Content-Type": "application/json", "X-api-key": apiKey }},
    body: JSON.stringify(payload),
    signal: AbortSignal.timeout({milliseconds}),
  }});
  const answer = await response.json();
  if (!response.ok) throw new Error(`${{response.status}}: ${{answer.error.message}}`);
  return answer.result;
}}

call().then((result) => console.log(JSON.stringify(result)));
"#,
        url = text(url),
        key = text(KEY_PLACEHOLDER),
        milliseconds = u64::from(seconds) * 1_000,
    )
}

fn python(url: &str, arguments: &Value, seconds: u32) -> String {
    format!(
        r#"import json
import urllib.error
import urllib.request

url = {url}
api_key = {key}
payload = {payload}

request = urllib.request.Request(
    url,
    data=json.dumps(payload).encode(),
    headers={{"Content-Type": "application/json", "X-api-key": api_key}},
    method="POST",
)
try:
    with urllib.request.urlopen(request, timeout={seconds}) as response:
        print(json.dumps(json.load(response)["result"]))
except urllib.error.HTTPError as error:
    raise SystemExit(f"{{error.code}}: {{json.load(error)['error']['message']}}")
"#,
        url = text(url),
        key = text(KEY_PLACEHOLDER),
        payload = dictionary(arguments),
    )
}

/// A string as JavaScript and Python both write it: that of JSON.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// An object of strings as a dictionary of Python.
fn dictionary(arguments: &Value) -> String {
    let members = arguments.as_object().into_iter().flatten();
    let mut out = String::from("{");
    let mut any = false;
    for (name, value) in members {
        any = true;
        // Writing into a string does not fail.
        let _ = write!(out, "\n    {}: {value},", text(name));
    }
    out.push_str(if any { "\n}" } else { "}" });
    out
}

#[cfg(test)]
mod tests;
