use std::process::ExitCode;

use gatehouse_store::DatabaseUrl;

use crate::app::Parts;
use crate::{App, Overrides, Settings};

/// Prints the document; it is built from the routes themselves, over a database that lives for this moment.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let dir = tempfile::tempdir()?;
    let mut settings = Settings::load(None, std::iter::empty(), Overrides::new())?;
    settings.data_dir = dir.path().join("data");
    settings.database = DatabaseUrl::Sqlite(None);
    let document = super::runtime()?.block_on(async {
        let public_url = settings.public_url_at(settings.listen)?;
        let app = App::open(&settings, public_url, Parts::default()).await?;
        anyhow::Ok(app.openapi())
    })?;
    super::admin::println(&document.to_pretty_json()?);
    Ok(ExitCode::SUCCESS)
}
