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

    /// Several writes as one text, their values renumbered: for SQLite a row of statements, for PostgreSQL one
    /// statement of which the others are parts (data-modifying `WITH`).
    pub(crate) fn together(mut all: Vec<Self>, is_postgres: bool) -> Self {
        if all.len() == 1
            && let Some(only) = all.pop()
        {
            return only;
        }
        let (count, mut text, mut values) = (all.len(), String::new(), Vec::new());
        for (n, query) in all.into_iter().enumerate() {
            let is_last = n + 1 == count;
            match (is_postgres, n, is_last) {
                (true, _, true) => text.push(' '),
                (true, 0, false) => text.push_str("WITH w0 AS ("),
                (true, ..) => text.push_str(&format!(", w{n} AS (")),
                (false, 0, _) => {}
                (false, ..) => text.push_str("; "),
            }
            renumber(&mut text, query.text.as_str(), values.len());
            if is_postgres && !is_last {
                text.push(')');
            }
            values.extend(query.values);
        }
        Self::assembled(text, values)
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

/// Appends a statement with `$1` standing for the value after the first `before`.
fn renumber(out: &mut String, statement: &str, before: usize) {
    let mut parts = statement.split('$');
    out.extend(parts.next());
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        out.push('$');
        match number.parse::<usize>() {
            Ok(number) => out.push_str(&(number + before).to_string()),
            Err(_) => out.push_str(number),
        }
        out.push_str(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<Query> {
        vec![
            sql("INSERT INTO a (x, y) VALUES ($1, $2)").bind("x").bind(1_i64),
            sql("UPDATE b SET z = $2 WHERE id = $1").bind("id").bind(true),
        ]
    }

    #[test]
    fn writes_that_go_together_count_their_values_on() {
        let sqlite = Query::together(two(), false);
        assert_eq!(
            sqlite.text.as_str(),
            "INSERT INTO a (x, y) VALUES ($1, $2); UPDATE b SET z = $4 WHERE id = $3"
        );
        assert_eq!(sqlite.values.len(), 4);
        let postgres = Query::together(two(), true);
        assert_eq!(
            postgres.text.as_str(),
            "WITH w0 AS (INSERT INTO a (x, y) VALUES ($1, $2)) UPDATE b SET z = $4 WHERE id = $3"
        );
    }

    #[test]
    fn a_write_alone_stays_as_it_is() {
        let text = "DELETE FROM a WHERE x = $1";
        assert_eq!(Query::together(vec![sql(text).bind("x")], true).text.as_str(), text);
    }
}
