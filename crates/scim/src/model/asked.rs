use serde_json::Value;
use url::form_urlencoded;

use super::etag;
use crate::protocol::filter::{self, Filter};
use crate::protocol::project::Projection;
use crate::protocol::{ScimError, value::Object};

/// Resources of one answer at most.
pub(crate) const MAX_RESULTS: i64 = 1_000;
/// Resources of one answer when nothing else is said.
const DEFAULT_RESULTS: i64 = 100;

/// What a search asks for (RFC 7644 §3.4.2, §3.4.3).
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) filter: Option<Filter>,
    pub(crate) sort_by: Option<String>,
    pub(crate) descends: bool,
    /// From 1.
    pub(crate) start: i64,
    pub(crate) count: i64,
    pub(crate) projection: Projection,
}

/// The values of a search by their names, wherever they come from.
#[derive(Default)]
struct Raw {
    filter: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start: Option<String>,
    count: Option<String>,
    attributes: Option<String>,
    excluded: Option<String>,
}

impl Raw {
    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name.to_ascii_lowercase().as_str() {
            "filter" => &mut self.filter,
            "sortby" => &mut self.sort_by,
            "sortorder" => &mut self.sort_order,
            "startindex" => &mut self.start,
            "count" => &mut self.count,
            "attributes" => &mut self.attributes,
            "excludedattributes" => &mut self.excluded,
            _ => return None,
        })
    }

    fn asked(self) -> Result<Asked, ScimError> {
        let there = |text: Option<String>| text.filter(|t| !t.trim().is_empty());
        let descends = match there(self.sort_order).map(|o| o.to_ascii_lowercase()).as_deref() {
            None | Some("ascending") => false,
            Some("descending") => true,
            Some(_) => return Err(ScimError::invalid_value("sortOrder must be ascending or descending.")),
        };
        let start = number("startIndex", there(self.start))?.unwrap_or(1).max(1);
        let count = number("count", there(self.count))?.unwrap_or(DEFAULT_RESULTS).clamp(0, MAX_RESULTS);
        Ok(Asked {
            filter: there(self.filter).map(|text| filter::parse(&text)).transpose()?,
            sort_by: there(self.sort_by),
            descends,
            start,
            count,
            projection: Projection::of(self.attributes.as_deref(), self.excluded.as_deref()),
        })
    }
}

fn number(name: &'static str, text: Option<String>) -> Result<Option<i64>, ScimError> {
    let Some(text) = text else { return Ok(None) };
    text.trim()
        .parse()
        .map(Some)
        .map_err(|_| ScimError::invalid_value(format!("{name} must be a whole number.")))
}

impl Asked {
    /// Of a query; parameters that nobody knows are passed over.
    ///
    /// # Errors
    /// `invalidFilter`, `invalidValue`.
    pub(crate) fn of_query(query: Option<&str>) -> Result<Self, ScimError> {
        let mut raw = Raw::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if let Some(slot) = raw.slot(&name) {
                *slot = Some(value.into_owned());
            }
        }
        raw.asked()
    }

    /// Of the body of a `/.search`.
    ///
    /// # Errors
    /// As [`Asked::of_query`]; `invalidSyntax` for what is no object.
    pub(crate) fn of_body(body: &Value) -> Result<Self, ScimError> {
        let members =
            body.as_object().ok_or_else(|| ScimError::invalid_syntax("The body must be a JSON object."))?;
        let mut raw = Raw::default();
        for (name, value) in members {
            let Some(slot) = raw.slot(name) else { continue };
            *slot = match value {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                Value::Array(all) => Some(all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
                other => Some(other.to_string()),
            };
        }
        raw.asked()
    }

    /// Rows to pass over.
    pub(crate) fn offset(&self) -> i64 {
        self.start - 1
    }

    /// Whether everything is asked for, in the order of ids: places of that are known without counting.
    pub(crate) fn is_of_all(&self) -> bool {
        self.filter.is_none() && self.sort_by.as_deref().is_none_or(|by| by.eq_ignore_ascii_case("id"))
    }

    /// The answer to the search.
    pub(crate) fn answer(&self, resources: Vec<Object>, total: i64) -> Value {
        serde_json::json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": total, "startIndex": self.start, "itemsPerPage": resources.len(), "Resources": resources,
        })
    }
}

/// Which version of a resource a caller expects (RFC 7644 §3.14, RFC 9110 §13.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Precondition {
    if_match: Option<String>,
}

/// Whether a list of entity tags names a version; tags are compared weakly, and a bare version counts too.
pub(crate) fn names_version(tags: &str, version: i64) -> bool {
    let own = etag(version);
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    tags.split(',').any(|tag| tag.trim() == "*" || bare(tag) == bare(&own))
}

impl Precondition {
    pub(crate) fn of(if_match: Option<&str>) -> Self {
        Self { if_match: if_match.map(str::to_owned) }
    }

    /// Whether the caller expects any version in particular.
    pub(crate) fn is_some(&self) -> bool {
        self.if_match.is_some()
    }

    /// # Errors
    /// 412 when another version is there.
    pub(crate) fn check(&self, version: i64) -> Result<(), ScimError> {
        match &self.if_match {
            Some(tags) if !names_version(tags, version) => Err(changed_meanwhile()),
            _ => Ok(()),
        }
    }
}

/// The refusal of a change to a version that is not there any more.
pub(crate) fn changed_meanwhile() -> ScimError {
    ScimError::new(412, "The resource has changed since the version that If-Match names. Read it again.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_search_is_read_of_a_query_and_of_a_body() {
        let query =
            "filter=userName%20eq%20%22a%22&StartIndex=0&count=5000&sortOrder=Descending&sortBy=id&x=y";
        let asked = Asked::of_query(Some(query)).unwrap();
        assert_eq!((asked.start, asked.count, asked.descends), (1, MAX_RESULTS, true));
        assert!(asked.filter.is_some() && asked.sort_by.as_deref() == Some("id"));
        let asked =
            Asked::of_body(&json!({"attributes": ["userName", "id"], "count": -1, "startIndex": 7})).unwrap();
        assert_eq!((asked.start, asked.count), (7, 0));
        assert_eq!(Asked::of_query(None).unwrap().count, DEFAULT_RESULTS);
        for odd in ["count=x", "startIndex=1.5", "sortOrder=up", "filter=a"] {
            assert!(Asked::of_query(Some(odd)).is_err(), "{odd}");
        }
    }

    #[test]
    fn versions_are_compared_weakly() {
        for tags in ["W/\"3\"", "\"3\"", "3", "*", "W/\"1\", W/\"3\""] {
            assert!(Precondition::of(Some(tags)).check(3).is_ok(), "{tags}");
        }
        assert_eq!(Precondition::of(Some("W/\"2\"")).check(3).unwrap_err().status, 412);
        assert!(Precondition::of(None).check(3).is_ok());
    }
}
