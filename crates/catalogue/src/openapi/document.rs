//! A document as a tree whose every place knows its JSON pointer, with references followed within bounds.

use std::cell::{Cell, RefCell};

use serde_json::Value;

use super::LeftOut;
use crate::limits::{LEFT_OUT, MEMBERS, REFERENCE_BYTES, REFERENCE_DEPTH, STEPS, TOLD_NAME_BYTES};

/// The document, and what was left out so far.
pub(super) struct Document<'a> {
    root: &'a Value,
    steps: Cell<usize>,
    left_out: RefCell<Vec<LeftOut>>,
    more: Cell<usize>,
}

/// A place in the document.
#[derive(Clone)]
pub(super) struct Node<'a> {
    /// What is there.
    pub value: &'a Value,
    at: String,
}

static NOTHING: Value = Value::Null;

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, steps: Cell::new(0), left_out: RefCell::default(), more: Cell::new(0) }
    }

    pub(super) fn root(&self) -> Node<'a> {
        Node { value: self.root, at: String::new() }
    }

    /// Notes what is not taken.
    pub(super) fn leave_out(&self, node: &Node<'_>, what: impl Into<String>) {
        self.note(LeftOut { at: node.at.clone(), what: what.into() });
    }

    pub(super) fn note(&self, left_out: LeftOut) {
        let mut list = self.left_out.borrow_mut();
        if list.len() < LEFT_OUT {
            list.push(left_out);
        } else {
            self.more.set(self.more.get() + 1);
        }
    }

    /// What was left out, and how many more that is not listed.
    pub(super) fn left_out(self) -> (Vec<LeftOut>, usize) {
        (self.left_out.into_inner(), self.more.get())
    }

    /// Whether the bound on steps was met: then what was made is not all.
    pub(super) fn exhausted(&self) -> bool {
        self.steps.get() > STEPS
    }

    /// Counts one step through the document that its size does not bound.
    pub(super) fn step(&self, node: &Node<'_>) -> Result<(), LeftOut> {
        self.steps.set(self.steps.get() + 1);
        if self.exhausted() { Err(node.refused("leads through too many places")) } else { Ok(()) }
    }

    /// What a place holds, behind its references.
    pub(super) fn resolve(&self, node: Node<'a>) -> Result<Node<'a>, LeftOut> {
        let mut found = node;
        for _ in 0..=REFERENCE_DEPTH {
            let Some(reference) = found.value.get("$ref") else { return Ok(found) };
            self.step(&found)?;
            let reference = reference.as_str().filter(|reference| reference.len() <= REFERENCE_BYTES);
            let Some(reference) = reference else {
                return Err(
                    found.refused(format!("has a $ref that is no text of at most {REFERENCE_BYTES} bytes"))
                );
            };
            let Some(fragment) = reference.strip_prefix('#') else {
                return Err(found.refused("refers to another document, and none is fetched"));
            };
            let pointer = decoded(fragment);
            let Some(value) = self.root.pointer(&pointer) else {
                return Err(found.refused("refers to something that is not there"));
            };
            found = Node { value, at: told(&pointer) };
        }
        Err(found.refused(format!("refers in a circle, or through more than {REFERENCE_DEPTH} places")))
    }
}

impl<'a> Node<'a> {
    /// The JSON pointer of this place.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    /// A member, if it is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<Node<'a>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Node { value, at: self.below(name) })
    }

    /// The place where a member would be.
    pub(super) fn absent(&self, name: &str) -> Node<'a> {
        Node { value: &NOTHING, at: self.below(name) }
    }

    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.value.get(name)?.as_str()
    }

    /// Whether a member is `true`.
    pub(super) fn is(&self, name: &str) -> bool {
        self.value.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The first elements of a list that is a member.
    pub(super) fn list(&self, name: &str) -> Vec<Node<'a>> {
        let Some(list) = self.get(name) else { return Vec::new() };
        let items = list.value.as_array().into_iter().flatten().take(MEMBERS).enumerate();
        items.map(|(index, value)| Node { value, at: list.below(&index.to_string()) }).collect()
    }

    /// The first members of an object.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        let members = self.value.as_object().into_iter().flatten();
        members.map(move |(name, value)| (name.as_str(), Node { value, at: self.below(name) }))
    }

    fn below(&self, name: &str) -> String {
        format!("{}/{}", self.at, token(name))
    }
}

/// A name in a pointer, cut off where it is too long to be told.
fn token(name: &str) -> String {
    let end = (0..=TOLD_NAME_BYTES.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
    let (start, rest) = name.split_at(end.unwrap_or_default());
    let shown = start.replace('~', "~0").replace('/', "~1");
    if rest.is_empty() { shown } else { format!("{shown}…") }
}

/// A pointer from the document, as it is told.
fn told(pointer: &str) -> String {
    let tokens = pointer.split('/').skip(1).take(12);
    let names = tokens.map(|name| format!("/{}", token(&name.replace("~1", "/").replace("~0", "~"))));
    names.collect()
}

/// A fragment without its percent-encoding (RFC 6901 §6); what cannot be decoded stays and is found nowhere.
fn decoded(fragment: &str) -> String {
    if !fragment.contains('%') {
        return fragment.to_owned();
    }
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match hex.filter(|_| *byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
