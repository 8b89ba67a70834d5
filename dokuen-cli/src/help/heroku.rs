//! Words of Heroku's that are no command here, and what to do instead.

/// By the whole command, or by what stands before its first colon.
const INSTEAD: [(&str, &str); 20] = [
    ("addons", NO_ADDONS),
    ("pg", NO_ADDONS),
    ("redis", NO_ADDONS),
    ("kafka", NO_ADDONS),
    ("pipelines", NO_PIPELINES),
    ("reviewapps", NO_PIPELINES),
    ("login", NO_ACCOUNTS),
    ("logout", NO_ACCOUNTS),
    ("auth", NO_ACCOUNTS),
    ("authorizations", NO_ACCOUNTS),
    ("members", "roles are for each app: dokuen access:add NAME --application=APP"),
    ("orgs", "roles are for each app: dokuen access:add NAME --application=APP"),
    ("teams", "roles are for each app: dokuen access:add NAME --application=APP"),
    ("git:remote", "git remote add dokuen URL; dokuen apps:info APP shows the URL"),
    ("open", "dokuen apps:info APP shows its URL"),
    ("ps:exec", "it is the same machine: dokuen run --application=APP bash"),
    ("ps:type", NO_SIZES),
    ("dyno", NO_SIZES),
    ("drains", "logs are files, and dokuen logs -t --json --application=APP is for programs"),
    (
        "buildpacks:set",
        "dokuen config:set --application=APP BUILDPACK_URL=URL; several: a .buildpacks file in the repository",
    ),
];

const NO_ADDONS: &str = "there are no add-ons: a database is a program of the machine, and its URL a config var";
const NO_PIPELINES: &str = "there are no pipelines: an app for each stage, and a git remote for each";
const NO_ACCOUNTS: &str = "there are no accounts: a key says who you are (dokuen adduser NAME < key.pub)";
const NO_SIZES: &str = "there are no sizes: the machine is yours (dokuen ps:scale)";

/// What to do instead of this command.
pub fn instead(command: &str) -> Option<&'static str> {
    let topic = command.split(':').next().unwrap_or_default();
    let whole = INSTEAD.iter().find(|(name, _)| *name == command);
    whole.or_else(|| INSTEAD.iter().find(|(name, _)| *name == topic)).map(|(_, text)| *text)
}
