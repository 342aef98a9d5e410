//! Which addresses outgoing requests may use: public ones only, unless the
//! operator allows private networks. This prevents server-side request forgery
//! by a copied URL, and by a host name whose owner changes its DNS entry later.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::task;
use url::{Host, Url};

/// All addresses of the host name are private.
#[derive(Debug, thiserror::Error)]
#[error("{0} leads to a private network")]
pub struct PrivateHost(String);

/// Whether the address belongs to the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This network, carriers' shared addresses, protocol assignments,
        // measurements, and all from 240 up, the broadcast address included.
        [0, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] | [240..=255, ..] => true,
        [100, second, ..] => second & 0xc0 == 64,
        _ => false,
    };
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // NAT64: an IPv4 address, mapped for hosts that have IPv6 only.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Tunnels and protocol assignments, documentation, 6to4.
        [0x2001, ..0x0200, ..] | [0x2001, 0x0db8, ..] | [0x2002, ..] | [0x3fff, ..0x1000, ..] => {
            false
        }
        // All global unicast addresses are in 2000::/3.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Whether the URL's host is a private address or a name of this machine. Other
/// names are checked when [`PublicResolver`] resolves them.
pub fn has_private_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(v4)) => !is_public(v4.into()),
        Some(Host::Ipv6(v6)) => !is_public(v6.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    }
}

/// The system's resolver, reduced to public addresses. The connection uses the
/// addresses that this resolver returns, so the DNS entry cannot change between
/// check and use.
pub struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let addresses = task::spawn_blocking(move || public_addresses(&name)).await??;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn public_addresses(name: &str) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
    // Port 0 is a placeholder: the HTTP client sets the port of the URL.
    Ok(only_public(name, (name, 0).to_socket_addrs()?)?)
}

/// The public ones of the addresses of a name.
fn only_public(
    name: &str,
    addresses: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, PrivateHost> {
    let public: Vec<_> = addresses
        .filter(|address| is_public(address.ip()))
        .collect();
    if public.is_empty() {
        return Err(PrivateHost(name.to_owned()));
    }
    Ok(public)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn private_and_special_addresses_are_not_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.9.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.1",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.1.1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "2002:808:808::",
            "3fff::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!is_public(address.parse().expect(address)), "{address}");
        }
    }

    #[test]
    fn internet_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.1",
            "::ffff:8.8.8.8",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(address.parse().expect(address)), "{address}");
        }
    }

    #[test]
    fn private_hosts_are_recognised_in_every_notation() {
        let private = |text: &str| has_private_host(&Url::parse(text).expect(text));
        for url in [
            "http://localhost:11434/v1",
            "http://LOCALHOST./v1",
            "http://api.localhost/v1",
            "http://127.1/v1",
            "http://2130706433/v1",
            "http://0x7f.1/v1",
            "http://[::1]/v1",
            "http://[::ffff:169.254.169.254]/v1",
        ] {
            assert!(private(url), "{url}");
        }
        assert!(!private("https://api.example/v1"));
        assert!(!private("https://8.8.8.8/v1"));
    }

    #[test]
    fn private_addresses_of_a_name_are_left_out() {
        let address = |text: &str| SocketAddr::new(text.parse().expect(text), 0);
        let mixed = ["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111"].map(address);
        let public = only_public("shop.example", mixed.into_iter()).expect("addresses");
        assert_eq!(public, ["8.8.8.8", "2606:4700::1111"].map(address));
        let private = ["169.254.169.254", "::ffff:127.0.0.1"].map(address);
        assert!(only_public("shop.example", private.into_iter()).is_err());
    }

    /// The client connects to what the resolver returned, so a DNS entry that changes after
    /// a check leads to no private address.
    #[test]
    fn client_with_the_resolver_does_not_connect_to_a_private_address() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("non-blocking");
        let port = listener.local_addr().expect("an address").port();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .dns_resolver(PublicResolver);
        let client = client.build().expect("a client");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let request = client.get(format!("http://localhost:{port}/")).send();
        let result = runtime.expect("a runtime").block_on(request);
        let error = format!("{:?}", result.expect_err("no connection"));
        assert!(error.contains("PrivateHost"), "{error}");
        let connection = listener.accept().expect_err("no connection");
        assert_eq!(connection.kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn resolving_localhost_returns_no_address() {
        let refused = public_addresses("localhost").expect_err("private");
        assert!(refused.is::<PrivateHost>(), "{refused}");
    }
}
