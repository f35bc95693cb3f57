//! Which values a node speaks of, and where.

use super::model::{Body, CustomText, Kind, Seconds};
use crate::problem::below;
use crate::template::Reference;

type Spoken<'n> = Vec<(String, &'n Reference)>;

impl Kind {
    /// Each reference with its path under the node. What a loop gives back stands apart:
    /// it is [`Kind::result_references`], because it sees what the body did.
    pub(crate) fn references(&self) -> Spoken<'_> {
        let mut found = Vec::new();
        match self {
            Self::Start(_) | Self::Input(_) => {}
            Self::Api(api) => request(&api.request, &mut found),
            Self::Function(function) => add(&mut found, "/arguments", function.arguments.references()),
            Self::Connector(connector) => add(&mut found, "/parameters", connector.parameters.references()),
            Self::Condition(condition) => {
                for (index, (_, when)) in condition.cases.iter().enumerate() {
                    add(&mut found, &format!("/cases/{index}/when"), when.references());
                }
            }
            Self::Delay(delay) => {
                if let Seconds::Computed(text) = &delay.seconds {
                    add(&mut found, "/seconds", text.references());
                }
            }
            Self::Loop(a_loop) => add(&mut found, "/items", a_loop.items.references()),
            Self::End(end) => {
                add(&mut found, "/output", end.output.iter().flat_map(|tree| tree.references()));
                add(&mut found, "/message", end.message.iter().flat_map(|text| text.references()));
            }
        }
        found
    }

    /// The references of what a loop gives for each item.
    pub(crate) fn result_references(&self) -> Spoken<'_> {
        let mut found = Vec::new();
        if let Self::Loop(a_loop) = self {
            add(&mut found, "/result", a_loop.result.iter().flat_map(|tree| tree.references()));
        }
        found
    }
}

fn add<'n>(found: &mut Spoken<'n>, path: &str, references: impl IntoIterator<Item = &'n Reference>) {
    found.extend(references.into_iter().map(|reference| (path.to_owned(), reference)));
}

fn request<'n>(request: &'n super::Request, found: &mut Spoken<'n>) {
    add(found, "/request/url", request.url.references());
    for (name, text) in &request.headers {
        add(found, &below("/request/headers", name), text.references());
    }
    let at = "/request/body/value";
    match &request.body {
        Body::None => {}
        Body::Form(members) => {
            for (name, tree) in members {
                add(found, &below(at, name), tree.references());
            }
        }
        Body::FormText(text) => add(found, at, text.references()),
        Body::Json(tree) => add(found, at, tree.references()),
        Body::JsonText(text) => add(found, at, text.references()),
        Body::Xml(text) => add(found, at, text.references()),
        Body::Custom { text, .. } => match text {
            CustomText::Json(text) => add(found, at, text.references()),
            CustomText::Xml(text) => add(found, at, text.references()),
            CustomText::Form(text) | CustomText::Plain(text) => add(found, at, text.references()),
        },
    }
}
