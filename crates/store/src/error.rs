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
    /// The disk or the database is full. Nothing of the transaction counts.
    #[error("there is no room left for the database")]
    Full(#[source] sqlx::Error),
    /// The one writer of SQLite was not free in time.
    #[error("the database's writer was not free within {} seconds", .0.as_secs_f32())]
    Busy(std::time::Duration),
    /// The commit of the group this transaction was in failed.
    #[error("the commit failed: {0}")]
    Commit(String),
    /// There was no room left for the commit of the group this transaction was in.
    #[error("there was no room left for the commit")]
    CommitFull,
    /// A value cannot be written as JSON.
    #[error("a value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// Whether a unique rule was broken.
    pub fn is_unique(&self) -> bool {
        matches!(self, Self::Unique(_))
    }

    /// Whether there was no room left.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_) | Self::CommitFull)
    }

    /// Whether somebody else held the database for too long.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Busy(_) | Self::Database(sqlx::Error::PoolTimedOut) => true,
            Self::Database(e) => sqlite_code(e).is_some_and(|code| code & 0xff == BUSY),
            _ => false,
        }
    }

    /// Whether SQLite may have given up the whole transaction, and not the one statement alone.
    pub(crate) fn ends_transaction(&self) -> bool {
        let (Self::Database(e) | Self::Full(e)) = self else { return false };
        sqlite_code(e).is_some_and(|code| ROLLED_BACK.contains(&(code & 0xff)))
    }

    /// Turns a broken unique rule into the given public error, anything else into an internal one.
    pub fn or_conflict(self, message: &'static str) -> types::Error {
        if self.is_unique() { types::Error::conflict(message) } else { self.into() }
    }
}

/// SQLite's result code; PostgreSQL's have five characters.
fn sqlite_code(e: &sqlx::Error) -> Option<i64> {
    let code = e.as_database_error().and_then(sqlx::error::DatabaseError::code)?;
    (code.len() < 5).then(|| code.parse().ok())?
}

/// The primary result code of SQLite when another process writes for longer than we wait.
const BUSY: i64 = 5;

/// What the databases say when there is no room: `disk_full` of PostgreSQL; `SQLITE_FULL`, and `SQLITE_IOERR_SHMSIZE`
/// when the index of the write-ahead log cannot grow.
const FULL: [&str; 3] = ["53100", "13", "4874"];

/// The primary result codes after which SQLite may have rolled the whole transaction back by itself: NOMEM,
/// INTERRUPT, IOERR, FULL (<https://sqlite.org/lang_transaction.html>, section 3).
const ROLLED_BACK: [i64; 4] = [7, 9, 10, 13];

impl From<sqlx::Error> for Error {
    fn from(e: sqlx::Error) -> Self {
        match e.as_database_error() {
            Some(d) if d.is_unique_violation() => Self::Unique(e),
            Some(d) if d.code().is_some_and(|code| FULL.contains(&&*code)) => Self::Full(e),
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
            e if e.is_busy() => {
                Self::unavailable("The database is busy. Try again in a moment.").caused_by(e)
            }
            Error::Full(_) | Error::CommitFull => Self::new(
                types::Kind::StorageFull,
                "The server has no room left to keep this. Nothing was changed; try again when its disk has room.",
            )
            .caused_by(e),
            other => Self::internal(other),
        }
    }
}
