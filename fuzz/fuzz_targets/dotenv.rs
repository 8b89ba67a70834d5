//! `.env`: never a panic, and what was read is read again from what is written.
#![no_main]

use dokuen_core::{parse_dotenv, render_dotenv};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(vars) = parse_dotenv(text) else { return };
    assert_eq!(parse_dotenv(&render_dotenv(&vars.0)), Ok(vars));
});
