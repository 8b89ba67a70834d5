//! Faults at a step of a command, at the very system call: those of the sweep that the catalogue names.

use crate::points::Fault;
use crate::scenarios::ALL;
use crate::trial;

const NO_SPACE: Fault = Fault::Errno("ENOSPC");

/// Every second of the points in CI. A fault at the last use of a system call (`first:` before it: at the first), as the golden file writes it.
#[track_caller]
fn at(command: &str, fault: Fault, points: &[&str]) {
    let scenario = ALL.iter().find(|s| s.name == command).unwrap();
    let points: Vec<&str> = points.iter().copied().step_by(crate::size(2, 1)).collect();
    let tally = trial::run_named(scenario, fault, &points);
    assert!(tally.violations.is_empty(), "{}", tally.violations.join("\n"));
    assert_eq!((tally.tried, tally.missed), (points.len(), 0), "not all of {points:?} were reached");
}

#[test]
fn k03_to_k17_killed_at_each_step_of_a_deploy() {
    let steps = [
        "write apps/hello/lock",                              // K03: just locked
        "write apps/hello/releases/RELEASE/server.py",        // K04: half unpacked
        "renameat apps/hello/releases/RELEASE/.env",          // K07: written, not renamed
        "fsync apps/hello/releases/RELEASE/.dokuen/.new-*",   // K08: built, not marked
        "first: renameat apps/hello/instances/gN.web.N/spec", // K10: nothing runs yet of what was laid out
        "mkdir apps/hello/ledger/.vN",                        // K11: just ready
        "rename apps/hello/current",                          // K14: `previous` moved, `current` not
        "renameat apps/hello/live",                           // K15: `current` moved, `live` not
        "write apps/hello/instances/gN.web.N/control",        // K15: live, the old one not told
        "rename tmp/trash-*",                                 // K17: pruning
    ];
    at("deploy", Fault::Kill, &steps);
}

#[test]
fn k05_killed_while_a_buildpack_is_fetched() {
    at(
        "install_buildpack",
        Fault::Kill,
        &["openat buildpacks/.at/.new-*/files/bin/compile", "symlink buildpacks/.new-*"],
    );
}

#[test]
fn k09_killed_with_a_port_and_no_child() {
    at("wrapper", Fault::Kill, &["openat ports/N", "rename run/hello/i/gN.web.N"]);
}

#[test]
fn k10_killed_after_the_first_of_two_wrappers() {
    at("scale-up", Fault::Kill, &["mkdir apps/hello/instances/gN.web.N"]);
}

#[test]
fn k12_and_k13_killed_around_the_rename_of_a_vhost() {
    at("domains", Fault::Kill, &["renameat nginx/hello.dokuen.test.conf", "fsync nginx"]);
}

#[test]
fn k16_killed_when_half_of_the_old_ones_were_told() {
    at(
        "scale-down",
        Fault::Kill,
        &["first: renameat apps/hello/instances/gN.web.N/retired", "write apps/hello/instances/gN.web.N/control"],
    );
}

/// The old release answered on, on connections that nginx had kept, behind a command that said it was done.
#[test]
fn a_note_that_cannot_be_removed_leaves_no_old_process_answering() {
    at("config_set", NO_SPACE, &["unlink apps/hello/undo"]);
}

/// It said that it failed, and the buildpack was there.
#[test]
fn a_buildpack_whose_link_cannot_be_synced_is_not_installed() {
    at("install_buildpack", NO_SPACE, &["fsync buildpacks"]);
}

#[test]
fn d02_to_d09_no_space_at_each_step_of_a_deploy() {
    let steps = [
        "write apps/hello/releases/RELEASE/server.py", // D02: unpacking
        "mkdir apps/hello/releases/RELEASE",           // D05: the release
        "symlink apps/hello/.new-*",                   // D08: `current`
        "rename tmp/trash-*",                          // D09: pruning
        "renameat apps/hello/instances/gN.web.N/retired",
    ];
    at("deploy", NO_SPACE, &steps);
}

#[test]
fn d03_no_space_while_a_buildpack_is_fetched() {
    at("install_buildpack", NO_SPACE, &["openat buildpacks/.at/.new-*/files/bin/compile", "symlink buildpacks/.new-*"]);
}

#[test]
fn d06_no_space_for_reports() {
    at(
        "wrapper",
        NO_SPACE,
        &[
            "first: write apps/hello/releases/RELEASE/.dokuen/.new-*",
            "first: write apps/hello/instances/gN.web.N/.new-*",
        ],
    );
}

#[test]
fn d07_no_space_for_a_vhost() {
    at("domains", NO_SPACE, &["first: write nginx/.new-*", "write nginx/.new-*"]);
}

#[test]
fn d14_an_error_of_the_disk_on_write_fsync_and_rename() {
    at(
        "deploy",
        Fault::Errno("EIO"),
        &["write apps/hello/ledger/.vN/.new-*", "fsync apps/hello", "rename apps/hello/current"],
    );
}

#[test]
fn d20_and_d21_no_file_handle_and_no_process_left() {
    at("deploy", Fault::Errno("EMFILE"), &["pipe2", "first: pipe2"]);
    at("deploy", Fault::Errno("EAGAIN"), &["clone3", "first: clone3"]);
    at("scale-up", Fault::Errno("EAGAIN"), &["clone3"]);
}
