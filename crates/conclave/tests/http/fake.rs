//! A daemon behind the API that does nothing but count.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use conclave::http::{
    Backend, Fault, IdentityBackend, Kind, RecoveryBackend, Refused, RoomBackend, Sample,
    wire::{
        AcceptDevice, Admit, Answered, Appoint, Ask, CancelChange, Chat, ClaimHandle, Deny,
        Diagnosis, Disclosed, DismissNotice, FileBytes, FileRef, ForgetContact, Hand, Handed,
        Identity, Invitation, KeepSheet, Kick, Link, Lock, NewIdentity, NewMeeting, NewName,
        Notice, OpenPorts, Opened, Policy, Preview, Prune, Pruned, Published, React, Receive,
        Received, Record, Recover, RevokeDevice, RotateKey, Sheet, Source, State, Vote,
    },
};
use conclave::ports::Lease;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

/// A daemon that counts what reaches it.
pub(crate) struct Fake {
    pub(crate) calls: AtomicUsize,
    pub(crate) state: watch::Sender<Arc<State>>,
    pub(crate) notices: broadcast::Sender<Notice>,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self {
            calls: AtomicUsize::new(0),
            state: watch::Sender::default(),
            notices: broadcast::Sender::new(8),
        }
    }

    fn called(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
    }
}

impl IdentityBackend for Fake {
    async fn offer_device(&self) -> Result<Handed, Refused> {
        self.called();
        Ok(Handed::default())
    }

    async fn accept_device(&self, ask: AcceptDevice) -> Result<Handed, Refused> {
        self.called();
        assert!(!format!("{ask:?}").contains("correct horse"));
        Ok(Handed::default())
    }

    async fn add_device(&self, _: Link) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn revoke_device(&self, _: RevokeDevice) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn rotate_key(&self, _: RotateKey) -> Result<Identity, Refused> {
        self.called();
        Ok(Identity::default())
    }

    async fn acknowledge_changes(&self) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn disclose(&self) -> Result<Handed, Refused> {
        self.called();
        Ok(Handed::default())
    }

    async fn check_disclosure(&self, _: Link) -> Result<Disclosed, Refused> {
        self.called();
        Ok(Disclosed::default())
    }

    async fn forget_contact(&self, _: ForgetContact) -> Result<(), Refused> {
        self.called();
        Ok(())
    }
}

impl RecoveryBackend for Fake {
    async fn claim_handle(&self, _: ClaimHandle) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn rename(&self, ask: NewName) -> Result<Identity, Refused> {
        self.called();
        assert!(!format!("{ask:?}").contains("correct horse"));
        Ok(Identity::default())
    }

    async fn draw_sheet(&self) -> Result<Sheet, Refused> {
        self.called();
        Ok(Sheet::default())
    }

    async fn keep_sheet(&self, _: KeepSheet) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn recover(&self, ask: Recover) -> Result<Identity, Refused> {
        self.called();
        assert!(!format!("{ask:?}").contains("abandon"));
        Ok(Identity::default())
    }

    async fn cancel_change(&self, _: CancelChange) -> Result<(), Refused> {
        self.called();
        Ok(())
    }
}

impl RoomBackend for Fake {
    async fn hand(&self, _: Hand) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn react(&self, _: React) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn ask(&self, ask: Ask) -> Result<(), Refused> {
        self.called();
        assert_eq!(serde_json::to_value(ask.what).unwrap(), "camera-off");
        Ok(())
    }

    async fn answered(&self, _: Answered) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn record(&self, _: Record) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn admit_known(&self) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn policy(&self, _: Policy) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn offer_file(&self, name: String, bytes: Vec<u8>) -> Result<FileRef, Refused> {
        self.called();
        assert_eq!((name.as_str(), bytes.len()), ("a b.pdf", 600_000));
        Ok(FileRef { id: "9".into() })
    }

    async fn take_file(&self, _: FileRef) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn file(&self, _: FileRef) -> Result<FileBytes, Refused> {
        self.called();
        Ok(FileBytes { name: "Zo\u{eb} \"1\".html".into(), bytes: b"<script>".to_vec() })
    }

    async fn doctor(&self) -> Diagnosis {
        self.called();
        Diagnosis::default()
    }
}

impl Backend for Fake {
    fn state(&self) -> watch::Receiver<Arc<State>> {
        self.called();
        self.state.subscribe()
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    fn samples(&self) -> Vec<Sample> {
        let name = "packets_opened_total";
        vec![Sample { name, help: "Packets.", kind: Kind::Counter, labels: vec![], value: 7.0 }]
    }

    async fn create_identity(&self, ask: NewIdentity) -> Result<Identity, Refused> {
        self.called();
        assert!(!format!("{ask:?}").contains("correct horse"));
        Ok(Identity { user: "11".repeat(32), ..Identity::default() })
    }

    async fn create_meeting(&self, _: NewMeeting) -> Result<Opened, Refused> {
        self.called();
        Ok(Opened { mid: "22".repeat(32) })
    }

    async fn preview(&self, _: Invitation) -> Result<Preview, Refused> {
        self.called();
        Ok(Preview::default())
    }

    async fn join(&self, _: Invitation) -> Result<Opened, Refused> {
        self.called();
        Err(Refused::new(Fault::Unavailable, "no validator answers", "wait"))
    }

    async fn admit(&self, _: Admit) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn deny(&self, _: Deny) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn kick(&self, _: Kick) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn appoint(&self, _: Appoint) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn vote(&self, _: Vote) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn lock(&self, _: Lock) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn open_ports(&self, _: OpenPorts) -> Result<Lease, Refused> {
        self.called();
        let (_, news) = mpsc::channel(1);
        Ok(Lease { news, held: CancellationToken::new().drop_guard() })
    }

    async fn prune(&self, _: Prune) -> Result<Pruned, Refused> {
        self.called();
        Ok(Pruned::default())
    }

    async fn leave(&self) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn end(&self) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn chat(&self, _: Chat) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn dismiss_notice(&self, _: DismissNotice) -> Result<(), Refused> {
        self.called();
        Ok(())
    }

    async fn publish(&self, source: Source, offer: String) -> Result<Published, Refused> {
        self.called();
        assert_eq!((source, offer.as_str()), (Source::Screen, "v=0"));
        Ok(Published { id: "7".into(), sdp: "v=0 answer".into() })
    }

    async fn unpublish(&self, id: String) -> Result<(), Refused> {
        self.called();
        if id == "1" { Ok(()) } else { Err(Refused::new(Fault::Missing, "no such thing", "look")) }
    }

    async fn receive(&self, ask: Receive) -> Result<Received, Refused> {
        self.called();
        Ok(Received { id: ask.id.unwrap_or_else(|| "1".into()), sdp: ask.sdp })
    }
}
