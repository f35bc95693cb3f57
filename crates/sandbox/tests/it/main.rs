//! The isolation engine against what hostile and clumsy scripts do.
//!
//! Runs as root on a machine with control groups. What a machine lacks fails the tests, with the words of the probe.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod basics;
mod bombs;
mod egress;
mod ends;
mod files;
mod forgery;
mod kernel;
mod leaks;
mod listing;
mod network;
mod ordinary;
mod orphans;
mod results;
mod rootless;
mod workshop;
