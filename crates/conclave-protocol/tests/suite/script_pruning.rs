//! The steps of the frozen script about a meeting that is long over.

use conclave_protocol::{
    codec::Text,
    meeting::{Reason, VoteLeader},
    *,
};

use crate::{
    script_vectors::Script,
    world::{Person, removal},
};

impl Script {
    /// A meeting of more indexes than one transaction takes ends, and leaves the state in parts; then
    /// everything that must not come back is tried.
    pub(crate) fn prune(&mut self) {
        let retention = u64::from(self.world.rules.params.retention);
        let info = UserInfo::Clear(Text::new(&"long ago ".repeat(60)).unwrap());
        let body = PublishMeeting { info, ..self.world.publish_body(&self.people[0], 60) };
        let (mid, first) = (body.mid, body.npk);
        self.say_as(0, body);
        while self.world.meeting(mid).next_idx.0 < 70 {
            for who in [0, 1, 2, 0, 1, 2] {
                let body = self.world.request_body(&self.people[who], mid);
                self.say_as(who, body);
            }
            self.world.wait(51);
            let MeetingRecord { term, epoch, .. } = self.world.meeting(mid);
            self.say_as(0, Heartbeat { mid, term, epoch });
        }
        let seat = |script: &Self, who: usize| {
            let dev = script.people[who].dev;
            let mut seats = (0..script.world.meeting(mid).next_idx.0).rev().map(MemberIdx);
            seats.find(|idx| script.world.member(mid, *idx).dev == dev).unwrap()
        };
        let (one, two) = (seat(self, 1), seat(self, 2));
        let record = self.world.record(mid, &[one, two], &[]);
        self.say_as(0, record);
        self.say_as(1, VoteLeader { mid, term: Term(1), idx: one, candidate: one });
        self.world.wait(1);
        let record = self.world.record(mid, &[], &[removal(two, Reason::Banned)]);
        self.say_as(0, record);
        let next = self.world.meeting(mid).next_idx;
        self.say_as(1, PruneMeeting { mid: MeetingId([99; 32]), next });
        self.say_as(1, PruneMeeting { mid, next });
        let MeetingRecord { term, epoch, .. } = self.world.meeting(mid);
        self.say_as(0, MeetingDismiss { mid, term, epoch });
        self.say_as(1, PruneMeeting { mid, next });
        self.world.wait(retention);
        self.say_as(1, PruneMeeting { mid, next });
        self.world.wait(1);
        self.say_as(1, PruneMeeting { mid, next: MemberIdx(next.0 - 1) });
        self.say_as(2, PruneMeeting { mid, next });
        self.say_as(1, PruneMeeting { mid, next });
        let request = self.world.request_body(&self.people[1], mid);
        self.say_as(1, request);
        let next = self.world.meeting(mid).next_idx;
        self.say_as(1, PruneMeeting { mid, next });
        for _ in 0..2 {
            self.say_as(0, PruneMeeting { mid, next: MemberIdx(0) });
        }
        let request = self.world.request_body(&self.people[1], mid);
        self.say_as(1, request);
        let again = PublishMeeting { mid, ..self.world.publish_body(&self.people[2], 61) };
        self.say_as(2, again);
        let stolen = PublishMeeting { npk: first, ..self.world.publish_body(&self.people[2], 62) };
        self.say_as(2, stolen);
        // The meeting of every script died of silence; a device that was revoked prunes nothing.
        let silent = MeetingId([40; 32]);
        let body = self.world.revoke_body(&self.people[2], self.people[2].dev, 0);
        self.say_as(2, body);
        self.say_as(2, PruneMeeting { mid: silent, next: MemberIdx(1) });
        self.say_as(1, PruneMeeting { mid: silent, next: MemberIdx(1) });
    }

    /// Says `body` as somebody, all in order.
    fn say_as(&mut self, who: usize, body: impl Into<Body>) {
        let person: &Person = &self.people[who];
        let tx = self.world.tx(person, body);
        self.run(&tx);
    }
}
