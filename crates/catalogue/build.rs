//! A file put into `types/` must reach the program although no Rust file names it.
#![allow(clippy::print_stdout)] // how a build script speaks to Cargo

fn main() {
    println!("cargo:rerun-if-changed=types");
}
