//! `gatehouse`: see [`gatehouse::cli`].

fn main() -> std::process::ExitCode {
    // The hidden subcommand of sandboxes: it must come before anything starts a thread.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == gatehouse_sandbox::INIT_SUBCOMMAND) {
        gatehouse_sandbox::init_main()
    }
    gatehouse::cli::main()
}
