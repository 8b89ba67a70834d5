use super::batch::LONGEST_LINE;
use super::*;

const AT: &str = "2026-01-02T03:04:05Z";

fn open(dir: &tempfile::TempDir, most: u64) -> Log {
    Log::open(Files::new(&dir.path().join("l"), most, None), "web.1", &dir.path().join("spool")).unwrap()
}

/// As the child would write it, through a pipe.
fn take(log: &mut Log, bytes: &[u8]) {
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_NONBLOCK).unwrap();
    let (read, mut write) = (File::from(read), File::from(write));
    for chunk in bytes.chunks(30_000) {
        write.write_all(chunk).unwrap();
        while log.take_from(&read, AT.parse().unwrap()) > 0 {}
    }
}

fn write(pieces: &[&[u8]], most: u64) -> (tempfile::TempDir, Log) {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(&dir, most);
    for piece in pieces {
        take(&mut log, piece);
    }
    (dir, log)
}

fn text(dir: &tempfile::TempDir) -> String {
    String::from_utf8(fs::read(&dir.path().join("l")).unwrap()).unwrap()
}

#[test]
fn every_line_is_stamped_once_wherever_the_reads_fall() {
    let (dir, mut log) = write(&[b"on", b"e\ntw", b"o\n", b"\nlast"], 1_000_000);
    assert!(log.has_partial());
    log.end_partial(AT.parse().unwrap());
    let stamp = "[2026-01-02 03:04:05][web.1] ";
    assert_eq!(text(&dir), format!("{stamp}one\n{stamp}two\n{stamp}\n{stamp}last\n"));
}

#[test]
fn a_long_line_is_split_and_memory_stays_small() {
    let (dir, log) = write(&[&vec![b'x'; 3 * LONGEST_LINE + 5], b"\n"], u64::MAX);
    assert_eq!(
        text(&dir).lines().map(|l| l.len() - 29).collect::<Vec<_>>(),
        [LONGEST_LINE, LONGEST_LINE, LONGEST_LINE, 5]
    );
    assert!(log.batch.unwrap().len() <= 8 * LONGEST_LINE);
}

#[test]
fn rotation_keeps_a_bounded_number_of_files_and_every_line_in_order() {
    let line = [b'y'; 99];
    let (dir, mut log) = write(&[], 1000);
    for _ in 0..30 {
        take(&mut log, &[&line[..], b"\n"].concat());
    }
    let mut names = fs::names(dir.path()).unwrap();
    assert_eq!(names.pop().as_deref(), Some("spool"));
    assert_eq!(names, ["l", "l.1", "l.2", "l.3"]);
    let count: usize = names.iter().map(|n| fs::read_text(&dir.path().join(n)).unwrap().lines().count()).sum();
    assert_eq!(count, 30);
}

#[test]
fn a_symlink_is_never_followed_and_the_loss_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (dir.path().join("l"), dir.path().join("elsewhere"));
    fs::link(&elsewhere, &path).unwrap();
    let mut log = open(&dir, 1000);
    take(&mut log, b"a\nb\n");
    assert!(!elsewhere.exists());
    fs::remove(&path).unwrap();
    take(&mut log, b"c\n");
    assert!(text(&dir).starts_with("[2026-01-02 03:04:05][web.1] dokuen: 2 lines were lost"), "{}", text(&dir));
}

#[test]
fn a_directory_of_logs_that_was_removed_comes_back_and_one_above_it_does_not() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("app/logs");
    let mut log = Log::open(Files::new(&logs.join("l"), 1000, None), "web.1", &dir.path().join("spool")).unwrap();
    take(&mut log, b"a\n");
    assert!(!dir.path().join("app").exists());
    fs::make_dir(&dir.path().join("app"), fs::PRIVATE_DIR).unwrap();
    take(&mut log, b"b\n");
    assert_eq!(logs.metadata().unwrap().mode() & 0o777, 0o700);
    assert!(fs::read_text(&logs.join("l")).unwrap().ends_with("][web.1] b\n"));
    fs::remove_tree(&logs).unwrap();
    take(&mut log, b"c\n");
    assert!(fs::read_text(&logs.join("l")).unwrap().ends_with("][web.1] c\n"));
}

/// Two lines and a half, of which the two are noted as begun, as a killed wrapper leaves them.
fn killed(written: impl Fn(&str) -> String) -> (tempfile::TempDir, Log) {
    let (dir, mut log) = write(&[b"before\n"], 1_000_000);
    let (read, write) = nix::unistd::pipe().unwrap();
    File::from(write).write_all(b"one\ntwo\nthr").unwrap();
    log.spool.fill_from(&File::from(read)).unwrap();
    let path = dir.path().join("l");
    let meta = path.metadata().unwrap();
    let second = AT.parse::<Timestamp>().unwrap().as_second();
    log.spool.begin(8, Batch { inode: meta.ino(), at: meta.len(), second, cut: false });
    let stamp = "[2026-01-02 03:04:05][web.1] ";
    let text = written(&format!("{stamp}one\n{stamp}two\n"));
    fs::open_append(&path, fs::PRIVATE_FILE).unwrap().write_all(text.as_bytes()).unwrap();
    std::mem::forget(log);
    let log = open(&dir, 1_000_000);
    (dir, log)
}

#[test]
fn what_a_killed_wrapper_had_begun_is_finished_exactly_once() {
    let stamp = "[2026-01-02 03:04:05][web.1] ";
    let both = format!("{stamp}before\n{stamp}one\n{stamp}two\n");
    for there in 0..=66 {
        let (dir, mut log) = killed(|batch| batch[..there].to_owned());
        assert_eq!(text(&dir), both, "{there}");
        take(&mut log, b"ee\n");
        assert_eq!(text(&dir), format!("{both}{stamp}three\n"));
    }
}

#[test]
fn another_wrapper_may_write_before_or_after_and_the_file_be_rotated() {
    let (dir, _log) = killed(|batch| format!("other\n{batch}"));
    assert_eq!(text(&dir).matches("one").count(), 1);
    let (dir, _log) = killed(|batch| format!("{batch}other\n"));
    assert_eq!(text(&dir).matches("one").count(), 1);
    let (dir, _log) = killed(|_| "other\n".to_owned());
    assert_eq!(text(&dir).matches("one").count(), 1);
}

#[test]
fn without_room_for_the_spool_lines_are_logged_past_it_and_stay_whole() {
    let (dir, mut log) = write(&[b"be"], 1_000_000);
    past(&mut log, &dir, b"gun\ntwo\nth");
    past(&mut log, &dir, b"re");
    // There is room again.
    take(&mut log, b"e\nfour\nfi");
    past(&mut log, &dir, b"v");
    assert!(log.has_partial());
    log.end_partial(AT.parse().unwrap());
    assert!(!log.has_partial());
    let lines = ["begun", "two", "three", "four", "fiv"].map(|line| format!("[2026-01-02 03:04:05][web.1] {line}\n"));
    assert_eq!(text(&dir), lines.concat());
}

#[test]
fn a_line_without_an_end_past_the_spool_is_split_and_memory_stays_small() {
    let (dir, mut log) = write(&[], u64::MAX);
    for _ in 0..40 {
        past(&mut log, &dir, &[b'x'; 16 * 1024]);
        assert!(log.begun.len() <= LONGEST_LINE + 32 * 1024);
    }
    take(&mut log, b"end\n");
    let lens: Vec<_> = text(&dir).lines().map(|line| line.len() - 29).collect();
    assert_eq!(lens.iter().sum::<usize>(), 40 * 16 * 1024 + 3);
    assert!(lens.iter().all(|len| *len <= LONGEST_LINE), "{lens:?}");
}

/// What cannot be spliced fails as a full disk would.
fn past(log: &mut Log, dir: &tempfile::TempDir, bytes: &[u8]) {
    let path = dir.path().join("odd");
    fs::replace(&path, bytes, fs::PRIVATE_FILE).unwrap();
    assert_eq!(log.take_from(&fs::open(&path).unwrap(), AT.parse().unwrap()), bytes.len());
}

#[test]
fn a_line_of_the_wrappers_own_does_not_cut_one_that_waits() {
    let (dir, mut log) = write(&[b"ha"], 1_000_000);
    log.say("taken over", AT.parse().unwrap());
    take(&mut log, b"lf\n");
    let stamp = "[2026-01-02 03:04:05][web.1] ";
    assert_eq!(text(&dir), format!("{stamp}dokuen: taken over\n{stamp}half\n"));
}

#[test]
fn memory_goes_back_when_it_is_quiet() {
    let (_dir, mut log) = write(&[&b"line\n".repeat(20_000)], u64::MAX);
    assert!(log.is_large());
    log.rest();
    assert!(!log.is_large() && log.batch.is_none());
}
