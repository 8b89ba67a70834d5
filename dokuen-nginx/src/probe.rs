//! Asking nginx over TCP which text of a vhost it runs: the only answer that counts.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// What nginx has to answer for one name once a change is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub file: PathBuf,
    pub domain: String,
    pub sum: Sum,
}

/// The sum nginx repeats for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sum {
    /// The file is in force.
    Is(String),
    /// The file is gone, so whoever has the name now, it is not the text of before.
    IsNot(String),
}

/// The master tells old workers to go 100 ms after it started the new ones.
pub const SPAN: Duration = Duration::from_millis(120);
/// For how long at the end no old worker may have answered.
const ROW: Duration = Duration::from_millis(30);
/// How often nginx is asked again, and how long it may take for one answer.
const PAUSE: Duration = Duration::from_millis(4);
const ANSWER: Duration = Duration::from_millis(500);

/// Waits until nginx answers as expected for each name, and still does when `span` has gone by; else gives back one it
/// did not.
///
/// Old workers accept connections beside the new ones for a while, so one right answer proves that the new text runs
/// and begins the span after which they are told to go; only a row of right ones at its end proves that they went.
pub fn prove(addr: SocketAddr, expected: &[Expected], span: Duration, deadline: Instant) -> Result<(), Expected> {
    let (mut all_right_since, mut last_wrong) = (None, Instant::now());
    loop {
        let wrong = expected.iter().find(|one| !is_in_force(addr, one));
        let now = Instant::now();
        if let Some(wrong) = wrong {
            if now >= deadline {
                return Err(wrong.clone());
            }
            last_wrong = now;
        } else {
            let since = *all_right_since.get_or_insert(now);
            if now - since >= span && now - last_wrong >= ROW.min(span) {
                return Ok(());
            }
        }
        thread::sleep(PAUSE);
    }
}

/// Whether nginx answers so right now.
pub fn is_in_force(addr: SocketAddr, expected: &Expected) -> bool {
    match (ask(addr, &expected.domain), &expected.sum) {
        (Ok(answer), Sum::Is(sum)) => answer.as_ref() == Some(sum),
        (Ok(answer), Sum::IsNot(sum)) => answer.as_ref() != Some(sum),
        (Err(_), _) => false,
    }
}

/// The sum that nginx repeats for this name; `None` when it answers anything else.
fn ask(addr: SocketAddr, domain: &str) -> io::Result<Option<String>> {
    let mut stream = TcpStream::connect_timeout(&addr, ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    write!(stream, "GET /.well-known/dokuen-route HTTP/1.0\r\nHost: {domain}\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    Ok(sum_in(&answer))
}

fn sum_in(answer: &str) -> Option<String> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).filter(|status| *status == "200")?;
    Some(body.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_200_carries_a_sum() {
        assert_eq!(sum_in("HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\nabc\n").as_deref(), Some("abc"));
        for other in ["HTTP/1.1 404 Not Found\r\n\r\nabc\n", "HTTP/1.1 200 OK\r\n", "", "200"] {
            assert_eq!(sum_in(other), None, "{other:?}");
        }
    }
}
