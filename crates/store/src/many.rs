//! Many rows in few trips.

use gatehouse_types::Timestamp;

use crate::{Query, Result, Tx, Value};

/// Rows of one statement at most, a power of two; SQLite binds 32,766 values to one, PostgreSQL 65,535.
const ROWS: usize = 64;

/// The largest power of two that is no more than `left` and [`ROWS`]: so there are few texts of statements, and the
/// databases know them all.
fn part(left: usize) -> usize {
    [64, 32, 16, 8, 4, 2].into_iter().find(|n| *n <= left.min(ROWS)).unwrap_or(1)
}

/// `($1, $2), ($3, $4)`: so many rows of so many values.
fn places(rows: usize, width: usize) -> String {
    let row = |n: usize| {
        let places: Vec<_> = (1..=width).map(|at| format!("${}", n * width + at)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// The ids of a list for `IN (…)`, after so many values; the last is there as often as it fills a power of two.
fn ids(of: &[String], before: usize) -> (String, Vec<Value>) {
    let count = of.len().next_power_of_two();
    let places: Vec<_> = (1..=count).map(|n| format!("${}", n + before)).collect();
    let last = of.last().into_iter().cycle();
    let values = of.iter().chain(last).take(count).map(|id| Value::from(id.as_str())).collect();
    (places.join(", "), values)
}

impl Tx {
    /// Inserts rows, each with the same number of values. `head` is the beginning of the statement, as
    /// `INSERT INTO t (a, b)`.
    ///
    /// # Errors
    /// `Unique` when a unique rule is broken, else `Database`.
    pub async fn insert_all(&mut self, head: &'static str, rows: Vec<Vec<Value>>) -> Result<()> {
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let count = part(rows.len());
            let some: Vec<_> = rows.by_ref().take(count).collect();
            let width = some.first().map_or(0, Vec::len);
            let text = format!("{head} VALUES {}", places(some.len(), width));
            self.execute(Query::assembled(text, some.into_iter().flatten().collect())).await?;
        }
        Ok(())
    }

    /// Notes a moment in a column of rows of this `id`, where none is noted since `before`. A row that somebody else
    /// holds is left out: nobody waits here, and whoever waits for us waits for nobody of theirs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch(
        &mut self,
        (table, column): (&'static str, &'static str),
        rows: &[String],
        (at, before): (Timestamp, Timestamp),
    ) -> Result<()> {
        for some in rows.chunks(ROWS) {
            let (places, more) = ids(some, 2);
            let due = format!("id IN ({places}) AND ({column} IS NULL OR {column} < $2)");
            let which = match self.is_postgres() {
                true => format!("id IN (SELECT id FROM {table} WHERE {due} FOR NO KEY UPDATE SKIP LOCKED)"),
                false => due,
            };
            let text = format!("UPDATE {table} SET {column} = $1 WHERE {which}");
            let mut values = vec![Value::from(at), Value::from(before)];
            values.extend(more);
            self.execute(Query::assembled(text, values)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_few_texts() {
        let mut left = 200;
        let mut parts = Vec::new();
        while left > 0 {
            parts.push(part(left));
            left -= part(left);
        }
        assert_eq!(parts, [64, 64, 64, 8]);
        assert_eq!(places(2, 3), "($1, $2, $3), ($4, $5, $6)");
        let (text, values) = ids(&["a", "b", "c"].map(str::to_owned), 2);
        assert_eq!((text.as_str(), values.len()), ("$3, $4, $5, $6", 4));
    }
}
