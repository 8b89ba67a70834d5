//! What a slug is made with besides its source: buildpacks, config vars, and the tools of the machine.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::compile::Build;

/// The same source and the same recipe make the same slug. Its text is one line, and no config var can be read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe(String);

/// Another version of one of these may build another slug.
const TOOLS: [&str; 22] = [
    "python3", "python", "uv", "poetry", "pip", "node", "npm", "yarn", "pnpm", "ruby", "bundle", "go", "cargo",
    "rustc", "cc", "gcc", "make", "java", "php", "composer", "mix", "nginx",
];

impl Recipe {
    pub(crate) fn new(build: &Build<'_>, buildpacks: &[String]) -> Self {
        let mut hasher = DefaultHasher::new();
        for (name, value) in &build.config.0 {
            (name.as_str(), value.bytes()).hash(&mut hasher);
        }
        let env = &build.env;
        (&env.path, &env.lang, &env.stack).hash(&mut hasher);
        env.extra.pairs().for_each(|pair| pair.hash(&mut hasher));
        TOOLS.iter().for_each(|tool| found(tool, &env.path).hash(&mut hasher));
        Self(format!("{} with {:016x}", buildpacks.join(", "), hasher.finish()))
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the search path has a program, and which file that is now.
fn found(tool: &str, path: &str) -> Option<(String, u64, i64, u64)> {
    path.split(':').find_map(|dir| {
        let place = Path::new(dir).join(tool);
        let meta = place.metadata().ok()?;
        Some((place.display().to_string(), meta.size(), meta.mtime(), meta.ino()))
    })
}
