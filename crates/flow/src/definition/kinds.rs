//! Reading what each kind of node has of its own.

use super::fields;
use super::graph::{self, case_name, form};
use super::model::{
    Condition, Connector, Delay, End, Function, Input, Loop, OnItemError, OnTimeout, Retry, Seconds, Start,
};
use super::reader::{Reader, kind_of};
use crate::authentication::{Mode, Wish};
use crate::condition::{Operator, When};
use crate::limits;
use crate::problem::below;
use crate::template::Tree;

pub(super) fn start(reader: &mut Reader<'_, '_>) -> Start {
    Start { inputs: fields::read(reader, "inputs") }
}

pub(super) fn timeout(reader: &mut Reader<'_, '_>) -> u32 {
    let (least, most, usual) = limits::STEP_SECONDS;
    reader.number("timeoutSeconds", least, most).unwrap_or(usual)
}

pub(super) fn retry(reader: &mut Reader<'_, '_>, usual: u32) -> Retry {
    let (least, most, delay) = limits::RETRY_SECONDS;
    let mut retry = Retry { times: usual, delay_seconds: delay };
    if let Some(mut child) = reader.child("retry") {
        retry.times = child.number("times", 0, limits::RETRIES).unwrap_or(usual);
        retry.delay_seconds = child.number("delaySeconds", least, most).unwrap_or(delay);
        child.done();
    }
    retry
}

pub(super) fn function(reader: &mut Reader<'_, '_>) -> Option<Function> {
    let script_id = reader.required_text("scriptId", limits::LABEL_CHARS);
    let function = reader.required_text("function", limits::LABEL_CHARS);
    let arguments = reader.object("arguments");
    let (timeout_seconds, retry) = (timeout(reader), retry(reader, 0));
    Some(Function {
        script_id: script_id?,
        function: function?,
        arguments: arguments?,
        timeout_seconds,
        retry,
    })
}

pub(super) fn connector(reader: &mut Reader<'_, '_>) -> Option<Connector> {
    let connector_id = reader.required_text("connectorId", limits::LABEL_CHARS);
    let action = reader.required_text("action", limits::LABEL_CHARS);
    let parameters = reader.object("parameters");
    let wish = reader.child("userAuthentication").map(|mut child| {
        let required = child.flag("required").unwrap_or(false);
        let non_interactive_mode = child.choice("nonInteractiveMode", &Mode::ALL);
        child.done();
        Wish { required, non_interactive_mode }
    });
    let (timeout_seconds, retry) = (timeout(reader), retry(reader, 0));
    Some(Connector {
        connector_id: connector_id?,
        action: action?,
        parameters: parameters?,
        wish,
        timeout_seconds,
        retry,
    })
}

pub(super) fn condition(reader: &mut Reader<'_, '_>) -> Option<Condition> {
    reader.required("cases");
    let items = reader.list("cases", limits::CASES)?;
    if items.is_empty() {
        reader.problem("cases", "empty", "is empty; a condition has at least one case");
    }
    let mut cases: Vec<(String, When)> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(mut one) = reader.item("cases", index, item) else { continue };
        let name = case_name(&mut one);
        one.required("when");
        let when = one.child("when").and_then(|mut child| when(&mut child, 1));
        if let Some(name) = &name
            && cases.iter().any(|(other, _)| other == name)
        {
            one.problem("name", "duplicate_id", format!("{name} is there twice"));
        }
        one.done();
        cases.extend(name.zip(when));
    }
    let comparisons: usize = cases.iter().map(|(_, when)| when.comparisons()).sum();
    if comparisons > limits::CASES * limits::CASES {
        reader.problem("cases", "too_many", format!("has {comparisons} comparisons"));
    }
    (cases.len() == items.len()).then_some(Condition { cases })
}

fn when(reader: &mut Reader<'_, '_>, depth: usize) -> Option<When> {
    for (key, all) in [("all", true), ("any", false)] {
        if reader.get(key).is_none() {
            continue;
        }
        if depth > limits::GROUP_DEPTH {
            reader.problem(
                key,
                "too_deep",
                format!("AND and OR are nested more than {} deep", limits::GROUP_DEPTH),
            );
            return None;
        }
        let items = reader.list(key, limits::CASES)?;
        if items.is_empty() {
            reader.problem(key, "empty", "is empty");
        }
        let mut parts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            parts.extend(reader.item(key, index, item).and_then(|mut one| when(&mut one, depth + 1)));
        }
        let whole = parts.len() == items.len();
        return whole
            .then_some(if all { When::All(parts) } else { When::Any(parts) })
            .filter(|_| only(reader, key));
    }
    reader.required("left");
    reader.required("operator");
    let left = reader.tree("left");
    let operator = reader.choice("operator", &Operator::ALL);
    reader.required("right");
    let right = reader.tree("right");
    only_known(reader);
    Some(When::Compare { left: left?, operator: operator?, right: right? })
}

/// A group holds nothing beside its list.
fn only(reader: &mut Reader<'_, '_>, key: &'static str) -> bool {
    reader.refuse_others(&[key])
}

fn only_known(reader: &mut Reader<'_, '_>) {
    reader.refuse_others(&["left", "operator", "right"]);
}

pub(super) fn input(reader: &mut Reader<'_, '_>) -> Option<Input> {
    let title = reader.text("title", limits::TEXT_CHARS);
    let fields = form(reader);
    let timeout_seconds = reader.number("timeoutSeconds", limits::FORM_SECONDS.0, limits::FORM_SECONDS.1);
    let words = [("terminate", OnTimeout::Terminate), ("skip", OnTimeout::Skip)];
    let on_timeout = reader.choice("onTimeout", &words).unwrap_or(OnTimeout::Terminate);
    Some(Input { title, fields: fields?, timeout_seconds, on_timeout })
}

pub(super) fn delay(reader: &mut Reader<'_, '_>) -> Option<Delay> {
    let seconds = match reader.required("seconds")? {
        value if value.is_string() => Seconds::Computed(reader.template("seconds", limits::TEXT_CHARS)?),
        _ => Seconds::Fixed(reader.number("seconds", limits::DELAY_SECONDS.0, limits::DELAY_SECONDS.1)?),
    };
    Some(Delay { seconds })
}

pub(super) fn a_loop(reader: &mut Reader<'_, '_>, depth: usize, count: &mut usize) -> Option<Loop> {
    let items = match reader.required("items") {
        Some(value) if value.is_string() || value.is_array() => reader.tree("items").filter(|tree| {
            let literal = matches!(tree, Tree::Plain(value) if value.is_string());
            if literal {
                reader.problem(
                    "items",
                    "bad_items",
                    "is a text without an expression; {{ … }} gives the list",
                );
            }
            !literal
        }),
        Some(value) => {
            let message = format!("is {}, a list or an expression that gives one is needed", kind_of(value));
            reader.problem("items", "wrong_type", message);
            None
        }
        None => None,
    };
    let max_items = reader.number("maxItems", 1, limits::LOOP_ITEMS).unwrap_or(limits::LOOP_ITEMS_DEFAULT);
    let words = [
        ("continue", OnItemError::Continue),
        ("terminate", OnItemError::Terminate),
        ("remove_failed", OnItemError::RemoveFailed),
    ];
    let on_item_error = reader.choice("onItemError", &words).unwrap_or(OnItemError::Terminate);
    let result = reader.get("result").cloned().map(|value| reader.tree_in("result", &value));
    if depth >= limits::LOOP_DEPTH {
        let message = format!("loops are nested more than {} deep", limits::LOOP_DEPTH);
        reader.problem("", "too_deep", message);
        reader.get("body");
        return None;
    }
    reader.required("body");
    let body = reader.child("body").and_then(|mut child| {
        let body = graph::read(&mut child, depth + 1, count);
        child.done();
        body
    });
    let result = match result {
        Some(None) => return None,
        other => other.flatten(),
    };
    Some(Loop { items: items?, max_items, on_item_error, body: body?, result })
}

pub(super) fn end(reader: &mut Reader<'_, '_>) -> End {
    let output = reader.tree("output");
    let error = reader.choice("outcome", &[("success", false), ("error", true)]).unwrap_or(false);
    let message = reader.template("message", limits::TEXT_CHARS);
    if message.is_some() && !error {
        reader.problem("message", "misplaced", "belongs to the outcome error");
    }
    End { output, error, message }
}

impl Reader<'_, '_> {
    /// Tells of every key but these; true when there is none.
    fn refuse_others(&mut self, known: &[&str]) -> bool {
        let others: Vec<String> =
            self.names().filter(|name| !known.contains(name)).map(str::to_owned).collect();
        for name in &others {
            let at = below(self.path(), name);
            self.tell(at, "unknown_key", format!("is not known here; known are {}", known.join(", ")));
        }
        others.is_empty()
    }
}
