//! A command line of curl that somebody pastes.
#![no_main]

use gatehouse_flow::curl::{parse, print};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    match parse(data) {
        Err(refused) => assert!(!refused.to_string().is_empty()),
        Ok(command) => {
            assert!(command.request().is_object());
            assert!(command.headers.iter().all(|(name, value)| !format!("{name}{value}").contains(['\r', '\n'])));
            let again = parse(&print(&command)).expect("what was printed");
            assert_eq!((again.method, &again.url, &again.body), (command.method, &command.url, &command.body));
        }
    }
});
