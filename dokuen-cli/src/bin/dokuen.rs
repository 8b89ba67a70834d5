//! `dokuen`, and by other names the hook.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(dokuen_cli::main(std::env::args_os().collect()))
}
