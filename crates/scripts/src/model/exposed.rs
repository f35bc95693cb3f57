use serde::{Deserialize, Serialize};

/// A function that can be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ScriptFunction)]
pub struct Exposed {
    /// Its name.
    pub name: String,
    /// The names of its parameters, in their order.
    pub parameters: Vec<String>,
}
