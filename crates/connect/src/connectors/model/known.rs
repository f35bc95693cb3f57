//! A type of connectors: one of the catalogue's, or one that the workspace made of an OpenAPI document.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use gatehouse_catalogue::{AuthKind, AuthType, Catalogue, ConnectorType, Field, Slug, Template};
use gatehouse_types::{Error, Result, Timestamp};

use super::fields::spoken;
use super::guide::text;

/// What the ids of a workspace's own types begin with; no file of the catalogue does.
pub(crate) const OWN: &str = "own-";
/// What the ids of types end with whose vendors call them a preview; such an id may be given without it.
const PREVIEW: &str = "-preview";

/// A type with where it comes from.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// A file of the catalogue.
    BuiltIn(&'static ConnectorType),
    /// Made of a document.
    Own(Arc<OwnType>),
}

/// A type that a workspace made.
#[derive(Clone, Debug)]
pub(crate) struct OwnType {
    /// What it says.
    pub(crate) definition: ConnectorType,
    /// What of the document is not in it: place and reason.
    pub(crate) left_out: Vec<(String, String)>,
    /// How many more were left out and are not listed.
    pub(crate) left_out_more: i64,
    /// Who made it.
    pub(crate) created_by: Option<String>,
    /// When.
    pub(crate) created_at: Timestamp,
}

impl Deref for Known {
    type Target = ConnectorType;
    fn deref(&self) -> &ConnectorType {
        match self {
            Self::BuiltIn(definition) => definition,
            Self::Own(own) => &own.definition,
        }
    }
}

/// The catalogue; that it can be read is seen by its tests.
pub(crate) fn catalogue() -> Result<&'static Catalogue> {
    Catalogue::built_in().map_err(|e| Error::internal(e.to_string()))
}

/// A file of the catalogue by its id, with or without `-preview`.
pub(crate) fn built_in(id: &str) -> Result<Option<&'static ConnectorType>> {
    let catalogue = catalogue()?;
    Ok(catalogue.get(id).or_else(|| catalogue.get(&format!("{id}{PREVIEW}"))))
}

impl Known {
    /// Where it comes from, in a word.
    pub(crate) fn source(&self) -> &'static str {
        match self {
            Self::BuiltIn(_) => "built-in",
            Self::Own(_) => "workspace",
        }
    }

    /// The document behind it, if the workspace made it.
    pub(crate) fn own(&self) -> Option<&OwnType> {
        match self {
            Self::BuiltIn(_) => None,
            Self::Own(own) => Some(own),
        }
    }

    /// A way to authenticate by its id; the first when none is named.
    pub(crate) fn way(&self, id: Option<&str>) -> Option<&AuthType> {
        match id {
            None => self.auth.first(),
            Some(id) => self.auth.iter().find(|auth| auth.id.as_str() == id),
        }
    }
}

/// The fields that are asked for a way to authenticate: those of the product, then its own.
pub(crate) fn fields<'a>(
    of: &'a ConnectorType,
    auth: &'a AuthType,
) -> impl Iterator<Item = &'a Field> + Clone {
    of.fields.iter().chain(&auth.fields)
}

/// The hosts that credentials of a type may go to, whichever way one authenticates: fields stand in braces, as the API calls
/// them.
pub(crate) fn hosts(of: &ConnectorType) -> Vec<String> {
    let all: BTreeSet<String> = of.auth.iter().flat_map(|auth| of.hosts(auth)).collect();
    let named = |host: &String| {
        let template = Template::parse(host);
        template.map_or_else(|_| host.clone(), |t| text(&t, |name| Some(format!("{{{}}}", spoken(name)))))
    };
    all.iter().map(named).collect()
}

/// Why each person cannot have a connection of their own; `None`: they can.
pub(crate) fn no_user_authentication(auth: &AuthType) -> Option<&'static str> {
    if auth.kind != AuthKind::Oauth2Code {
        return Some(
            "With this way to authenticate there is nothing that each person could authorize: everybody uses the connector's \
             own credential. Connect it with OAuth 2.0 authorization code instead.",
        );
    }
    if auth.allows_user_authentication() {
        None
    } else {
        Some("This product does not offer connections of single people.")
    }
}

/// The id of a workspace's own type, made of a slug.
pub(crate) fn own_id(slug: &Slug) -> Result<Slug> {
    let mut text = format!("{OWN}{slug}");
    text.truncate(gatehouse_catalogue::limits::NAME_BYTES);
    let text = text.trim_end_matches('-').to_owned();
    Slug::try_from(text).map_err(|e| Error::validation("id", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_found_by_both_names_and_no_file_has_an_own_id() {
        assert_eq!(built_in("icertis").unwrap().map(|t| t.id.as_str()), Some("icertis-preview"));
        assert_eq!(built_in("icertis-preview").unwrap().map(|t| t.id.as_str()), Some("icertis-preview"));
        assert!(built_in("nothing").unwrap().is_none());
        assert!(catalogue().unwrap().types().iter().all(|t| !t.id.as_str().starts_with(OWN)));
    }

    #[test]
    fn only_what_people_consent_to_can_be_theirs() {
        for (id, auth, allowed) in [
            ("salesforce", "oauth", true),
            ("docusign", "oauth", true),
            ("sharepoint-online-oauth", "oauth", true),
            ("sharepoint-server-oauth", "oauth", true),
            ("icertis-preview", "api-key", false),
        ] {
            let of = Known::BuiltIn(built_in(id).unwrap().unwrap());
            assert_eq!(no_user_authentication(of.way(Some(auth)).unwrap()).is_none(), allowed, "{id}");
        }
        let password = Known::BuiltIn(built_in("sharepoint-server-password").unwrap().unwrap());
        assert!(no_user_authentication(password.way(None).unwrap()).is_some());
    }
}
