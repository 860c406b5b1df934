//! What a member says about its own keys.

use super::Call;
use crate::{
    meeting::RefreshKeys,
    state::{ApplyError, Draft, Event, Key, Record, Refusal, View},
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
        let mut member = self.own_seat(draft, mid, idx)?;
        body.epk.check().map_err(Refusal::from)?;
        member.epk = body.epk;
        member.ek_hash = body.ek_hash;
        draft.put(Key::Member(mid, idx), Record::Member(member));
        draft.tell(Event::KeysRefreshed { mid, idx });
        Ok(())
    }
}
