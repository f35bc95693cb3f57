use gatehouse_types::PageRequest;

use crate::{Queries, Query, Result, Row, Value};

/// A list query with optional conditions: fixed SQL parts, bound values.
///
/// ```text
/// let (rows, total) = Filter::new("id, name", "things", "workspace_id = $", &workspace)
///     .and_if("status = $", status)
///     .page(db, "created_at, id", page).await?;
/// ```
#[derive(Debug)]
pub struct Filter {
    columns: &'static str,
    from: &'static str,
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Filter {
    /// A list of `columns` from `from`, always under the first condition (the workspace). `$` stands for the value.
    pub fn new(
        columns: &'static str,
        from: &'static str,
        condition: &'static str,
        value: impl Into<Value>,
    ) -> Self {
        Self { columns, from, conditions: Vec::new(), values: Vec::new() }.and(condition, value)
    }

    /// Adds a condition; each `$` stands for the one value.
    #[must_use]
    pub fn and(mut self, condition: &'static str, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self.conditions.push(condition.replace('$', &format!("${}", self.values.len())));
        self
    }

    /// Adds a condition when there is a value.
    #[must_use]
    pub fn and_if(self, condition: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(v) => self.and(condition, v),
            None => self,
        }
    }

    /// Adds a condition without a value.
    #[must_use]
    pub fn and_fixed(mut self, condition: &'static str) -> Self {
        self.conditions.push(condition.to_owned());
        self
    }

    /// A case-insensitive "contains" on a lower-cased column; wildcards in the input count as themselves.
    #[must_use]
    pub fn and_contains(self, condition: &'static str, needle: Option<&str>) -> Self {
        let pattern = needle.map(|n| {
            let escaped = n.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            format!("%{escaped}%")
        });
        self.and_if(condition, pattern)
    }

    /// The rows of one page and the number of all rows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page<Q: Queries>(
        self,
        db: &mut Q,
        order: &'static str,
        page: PageRequest,
    ) -> Result<(Vec<Row>, i64)> {
        let Self { columns, from, conditions, values } = self;
        let place = conditions.join(" AND ");
        let count = format!("SELECT COUNT(*) AS n FROM {from} WHERE {place}");
        let total = db.fetch_one(Query::assembled(count, values.clone())).await?.int("n")?;
        let (limit, offset) = (values.len() + 1, values.len() + 2);
        let text = format!(
            "SELECT {columns} FROM {from} WHERE {place} ORDER BY {order} LIMIT ${limit} OFFSET ${offset}"
        );
        let rows =
            db.fetch_all(Query::assembled(text, values).bind(page.limit()).bind(page.offset())).await?;
        Ok((rows, total))
    }
}
