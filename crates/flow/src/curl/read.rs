//! Reading a command line.

use url::form_urlencoded::byte_serialize;

use super::options::{Meaning, long, short};
use super::words::words;
use super::{Command, CurlError, Payload};
use crate::definition::Method;
use crate::limits::CURL_BYTES;

const FORM: &str = "application/x-www-form-urlencoded";

/// Headers that whoever sends the request writes.
const OURS: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "idempotency-key"];

/// Reads a pasted command line.
pub fn parse(line: &str) -> Result<Command, CurlError> {
    if line.len() > CURL_BYTES {
        return Err(CurlError::TooLong);
    }
    if line.contains('\0') {
        return Err(CurlError::NotText);
    }
    let cut = words(line)?;
    let mut words = cut.words.into_iter().peekable();
    words.next_if(|word| matches!(word.as_str(), "$" | "%" | ">"));
    let program = words.next().ok_or(CurlError::NotCurl)?;
    let program = program.rsplit(['/', '\\']).next().unwrap_or_default();
    if !matches!(program.to_ascii_lowercase().as_str(), "curl" | "curl.exe") {
        return Err(CurlError::NotCurl);
    }
    let mut reading = Reading::default();
    let mut options = true;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" if options => options = false,
            _ if options && word.starts_with("--") => reading.long(&word, &mut words)?,
            _ if options && word.starts_with('-') && word.len() > 1 => reading.cluster(&word, &mut words)?,
            _ => reading.set_url(word)?,
        }
    }
    for name in cut.variables {
        reading.warn(format!("${name} is a variable of your shell and was not filled in."));
    }
    reading.command()
}

#[derive(Default)]
struct Reading {
    url: Option<String>,
    method: Option<String>,
    headers: Vec<(String, String)>,
    data: Option<String>,
    json: bool,
    get: bool,
    head: bool,
    basic: Option<(String, String)>,
    cookies: Vec<String>,
    warnings: Vec<String>,
}

impl Reading {
    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn set_url(&mut self, url: String) -> Result<(), CurlError> {
        match self.url.take() {
            Some(first) => Err(CurlError::Urls(first, url)),
            None => {
                self.url = Some(url);
                Ok(())
            }
        }
    }

    fn long(&mut self, word: &str, words: &mut impl Iterator<Item = String>) -> Result<(), CurlError> {
        let name = word.strip_prefix("--").unwrap_or(word);
        let meaning = match (long(name), name.strip_prefix("no-").and_then(long)) {
            (Some(meaning), _) => meaning,
            (None, Some(Meaning::Ignored | Meaning::Insecure)) => return Ok(()),
            _ => return Err(CurlError::Unknown(word.to_owned())),
        };
        let value = if meaning.has_value() {
            words.next().ok_or_else(|| CurlError::NoValue(word.to_owned()))?
        } else {
            String::new()
        };
        self.option(word, meaning, value)
    }

    /// `-sSLX POST`: letters in one word; the first with a value takes the rest of the word or the next one.
    fn cluster(&mut self, word: &str, words: &mut impl Iterator<Item = String>) -> Result<(), CurlError> {
        let mut rest = word.chars();
        rest.next();
        while let Some(letter) = rest.next() {
            let name = format!("-{letter}");
            let meaning = short(letter).ok_or_else(|| CurlError::Unknown(name.clone()))?;
            if !meaning.has_value() {
                self.option(&name, meaning, String::new())?;
                continue;
            }
            let value = match rest.as_str() {
                "" => words.next().ok_or_else(|| CurlError::NoValue(name.clone()))?,
                value => value.to_owned(),
            };
            return self.option(&name, meaning, value);
        }
        Ok(())
    }

    fn option(&mut self, name: &str, meaning: Meaning, value: String) -> Result<(), CurlError> {
        match meaning {
            Meaning::Url => self.set_url(value)?,
            Meaning::Method => self.method = Some(value),
            Meaning::Header => self.header(&value)?,
            Meaning::Data if value.starts_with('@') => return Err(CurlError::File(name.to_owned())),
            Meaning::Data | Meaning::RawData => self.add(&value, "&"),
            Meaning::EncodedData => {
                let encoded = encoded(name, &value)?;
                self.add(&encoded, "&");
            }
            Meaning::Json if value.starts_with('@') => return Err(CurlError::File(name.to_owned())),
            Meaning::Json => {
                self.json = true;
                self.add(&value, "");
            }
            Meaning::User => {
                let (user, password) = value.split_once(':').unwrap_or_else(|| {
                    self.warn("The command has no password; curl would ask for it.".to_owned());
                    (&value, "")
                });
                self.basic = Some((user.to_owned(), password.to_owned()));
            }
            Meaning::Bearer => self.header(&format!("Authorization: Bearer {value}"))?,
            Meaning::Cookie if !value.contains('=') => return Err(CurlError::File(name.to_owned())),
            Meaning::Cookie => self.cookies.push(value),
            Meaning::Agent => self.header(&format!("User-Agent: {value}"))?,
            Meaning::Referer => self.header(&format!("Referer: {}", value.trim_end_matches(";auto")))?,
            Meaning::Get => self.get = true,
            Meaning::Head => self.head = true,
            Meaning::Insecure => {
                self.warn(format!("{name} was not taken over: certificates are always checked here."));
            }
            Meaning::Ignored => {}
            Meaning::IgnoredValue => self.warn(format!("{name} was left out: it has no meaning in a flow.")),
            Meaning::Refused(why) | Meaning::RefusedFlag(why) => {
                return Err(CurlError::Refused(name.to_owned(), why));
            }
        }
        Ok(())
    }

    fn add(&mut self, text: &str, between: &str) {
        match &mut self.data {
            Some(data) => {
                data.push_str(between);
                data.push_str(text);
            }
            None => self.data = Some(text.to_owned()),
        }
    }

    fn header(&mut self, line: &str) -> Result<(), CurlError> {
        let wrong = || CurlError::Header(line.chars().take(60).collect());
        if line.starts_with('@') {
            return Err(CurlError::File("--header".to_owned()));
        }
        if line.chars().any(|character| character.is_control() && character != '\t') {
            return Err(wrong());
        }
        let (name, value) = match line.split_once(':') {
            Some((name, value)) => (name, value.trim()),
            None => (line.trim_end().strip_suffix(';').ok_or_else(wrong)?, ""),
        };
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(wrong());
        }
        if value.is_empty() && line.contains(':') {
            return Ok(());
        }
        if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            self.warn(format!("The header {name} was left out: whoever sends the request writes it."));
            return Ok(());
        }
        match self.headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some((_, first)) => *first = format!("{first}, {value}"),
            None => self.headers.push((name.to_owned(), value.to_owned())),
        }
        Ok(())
    }

    fn command(mut self) -> Result<Command, CurlError> {
        let mut url = self.url.take().ok_or(CurlError::NoUrl)?;
        if !url.contains("://") && !url.starts_with("{{") {
            self.warn("The URL has no scheme; http:// was taken, as curl does.".to_owned());
            url = format!("http://{url}");
        }
        let mut data = self.data.take();
        if let (true, Some(query)) = (self.get, data.take_if(|_| self.get)) {
            let between = if !url.contains('?') {
                "?"
            } else if url.ends_with(['?', '&']) {
                ""
            } else {
                "&"
            };
            url = format!("{url}{between}{query}");
        }
        let usual = if self.head {
            "HEAD"
        } else if data.is_some() {
            "POST"
        } else {
            "GET"
        };
        let word = self.method.take().unwrap_or_else(|| usual.to_owned());
        let known = Method::ALL.iter().find(|(known, _)| word.eq_ignore_ascii_case(known));
        let method = known.map(|(_, method)| *method).ok_or(CurlError::Method(word))?;
        if !self.cookies.is_empty() {
            let cookies = self.cookies.join("; ");
            self.header(&format!("Cookie: {cookies}"))?;
        }
        if self.json && !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            self.headers.push(("Accept".to_owned(), "application/json".to_owned()));
        }
        let body = self.payload(data);
        if method == Method::Get && body.is_some() {
            return Err(CurlError::BodyOfGet);
        }
        Ok(Command { method, url, headers: self.headers, body, basic: self.basic, warnings: self.warnings })
    }

    fn payload(&mut self, data: Option<String>) -> Option<Payload> {
        let text = data.filter(|text| !text.is_empty())?;
        let at = self.headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let told = at.map(|at| self.headers.remove(at).1);
        let content_type = match told {
            Some(told) => told,
            None if self.json => "application/json".to_owned(),
            None => {
                let json = text.trim_start().starts_with(['{', '['])
                    && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
                if json {
                    self.warn(
                        "The data is JSON and was taken as that; curl would call it a form.".to_owned(),
                    );
                }
                if json { "application/json".to_owned() } else { FORM.to_owned() }
            }
        };
        Some(Payload { content_type, text })
    }
}

/// `--data-urlencode`: `content`, `=content`, `name=content`; with `@` a file would be read.
fn encoded(name: &str, value: &str) -> Result<String, CurlError> {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    match value.find(['=', '@']) {
        Some(at) if value[at..].starts_with('@') => Err(CurlError::File(name.to_owned())),
        Some(0) => Ok(encode(&value[1..])),
        Some(at) => Ok(format!("{}={}", &value[..at], encode(&value[at + 1..]))),
        None => Ok(encode(value)),
    }
}
