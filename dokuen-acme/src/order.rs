//! An order, from wherever an earlier call left it to the certificate.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dokuen_core::{Lock, fs};
use instant_acme::{Account, AuthorizationStatus, ChallengeType, Order, OrderStatus, RetryPolicy, RevocationRequest};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde::{Deserialize, Serialize};

use crate::account::{account, forget, known};
use crate::answer::Answer;
use crate::check::{Checked, check};
use crate::error::{AcmeError, BadCertificate};
use crate::later::{ask_only_when_it_is_time, put_off, told};
use crate::line::Heard;
use crate::replaces;
use crate::wish::{Challenge, Issued, Wish};

/// What is on disk of an order.
#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    directory: String,
    names: Vec<String>,
    /// The key of the certificate, as PEM: made before there is an order.
    key: String,
    /// Where the order is; `None` until the authority has said so.
    url: Option<String>,
}

/// Has the certificate made, or takes up the order of an earlier call that was killed.
///
/// An authority that asks for a pause is not asked again before its end: [`AcmeError::Later`], also from the next calls.
///
/// The state of the order stays on disk until the caller removes its directory: a call after a success gives the same
/// certificate again, so that it is not lost when the caller is killed before it has put it away.
pub fn order(wish: &Wish) -> Result<Checked, AcmeError> {
    fs::make_dirs(&wish.order, fs::PRIVATE_DIR)?;
    // A caller that was killed may have left its `dokuen-acme` at work: two on one order would trip each other.
    let _lock = Lock::take(&wish.order.join("lock"), "ordering a certificate")?;
    ask_only_when_it_is_time(wish)?;
    let heard = Heard::default();
    run(async {
        match attempt(wish, &heard).await {
            Err(error) if error.is_lost_account() => {
                forget(wish)?;
                attempt(wish, &heard).await
            }
            other => other,
        }
    })
    .map_err(|error| put_off(wish, error, &heard))
}

async fn attempt(wish: &Wish, heard: &Heard) -> Result<Checked, AcmeError> {
    let account = account(wish, heard).await?;
    let (mut noted, mut order) = open(wish, &account).await?;
    let pem = match bring_to_certificate(wish, &noted, &mut order).await {
        Ok(pem) => pem,
        Err(error) => {
            // An order that has failed stays so: the next call makes another, with the same key.
            if order.state().status == OrderStatus::Invalid {
                noted.url = None;
                note(&wish.order, &noted)?;
            }
            return Err(error);
        }
    };
    Ok(check(&format!("{pem}\n{}", noted.key), now())?)
}

/// Takes a certificate back, as the account that ordered it.
pub fn revoke(wanted: &Issued) -> Result<(), AcmeError> {
    let heard = Heard::default();
    run(async {
        let at = |source| AcmeError::at("revoke the certificate", &wanted.directory, source);
        let account = known(&wanted.accounts, &wanted.directory, wanted.root.as_deref(), &heard).await?;
        let account = account.ok_or_else(|| at(instant_acme::Error::Str("there is no account of ours")))?;
        let blocks = crate::pem::blocks(&wanted.chain)?;
        let (leaf, _) = blocks.certificates.first().ok_or(BadCertificate::NoCertificate)?;
        account.revoke(&RevocationRequest { certificate: leaf, reason: None }).await.map_err(at)
    })
    .map_err(|error| told(&wanted.directory, error, &heard))
}

pub(crate) fn run<T>(work: impl Future<Output = Result<T, AcmeError>>) -> Result<T, AcmeError> {
    // One thread: there is one order, and each step waits for the one before.
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(AcmeError::Start)?.block_on(work)
}

/// The order of an earlier call, when it is for the same names and still good for something; else a new one.
async fn open(wish: &Wish, account: &Account) -> Result<(Noted, Order), AcmeError> {
    let earlier = read(&wish.order)?.filter(|noted| noted.directory == wish.directory && noted.names == wish.names);
    let mut noted = match earlier {
        Some(noted) => noted,
        None => Noted {
            directory: wish.directory.clone(),
            names: wish.names.clone(),
            key: KeyPair::generate()?.serialize_pem(),
            url: None,
        },
    };
    if let Some(url) = &noted.url {
        // An authority forgets orders in time: then, too, a new one is made.
        match account.order(url.clone()).await {
            Ok(mut order) => match order.state().status {
                OrderStatus::Invalid => noted.url = None,
                _ => return Ok((noted, order)),
            },
            Err(instant_acme::Error::Api(_)) => noted.url = None,
            Err(source) => return Err(AcmeError::at("look after the order", &wish.directory, source)),
        }
    }
    note(&wish.order, &noted)?;
    let order = replaces::order(wish, account).await?;
    noted.url = Some(order.url().to_owned());
    note(&wish.order, &noted)?;
    Ok((noted, order))
}

async fn bring_to_certificate(wish: &Wish, noted: &Noted, order: &mut Order) -> Result<String, AcmeError> {
    let at = |action| move |source| AcmeError::at(action, &wish.directory, source);
    // Steady: pauses that grow would be minutes at the end. An authority that wants longer ones says so.
    let patience = RetryPolicy::new().initial_delay(Duration::from_millis(300)).backoff(1.0);
    let patience = patience.timeout(Duration::from_secs(wish.patience));
    if order.state().status == OrderStatus::Pending {
        let answers = answer(wish, order).await?;
        let looked = order.poll_ready(&patience).await;
        drop(answers);
        if let Some(refused) = refusal(order).await {
            return Err(refused);
        }
        looked.map_err(at("have the names looked at"))?;
    }
    if order.state().status == OrderStatus::Ready {
        match order.finalize_csr(&request(noted)?).await {
            // An earlier call asked for it and was killed before it heard.
            Err(instant_acme::Error::Api(problem)) if is_past_ready(&problem) => {}
            other => other.map_err(at("have the certificate made"))?,
        }
    }
    order.poll_certificate(&patience).await.map_err(at("fetch the certificate"))
}

/// Shows the authority what it asks for. It stands as long as what is given back.
async fn answer(wish: &Wish, order: &mut Order) -> Result<Vec<Answer>, AcmeError> {
    let at = |source| AcmeError::at("answer a challenge", &wish.directory, source);
    let (kind, way) = match wish.challenge {
        Challenge::Http(_) => (ChallengeType::Http01, "http-01"),
        Challenge::Dns(_) => (ChallengeType::Dns01, "dns-01"),
    };
    let mut answers = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(at)?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let name = authorization.identifier().to_string();
        let challenge = authorization.challenge(kind.clone());
        let mut challenge = challenge.ok_or_else(|| AcmeError::NoChallenge { name: name.clone(), way })?;
        let key = challenge.key_authorization();
        answers.push(Answer::show(&wish.challenge, &name, &challenge.token, key.as_str(), key.dns_value())?);
        match challenge.set_ready().await {
            Ok(()) => {}
            Err(instant_acme::Error::Api(problem)) => {
                return Err(AcmeError::Refused { name, said: said(&problem) });
            }
            Err(source) => return Err(at(source)),
        }
    }
    Ok(answers)
}

/// The name that the authority does not believe, and why: an order itself only says that it is invalid.
async fn refusal(order: &mut Order) -> Option<AcmeError> {
    if order.state().status != OrderStatus::Invalid {
        return None;
    }
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() || authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        if let Some(problem) = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return Some(AcmeError::Refused { name, said: said(problem) });
        }
    }
    None
}

fn is_past_ready(problem: &instant_acme::Problem) -> bool {
    problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:orderNotReady")
}

pub(crate) fn said(problem: &instant_acme::Problem) -> String {
    problem.detail.clone().unwrap_or_else(|| problem.to_string())
}

fn request(noted: &Noted) -> Result<Vec<u8>, AcmeError> {
    let mut params = CertificateParams::new(noted.names.clone())?;
    params.distinguished_name = DistinguishedName::new();
    Ok(params.serialize_request(&KeyPair::from_pem(&noted.key)?)?.der().to_vec())
}

const NOTE: &str = "order.json";

fn note(dir: &Path, noted: &Noted) -> Result<(), AcmeError> {
    let path = dir.join(NOTE);
    let text = serde_json::to_vec(noted).map_err(|source| AcmeError::State { path: path.clone(), source })?;
    Ok(fs::replace(&path, &text, fs::PRIVATE_FILE)?)
}

fn read(dir: &Path) -> Result<Option<Noted>, AcmeError> {
    let path = dir.join(NOTE);
    let Some(bytes) = fs::read_if_there(&path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| AcmeError::State { path, source })
}

pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
