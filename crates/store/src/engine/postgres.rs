use sqlx::postgres::PgArguments;
use sqlx::query::Query as SqlxQuery;
use sqlx::{Executor, Postgres};

use crate::{Query, Result, Row, Value};

fn bound(query: Query) -> SqlxQuery<'static, Postgres, PgArguments> {
    query.values.into_iter().fold(sqlx::query(query.text), |q, v| match v {
        Value::Text(v) => q.bind(v),
        Value::Int(v) => q.bind(v),
        Value::Bool(v) => q.bind(v),
    })
}

pub(crate) async fn fetch_all<'c, E>(executor: E, query: Query) -> Result<Vec<Row>>
where
    E: Executor<'c, Database = Postgres>,
{
    Ok(bound(query.checked()?).fetch_all(executor).await?.into_iter().map(Row::Postgres).collect())
}

pub(crate) async fn execute<'c, E>(executor: E, query: Query) -> Result<u64>
where
    E: Executor<'c, Database = Postgres>,
{
    Ok(bound(query.checked()?).execute(executor).await?.rows_affected())
}
