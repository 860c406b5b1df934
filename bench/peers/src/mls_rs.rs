//! mls-rs.

use anyhow::Context as _;
use mls_rs::{
    CipherSuite, CipherSuiteProvider as _, Client, CryptoProvider as _, Group, MlsMessage,
    client_builder::{BaseConfig, WithCryptoProvider, WithIdentityProvider},
    group::ReceivedMessage,
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use crate::tree::Peer;

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;

type Config = WithCryptoProvider<
    AwsLcCryptoProvider,
    WithIdentityProvider<BasicIdentityProvider, BaseConfig>,
>;

/// A group of mls-rs.
pub(crate) struct MlsRs {
    creator: Group<Config>,
    member: Option<Group<Config>>,
    count: u32,
}

fn client(name: u32) -> anyhow::Result<Client<Config>> {
    let crypto = AwsLcCryptoProvider::new();
    let suite = crypto.cipher_suite_provider(SUITE).context("the suite is missing")?;
    let (secret, public) = suite.signature_key_generate()?;
    let credential = BasicCredential::new(name.to_be_bytes().to_vec()).into_credential();
    Ok(Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto)
        .signing_identity(SigningIdentity::new(credential, public), secret, SUITE)
        .build())
}

fn commit(group: &mut Group<Config>) -> anyhow::Result<Vec<u8>> {
    let made = group.commit(Vec::new())?;
    anyhow::ensure!(made.contains_update_path, "a commit without a new path");
    group.apply_pending_commit()?;
    Ok(made.commit_message.to_bytes()?)
}

fn process(group: &mut Group<Config>, commit: &[u8]) -> anyhow::Result<()> {
    match group.process_incoming_message(MlsMessage::from_bytes(commit)?)? {
        ReceivedMessage::Commit(_) => Ok(()),
        _ => anyhow::bail!("a commit is another message"),
    }
}

impl Peer for MlsRs {
    const NAME: &'static str = "mls-rs";

    fn new() -> anyhow::Result<Self> {
        let creator = client(0)?.create_group(Default::default(), Default::default(), None)?;
        Ok(Self { creator, member: None, count: 1 })
    }

    fn add(&mut self, count: u16) -> anyhow::Result<()> {
        let mut builder = self.creator.commit_builder();
        let mut first = None;
        for _ in 0..count {
            let member = client(self.count)?;
            self.count = self.count.saturating_add(1);
            let (none, package) = (Default::default(), Default::default());
            let package = member.generate_key_package_message(none, package, None)?;
            builder = builder.add_member(package)?;
            first.get_or_insert(member);
        }
        let made = builder.build()?;
        self.creator.apply_pending_commit()?;
        let welcome = made.welcome_messages.first().context("no welcome")?;
        let (group, _) = first.context("nobody was added")?.join_group(None, welcome, None)?;
        self.member = Some(group);
        Ok(())
    }

    fn member_commits(&mut self) -> anyhow::Result<()> {
        let commit = commit(self.member.as_mut().context("nobody is there")?)?;
        process(&mut self.creator, &commit)
    }

    fn commit(&mut self) -> anyhow::Result<Vec<u8>> {
        commit(&mut self.creator)
    }

    fn process(&mut self, commit: &[u8]) -> anyhow::Result<()> {
        process(self.member.as_mut().context("nobody is there")?, commit)
    }

    fn store(&mut self) -> anyhow::Result<()> {
        self.creator.write_to_storage()?;
        Ok(self.member.as_mut().map_or(Ok(()), Group::write_to_storage)?)
    }

    fn agree(&self) -> anyhow::Result<bool> {
        let member = self.member.as_ref().context("nobody is there")?;
        Ok(*member.epoch_authenticator()? == *self.creator.epoch_authenticator()?)
    }
}
