//! The only two places where a shell runs: a Procfile line, and the argv of a one-off, both as the app.

use std::path::Path;

/// `.profile.d/*.sh` is sourced before every process and one-off, as buildpacks expect.
const PROFILE: &str = r#"for f in .profile.d/*.sh; do if [ -r "$f" ]; then . "$f"; fi; done; unset f; "#;

/// The argv that runs a Procfile line. Buildpacks and Procfiles are written for bash; where there is none, sh it is.
pub fn line_in_shell(line: &str, tree: &Path) -> Vec<String> {
    let script = if has_profile(tree) { format!("{PROFILE}\n{line}") } else { line.to_owned() };
    vec![shell().to_owned(), "-c".to_owned(), script]
}

/// The argv that runs `words` exactly as they are, after the profile scripts.
pub fn argv_in_shell(words: &[String], tree: &Path) -> Vec<String> {
    let profile = if has_profile(tree) { PROFILE } else { "" };
    let fixed = [shell().to_owned(), "-c".to_owned(), format!("{profile}exec \"$@\""), "run".to_owned()];
    fixed.into_iter().chain(words.iter().cloned()).collect()
}

fn has_profile(tree: &Path) -> bool {
    tree.join(".profile.d").is_dir()
}

fn shell() -> &'static str {
    if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" }
}
