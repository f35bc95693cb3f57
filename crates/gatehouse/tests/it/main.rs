//! The whole program over HTTP, on both kinds of database: what a caller sees, and what a refused one does not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where its expectation does")]

mod api_keys;
mod audit_log;
mod authorization;
mod connect;
mod connections;
mod connectors;
mod egress;
mod errors;
mod events;
mod flows;
mod keyring;
mod lab_oauth;
mod openapi;
mod openid;
mod operations;
mod rows;
mod rules;
mod saml;
mod saml_depth;
mod scim;
mod scripts;
mod second_step;
mod sign_in;
mod social;
mod support;
mod wsfed;

mod people;
