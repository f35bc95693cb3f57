//! The only way out of the house: web calls, DNS look-ups and mail.
//!
//! No other crate opens a socket to the outside. That makes three promises checkable in one place: nobody can
//! make the server call its own network ([`egress`]), every call has a bound on time, size and redirects
//! ([`Http`]), and no secret or query string ends up in an error text ([`Error`]).
//!
//! - [`egress::Policy`] — which addresses may be called.
//! - [`Http`] — the one web client; [`Http::get`] for documents, [`Http::open`] for what comes piece by piece,
//!   [`Http::send`] for anything else.
//! - [`Dns`] — TXT records for domain proofs, addresses for `Http`.
//! - [`Tcp`] — plain connections for custom scripts, under the same policy.
//! - [`Mailer`] — plain-text mail over the operator's SMTP server.
//! - [`lab_dns::DnsStub`] — a name server on loopback, for the lab and for tests.
//!
//! Exempt from the egress policy are the machines the operator names in the settings: DNS server, SMTP server,
//! proxy.

mod dns;
pub mod egress;
mod http;
pub mod lab_dns;
mod mail;
mod tcp;

pub use dns::{DNS_TIMEOUT, Dns, DnsError};
pub use http::{
    Error, Http, HttpConfig, Limits, NotAProxy, OutboundRequest, Patience, ProxyUrl, Refusal, Response,
    Streamed,
};
pub use ipnet::IpNet;
pub use mail::{Mail, MailError, Mailer, SmtpConfig};
pub use reqwest::{Method, StatusCode, header};
pub use tcp::{Tcp, TcpError};
pub use url::Url;
