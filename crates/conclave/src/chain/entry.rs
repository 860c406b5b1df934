//! What lets a new user in: the word of a validator, or work of this machine.

use conclave_protocol::{RegisterUser, Signature};

use super::{Chain, ChainError};

/// How a new user comes in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Entry {
    /// By the word of a validator; by work where none gives it and the network takes work.
    #[default]
    Sponsored,
    /// By work where the network takes it, so that no validator is asked; else by a word.
    Unasked,
    /// By work alone.
    Worked,
}

impl Chain {
    /// The body with the gate that lets it in, and the sponsor's word if one gave it.
    ///
    /// # Errors
    /// [`ChainError::Refused`], also where work is wanted that the network does not take;
    /// [`ChainError::Silent`].
    pub async fn let_in(
        &self,
        user: RegisterUser,
        entry: Entry,
    ) -> Result<(RegisterUser, Option<Signature>), ChainError> {
        let takes_work = self.params().pow_bits > 0;
        if entry == Entry::Worked || (entry == Entry::Unasked && takes_work) {
            return Ok((self.work(user).await?, None));
        }
        match self.sponsor(user.clone()).await {
            Ok((user, word)) => Ok((user, Some(word))),
            Err(error) if takes_work => {
                tracing::info!(%error, "no validator sponsors; this machine works instead");
                Ok((self.work(user).await?, None))
            }
            Err(error) => Err(error),
        }
    }

    async fn work(&self, user: RegisterUser) -> Result<RegisterUser, ChainError> {
        let bits = u32::from(self.params().pow_bits);
        let refused = |text: &str| ChainError::Refused(text.to_owned());
        match bits {
            0 => {
                return Err(refused(
                    "this network takes no work: a validator has to let you in, so leave --work out",
                ));
            }
            MOST.. => {
                return Err(refused("this network asks for more work than anybody waits for"));
            }
            _ => {}
        }
        let worked = tokio::task::spawn_blocking(move || user.worked(bits)).await;
        worked.ok().flatten().ok_or(ChainError::Closed)
    }
}

/// From so many bits on, work takes an hour of one core and more.
const MOST: u32 = 34;
