//! The harness: a whole server on a fresh database, its callers, and the lab's identity provider.

mod app;
mod backup;
mod client;
mod lab;
mod op;
mod openid;
mod outside;
mod process;
mod receiver;
mod smtp;
mod wsfed;

pub(crate) use app::{PASSWORD, TestApp};
pub(crate) use backup::unpacked;
pub(crate) use client::{Answer, Client};
pub(crate) use lab::{Form, LabConnection};
pub(crate) use op::{Asked, Op, Signer};
pub(crate) use outside::Outside;

pub(crate) use process::{Program, Serving, without_settings};
pub(crate) use receiver::{Received, Receiver};
pub(crate) use smtp::SmtpSink;
pub(crate) use wsfed::token_form;

pub(crate) use gatehouse_testkit::Kind;

/// Runs each named test, an `async fn(TestApp)`, once on SQLite and once on PostgreSQL; another beginning than `start`
/// stands in front.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => { $crate::support::on_both!(start: $($name),*); };
    ($start:ident: $($name:ident),* $(,)?) => { $(
        mod $name {
            use crate::support::{Kind, TestApp};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(TestApp::$start(Kind::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(TestApp::$start(Kind::Postgres).await).await;
            }
        }
    )* };
}
pub(crate) use on_both;
