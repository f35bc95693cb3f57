//! The parameters of an operation: path, query, headers.

use super::LeftOut;
use super::document::{Document, Node};
use super::names::{label, line, new_key};
use super::schema::{Shape, kept, shape};
use super::servers::{Piece, Servers, pieces};
use crate::limits::{LINE_CHARS, MEMBERS, PARAMETERS, TEMPLATE_BYTES, TOLD_NAME_BYTES};
use crate::model::{Parameter, ParameterPlace, ParameterStyle, ParameterType};
use crate::request::fits;
use crate::validate::is_header_name;
use crate::{Key, Template};

/// The parameters of one action in the making; keys are unique.
pub(super) struct Parameters {
    pub list: Vec<Parameter>,
    taken: Vec<String>,
}

impl Parameters {
    /// The names of fields that stand in addresses are taken.
    pub(super) fn new(servers: &Servers<'_>) -> Self {
        let taken = servers.fields.iter().map(|field| field.key.to_string()).collect();
        Self { list: Vec::new(), taken }
    }

    /// How many more an action can have.
    pub(super) fn room(&self) -> usize {
        PARAMETERS.saturating_sub(self.list.len())
    }

    /// Adds one; what its schema says and does not fit the model is left out.
    pub(super) fn add(
        &mut self,
        document: &Document<'_>,
        node: &Node<'_>,
        name: &str,
        place: ParameterPlace,
        shape: Shape<'_>,
    ) -> &mut Parameter {
        let key = new_key(name, "parameter", |key| self.taken.iter().any(|taken| taken == key));
        self.taken.push(key.to_string());
        let mut parameter = Parameter {
            label: Some(label(name)).filter(|label| label.as_str() != "Unnamed"),
            place,
            name: (key.as_str() != name && place != ParameterPlace::Path).then(|| name.to_owned()),
            pointer: None,
            kind: shape.kind,
            style: None,
            required: false,
            default: None,
            choices: shape.choices,
            help: shape.help.and_then(|help| line(help, LINE_CHARS)),
            example: shape.example,
            key,
        };
        settle(document, node, &mut parameter, shape.default);
        let index = self.list.len();
        self.list.push(parameter);
        &mut self.list[index]
    }
}

/// Choices and default are kept only where they fit the type and each other.
fn settle(
    document: &Document<'_>,
    node: &Node<'_>,
    parameter: &mut Parameter,
    default: Option<serde_json::Value>,
) {
    let choices = std::mem::take(&mut parameter.choices);
    let list = parameter.kind == ParameterType::Array;
    if list || choices.iter().all(|choice| fits(parameter, choice).is_ok()) {
        parameter.choices = choices;
    } else {
        document.leave_out(node, "its choices, which are not of its type");
    }
    parameter.example = parameter.example.take().filter(|example| fits(parameter, example).is_ok());
    match default {
        Some(default) if fits(parameter, &default).is_ok() => parameter.default = Some(default),
        Some(_) => document.leave_out(node, "its default, which does not fit its type"),
        None => {}
    }
}

/// The parameters of an operation and of its path, each once: those of the operation count.
fn declared<'a>(
    document: &Document<'a>,
    item: &Node<'a>,
    operation: &Node<'a>,
) -> Result<Vec<Node<'a>>, LeftOut> {
    let mut nodes: Vec<Node<'a>> = Vec::new();
    for of in [item, operation] {
        let listed = of.value.get("parameters").and_then(serde_json::Value::as_array);
        if listed.is_some_and(|listed| listed.len() > MEMBERS) {
            return Err(of.absent("parameters").refused(format!("more than {MEMBERS} parameters")));
        }
    }
    for node in item.list("parameters").into_iter().chain(operation.list("parameters")) {
        let node = document.resolve(node)?;
        document.step(&node)?;
        let same =
            |other: &Node<'a>| other.text("name") == node.text("name") && other.text("in") == node.text("in");
        match nodes.iter_mut().find(|other| same(other)) {
            Some(before) => *before = node,
            None => nodes.push(node),
        }
    }
    Ok(nodes)
}

/// Adds the parameters of an operation, and makes its path. An error means that it cannot be called as described.
pub(super) fn of<'a>(
    document: &Document<'a>,
    path: (&str, &Node<'a>),
    operation: &Node<'a>,
    parameters: &mut Parameters,
) -> Result<Template, LeftOut> {
    let (path, item) = path;
    let nodes = declared(document, item, operation)?;
    let path = in_path(document, (path, item), &nodes, parameters)?;
    for node in nodes.iter().filter(|node| node.text("in") != Some("path")) {
        match outside(document, node, parameters) {
            Ok(()) => {}
            Err(why) if node.is("required") => return Err(why),
            Err(why) => document.note(why),
        }
    }
    Ok(path)
}

/// The path with the keys of its parameters in its gaps.
fn in_path<'a>(
    document: &Document<'a>,
    (path, item): (&str, &Node<'a>),
    nodes: &[Node<'a>],
    parameters: &mut Parameters,
) -> Result<Template, LeftOut> {
    if path.len() > TEMPLATE_BYTES || !path.starts_with('/') {
        return Err(
            item.refused(format!("a path begins with a slash and has at most {TEMPLATE_BYTES} bytes"))
        );
    }
    let pieces = pieces(path).ok_or_else(|| item.refused("a brace in the path has no counterpart"))?;
    let mut source = String::new();
    let mut met: Vec<(&str, Key)> = Vec::new();
    for piece in pieces {
        let name = match piece {
            Piece::Text(text) => {
                source.push_str(text);
                continue;
            }
            Piece::Gap(name) => name,
        };
        let key = match met.iter().find(|(known, _)| *known == name) {
            Some((_, key)) => key.clone(),
            None => {
                let key = path_parameter(document, item, nodes, name, parameters)?;
                met.push((name, key.clone()));
                key
            }
        };
        source.push_str(&format!("{{{key}}}"));
    }
    let unused = nodes.iter().filter(|node| node.text("in") == Some("path"));
    for node in unused.filter(|node| !met.iter().any(|(name, _)| node.text("name") == Some(*name))) {
        document.leave_out(node, "is not in the path");
    }
    Template::parse(&source).map_err(|error| item.refused(error.to_string()))
}

fn path_parameter<'a>(
    document: &Document<'a>,
    item: &Node<'a>,
    nodes: &[Node<'a>],
    name: &str,
    parameters: &mut Parameters,
) -> Result<Key, LeftOut> {
    let declared =
        nodes.iter().find(|node| node.text("in") == Some("path") && node.text("name") == Some(name));
    let node = declared.unwrap_or(item);
    if parameters.room() == 0 {
        return Err(node.refused(format!("more than {PARAMETERS} parameters")));
    }
    let mut shape = match declared {
        Some(node) => described(document, node)?.0,
        None => {
            document.leave_out(item, "the description of a parameter in the path: it is taken to be a text");
            Shape::any()
        }
    };
    if declared.is_some_and(|node| node.text("style").is_some_and(|style| style != "simple")) {
        return Err(node.refused("is written in the path in a style that is not used: `simple` is"));
    }
    match shape.kind {
        ParameterType::Object => return Err(node.refused("is an object in the path")),
        ParameterType::Any => shape.kind = ParameterType::String,
        _ => {}
    }
    let parameter = parameters.add(document, node, name, ParameterPlace::Path, shape);
    parameter.required = true;
    Ok(parameter.key.clone())
}

/// What a parameter says of its value, and whether that is written as JSON.
fn described<'a>(document: &Document<'a>, node: &Node<'a>) -> Result<(Shape<'a>, bool), LeftOut> {
    let content = node.get("content").and_then(|content| content.members().next().map(|(_, media)| media));
    let json = content.is_some();
    let schema = node.get("schema").or_else(|| content.and_then(|media| media.get("schema")));
    let mut shape = schema.map_or_else(|| Ok(Shape::any()), |schema| shape(document, schema))?;
    shape.help = node.text("description").or(shape.help);
    if let Some(example) = kept(node.value.get("example")).filter(|example| !example.is_object()) {
        shape.example = Some(example);
    }
    Ok((shape, json))
}

/// A parameter in the query or a header.
fn outside<'a>(document: &Document<'a>, node: &Node<'a>, parameters: &mut Parameters) -> Result<(), LeftOut> {
    let name = node.text("name").unwrap_or_default();
    if name.is_empty() || name.len() > TOLD_NAME_BYTES || name.contains(char::is_control) {
        return Err(node.refused(format!("has no name of 1 to {TOLD_NAME_BYTES} bytes")));
    }
    let place = match node.text("in") {
        Some("query") => ParameterPlace::Query,
        Some("header")
            if ["accept", "content-type", "authorization"].contains(&name.to_lowercase().as_str()) =>
        {
            // OpenAPI 3.0 §4.7.12: such a description is ignored.
            document.leave_out(node, "this header is written by whoever sends the request");
            return Ok(());
        }
        Some("header") if is_header_name(name) && !name.eq_ignore_ascii_case("cookie") => {
            ParameterPlace::Header
        }
        Some("header") => return Err(node.refused("is a header that cannot be sent")),
        Some("cookie") => return Err(node.refused("is a cookie, and connectors send none")),
        _ => return Err(node.refused("is neither in path, query nor header")),
    };
    if parameters.room() == 0 {
        return Err(node.refused(format!("more than {PARAMETERS} parameters")));
    }
    let (shape, json) = described(document, node)?;
    let style = written(node, place, shape.kind, json)?;
    let parameter = parameters.add(document, node, name, place, shape);
    parameter.required = node.is("required");
    parameter.style = style;
    Ok(())
}

/// How several values are written (`style` and `explode`).
fn written(
    node: &Node<'_>,
    place: ParameterPlace,
    kind: ParameterType,
    json: bool,
) -> Result<Option<ParameterStyle>, LeftOut> {
    let style = node.text("style");
    let explode = node.value.get("explode").and_then(serde_json::Value::as_bool);
    if json {
        return match kind {
            ParameterType::Array => Err(node.refused("is a list written as JSON")),
            _ => Ok(None),
        };
    }
    match (place, kind, style) {
        (ParameterPlace::Header, ParameterType::Object, _) => Err(node.refused("is an object in a header")),
        (ParameterPlace::Header, ..) => Ok(None),
        (_, ParameterType::Array, None | Some("form")) => {
            let repeat = explode.unwrap_or(true);
            Ok(Some(if repeat { ParameterStyle::Repeat } else { ParameterStyle::Comma }))
        }
        (_, ParameterType::Array, Some("spaceDelimited" | "pipeDelimited")) if explode == Some(true) => {
            Ok(Some(ParameterStyle::Repeat))
        }
        (_, ParameterType::Array, Some("spaceDelimited")) => Ok(Some(ParameterStyle::Space)),
        (_, ParameterType::Array, Some("pipeDelimited")) => Ok(Some(ParameterStyle::Pipe)),
        (_, ParameterType::Array | ParameterType::Object, Some("deepObject")) => {
            Ok(Some(ParameterStyle::Brackets))
        }
        (_, ParameterType::Object, _) => {
            Err(node
                .refused("is an object whose members become parameters of their own: `deepObject` is used"))
        }
        (_, ParameterType::Array, _) => Err(node.refused("is written in a style that is not used")),
        (_, ParameterType::Any, Some("deepObject")) => Ok(Some(ParameterStyle::Brackets)),
        _ => Ok(None),
    }
}
