//! What a member says about its own keys.

use super::Call;
use crate::{
    meeting::{MemberStatus, RefreshKeys},
    state::{ApplyError, Draft, Event, Key, Record, Refusal, View, require},
};

impl Call<'_> {
    /// 0x28: other exchange keys for the seat the signer has.
    pub(super) fn refresh<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &RefreshKeys,
    ) -> Result<(), ApplyError> {
        let (mid, idx) = (body.mid, body.idx);
        self.open(draft, mid)?;
        let mut member = draft.member(mid, idx)?.ok_or(Refusal::UnknownMember)?;
        require(member.dev == self.tx.signer, Refusal::NotThatMember)?;
        let status = member.status_at(self.params, self.at.time);
        let here = matches!(status, Some(MemberStatus::Requested | MemberStatus::Admitted));
        require(here, Refusal::NotThatMember)?;
        body.epk.check().map_err(Refusal::from)?;
        member.epk = body.epk;
        member.ek_hash = body.ek_hash;
        draft.put(Key::Member(mid, idx), Record::Member(member));
        draft.tell(Event::KeysRefreshed { mid, idx });
        Ok(())
    }
}
