//! The URL of a request, with expressions in its path and query.

use serde_json::Value;
use url::Url;

use super::place::percent;
use super::text::Part;
use super::{Fault, Reference, Text, Values, Wrong, text_of};
use crate::limits::URL_CHARS;

/// A URL with expressions: `https://api.example/orders/{{ input.id }}?expand={{ input.expand }}`.
///
/// A value fills one segment of the path or one part of the query. At the very beginning one may stand for
/// the whole beginning of the URL; [`UrlText::free`] tells so, because then values say where the request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlText {
    text: Text,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Authority,
    Path,
    Query,
    Fragment,
}

impl UrlText {
    /// Reads it.
    pub fn read(source: &str) -> Result<Self, Wrong> {
        let wrong = |message: &str| Err(Wrong::new("bad_url", message));
        if source.chars().count() > URL_CHARS {
            return wrong(&format!("is longer than {URL_CHARS} characters"));
        }
        if source.chars().any(|character| character.is_control()) {
            return wrong("has a line break or another control character");
        }
        let text = Text::read(source)?;
        let mut place = Place::Start;
        let mut places = Vec::new();
        for part in text.parts() {
            match part {
                Part::Expression(_) => {
                    match place {
                        Place::Authority => {
                            return wrong(
                                "an expression stands in the host; write the host, or one expression for everything up to the path",
                            );
                        }
                        Place::Fragment => return wrong("has a #, and what follows is never sent"),
                        _ => places.push(place),
                    }
                    if place == Place::Start {
                        place = Place::Authority;
                    }
                }
                Part::Literal(literal) => {
                    place = match (place, places.is_empty()) {
                        (Place::Start, _) => match scheme(literal) {
                            Some(rest) => after(rest, Place::Authority),
                            None => return wrong("begins with https:// or http://"),
                        },
                        (Place::Authority, false) if !literal.starts_with(['/', '?']) => {
                            return wrong("after the first expression a / or ? is needed");
                        }
                        _ => after(literal, place),
                    };
                }
            }
        }
        if place == Place::Fragment {
            return wrong("has a #, and what follows is never sent");
        }
        let read = Self { text, places };
        let sample = read.text.parts().iter().map(|part| match part {
            Part::Literal(literal) => literal.as_str(),
            Part::Expression(_) => "x",
        });
        let sample: String = sample.collect();
        if !read.free() {
            address(&sample).map_err(|fault| Wrong::new("bad_url", fault.0))?;
        }
        Ok(read)
    }

    /// Does a value say where the request goes?
    pub fn free(&self) -> bool {
        self.places.first() == Some(&Place::Start)
    }

    /// What its expressions speak of.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.text.references()
    }

    /// The URL with values filled in.
    pub fn fill(&self, values: &dyn Values) -> Result<Url, Fault> {
        let whole = self.text.parts().len() == 1;
        let filled = self.text.fill(values, |place, value| match self.places.get(place) {
            Some(Place::Start) => beginning(value, whole),
            _ => Ok(percent(&text_of(value))),
        })?;
        if filled.chars().count() > URL_CHARS {
            return Err(Fault(format!("the URL is longer than {URL_CHARS} characters")));
        }
        self.segments(&filled)?;
        address(&filled)
    }

    /// No value may leave a segment of the path empty, or make it one that steps back.
    fn segments(&self, filled: &str) -> Result<(), Fault> {
        let path = |text: &str| -> Vec<String> {
            let text = text.split(['?', '#']).next().unwrap_or_default();
            scheme(text).unwrap_or(text).split('/').skip(1).map(str::to_owned).collect()
        };
        if self.free() && self.places.len() == 1 {
            return Ok(());
        }
        // What the literals alone give: a segment that is empty or dots there was meant so.
        let bare = self.text.parts().iter().map(|part| match part {
            Part::Literal(literal) => literal.as_str(),
            Part::Expression(_) => "\u{1}",
        });
        let bare: String = bare.collect();
        let (bare, filled) = (path(&bare), path(filled));
        let extra = filled.len().saturating_sub(bare.len());
        for (segment, bare) in filled.iter().skip(extra).zip(&bare) {
            let dots = segment.replace("%2e", ".").replace("%2E", ".");
            if bare.contains('\u{1}') && matches!(dots.as_str(), "" | "." | "..") {
                return Err(Fault(format!(
                    "a value in the path is empty or made of dots, and would change which address is called ({})",
                    bare.replace('\u{1}', "{{…}}")
                )));
            }
        }
        Ok(())
    }
}

fn scheme(text: &str) -> Option<&str> {
    let lower = text.get(..8).or(text.get(..7)).unwrap_or(text).to_ascii_lowercase();
    let length = if lower.starts_with("https://") {
        8
    } else if lower.starts_with("http://") {
        7
    } else {
        return None;
    };
    text.get(length..)
}

fn after(literal: &str, mut place: Place) -> Place {
    for character in literal.chars() {
        place = match (place, character) {
            (_, '#') => Place::Fragment,
            (Place::Authority, '/' | '\\') => Place::Path,
            (Place::Authority | Place::Path, '?') => Place::Query,
            _ => place,
        };
    }
    place
}

/// A value that is the beginning of a URL.
fn beginning(value: &Value, whole: bool) -> Result<String, Fault> {
    let url = address(&text_of(value))?;
    if !whole && url.query().is_some() {
        return Err(Fault("the URL has a query, and more is added to it".to_owned()));
    }
    let text = url.to_string();
    Ok(if whole { text } else { text.trim_end_matches('/').to_owned() })
}

fn address(text: &str) -> Result<Url, Fault> {
    let url = Url::parse(text).map_err(|error| Fault(format!("is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(Fault("is no address that begins with https:// or http://".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault(
            "has a name or password in it; use an authorization profile or a header".to_owned(),
        ));
    }
    if url.fragment().is_some() {
        return Err(Fault("has a #, and what follows is never sent".to_owned()));
    }
    Ok(url)
}
