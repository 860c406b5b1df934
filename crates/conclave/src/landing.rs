//! The page for people who were invited and have no Conclave yet: which validator shows it, and how
//! its address carries an invite.
//!
//! The invite stands after the `#`, which browsers keep to themselves. The page comes over TLS or
//! not at all: whoever could change it on its way could read the invite with it.

use std::{borrow::Cow, net::IpAddr};

use conclave_protocol::invite::LINK_PREFIX;
use reqwest::Url;

use crate::http::wire::ValidatorView;

/// The path of the page at every validator.
pub(crate) const PATH: &str = "/join";

/// The address of the page at the first validator that answers and that others can reach over TLS;
/// nothing when there is none.
pub(crate) fn address(validators: &[ValidatorView]) -> Option<String> {
    let fit = validators.iter().find(|validator| validator.ok && is_fit(&validator.url));
    fit.map(|validator| format!("{}{PATH}", validator.url))
}

/// The invite that an address of the page carries; any other text is left as it is.
pub(crate) fn invite(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    match text.split_once(CARRIES) {
        Some((page, invite)) if page.starts_with("https://") || page.starts_with("http://") => {
            Cow::Owned(format!("{LINK_PREFIX}{invite}"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// Whether an address is under TLS, and not of this machine alone.
fn is_fit(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let Some(host) = url.host_str() else { return false };
    let local = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback() || ip.is_unspecified(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    };
    url.scheme() == "https" && !local
}

/// What stands between a validator and an invite. There is one `#` in an address, so the one of
/// the invite is a `/`.
const CARRIES: &str = "/join#j/1/";

#[cfg(test)]
mod tests {
    use super::*;

    fn validator(url: &str, ok: bool) -> ValidatorView {
        ValidatorView { url: url.into(), ok, ..ValidatorView::default() }
    }

    #[test]
    fn the_page_is_offered_where_others_reach_it_and_nobody_on_the_way_can_change_it() {
        for url in [
            "http://a.example.org",
            "https://localhost:4101",
            "https://a.localhost",
            "https://127.0.0.1:4101",
            "https://[::1]:4101",
            "https://0.0.0.0",
            "nowhere",
        ] {
            assert_eq!(address(&[validator(url, true)]), None, "{url}");
        }
        let silent = validator("https://a.example.org", false);
        assert_eq!(address(std::slice::from_ref(&silent)), None);
        let answers = validator("https://b.example.org:8443", true);
        let plain = validator("http://c.example.org", true);
        let page = address(&[silent, plain, answers]);
        assert_eq!(page.as_deref(), Some("https://b.example.org:8443/join"));
    }

    #[test]
    fn an_address_of_the_page_is_an_invite() {
        assert_eq!(invite(" https://b.example.org/join#j/1/AbC-_9\n"), "conclave:j/1#AbC-_9");
        assert_eq!(invite("http://127.0.0.1:4101/join#j/1/AbC"), "conclave:j/1#AbC");
        assert_eq!(invite(" conclave:j/1#AbC "), "conclave:j/1#AbC");
        for other in ["https://b.example.org/join", "ftp://b/join#j/1/AbC", "", "conclave:d/1#AbC"]
        {
            assert_eq!(invite(other), other);
        }
    }
}
