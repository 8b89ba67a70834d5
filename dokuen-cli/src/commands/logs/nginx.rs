//! What nginx says of an app: its requests, and what went wrong with them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use dokuen_core::{App, Host, NginxKind, Stamp, Zone, fs};

use super::files::Files;
use super::line::Line;
use crate::exit::{Exit, Failure};
use crate::front_door;

/// Which of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Access,
    Error,
}

/// Logs that can be read, and the names by which nginx knows the app's servers.
#[derive(Debug)]
pub struct Logs {
    shared_access: PathBuf,
    files: Vec<(PathBuf, Which)>,
    names: Vec<String>,
    zone: Zone,
}

impl Logs {
    /// Those of this app that are asked for.
    pub fn of(host: &Host, app: &App, asked: &[Which]) -> Result<Self, Failure> {
        let dir = host.nginx_logs_dir();
        let shared_access = dir.join("access.log");
        let candidates = [
            (dir.join(dokuen_nginx::access_log(&app.name)), Which::Access),
            (shared_access.clone(), Which::Access),
            (dir.join("error.log"), Which::Error),
        ];
        // The machine's nginx does not say in its log which name a request was for.
        let own = host.conf.nginx == NginxKind::Own;
        let candidates = candidates.into_iter().filter(|(path, _)| own || *path != shared_access);
        let (mut files, mut closed) = (Vec::new(), None);
        for (path, which) in candidates.filter(|(_, which)| asked.contains(which)) {
            match fs::open(&path) {
                Ok(_) => files.push((path, which)),
                Err(e) if e.source.kind() == ErrorKind::PermissionDenied => closed = Some(path),
                // It comes with the first request.
                Err(e) if e.is_not_found() && own => files.push((path, which)),
                Err(e) if e.is_not_found() => {}
                Err(e) => return Err(e.into()),
            }
        }
        if files.is_empty() && !own {
            return Err(not_seen(host, app, closed.as_deref()));
        }
        Ok(Self { shared_access, files, names: names(host, app)?, zone: Zone::here() })
    }
}

/// The machine's nginx has its logs where its admins want them to be read.
fn not_seen(host: &Host, app: &App, closed: Option<&Path>) -> Failure {
    match closed {
        Some(path) => {
            let text = format!("nginx is the machine's own here, and `{}` is not for {}", path.display(), place(host));
            let hint = format!("sudo usermod -aG adm {}, or: sudo tail -F {}", place(host), path.display());
            Failure::new(Exit::Denied, text).hint(hint)
        }
        None => {
            let text = format!("the machine's nginx keeps no log of {} alone", app.name);
            Failure::new(Exit::NotFound, text).hint(format!("dokuen nginx:set -a {} access-log=combined", app.name))
        }
    }
}

fn place(host: &Host) -> &str {
    &host.conf.app_user
}

/// nginx names the server that a request met by the first of its names.
fn names(host: &Host, app: &App) -> Result<Vec<String>, Failure> {
    let (names, redirects) = front_door::names::all(host, app, &app.env().load()?)?;
    let own = app.domain(&host.conf)?.to_string();
    let redirected = redirects.iter().map(|redirect| redirect.from.to_string());
    Ok(std::iter::once(own).chain(names.iter().map(ToString::to_string)).chain(redirected).collect())
}

impl Files for Logs {
    fn paths(&self) -> Result<Vec<PathBuf>, Failure> {
        Ok(self.files.iter().map(|(path, _)| path.clone()).collect())
    }

    fn line(&self, path: &Path, text: &str) -> Option<Line> {
        let which = self.files.iter().find(|(other, _)| other == path)?.1;
        match which {
            Which::Error => {
                let at = self.zone.read(&text.get(..19)?.replace('/', "-"))?;
                self.is_ours(server_of(text)?).then(|| line(at, "nginx.error", &text[20..]))
            }
            Which::Access if *path == self.shared_access => {
                let mut words = text.splitn(3, ' ');
                let (at, server, rest) = (words.next()?, words.next()?, words.next()?);
                let at = Stamp::parse_with_offset(at)?;
                self.is_ours(server).then(|| line(at, "nginx.access", rest))
            }
            Which::Access => Some(line(moment_of(text)?, "nginx.access", text)),
        }
    }
}

impl Logs {
    fn is_ours(&self, server: &str) -> bool {
        self.names.iter().any(|name| name == server)
    }
}

fn line(at: Stamp, process: &str, text: &str) -> Line {
    Line::new(&at.for_people(), process, text)
}

/// `hello.example` in `..., client: 192.0.2.1, server: hello.example, request: "GET /...`: nginx's word, not the client's.
fn server_of(text: &str) -> Option<&str> {
    let (_, context) = text.split_once(", client: ")?;
    let (server, _) = context.split_once(", server: ")?.1.split_once(", request: ")?;
    Some(server)
}

/// Of a log of the app's own: `{"time":"2026-01-01T12:00:00+00:00",...`, or `... [01/Jan/2026:12:00:00 +0000] "GET /...`.
fn moment_of(text: &str) -> Option<Stamp> {
    if let Some(rest) = text.strip_prefix("{\"time\":\"") {
        return Stamp::parse_with_offset(rest.split('"').next()?);
    }
    // Whoever asks may have a name with a bracket in it.
    text.match_indices('[').find_map(|(at, _)| Stamp::parse_with_offset(text[at + 1..].split(']').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_log_says_when_and_whose() {
        let noon = Stamp::parse_for_people("2026-01-01 12:00:00");
        for text in [
            "{\"time\":\"2026-01-01T13:00:00+01:00\",\"host\":\"x\"}",
            "127.0.0.1 - - [01/Jan/2026:12:00:00 +0000] \"GET / HTTP/1.1\" 200 5",
            "127.0.0.1 - a[b] [01/Jan/2026:12:00:00 +0000] \"GET /[x] HTTP/1.1\" 200 5",
        ] {
            assert_eq!(moment_of(text), noon, "{text}");
        }
        assert_eq!((moment_of("{\"time\":"), moment_of("x [y] z")), (None, None));
        let error = "2026/01/01 12:00:00 [error] 7#7: *1 open() failed, client: 127.0.0.1, server: a.test, \
                     request: \"GET /, client: x, server: b.test, request: HTTP/1.1\", host: \"b.test\"";
        assert_eq!(server_of(error), Some("a.test"));
        assert_eq!(server_of("2026/01/01 12:00:00 [notice] 7#7: signal process started"), None);
    }
}
