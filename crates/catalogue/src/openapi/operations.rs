//! What can be done: `paths`.

use super::document::{Document, Node};
use super::names::{label, line, new_slug};
use super::parameters::{self, Parameters};
use super::security::{Needed, Security};
use super::servers::Servers;
use super::{LeftOut, answers, bodies};
use crate::limits::{ACTIONS, FILE_BYTES, LABEL_CHARS, LINE_CHARS, PATHS};
use crate::model::{Action, Method};

/// An action, and what else its operation says.
pub(super) struct Operation {
    pub action: Action,
    /// Whether it needs a credential.
    pub secured: bool,
    /// The status codes of its good answers.
    pub statuses: Vec<u16>,
}

const METHODS: [(&str, Method); 6] = [
    ("get", Method::Get),
    ("head", Method::Head),
    ("post", Method::Post),
    ("put", Method::Put),
    ("patch", Method::Patch),
    ("delete", Method::Delete),
];

/// The operations that can be called as they are described.
pub(super) fn of<'a>(
    document: &'a Document<'a>,
    servers: &mut Servers<'a>,
    security: &mut Security<'a>,
) -> Vec<Operation> {
    let root = document.root();
    if let Some(webhooks) = root.get("webhooks") {
        document.leave_out(&webhooks, "calls of the product to us");
    }
    let Some(paths) = root.get("paths") else { return Vec::new() };
    let mut made: Vec<Operation> = Vec::new();
    let mut more = 0_usize;
    let mut bytes = 0_usize;
    for (path, item) in paths.members().filter(|(path, _)| !path.starts_with("x-")).take(PATHS) {
        let item = match document.resolve(item) {
            Ok(item) => item,
            Err(why) => {
                document.note(why);
                continue;
            }
        };
        for (name, method) in METHODS {
            let Some(node) = item.get(name) else { continue };
            if made.len() >= ACTIONS || bytes > FILE_BYTES {
                more += 1;
                continue;
            }
            let maker = Maker { document, path, item: &item, node, name, method };
            match maker.make(servers, security, &made) {
                Ok(operation) => {
                    bytes += serde_json::to_vec(&operation.action).map_or(FILE_BYTES, |text| text.len());
                    made.push(operation);
                }
                Err(why) => {
                    let what = format!("the operation {}: {}", maker.told(), why.what);
                    document.note(LeftOut { at: why.at, what });
                }
            }
        }
        for name in ["options", "trace"] {
            if let Some(node) = item.get(name) {
                document.leave_out(&node, "an operation with a method that is not sent");
            }
        }
    }
    if more > 0 {
        let most = format!("a connector has at most {ACTIONS} actions and {FILE_BYTES} bytes");
        document.leave_out(&paths, format!("{more} operations: {most}"));
    }
    made
}

struct Maker<'m, 'a> {
    document: &'a Document<'a>,
    path: &'m str,
    item: &'m Node<'a>,
    node: Node<'a>,
    name: &'static str,
    method: Method,
}

impl<'a> Maker<'_, 'a> {
    /// Method and path, as they are told.
    fn told(&self) -> String {
        line(&format!("{} {}", self.name.to_uppercase(), self.path), LABEL_CHARS).unwrap_or_default()
    }

    fn make(
        &self,
        servers: &mut Servers<'a>,
        security: &mut Security<'a>,
        before: &[Operation],
    ) -> Result<Operation, LeftOut> {
        // A server that is refused takes none of its variables along.
        let base = servers.of_operation(self.item, &self.node)?;
        let mut parameters = Parameters::new(servers);
        let at = (self.path, self.item);
        let path = parameters::of(self.document, at, &self.node, &mut parameters)?;
        servers
            .base_of(base.as_ref())
            .join(&path)
            .map_err(|error| self.item.refused(format!("the path cannot be called: {error}")))?;
        let body = self.body(&mut parameters)?;
        let answers = answers::of(self.document, &self.node);
        let needed = security.of_operation(&self.node);
        Ok(Operation {
            action: Action {
                id: self.id(before),
                label: self.label(),
                description: self.node.text("description").and_then(|text| line(text, LINE_CHARS)),
                method: self.method,
                path,
                base,
                headers: Default::default(),
                scopes: self.scopes(security, &needed),
                read_only: None,
                parameters: parameters.list,
                body,
                paging: answers.paging,
                output: answers.output,
            },
            secured: needed.secured,
            statuses: answers.statuses,
        })
    }

    fn body(&self, parameters: &mut Parameters) -> Result<Option<crate::model::Body>, LeftOut> {
        match (self.method, self.node.get("requestBody")) {
            (Method::Get | Method::Head, Some(body)) => {
                self.document.leave_out(&body, "a body of a request that has none");
                Ok(None)
            }
            _ => bodies::of(self.document, &self.node, parameters),
        }
    }

    fn scopes(&self, security: &Security<'a>, needed: &Needed<'a>) -> Vec<String> {
        security.beyond_default(needed)
    }

    fn id(&self, before: &[Operation]) -> crate::Slug {
        let taken = |id: &str| before.iter().any(|other| other.action.id.as_str() == id);
        let method_and_path = format!("{} {}", self.name, self.path);
        let name = self.node.text("operationId").unwrap_or(&method_and_path);
        new_slug(name, self.name, taken)
    }

    fn label(&self) -> String {
        let summary = self.node.text("summary").and_then(|text| line(text, LABEL_CHARS));
        let named = || self.node.text("operationId").map(label).filter(|label| label != "Unnamed");
        summary.or_else(named).unwrap_or_else(|| self.told())
    }
}
