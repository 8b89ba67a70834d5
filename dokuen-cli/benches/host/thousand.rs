//! A push with a thousand releases behind it, beside the tenth. The releases are planted: trees that are whole, and their
//! entries in the ledger, as pushes leave them.

use std::fs;
use std::path::Path;

use crate::app::App;
use crate::host::{Host, Options, copy_tree};
use crate::{median, ms, timed};

const ROUNDS: usize = 11;

pub fn measure(count: Option<usize>) {
    let count = count.unwrap_or(1000);
    let conf = "stop_timeout: 3\ndrain_timeout: 10\nboot_timeout: 20\nkeep_releases: 1000\n";
    let host = Host::with(Options { conf, ..Options::default() });
    let [few, many] = ["few", "many"].map(|name| host.app(name, "hello").built_once());
    for number in 0..9 {
        few.greeting(&number.to_string()).push().ok();
    }
    many.push().ok();
    plant(&many, count);
    let said = many.dokuen("releases", &["-n", "5000"]).ok().out();
    println!("{} releases behind the one, 9 behind the other", said.lines().count() - 1);
    let (mut tenth, mut thousandth) = (vec![], vec![]);
    for round in 0..ROUNDS {
        for (app, times) in [(&few, &mut tenth), (&many, &mut thousandth)] {
            app.greeting(&format!("round {round}"));
            times.push(timed(|| app.push().ok()));
        }
    }
    let (tenth, thousandth) = (median(&tenth), median(&thousandth));
    println!("the 10th push          {:>7.1} ms", ms(tenth));
    println!("with {count} behind it {:>7.1} ms", ms(thousandth));
    println!("ratio {:.2} (target: at most 1.1), medians of {ROUNDS}", ms(thousandth) / ms(tenth));
}

/// Before the live release come others, each with a tree and an entry; the live one then has the highest number.
fn plant(app: &App, count: usize) {
    let live = app.release("current");
    let entry = app.dir().join("ledger/v1");
    let record = fs::read_to_string(entry.join("release.yml")).unwrap();
    let tree = live.file_name().unwrap().to_str().unwrap();
    for number in 1..=count {
        let name =
            format!("2024{:02}{:02}T{:02}{:02}00", 1 + number / 672, 1 + number / 24 % 28, number % 24, number % 60);
        copy_tree(&live, &live.parent().unwrap().join(&name));
        let (version, of) = if number == count { (count + 1, tree) } else { (number + 1, name.as_str()) };
        file(&entry, &app.dir().join(format!("ledger/v{version}")), &record, version, (tree, of));
    }
    file(&entry, &entry, &record, 1, (tree, "20240101T000100"));
    let live_file = app.dir().join("live");
    let text = fs::read_to_string(&live_file).unwrap();
    fs::write(live_file, text.replace("version: 1\n", &format!("version: {}\n", count + 1))).unwrap();
}

fn file(from: &Path, to: &Path, record: &str, version: usize, (old, new): (&str, &str)) {
    if from != to {
        copy_tree(from, to);
    }
    let text = record.replace("version: 1\n", &format!("version: {version}\n")).replace(old, new);
    fs::write(to.join("release.yml"), text).unwrap();
}
