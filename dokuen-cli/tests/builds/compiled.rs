//! Rust, Go, Ruby with Rack and Rails.

use std::fs;
use std::os::unix::fs::PermissionsExt;
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

const BY_ITS_PATH: &str = r#"
use std::io::{Read, Write};
fn main() {
    let address = format!("127.0.0.1:{}", std::env::var("PORT").unwrap());
    for stream in std::net::TcpListener::bind(address).unwrap().incoming() {
        let mut stream = stream.unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/greeting.txt")).unwrap_or("gone".into());
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
    }
}
"#;

/// Templates and assets are found so in many a program.
#[test]
fn a_program_that_names_its_directory_finds_the_files_of_its_own_release() {
    let app = host().app("named", "static-page");
    app.git(&["rm", "-rfq", "."]).ok();
    app.with("Cargo.toml", "[package]\nname = \"named\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    app.with("Procfile", "web: target/release/named\n").with("src/main.rs", BY_ITS_PATH).greeting("one");
    push(&app).goes_live();
    app.serves("one").greeting("two");
    push(&app).goes_live();
    app.serves("two").dokuen("rollback", &["v1"]).ok().serving("one");
    app.with("src/main.rs", "this is no Rust");
    push(&app).refused();
    app.serves("one").dokuen("builds:purge-cache", &[]).ok().serving("one");
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

/// The gems are the machine's, which Debian has as packages: a Rails app on a host that reaches no gem server.
#[test]
fn rails_has_its_assets_its_database_and_a_key_for_its_sessions() {
    let host = host();
    let app = host.app("visits", "rails");
    let database = format!("DATABASE_URL=sqlite3:{}/visits.sqlite3", host.temp().display());
    app.dokuen("config:set", &[&database, "BUNDLE_PATH__SYSTEM=true"]).ok();
    push(&app)
        .goes_live()
        .says("display: Ruby (Gemfile)")
        .says("using the gems of this machine")
        .says("CreateVisits: migrated");
    let page = app.text("/");
    assert!(page.contains("hello from rails, visit "), "{page}");
    let sheet = page.split('"').find(|part| part.starts_with("/assets/application-")).unwrap().to_owned();
    assert!(app.text(&sheet).contains("color: teal"));
    let secret = app.release("current").join(".profile.d/dokuen-rails.sh");
    assert_eq!(secret.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let key = fs::read(secret).unwrap();

    // Two processes of one release; the database and the key outlive it.
    app.dokuen("scale", &["web=2"]).ok();
    let visit = || app.text("/").split("visit ").nth(1).unwrap().split('<').next().unwrap().parse::<u32>().unwrap();
    let before = visit();
    app.with("note.txt", "x");
    push(&app).goes_live();
    assert!(visit() > before);
    assert_eq!(fs::read(app.release("current").join(".profile.d/dokuen-rails.sh")).unwrap(), key);
    app.dokuen("run", &["bundle", "exec", "rails", "runner", "puts Visit.count > 1"]).ok().stdout_has("true");
}

#[test]
fn gems_that_cannot_be_had_from_elsewhere_are_the_machines_where_they_fit() {
    let host = host();
    let app = host.app("gems", "rack");
    // Nobody listens there, on any machine.
    let source = "source \"http://127.0.0.1:9\"\n";
    app.with("Gemfile", format!("{source}gem \"rack\"\ngem \"puma\"\n"));
    push(&app)
        .goes_live()
        .says("! the gems could not be installed; those of this machine fit the Gemfile and are used");
    app.serves("hello from rack");
    app.with("Gemfile", format!("{source}gem \"rack\", \"0.1\"\n"));
    push(&app).refused().says("! bundler could not install the gems; its words are above");
}
