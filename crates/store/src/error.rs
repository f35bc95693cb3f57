use gatehouse_types as types;

/// What can go wrong below a feature's rules.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row like this exists already.
    #[error("a unique rule of the database was broken")]
    Unique(#[source] sqlx::Error),
    /// The database did not do what it was asked.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// A stored value is not what it should be.
    #[error("column {column} holds something unreadable")]
    Column {
        /// The column.
        column: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A ciphertext does not open: another key, another row, or changed bytes.
    #[error("a sealed value of {0} does not open: its key is missing or its bytes were changed")]
    Unsealable(String),
    /// A file of ours cannot be used as it is.
    #[error("{0}")]
    File(String),
    /// A text holds U+0000, which PostgreSQL cannot keep; refused for both databases alike.
    #[error("a text holds the character NUL")]
    Nul,
    /// The commit of the group this transaction was in failed.
    #[error("the commit failed: {0}")]
    Commit(String),
    /// A value cannot be written as JSON.
    #[error("a value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// Whether a unique rule was broken.
    pub fn is_unique(&self) -> bool {
        matches!(self, Self::Unique(_))
    }

    /// Turns a broken unique rule into the given public error, anything else into an internal one.
    pub fn or_conflict(self, message: &'static str) -> types::Error {
        if self.is_unique() { types::Error::conflict(message) } else { self.into() }
    }
}

impl From<sqlx::Error> for Error {
    fn from(e: sqlx::Error) -> Self {
        match e.as_database_error() {
            Some(d) if d.is_unique_violation() => Self::Unique(e),
            _ => Self::Database(e),
        }
    }
}

impl From<Error> for types::Error {
    fn from(e: Error) -> Self {
        match e {
            Error::Unique(_) => Self::conflict("This exists already.").caused_by(e),
            Error::Nul => {
                Self::new(types::Kind::Validation, "A text must not hold the character NUL (U+0000).")
            }
            Error::Database(sqlx::Error::PoolTimedOut) => {
                Self::unavailable("The database is busy. Try again in a moment.").caused_by(e)
            }
            other => Self::internal(other),
        }
    }
}
