//! SIGHUP: a bad rulebook changes nothing, a good one comes into force at hub and nodes, and the old text stays to be
//! had by its hash.

use super::process::Servers;
use crate::e2e::kit::site::Options;
use crate::e2e::kit::verdict::{aborted, recorded};
use crate::e2e::kit::{run, until};
use gongji::proto::hub::GetRulebookRequest;
use gongji::proto::types::Refusal;
use gongji::proto::types::RefusalSide::Hub;
use std::fs;

fn reasons(refusals: &[Refusal]) -> Vec<&str> {
    refusals.iter().map(|refusal| refusal.reason.as_str()).collect()
}

#[test]
fn a_new_rulebook_comes_with_sighup_and_a_bad_one_does_not() {
    let mut servers = Servers::start(&Options::lively());
    let path = servers.site().rulebooks().join("national.toml");
    let old = fs::read_to_string(&path).expect("the rulebook");
    run(async {
        let family = servers.site().family("13", "51").await;
        let app = servers.site().caller("app:demo");
        let before = app.create(family.transfer("10.00")).await.expect("an answer");
        recorded(&before);

        fs::write(&path, old.replace("floor =", "flor =")).expect("written");
        for server in servers.names() {
            servers.hang_up(&server);
            let log = servers.log(&server);
            until("a rulebook that is not taken", async || {
                let log = fs::read_to_string(&log).unwrap_or_default();
                let said = log.contains("the old one stays")
                    && log.contains("national.toml:")
                    && log.contains("flor");
                said.then_some(())
            })
            .await;
        }
        recorded(&app.create(family.transfer("10.00")).await.expect("an answer"));

        // The hub's rule and the node's change together; each is seen once its server has taken it.
        let new = old
            .replace("transfer_max = { value = \"2000.00\"", "transfer_max = { value = \"5.00\"")
            .replace("verification = { value = []", "verification = { value = [\"face\"]")
            // The site's civil clock begins at 10:00.
            .replace(
                "closed_hours = { value = \"22:00..06:00\"",
                "closed_hours = { value = \"22:00..21:00\"",
            );
        assert_ne!(new, old);
        fs::write(&path, &new).expect("written");
        servers.names().iter().for_each(|server| servers.hang_up(server));
        let all = ["CLOSED_HOURS", "VERIFICATION_REQUIRED", "AMOUNT_OVER_LIMIT"];
        until("the new rules at hub and node", async || {
            let check = app.check(&family.transfer("10.00")).await.expect("an answer");
            (reasons(&check.refusals) == all).then_some(())
        })
        .await;

        let closed = app.create(family.transfer("1.00")).await.expect("an answer");
        let refusal = aborted(&closed, Hub, "CLOSED_HOURS");
        assert_eq!(refusal.metadata["closed_hours"], "22:00..21:00");
        assert_ne!(closed.rulebook_hashes[0], before.rulebook_hashes[0]);

        let rulebook_hash = before.rulebook_hashes[0].clone();
        let kept = app.ask_hub(GetRulebookRequest { rulebook_hash }).await;
        let kept = kept.expect("the old text").rulebook.expect("the old text");
        assert_eq!((kept.files[0].name.as_str(), &kept.files[0].text), ("national.toml", &old));
    });
    run(servers.stop());
}
