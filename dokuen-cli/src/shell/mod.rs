//! `dokuen-shell USER`: what sshd runs for a key, and nothing else runs. It gets one string, takes it for words without
//! any expansion, looks the person up in the table of rights, and then is `dokuen` or git.
//!
//! It may also be the login shell of the account (`dokuen-shell -c COMMAND`), which spares every session the start of a
//! shell that reads `~/.bashrc` first; it then runs forced commands of its own and nothing else.

pub mod environment;
mod git;
mod request;
pub mod sessions;
mod words;

use std::ffi::OsString;

use dokuen_core::{Host, UserName};

use crate::exit::{Exit, Failure};
use crate::place::{self, Visitor};
use crate::printer::Printer;
use crate::{access, args, commands, keys};
use request::Request;

/// One session, from the words of sshd to an exit status.
pub fn run(args: &[OsString], out: &mut Printer) -> Result<u8, Failure> {
    environment::drop_all_but(args, "dokuen-shell", |_| false)?;
    let user = caller(args)?;
    let host = place::host(None)?;
    if !host.key_file(&user).exists() {
        return Err(Failure::new(Exit::Denied, format!("the key of {user} was taken out")));
    }
    let from = environment::text("SSH_CONNECTION").and_then(|text| text.split(' ').next().map(str::to_owned));
    let visitor = place::receive(Visitor { user, from: from.unwrap_or_default() });
    keys::note_use(&host, &visitor.user, &visitor.from);
    let line = environment::bytes("SSH_ORIGINAL_COMMAND").unwrap_or_default();
    match Request::parse(&line)? {
        Request::Nothing => welcome(&host, visitor, out),
        Request::Git { service, app } => git::serve(&host, visitor, service, &app),
        Request::Dokuen(words) => dokuen(&host, visitor, words, out),
    }
}

/// A session that Gitolite has let in: it serves git itself, so only Dokuen's commands come here.
pub fn asked_by_gitolite(host: &Host, visitor: &Visitor, line: &[u8], out: &mut Printer) -> Result<u8, Failure> {
    match Request::parse(line)? {
        Request::Dokuen(words) => dokuen(host, visitor, words, out),
        Request::Nothing | Request::Git { .. } => {
            let text = "Gitolite called dokuen for something that is no command of dokuen";
            Err(Failure::new(Exit::Denied, text)
                .hint("over ssh: ssh HOST dokuen help; on the host itself: DIR/bin/dokuen"))
        }
    }
}

/// Whose key it is: sshd was told so in the line of that key.
fn caller(args: &[OsString]) -> Result<UserName, Failure> {
    let refused =
        || Failure::new(Exit::Denied, "this account has no shell: it serves dokuen and git to its users' keys");
    let words: Vec<String> = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["-c", forced] => {
            let forced = words::split(forced.as_bytes()).map_err(|_| refused())?;
            let [program, user] = &forced[..] else { return Err(refused()) };
            let program = std::path::Path::new(program);
            let shell = place::own_program()?.with_file_name("dokuen-shell");
            if program != shell { Err(refused()) } else { Ok(UserName::parse(&user.to_string_lossy())?) }
        }
        [user] if !user.starts_with('-') => Ok(UserName::parse(user)?),
        _ => Err(refused()),
    }
}

fn dokuen(host: &Host, visitor: &Visitor, words: Vec<OsString>, out: &mut Printer) -> Result<u8, Failure> {
    let doing = words.get(1).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let cli = match args::parse(words, out) {
        Ok(cli) => cli,
        Err(exit) => return Ok(exit),
    };
    if cli.config.is_some() || cli.remote.is_some() {
        return Err(Failure::new(Exit::Denied, "--config and --remote do not work over ssh"));
    }
    out.look.quiet = cli.quiet;
    if let Err(failure) = access::check(host, &visitor.user, cli.command.topic().needs()) {
        commands::note_refused(host, &cli.command, &failure, out);
        return Err(failure);
    }
    let _session = sessions::Session::open(host, &visitor.user, &doing);
    commands::recorded(host, &cli.command, out)
}

fn welcome(host: &Host, visitor: &Visitor, out: &mut Printer) -> Result<u8, Failure> {
    let (user, at) = (&visitor.user, format!("{}@{}", host.conf.app_user, host.conf.git_server));
    let text = format!(
        "Hello {user}, this is dokuen {}.\n\
         \x20 ssh {at} dokuen apps                      your apps\n\
         \x20 ssh {at} dokuen create --application=APP  a new one\n\
         \x20 git push {at}:APP.git master              deploy it\n\
         \x20 ssh {at} dokuen help                      everything else\n",
        env!("CARGO_PKG_VERSION")
    );
    out.out(text.as_bytes());
    Ok(0)
}
