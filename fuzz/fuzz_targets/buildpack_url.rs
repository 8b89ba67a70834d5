//! The URL of a buildpack: never a panic, no login in what is shown, nothing that git would take for an option.
#![no_main]

use dokuen_build::{BuildpackUrl, Paths, Wanted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for paths in [Paths::Refused, Paths::FileUrls, Paths::Allowed] {
        let _ = Wanted::parse(text, paths);
        let Ok(url) = BuildpackUrl::parse(text, paths) else { continue };
        assert!(!text.starts_with('-') && url.reference().is_none_or(|r| !r.starts_with('-')), "{text:?}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
        if let Some((login, _)) = text.strip_prefix("https://").and_then(|rest| rest.split('/').next()?.rsplit_once('@')) {
            let secret = login.split_once(':').map_or(login, |(_, password)| password);
            // A short one may stand elsewhere by chance.
            assert!(secret.len() < 8 || !url.to_string().contains(secret), "{text:?}");
        }
    }
});
