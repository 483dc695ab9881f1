//! Certificates while a server runs: read again on SIGHUP and when their files change, all or nothing, and what ends
//! soon is told once a day.

use crate::transport::material::{Nearness, seconds_now};
use crate::transport::tls::{Tls, TlsError};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Between two times that the log tells what ends soon.
const TELL_EVERY: Duration = Duration::from_secs(86_400);

/// Tells the log what of a certificate, of the authorities and of the lists of revoked ones ends soon.
pub fn tell_ends(tls: &Tls) {
    let now = seconds_now();
    for term in tls.terms() {
        let said = term.said(now);
        match term.nearness(now) {
            Some(Nearness::Day) => tracing::error!("ALARM: {said}"),
            Some(Nearness::Week) => tracing::error!("{said}"),
            Some(Nearness::Month) => tracing::warn!("{said}"),
            None => {}
        }
    }
}

/// Watches the files. Two looks must find the same new contents before they are taken: a certificate and its key are
/// not written at one moment.
struct Watch {
    tls: Tls,
    /// What the last look found; none: a file cannot be read.
    found: Option<[u8; 32]>,
    /// What was last taken or refused.
    judged: Option<[u8; 32]>,
    told: Instant,
}

impl Watch {
    fn new(tls: Tls) -> Watch {
        let (in_force, _) = tls.fingerprints();
        Watch { tls, found: Some(in_force), judged: Some(in_force), told: Instant::now() }
    }

    /// Looks at the files: what became of new contents that have come to rest.
    fn look(&mut self) -> Option<Result<bool, TlsError>> {
        let (_, found) = self.tls.fingerprints();
        let at_rest = std::mem::replace(&mut self.found, found) == found;
        (at_rest && self.judged != found).then(|| self.reload())
    }

    fn reload(&mut self) -> Result<bool, TlsError> {
        let reloaded = self.tls.reload();
        (_, self.judged) = self.tls.fingerprints();
        reloaded
    }

    /// Whether what ends soon is to be told at `now`.
    fn is_due(&mut self, now: Instant) -> bool {
        let due = now.duration_since(self.told) >= TELL_EVERY;
        if due {
            self.told = now;
        }
        due
    }
}

fn tell(tls: &Tls, reloaded: Result<bool, TlsError>) {
    match reloaded {
        Ok(true) => {
            tracing::info!("new certificates are in force");
            tell_ends(tls);
        }
        Ok(false) => tracing::info!("the certificates are the same as before"),
        Err(error) => {
            tracing::error!(%error, "ALARM: the new certificates are not taken; the old ones stay in force");
        }
    }
}

/// Keeps a server's certificates up to date, for ever.
pub async fn run(tls: Tls) {
    let mut watch = Watch::new(tls);
    let mut hangup = signal(SignalKind::hangup()).ok();
    if hangup.is_none() {
        tracing::error!("SIGHUP cannot be heard: new certificates are found by looking at their files");
    }
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        // Files are read and keys compared on a thread of their own: calls go on meanwhile.
        let asked = tokio::select! {
            _ = async { hangup.as_mut()?.recv().await }, if hangup.is_some() => true,
            _ = looks.tick() => false,
        };
        let looked = tokio::task::spawn_blocking(move || {
            let reloaded = if asked { Some(watch.reload()) } else { watch.look() };
            (watch, reloaded)
        });
        let Ok((back, reloaded)) = looked.await else {
            tracing::error!(
                "ALARM: certificates cannot be looked at any more: restart this server to renew them"
            );
            return std::future::pending().await;
        };
        watch = back;
        if let Some(reloaded) = reloaded {
            tell(&watch.tls, reloaded);
        }
        if watch.is_due(Instant::now()) {
            tell_ends(&watch.tls);
        }
        watch.tls.refusals().flush();
    }
}

#[cfg(test)]
#[path = "certificate_reload_tests.rs"]
mod tests;
