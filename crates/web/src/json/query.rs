use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use gatehouse_types::Error;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::fields::wrong_field;

/// The query string as `T`; a name may repeat for a list. What does not fit is a 400 `validation_error` naming it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(read_pairs(parts.uri.query().unwrap_or_default().as_bytes())?))
    }
}

/// Reads `application/x-www-form-urlencoded` pairs.
pub(crate) fn read_pairs<T: DeserializeOwned>(encoded: &[u8]) -> Result<T, Error> {
    let reader = serde_html_form::Deserializer::from_bytes(encoded);
    serde_path_to_error::deserialize(reader)
        .map_err(|e| wrong_field(&e.path().to_string(), &e.inner().to_string()))
}

/// Refuses a query with names that are none of these: where a list proves something, a filter that is passed over would have
/// people believe what it does not say.
///
/// # Errors
/// `Validation` names the first one, and those there are.
pub fn only_filters(query: Option<&str>, known: &[&[&str]]) -> Result<(), Error> {
    let mut names = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).map(|(name, _)| name);
    let Some(unknown) = names.find(|name| !known.concat().contains(&&**name)) else { return Ok(()) };
    let shown: String = unknown.chars().filter(|c| !c.is_control()).take(40).collect();
    let all = known.concat().join(", ");
    Err(Error::validation(shown.clone(), format!("There is no filter {shown} here. There are: {all}.")))
}

/// Whether the query says `name=true`; `Err` when it says anything but true or false, or says it twice.
pub(crate) fn query_flag(query: Option<&str>, name: &'static str) -> Result<bool, Error> {
    let mut values = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .filter(|(k, _)| k == name)
        .map(|(_, v)| v);
    let value = values.next();
    match (value.as_deref(), values.next()) {
        (None | Some("false"), None) => Ok(false),
        (Some("true"), None) => Ok(true),
        _ => Err(Error::validation(name, format!("{name} must be true or false, once."))),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use gatehouse_types::Kind;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Filter {
        limit: u32,
        #[serde(default)]
        event: Vec<String>,
    }

    async fn read(uri: &str) -> Result<Filter, Error> {
        let (mut parts, ()) = Request::get(uri).body(()).unwrap().into_parts();
        Query::from_request_parts(&mut parts, &()).await.map(|Query(f)| f).map_err(|e| e.0)
    }

    #[tokio::test]
    async fn a_repeated_name_is_a_list() {
        let filter = read("/?limit=3&event=a&event=b%20c").await.unwrap();
        assert_eq!((filter.limit, filter.event), (3, vec!["a".to_owned(), "b c".to_owned()]));
    }

    #[tokio::test]
    async fn a_wrong_query_value_names_its_field() {
        for uri in ["/?limit=x", "/", "/?limit=1&limit=2"] {
            let e = read(uri).await.unwrap_err();
            assert_eq!((e.kind(), e.field()), (Kind::Validation, Some("limit")), "{uri} {e:?}");
        }
    }

    #[test]
    fn only_filters_that_are_there_are_taken() {
        let check = |query| only_filters(query, &[&["event"], &["page", "pageSize"]]);
        assert!(
            check(None).is_ok() && check(Some("")).is_ok() && check(Some("event=a&page=2&event=b")).is_ok()
        );
        let refused = check(Some("page=1&personId=usr_1")).unwrap_err();
        assert_eq!(refused.message(), "There is no filter personId here. There are: event, page, pageSize.");
    }

    #[test]
    fn a_flag_is_true_or_false_once() {
        assert!(query_flag(Some("dryRun=true"), "dryRun").unwrap());
        assert!(!query_flag(Some("a=b&dryRun=false"), "dryRun").unwrap());
        assert!(!query_flag(None, "dryRun").unwrap());
        for odd in ["dryRun=1", "dryRun=", "dryRun", "dryRun=TRUE", "dryRun=true&dryRun=false"] {
            assert!(query_flag(Some(odd), "dryRun").is_err(), "{odd}");
        }
    }
}
