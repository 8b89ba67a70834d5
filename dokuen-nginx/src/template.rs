//! Templates of the files; nothing but checked values reaches them, and an admin's own text.

mod vhost;

use std::sync::LazyLock;

use handlebars::{Context, Decorator, Handlebars, RenderContext, RenderError, RenderErrorReason};
use serde::Serialize;

use crate::catch_all::{self, Needs};
use crate::conf_path::ConfPath;
use crate::error::NginxError;
use crate::listen::{Door, Listen};
use crate::own::Account;
use crate::seal::seal;
use crate::site::Site;
use crate::version::Build;

pub(crate) use vhost::vhost;

static TEMPLATES: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    // A partial's lines stand where they are to stand; what a value holds is never moved.
    templates.set_prevent_indent(true);
    templates.register_escape_fn(handlebars::no_escape);
    templates.register_decorator("inline", Box::new(no_inline));
    for (name, text) in [
        ("vhost", include_str!("templates/vhost.hbs")),
        ("upstream", include_str!("templates/upstream.hbs")),
        ("app", include_str!("templates/app.hbs")),
        ("own", include_str!("templates/own.hbs")),
        ("default", include_str!("templates/default.hbs")),
        ("main", include_str!("templates/main.hbs")),
        ("signal", include_str!("templates/signal.hbs")),
    ] {
        templates.register_template_string(name, text).expect("the templates are part of the program and tested");
    }
    templates
});

/// A partial of a template's own could call itself, and would end the program by its stack.
fn no_inline(
    _: &Decorator<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
) -> Result<(), RenderError> {
    Err(RenderErrorReason::Other("inline partials cannot be used here".to_owned()).into())
}

/// The vhost of one app, as it stands in `nginx/A.<base domain>.conf`, for this nginx. It uses variables that
/// [`render_default`] defines, so nginx has to read that text too, and before.
pub fn render(site: &Site, listen: &Listen, build: Build) -> Result<String, NginxError> {
    vhost(site, &Door::of(listen, build))
}

/// What the vhosts of these sites share, and the server for names that none of them has, for this nginx.
///
/// An nginx before 1.19.4 cannot refuse a handshake, and has to be given a certificate for nobody once a site has
/// https: such a file is made by [`ensure_default`](crate::ensure_default), not here, and this text then lacks it.
pub fn render_default(sites: &[Site], listen: &Listen, build: Build) -> Result<String, NginxError> {
    let needs = sites.iter().map(Needs::of).fold(Needs::default(), Needs::and);
    catch_all(&catch_all::for_build(listen, needs, build))
}

#[derive(Serialize)]
pub(crate) struct CatchAll {
    pub listen: Vec<String>,
    /// Where to listen for https; nowhere while no app has a certificate.
    pub https: Vec<String>,
    pub http2: bool,
    /// Where to listen for HTTP/3; nowhere while no app has it.
    pub quic: Vec<String>,
    pub stand_in: Option<StandIn>,
    pub near: Vec<String>,
    pub keepalive_min_timeout: bool,
}

/// A certificate that vouches for nothing, for an nginx that cannot refuse a handshake.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StandIn {
    pub chain: ConfPath,
    pub key: ConfPath,
}

pub(crate) fn catch_all(data: &CatchAll) -> Result<String, NginxError> {
    filled("default", data)
}

#[derive(Serialize)]
pub(crate) struct Main<'a> {
    pub account: Option<&'a Account>,
    pub open_files: Option<u64>,
    pub dir: &'a ConfPath,
    pub include: &'a ConfPath,
}

pub(crate) fn main(data: &Main<'_>) -> Result<String, NginxError> {
    filled("main", data)
}

#[derive(Serialize)]
struct Signal<'a> {
    dir: &'a ConfPath,
}

pub(crate) fn signal(dir: &ConfPath) -> Result<String, NginxError> {
    filled("signal", &Signal { dir })
}

fn filled(name: &'static str, data: &impl Serialize) -> Result<String, NginxError> {
    let text = TEMPLATES.render(name, data);
    text.map(|text| seal(&text)).map_err(|source| NginxError::Render { name, source: Box::new(source) })
}

#[cfg(test)]
mod tests;
