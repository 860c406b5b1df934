//! The daemon behind the local API: one identity, one ledger, one browser, one meeting at a time.
//!
//! Read in this order: [`Node`], `profile` (who the person is), `own` (what they do about it),
//! `book` (what is remembered of others), `evidence` (what proves a lie), `outbox` (what this device
//! says on the ledger), `room` (a meeting), `tidy` (what is left of old ones), `record` (what the demo
//! writes down).

mod book;
mod evidence;
mod outbox;
mod own;
mod persona;
mod profile;
pub(crate) mod record;
mod room;
mod state;
mod tidy;
mod words;

use std::{path::PathBuf, sync::Arc};

use conclave_meeting::session::{Command, Config, Invited, NewMeeting as NewSession, Session};
use conclave_protocol::{
    Key, MeetingId, MemberIdx, Record, Signer as _,
    anchor::Required,
    codec::Text,
    invite::InviteSecret,
    key,
    meeting::{AutoAdmit, Policy},
};
use tokio::sync::{broadcast, mpsc, watch};

use self::{
    book::Book,
    evidence::Shelf,
    outbox::Outbox,
    own::attend::attend,
    persona::Persona,
    profile::{Profile, ProfileError},
    room::{Ground, Inviter, Opening, Room, door},
    tidy::Tidy,
    words::{media, no_keys, no_persona, no_ports, no_way_in, not_pruned, refused},
};
use crate::{
    anchor::{self, Ethereum},
    chain::{Chain, ChainError, Entry, now_ms},
    clip::Guest,
    http::{
        Backend, Fault, Kind, Refused, Sample,
        wire::{
            Admit, Appoint, Chat, Deny, DismissNotice, Identity, Invitation, Kick, Lock,
            NewIdentity, NewMeeting, Notice, OpenPorts, Opened, Preview, Prune, Pruned, Published,
            Receive, Received, Role, Source, State, Vote,
        },
    },
    keystore::{Keystore, Passphrase, Secrets},
    ports::Lease,
    rtc::{self, Rtc, RtcConfig, RtcEvent, StreamKey},
};

/// Notices that a slow reader may have waiting.
const NOTICES: usize = 64;
/// Transactions that clear old meetings away when a person asks for it once.
const PRUNED: u16 = 32;

/// What a daemon is started with.
#[derive(Debug)]
pub struct Setup {
    /// The ledger.
    pub chain: Chain,
    /// Where the identity is kept.
    pub keystore: Keystore,
    /// Opens an identity that is protected by one.
    pub passphrase: Option<Passphrase>,
    /// Relays of the consortium.
    pub relays: Vec<String>,
    /// Where anchors of the ledger are checked, if anywhere.
    pub ethereum: Option<Ethereum>,
    /// Whether the only validator lives in this process.
    pub dev: bool,
    /// A clip to send instead of a camera; for the demo.
    pub clip: Option<Guest>,
    /// Where to write packets down, and whether keys too; for the demo.
    pub record: Option<(PathBuf, bool)>,
}

/// The daemon.
#[derive(Debug)]
pub struct Node {
    setup: Setup,
    rtc: Rtc,
    browser: Arc<tokio::sync::Mutex<mpsc::Receiver<RtcEvent>>>,
    person: watch::Sender<Option<Person>>,
    room: watch::Sender<Option<Room>>,
    state: watch::Receiver<Arc<State>>,
    notices: broadcast::Sender<Notice>,
    /// One meeting begins at a time.
    opening: tokio::sync::Mutex<()>,
}

/// The person, once there is an identity.
#[derive(Clone, Debug)]
struct Person {
    profile: Arc<Profile>,
    outbox: Outbox,
    book: Book,
    view: Identity,
    /// Number of the change that set the info on the ledger.
    info_seq: u32,
}

impl Person {
    /// The ledger has the identity; true if that is news.
    const fn confirm(&mut self) -> bool {
        !std::mem::replace(&mut self.view.registered, true)
    }
}

impl Node {
    /// Starts the daemon: opens the identity if there is one, and talks to the browser.
    ///
    /// # Errors
    /// The identity does not open, or no socket can be bound for the browser's media.
    pub async fn start(setup: Setup) -> anyhow::Result<Arc<Self>> {
        let (rtc, browser) = Rtc::start(RtcConfig::default()).await?;
        let found = match setup.keystore.owner()? {
            Some(_) => Some(setup.keystore.open(setup.passphrase.as_ref())?),
            None => None,
        };
        let (person, who) = watch::channel(None);
        let (room, meeting) = watch::channel(None);
        let anchors = setup
            .ethereum
            .clone()
            .map(|ethereum| anchor::watch(setup.chain.clone(), ethereum, Required::USUAL));
        let shelf = Shelf::new(&setup.keystore.home());
        let state = state::keep(setup.chain.clone(), setup.dev, shelf, who, meeting, anchors);
        let (notices, _) = broadcast::channel(NOTICES);
        let node = Arc::new(Self {
            setup,
            rtc,
            browser: Arc::new(tokio::sync::Mutex::new(browser)),
            person,
            room,
            state,
            notices,
            opening: tokio::sync::Mutex::new(()),
        });
        if let Some(secrets) = found {
            let secrets = Box::pin(node.finish_rotation(secrets)).await;
            let secrets = Box::pin(node.finish_recovery(secrets)).await;
            node.take_over(Profile::open(secrets));
        }
        Ok(node)
    }

    /// From here on this is the identity of the daemon; it is looked after.
    fn take_over(&self, profile: Profile) -> Person {
        let chain = self.setup.chain.clone();
        let secrets = &profile.secrets;
        let book = Book::open(&self.setup.keystore.home(), secrets).unwrap_or_else(|error| {
            tracing::error!(%error, "the list of contacts does not open; it is left as it is");
            Book::blank(secrets)
        });
        let profile = Arc::new(profile);
        let signer = Arc::clone(&profile.signer) as _;
        let outbox = Outbox::start(chain.clone(), profile.secrets.device, signer, book.clone());
        let mut view = profile.view(false);
        view.unexplained = own::attend::unexplained(&book);
        let person =
            Person { view, outbox, book: book.clone(), profile: Arc::clone(&profile), info_seq: 0 };
        self.person.send_replace(Some(person.clone()));
        tokio::spawn(attend(chain, book, Arc::clone(&profile), self.person.clone()));
        let tidy = Tidy::new(&self.setup.chain, &person);
        tokio::spawn(tidy.run(profile, self.person.subscribe(), self.room.subscribe()));
        person
    }

    /// This program was stopped while the ledger decided about a new key: the ledger says which
    /// one counts. Without an answer both are kept.
    async fn finish_rotation(&self, secrets: Secrets) -> Secrets {
        let Some(next) = &secrets.next else { return secrets };
        let next = key::signer(secrets.algorithm(), next).ivk();
        let key = Key::Device(secrets.device);
        let known = self.setup.chain.snapshot(std::slice::from_ref(&key)).await;
        match known.as_ref().ok().and_then(|known| known.record(&key)) {
            Some(Record::Device(device)) if device.ivk == next => {
                let book = Book::open(&self.setup.keystore.home(), &secrets);
                let secrets = secrets.rotated();
                if let Ok(book) = book
                    && let Err(error) = book.rekey(&secrets)
                {
                    tracing::warn!(%error, "the book could not be sealed again");
                }
                let passphrase = self.setup.passphrase.as_ref();
                if let Err(error) = self.setup.keystore.save(&secrets, passphrase) {
                    tracing::warn!(%error, "the key file could not be written");
                }
                secrets
            }
            _ => secrets,
        }
    }

    /// Once this device is one of the user's, the key of the recovery sheet lies on paper only.
    async fn finish_recovery(&self, mut secrets: Secrets) -> Secrets {
        if secrets.recovering.is_none() {
            return secrets;
        }
        let key = Key::Device(secrets.device);
        let known = self.setup.chain.snapshot(std::slice::from_ref(&key)).await;
        if known.is_ok_and(|known| known.record(&key).is_some()) {
            secrets.recovering = None;
            let passphrase = self.setup.passphrase.as_ref();
            if let Err(error) = self.setup.keystore.save(&secrets, passphrase) {
                tracing::warn!(%error, "the key file could not be written");
            }
        }
        secrets
    }

    fn person(&self) -> Result<Person, Refused> {
        self.person.borrow().clone().ok_or_else(|| {
            Refused::new(Fault::Conflict, "there is no identity on this device", "create one first")
        })
    }

    fn room(&self) -> Result<Room, Refused> {
        self.room.borrow().clone().ok_or_else(|| {
            Refused::new(
                Fault::Conflict,
                "you are in no meeting",
                "start one, or join one with a link",
            )
        })
    }

    /// A person is in one meeting at a time.
    fn must_be_free(&self) -> Result<(), Refused> {
        match &*self.room.borrow() {
            Some(room) if !state::is_over(room.view.borrow().phase) => Err(Refused::new(
                Fault::Conflict,
                "you are in a meeting already",
                "leave it before you start or join another one",
            )),
            _ => Ok(()),
        }
    }

    async fn enter(
        &self,
        person: &Person,
        outbox: Outbox,
        opening: Opening,
    ) -> Result<Opened, Refused> {
        let mid = opening.mid.to_hex();
        let ground = Ground {
            chain: self.setup.chain.clone(),
            book: person.book.clone(),
            shelf: Shelf::new(&self.setup.keystore.home()),
            me: person.profile.secrets.user,
            outbox,
            rtc: self.rtc.clone(),
            browser: Arc::clone(&self.browser),
            relays: self.setup.relays.clone(),
            clip: self.setup.clip,
            record: self.setup.record.clone(),
        };
        let room = Box::pin(room::open(ground, opening)).await.map_err(|error| {
            Refused::new(Fault::Internal, error.to_string(), "check the network of this machine")
        })?;
        self.room.send_replace(Some(room));
        Ok(Opened { mid })
    }

    fn config(&self, person: &Person) -> Config {
        let secrets = &person.profile.secrets;
        Config {
            chain_id: secrets.chain_id,
            params: self.setup.chain.params(),
            user: secrets.user,
            dev: secrets.device,
            signer: Arc::clone(&person.profile.signer) as _,
            name: Text::new(shorten(&secrets.info)).unwrap_or_default(),
            opening: person.profile.opening(person.info_seq),
            behind: None,
        }
    }

    async fn command(&self, command: Command) -> Result<(), Refused> {
        self.room()?.command(command).await
    }
}

/// Remembers a meeting, to clear it away when it is long over. A guest of a sealed meeting does not:
/// its own name in such a transaction would say that it was there.
fn attends(person: &Person, mid: MeetingId) {
    if let Err(error) = person.book.attended(mid, now_ms(), true) {
        tracing::warn!(%error, "the meeting could not be written down");
    }
}

/// A name for others: what fits into 64 bytes.
fn shorten(name: &str) -> &str {
    let mut end = name.len().min(64);
    while !name.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    name.get(..end).unwrap_or_default()
}

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
        self.setup.keystore.save(&profile.secrets, ask.passphrase.as_ref()).map_err(|error| {
            Refused::new(Fault::Internal, error.to_string(), "make room on the disk and try again")
        })?;
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
            self.person.send_replace(Some(person.clone()));
        }
        Ok(person.view)
    }

    async fn create_meeting(&self, ask: NewMeeting) -> Result<Opened, Refused> {
        let _one = self.opening.lock().await;
        self.must_be_free()?;
        let person = self.person()?;
        let mid = MeetingId(rand::random());
        let secret: [u8; 16] = rand::random();
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
            &mut rand::rng(),
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
            &mut rand::rng(),
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
        if let Ok(room) = self.room() {
            room.unpublish(session).await;
        }
        self.rtc.close(session).await;
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
