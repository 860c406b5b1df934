//! What the local API asks of the daemon, carried out.

use std::sync::Arc;

use conclave_meeting::{
    session::{Command, Invited, NewMeeting as NewSession, Session},
    wire::{Favour, Reaction},
};
use conclave_protocol::{
    MeetingId, MemberIdx,
    invite::InviteSecret,
    meeting::{AutoAdmit, Policy},
};
use rand::Rng as _;
use tokio::sync::{broadcast, watch};

use super::{
    Node, Person,
    persona::Persona,
    profile::{Profile, ProfileError},
    room::{Inviter, Opening, door},
    tidy::Tidy,
    words::{media, no_keys, no_persona, no_ports, no_way_in, not_pruned, not_saved, refused},
};
use crate::{
    chain::{ChainError, Entry, now_ms},
    doctor,
    http::{
        Backend, Fault, Kind, Refused, RoomBackend, Sample,
        wire::{
            self, Admit, Answered, Appoint, Ask, Chat, Deny, Diagnosis, DismissNotice, FileBytes,
            FileRef, Hand, Identity, Invitation, Kick, Lock, NewIdentity, NewMeeting, Notice,
            OpenPorts, Opened, Policy as DoorPolicy, Preview, Prune, Pruned, Published, React,
            Receive, Received, Record, Role, Source, State, Vote,
        },
    },
    ports::Lease,
    random::system,
    rtc::{self, StreamKey},
};

/// Transactions that clear old meetings away when a person asks for it once.
const PRUNED: u16 = 32;

impl Backend for Node {
    fn state(&self) -> watch::Receiver<Arc<State>> {
        self.state.clone()
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    fn samples(&self) -> Vec<Sample> {
        let counts = self.room.borrow().as_ref().map(|room| *room.counts.borrow());
        let counts = counts.unwrap_or_default();
        let counter = |name, help, value: u64| Sample {
            name,
            help,
            kind: Kind::Counter,
            labels: Vec::new(),
            value: value as f64,
        };
        vec![
            counter("packets_opened_total", "Packets of others that were opened.", counts.opened),
            counter("packets_refused_total", "Packets that were refused.", counts.refused),
            counter("packets_repaired_total", "Packets that came by repair.", counts.repaired),
            counter("packets_sealed_total", "Own packets that were sealed.", counts.sealed),
        ]
    }

    async fn create_identity(&self, ask: NewIdentity) -> Result<Identity, Refused> {
        let _one = self.opening.lock().await;
        if self.person.borrow().is_some() {
            return Err(Refused::new(
                Fault::Conflict,
                "this device has an identity already",
                "use it; one device is one person",
            ));
        }
        let chain = &self.setup.chain;
        let profile = Profile::create(chain, &ask.name, ask.form, ask.key.into())
            .map_err(|error| refused(&error))?;
        // The key is on disk before the ledger knows it: nothing acknowledged is ever lost.
        let custody = ask.key_store.custody(ask.passphrase.as_ref());
        let saved = self.setup.keystore.save_in(&profile.secrets, custody);
        saved.map_err(|error| not_saved(&error))?;
        let entry = if ask.work { Entry::Worked } else { Entry::Sponsored };
        let result = profile.register(chain, entry).await;
        if let Err(error @ (ProfileError::Chain(ChainError::Refused(_)) | ProfileError::Seal)) =
            &result
        {
            self.setup.keystore.forget();
            return Err(refused(error));
        }
        // If it failed, a validator may have taken it all the same: the key is kept and asked about.
        let mut person = self.take_over(profile);
        if result.is_ok() {
            person.confirm();
            person.opens = Some(0);
            self.person.send_replace(Some(person.clone()));
        }
        Ok(person.view)
    }

    async fn create_meeting(&self, ask: NewMeeting) -> Result<Opened, Refused> {
        let _one = self.opening.lock().await;
        self.must_be_free()?;
        let person = self.person()?;
        let mid = MeetingId(rand::random());
        let mut secret = [0; 16];
        system().fill_bytes(&mut secret);
        let title = ask.title.trim();
        let info = door::seal_title(title, &mid, &secret).ok_or_else(|| {
            Refused::new(Fault::Wrong, "the title cannot be used", "take a shorter one")
        })?;
        let config = self.config(&person);
        let mut policy = Policy::default();
        policy.sealed = ask.sealed;
        if ask.auto_admit {
            policy.auto_admit = AutoAdmit::Invited;
        }
        let meeting = NewSession { mid, info, policy, invite_secret: InviteSecret::new(secret) };
        let session = Session::lead(
            config.clone(),
            meeting,
            Default::default(),
            Default::default(),
            &mut system(),
        );
        let session = session.map_err(|error| no_keys(&error))?;
        let inviter = Inviter { config, secret: InviteSecret::new(secret) };
        let title = title.to_owned();
        let opening = Opening { session, mid, title, role: Role::Leader, inviter };
        let outbox = person.outbox.clone();
        attends(&person, mid);
        Box::pin(self.enter(&person, outbox, opening)).await
    }

    async fn preview(&self, ask: Invitation) -> Result<Preview, Refused> {
        let found = door::look(&self.setup.chain, &ask.link).await;
        found.map(|found| found.preview).map_err(|error| no_way_in(&error))
    }

    async fn join(&self, ask: Invitation) -> Result<Opened, Refused> {
        let _one = self.opening.lock().await;
        self.must_be_free()?;
        let person = self.person()?;
        let found = door::look(&self.setup.chain, &ask.link).await;
        let door::Found { invite, preview, sealed } = found.map_err(|error| no_way_in(&error))?;
        if let Some(failed) = preview.checks.iter().find(|check| !check.ok) {
            let next = "ask for a new invite";
            return Err(Refused::new(Fault::Conflict, failed.text.clone(), next));
        }
        let (mut config, mut outbox) = (self.config(&person), person.outbox.clone());
        if sealed {
            let chain = &self.setup.chain;
            let persona = Persona::register(chain).await.map_err(|error| no_persona(&error))?;
            config = persona.veil(config);
            outbox = persona.outbox(chain.clone(), person.book.clone());
        } else {
            attends(&person, invite.mid);
        }
        let invited = Invited {
            mid: invite.mid,
            invite_secret: InviteSecret::new(*invite.secret.danger_bytes()),
            nodes: door::nodes(&invite),
        };
        let session = Session::join(
            config.clone(),
            invited,
            Default::default(),
            Default::default(),
            &mut system(),
        );
        let session = session.map_err(|error| no_keys(&error))?;
        let (mid, title) = (invite.mid, preview.title);
        let inviter = Inviter { config, secret: invite.secret };
        let opening = Opening { session, mid, title, role: Role::Guest, inviter };
        Box::pin(self.enter(&person, outbox, opening)).await
    }

    async fn admit(&self, ask: Admit) -> Result<(), Refused> {
        self.command(Command::Admit { idx: MemberIdx(ask.idx) }).await
    }

    async fn deny(&self, ask: Deny) -> Result<(), Refused> {
        self.command(Command::Deny { idx: MemberIdx(ask.idx), ban: ask.ban }).await
    }

    async fn kick(&self, ask: Kick) -> Result<(), Refused> {
        self.command(Command::Kick { idx: MemberIdx(ask.idx), ban: ask.ban }).await
    }

    async fn appoint(&self, ask: Appoint) -> Result<(), Refused> {
        self.command(Command::Appoint { idx: MemberIdx(ask.idx) }).await
    }

    async fn vote(&self, ask: Vote) -> Result<(), Refused> {
        self.command(Command::Vote { candidate: MemberIdx(ask.idx) }).await
    }

    async fn lock(&self, ask: Lock) -> Result<(), Refused> {
        self.command(Command::Lock { locked: ask.locked }).await
    }

    async fn leave(&self) -> Result<(), Refused> {
        self.command(Command::Leave).await
    }

    async fn end(&self) -> Result<(), Refused> {
        self.command(Command::Dismiss).await
    }

    async fn chat(&self, ask: Chat) -> Result<(), Refused> {
        self.command(Command::Chat { text: ask.text }).await
    }

    async fn prune(&self, ask: Prune) -> Result<Pruned, Refused> {
        let tidy = Tidy::new(&self.setup.chain, &self.person()?);
        let Some(mid) = ask.mid else {
            let meetings = tidy.due(PRUNED).await.map_err(|error| not_pruned(&error))?;
            return Ok(Pruned { meetings });
        };
        let mid = mid.parse().map_err(|_| {
            Refused::new(Fault::Wrong, "that is no MeetingID", "give all 64 digits of it")
        })?;
        let one = tidy.whole(mid).await.map_err(|error| not_pruned(&error))?;
        Ok(Pruned { meetings: vec![one] })
    }

    async fn dismiss_notice(&self, ask: DismissNotice) -> Result<(), Refused> {
        self.room()?.dismiss_notice(ask.id).await;
        Ok(())
    }

    async fn publish(&self, source: Source, offer: String) -> Result<Published, Refused> {
        self.room()?;
        let source = match source {
            Source::Camera => rtc::Source::Camera,
            Source::Screen => rtc::Source::Screen,
        };
        let answer = self.rtc.publish(offer, source).await.map_err(|error| media(&error))?;
        Ok(Published { id: answer.session.to_string(), sdp: answer.sdp })
    }

    async fn unpublish(&self, id: String) -> Result<(), Refused> {
        let session = id.parse().map_err(|_| {
            Refused::new(Fault::Missing, "there is no such publication", "reload the page")
        })?;
        self.rtc.unpublish(session).await.map_err(|error| media(&error))?;
        if let Ok(room) = self.room() {
            room.unpublish(session).await;
        }
        Ok(())
    }

    async fn open_ports(&self, ask: OpenPorts) -> Result<Lease, Refused> {
        let opened = self.room()?.ports.open(&ask).await;
        opened.map_err(|error| no_ports(&error))
    }

    async fn receive(&self, ask: Receive) -> Result<Received, Refused> {
        let Ok(session) = ask.id.map(|id| id.parse()).transpose() else {
            let text = "there is no such connection";
            return Err(Refused::new(Fault::Missing, text, "open a new one"));
        };
        let wants = ask.want.into_iter().map(|want| rtc::Want {
            mid: want.mid,
            stream: StreamKey { idx: want.idx, stream_no: want.stream_no },
        });
        let answer = self.rtc.receive(session, ask.sdp, wants.collect()).await;
        let answer = answer.map_err(|error| media(&error))?;
        Ok(Received { id: answer.session.to_string(), sdp: answer.sdp })
    }
}

impl RoomBackend for Node {
    async fn hand(&self, Hand { up }: Hand) -> Result<(), Refused> {
        self.command(Command::Hand { up }).await
    }

    async fn react(&self, ask: React) -> Result<(), Refused> {
        let reaction = Reaction::of(&ask.emoji).ok_or_else(|| {
            let all = Reaction::ALL.map(Reaction::as_str).join(" ");
            Refused::new(Fault::Wrong, "there is no such reaction", format!("take one of {all}"))
        })?;
        self.command(Command::React { reaction }).await
    }

    async fn ask(&self, Ask { idx, what }: Ask) -> Result<(), Refused> {
        let favour = match what {
            wire::Favour::Mute => Favour::Mute,
            wire::Favour::Unmute => Favour::Unmute,
            wire::Favour::CameraOff => Favour::CameraOff,
            wire::Favour::HandDown => Favour::HandDown,
        };
        self.command(Command::Ask { to: idx.map(MemberIdx), favour }).await
    }

    async fn answered(&self, ask: Answered) -> Result<(), Refused> {
        self.room()?.answered(ask.id).await;
        Ok(())
    }

    async fn record(&self, Record { on }: Record) -> Result<(), Refused> {
        self.command(Command::Record { on }).await
    }

    async fn admit_known(&self) -> Result<(), Refused> {
        self.room()?.admit_known().await
    }

    async fn policy(&self, DoorPolicy { admit }: DoorPolicy) -> Result<(), Refused> {
        self.room()?.admission(admit).await
    }

    async fn offer_file(&self, name: String, bytes: Vec<u8>) -> Result<FileRef, Refused> {
        let id = self.room()?.offer_file(name, bytes).await?;
        Ok(FileRef { id: hex::encode(id.0) })
    }

    async fn take_file(&self, ask: FileRef) -> Result<(), Refused> {
        self.room()?.take_file(ask.id).await
    }

    async fn file(&self, ask: FileRef) -> Result<FileBytes, Refused> {
        self.room()?.file(ask.id).await
    }

    async fn doctor(&self) -> Diagnosis {
        let home = self.setup.keystore.home();
        let found = Box::pin(doctor::of_person(&home, &self.setup.network)).await;
        Diagnosis { checks: found.into_iter().map(Into::into).collect() }
    }
}

/// Remembers a meeting, to clear it away when it is long over. A guest of a sealed meeting does not:
/// its own name in such a transaction would say that it was there.
fn attends(person: &Person, mid: MeetingId) {
    if let Err(error) = person.book.attended(mid, now_ms(), true) {
        tracing::warn!(%error, "the meeting could not be written down");
    }
}
