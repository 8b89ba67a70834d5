//! What a killed command has left of a release is removed, and nothing that is whole.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

use dokuen_core::ledger::{self, Record, Version};
use dokuen_core::releases::{self, Tree};
use dokuen_core::{App, AppName, Conf, Environment, Host, Stamp, fs};

fn app(dir: &std::path::Path) -> App {
    let conf = dir.join("dokuen.conf");
    let text = format!("base_domain_name: example.com\ndokuen_dir: {}\n", dir.display());
    fs::replace(&conf, text.as_bytes(), fs::PRIVATE_FILE).unwrap();
    let app = Host::new(Conf::load(&conf).unwrap()).app_at(AppName::parse("hello").unwrap());
    for dir in [app.releases_dir(), app.ledger_dir()] {
        fs::make_dirs(&dir, fs::PRIVATE_DIR).unwrap();
    }
    app
}

fn filed(app: &App, number: u32) {
    let text = String::new;
    let record = Record {
        version: Version(number),
        tree: text(),
        commit: None,
        at: text(),
        by: text(),
        what: text(),
        formation: text(),
    };
    ledger::write(app, &record, &Environment::default()).unwrap().file().unwrap();
}

#[test]
fn trees_that_are_not_whole_go() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let whole: Vec<Tree> = (0..2).map(|_| releases::cut(&app, Stamp::now()).unwrap().complete().unwrap()).collect();
    for _ in 0..2 {
        releases::cut(&app, Stamp::now()).unwrap();
    }
    for name in ["00", "zz"] {
        fs::make_dirs(&app.releases_dir().join(name).join("deep"), fs::PRIVATE_DIR).unwrap();
    }
    releases::sweep(&app).unwrap();
    assert_eq!(fs::names(&app.releases_dir()).unwrap(), [whole[0].name(), whole[1].name()]);
}

#[test]
fn releases_above_the_live_one_go_and_where_none_is_live_what_was_filed_stays() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let table = [(None, &["v2", "v9", "v10"][..]), (Some(Version(9)), &["v2", "v9"]), (Some(Version(2)), &["v2"])];
    for (live, left) in table {
        [2, 9, 10]
            .into_iter()
            .filter(|n| ledger::record(&app, Version(*n)).unwrap().is_none())
            .for_each(|n| filed(&app, n));
        fs::make_dirs(&app.ledger_dir().join(".v11"), fs::PRIVATE_DIR).unwrap();
        ledger::sweep(&app, live).unwrap();
        let versions: Vec<String> = ledger::versions(&app).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!((versions.len(), fs::names(&app.ledger_dir()).unwrap().len()), (left.len(), left.len()), "{live:?}");
        assert_eq!(versions, left);
    }
}
