//! Which certificates of mail servers are believed: those that this machine trusts, or those of one file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::fault::Fault;

/// Where systems keep the certificates they trust; `SSL_CERT_FILE` comes first.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A connector that wants proof of the server's name. The certificates are read anew, so that a renewed file counts
/// from the next connection on.
pub(super) fn connector(file: Option<&Path>) -> Result<TlsConnector, Fault> {
    let named = || std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let found = || BUNDLES.iter().map(PathBuf::from).find(|path| path.exists());
    let path = file.map(Path::to_owned).or_else(named).or_else(found).ok_or(Fault::NoRoots)?;
    let mut roots = RootCertStore::empty();
    if let Ok(certificates) = CertificateDer::pem_file_iter(&path) {
        roots.add_parsable_certificates(certificates.filter_map(Result::ok));
    }
    if roots.is_empty() {
        return Err(Fault::EmptyRoots(path));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|why| Fault::Tls(why.to_string()))?;
    Ok(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
}
