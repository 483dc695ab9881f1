//! Rows about the exclusion from the network settlement.

use super::people::{Somebody, mark};
use super::steps::{Outcome, Session};
use super::table::Row;
use super::world::World;
use gongji::domain::node::{Answer, Input};
use gongji::proto::node::SuspendSettlementRequest;
use gongji::wire::status::Problem;

impl Session {
    /// A province reports that one of its members is excluded, "2026-03-02 至 2026-06-02", or no longer, "2026-04-01".
    pub fn suspension(&mut self, row: &Row, content: &str) -> Outcome {
        let somebody = self.somebody(row.get("谁")).clone();
        let (from_date, until_date) = content.split_once(" 至 ").unwrap_or((content, ""));
        let request = SuspendSettlementRequest {
            request_id: format!("row-{}", row.line),
            party: Some(somebody.party()),
            from_date: from_date.to_owned(),
            until_date: until_date.to_owned(),
            lift: row.get("事项") == "恢复联网结算",
        };
        Outcome::of_answer(self.world.suspend(&request, &somebody))
    }
}

impl World {
    fn suspend(
        &mut self,
        request: &SuspendSettlementRequest,
        somebody: &Somebody,
    ) -> Result<Answer, Problem> {
        let input = self.reading(Some(somebody.province)).suspension(request)?;
        let (request, member_ref) = (mark(&request.request_id, request), somebody.member_ref);
        let suspension = input.suspension;
        Ok(self.ask_node(somebody.province, |ticket| Input::Suspend {
            ticket,
            request,
            member_ref,
            suspension,
        }))
    }
}
