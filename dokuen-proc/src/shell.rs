//! The only place where shells are: a Procfile line, and the argv of a one-off, both as the app. A line that needs no
//! shell gets none: that saves its start, and where it would stay, its memory.

use std::path::{Path, PathBuf};

use dokuen_core::Environment;
use nix::unistd::{AccessFlags, access};

/// `.profile.d/*.sh` is sourced before every process and one-off, as buildpacks expect.
const PROFILE: &str = r#"for f in .profile.d/*.sh; do if [ -r "$f" ]; then . "$f"; fi; done; unset f; "#;

/// Words that mean something to the shell itself when they come first.
const BUILTINS: &str = "alias bg bind break builtin caller case cd command compgen complete compopt continue coproc \
    declare dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for function getopts \
    hash help history if in jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return \
    select set shift shopt source suspend test then time times trap true type typeset ulimit umask unalias unset until \
    wait while . :";

/// The argv that runs a Procfile line. Buildpacks and Procfiles are written for bash; where there is none, sh it is.
pub fn line_in_shell(line: &str, tree: &Path) -> Vec<String> {
    let script = match (has_profile(tree), plain(line)) {
        (false, _) => line.to_owned(),
        // The shell has nothing left to do after it: it need not stay.
        (true, Some(words)) => format!("{PROFILE}\nexec {}", words.join(" ")),
        (true, None) => format!("{PROFILE}\n{line}"),
    };
    vec![shell().to_owned(), "-c".to_owned(), script]
}

/// The same for a line that is given a listening socket as its standard input: it finds it as descriptor 3, as systemd
/// would have left it there.
pub fn line_with_listener(line: &str, tree: &Path) -> Vec<String> {
    let mut argv = line_in_shell(line, tree);
    let script = argv.pop().unwrap_or_default();
    // LISTEN_PID must be the app's own pid, which a shell that the app replaces has.
    let script = if plain(line).is_some() && !has_profile(tree) { format!("exec {}", bare(line)) } else { script };
    argv.push(format!("exec 3<&0 0</dev/null; export LISTEN_PID=$$\n{script}"));
    argv
}

fn bare(line: &str) -> &str {
    let line = line.trim();
    line.strip_prefix("exec ").or_else(|| line.strip_prefix("exec\t")).unwrap_or(line)
}

/// The argv that runs `words` exactly as they are, after the profile scripts.
pub fn argv_in_shell(words: &[String], tree: &Path) -> Vec<String> {
    let profile = if has_profile(tree) { PROFILE } else { "" };
    let fixed = [shell().to_owned(), "-c".to_owned(), format!("{profile}exec \"$@\""), "run".to_owned()];
    fixed.into_iter().chain(words.iter().cloned()).collect()
}

/// The argv of a line that runs the same without a shell, its program by an absolute path: nothing but plain words and
/// variables whose values are such. `None` when a shell is needed, or has to say that there is no such program.
pub fn argv_without_shell(line: &str, tree: &Path, environment: &Environment) -> Option<Vec<String>> {
    let words = plain(line).filter(|_| !has_profile(tree))?;
    let mut argv = words.iter().map(|word| expanded(word, environment)).collect::<Option<Vec<_>>>()?;
    let program = found(&argv[0], tree, environment.text("PATH")?)?;
    argv[0] = program.to_str()?.to_owned();
    Some(argv)
}

/// The words of a line in which the shell would find nothing to do but to expand variables, without a leading `exec`.
fn plain(line: &str) -> Option<Vec<&str>> {
    let mut words: Vec<_> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    if words.first() == Some(&"exec") {
        words.remove(0);
    }
    let program = words.first()?;
    let own = program.contains(['=', '$']) || program.starts_with('-') || BUILTINS.split(' ').any(|b| b == *program);
    (!own && words.iter().all(|word| pieces(word).is_some())).then_some(words)
}

/// A piece of a word.
enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// A word's pieces; `None` when it holds anything else that a shell would act on.
fn pieces(word: &str) -> Option<Vec<Piece<'_>>> {
    let mut parts = word.split('$');
    let mut all = vec![Piece::Text(parts.next()?)];
    for part in parts {
        let (name, rest) = match part.strip_prefix('{') {
            Some(braced) => braced.split_once('}')?,
            None => part.split_at(part.find(|c| !is_name(c)).unwrap_or(part.len())),
        };
        let legal = !name.is_empty() && name.chars().all(is_name) && !name.starts_with(|c: char| c.is_ascii_digit());
        all.extend(legal.then_some([Piece::Variable(name), Piece::Text(rest)])?);
    }
    all.iter().all(|p| !matches!(p, Piece::Text(text) if !is_plain(text))).then_some(all)
}

/// A word with its variables' values. An unset or empty one, or one that the shell would split, is the shell's business.
fn expanded(word: &str, environment: &Environment) -> Option<String> {
    let value = |piece| match piece {
        Piece::Text(text) => Some(text),
        Piece::Variable(name) => environment.text(name).filter(|value| !value.is_empty() && is_plain(value)),
    };
    pieces(word)?.into_iter().map(value).collect()
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./:=,@%+-".contains(&b))
}

/// Where the program is, as the shell would find it from `tree`.
fn found(program: &str, tree: &Path, search_path: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
    if program.contains('/') {
        return Some(tree.join(program)).filter(is_program);
    }
    search_path.split(':').map(|dir| tree.join(dir).join(program)).find(is_program)
}

fn has_profile(tree: &Path) -> bool {
    tree.join(".profile.d").is_dir()
}

fn shell() -> &'static str {
    if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Option<String> {
        let environment = Environment::default()
            .with("PATH", "/nowhere:/bin:/usr/bin")
            .with("PORT", "5000")
            .with("EMPTY", "")
            .with("TWO", "a b")
            .with("STAR", "*");
        Some(argv_without_shell(line, Path::new("/"), &environment)?.join("|"))
    }

    #[test]
    fn plain_lines_need_no_shell() {
        for (line, wanted) in [
            ("sleep 5", "/bin/sleep|5"),
            ("  exec\tsleep  5 ", "/bin/sleep|5"),
            ("bin/sleep --x=$PORT -b 0.0.0.0:${PORT}", "/bin/sleep|--x=5000|-b|0.0.0.0:5000"),
            ("/bin/sleep a,b@c%d+e", "/bin/sleep|a,b@c%d+e"),
        ] {
            assert_eq!(argv(line).as_deref(), Some(wanted), "{line}");
        }
    }

    #[test]
    fn whatever_a_shell_would_act_on_goes_to_a_shell() {
        for line in [
            "",
            "exec",
            "sleep 1; sleep 2",
            "sleep 1 | cat",
            "sleep 1 &",
            "A=1 sleep 1",
            "sleep 'a b'",
            "sleep \"$PORT\"",
            "sleep a*",
            "sleep ~",
            "sleep #1",
            "sleep $(id)",
            "sleep `id`",
            "sleep {1,2}",
            "sleep $UNSET",
            "sleep $EMPTY",
            "sleep $TWO",
            "sleep $STAR",
            "sleep $",
            "sleep ${PORT",
            "sleep ${PORT:-1}",
            "sleep $1",
            "sleep ü",
            "$PORT",
            "echo x",
            "cd x",
            ". x",
            ": x",
            "true",
            "nosuchprogram 1",
            "./nosuchprogram",
            "/etc/passwd",
            "/bin",
            "! sleep 1",
            "exec exec sleep 1",
            "exec -a x sleep 1",
            "sleep a\\b",
            "sleep <x",
            "sleep >x",
            "sleep [a]",
            "sleep a?",
        ] {
            assert_eq!(argv(line), None, "{line}");
        }
    }

    #[test]
    fn after_profile_scripts_a_plain_line_replaces_the_shell() {
        let dir = tempfile::tempdir().unwrap();
        dokuen_core::fs::make_dir(&dir.path().join(".profile.d"), 0o755).unwrap();
        assert!(line_in_shell("sleep $PORT", dir.path())[2].ends_with("\nexec sleep $PORT"));
        assert!(line_in_shell("sleep 1; ls", dir.path())[2].ends_with("\nsleep 1; ls"));
        assert_eq!(line_in_shell("sleep 1; ls", Path::new("/"))[2], "sleep 1; ls");
        let path = Environment::default().with("PATH", "/bin");
        assert_eq!(argv_without_shell("sleep 1", dir.path(), &path), None);
    }
}
