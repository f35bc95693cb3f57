//! Signing in with a password, what carries the session, and what every change leaves behind.

mod audit;
mod limits;
mod password;
mod repeats;
mod switching;
mod tokens;
