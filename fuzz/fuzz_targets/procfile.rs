//! A Procfile: never a panic, and what was read is read again from what it prints.
#![no_main]

use dokuen_core::Procfile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Procfile::refuse_repeated(text);
    let Ok(procfile) = Procfile::parse(text) else { return };
    assert_eq!(Procfile::parse(&procfile.render()).as_ref(), Ok(&procfile));
    for kind in procfile.types() {
        let command = procfile.command(kind).expect("a type has a command");
        assert!(!command.is_empty() && !command.contains(['\n', '\0']), "{command:?}");
    }
});
