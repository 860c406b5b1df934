//! OpenMLS.

use anyhow::Context as _;
use openmls::prelude::{
    BasicCredential, Ciphersuite, CredentialWithKey, KeyPackage, KeyPackageBundle,
    LeafNodeParameters, MlsGroup, MlsGroupCreateConfig, MlsMessageBodyIn, MlsMessageIn,
    MlsMessageOut, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProcessedMessageContent, ProtocolMessage,
    StagedWelcome,
    tls_codec::{Deserialize as _, Serialize as _},
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;

use crate::tree::Peer;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// A group of OpenMLS; its storage is memory.
pub(crate) struct OpenMls {
    creator: Seat,
    creator_group: MlsGroup,
    member: Option<(Seat, MlsGroup)>,
    config: MlsGroupCreateConfig,
    count: u32,
}

/// What one person brings along.
struct Seat {
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
}

impl Seat {
    fn new(name: u32) -> anyhow::Result<Self> {
        let signer = SignatureKeyPair::new(SUITE.signature_algorithm())?;
        let credential = CredentialWithKey {
            credential: BasicCredential::new(name.to_be_bytes().to_vec()).into(),
            signature_key: signer.to_public_vec().into(),
        };
        Ok(Self { provider: OpenMlsRustCrypto::default(), signer, credential })
    }

    fn key_package(&self) -> anyhow::Result<KeyPackageBundle> {
        let builder = KeyPackage::builder();
        Ok(builder.build(SUITE, &self.provider, &self.signer, self.credential.clone())?)
    }

    fn commit(&self, group: &mut MlsGroup) -> anyhow::Result<Vec<u8>> {
        let parameters = LeafNodeParameters::default();
        let made = group.self_update(&self.provider, &self.signer, parameters)?;
        let commit: MlsMessageOut = made.into_commit();
        group.merge_pending_commit(&self.provider)?;
        Ok(commit.tls_serialize_detached()?)
    }

    fn process(&self, group: &mut MlsGroup, commit: &[u8]) -> anyhow::Result<()> {
        let message: ProtocolMessage =
            MlsMessageIn::tls_deserialize_exact(commit)?.try_into_protocol_message()?;
        let processed = group.process_message(&self.provider, message)?;
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            anyhow::bail!("a commit is another message")
        };
        Ok(group.merge_staged_commit(&self.provider, *staged)?)
    }
}

impl Peer for OpenMls {
    const NAME: &'static str = "openmls";

    fn new() -> anyhow::Result<Self> {
        let config = MlsGroupCreateConfig::builder()
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .ciphersuite(SUITE)
            .build();
        let creator = Seat::new(0)?;
        let creator_group =
            MlsGroup::new(&creator.provider, &creator.signer, &config, creator.credential.clone())?;
        Ok(Self { creator, creator_group, member: None, config, count: 1 })
    }

    fn add(&mut self, count: u16) -> anyhow::Result<()> {
        let (mut first, mut packages) = (None, Vec::new());
        for _ in 0..count {
            let seat = Seat::new(self.count)?;
            self.count = self.count.saturating_add(1);
            packages.push(seat.key_package()?.key_package().clone());
            first.get_or_insert(seat);
        }
        let (provider, signer) = (&self.creator.provider, &self.creator.signer);
        let (_, welcome, _) = self.creator_group.add_members(provider, signer, &packages)?;
        self.creator_group.merge_pending_commit(provider)?;
        let MlsMessageBodyIn::Welcome(welcome) = MlsMessageIn::from(welcome).extract() else {
            anyhow::bail!("a welcome is another message")
        };
        let seat = first.context("nobody was added")?;
        let staged = StagedWelcome::new_from_welcome(
            &seat.provider,
            self.config.join_config(),
            welcome,
            None,
        )?;
        let group = staged.into_group(&seat.provider)?;
        self.member = Some((seat, group));
        Ok(())
    }

    fn member_commits(&mut self) -> anyhow::Result<()> {
        let (seat, group) = self.member.as_mut().context("nobody is there")?;
        let commit = seat.commit(group)?;
        self.creator.process(&mut self.creator_group, &commit)
    }

    fn commit(&mut self) -> anyhow::Result<Vec<u8>> {
        self.creator.commit(&mut self.creator_group)
    }

    fn process(&mut self, commit: &[u8]) -> anyhow::Result<()> {
        let (seat, group) = self.member.as_mut().context("nobody is there")?;
        seat.process(group, commit)
    }

    fn store(&mut self) -> anyhow::Result<()> {
        Ok(()) // every merge does
    }

    fn agree(&self) -> anyhow::Result<bool> {
        let (_, group) = self.member.as_ref().context("nobody is there")?;
        let (ours, theirs) = (&self.creator_group, group);
        Ok(ours.epoch_authenticator().as_slice() == theirs.epoch_authenticator().as_slice())
    }
}
