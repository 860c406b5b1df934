//! Random bytes for secrets, straight from the operating system.
//!
//! A generator inside the process holds what it gave in a buffer until that is used up: a key that
//! was erased where it lay would still stand there.

use rand::rngs::SysRng;
use rand_core::UnwrapErr;

/// The random source of the operating system. It stops the program where there is none.
pub(crate) type SystemRng = UnwrapErr<SysRng>;

/// See [`SystemRng`].
pub(crate) const fn system() -> SystemRng {
    UnwrapErr(SysRng)
}
