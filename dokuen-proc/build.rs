//! Links the wrapper, and nothing else, statically and at a fixed address where the C library allows it.
//!
//! Thousands of wrappers may run at once. What a dynamic linker relocates and binds at every start is memory of each
//! process alone; a static program shares all of it. Cargo can set `crt-static` only for everything that is built, and
//! the other programs ask the C library about users, which it answers statically only with a warning. So the linker is
//! told for this one program: a directory with nothing but static libraries is searched before the system's own.
//!
//! Where it cannot be done (no glibc, no static libraries, another linker) the wrapper is dynamic and works all the same.

#![expect(clippy::disallowed_methods, reason = "a build script speaks to cargo and asks the compiler")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// What rustc links on Linux with glibc, each by the archive that has it.
const LIBRARIES: [(&str, &str); 7] = [
    ("libc.a", "libc.a"),
    ("libm.a", "libm.a"),
    ("libdl.a", "libdl.a"),
    ("librt.a", "librt.a"),
    ("libpthread.a", "libpthread.a"),
    ("libutil.a", "libutil.a"),
    // The unwinder: the shared one has a static twin by another name.
    ("libgcc_s.a", "libgcc_eh.a"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DOKUEN_DYNAMIC_WRAPPER");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let native = variable("HOST") == variable("TARGET");
    let glibc = variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu";
    let wanted = std::env::var_os("DOKUEN_DYNAMIC_WRAPPER").is_none();
    if !(native && glibc && wanted) {
        return;
    }
    if let Some(dir) = archives(&PathBuf::from(variable("OUT_DIR")).join("static")) {
        let found = format!("-L{}", dir.display());
        // The group is for linkers that read archives once, in order: the last ones need each other.
        let group = ["-Wl,--start-group", "-lgcc_eh", "-lgcc", "-lc", "-Wl,--end-group"];
        // std looks for this one weakly, which takes nothing out of an archive: without it each start is a fork.
        let wanted = "-Wl,-u,posix_spawn_file_actions_addchdir_np";
        for argument in [found.as_str(), "-static", "-no-pie", wanted].into_iter().chain(group) {
            println!("cargo::rustc-link-arg-bin=dokuen-wrapper={argument}");
        }
    }
}

/// Links to every archive in a directory of its own; `None` when one is missing.
fn archives(dir: &Path) -> Option<PathBuf> {
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir).ok()?;
    for (name, archive) in LIBRARIES {
        std::os::unix::fs::symlink(at(archive)?, dir.join(name)).ok()?;
    }
    Some(dir.to_owned())
}

/// Where the linker's driver finds a library; it answers with the bare name when it does not.
fn at(archive: &str) -> Option<PathBuf> {
    let out = Command::new("cc").arg(format!("-print-file-name={archive}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(out.stdout).ok()?.trim());
    path.is_absolute().then_some(path)
}
