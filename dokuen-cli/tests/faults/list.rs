//! `docs/faults.md` names every fault of the catalogue, with a test that there is or a reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_fault_has_a_test_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let catalogue = fs::read_to_string(root.join("fixtures/faults.txt")).unwrap();
    let known: Vec<&str> = catalogue.lines().filter_map(|line| line.split_once(' ').map(|(id, _)| id)).collect();
    let page = fs::read_to_string(root.join("docs/faults.md")).unwrap();
    let rows: Vec<Vec<&str>> =
        page.lines().filter(|l| l.starts_with("| ")).map(|l| l.split('|').map(str::trim).collect()).collect();
    let rows: Vec<_> = rows.into_iter().filter(|row| known.contains(&row[1])).collect();
    let listed: Vec<&str> = rows.iter().map(|row| row[1]).collect();
    assert_eq!(listed, known, "each once, in the order of the catalogue");
    let mut without = BTreeSet::new();
    for row in &rows {
        let tests: Vec<&str> = row[3].split('`').skip(1).step_by(2).filter(|text| text.contains("::")).collect();
        if tests.is_empty() {
            without.insert(row[1]);
            assert!(row[3].len() > 20, "{}: no test and no reason", row[1]);
        }
        for test in tests {
            let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{test} names no test"));
            let source = fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
            assert!(source.contains(&format!("fn {name}(")), "{file} has no test {name}");
        }
    }
    assert!(known.len() - without.len() >= 90, "only {} of {} are automated", known.len() - without.len(), known.len());
}
