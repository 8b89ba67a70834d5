//! What `bin/release` prints: never a panic, and nothing that a Procfile or an environment could not hold.
#![no_main]

use dokuen_build::Release;
use dokuen_core::Procfile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(release) = Release::parse(bytes) else { return };
    assert!(release.config_vars.iter().all(|(name, value)| !name.is_reserved() && !value.bytes().contains(&0)));
    if !release.process_types.is_empty() {
        assert_eq!(Procfile::parse(&release.process_types.render()), Ok(release.process_types));
    }
});
