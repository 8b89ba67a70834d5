//! The line to an authority: https, and what its answers say of when to ask again.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Request, StatusCode};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{Account, AccountBuilder, BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::{ClientConfig, RootCertStore};

use crate::error::AcmeError;
use crate::pem::blocks;

/// When the authority wants to be asked again, in seconds since 1970; what its last refusal for want of time said.
#[derive(Debug, Clone, Default)]
pub struct Heard(Arc<Mutex<Option<i64>>>);

impl Heard {
    /// `None`: it has asked for no pause.
    pub fn until(&self) -> Option<i64> {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn note(&self, until: i64) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(until);
    }
}

/// Accounts by a line whose pauses are heard. `root` is believed in place of the machine's roots.
pub fn builder(root: Option<&Path>, heard: &Heard) -> Result<AccountBuilder, AcmeError> {
    let tls = ClientConfig::builder();
    let tls = match root {
        Some(path) => tls.with_root_certificates(roots(path)?),
        None => tls
            .try_with_platform_verifier()
            .map_err(|source| AcmeError::at("read the roots of", "this machine", Error::Other(Box::new(source))))?,
    };
    let https = HttpsConnectorBuilder::new().with_tls_config(tls.with_no_client_auth());
    let https = https.https_only().enable_http1().enable_http2().build();
    let client = Client::builder(TokioExecutor::new()).build(https);
    Ok(Account::builder_with_http(Box::new(Line { client, heard: heard.clone() })))
}

fn roots(path: &Path) -> Result<RootCertStore, AcmeError> {
    let none = |source| AcmeError::Root { path: path.to_owned(), source };
    let text = dokuen_core::fs::read_text(path)?;
    let found = blocks(&text).map_err(|source| none(Box::new(source)))?;
    let mut roots = RootCertStore::empty();
    for (der, _) in found.certificates {
        roots.add(der).map_err(|source| none(Box::new(source)))?;
    }
    if roots.is_empty() { Err(none(Box::new(crate::BadCertificate::NoCertificate))) } else { Ok(roots) }
}

struct Line {
    client: Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>,
    heard: Heard,
}

impl HttpClient for Line {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (answer, heard) = (HttpClient::request(&self.client, request), self.heard.clone());
        Box::pin(async move {
            let answer = answer.await?;
            let asked = answer.parts.headers.get(RETRY_AFTER);
            if let Some(until) = pause(answer.parts.status, asked, SystemTime::now()) {
                heard.note(until);
            }
            Ok(answer)
        })
    }
}

/// An hour: for who is asked too much and says no time.
const UNSAID: i64 = 3600;
/// A week, the longest of the limits that authorities have: a slip of theirs keeps nobody from a certificate for a year.
const LONGEST: i64 = 7 * 86_400;

/// Until when an answer wants no more questions: too many (429), or none for now (503) and for how long (RFC 9110, 10.2.3).
fn pause(status: StatusCode, asked: Option<&HeaderValue>, now: SystemTime) -> Option<i64> {
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64);
    let now = seconds(now);
    let asked = asked.and_then(|value| value.to_str().ok()).map(str::trim);
    let said = asked.and_then(|text| match text.parse::<u32>() {
        Ok(delay) => Some(now + i64::from(delay)),
        Err(_) => Some(seconds(httpdate::parse_http_date(text).ok()?)),
    });
    let until = match status {
        StatusCode::TOO_MANY_REQUESTS => said.unwrap_or(now + UNSAID),
        StatusCode::SERVICE_UNAVAILABLE => said?,
        _ => return None,
    };
    Some(until.min(now + LONGEST))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_answer_says_when_to_ask_again() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 100);
        for (status, asked, after) in [
            (429, Some("120"), Some(120)),
            (429, Some("Sun, 06 Nov 1994 08:49:37 GMT"), Some(100)),
            (429, None, Some(3600)),
            (429, Some("soon"), Some(3600)),
            (429, Some("-5"), Some(3600)),
            (429, Some("4294967295"), Some(7 * 86_400)),
            (429, Some("99999999999999999999"), Some(3600)),
            (503, Some("30"), Some(30)),
            (503, None, None),
            (400, Some("30"), None),
            (200, Some("30"), None),
        ] {
            let asked = asked.map(HeaderValue::from_static);
            let until = pause(StatusCode::from_u16(status).unwrap(), asked.as_ref(), now);
            assert_eq!(until.map(|until| until - (784_111_777 - 100)), after, "{status} {asked:?}");
        }
    }
}
