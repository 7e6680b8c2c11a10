//! Which certificates of relays are believed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

/// Where systems keep the certificates they trust; `SSL_CERT_FILE` comes first.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Why no certificate can be believed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TrustError {
    #[error(
        "no trusted certificates on this machine (SSL_CERT_FILE, /etc/ssl/certs/ca-certificates.crt): install ca-certificates"
    )]
    None,
    #[error("{0} holds no certificate that can be trusted")]
    Empty(PathBuf),
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// A set of trusted certificates.
#[derive(Clone, Debug)]
pub struct Trust {
    roots: Result<Arc<RootCertStore>, TrustError>,
}

impl Trust {
    /// What this machine trusts; read once.
    pub fn system() -> Self {
        static SYSTEM: OnceLock<Trust> = OnceLock::new();
        let load = || {
            let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
            let found = named.or_else(|| BUNDLES.iter().map(PathBuf::from).find(|path| path.exists()));
            found.map_or(Self { roots: Err(TrustError::None) }, |path| Self::file(&path))
        };
        SYSTEM.get_or_init(load).clone()
    }

    /// The certificates of one PEM file.
    pub fn file(path: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        if let Ok(certificates) = CertificateDer::pem_file_iter(path) {
            roots.add_parsable_certificates(certificates.filter_map(Result::ok));
        }
        let roots = if roots.is_empty() { Err(TrustError::Empty(path.to_owned())) } else { Ok(Arc::new(roots)) };
        Self { roots }
    }

    /// A connector that wants proof of the peer's name, or only encrypts.
    pub(super) fn connector(&self, prove: bool) -> Result<TlsConnector, TrustError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let config = if prove {
            let verifier = WebPkiServerVerifier::builder_with_provider(self.roots.clone()?, provider);
            let verifier = verifier.build().map_err(|why| rustls::Error::General(why.to_string()))?;
            builder.with_webpki_verifier(verifier).with_no_client_auth()
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))).with_no_client_auth()
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// Opportunistic TLS (RFC 7435): who it is stays unproven, so every certificate will do. Signatures of the handshake
/// are still checked.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
