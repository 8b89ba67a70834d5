//! What `run` passes through a connection: every byte, and how the command ended.

use std::io::Read;

use crate::door::Door;

#[test]
fn a_hundred_megabytes_and_every_status_come_through_a_connection() {
    let door = Door::with_anna();
    door.keep("anna");
    let app = door.app("anna", "blog", "python");
    door.git("anna", &app, &["push", "dokuen", "master"]).ok();
    let mut bytes = vec![0; 100 * 1024 * 1024];
    std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    let out = door.ssh_given("anna", "dokuen run -a blog cat", &bytes).ok().out;
    let sum = |bytes: &[u8]| ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().to_vec();
    assert!(sum(&out) == sum(&bytes), "{} of {} bytes came back, and not the same", out.len(), bytes.len());
    let run = |line: &str| door.ssh("anna", &format!("dokuen run -a blog {line}"));
    for (script, status) in [("exit 0", 0), ("exit 1", 1), ("exit 42", 42), ("kill -9 $$", 137), ("kill -15 $$", 143)] {
        run(&format!("sh -c '{script}'")).exits(status);
    }
    run("no-such-program").exits(127).stderr_has("no-such-program").says_nothing_else();
    run("./server.py").exits(126);
}
