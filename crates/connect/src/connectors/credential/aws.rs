//! AWS Signature Version 4, in the `Authorization` header. Every primitive is `aws-lc-rs`'s; the canonical request is
//! written as Amazon's reference describes it, and held against its published test vectors.

use aws_lc_rs::{digest, hmac};
use gatehouse_catalogue::AuthType;
use gatehouse_catalogue::request::Request;
use gatehouse_types::{Error, Result, Secret, Timestamp, hex};

use super::{Moment, filled, pairs, percent, set_header, set_query, unfilled};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The one service whose paths are encoded once.
const ONCE_ENCODED: &str = "s3";

/// Signs a request with the fields `access_key_id`, `secret_access_key` and perhaps `session_token`.
pub(super) fn sign(
    request: &mut Request,
    auth: &AuthType,
    moment: &Moment,
    value: impl Fn(&str) -> Option<String> + Copy,
) -> Result<()> {
    let aws = auth.aws.as_ref().ok_or_else(|| Error::internal("no aws in the type"))?;
    let scope = Scope {
        service: filled(&aws.service, value)?,
        region: filled(&aws.region, value)?,
        at: stamp(moment.now),
    };
    let key_id = value("access_key_id").ok_or_else(|| unfilled("access_key_id"))?;
    let secret = value("secret_access_key").ok_or_else(|| unfilled("secret_access_key"))?;
    let mut query = pairs(request);
    query.sort_by_cached_key(|(n, v)| (percent(n), percent(v)));
    set_query(request, &query);
    set_header(request, "X-Amz-Date", &scope.at)?;
    if let Some(token) = value("session_token").filter(|t| !t.is_empty()) {
        set_header(request, "X-Amz-Security-Token", &token)?;
    }
    if scope.service == ONCE_ENCODED {
        let hash = hashed(body(request));
        set_header(request, "X-Amz-Content-Sha256", &hash)?;
    }
    let (canonical, signed) = canonical(request, &scope.service)?;
    let signature = scope.signature(&Secret::new(secret), &canonical);
    let name = scope.name();
    let header =
        format!("{ALGORITHM} Credential={key_id}/{name}, SignedHeaders={signed}, Signature={signature}");
    set_header(request, "Authorization", &header)
}

/// What a signature is good for.
struct Scope {
    service: String,
    region: String,
    /// `20150830T123600Z`
    at: String,
}

impl Scope {
    fn day(&self) -> &str {
        self.at.get(..8).unwrap_or_default()
    }

    fn name(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.day(), self.region, self.service)
    }

    fn signature(&self, secret: &Secret, canonical: &str) -> String {
        let to_sign = format!("{ALGORITHM}\n{}\n{}\n{}", self.at, self.name(), hashed(canonical.as_bytes()));
        let first = format!("AWS4{}", secret.expose());
        let steps =
            [self.day(), self.region.as_str(), self.service.as_str(), "aws4_request", to_sign.as_str()];
        let mut key = first.into_bytes();
        for step in steps {
            let keyed = hmac::Key::new(hmac::HMAC_SHA256, &key);
            key = hmac::sign(&keyed, step.as_bytes()).as_ref().to_vec();
        }
        hex(&key)
    }
}

/// `20150830T123600Z`, of a moment.
fn stamp(now: Timestamp) -> String {
    let text = Timestamp::from_seconds(now.seconds()).to_string();
    text.chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

fn hashed(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn body(request: &Request) -> &[u8] {
    request.body.as_ref().map_or(&[], |content| &content.bytes)
}

/// The canonical request and the names of the headers in it.
fn canonical(request: &Request, service: &str) -> Result<(String, String)> {
    let host = request.url.host_str().ok_or_else(|| Error::internal("no host"))?;
    let host = request.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut headers = vec![("host".to_owned(), host)];
    if let Some(content) = &request.body {
        headers.push(("content-type".to_owned(), content.media_type.clone()));
    }
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    headers.extend(request.headers.iter().map(|(name, text)| (name.to_lowercase(), words(text))));
    headers.sort();
    let signed: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let signed = signed.join(";");
    let lines: String = headers.iter().map(|(name, text)| format!("{name}:{text}\n")).collect();
    // the path was encoded when the address was made; all services but one sign it encoded once more
    let path = request.url.path();
    let path = match service {
        ONCE_ENCODED => path.to_owned(),
        _ => path.split('/').map(percent).collect::<Vec<_>>().join("/"),
    };
    let method = super::super::wire::method(request.method);
    let query = request.url.query().unwrap_or_default();
    let hash = hashed(body(request));
    Ok((format!("{method}\n{path}\n{query}\n{lines}\n{signed}\n{hash}"), signed))
}

#[cfg(test)]
mod tests {
    use gatehouse_catalogue::Method;

    use super::*;

    fn signed(method: Method, url: &str, headers: &[(&str, &str)]) -> String {
        let auth: AuthType = toml::from_str(
            "id = \"x\"\nlabel = \"X\"\nkind = \"aws_sigv4\"\naws = { service = \"service\", region = \"{region}\" }",
        )
        .unwrap();
        let url: url::Url = url.parse().unwrap();
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let mut request = Request { method, base: url.clone(), url, headers, body: None };
        let moment = Moment { now: Timestamp::parse("2015-08-30T12:36:00Z").unwrap(), nonce: String::new() };
        let value = |name: &str| match name {
            "region" => Some("us-east-1".to_owned()),
            "access_key_id" => Some("AKIDEXAMPLE".to_owned()),
            "secret_access_key" => Some("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            _ => None,
        };
        sign(&mut request, &auth, &moment, value).unwrap();
        let header = request.headers.into_iter().find(|(n, _)| n == "Authorization").unwrap().1;
        assert!(header.starts_with(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;"
        ));
        header.rsplit('=').next().unwrap().to_owned()
    }

    #[test]
    fn amazons_own_vectors_are_met() {
        // get-vanilla, get-vanilla-query-order-key-case and post-vanilla of the published suite
        assert_eq!(
            signed(Method::Get, "https://example.amazonaws.com/", &[]),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        assert_eq!(
            signed(Method::Get, "https://example.amazonaws.com/?Param2=value2&Param1=value1", &[]),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
        assert_eq!(
            signed(Method::Post, "https://example.amazonaws.com/", &[]),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
    }
}
