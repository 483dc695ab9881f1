use super::*;
use crate::domain::value::ProvinceCode;
use crate::transport::testing::{Authority, Days, Leaf, YEAR, write};
use crate::transport::tls::Tls;
use rcgen::{BasicConstraints, IsCa};
use tempfile::TempDir;

const EXPIRED: Days = (-10, -1);
const TO_COME: Days = (1, 10);

/// What is said of these contents, or why they are refused.
fn loaded(ca: &str, leaf: &Leaf, crl: Option<&str>) -> Result<Vec<Term>, String> {
    let folder = TempDir::new().expect("a folder");
    let files = write(folder.path(), ca, leaf, crl);
    Tls::load(&files).map(|tls| tls.terms()).map_err(|error| error.to_string())
}

fn refused(ca: &str, leaf: &Leaf, crl: Option<&str>) -> String {
    loaded(ca, leaf, crl).expect_err("refused")
}

/// The terms that are near, as "file days-left".
fn near(terms: &[Term]) -> Vec<(String, Nearness)> {
    let now = seconds_now();
    let name = |term: &Term| term.path.file_name().expect("a name").to_string_lossy().into_owned();
    terms.iter().filter_map(|term| Some((name(term), term.nearness(now)?))).collect()
}

#[test]
fn a_certificate_that_is_not_valid_now_is_refused_with_its_file_and_day() {
    let ca = Authority::new("one", YEAR);
    let error = refused(&ca.pem, &ca.leaf(&Role::Hub, 1, EXPIRED), None);
    assert!(error.contains("own.pem: the certificate of CN=urn:gongji:hub expired on 2"), "{error}");
    let error = refused(&ca.pem, &ca.leaf(&Role::Hub, 1, TO_COME), None);
    assert!(error.contains("own.pem: the certificate of CN=urn:gongji:hub is not valid before 2"), "{error}");
    let leaf = ca.leaf(&Role::Hub, 1, YEAR);
    let error = refused(&Authority::new("old", EXPIRED).pem, &leaf, None);
    assert!(error.contains("ca.pem: the certificate of CN=old expired on 2"), "{error}");
    let error = refused(&[ca.pem.as_str(), &Authority::new("new", TO_COME).pem].concat(), &leaf, None);
    assert!(error.contains("ca.pem: the certificate of CN=new is not valid before 2"), "{error}");
    assert_eq!(near(&loaded(&ca.pem, &leaf, None).expect("sound")), []);
}

#[test]
fn an_authority_that_has_expired_beside_one_that_has_not_is_left_out_and_told() {
    let (old, new) = (Authority::new("old", EXPIRED), Authority::new("new", YEAR));
    let bundle = [old.pem.as_str(), &new.pem].concat();
    let terms = loaded(&bundle, &new.leaf(&Role::Hub, 1, YEAR), None).expect("sound");
    assert_eq!(near(&terms), [("ca.pem".to_owned(), Nearness::Day)]);
    assert!(terms[0].said(seconds_now()).contains("CN=old ended on 2"), "{terms:?}");
}

#[test]
fn only_an_authority_is_one() {
    let ca = Authority::new("one", YEAR);
    let (leaf, other) = (ca.leaf(&Role::Hub, 1, YEAR), ca.leaf(&Role::App("x".to_owned()), 2, YEAR));
    let error = refused(&leaf.cert, &leaf, None);
    assert!(error.contains("ca.pem: CN=urn:gongji:hub is no authority"), "{error}");
    let error = refused(&[ca.pem.as_str(), &other.cert].concat(), &leaf, None);
    assert!(error.contains("ca.pem: CN=urn:gongji:app:x is no authority"), "{error}");
    let itself = ca.signed((&Role::Hub, 1, YEAR), IsCa::Ca(BasicConstraints::Unconstrained));
    let error = refused(&ca.pem, &itself, None);
    assert!(
        error.contains("own.pem: CN=urn:gongji:hub is an authority: it can neither serve nor call"),
        "{error}"
    );
    let behind = Leaf { cert: [leaf.cert.as_str(), &other.cert].concat(), key: leaf.key.clone(), serial: 1 };
    let error = refused(&ca.pem, &behind, None);
    assert!(error.contains("own.pem: CN=urn:gongji:app:x is no authority"), "{error}");
}

#[test]
fn the_days_that_are_left_are_told_at_30_7_and_1() {
    let ca = Authority::new("one", YEAR);
    for (days, expected) in [
        (40, None),
        (30, Some(Nearness::Month)),
        (8, Some(Nearness::Month)),
        (7, Some(Nearness::Week)),
        (2, Some(Nearness::Week)),
        (1, Some(Nearness::Day)),
    ] {
        let terms = loaded(&ca.pem, &ca.leaf(&Role::Hub, 1, (-1, days)), None).expect("sound");
        let own = terms.iter().find(|term| term.what.contains("urn:gongji:hub")).expect("told");
        assert_eq!(own.nearness(seconds_now()), expected, "{days}");
    }
    let term = Term { path: "own.pem".into(), what: "the certificate of CN=x".to_owned(), ends: 86_400 * 10 };
    assert_eq!(
        term.said(86_400 * 3 + 1),
        "own.pem: the certificate of CN=x ends in 6 days, on 1970-01-11T00:00:00Z: replace it before"
    );
    assert_eq!(term.nearness(86_400 * 11), Some(Nearness::Day), "what is past stays told");
}

#[test]
fn a_list_of_revoked_certificates_is_of_an_authority_and_its_end_is_told() {
    let (ca, other) = (Authority::new("one", YEAR), Authority::new("one", YEAR));
    let node = Role::Node(ProvinceCode::new(13));
    let (leaf, revoked) = (ca.leaf(&Role::Hub, 1, YEAR), ca.leaf(&node, 2, YEAR));
    let sound = ca.list(&[&revoked], YEAR);
    assert_eq!(near(&loaded(&ca.pem, &leaf, Some(&sound)).expect("sound")), []);
    let late = loaded(&ca.pem, &leaf, Some(&ca.list(&[&revoked], EXPIRED))).expect("its entries count on");
    assert_eq!(near(&late), [("crl.pem".to_owned(), Nearness::Day)]);
    for (bad, why) in [
        (String::new(), "holds no readable list"),
        (leaf.cert.clone(), "holds no readable list"),
        (other.list(&[&revoked], YEAR), "was not signed by its key"),
        (ca.list(&[&revoked], TO_COME), "begins in the future"),
        ([sound.as_str(), &sound].concat(), "more than one authority or list is of CN=one"),
    ] {
        let error = refused(&ca.pem, &leaf, Some(&bad));
        assert!(error.contains("crl.pem") && error.contains(why), "{error}");
    }
    let error = refused(&[ca.pem.as_str(), &other.pem].concat(), &leaf, Some(&sound));
    assert!(error.contains("a new authority must have a new name"), "{error}");
}
