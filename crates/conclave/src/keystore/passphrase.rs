//! What a person types to open the key file.

use std::{env, fmt, io};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// The environment variable that answers the prompt.
pub const ENVIRONMENT: &str = "CONCLAVE_PASSPHRASE";

/// A passphrase. It is wiped when dropped and never shown.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// From [`ENVIRONMENT`], if it is set; an empty one counts as none.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        env::var(ENVIRONMENT).ok().filter(|text| !text.is_empty()).map(Self::new)
    }

    /// Asks on the terminal; an empty answer counts as none.
    ///
    /// # Errors
    /// There is no terminal to ask on.
    pub fn prompt(question: &str) -> io::Result<Option<Self>> {
        let text = ask(question)?;
        Ok((!text.is_empty()).then_some(Self(text)))
    }

    /// Whether two of them, typed by the same person, are the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// The bytes, for the one function that derives a key from them.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Asks for what nobody is to see, on the terminal.
///
/// # Errors
/// There is no terminal to ask on.
pub(crate) fn ask(question: &str) -> io::Result<Zeroizing<String>> {
    rpassword::prompt_password(question).map(Zeroizing::new).map_err(|error| {
        io::Error::new(error.kind(), format!("there is no terminal to ask on ({error})"))
    })
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

impl<'de> Deserialize<'de> for Passphrase {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::new)
    }
}

/// Only towards the daemon on this machine, which needs it to write the file.
impl Serialize for Passphrase {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}
