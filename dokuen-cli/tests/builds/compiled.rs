//! Rust, Go, Ruby.

use std::process::Command;

use crate::pushed::{host, push};

fn is_here(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok() || Command::new(program).arg("version").output().is_ok()
}

#[test]
fn axum_is_compiled_and_a_changed_file_alone_compiles_one_crate() {
    let host = host();
    let app = host.app("axum", "axum");
    push(&app).goes_live().says("display: Rust (Cargo.toml)").says("target/release/axum-fixture");
    app.serves("hello from axum");
    app.greeting("hello again");
    let second = push(&app).goes_live();
    assert_eq!(second.text.matches("Compiling").count(), 1, "{}", second.text);
    app.serves("hello again");
    // An older commit has older files; what was built from newer ones must not stand in for it.
    app.git(&["checkout", "-q", "HEAD~1"]).ok();
    app.dokuen("deploy", &[&format!("--rev={}", app.git_says(&["rev-parse", "HEAD"]))]).ok();
    app.serves("hello from axum");
}

#[test]
fn a_go_program_of_the_standard_library() {
    let host = host();
    let app = host.app("gostd", "gostd");
    if !is_here("go") {
        push(&app).refused().says("! this machine has no go");
        return;
    }
    push(&app).goes_live().says("bin/gostd");
    app.serves("hello from go");
    app.with("go.mod", "module example.invalid/gostd\n\ngo 9.1\n");
    push(&app).refused().says("! go.mod asks for Go 9.1; this machine has 1.");
}

#[test]
fn a_rack_app_without_a_gemfile() {
    let host = host();
    let app = host.app("rack", "rack");
    if !is_here("ruby") {
        push(&app).refused().says("! this machine has no ruby");
        return;
    }
    push(&app).goes_live();
    app.serves("hello from rack");
    app.with(".ruby-version", "1.8.7\n");
    push(&app).refused().says("! .ruby-version asks for Ruby 1.8.7; this machine has");
}
