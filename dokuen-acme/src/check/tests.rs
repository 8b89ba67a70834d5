//! Certificates made on the spot: of one's own, of an authority with a middle man, spoilt in each way.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use super::*;

const NOW: i64 = 1_780_000_000; // 2026-05-28

struct Made {
    cert: String,
    key: String,
}

fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(&[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn own(params: CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    Made { cert: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

/// Root, middle man, and a certificate for `www.example.org` by the middle man.
fn chain() -> (String, String, Made) {
    let root = CertifiedIssuer::self_signed(authority("root"), KeyPair::generate().unwrap()).unwrap();
    let middle = CertifiedIssuer::signed_by(authority("middle"), KeyPair::generate().unwrap(), &root).unwrap();
    let key = KeyPair::generate().unwrap();
    let issuer: &Issuer<'_, _> = &middle;
    let leaf = params(&["www.example.org", "*.EXAMPLE.org"]).signed_by(&key, issuer).unwrap();
    (root.pem(), middle.pem(), Made { cert: leaf.pem(), key: key.serialize_pem() })
}

fn lf(text: &str) -> String {
    text.replace("\r\n", "\n")
}

#[test]
fn a_chain_in_any_order_comes_out_in_the_right_one_without_the_root() {
    let (root, middle, leaf) = chain();
    for parts in [
        [&leaf.cert, &middle, &root, &leaf.key],
        [&leaf.key, &root, &middle, &leaf.cert],
        [&middle, &leaf.key, &leaf.cert, &root],
    ] {
        let checked = check(&parts.map(String::as_str).concat(), NOW).unwrap();
        assert_eq!(checked.chain, lf(&(leaf.cert.clone() + &middle)));
        assert_eq!(checked.key, lf(&leaf.key));
        assert_eq!(checked.about.names, ["www.example.org", "*.example.org"]);
        assert_eq!(
            (checked.about.issuer.as_str(), checked.about.not_after.as_str()),
            ("CN=middle", "2027-01-01T00:00:00Z")
        );
        assert_eq!(checked.about.fingerprint.len(), 64);
    }
    let twice = [&leaf.cert, &leaf.cert, &middle, &middle, &leaf.key].map(String::as_str).concat();
    assert_eq!(check(&twice, NOW).unwrap().chain, lf(&(leaf.cert + &middle)));
}

#[test]
fn a_certificate_of_ones_own_is_one() {
    let made = own(params(&["a.example"]));
    let text = format!("Bag Attributes\n{}some words\n{}", made.cert, made.key).replace('\n', "\r\n");
    assert_eq!(check(&text, NOW).unwrap().chain, lf(&made.cert));
    let of_windows = format!("\u{feff}{}\u{feff}{}", made.cert, made.key);
    assert_eq!(check(&of_windows, NOW).unwrap().chain, lf(&made.cert));
}

#[test]
fn what_cannot_be_used_is_refused_in_words() {
    let (root, middle, leaf) = chain();
    let (other, nobody) = (own(params(&["b.example"])), own(params(&[])));
    let with = |parts: &[&str]| check(&parts.concat(), NOW).unwrap_err();
    assert_eq!(with(&[&leaf.cert, &middle]), BadCertificate::NoKey);
    assert_eq!(with(&[&leaf.key]), BadCertificate::NoCertificate);
    assert_eq!(with(&[""]), BadCertificate::NoCertificate);
    assert_eq!(with(&[&leaf.cert, &leaf.key, &other.key]), BadCertificate::Keys(2));
    assert_eq!(with(&[&leaf.cert, &other.key]), BadCertificate::Mismatch);
    assert_eq!(with(&[&nobody.cert, &nobody.key]), BadCertificate::NoNames);
    assert!(matches!(with(&[&leaf.cert, &root, &leaf.key]), BadCertificate::Stray(who) if who == "CN=root"));
    assert!(matches!(with(&[&leaf.cert, &middle, &other.cert, &leaf.key]), BadCertificate::Stray(_)));
    let torn = leaf.cert.replacen("MII", "AII", 1);
    assert_eq!(with(&[&torn, &leaf.key]), BadCertificate::Unreadable(1));
    let closed = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert_eq!(with(&[&leaf.cert, closed]), BadCertificate::Encrypted);
    let text = leaf.cert.clone() + &leaf.key;
    assert_eq!(check(&text, 1_800_000_000).unwrap_err(), BadCertificate::Expired("2027-01-01T00:00:00Z".into()));
    assert_eq!(check(&text, 1_700_000_000).unwrap_err(), BadCertificate::Early("2026-01-01T00:00:00Z".into()));
}

#[test]
fn a_middle_man_of_the_same_name_with_another_key_does_not_vouch() {
    let (_, _, leaf) = chain();
    let (_, impostor, _) = chain();
    let refused = check(&[leaf.cert, impostor, leaf.key].concat(), NOW).unwrap_err();
    assert!(matches!(refused, BadCertificate::Stray(who) if who == "CN=middle"));
}
