//! `mason`: builds an app with a buildpack, without a host.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(dokuen_cli::mason::main(std::env::args_os().collect()))
}
