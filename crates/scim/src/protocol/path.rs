//! The paths of PATCH (RFC 7644 §3.5.2, figure 7): an attribute, some of its elements, a sub-attribute of these.

use super::error::{ScimError, ScimType};
use super::filter::{self, Filter, Reader};
use super::schema::{Attribute, Place, ResourceType, Schema, Target};
use super::test::{Test, typed_in};

/// A path as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The name before any bracket.
    pub name: String,
    /// Which elements.
    pub filter: Option<Filter>,
    /// The sub-attribute behind the bracket.
    pub sub: Option<String>,
}

/// Reads a path.
///
/// # Errors
/// `invalidPath`.
pub fn parse(text: &str) -> Result<Path, ScimError> {
    let text = text.trim();
    if text.len() > filter::MAX_LENGTH {
        return Err(invalid(text));
    }
    let as_path = |e: ScimError| ScimError { scim_type: Some(ScimType::InvalidPath), ..e };
    let mut reader = Reader::new(text);
    let name = reader.name().map_err(as_path)?;
    let mut path = Path { name, filter: None, sub: None };
    if reader.sign('[') {
        path.filter = Some(reader.bracketed().map_err(as_path)?);
        if reader.sign('.') {
            path.sub = Some(reader.name().map_err(as_path)?);
        }
    }
    reader.end().map_err(as_path)?;
    Ok(path)
}

fn invalid(path: &str) -> ScimError {
    let shown: String = path.chars().take(120).collect();
    ScimError::bad(ScimType::InvalidPath, format!("The path {shown} names no attribute of this resource."))
}

/// Where in a resource something changes.
#[derive(Clone, Debug)]
pub enum Location {
    /// All attributes of an extension.
    Extension(&'static Schema),
    /// An attribute.
    Attribute {
        /// The extension that it is of.
        extension: Option<&'static Schema>,
        /// The attribute.
        attribute: &'static Attribute,
        /// Which of its elements; `None`: all.
        test: Option<Test>,
        /// Which sub-attribute of it or of its elements.
        sub: Option<&'static Attribute>,
    },
}

impl Path {
    /// What the path means in a kind of resource.
    ///
    /// # Errors
    /// `invalidPath` for what is not there; `invalidFilter` for a filter that does not fit the elements.
    pub fn locate(&self, of: &'static ResourceType) -> Result<Location, ScimError> {
        let place = match of.resolve(&self.name) {
            Some(Target::Extension(schema)) if self.filter.is_none() => {
                return Ok(Location::Extension(schema));
            }
            Some(Target::Attribute(place)) => place,
            _ => return Err(invalid(&self.name)),
        };
        let Place { extension, attribute, sub } = place;
        let Some(filter) = &self.filter else {
            return Ok(Location::Attribute { extension, attribute, test: None, sub });
        };
        if sub.is_some() || !attribute.is_multi {
            return Err(invalid(&self.name));
        }
        let sub = match &self.sub {
            None => None,
            Some(name) => Some(attribute.sub(name).ok_or_else(|| invalid(name))?),
        };
        let test = Some(typed_in(filter, place)?);
        Ok(Location::Attribute { extension, attribute, test, sub })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{GROUP, USER};
    use super::*;

    #[test]
    fn the_whole_grammar_of_paths_is_read() {
        for text in [
            "members",
            "name.familyName",
            r#"addresses[type eq "work"]"#,
            r#"emails[type eq "work" and primary eq true].value"#,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            r#"roles[primary eq "True"].value"#,
            " Active ",
        ] {
            let of = if text == "members" { &GROUP } else { &USER };
            assert!(parse(text).and_then(|p| p.locate(of)).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_path_that_names_nothing_is_refused() {
        for text in [
            "",
            "nothing",
            "members",
            "name[givenName pr]",
            r#"emails[type eq "work"].nothing"#,
            "emails[",
            r#"emails[type eq "work"]value"#,
            r#"emails.value[type eq "x"]"#,
            "emails[nothing pr]",
            "a b",
        ] {
            let e = parse(text).and_then(|p| p.locate(&USER)).unwrap_err();
            assert_eq!(e.status, 400, "{text}");
            assert!(
                matches!(e.scim_type, Some(ScimType::InvalidPath | ScimType::InvalidFilter)),
                "{text}: {e:?}"
            );
        }
    }
}
