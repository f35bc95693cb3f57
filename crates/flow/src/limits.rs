//! Bounds on what a flow may hold and do.

/// Largest definition, in bytes of its JSON.
pub const DEFINITION_BYTES: usize = 512 * 1024;
/// Most nodes of a flow, those in the bodies of loops counted.
pub const NODES: usize = 200;
/// Most edges of a flow or of one body.
pub const EDGES: usize = 400;
/// Most branches that begin at one node at the same time.
pub const BRANCHES: usize = 10;
/// Most cases of a condition (IF and ELSE IF), and most comparisons of one node.
pub const CASES: usize = 10;
/// Deepest AND within OR of a condition.
pub const GROUP_DEPTH: usize = 3;
/// Deepest loop in a loop.
pub const LOOP_DEPTH: usize = 3;
/// Most items one loop goes through, and how many without being told.
pub const LOOP_ITEMS: u32 = 1000;
/// Items of a loop whose node does not say.
pub const LOOP_ITEMS_DEFAULT: u32 = 100;
/// Largest list of results of a loop, in bytes of its JSON.
pub const LOOP_RESULT_BYTES: usize = 512 * 1024;
/// Most steps of one execution, skipped ones not counted.
pub const STEPS: u32 = 10_000;
/// Most that is computed without waiting for something outside, in bytes of values and nodes.
pub const EFFORT: usize = 256 * 1024 * 1024;
/// What evaluating one expression costs beside its values, in the same bytes.
pub const EFFORT_EXPRESSION: usize = 4096;
/// Largest output of one step that is kept, in bytes of its JSON.
pub const OUTPUT_BYTES: usize = 256 * 1024;
/// Deepest nesting of an output or input.
pub const OUTPUT_DEPTH: usize = 64;
/// Largest input of an execution, in bytes of its JSON.
pub const INPUT_BYTES: usize = 256 * 1024;
/// Largest state of an execution, in bytes of all values in it.
pub const STATE_BYTES: usize = 8 * 1024 * 1024;
/// Longest message of an error that is kept, in characters.
pub const MESSAGE_CHARS: usize = 2000;

/// Longest id of a node or name of a field, in bytes.
pub const NAME_BYTES: usize = 64;
/// Longest name or label shown to people, in characters.
pub const LABEL_CHARS: usize = 120;
/// Longest description, in characters.
pub const TEXT_CHARS: usize = 2000;
/// Most inputs of the start node, and most fields of a form.
pub const FIELDS: usize = 50;
/// Most choices of a field.
pub const CHOICES: usize = 100;
/// Longest choice or default text of a field, in characters.
pub const CHOICE_CHARS: usize = 1000;
/// Most headers of a request.
pub const HEADERS: usize = 50;
/// Longest URL before and after its expressions are filled in, in characters.
pub const URL_CHARS: usize = 4096;
/// Longest text of a header, in characters.
pub const HEADER_CHARS: usize = 8 * 1024;
/// Longest text of a body or of any text with expressions, in characters.
pub const BODY_CHARS: usize = 128 * 1024;
/// Most members of one object or list of parameters.
pub const MEMBERS: usize = 200;
/// Deepest nesting of parameters.
pub const DEPTH: usize = 24;
/// Most paths a node marks as secret.
pub const SECRET_PATHS: usize = 20;
/// Longest such path, in characters.
pub const POINTER_CHARS: usize = 256;
/// Most things that are told to be wrong at once.
pub const PROBLEMS: usize = 100;

/// Longest expression, in bytes.
pub const EXPRESSION_BYTES: usize = 2048;
/// Most values one expression speaks of.
pub const REFERENCES: usize = 32;
/// Most expressions in one text.
pub const EXPRESSIONS: usize = 200;
/// Deepest brackets in an expression.
pub const BRACKETS: usize = 16;
/// Most expressions in one definition.
pub const DEFINITION_EXPRESSIONS: usize = 4000;
/// Steps of the expression machine before it is stopped.
pub const FUEL: u64 = 20_000;
/// Largest text or value that filling in gives, in bytes.
pub const VALUE_BYTES: usize = 1024 * 1024;

/// Seconds a step of an API, function or connector node may take: least, most, and when nothing is said.
pub const STEP_SECONDS: (u32, u32, u32) = (5, 180, 60);
/// Seconds a whole flow may take, when that is bounded.
pub const FLOW_SECONDS: (u32, u32) = (60, 600);
/// Seconds of a delay.
pub const DELAY_SECONDS: (u32, u32) = (30, 86_400);
/// Seconds a form waits, when that is bounded.
pub const FORM_SECONDS: (u32, u32) = (30, 86_400);
/// Most times a failed step is tried again.
pub const RETRIES: u32 = 5;
/// Times a failed request that may be repeated (GET, PUT, DELETE) is tried again when nothing is said.
pub const RETRIES_DEFAULT: u32 = 2;
/// Seconds before the first retry: least, most, and when nothing is said.
pub const RETRY_SECONDS: (u32, u32, u32) = (1, 300, 2);
/// Longest pause between two tries, in seconds.
pub const RETRY_SECONDS_MOST: u64 = 3600;

/// Longest command line that is read, in bytes.
pub const CURL_BYTES: usize = 256 * 1024;
/// Most words of a command line.
pub const CURL_WORDS: usize = 2000;
