//! Sheets of nginx settings on disk: a JSON object of names and values, one for all apps and one for each.

use std::collections::BTreeMap;

use dokuen_core::{Front, fs};
use dokuen_nginx::{Page, Settings};

use crate::exit::{Exit, Failure};

/// A page of one's own may have so many bytes.
pub const MOST_OF_A_PAGE: usize = 256 * 1024;

/// Settings of earlier days that said nothing: a socket takes a connection at once or never.
const RETIRED: &[&str] = &["proxy-connect-timeout"];

/// The sheet of an app, or of all.
pub fn load(front: &Front) -> Result<Settings, Failure> {
    let path = front.settings_file();
    let Some(bytes) = fs::read_if_there(&path)? else { return Ok(Settings::default()) };
    let broken = |why: String| Failure::new(Exit::Failed, format!("`{}`: {why}", path.display()));
    let pairs: BTreeMap<String, String> = serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))?;
    let mut settings = Settings::default();
    for (name, value) in pairs.iter().filter(|(name, _)| !RETIRED.contains(&name.as_str())) {
        settings.set(name, value).map_err(|e| broken(e.to_string()))?;
    }
    Ok(settings)
}

/// The file that holds this sheet.
pub fn to_file(settings: &Settings) -> Vec<u8> {
    let pairs: BTreeMap<&str, &str> = settings.given().collect();
    let text = serde_json::to_string_pretty(&pairs).expect("a map of texts has a JSON form");
    format!("{text}\n").into_bytes()
}

/// The name under which people type a page: `page.502`.
pub fn page_of(name: &str) -> Option<Page> {
    let page = name.strip_prefix("page.")?;
    Page::ALL.into_iter().find(|known| known.name() == page)
}

/// A page of the app's own, or that of all apps.
pub fn page(app: &Front, all: &Front, page: Page) -> Result<Option<Vec<u8>>, Failure> {
    let file = format!("{}.html", page.name());
    let own = fs::read_if_there(&app.pages_dir().join(&file))?;
    Ok(if own.is_some() { own } else { fs::read_if_there(&all.pages_dir().join(&file))? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_commands_are_those_that_nginx_shows() {
        for page in Page::ALL {
            assert_eq!(page_of(&format!("page.{}", page.name())), Some(page));
        }
        assert_eq!(page_of("page.404"), None);
        assert_eq!(page_of("502"), None);
    }
}
