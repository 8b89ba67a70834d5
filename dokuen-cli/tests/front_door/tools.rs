//! What `.ci/tools` makes for the tests.

use std::path::{Path, PathBuf};

use crate::app::App;
use crate::host::{Host, Options};

/// An nginx that is newer than Debian's, with HTTP/3.
pub fn newer_nginx() -> PathBuf {
    tool("nginx/nginx")
}

/// Python with aioquic, grpcio and websockets.
pub fn python() -> PathBuf {
    tool("python/bin/python")
}

/// A host whose nginx is the newer one.
pub fn newer_host() -> Host {
    Host::with(Options { nginx: Some(newer_nginx()), ..Options::default() })
}

/// An app that this program is.
pub fn app_of(host: &Host, program: &str) -> App {
    let app = host.app("hello", "python");
    app.with("server.py", program).with("Procfile", format!("web: exec {} server.py\n", python().display()));
    app
}

fn tool(path: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let tool = target.join("test-tools").join(path);
    assert!(tool.exists(), "{} is made by .ci/tools", tool.display());
    tool
}
