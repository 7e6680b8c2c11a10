//! The certificate that a receiver shows.

pub use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

/// Why a certificate and a key do not make a server.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file is not PEM, or empty.
    #[error("no certificate can be read")]
    Certificate,
    /// The key file is not PEM, or empty.
    #[error("no private key can be read")]
    Key,
    /// They do not belong together, or are of a kind that is not supported.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// TLS 1.2 and 1.3 with a certificate chain and its key, both PEM.
///
/// # Errors
/// When one of them cannot be read, or they do not belong together.
pub fn server(certificate: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>().map_err(|_| TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::Certificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_said_to_be_none() {
        assert!(matches!(server(b"", b""), Err(TlsError::Certificate)));
        assert!(matches!(server(b"\xff-----BEGIN", b"x"), Err(TlsError::Certificate)));
    }
}
