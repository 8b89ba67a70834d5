//! No setting without a test that changes it and asks nginx, and none without a line for people.

use std::fs;
use std::path::Path;

#[test]
fn every_setting_is_seen_by_a_request_and_told_to_people() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["settings", "pages", "streams", "timing", "tls", "https"];
    let tests =
        files.map(|file| fs::read_to_string(here.join(format!("tests/front_door/{file}.rs"))).unwrap()).concat();
    let guide = fs::read_to_string(here.join("../docs/nginx.md")).unwrap();
    for setting in dokuen_nginx::SETTINGS {
        let set = if setting.is_family() { format!("\"{}", setting.name) } else { format!("\"{}=", setting.name) };
        assert!(tests.contains(&set), "no test in {files:?} sets {}", setting.name);
        assert!(guide.contains(&format!("`{}", setting.name)), "docs/nginx.md does not name {}", setting.name);
    }
}
