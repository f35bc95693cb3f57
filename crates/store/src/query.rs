use gatehouse_types::{Id, Timestamp};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::{Error, Result};

/// A value bound to a statement. Absent values keep their type, because PostgreSQL asks for it.
#[derive(Clone, Debug)]
pub enum Value {
    /// TEXT.
    Text(Option<String>),
    /// BIGINT.
    Int(Option<i64>),
    /// BOOLEAN.
    Bool(Option<bool>),
}

macro_rules! value_from {
    ($($ty:ty => $variant:ident, $make:expr;)*) => {$(
        impl From<$ty> for Value {
            fn from(v: $ty) -> Self { Self::$variant(Some($make(v))) }
        }
        impl From<Option<$ty>> for Value {
            fn from(v: Option<$ty>) -> Self { Self::$variant(v.map($make)) }
        }
    )*};
}

value_from! {
    &str => Text, str::to_owned;
    String => Text, std::convert::identity;
    i64 => Int, std::convert::identity;
    i32 => Int, i64::from;
    u32 => Int, i64::from;
    bool => Bool, std::convert::identity;
    Timestamp => Int, Timestamp::micros;
}

impl<I: Id> From<&I> for Value {
    fn from(id: &I) -> Self {
        Self::Text(Some(id.as_str().to_owned()))
    }
}

impl<I: Id> From<Option<&I>> for Value {
    fn from(id: Option<&I>) -> Self {
        Self::Text(id.map(|i| i.as_str().to_owned()))
    }
}

/// A statement with its values.
#[derive(Debug)]
pub struct Query {
    pub(crate) text: SqlStr,
    pub(crate) values: Vec<Value>,
}

/// Starts a statement; values are `$1`, `$2`, … and bound in order.
pub fn sql(text: &'static str) -> Query {
    Query { text: text.into_sql_str(), values: Vec::new() }
}

impl Query {
    /// A statement put together at run time out of fixed parts (see [`crate::Filter`]); never out of input.
    pub(crate) fn assembled(text: String, values: Vec<Value>) -> Self {
        Self { text: AssertSqlSafe(text).into_sql_str(), values }
    }

    /// The statement, if the databases can keep its texts.
    pub(crate) fn checked(self) -> Result<Self> {
        let nul = |v: &Value| matches!(v, Value::Text(Some(text)) if text.contains('\0'));
        if self.values.iter().any(nul) { Err(Error::Nul) } else { Ok(self) }
    }

    /// Binds the next value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }
}
