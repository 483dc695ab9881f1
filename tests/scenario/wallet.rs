//! Rows about a wallet's life.

use super::people::{Somebody, mark, mark_bytes};
use super::steps::{Outcome, Session};
use super::table::Row;
use super::words;
use super::world::World;
use gongji::domain::node::tables::HolderRow;
use gongji::domain::node::{Answer, Input};
use gongji::domain::value::hex;
use gongji::privacy::holder::Holder;
use gongji::proto::node::{
    ChangePlaceRequest, CloseWalletRequest, FreezeWalletRequest, OpenWalletRequest, UnfreezeWalletRequest,
    WalletRelative,
};
use gongji::wire::status::Problem;
use gongji::wire::wallet::ChangeInput;
use prost::Message;

/// The number that everybody of the tables gives.
const PHONE: &str = "13800000000";

fn code(place: &str) -> String {
    place.split(' ').next().unwrap_or_default().to_owned()
}

impl Session {
    /// A row about a wallet. Its request has the name that the row gives it, or one of its own.
    pub fn wallet_step(&mut self, row: &Row, content: &str) -> Outcome {
        let id = match row.get("编号") {
            "" => format!("row-{}", row.line),
            // A request_id is ASCII; the words of a table are not.
            label => hex(label.as_bytes()),
        };
        let somebody = self.somebody(row.get("谁")).clone();
        let answer = match row.get("事项") {
            "开通钱包" | "代开通钱包" => {
                let request = self.opening(&id, &somebody, row, content);
                self.world.open(&request, &somebody)
            }
            other => self.world.change(&id, &somebody, (other, content)),
        };
        Outcome::of_answer(answer)
    }

    fn opening(&self, id: &str, somebody: &Somebody, row: &Row, content: &str) -> OpenWalletRequest {
        let mut request = opening(id, somebody, content);
        if row.get("事项") == "代开通钱包" {
            request.opened_by = Some(WalletRelative {
                person: self.somebody(row.get("对方")).party().person,
                kinship: words::kinship(row.get("关系")),
                statement: "已核验双方身份证影像".to_owned(),
            });
        }
        for item in row.get("改填").split('；').filter(|item| !item.is_empty()) {
            match item {
                "未确认" => request.confirmed = false,
                "无手机号" => request.phone = String::new(),
                "无核验说明" => {
                    request.opened_by.as_mut().expect("a relative").statement = String::new();
                }
                other => panic!("`{other}` is nothing that an opening can lack"),
            }
        }
        request
    }
}

fn opening(id: &str, somebody: &Somebody, place: &str) -> OpenWalletRequest {
    OpenWalletRequest {
        request_id: id.to_owned(),
        party: Some(somebody.party()),
        use_region_code: code(place),
        phone: PHONE.to_owned(),
        confirmed: true,
        opened_by: None,
    }
}

impl World {
    /// Opens a wallet, with another place of use if one is given.
    pub fn open_wallet(&mut self, id: &str, somebody: &Somebody, place: &str) -> Result<Answer, Problem> {
        self.open(&opening(id, somebody, place), somebody)
    }

    fn open(&mut self, request: &OpenWalletRequest, somebody: &Somebody) -> Result<Answer, Problem> {
        let input = self.reading(Some(somebody.province)).open_wallet(request)?;
        let member_ref = somebody.member_ref;
        let holder = Holder { phone: input.phone.reveal().to_owned(), relative: None };
        let holder = Some(HolderRow { member_ref, sealed: self.key.seal_holder(member_ref, &holder) });
        let (use_region, opened_by) = (input.use_region, input.opened_by.map(|relative| relative.kinship));
        let request = mark(&request.request_id, request);
        Ok(self.ask_node(somebody.province, |ticket| Input::OpenWallet {
            ticket,
            request,
            member_ref,
            use_region,
            opened_by,
            holder,
        }))
    }

    fn change(
        &mut self,
        id: &str,
        somebody: &Somebody,
        (what, content): (&str, &str),
    ) -> Result<Answer, Problem> {
        let (request_id, party) = (id.to_owned(), Some(somebody.party()));
        let reader = self.reading(Some(somebody.province));
        let (input, request) = match what {
            "变更使用地" => {
                let request = ChangePlaceRequest { request_id, party, use_region_code: code(content) };
                (reader.change_place(&request)?, said(what, &request))
            }
            "冻结钱包" => {
                let request = FreezeWalletRequest { request_id, party, reason_code: content.to_owned() };
                (reader.freeze_wallet(&request)?, said(what, &request))
            }
            "解冻钱包" => {
                let request = UnfreezeWalletRequest { request_id, party, reason_code: content.to_owned() };
                (reader.unfreeze_wallet(&request)?, said(what, &request))
            }
            "注销钱包" => {
                let request = CloseWalletRequest { request_id, party };
                (reader.close_wallet(&request)?, said(what, &request))
            }
            other => panic!("`{other}` is nothing that can be done"),
        };
        let ChangeInput { request_id, change, .. } = input;
        let (request, member_ref) = (mark_bytes(&request_id, &request), somebody.member_ref);
        let input = |ticket| Input::ChangeWallet { ticket, request, member_ref, change };
        Ok(self.ask_node(somebody.province, input))
    }
}

/// What a request says, its kind included.
fn said(what: &str, request: &impl Message) -> Vec<u8> {
    [what.as_bytes(), &request.encode_to_vec()].concat()
}
