//! `dokuen-acme check | order | revoke | renewal`: JSON (or PEM, to be checked) comes in, JSON goes out.
//!
//! Status 75 (`EX_TEMPFAIL`): the authority is not to be asked again before the time in `{"until": SECONDS, "asked": BOOL}`.

use std::error::Error;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use dokuen_acme::AcmeError;
use serde::Serialize;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain of causes, one a line; a reader that has gone is nobody to tell.
            let causes = std::iter::successors(Some(error.as_ref() as &dyn Error), |error| (*error).source());
            let mut lines: Vec<String> = causes.map(ToString::to_string).collect();
            lines.dedup();
            let _ = writeln!(std::io::stderr(), "{}", lines.join("\n"));
            match error.downcast_ref() {
                Some(AcmeError::Later { until, asked, .. }) => {
                    let _ = print(&serde_json::json!({"until": until, "asked": asked}));
                    ExitCode::from(75)
                }
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let what = std::env::args().nth(1).unwrap_or_default();
    let mut input = String::new();
    std::io::stdin().take(4 << 20).read_to_string(&mut input)?;
    match what.as_str() {
        "check" => print(&dokuen_acme::check(&input, now())?),
        "order" => print(&dokuen_acme::order(&serde_json::from_str(&input)?)?),
        "revoke" => Ok(dokuen_acme::revoke(&serde_json::from_str(&input)?)?),
        "renewal" => print(&dokuen_acme::renewal(&serde_json::from_str(&input)?)?),
        "version" => print(&env!("CARGO_PKG_VERSION")),
        _ => Err("usage: dokuen-acme check | order | revoke | renewal, with what it is about on standard input".into()),
    }
}

fn print(value: &impl Serialize) -> Result<(), Box<dyn Error>> {
    serde_json::to_writer(std::io::stdout(), value)?;
    Ok(())
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
