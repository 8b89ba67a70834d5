//! The few responses that the front gives itself.

use super::exchange::After;

/// A response of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// What came is not a request.
    BadRequest,
    /// Its head does not fit.
    HeadTooLarge,
    /// The app sent something that is not a response.
    BadGateway,
    /// The app ended over it, more than once.
    Lost,
    /// The app did not listen in time.
    Unavailable,
}

impl Answer {
    /// The bytes; without the body for a HEAD request.
    pub fn bytes(self, after: After, head_only: bool) -> Vec<u8> {
        let (status, text, more) = self.parts();
        let close = if after == After::Close { "Connection: close\r\n" } else { "" };
        let body = if head_only { "" } else { text };
        let length = text.len();
        let fields = format!("Content-Type: text/plain\r\nContent-Length: {length}\r\n{more}{close}");
        format!("HTTP/1.1 {status}\r\n{fields}\r\n{body}").into_bytes()
    }

    fn parts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::BadRequest => ("400 Bad Request", "This is not an HTTP/1 request.\n", ""),
            Self::HeadTooLarge => ("431 Request Header Fields Too Large", "The request's head is too large.\n", ""),
            Self::BadGateway => ("502 Bad Gateway", "The app's answer is not an HTTP/1 response.\n", ""),
            Self::Lost => ("502 Bad Gateway", "The app ended before it answered.\n", ""),
            Self::Unavailable => {
                ("503 Service Unavailable", "The app is not up. Please try again.\n", "Retry-After: 1\r\n")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_whole_response() {
        let text = String::from_utf8(Answer::Unavailable.bytes(After::Close, false)).unwrap();
        assert_eq!(
            text,
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 37\r\n\
             Retry-After: 1\r\nConnection: close\r\n\r\nThe app is not up. Please try again.\n"
        );
        let head = String::from_utf8(Answer::BadRequest.bytes(After::KeepAlive, true)).unwrap();
        assert!(head.ends_with("Content-Length: 31\r\n\r\n") && !head.contains("close"), "{head}");
    }
}
