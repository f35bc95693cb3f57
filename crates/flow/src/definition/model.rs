//! The words of a definition.

use super::Field;
use crate::authentication::Wish;
use crate::condition::When;
use crate::template::{JsonText, Text, Tree, UrlText, XmlText};

/// A flow as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// How long the whole may take; not bounded when nothing is said.
    pub timeout_seconds: Option<u32>,
    /// Its nodes and edges.
    pub graph: Graph,
}

/// Nodes and the edges between them: of the flow, or of the body of a loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The edges.
    pub edges: Vec<Edge>,
    /// Where it is written.
    pub path: String,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id, unique in the whole flow.
    pub id: String,
    /// Its name for people.
    pub name: Option<String>,
    /// What it does.
    pub kind: Kind,
    /// JSON pointers into its output that are secret; `*` stands for every item or member.
    pub secret_paths: Vec<String>,
    /// What doing it costs before anything outside is done: its size, and its expressions at a price each.
    pub effort: usize,
    /// Where it is written.
    pub path: String,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Where the flow begins.
    Start(Start),
    /// Sends a request.
    Api(Box<Api>),
    /// Calls a function of a script.
    Function(Function),
    /// Carries out an action of a connector.
    Connector(Connector),
    /// Chooses a way.
    Condition(Condition),
    /// Asks a person.
    Input(Input),
    /// Waits.
    Delay(Delay),
    /// Does its body for each item of a list.
    Loop(Loop),
    /// Where the flow ends.
    End(End),
}

impl Kind {
    /// The word of the kind.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Api(_) => "api",
            Self::Function(_) => "function",
            Self::Connector(_) => "connector",
            Self::Condition(_) => "condition",
            Self::Input(_) => "input",
            Self::Delay(_) => "delay",
            Self::Loop(_) => "loop",
            Self::End(_) => "end",
        }
    }

    /// Can the node fail in a way that an edge may follow?
    pub fn may_fail(&self) -> bool {
        matches!(
            self,
            Self::Api(_)
                | Self::Function(_)
                | Self::Connector(_)
                | Self::Input(_)
                | Self::Delay(_)
                | Self::Loop(_)
        )
    }

    /// How often and after which pause it is tried again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Api(api) => api.retry,
            Self::Function(function) => function.retry,
            Self::Connector(connector) => connector.retry,
            _ => Retry { times: 0, delay_seconds: 1 },
        }
    }

    /// How long one try may take, for nodes that call something outside.
    pub fn timeout_seconds(&self) -> Option<u32> {
        match self {
            Self::Api(api) => Some(api.timeout_seconds),
            Self::Function(function) => Some(function.timeout_seconds),
            Self::Connector(connector) => Some(connector.timeout_seconds),
            _ => None,
        }
    }
}

/// Where a flow begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// What it is started with; anything when nothing is said.
    pub inputs: Option<Vec<Field>>,
}

/// Sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// The request.
    pub request: Request,
    /// How long one try may take.
    pub timeout_seconds: u32,
    /// How often it is tried again.
    pub retry: Retry,
}

/// A request with expressions in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub url: UrlText,
    /// Headers in the order of their names.
    pub headers: Vec<(String, Text)>,
    /// The body.
    pub body: Body,
    /// The authorization profile it is sent with.
    pub auth_profile_id: Option<String>,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or does.
    Post,
    /// Puts in place.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// All methods with their words.
    pub const ALL: [(&'static str, Self); 5] = [
        ("GET", Self::Get),
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("PATCH", Self::Patch),
        ("DELETE", Self::Delete),
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, method)| *method == self).map_or("GET", |(word, _)| word)
    }

    /// May it be repeated without doing more (RFC 9110 §9.2.2)?
    pub fn repeatable(self) -> bool {
        matches!(self, Self::Get | Self::Put | Self::Delete)
    }
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// None.
    None,
    /// A form of names and values.
    Form(Vec<(String, Tree)>),
    /// A form as one text.
    FormText(Text),
    /// JSON.
    Json(Tree),
    /// JSON as text.
    JsonText(JsonText),
    /// XML.
    Xml(XmlText),
    /// Any text, under a content type of the builder's choice.
    Custom {
        /// The content type.
        content_type: String,
        /// The text.
        text: CustomText,
    },
}

/// A body whose content type decides how values are written in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomText {
    /// JSON.
    Json(JsonText),
    /// XML.
    Xml(XmlText),
    /// A form.
    Form(Text),
    /// Anything else: values are put in as they are.
    Plain(Text),
}

/// Calls a function of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The script.
    pub script_id: String,
    /// The function.
    pub function: String,
    /// Its arguments, an object.
    pub arguments: Tree,
    /// How long one try may take.
    pub timeout_seconds: u32,
    /// How often it is tried again.
    pub retry: Retry,
}

/// Carries out an action of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// The connector.
    pub connector_id: String,
    /// The action.
    pub action: String,
    /// Its parameters, an object.
    pub parameters: Tree,
    /// Stricter user authentication than the connector's.
    pub wish: Option<Wish>,
    /// How long one try may take.
    pub timeout_seconds: u32,
    /// How often it is tried again.
    pub retry: Retry,
}

/// How often and after which pause a failed step is tried again. The pause doubles with each try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often beyond the first try.
    pub times: u32,
    /// The first pause.
    pub delay_seconds: u32,
}

/// Chooses a way: the first case that holds, or `else`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The cases with their names.
    pub cases: Vec<(String, When)>,
}

/// Asks a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What is asked for, in one line.
    pub title: Option<String>,
    /// The fields of the form.
    pub fields: Vec<Field>,
    /// How long it waits; without end when nothing is said.
    pub timeout_seconds: Option<u32>,
    /// What happens then.
    pub on_timeout: OnTimeout,
}

/// What happens when nobody answers in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTimeout {
    /// The node fails.
    Terminate,
    /// The node goes on with the defaults of its fields.
    Skip,
}

/// Waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delay {
    /// How long.
    pub seconds: Seconds,
}

/// A number of seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seconds {
    /// As it is written.
    Fixed(u32),
    /// From an expression.
    Computed(Text),
}

/// Does its body for each item of a list, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop {
    /// The list.
    pub items: Tree,
    /// Most items it takes.
    pub max_items: u32,
    /// What happens when the body fails.
    pub on_item_error: OnItemError,
    /// What is done for each item.
    pub body: Graph,
    /// What each item gives; what the last nodes of the body gave when nothing is said.
    pub result: Option<Tree>,
}

/// What a loop does when its body fails for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnItemError {
    /// Goes on; the result of the item is null.
    Continue,
    /// The loop fails.
    Terminate,
    /// Goes on; the item has no place in the results.
    RemoveFailed,
}

/// Where a flow ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// What the flow gives back.
    pub output: Option<Tree>,
    /// Ends it with an error.
    pub error: bool,
    /// The message of that error.
    pub message: Option<Text>,
}

/// From node to node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The id of the node it leaves.
    pub from: String,
    /// The id of the node it leads to.
    pub to: String,
    /// When it is followed.
    pub on: On,
    /// Where it is written.
    pub path: String,
}

/// When an edge is followed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// The node succeeded.
    Success,
    /// The node failed.
    Error,
    /// The condition chose this case; `else` for none of its cases.
    Case(String),
}
