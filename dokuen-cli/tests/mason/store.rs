//! `mason buildpacks` and its kin.

use crate::bench::Bench;

#[test]
fn buildpacks_are_installed_listed_updated_and_removed() {
    let bench = Bench::new();
    let listed = || bench.mason(&["buildpacks"]).ok().out;
    assert_eq!(listed(), "* buildpacks (ROOT/.mason/buildpacks)\n  - no buildpacks installed, use buildpacks:install");
    for name in ["ruby", "c"] {
        let pack = bench.pack(name, "echo old", "");
        bench.mason(&["buildpacks:install", &pack]).ok();
    }
    insta::assert_snapshot!(listed(), @r"
    * buildpacks (ROOT/.mason/buildpacks)
      = c: ROOT/packs/buildpack-c
      = ruby: ROOT/packs/buildpack-ruby
    ");
    let pack = bench.pack("c", "echo new", "");
    bench.mason(&["buildpacks:install", &pack]).ok();
    assert!(bench.mason(&["build", "app"]).ok().out.contains("\nnew\n"), "a known name is updated");
    bench.mason(&["buildpacks:uninstall", "c"]).ok();
    assert!(!listed().contains("= c:"));
}

#[test]
fn what_is_not_there_cannot_be_removed() {
    let bench = Bench::new().with("outside/file", "x");
    bench.mason(&["buildpacks:uninstall", "none"]).fails("  ! none buildpack is not installed");
    let said = bench.mason(&["buildpacks:uninstall", "../../outside"]);
    assert_eq!((said.code, bench.exists("outside/file")), (1, true));
}

#[test]
fn another_place_is_named_by_the_environment() {
    let bench = Bench::new();
    let said = bench.mason_with(&["buildpacks"], &[("MASON_DIR", "elsewhere")]).ok();
    assert!(said.out.starts_with("* buildpacks (ROOT/elsewhere/buildpacks)"), "{}", said.out);
}
