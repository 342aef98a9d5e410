//! TLS to a PostgreSQL server, with the modes of libpq.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The mode of `sslmode`, as far as it says whether TLS is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsPolicy {
    Disable,
    Prefer,
    Require,
}

impl TlsPolicy {
    pub fn ssl_mode(self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require => SslMode::Require,
        }
    }
}

/// The policy and the connector for `sslmode` and `sslrootcert`.
///
/// # Errors
/// A text that names the parameter and a remedy.
pub(super) fn policy(
    mode: Option<&str>,
    root: Option<&str>,
) -> Result<(TlsPolicy, MakeRustlsConnect), String> {
    let root = root.filter(|root| *root != "system");
    let (policy, verification) = match mode.unwrap_or("prefer") {
        "disable" => (TlsPolicy::Disable, Verification::None),
        "prefer" => (TlsPolicy::Prefer, Verification::None),
        // As in libpq: a file with certificates makes `require` the same as `verify-ca`.
        "require" if root.is_none() => (TlsPolicy::Require, Verification::None),
        "require" | "verify-ca" => (TlsPolicy::Require, Verification::Issuer),
        "verify-full" => (TlsPolicy::Require, Verification::Full),
        _ => {
            let reason = "sslmode must be disable, prefer, require, verify-ca or verify-full";
            return Err(reason.to_owned());
        }
    };
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?.dangerous();
    let verifier: Arc<dyn ServerCertVerifier> = match (verification, root) {
        (Verification::None, _) => Arc::new(Verifier {
            roots: Roots::empty(),
            verification,
            provider,
        }),
        (_, Some(file)) => Arc::new(Verifier {
            roots: Roots::read(file)?,
            verification,
            provider,
        }),
        // The roots of the system issue certificates for everybody.
        (Verification::Issuer, None) => {
            let reason = "sslmode=verify-ca needs sslrootcert=FILE; with the roots of the \
                          system, use sslmode=verify-full";
            return Err(reason.to_owned());
        }
        (Verification::Full, None) => Arc::new(
            rustls_platform_verifier::Verifier::new(provider).map_err(|error| error.to_string())?,
        ),
    };
    let config = builder
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok((policy, MakeRustlsConnect::new(config)))
}

/// What is verified of the certificate of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verification {
    None,
    Issuer,
    /// Issuer and name.
    Full,
}

/// The certificates of `sslrootcert`.
#[derive(Debug)]
struct Roots {
    store: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
}

impl Roots {
    fn empty() -> Self {
        Self {
            store: RootCertStore::empty(),
            certificates: Vec::new(),
        }
    }

    fn read(file: &str) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!("sslrootcert: cannot read certificates from {file}: {error}")
        };
        let mut roots = Self::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| failed(&error))? {
            let certificate = certificate.map_err(|error| failed(&error))?;
            let added = roots.store.add(certificate.clone());
            added.map_err(|error| failed(&error))?;
            roots.certificates.push(certificate);
        }
        if roots.certificates.is_empty() {
            return Err(failed(&"it has none in the PEM format"));
        }
        Ok(roots)
    }
}

/// Verifies the certificate of a server as libpq does.
#[derive(Debug)]
struct Verifier {
    roots: Roots,
    verification: Verification,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.verification == Verification::None {
            return Ok(ServerCertVerified::assertion());
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        // A certificate that signs itself can be the certificate of the server.
        if !self.roots.certificates.contains(end_entity) {
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                &self.roots.store,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        if self.verification == Verification::Full {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
