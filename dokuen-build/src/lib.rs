//! Turns a source tree into a slug, in place, with Heroku-style buildpacks, as mason did.
//!
//! A buildpack is a directory with three scripts: `bin/detect BUILD` says whether it wants a tree, `bin/compile BUILD
//! CACHE ENV_DIR` builds it, `bin/release BUILD` prints YAML with default config vars and process types. [`compile()`]
//! runs them on [`Build::dir`] itself, the path where the release will run, so paths that build tools bake in stay
//! true. What comes out is a [`Slug`]: a tree whose `Procfile` names a process and whose `.env` holds the defaults.
//! [`package`] does the same with a copy and puts the result elsewhere; that is `mason build`.
//!
//! **Which buildpack.** [`Choice::of`] decides: `BUILDPACK_URL`, else the lines of `.buildpacks`, else the first
//! installed one, by name, whose `bin/detect` exits 0, else the first [built-in](BUILT_IN) one. A tree with a Procfile
//! that nobody wants is run as it is. Of several buildpacks each one's `export` file counts for those after it, and
//! the last one's release is asked for.
//!
//! **Where it comes from.** A [`BuildpackUrl`] is checked once and masks its login wherever it is shown. A [`Store`]
//! keeps a clone for each URL and a checkout for each commit, so an unchanged buildpack costs one `git ls-remote`, one
//! pinned by its full commit costs nothing, and a remote that is down is replaced by the copy at hand, which is said.
//! Submodules are not entered.
//!
//! **What a script is given.** Its environment starts empty. It holds `PATH`, `HOME` (the tree), `LANG`, `STACK`,
//! `TMPDIR` (private, removed afterwards), `DOKUEN_BUILD`, `SOURCE_VERSION` and `REQUEST_ID` where they are known, what
//! [`BuildEnv::extra`] adds, and what buildpacks before it exported; never `GIT_*` or `SSH_*`. Config vars come as
//! files in `ENV_DIR` (0600 in a directory 0700, removed afterwards) and in no other way.
//!
//! **What its output becomes.** Standard output and error go through one pipe and reach the
//! [`Transcript`](dokuen_core::Transcript) line by line in mason's form: `-----> head` is `  + head`, seven blanks are
//! six, ` !     text` is `  ! text`, blank lines vanish. Colours are dropped; other control characters are written
//! out (`\x1b`), so a build can neither steer the reader's terminal nor print a line that passes for Dokuen's own. A
//! line above 64 KiB is cut; above [`Limits::output`] (16 MiB) only the amount and the last lines are shown.
//!
//! **When it ends.** A daemon that a build leaves behind holds nothing up: once the script has exited and its pipe is
//! quiet, its process group is ended (TERM, then KILL), as it is at the time limit (15 minutes) or when
//! [`Build::cancel`] is set or the transcript is [abandoned](dokuen_core::Transcript::is_abandoned). Processes that left
//! the group are found by their parents and by the mark `DOKUEN_BUILD` in their environment, and are ended with it. The
//! same count bounds their number and memory ([`Limits`]).
//!
//! What is deliberately absent: apps, releases, nginx, confinement of the scripts, and everything that prints.
//!
//! ```
//! use dokuen_build::{Build, BuildEnv, Choice, Limits, Paths, Store, compile};
//! use dokuen_core::{Collected, Environment};
//! # let temp = tempfile::tempdir()?;
//! # let root = temp.path();
//! # dokuen_core::fs::make_dir(&root.join("app"), 0o700)?;
//! # dokuen_core::fs::replace(&root.join("app/Procfile"), b"web: ./serve\n", 0o600)?;
//!
//! let store = Store { dir: root.join("buildpacks"), clones: root.join("clones"), keep_out: None };
//! let build = Build {
//!     dir: &root.join("app"),
//!     cache: &root.join("cache"),
//!     scratch: &root.join("tmp"),
//!     config: &Environment::default(),
//!     choice: Choice::of(None, &root.join("app"), Paths::Refused)?,
//!     store: &store,
//!     env: BuildEnv::new("/usr/bin:/bin", root),
//!     limits: Limits::default(),
//!     cancel: None,
//! };
//! let mut out = Collected::default();
//! let slug = compile(&build, &mut out)?;
//!
//! assert_eq!(slug.procfile().render(), "web: ./serve\n");
//! assert_eq!(out.0, ["* detecting buildpack... done", "  = no buildpack: the Procfile is run as it is"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod buildpack;
mod built_in;
mod child;
mod choice;
mod compile;
mod env;
mod error;
mod export;
mod family;
mod fetch;
mod form;
mod git;
mod lines;
mod mason;
mod place;
mod platform;
mod recipe;
mod release;
mod scratch;
mod sink;
mod slug;
mod spare;
mod store;
mod stream;
mod tgz;
mod tidy;
mod tree;
mod url;

pub use built_in::{BUILT_IN, BuiltIn};
pub use choice::{Choice, Wanted};
pub use compile::{Build, Limits, compile};
pub use env::BuildEnv;
pub use error::{Asked, BuildError, GitError, ReleaseError, ScriptError};
pub use mason::{Format, package};
pub use platform::FINDS_STRAYS;
pub use recipe::Recipe;
pub use release::Release;
pub use slug::{Slug, Used};
pub use spare::{SpareRoom, make_spares};
pub use store::{Installed, Store};
pub use stream::{StreamError, stream};
pub use url::{BuildpackUrl, Paths, UrlError};
