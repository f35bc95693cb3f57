//! What an attempt is shown as: its checks in plain words, and what was expected beside what was found.

use gatehouse_saml::Outline;
use gatehouse_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::Attempt;
use super::advice::{advice, title};
use crate::oidc::quote;

/// Audiences of an ID token that are shown at most.
const MAX_AUDIENCES: usize = 10;

/// What was expected of a response and what stood in it, as it was at the moment of judgement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    pub(crate) expected: Expected,
    pub(crate) found: Found,
    /// OpenID Connect: the algorithms that count. Without any it was a SAML message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) algorithms: Vec<String>,
}

/// What the connection asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Expected {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) acs_url: String,
    pub(crate) request: Option<String>,
    /// SHA-256 fingerprints of the pinned certificates.
    pub(crate) certificates: Vec<String>,
}

/// What the message said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Found {
    pub(crate) issuers: Vec<String>,
    pub(crate) destination: Option<String>,
    pub(crate) in_response_to: Option<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) recipients: Vec<String>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_on_or_after: Option<Timestamp>,
    pub(crate) confirmed_until: Option<Timestamp>,
    pub(crate) encrypted: bool,
    pub(crate) algorithms: Vec<String>,
    pub(crate) certificates: Vec<String>,
    pub(crate) name_id_format: Option<String>,
    pub(crate) attribute_names: Vec<String>,
}

/// A time of the message that the database and the API can carry; others are left out.
fn time(micros: Option<i64>) -> Option<Timestamp> {
    let at = Timestamp::from_micros(micros?);
    Timestamp::parse(&at.to_string()).filter(|read| *read == at)
}

impl From<Outline> for Found {
    fn from(o: Outline) -> Self {
        Self {
            issuers: o.issuers,
            destination: o.destination,
            in_response_to: o.in_response_to,
            audiences: o.audiences,
            recipients: o.recipients,
            issued_at: time(o.issued_at),
            not_before: time(o.not_before),
            not_on_or_after: time(o.not_on_or_after),
            confirmed_until: time(o.confirmed_until),
            encrypted: o.encrypted,
            algorithms: o.algorithms,
            certificates: o.certificates,
            name_id_format: o.name_id_format,
            attribute_names: o.attribute_names,
        }
    }
}

impl Found {
    /// What an ID token says of itself.
    pub(crate) fn of_token(claims: &serde_json::Map<String, serde_json::Value>, algorithm: &str) -> Self {
        let texts = |name: &str| match claims.get(name) {
            Some(serde_json::Value::String(one)) => vec![quote(one)],
            Some(serde_json::Value::Array(all)) => {
                all.iter().filter_map(|v| v.as_str()).take(MAX_AUDIENCES).map(quote).collect()
            }
            _ => Vec::new(),
        };
        let moment = |name: &str| time(claims.get(name)?.as_i64()?.checked_mul(1_000_000));
        Self {
            issuers: texts("iss"),
            audiences: texts("aud"),
            issued_at: moment("iat"),
            not_on_or_after: moment("exp"),
            algorithms: vec![quote(algorithm)],
            ..Self::default()
        }
    }
}

/// One check, in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceCheck {
    /// The check's name; as in the decision.
    pub check: String,
    /// Whether it passed.
    pub ok: bool,
    /// What the check asks, in plain words.
    pub title: String,
    /// What was found, and what was expected.
    pub detail: String,
    /// For the one that failed: what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_to_do: Option<String>,
}

/// What was expected beside what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Which value.
    pub what: String,
    /// What is accepted.
    pub expected: Vec<String>,
    /// What the message says. Only a verified signature makes it true.
    pub found: Vec<String>,
    /// Whether it fits; absent when there is nothing to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<bool>,
}

/// A moment in the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// Which one.
    pub what: String,
    /// When.
    pub at: Timestamp,
}

/// An attempt as it is shown.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The attempt.
    pub attempt: Attempt,
    /// The checks in order.
    pub checks: Vec<TraceCheck>,
    /// What was expected beside what was found.
    pub compared: Vec<Comparison>,
    /// The times of the message, and ours.
    pub times: Vec<Moment>,
    /// The provider's clock minus ours when the response arrived, in seconds; the way it took counts too.
    pub clock_difference: Option<i64>,
    /// The pinned certificate that verified a signature.
    pub used_certificate: Option<String>,
    /// The message's text without the person; `None` when it is not kept or cannot be read.
    pub message: Option<String>,
}

impl Trace {
    /// The trace of an attempt, without its message.
    pub(crate) fn of(attempt: Attempt) -> Self {
        let checks = checks(&attempt);
        let facts = attempt.facts.clone();
        let used_certificate = facts.as_ref().and_then(|f| used(&attempt, f));
        let issued = facts.as_ref().and_then(|f| f.found.issued_at);
        Self {
            compared: facts.as_ref().map(|f| compared(f, used_certificate.as_deref())).unwrap_or_default(),
            times: facts.as_ref().map(|f| times(f, attempt.at)).unwrap_or_default(),
            clock_difference: issued.map(|at| at.seconds() - attempt.at.seconds()),
            used_certificate,
            checks,
            attempt,
            message: None,
        }
    }

    /// The same for somebody outside the workspace: nobody's name is left in it.
    pub(crate) fn without_people(mut self) -> Self {
        let known: Vec<String> =
            [self.attempt.subject.take(), self.attempt.email.take()].into_iter().flatten().collect();
        for check in &mut self.checks {
            check.detail = masked(&check.detail, &known);
            if NAMING.contains(&check.check.as_str()) {
                check.detail = without_quotes(&check.detail);
            }
        }
        self.attempt.checks.clear();
        self.attempt.ip = None;
        self.attempt.browser = None;
        self
    }
}

/// Checks whose details quote the name of the person.
const NAMING: [&str; 2] = ["Subject has exactly one name", "All statements are about one named bearer"];
const MASK: &str = "•••";

fn checks(attempt: &Attempt) -> Vec<TraceCheck> {
    let reason = attempt.reason.as_deref().unwrap_or_default();
    let told = attempt.checks.iter().map(|c| TraceCheck {
        check: c.check.clone(),
        ok: c.ok,
        title: title(&c.check).to_owned(),
        detail: c.detail.clone(),
        what_to_do: (!c.ok).then(|| advice(reason).to_owned()),
    });
    told.collect()
}

/// The pinned certificate that a passed signature check names.
fn used(attempt: &Attempt, facts: &Facts) -> Option<String> {
    let signatures = attempt.checks.iter().filter(|c| c.ok && c.check.ends_with("signature"));
    let details: Vec<&str> = signatures.map(|c| c.detail.as_str()).collect();
    facts.expected.certificates.iter().find(|f| details.iter().any(|d| d.contains(f.as_str()))).cloned()
}

fn compared(facts: &Facts, used: Option<&str>) -> Vec<Comparison> {
    let Facts { expected: e, found: f, .. } = facts;
    let row = |what: &str, expected: Vec<String>, found: Vec<String>, every: bool| {
        let fits = |v: &String| expected.contains(v);
        let matches = match (found.is_empty(), every) {
            (true, _) => None,
            (false, true) => Some(found.iter().all(fits)),
            (false, false) => Some(found.iter().any(fits)),
        };
        Comparison { what: what.to_owned(), expected, found, matches }
    };
    if !facts.algorithms.is_empty() {
        return vec![
            row("Issuer", vec![e.issuer.clone()], f.issuers.clone(), true),
            row("Audience", e.audiences.clone(), f.audiences.clone(), false),
            row("Algorithm", facts.algorithms.clone(), f.algorithms.clone(), true),
        ];
    }
    let acs = || vec![e.acs_url.clone()];
    let mut rows = vec![
        row("Issuer", vec![e.issuer.clone()], f.issuers.clone(), true),
        row("Destination", acs(), f.destination.iter().cloned().collect(), true),
        row("Recipient", acs(), f.recipients.clone(), false),
        row("Audience", e.audiences.clone(), f.audiences.clone(), false),
    ];
    let mut request = row(
        "Answers the request",
        e.request.iter().cloned().collect(),
        f.in_response_to.iter().cloned().collect(),
        true,
    );
    if e.request.is_none() && f.in_response_to.is_none() {
        request.matches = None;
    }
    rows.push(request);
    let mut certificate =
        row("Signing certificate (SHA-256)", e.certificates.clone(), f.certificates.clone(), false);
    if used.is_some() {
        certificate.matches = Some(true);
    }
    rows.push(certificate);
    rows
}

fn times(facts: &Facts, at: Timestamp) -> Vec<Moment> {
    let f = &facts.found;
    let named = [
        ("Issued by the provider", f.issued_at),
        ("Arrived here", Some(at)),
        ("Valid from", f.not_before),
        ("Valid until", f.not_on_or_after),
        ("Confirmation valid until", f.confirmed_until),
    ];
    named.into_iter().filter_map(|(what, at)| Some(Moment { what: what.to_owned(), at: at? })).collect()
}

/// A text without these names, and without the first half of any e-mail address.
fn masked(text: &str, known: &[String]) -> String {
    let mut out = text.to_owned();
    for name in known.iter().filter(|n| !n.is_empty()) {
        out = out.replace(name.as_str(), MASK);
    }
    let ends = |c: char| c.is_whitespace() || "“”\"'<>(),;:".contains(c);
    let mut shown = String::with_capacity(out.len());
    for word in out.split_inclusive(ends) {
        match word.rsplit_once('@') {
            Some((_, domain)) => {
                shown.push_str(MASK);
                shown.push('@');
                shown.push_str(domain);
            }
            None => shown.push_str(word),
        }
    }
    shown
}

/// A text whose quotations are masked.
fn without_quotes(text: &str) -> String {
    let mut out = String::new();
    for (n, part) in text.split('“').enumerate() {
        match (n, part.split_once('”')) {
            (0, _) => out.push_str(part),
            (_, Some((_, rest))) => {
                out.push_str(MASK);
                out.push_str(rest);
            }
            (_, None) => out.push_str(MASK),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_masked_in_details() {
        let known = ["ada-1815".to_owned()];
        let shown = masked("“ada-1815” is ada@idp.test, ask “boss@corp.test”.", &known);
        assert_eq!(shown, "“•••” is •••@idp.test, ask “•••@corp.test”.");
        assert_eq!(without_quotes("“Ada” is not “Bob”."), "••• is not •••.");
    }
}
