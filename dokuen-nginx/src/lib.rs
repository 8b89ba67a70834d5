//! nginx configuration from typed values, proven through nginx before it counts.
//!
//! nginx is told once which names an app has and where its route table is: the upstream lists the sockets
//! `live/1`, `live/2`, ... and `live` is a symlink. Whoever releases a new version of the app prepares a new table and
//! renames the symlink over the old one; nginx finds the new sockets at its next connection. So a deploy, a restart or
//! an ordinary change of scale needs no reload, and [`route`] costs a comparison of two texts and a look whether nginx
//! runs. nginx reloads only when names or the number of slots change ([`slots_for`](dokuen_core::slots_for) makes that rare).
//!
//! A reload is where such systems break, so a change goes through four gates:
//!
//! 1. Only checked values reach a template: [`Site`] holds an `AppName`, `Domain`s and [`ConfPath`]s.
//! 2. nginx tests the candidate in a scratch configuration, where it can break nothing.
//! 3. The file is renamed into place and nginx reloaded.
//! 4. nginx is asked, over TCP and by each of the app's names, which text it runs. `nginx -s reload` exits 0 even when
//!    the reload failed, so only this answer counts.
//!
//! Whatever fails, the old file comes back, and disk and memory agree again. A crash in between leaves a note on disk
//! (`.pending`), and the next command asks nginx before it trusts the text it finds. A route is a value that undoes
//! itself unless kept, so a deploy that fails later takes its names back.
//!
//! [`Nginx::Own`] is an nginx that Dokuen runs itself, as an ordinary user and from one directory; [`Nginx::System`]
//! is the machine's, which includes Dokuen's files.
//!
//! What is deliberately absent: processes of apps, builds, who may own which name (see [`conflicts`] for the question).
//!
//! ```
//! use std::path::Path;
//! use dokuen_core::{AppName, Domain};
//! use dokuen_nginx::{Build, ConfPath, Listen, Site, render, render_default};
//!
//! let app = AppName::parse("hello")?;
//! let live = ConfPath::new(Path::new("/run/dokuen/hello/live"))?;
//! let site = Site::new(app, Domain::parse("hello.example.com")?, live);
//!
//! // Texts for whoever writes files of nginx by other ways than `route`: this is all that the http block has to include.
//! let listen = Listen::only("127.0.0.1:8080".parse()?);
//! let vhost = render(&site, &listen, Build::default())?;
//! assert!(vhost.contains("server \"unix:/run/dokuen/hello/live/1\" max_fails=0;"));
//! let shared = render_default(&[site], &listen, Build::default())?;
//! assert!(shared.contains("listen 127.0.0.1:8080 default_server;"));
//!
//! // No value is code, whatever it holds.
//! assert!(Domain::parse("x; location /etc { root /; }").is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod catch_all;
mod conf_path;
mod earlier;
mod error;
mod health;
mod identity;
mod listen;
mod logs;
mod orphans;
mod own;
mod park;
mod pending;
mod places;
mod platform;
mod probe;
mod program;
mod rebuild;
mod revive;
mod route;
mod scratch;
mod seal;
mod servers;
mod setting;
mod site;
mod template;
mod version;

pub use catch_all::listens_elsewhere;
pub use conf_path::{BadPath, ConfPath};
pub use error::{Complaint, NginxError};
pub use health::{accepts_its_conf, is_settled, not_in_force};
pub use listen::Listen;
pub use logs::access_log;
pub use own::{Account, Own};
pub use park::Parked;
pub use places::Places;
pub use program::{Nginx, Program, System, find_program};
pub use rebuild::{Rebuilt, rebuild};
pub use route::{Routed, ensure_default, remove, route, test};
pub use setting::{BadSetting, Origin, SETTINGS, Setting, Settings};
pub use site::{Certificate, Custom, Files, Page, Redirect, Site, Upstream, conflicts};
pub use template::{render, render_default};
pub use version::{Build, Version};
