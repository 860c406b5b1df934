//! The daemon behind the local API: one identity, one ledger, one browser, one meeting at a time.
//!
//! Read in this order: [`Node`], `profile` (who the person is), `own` (what they do about it),
//! `backend` (what the local API asks), `book` (what is remembered of others), `evidence` (what
//! proves a lie), `outbox` (what this device says on the ledger), `room` (a meeting), `tidy` (what is left of
//! old ones), `record` (what the demo writes down).

mod backend;
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

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use conclave_meeting::session::{Command, Config};
use conclave_protocol::{Key, Record, Signer as _, anchor::Required, codec::Text, key};
use tokio::sync::{broadcast, mpsc, watch};

use self::{
    book::Book,
    evidence::Shelf,
    outbox::Outbox,
    own::attend::{Desk, attend},
    profile::Profile,
    room::{Ground, Opening, Room},
    tidy::Tidy,
};
use crate::{
    anchor::{self, Ethereum},
    chain::Chain,
    clip::Guest,
    http::{
        Fault, Refused,
        wire::{Identity, Notice, Opened, State},
    },
    keystore::{Keystore, Passphrase, Secrets},
    network::Network,
    rtc::{Rtc, RtcConfig, RtcEvent},
};

/// Notices that a slow reader may have waiting.
const NOTICES: usize = 64;

/// What a daemon is started with.
#[derive(Debug)]
pub struct Setup {
    /// The ledger.
    pub chain: Chain,
    /// Its network file, to be examined.
    pub network: Network,
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
    setup: Arc<Setup>,
    rtc: Rtc,
    browser: Arc<tokio::sync::Mutex<mpsc::Receiver<RtcEvent>>>,
    person: watch::Sender<Option<Person>>,
    room: watch::Sender<Option<Room>>,
    state: watch::Receiver<Arc<State>>,
    notices: broadcast::Sender<Notice>,
    /// One meeting begins at a time, and nothing is done about the identity meanwhile.
    opening: Arc<tokio::sync::Mutex<()>>,
}

/// The person, once there is an identity.
#[derive(Clone, Debug)]
struct Person {
    profile: Arc<Profile>,
    outbox: Outbox,
    book: Book,
    view: Identity,
    /// Number of the change that set the info on the ledger. Absent until that is known, and where
    /// another device of the person set one that this device cannot open.
    opens: Option<u32>,
    /// Number of the user's newest change that the view knows of.
    seen: Option<u32>,
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
        room::files::sweep(&setup.keystore.home());
        let state = state::keep(setup.chain.clone(), setup.dev, shelf, who, meeting, anchors);
        let (notices, _) = broadcast::channel(NOTICES);
        let node = Arc::new(Self {
            setup: Arc::new(setup),
            rtc,
            browser: Arc::new(tokio::sync::Mutex::new(browser)),
            person,
            room,
            state,
            notices,
            opening: Arc::default(),
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
        let chain = &self.setup.chain;
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
        let person = Person {
            view,
            outbox,
            book: book.clone(),
            profile: Arc::clone(&profile),
            opens: None,
            seen: None,
        };
        self.person.send_replace(Some(person.clone()));
        let desk = Desk {
            setup: Arc::clone(&self.setup),
            opening: Arc::clone(&self.opening),
            notices: self.notices.clone(),
            person: self.person.clone(),
        };
        tokio::spawn(attend(desk, book, profile));
        let tidy = Tidy::new(chain, &person);
        tokio::spawn(tidy.run(self.person.subscribe(), self.room.subscribe()));
        person
    }

    /// The same for a device that the ledger has, and whose info the change of this number set.
    fn go_on_as(&self, secrets: Secrets, opens: Option<u32>) -> Identity {
        let mut person = self.take_over(Profile::open(secrets));
        self.person.send_modify(|now| {
            if let Some(now) = now {
                now.confirm();
                now.opens = now.opens.or(opens);
            }
        });
        person.confirm();
        person.view
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
                let sealed = match book {
                    Ok(book) => book.rekey(&secrets),
                    // It was sealed with the new key before this program was stopped.
                    Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(()),
                    Err(error) => Err(error),
                };
                match sealed {
                    Ok(()) => {
                        let passphrase = self.setup.passphrase.as_ref();
                        if let Err(error) = self.setup.keystore.save(&secrets, passphrase) {
                            tracing::warn!(%error, "the key file could not be written");
                        }
                    }
                    // The old key, which still opens it, stays in the key file.
                    Err(error) => tracing::warn!(%error, "the book could not be sealed again"),
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
            Some(room) if !room.view.borrow().phase.is_over() => {
                Err(Refused::new(Fault::Conflict, "you are in a meeting already", "leave it first"))
            }
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
            home: self.setup.keystore.home(),
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
        // Whoever asks next sees this meeting, and not how the one before ended, which may have been
        // the same one. What is over at once is drawn by then.
        let begun = |state: &Arc<State>| {
            let meeting = state.meeting.as_ref();
            meeting.is_some_and(|meeting| meeting.mid == mid && !meeting.phase.is_over())
        };
        let _ = tokio::time::timeout(DRAWN, self.state.clone().wait_for(begun)).await;
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
            opening: person.opens.and_then(|seq| person.profile.opening(seq)),
            behind: None,
        }
    }

    async fn command(&self, command: Command) -> Result<(), Refused> {
        self.room()?.command(command).await
    }
}

/// How long it takes at most until what is new is drawn.
const DRAWN: Duration = Duration::from_secs(1);

/// A name for others: what fits into 64 bytes.
fn shorten(name: &str) -> &str {
    let mut end = name.len().min(64);
    while !name.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    name.get(..end).unwrap_or_default()
}
