//! The few questions of `setup`, each with a default: flags answer them, `--yes` takes the defaults, a person is asked.

use std::io::{BufRead, IsTerminal, Write};
use std::net::SocketAddr;

use dokuen_core::{Domain, NginxKind, PortRange};
use nix::unistd::{User, geteuid};

use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::topics::program::SetupArgs;

/// What the conf will say.
#[derive(Debug)]
pub struct Answers {
    pub base_domain: Domain,
    pub git_server: String,
    pub app_user: String,
    pub nginx: NginxKind,
    pub listen: SocketAddr,
    /// `off`, or where nginx listens for https.
    pub listen_https: String,
    pub ports: PortRange,
    pub bin_path: Option<String>,
}

/// Asks what no flag answers; without a terminal and without `--yes` nothing is guessed.
pub fn of(args: &SetupArgs, out: &mut Printer) -> Result<Answers, Failure> {
    let asker = Asker { yes: args.yes, terminal: std::io::stdin().is_terminal() };
    let root = geteuid().is_root();
    let whose = asker.ask(
        "nginx of Dokuen's own or the machine's (own, system)",
        args.nginx.as_deref(),
        if root { "system" } else { "own" },
        out,
    )?;
    let nginx = match whose.as_str() {
        "own" => NginxKind::Own,
        "system" => NginxKind::System,
        other => return Err(Failure::usage(format!("nginx: {} is neither own nor system", dokuen_core::shown(other)))),
    };
    let own = nginx == NginxKind::Own;
    let listen = if own { format!("127.0.0.1:{}", super::free_port(8080)) } else { "0.0.0.0:80".to_owned() };
    let app_user = if root && !own { "git".to_owned() } else { calling_user()? };
    let base_domain = asker.ask("apps answer at APP.", args.base_domain.as_deref(), "localhost", out)?;
    // In a directory of one's own people push by its path, on a server from elsewhere.
    let server = if own { "localhost".to_owned() } else { super::machine_name::of_machine() };
    let git_server = asker.ask("the host people push to", args.git_server.as_deref(), &server, out)?;
    let app_user = asker.ask("the account that everything runs as", args.appuser.as_deref(), &app_user, out)?;
    let listen = asker.ask("where nginx listens", args.listen.as_deref(), &listen, out)?;
    let https = if own { format!("127.0.0.1:{}", super::free_port(8443)) } else { "0.0.0.0:443".to_owned() };
    let https = asker.ask("where nginx listens for https (or off)", args.listen_https.as_deref(), &https, out)?;
    let (min, max) = (i64::from(args.min_port.unwrap_or(5000)), i64::from(args.max_port.unwrap_or(5999)));
    Ok(Answers {
        base_domain: Domain::parse(&base_domain)?,
        git_server: checked_server(git_server)?,
        app_user: checked_account(app_user)?,
        nginx,
        listen: listen.parse().map_err(|_| {
            Failure::usage(format!("{} is no address:port such as 127.0.0.1:8080", dokuen_core::shown(&listen)))
        })?,
        listen_https: match https.parse::<SocketAddr>() {
            Ok(address) => address.to_string(),
            Err(_) if https == "off" => https,
            Err(_) => {
                let shown = dokuen_core::shown(&https);
                return Err(Failure::usage(format!("{shown} is neither off nor an address:port such as 0.0.0.0:443")));
            }
        },
        ports: PortRange::new(min, max).map_err(|e| Failure::new(Exit::Usage, e))?,
        bin_path: args.bin_path.clone(),
    })
}

struct Asker {
    yes: bool,
    terminal: bool,
}

impl Asker {
    fn ask(&self, question: &str, flag: Option<&str>, default: &str, out: &mut Printer) -> Result<String, Failure> {
        if let Some(answer) = flag {
            return Ok(answer.to_owned());
        }
        if self.yes {
            return Ok(default.to_owned());
        }
        if !self.terminal {
            return Err(Failure::usage("setup asks questions, and there is no terminal to ask them on")
                .hint("add --yes to take the defaults"));
        }
        out.out(format!("{question} [{default}]: ").as_bytes());
        let _ = std::io::stdout().flush();
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        read.map_err(|e| Failure::new(Exit::Failed, format!("failed to read the answer: {e}")))?;
        let answer = line.trim();
        Ok(if answer.is_empty() { default.to_owned() } else { answer.to_owned() })
    }
}

fn calling_user() -> Result<String, Failure> {
    let user = User::from_uid(geteuid()).ok().flatten();
    user.map(|u| u.name).ok_or_else(|| Failure::new(Exit::HostNotReady, "the calling user has no name on this machine"))
}

fn checked_server(name: String) -> Result<String, Failure> {
    let ok = Domain::parse(&name).is_ok() || name.parse::<std::net::IpAddr>().is_ok();
    if ok { Ok(name) } else { Err(Failure::usage(format!("{} is no host name or address", dokuen_core::shown(&name)))) }
}

/// It goes to useradd's argv and into a sudo rule.
fn checked_account(name: String) -> Result<String, Failure> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let ok = name.len() <= 32
        && name.bytes().all(inner)
        && name.as_bytes().first().is_some_and(|b| b.is_ascii_lowercase() || *b == b'_');
    if ok { Ok(name) } else { Err(Failure::usage(format!("{} is no account name", dokuen_core::shown(&name)))) }
}
