//! The code that calls a script in service.

use gatehouse_types::{Actor, Error, Id, Kind, Result, ScriptId};

use crate::Scripts;
use crate::endpoint::{Call, Parameter, Snippets};
use crate::model::Exposed;

/// The code for one function.
pub(crate) struct Code {
    pub(crate) url: String,
    pub(crate) function: String,
    pub(crate) snippets: Snippets,
    /// All functions that can be called.
    pub(crate) functions: Vec<Exposed>,
}

impl Scripts {
    /// The code that calls a function; the first one when none is named.
    ///
    /// # Errors
    /// `NotFound` for a script or a function that is none; `Conflict` when it is not in service.
    pub(crate) async fn code(&self, actor: &Actor, id: &ScriptId, function: Option<&str>) -> Result<Code> {
        let (script, served) = self.served(actor, id).await?;
        let found = match function {
            Some(name) => served.functions.iter().find(|f| f.name == name),
            None => served.functions.first(),
        };
        let found = found.ok_or_else(|| Error::new(Kind::NotFound, "The script has no such function."))?;
        let public_url = self.0.public_url.as_str().parse().map_err(Error::internal)?;
        let call = Call {
            public_url: &public_url,
            script: script.id.as_str(),
            function: &found.name,
            parameters: &Parameter::listed(&found.parameters),
            timeout_seconds: served.settings.timeout_seconds(),
        };
        Ok(Code {
            url: call.url().to_string(),
            function: found.name.clone(),
            snippets: call.snippets(),
            functions: served.functions,
        })
    }
}
