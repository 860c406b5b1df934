//! How this program speaks HTTP to others: one set-up for validators, daemons and the demo.

use reqwest::ClientBuilder;

/// A client that goes through no proxy: what it talks to is on this machine or proves itself.
pub(crate) fn client() -> ClientBuilder {
    // Two of our libraries bring a TLS provider each, so rustls wants to be told which one to use.
    // Whoever was first stays, and that is no harm.
    let _there_already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    ClientBuilder::new().no_proxy()
}
