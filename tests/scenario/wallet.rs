//! Rows about a wallet's life.

use super::people::{Somebody, mark};
use super::steps::{Outcome, Session};
use super::table::Row;
use super::world::World;
use gongji::domain::participant::{Answer, Input};
use gongji::net::status::Problem;
use gongji::proto::node::OpenWalletRequest;

/// The number that everybody of the tables gives.
const PHONE: &str = "13800000000";

impl Session {
    /// A row about a wallet.
    pub fn wallet_step(&mut self, row: &Row, content: &str) -> Outcome {
        let (id, somebody) = (format!("row-{}", row.line), self.somebody(row.get("谁")).clone());
        let answer = match row.get("事项") {
            "开通钱包" => self.world.open_wallet(&id, &somebody, content),
            other => panic!("`{other}` is nothing that can be done"),
        };
        Outcome::of_answer(answer)
    }
}

impl World {
    /// Opens a wallet, with another place of use if one is given.
    pub fn open_wallet(&mut self, id: &str, somebody: &Somebody, place: &str) -> Result<Answer, Problem> {
        let request = OpenWalletRequest {
            request_id: id.to_owned(),
            party: Some(somebody.party()),
            use_region_code: place.split(' ').next().unwrap_or_default().to_owned(),
            phone: PHONE.to_owned(),
            confirmed: true,
        };
        let input = self.reading(Some(somebody.province)).open_wallet(&request)?;
        let (request, member_ref, use_region) = (mark(id, &request), somebody.member_ref, input.use_region);
        Ok(self.ask_node(somebody.province, |ticket| Input::OpenWallet {
            ticket,
            request,
            member_ref,
            use_region,
        }))
    }
}
