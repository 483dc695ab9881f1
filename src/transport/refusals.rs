//! Why TLS refused a connection: in words for people, and in the log at a bounded rate.

use rustls::{AlertDescription, CertificateError, Error};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines about one peer and one reason.
const QUIET: Duration = Duration::from_secs(60);
/// Peers and reasons that are told apart; what comes beyond is told as one.
const KNOWN_MAX: usize = 1_000;

/// Characters of a reason that are not our own words.
const REASON_MAX: usize = 200;

/// What was refused and by whom, in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For people, and as the key under which the log counts.
    pub english: String,
    /// The same in Chinese.
    pub chinese: String,
}

/// What TLS refused, if that is what an error or one of its causes says.
pub fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<Refusal> {
    tls_error(error).and_then(in_words)
}

/// The error of TLS in an error or its causes.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<Error>() {
            return Some(tls);
        }
        // An io::Error's own error is none of its causes.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(tls) = inner.and_then(|inner| tls_error(inner)) {
            return Some(tls);
        }
        next = error.source();
    }
    None
}

fn in_words(error: &Error) -> Option<Refusal> {
    let (english, chinese) = match error {
        Error::InvalidCertificate(why) => {
            let (english, chinese) = of_certificate(why);
            (
                format!("the peer's certificate is refused: {english}"),
                format!("对方的证书未通过校验：{chinese}"),
            )
        }
        Error::AlertReceived(alert) => {
            let (english, chinese) = of_alert(*alert)?;
            (
                format!("the peer refuses our certificate: {english}"),
                format!("对方拒绝了本方的证书：{chinese}"),
            )
        }
        Error::InvalidMessage(_) => {
            ("the peer does not speak TLS".to_owned(), "对方使用的不是 TLS".to_owned())
        }
        Error::PeerIncompatible(why) => {
            (format!("no common form of TLS: {why:?}"), "双方没有共同支持的 TLS 版本或算法".to_owned())
        }
        Error::NoApplicationProtocol => {
            ("the peer does not speak HTTP/2".to_owned(), "对方不支持 HTTP/2".to_owned())
        }
        _ => return None,
    };
    Some(Refusal { english, chinese })
}

fn of_certificate(why: &CertificateError) -> (String, &'static str) {
    let (english, chinese) = match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("it has expired", "证书已过期")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("it is not valid yet", "证书尚未生效")
        }
        CertificateError::Revoked => ("it is revoked", "证书已被吊销"),
        CertificateError::UnknownIssuer => ("its authority is not believed", "证书的签发机构不受信任"),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ("it is not for the host that was dialled", "证书不适用于所连接的主机名")
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            ("it is not for this use", "证书的用途不符")
        }
        CertificateError::BadSignature => {
            ("its signature is none of an authority that is believed", "证书不是受信任的机构签发的")
        }
        // Of a role that was not dialled, for one.
        // The peer may have written part of it.
        other => return (other.to_string().chars().take(REASON_MAX).collect(), "证书不可用"),
    };
    (english.to_owned(), chinese)
}

/// What an alert says of a certificate; none when it says nothing of one.
fn of_alert(alert: AlertDescription) -> Option<(String, &'static str)> {
    let (english, chinese) = match alert {
        AlertDescription::CertificateExpired => {
            ("it has expired, or is not valid yet", "证书已过期或尚未生效")
        }
        AlertDescription::CertificateRevoked => ("it is revoked", "证书已被吊销"),
        AlertDescription::UnknownCA => ("its authority is not believed", "证书的签发机构不受信任"),
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => ("it is not accepted", "证书不被接受"),
        AlertDescription::DecryptError => ("its signature is not accepted", "证书的签名未通过校验"),
        AlertDescription::UnsupportedCertificate => ("it is not for this use", "证书的用途不符"),
        AlertDescription::CertificateRequired => ("none was shown", "未出示证书"),
        AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion => {
            ("no common form of TLS", "双方没有共同支持的 TLS 版本或算法")
        }
        _ => return None,
    };
    Some((format!("{english} ({alert:?})"), chinese))
}

/// Counts of what was refused, so that a peer that tries a thousand times a minute is told once a minute.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeMap<(String, String), Told>>);

#[derive(Debug)]
struct Told {
    at: Instant,
    unsaid: u64,
}

impl Refusals {
    /// Tells the log why a connection with a peer (its address) failed, if TLS refused it and this was not told just
    /// now.
    pub(super) fn note(&self, peer: &str, error: &(dyn std::error::Error + 'static)) {
        let Some(Refusal { english: reason, .. }) = refusal(error) else {
            tracing::debug!(peer, %error, "a TLS handshake failed");
            return;
        };
        if let Some((peer, reason, unsaid)) = self.count(peer, reason, Instant::now()) {
            tracing::warn!(peer, reason, unsaid, "a TLS handshake was refused 握手被拒绝");
        }
    }

    /// Counts one refusal at `now`: the line that is due, with how many were not told since the last one.
    fn count(&self, peer: &str, reason: String, now: Instant) -> Option<(String, String, u64)> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (peer.to_owned(), reason);
        if known.len() >= KNOWN_MAX && !known.contains_key(&key) {
            known.retain(|_, told| now.duration_since(told.at) < QUIET || told.unsaid > 0);
            if known.len() >= KNOWN_MAX {
                key = ("many others".to_owned(), "various".to_owned());
            }
        }
        let (peer, reason) = key.clone();
        match known.get_mut(&key) {
            Some(told) if now.duration_since(told.at) < QUIET => {
                told.unsaid += 1;
                None
            }
            Some(told) => {
                told.at = now;
                Some((peer, reason, std::mem::take(&mut told.unsaid)))
            }
            None => {
                known.insert(key, Told { at: now, unsaid: 0 });
                Some((peer, reason, 0))
            }
        }
    }

    /// Tells the log what was counted more than a minute ago and not told, and forgets what has stopped.
    pub fn flush(&self) {
        for (peer, reason, unsaid) in self.late(Instant::now()) {
            tracing::warn!(peer, reason, unsaid, "TLS handshakes were refused 握手被拒绝");
        }
    }

    fn late(&self, now: Instant) -> Vec<(String, String, u64)> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_late = |told: &Told| now.duration_since(told.at) >= QUIET;
        known.retain(|_, told| !is_late(told) || told.unsaid > 0);
        let late = known.iter_mut().filter(|(_, told)| is_late(told));
        late.map(|((peer, reason), told)| {
            told.at = now;
            (peer.clone(), reason.clone(), std::mem::take(&mut told.unsaid))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_and_a_reason_have_one_line_a_minute_and_the_rest_is_counted() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let count = |peer: &str, reason: &str, seconds: u64| {
            let told = refusals.count(peer, reason.to_owned(), start + Duration::from_secs(seconds));
            told.map(|(_, _, unsaid)| unsaid)
        };
        assert_eq!(count("10.0.0.1", "it has expired", 0), Some(0));
        for second in 1..60 {
            assert_eq!(count("10.0.0.1", "it has expired", second), None);
        }
        assert_eq!(count("10.0.0.2", "it has expired", 5), Some(0), "another peer");
        assert_eq!(count("10.0.0.1", "it is revoked", 5), Some(0), "another reason");
        assert_eq!(count("10.0.0.1", "it has expired", 61), Some(59));
        assert_eq!(count("10.0.0.1", "it has expired", 62), None);
        let late = |seconds| refusals.late(start + Duration::from_secs(seconds));
        assert_eq!(late(100), [], "not a minute ago");
        let line = ("10.0.0.1".to_owned(), "it has expired".to_owned(), 1);
        assert_eq!(late(121), [line], "told though nothing came any more");
        assert_eq!(late(300), []);
        assert!(refusals.0.lock().expect("sound").is_empty(), "what has stopped is forgotten");
    }

    #[test]
    fn however_many_peers_there_are_lines_and_memory_are_bounded() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let lines =
            (0..5_000).filter_map(|peer| refusals.count(&peer.to_string(), "x".to_owned(), now)).count();
        assert_eq!(lines, KNOWN_MAX + 1);
        let late: u64 = refusals.late(now + QUIET).iter().map(|(_, _, unsaid)| unsaid).sum();
        assert_eq!(late, 4_000 - 1, "none is lost");
    }

    #[test]
    fn what_has_stopped_makes_room_and_what_was_not_told_is_kept() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let count = |peer: usize, now| refusals.count(&peer.to_string(), "x".to_owned(), now);
        for peer in 0..KNOWN_MAX {
            assert!(count(peer, start).is_some());
        }
        assert_eq!(count(0, start), None);
        let new = (KNOWN_MAX.to_string(), "x".to_owned(), 0);
        assert_eq!(count(KNOWN_MAX, start + QUIET), Some(new), "by its own name");
        assert_eq!(refusals.0.lock().expect("sound").len(), 2);
        assert_eq!(count(0, start + QUIET).map(|(_, _, unsaid)| unsaid), Some(1));
    }

    #[test]
    fn each_refusal_of_tls_has_words() {
        use AlertDescription::{
            AccessDenied, BadCertificate, CertificateRequired, CertificateRevoked, DecryptError,
            HandshakeFailure, UnknownCA, UnsupportedCertificate,
        };
        for (alert, words) in [
            (CertificateRevoked, "it is revoked"),
            (UnknownCA, "its authority is not believed"),
            (BadCertificate, "it is not accepted"),
            (AccessDenied, "it is not accepted"),
            (DecryptError, "its signature is not accepted"),
            (UnsupportedCertificate, "it is not for this use"),
            (CertificateRequired, "none was shown"),
            (HandshakeFailure, "no common form of TLS"),
        ] {
            let said = refusal(&Error::AlertReceived(alert)).expect("words").english;
            assert!(said.contains(words), "{said}");
        }
        for (error, words) in [
            (Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType), "does not speak TLS"),
            (Error::PeerIncompatible(rustls::PeerIncompatible::Tls12NotOffered), "no common form of TLS"),
            (Error::NoApplicationProtocol, "does not speak HTTP/2"),
        ] {
            let said = refusal(&error).expect("words").english;
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn a_reason_that_the_peer_wrote_is_short() {
        let long = rustls::OtherError(std::sync::Arc::new(io::Error::other("长".repeat(9_000))));
        let error = Error::InvalidCertificate(CertificateError::Other(long));
        let words = refusal(&error).expect("found").english;
        assert!((REASON_MAX..REASON_MAX + 60).contains(&words.chars().count()), "{words}");
    }

    #[test]
    fn the_reason_is_found_under_what_wraps_it() {
        let revoked = Error::InvalidCertificate(CertificateError::Revoked);
        let io = io::Error::new(io::ErrorKind::InvalidData, revoked);
        let status = tonic::Status::from_error(Box::new(tonic::ConnectError(Box::new(io))));
        let found = refusal(&status).expect("found");
        assert_eq!(found.english, "the peer's certificate is refused: it is revoked");
        assert_eq!(found.chinese, "对方的证书未通过校验：证书已被吊销");
        let alert = Error::AlertReceived(AlertDescription::CertificateExpired);
        assert!(
            refusal(&alert)
                .expect("found")
                .english
                .starts_with("the peer refuses our certificate: it has expired")
        );
        assert_eq!(refusal(&Error::AlertReceived(AlertDescription::CloseNotify)), None);
        assert_eq!(refusal(&io::Error::from(io::ErrorKind::UnexpectedEof)), None);
    }
}
