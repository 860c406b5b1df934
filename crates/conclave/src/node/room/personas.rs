//! A sealed meeting as the person sees it: people where the ledger has personas.

use conclave_meeting::session::{MeetingView, Session};
use conclave_protocol::MemberIdx;

/// The seat of who published the meeting, under a name the ledger knows.
const FOUNDER: MemberIdx = MemberIdx(0);

/// The view with the real users, devices and infos of all members who showed them to the session.
/// Of the others nothing is said: a persona is nobody to be remembered.
pub(super) fn unveiled(session: &Session, mut view: MeetingView) -> MeetingView {
    if !is_sealed(&view) {
        return view;
    }
    for (idx, seat) in view.members.iter_mut().filter(|(idx, _)| **idx != FOUNDER) {
        let known = session.bearer(*idx);
        match known.and_then(|(user, dev)| Some((user, dev, view.bearers.get(&dev)?))) {
            Some((user, dev, real)) => {
                (seat.member.user, seat.member.dev) = (user, dev);
                seat.member.ivk = real.device.ivk;
                seat.device = Some(real.device.clone());
                seat.user = Some(real.user.clone());
                seat.info.clone_from(&real.info);
            }
            None => (seat.user, seat.info) = (None, None),
        }
    }
    view
}

/// Whether the ledger does not see who `idx` is.
pub(super) fn is_hidden(view: &MeetingView, idx: MemberIdx) -> bool {
    idx != FOUNDER && is_sealed(view)
}

fn is_sealed(view: &MeetingView) -> bool {
    view.meeting.as_ref().is_some_and(|meeting| meeting.policy.sealed)
}
