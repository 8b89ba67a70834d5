//! Config vars that mean something to Dokuen, checked when they are set and read when they are used.

use std::collections::BTreeMap;
use std::time::Duration;

use dokuen_core::{Domain, EnvName, EnvValue, Environment, Formation, Host, ProcessType, Procfile, Protocol};
use dokuen_proc::{CheckRequest, Checks, Statuses};

use crate::app_json::{AppJson, is_content, is_header_value, is_path};
use crate::exit::{Exit, Failure};
use crate::front_door::names;

/// What an app's config vars say about how it is run.
#[derive(Debug)]
pub struct Settings {
    /// `DOKUEN_PROTOCOL`: what its `web` processes speak.
    pub protocol: Protocol,
    /// `DOKUEN_CHECK_PATH`: asked for when a new instance is to be ready.
    pub check_path: Option<String>,
    /// `DOKUEN_CHECK_STATUS`, `DOKUEN_CHECK_CONTENT`, `DOKUEN_CHECK_HOST`: what is asked and wanted besides.
    pub check: Check,
    /// `DOKUEN_CHECK_TIMEOUT`: seconds that one answer may take.
    pub check_timeout: Option<Duration>,
    /// `DOKUEN_BOOT_TIMEOUT`: seconds a new instance may take.
    pub boot_timeout: Option<Duration>,
    /// `DOKUEN_MIN_ALIVE`: milliseconds an instance without a port must have run.
    pub min_alive: Option<Duration>,
    /// `ADDITIONAL_DOMAINS`: names besides the app's own.
    pub domains: Vec<Domain>,
    /// `boot_timeout` of the conf.
    patience: Duration,
    /// `USE_SSL`: whether http only leads to https, for names that have a certificate.
    pub https_only: bool,
}

/// More names than this are a mistake, and would make nginx slow for everybody.
const MOST_DOMAINS: usize = 100;

impl Settings {
    /// Reads and checks them all; the error names the config var.
    pub fn read(host: &Host, config: &Environment) -> Result<Self, Failure> {
        Ok(Self {
            protocol: protocol(config)?,
            check_path: check_path(config)?,
            check: Check::read(config)?,
            check_timeout: number(config, "DOKUEN_CHECK_TIMEOUT", 1..=3600)?.map(Duration::from_secs),
            boot_timeout: number(config, "DOKUEN_BOOT_TIMEOUT", 1..=3600)?.map(Duration::from_secs),
            min_alive: number(config, "DOKUEN_MIN_ALIVE", 0..=600_000)?.map(Duration::from_millis),
            domains: domains(config)?,
            patience: host.conf.boot_timeout,
            https_only: is_on(config, "USE_SSL"),
        })
    }

    /// What ready means for an app that answers as `name`: a config var beats `app.json`, and that the conf.
    pub fn checks(self, name: &str, app_json: &AppJson) -> Checks {
        let web = app_json.health.get(&ProcessType::web()).cloned().unwrap_or_default();
        let mut requests = self.check_path.map_or(web.requests, |path| vec![CheckRequest::to(&path)]);
        if requests.is_empty() {
            requests.push(CheckRequest::to("/"));
        }
        requests.iter_mut().for_each(|request| self.check.change(request));
        let commands = app_json.health.iter().filter(|(_, health)| !health.commands.is_empty());
        let within = app_json.health.values().filter_map(|health| health.within).max();
        let uptimes = app_json.health.iter().filter_map(|(kind, health)| Some((kind.clone(), health.uptime?)));
        Checks {
            requests,
            commands: commands.map(|(kind, health)| (kind.clone(), health.commands.clone())).collect(),
            protocol: self.protocol,
            host: name.to_owned(),
            timeout: self.boot_timeout.or(within).unwrap_or(self.patience),
            request: self.check_timeout.or(web.request).unwrap_or(PATIENCE),
            alive: self.min_alive.unwrap_or(MIN_ALIVE),
            alive_by_kind: if self.min_alive.is_some() { BTreeMap::new() } else { uptimes.collect() },
        }
    }
}

/// What config vars say of every request by which an app is checked.
#[derive(Debug, Default)]
pub struct Check {
    statuses: Option<Statuses>,
    content: Option<String>,
    host: Option<String>,
}

impl Check {
    fn read(config: &Environment) -> Result<Self, Failure> {
        let checked = |name: &str, fits: fn(&str) -> bool, wanted: &str| {
            let refused = || Failure::usage(format!("{name} must be {wanted}"));
            text(config, name)?.map(|text| fits(text).then(|| text.to_owned()).ok_or_else(refused)).transpose()
        };
        let is_status = |text: &str| Statuses::parse(text).is_some();
        let statuses = checked("DOKUEN_CHECK_STATUS", is_status, "statuses such as 200-299,404")?;
        Ok(Self {
            statuses: statuses.and_then(|text| Statuses::parse(&text)),
            content: checked("DOKUEN_CHECK_CONTENT", is_content, "text of 1 to 1000 bytes")?,
            host: checked("DOKUEN_CHECK_HOST", is_header_value, "a host name")?,
        })
    }

    fn change(&self, request: &mut CheckRequest) {
        request.statuses = self.statuses.clone().unwrap_or_else(|| request.statuses.clone());
        request.content = self.content.clone().or_else(|| request.content.clone());
        if let Some(host) = &self.host {
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
            request.headers.push(("Host".to_owned(), host.clone()));
        }
    }
}

/// How long one answer may take unless `app.json` says something else.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an instance without a port must have run.
const MIN_ALIVE: Duration = Duration::from_millis(500);

/// Checks every config var that means something, also those that are only used later.
pub fn check(host: &Host, config: &Environment) -> Result<(), Failure> {
    refuse(config.0.keys().find(|name| name.is_reserved()))?;
    if let Some(scale) = text(config, "DOKUEN_SCALE")? {
        Formation::parse(scale)?;
    }
    if let Some(value) = text(config, "USE_SSL")?
        && value.contains(['\n', '\r'])
    {
        return Err(Failure::usage("USE_SSL must be one line"));
    }
    crate::build::check_config(config)?;
    dokuen_proc::Terms::check(&host.conf, config).map_err(|e| Failure::usage(e.to_string()))?;
    Settings::read(host, config).map(|_| ())
}

/// Refuses to set what no process would see. What stands there from before stays, and is in nobody's way.
pub fn check_seen(before: &Environment, config: &Environment) -> Result<(), Failure> {
    let is_new = |(name, value): &(&EnvName, &EnvValue)| before.0.get(*name) != Some(value);
    refuse(config.0.iter().filter(is_new).map(|(name, _)| name).find(|name| name.is_always_set()))
}

fn refuse(name: Option<&EnvName>) -> Result<(), Failure> {
    let say = |name| format!("{name} is set by Dokuen for each process and cannot be a config var");
    name.map_or(Ok(()), |name| Err(Failure::usage(say(name))))
}

/// Refuses a scale that names what the Procfile does not have, as `scale` does. One that stays as it was is in nobody's way:
/// a release may have lost a type that an earlier one had.
pub fn check_scale(before: &Environment, config: &Environment, procfile: &Procfile) -> Result<(), Failure> {
    match config.text("DOKUEN_SCALE").filter(|scale| before.text("DOKUEN_SCALE") != Some(scale)) {
        Some(scale) => Ok(Formation::parse(scale)?.checked_against(procfile).map(drop)?),
        None => Ok(()),
    }
}

fn domains(config: &Environment) -> Result<Vec<Domain>, Failure> {
    text(config, "ADDITIONAL_DOMAINS")?.map_or_else(|| Ok(Vec::new()), listed_domains)
}

/// The names in `ADDITIONAL_DOMAINS`, with commas between.
pub fn listed_domains(list: &str) -> Result<Vec<Domain>, Failure> {
    let names: Vec<_> = list.split(',').map(|name| name.trim_matches(' ')).filter(|n| !n.is_empty()).collect();
    if names.len() > MOST_DOMAINS {
        return Err(Failure::usage(format!(
            "ADDITIONAL_DOMAINS names {} domains; {MOST_DOMAINS} are allowed",
            names.len()
        )));
    }
    let mut all = names.into_iter().map(listed).collect::<Result<Vec<_>, _>>()?;
    all.sort();
    all.dedup();
    Ok(all)
}

/// Whether a config var says yes: anything but nothing, `0`, `false`, `no` and `off`.
pub fn is_on(config: &Environment, name: &str) -> bool {
    let says_no = |value: &str| matches!(value.to_ascii_lowercase().as_str(), "" | "0" | "false" | "no" | "off");
    config.text(name).is_some_and(|value| !says_no(value.trim()))
}

/// A config var holds what programs read too, so names of other scripts stand there as DNS has them.
fn listed(name: &str) -> Result<Domain, Failure> {
    let failure = |e| Failure::new(Exit::Usage, e);
    match names::in_ascii(name).filter(|_| !name.is_ascii()) {
        Some(ascii) => Err(Domain::parse(name)
            .map_err(failure)
            .err()
            .unwrap_or_else(|| Failure::usage(name))
            .hint(format!("write {ascii}, or type it as it is: dokuen domains:add"))),
        None => Domain::parse(name).map_err(failure),
    }
}

fn protocol(config: &Environment) -> Result<Protocol, Failure> {
    let Some(value) = text(config, "DOKUEN_PROTOCOL")? else { return Ok(Protocol::default()) };
    value.trim().parse().map_err(|()| Failure::usage("DOKUEN_PROTOCOL must be http or grpc"))
}

fn check_path(config: &Environment) -> Result<Option<String>, Failure> {
    let path = text(config, "DOKUEN_CHECK_PATH")?;
    let refused = || Failure::usage("DOKUEN_CHECK_PATH must be a path such as /health");
    path.map(|path| is_path(path).then(|| path.to_owned()).ok_or_else(refused)).transpose()
}

fn number(config: &Environment, name: &str, allowed: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Failure> {
    let Some(value) = text(config, name)? else { return Ok(None) };
    let number = value.parse().ok().filter(|n| allowed.contains(n));
    let refused =
        || Failure::usage(format!("{name} must be a whole number from {} to {}", allowed.start(), allowed.end()));
    number.map(Some).ok_or_else(refused)
}

/// A config var that must be text where it is set.
pub fn text<'a>(config: &'a Environment, name: &str) -> Result<Option<&'a str>, Failure> {
    match (config.get(name), config.text(name)) {
        (Some(_), None) => Err(Failure::usage(format!("{name} must be text"))),
        (_, text) => Ok(text),
    }
}
