use crate::{Queries, Query, Result, Row, Store, Value};

/// A condition or an expression put together at run time out of fixed parts and bound values; never out of input. What the
/// databases say differently about JSON in TEXT columns is chosen when it is asked.
#[derive(Clone, Debug, Default)]
pub struct Condition(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Fixed(&'static str),
    Value(Value),
    /// The text under a key of an object in a column.
    JsonText(&'static str, String),
    /// The elements of the list under a key of an object in a column, as the table `x` with the column `value`.
    JsonElements(&'static str, String),
    /// The elements of a bound JSON list, as the table `x` with the column `value`.
    Elements(String),
    /// The text under a key of `x.value`.
    ElementText(String),
    /// Texts are ordered by their bytes behind this.
    ByBytes,
}

impl Condition {
    /// A fixed part.
    pub fn fixed(text: &'static str) -> Self {
        Self(vec![Part::Fixed(text)])
    }

    /// A bound value.
    pub fn value(value: impl Into<Value>) -> Self {
        Self(vec![Part::Value(value.into())])
    }

    /// The text under a key of the JSON object in a column; NULL when there is none.
    pub fn json_text(column: &'static str, key: impl Into<String>) -> Self {
        Self(vec![Part::JsonText(column, key.into())])
    }

    /// The text under a key of the element that [`Condition::any_element`] looks at.
    pub fn element_text(key: impl Into<String>) -> Self {
        Self(vec![Part::ElementText(key.into())])
    }

    /// The elements of a bound JSON list as a table `x`, for `FROM`: many rows in one statement. What is at a place of an
    /// element that is a list is `(x.value ->> 0)`, `(x.value ->> 1)`, …; numbers need a `CAST`.
    pub fn elements(list: &serde_json::Value) -> Self {
        Self(vec![Part::Elements(list.to_string())])
    }

    /// A text that is ordered by its bytes, on either database.
    #[must_use]
    pub fn by_bytes(mut self) -> Self {
        self.0.push(Part::ByBytes);
        self
    }

    /// Whether an element of the JSON list under a key of the object in a column passes.
    pub fn any_element(column: &'static str, key: impl Into<String>, passes: Self) -> Self {
        let elements = Self(vec![Part::JsonElements(column, key.into())]);
        Self::fixed("EXISTS (SELECT 1 FROM ").then(elements).sql(" WHERE ").then(passes).sql(")")
    }

    /// Whether it has no part.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends a fixed part.
    #[must_use]
    pub fn sql(mut self, text: &'static str) -> Self {
        self.0.push(Part::Fixed(text));
        self
    }

    /// Appends a bound value.
    #[must_use]
    pub fn bind(self, value: impl Into<Value>) -> Self {
        self.then(Self::value(value))
    }

    /// Appends another one.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// All of them; `TRUE` of none.
    pub fn all(parts: Vec<Self>) -> Self {
        Self::joined(parts, " AND ", "TRUE")
    }

    /// One of them; `FALSE` of none.
    pub fn any(parts: Vec<Self>) -> Self {
        Self::joined(parts, " OR ", "FALSE")
    }

    fn joined(parts: Vec<Self>, word: &'static str, none: &'static str) -> Self {
        if parts.is_empty() {
            return Self::fixed(none);
        }
        let mut all = Self::fixed("(");
        for (n, part) in parts.into_iter().enumerate() {
            all = if n == 0 { all } else { all.sql(word) };
            all = all.then(part);
        }
        all.sql(")")
    }

    /// Not this one.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::fixed("NOT (").then(self).sql(")")
    }

    /// Whether an expression is one of the values; `FALSE` for none.
    pub fn one_of(expression: &'static str, values: impl IntoIterator<Item = String>) -> Self {
        let mut all = Self::fixed(expression).sql(" IN (");
        let mut count = 0;
        for value in values {
            all = if count == 0 { all } else { all.sql(", ") };
            all = all.bind(value);
            count += 1;
        }
        if count == 0 { Self::fixed("FALSE") } else { all.sql(")") }
    }

    fn render(self, is_postgres: bool, text: &mut String, values: &mut Vec<Value>) {
        for part in self.0 {
            let mut place = |value: Value| {
                values.push(value);
                format!("${}", values.len())
            };
            match part {
                Part::Fixed(fixed) => text.push_str(fixed),
                Part::Value(value) => text.push_str(&place(value)),
                Part::JsonText(column, key) => {
                    let key = place(key.into());
                    text.push_str(&match is_postgres {
                        true => format!("(CAST({column} AS JSONB) ->> {key})"),
                        false => format!("({column} ->> {key})"),
                    });
                }
                Part::JsonElements(column, key) => {
                    let key = place(key.into());
                    text.push_str(&match is_postgres {
                        true => format!("jsonb_array_elements(CAST({column} AS JSONB) -> {key}) AS x(value)"),
                        false => format!("json_each({column} -> {key}) AS x"),
                    });
                }
                Part::Elements(list) => {
                    let list = place(list.into());
                    text.push_str(&match is_postgres {
                        true => format!("jsonb_array_elements(CAST({list} AS JSONB)) AS x(value)"),
                        false => format!("json_each({list}) AS x"),
                    });
                }
                Part::ElementText(key) => {
                    let key = place(key.into());
                    text.push_str(&format!("(x.value ->> {key})"));
                }
                // SQLite orders so by itself
                Part::ByBytes if is_postgres => text.push_str(" COLLATE \"C\""),
                Part::ByBytes => {}
            }
        }
    }

    /// A whole statement made of this.
    pub fn statement(self, store: &Store) -> Query {
        let (mut text, mut values) = (String::new(), Vec::new());
        self.render(store.kind() == "PostgreSQL", &mut text, &mut values);
        Query::assembled(text, values)
    }

    /// The rows of `SELECT head WHERE self tail`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rows<Q: Queries>(
        self,
        store: &Store,
        db: &mut Q,
        head: &'static str,
        tail: Self,
    ) -> Result<Vec<Row>> {
        let whole = Self::fixed(head).sql(" WHERE ").then(self).then(tail);
        db.fetch_all(whole.statement(store)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(condition: Condition, is_postgres: bool) -> (String, usize) {
        let (mut text, mut values) = (String::new(), Vec::new());
        condition.render(is_postgres, &mut text, &mut values);
        (text, values.len())
    }

    #[test]
    fn a_condition_is_put_together_for_each_database() {
        let condition = || {
            let name = Condition::json_text("e.search", "name").by_bytes().sql(" = ").bind("x");
            let work = Condition::element_text("type").sql(" = ").bind("work");
            Condition::any(vec![name, Condition::any_element("e.search", "emails", work).negated()])
        };
        let (sqlite, values) = rendered(condition(), false);
        assert_eq!(values, 5);
        assert_eq!(
            sqlite,
            "((e.search ->> $1) = $2 OR NOT (EXISTS (SELECT 1 FROM json_each(e.search -> $3) AS x WHERE (x.value ->> $4) = $5)))"
        );
        let (postgres, _) = rendered(condition(), true);
        assert!(postgres.contains("(CAST(e.search AS JSONB) ->> $1) COLLATE \"C\" = $2"), "{postgres}");
        assert!(
            postgres.contains("jsonb_array_elements(CAST(e.search AS JSONB) -> $3) AS x(value)"),
            "{postgres}"
        );
    }

    #[test]
    fn nothing_of_nothing_passes_and_everything_of_everything() {
        assert_eq!(rendered(Condition::all(Vec::new()), false).0, "TRUE");
        assert_eq!(rendered(Condition::any(Vec::new()), false).0, "FALSE");
        assert_eq!(rendered(Condition::one_of("id", Vec::new()), false).0, "FALSE");
        assert_eq!(rendered(Condition::one_of("id", ["a".into(), "b".into()]), true).0, "id IN ($1, $2)");
    }
}
