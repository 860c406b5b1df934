//! The security code.
