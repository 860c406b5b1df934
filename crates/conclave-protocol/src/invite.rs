//! The invite link.
