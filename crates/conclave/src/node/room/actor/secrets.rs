//! What the demo writes down so that strangers compute the meeting anew.

use conclave_protocol::MemberIdx;

use super::Actor;
use crate::node::record::{KeyLine, SecretLine, What};

impl Actor {
    pub(super) fn own(&mut self, idx: MemberIdx) {
        self.board.me(idx);
        if let Some(recorder) = &mut self.recorder {
            recorder.packet(What::Own, idx.0, &[]);
        }
        self.record_secrets();
    }

    /// Writes the exchange keys that the ledger has of this device, if keys are asked for.
    pub(super) fn record_secrets(&mut self) {
        let Some(recorder) = self.recorder.as_mut().filter(|recorder| recorder.keeps_secrets())
        else {
            return;
        };
        let keys = self.session.danger_member_keys();
        let raw = keys.first().and_then(|keys| keys.danger_export().ok());
        if let (Some(raw), Some(idx)) = (raw, self.session.me()) {
            recorder.secrets(&SecretLine {
                mid: self.mid.to_hex(),
                idx: idx.0,
                esk: hex::encode(&*raw.esk),
                dk: hex::encode(&*raw.dk),
            });
        }
    }

    pub(super) fn record_keys(&mut self) {
        let Some(recorder) = &mut self.recorder else { return };
        for (id, mk) in self.session.danger_export_keys() {
            recorder.key(&KeyLine {
                chain: id.chain.to_hex(),
                mid: id.mid.to_hex(),
                epoch: id.epoch.0,
                record: id.record.to_hex(),
                mk: hex::encode(mk.danger_bytes()),
                members: self.board.devices(),
            });
        }
    }
}
