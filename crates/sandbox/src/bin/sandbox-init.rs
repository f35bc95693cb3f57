//! The init process alone, for the tests of this crate.

fn main() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == gatehouse_sandbox::INIT_SUBCOMMAND) {
        gatehouse_sandbox::init_main()
    }
}
