//! The URLs under which this server is reached.

use std::net::SocketAddr;

use crate::domain::Origin;

/// The origins and the base URL of this server.
#[derive(Debug, Clone, Default)]
pub struct OwnUrls {
    /// `--public-url`.
    public: Option<Origin>,
    /// The addresses that the server listens on, without `--public-url`.
    local: Vec<Origin>,
}

impl OwnUrls {
    /// `public` is the setting `--public-url`, `listening` the address that the
    /// server listens on.
    pub fn new(public: Option<Origin>, listening: SocketAddr) -> Self {
        let local = [
            format!("http://{listening}"),
            format!("http://localhost:{}", listening.port()),
        ];
        Self {
            public,
            local: local
                .iter()
                .filter_map(|url| Origin::from_url(url))
                .collect(),
        }
    }

    /// Whether a page of this origin comes from this server. Such pages may use
    /// every key (`docs/api-contract.md`, section 3.4).
    pub fn is_own_origin(&self, origin: &Origin) -> bool {
        match &self.public {
            Some(public) => public == origin,
            None => self.local.contains(origin),
        }
    }

    /// The base of URLs in responses: `--public-url`, or else the `Host` of the
    /// request, or else the address that the server listens on. Without a
    /// trailing slash.
    pub fn base(&self, host: &str) -> String {
        let base = self
            .public
            .clone()
            .or_else(|| Origin::from_url(&format!("http://{host}")))
            .or_else(|| self.local.first().cloned());
        base.map_or_else(String::new, |origin| origin.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::from_url(url).expect(url)
    }

    #[test]
    fn public_url_is_the_only_own_origin_and_the_base() {
        let public = origin("https://chat.example");
        let urls = OwnUrls::new(Some(public.clone()), ([127, 0, 0, 1], 8787).into());
        assert!(urls.is_own_origin(&public));
        assert!(!urls.is_own_origin(&origin("http://127.0.0.1:8787")));
        assert_eq!(urls.base("other.example"), "https://chat.example");
    }

    #[test]
    fn without_public_url_the_base_is_the_host_of_the_request() {
        let urls = OwnUrls::new(None, ([127, 0, 0, 1], 8787).into());
        assert!(urls.is_own_origin(&origin("http://127.0.0.1:8787")));
        assert!(urls.is_own_origin(&origin("http://localhost:8787")));
        assert!(!urls.is_own_origin(&origin("http://localhost:80")));
        assert_eq!(urls.base("shop.example:81"), "http://shop.example:81");
        assert_eq!(urls.base(""), "http://127.0.0.1:8787");
    }
}
