//! Pasted command lines of curl, as requests.

mod options;
mod print;
mod read;
mod words;

pub use print::print;
pub use read::parse;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::definition::Method;

/// The request of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub url: String,
    /// Headers, without the content type.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Payload>,
    /// Name and password of Basic authentication.
    pub basic: Option<(String, String)>,
    /// What is different here from what curl would do.
    pub warnings: Vec<String>,
}

/// The body of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Its content type.
    pub content_type: String,
    /// Its text.
    pub text: String,
}

/// Why a command line is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurlError {
    /// Too long to be meant.
    #[error("the command is too long")]
    TooLong,
    /// Another command, or nothing.
    #[error("this is no curl command: it begins with the word curl")]
    NotCurl,
    /// A quote does not end.
    #[error("a quote is opened and not closed")]
    Quote,
    /// Something for the shell.
    #[error("{0} outside of single quotes is for the shell; paste one command, with its URL in quotes")]
    Operator(char),
    /// A command for the shell of Windows.
    #[error("this is written for the shell of Windows; copy it for bash instead")]
    Windows,
    /// Bytes that are no text.
    #[error("the command holds bytes that are no text")]
    NotText,
    /// An option nobody here knows.
    #[error("the option {0} is not known here")]
    Unknown(String),
    /// An option that cannot be done here.
    #[error("the option {0} cannot be taken over: {1}")]
    Refused(String, &'static str),
    /// An option without its value.
    #[error("the option {0} needs a value")]
    NoValue(String),
    /// A value that names a file.
    #[error("the option {0} reads a file of your machine; paste its content instead")]
    File(String),
    /// A header that is none.
    #[error("the header {0:?} has no colon, or a line break")]
    Header(String),
    /// No URL.
    #[error("the command has no URL")]
    NoUrl,
    /// More than one URL.
    #[error("the command has more than one URL: {0:?} and {1:?}")]
    Urls(String, String),
    /// A method that is not offered.
    #[error("the method {0} is not offered; there are GET, POST, PUT, PATCH and DELETE")]
    Method(String),
    /// A GET with a body.
    #[error("a GET request with a body is not offered; use -G to send the data in the query")]
    BodyOfGet,
}

impl Command {
    /// The `request` of an API node.
    pub fn request(&self) -> Value {
        let mut headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        if let Some((name, password)) = &self.basic {
            let credentials = STANDARD.encode(format!("{name}:{password}"));
            headers.insert("Authorization".to_owned(), format!("Basic {credentials}").into());
        }
        let mut body = json!({ "type": "none" });
        if let Some(payload) = &self.body {
            let plain = payload.content_type.to_ascii_lowercase();
            body = payload.body(&plain);
            let usual = ["application/json", "application/xml", "application/x-www-form-urlencoded"];
            if body["type"] != "custom" && !usual.contains(&plain.as_str()) {
                headers.insert("Content-Type".to_owned(), payload.content_type.clone().into());
            }
        }
        json!({ "method": self.method.word(), "url": self.url, "headers": headers, "body": body })
    }
}

impl Payload {
    fn body(&self, plain: &str) -> Value {
        let essence = plain.split(';').next().unwrap_or_default().trim();
        let text = self.text.as_str();
        match essence {
            "application/x-www-form-urlencoded" => {
                json!({ "type": "form", "value": pairs(text).map_or(text.into(), Value::Object) })
            }
            _ if essence.ends_with("/json") || essence.ends_with("+json") => {
                let value = serde_json::from_str::<Value>(text).ok().filter(|value| !value.is_string());
                json!({ "type": "json", "value": value.unwrap_or_else(|| text.into()) })
            }
            _ if essence.ends_with("/xml") || essence.ends_with("+xml") => {
                json!({ "type": "xml", "value": text })
            }
            _ => json!({ "type": "custom", "contentType": self.content_type, "value": text }),
        }
    }
}

/// Names and values of a form; nothing when that would lose something.
fn pairs(text: &str) -> Option<Map<String, Value>> {
    let mut found = Map::new();
    for part in text.split('&') {
        let (name, value) = url::form_urlencoded::parse(part.as_bytes()).next()?;
        if name.is_empty() || !part.contains('=') {
            return None;
        }
        if found.insert(name.into_owned(), value.into_owned().into()).is_some() {
            return None;
        }
    }
    Some(found)
}
