//! Tenancy: addresses in which one label of the host is the tenant's.

use gatehouse_types::{Error, Result};

/// What stands in an address in place of the tenant.
pub(crate) const PLACEHOLDERS: [&str; 5] =
    ["{tenancyUrl}", "{tenancy}", "{subdomain}", "{tenantUrl}", "{tenant}"];
/// The longest label (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// Whether an address has a place for the tenant.
pub(crate) fn has_tenancy(text: &str) -> bool {
    PLACEHOLDERS.iter().any(|p| text.contains(p))
}

/// The address of a tenant.
pub(crate) fn with_tenancy(text: &str, tenant: &str) -> String {
    PLACEHOLDERS.iter().fold(text.to_owned(), |text, p| text.replace(p, tenant))
}

/// A tenant as a person enters it: one label of a host, and so never another host.
///
/// # Errors
/// `Validation`.
pub(crate) fn label(text: &str) -> Result<String> {
    let text = text.trim().to_ascii_lowercase();
    let fits = !text.is_empty()
        && text.len() <= MAX_LABEL
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fits {
        return Ok(text);
    }
    Err(Error::validation(
        "tenancy",
        "The tenancy is one name of letters, digits and hyphens, such as acme: the part of the address that is your \
         company's own. It is no whole address.",
    ))
}

/// What is wrong with the places of the tenant in an address, if anything: it must be one whole label of the host, below a
/// name that is fixed.
pub(crate) fn misplaced(text: &str) -> Option<&'static str> {
    let marked = with_tenancy(text, "\u{0}");
    let (_, after) = marked.split_once("://")?;
    let host = after.split(['/', '?', '#', ':']).next().unwrap_or_default();
    if marked.matches('\u{0}').count() != host.matches('\u{0}').count() {
        return Some("The tenancy may stand in the host alone.");
    }
    let labels: Vec<_> = host.split('.').collect();
    if labels.iter().any(|label| label.contains('\u{0}') && *label != "\u{0}") {
        return Some("The tenancy must be a whole part of the host between dots.");
    }
    let fixed = labels.iter().rev().take_while(|label| !label.contains('\u{0}')).count();
    let is_local = labels.last().is_some_and(|last| *last == "localhost");
    (fixed < if is_local { 1 } else { 2 })
        .then_some("Behind the tenancy there must be a fixed domain, such as example.com.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_one_label_and_nothing_else() {
        assert_eq!(label(" Acme-1 ").unwrap(), "acme-1");
        for bad in
            ["", "a.b", "evil.test/", "a/b", "a@b", "-a", "a-", "a b", "ä", "a:1", "a%2e", &"a".repeat(64)]
        {
            assert!(label(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_tenant_stands_in_the_host_below_a_fixed_domain() {
        for good in [
            "https://{tenancy}.example.com/x",
            "https://login.{subdomain}.example.com",
            "http://{tenant}.localhost:1/",
        ] {
            assert_eq!(misplaced(good), None, "{good}");
        }
        for bad in [
            "https://{tenancy}/x",
            "https://{tenancy}.com/x",
            "https://x{tenancy}.example.com/",
            "https://example.com/{tenancy}",
            "https://a.example.com/?x={tenancy}",
        ] {
            assert!(misplaced(bad).is_some(), "{bad}");
        }
        assert_eq!(with_tenancy("https://{tenancyUrl}.a.test/", "acme"), "https://acme.a.test/");
    }
}
