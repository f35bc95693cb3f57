use std::fmt;

use url::Url;

/// A place on this host to go on to after signing in.
///
/// Built only from what every browser and proxy reads as a path of the same host; anything else becomes `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

/// The longest return path that is kept.
const MAX_LEN: usize = 2048;

impl LocalPath {
    /// The wanted path when it is safe to go to, else `/`.
    pub fn parse(wanted: &str) -> Self {
        if is_local(wanted) { Self(wanted.to_owned()) } else { Self::root() }
    }

    /// `/`.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The path, ready for a `Location` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_local(wanted: &str) -> bool {
    let once = decoded(wanted);
    let twice = decoded(&once);
    wanted.len() <= MAX_LEN
        && wanted.bytes().all(|b| b.is_ascii_graphic())
        && [wanted, &once, &twice].into_iter().all(stays_here)
        && resolves_here(wanted)
}

/// Read as it stands: one leading slash, nothing that a browser takes for a slash, nothing that a header would split at.
fn stays_here(path: &str) -> bool {
    let before_query = path.split(['?', '#']).next().unwrap_or_default();
    path.starts_with('/')
        && !before_query.starts_with("//")
        && !before_query.contains('\\')
        && !path.chars().any(char::is_control)
}

/// Read as a browser does, dot segments removed: the same host, and still no second leading slash.
fn resolves_here(wanted: &str) -> bool {
    const HERE: &str = "http://here.invalid";
    let resolved = Url::parse(HERE).and_then(|base| base.join(wanted));
    resolved.is_ok_and(|u| u.origin().ascii_serialization() == HERE && !u.path().starts_with("//"))
}

fn decoded(text: &str) -> String {
    // form decoding would turn '+' into a space, which is harmless here but untrue
    let plus_kept = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(plus_kept.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_this_host_are_kept() {
        for fine in
            ["/", "/settings/sso?tab=test#x", "/a%20b", "/a+b&c=d", "/r?u=https%3A%2F%2Fa.b%2F", "/r?u=//a.b"]
        {
            assert_eq!(LocalPath::parse(fine).as_str(), fine);
        }
    }

    #[test]
    fn whatever_could_leave_this_host_becomes_the_root() {
        let long = format!("/{}", "a".repeat(MAX_LEN));
        for odd in [
            "",
            "settings",
            "//evil.test",
            "/\\evil.test",
            "\\/evil.test",
            "https://evil.test",
            "javascript:alert(1)",
            "/%2Fevil.test",
            "/%5Cevil.test",
            "/%255cevil.test",
            "/.//evil.test",
            "/..//evil.test",
            "/\tevil",
            "/a\r\nSet-Cookie: x",
            "/%0d%0aSet-Cookie:x",
            "/%09/evil.test",
            "/a\u{202e}b",
            " /a",
            "/a b",
            &long,
        ] {
            assert_eq!(LocalPath::parse(odd), LocalPath::root(), "{odd:?}");
        }
    }
}
