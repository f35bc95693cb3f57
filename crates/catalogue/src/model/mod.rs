//! What a connector type says. Passive data: read from TOML or JSON with unknown keys refused, then judged
//! as a whole by [`validate`](crate::validate()).

mod action;
mod auth;
mod connector;
mod guide;
mod oauth;

pub use action::{
    Action, Body, BodyFormat, Method, Paging, PagingStyle, Parameter, ParameterPlace, ParameterStyle,
    ParameterType,
};
pub use auth::{
    AuthKind, AuthType, Aws, Basic, Jwt, JwtAlgorithm, Lookup, LookupValue, OAuth1, OAuth1Signature, Place,
    Placement, Prefer, Session,
};
pub use connector::{
    ApiState, Category, Checked, ConnectorType, ErrorRules, Field, FieldFormat, FieldType, Icon,
    ResponseTest, TestRequest,
};
pub use guide::{GuideStep, Sheet, SheetFormat, SheetRow};
pub use oauth::{ClientAuth, ExpectedClaim, OAuth, Refresh, RefreshLifetime, TokenBody, TokenValue};
