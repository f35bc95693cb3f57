//! What a connector says of itself: name, pages, test, guide.

use super::document::{Document, Node};
use super::names::{escaped, line};
use super::operations::Operation;
use super::servers::Servers;
use super::{LeftOut, Options};
use crate::limits::{LABEL_CHARS, LINE_CHARS};
use crate::model::{AuthKind, AuthType, GuideStep, Method, Parameter, ParameterPlace, TestRequest};
use crate::{HttpsUrl, Template};

/// The title, unless another name is given.
pub(super) fn name(info: &Node<'_>, options: &Options) -> String {
    let given = options.name.as_deref().or_else(|| info.text("title"));
    given.and_then(|name| line(name, LABEL_CHARS)).unwrap_or_else(|| "Unnamed API".to_owned())
}

/// The summary (3.1), or the first line of the description.
pub(super) fn description(info: &Node<'_>, name: &str) -> String {
    let first = info.text("description").and_then(|text| text.lines().find(|line| !line.trim().is_empty()));
    let told = info.text("summary").or(first).and_then(|text| line(text, LINE_CHARS));
    told.unwrap_or_else(|| format!("Made from the OpenAPI document of {name}."))
}

fn page(text: &str) -> Option<HttpsUrl> {
    HttpsUrl::try_from(text.trim().to_owned()).ok()
}

/// The documentation that the document names.
pub(super) fn docs(root: &Node<'_>) -> Option<HttpsUrl> {
    root.get("externalDocs")?.text("url").and_then(page)
}

/// The product's own page.
pub(super) fn homepage(
    root: &Node<'_>,
    info: &Node<'_>,
    servers: &Servers<'_>,
    options: &Options,
) -> Result<HttpsUrl, LeftOut> {
    let contact = || info.get("contact")?.text("url").and_then(page);
    let found = options.homepage.clone().or_else(contact).or_else(|| docs(root));
    found.or_else(|| servers.known_host().as_deref().and_then(page)).ok_or_else(|| {
        let at = info.absent("contact").absent("url");
        at.refused("the document names no page of the product: give one")
    })
}

/// Words in ids of operations that show who is connected, or that the product is there.
const TELLING: [&str; 9] =
    ["me", "whoami", "self", "current", "profile", "account", "myself", "ping", "status"];

/// The call that shows whether a connection works: one that reads, asks for nothing, and needs the credential.
pub(super) fn test(document: &Document<'_>, operations: &[Operation]) -> TestRequest {
    let harmless = operations.iter().filter(|operation| {
        let action = &operation.action;
        let asks = |parameter: &Parameter| parameter.required || parameter.place == ParameterPlace::Path;
        let free = !action.parameters.iter().any(asks);
        action.method == Method::Get && action.base.is_none() && free
    });
    let best = harmless.min_by_key(|operation| {
        let telling = operation.action.id.as_str().split('-').any(|word| TELLING.contains(&word));
        (!operation.secured, !telling, operation.action.path.source().len())
    });
    let (path, expect) = match best {
        Some(operation) => {
            let mut expect = operation.statuses.clone();
            if expect.is_empty() {
                expect.push(200);
            }
            (operation.action.path.clone(), expect)
        }
        None => {
            let at = document.root().absent("paths");
            document.leave_out(
                &at,
                "a real test: no operation reads without asking for something, so the base address is called, and that says nothing of the credential",
            );
            (Template::plain(""), vec![200, 204, 301, 302, 400, 404, 405])
        }
    };
    TestRequest {
        method: Method::Get,
        path,
        base: None,
        headers: Default::default(),
        body: None,
        expect,
        identity: None,
    }
}

/// What to do before connecting, for each way to authenticate.
pub(super) fn guide(auth: &[AuthType], docs: &HttpsUrl) -> Vec<GuideStep> {
    let steps = auth.iter().filter_map(|auth| {
        let (title, text) = match auth.kind {
            AuthKind::None => return None,
            AuthKind::Oauth2Code => (
                "Register a client",
                "Register an application with the product and enter `{redirect_uri}` as its redirect URI. Copy its client ID and its secret.",
            ),
            AuthKind::Oauth2ClientCredentials => (
                "Register a client",
                "Register an application that acts for itself with the product. Copy its client ID and its secret.",
            ),
            AuthKind::Basic => (
                "Have an account ready",
                "Use an account of the product that is for this connection alone, with no more rights than it needs.",
            ),
            _ => ("Make a key", "Make a key or token with the product, with no more rights than it needs."),
        };
        let text = format!("{text}\nThe product's documentation: {}", escaped(docs.as_str()));
        Some(GuideStep {
            title: title.to_owned(),
            text: Template::parse(&text).ok()?,
            place: None,
            auth: vec![auth.id.clone()],
            vendor_only: false,
        })
    });
    steps.collect()
}
