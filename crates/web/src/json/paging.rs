use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use gatehouse_types::{Error, PageRequest};
use serde::Deserialize;

use super::error::ApiError;
use super::query::read_pairs;

/// `?page` (from 1) and `?pageSize` (1 to 100, `SIZE` when absent); anything else is a 400 `validation_error`.
#[derive(Clone, Copy, Debug)]
pub struct Paging<const SIZE: u32 = 20>(pub PageRequest);

/// What [`Paging`] reads, for the document of the API: `params(…, PageParams)`.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// From 1.
    pub page: Option<u32>,
    /// 1 to 100.
    #[param(rename = "pageSize")]
    pub page_size: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    page: Option<String>,
    page_size: Option<String>,
}

impl<const SIZE: u32, S: Send + Sync> FromRequestParts<S> for Paging<SIZE> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let asked: Asked = read_pairs(parts.uri.query().unwrap_or_default().as_bytes())?;
        let page = number("page", asked.page, 1, "page must be a whole number of 1 or more.")?;
        let size = number("pageSize", asked.page_size, SIZE, "pageSize must be between 1 and 100.")?;
        Ok(Self(PageRequest::new(page, size)?))
    }
}

fn number(field: &'static str, text: Option<String>, default: u32, rule: &'static str) -> Result<u32, Error> {
    let Some(text) = text else { return Ok(default) };
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain).ok_or_else(|| Error::validation(field, rule))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn read(uri: &str) -> Result<PageRequest, Error> {
        let (mut parts, ()) = Request::get(uri).body(()).unwrap().into_parts();
        Paging::<50>::from_request_parts(&mut parts, &()).await.map(|Paging(p)| p).map_err(|e| e.0)
    }

    #[tokio::test]
    async fn the_first_page_of_the_default_size_is_answered_unasked() {
        assert_eq!(read("/").await.unwrap(), PageRequest::new(1, 50).unwrap());
        assert_eq!(read("/?page=3&pageSize=100&q=x").await.unwrap(), PageRequest::new(3, 100).unwrap());
    }

    #[tokio::test]
    async fn a_page_size_outside_one_to_a_hundred_is_refused() {
        for odd in ["0", "101", "-1", "+5", "", "1e2", "99999999999"] {
            let e = read(&format!("/?pageSize={odd}")).await.unwrap_err();
            assert_eq!(e.field(), Some("pageSize"), "{odd}");
        }
        assert_eq!(read("/?page=0").await.unwrap_err().field(), Some("page"));
        assert_eq!(read("/?page=1&page=2").await.unwrap_err().field(), Some("page"));
    }
}
