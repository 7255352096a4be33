//! TLS from certificate files.

use super::web_config::{ClientAuth, TlsSection, Version, WebConfigError, read_file};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use std::path::Path;
use std::sync::Arc;

/// The configuration that a section of the file `path` asks for; the files it names lie relative to `folder`.
///
/// # Errors
/// [`WebConfigError`], with the file that is at fault.
pub(super) fn config(path: &Path, folder: &Path, section: &TlsSection) -> Result<Arc<ServerConfig>, WebConfigError> {
    let tls = |why: String| WebConfigError::Tls { path: path.into(), why };
    if section.client_ca_file.is_some() != (section.client_auth_type != ClientAuth::NoClientCert) {
        return Err(tls("client_ca_file and a client_auth_type that verifies certificates go together".into()));
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(&versions(section)).map_err(|e| tls(e.to_string()))?;
    let builder = match &section.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(&folder.join(file))? {
                roots.add(certificate).map_err(|e| tls(e.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            let optional = section.client_auth_type == ClientAuth::VerifyClientCertIfGiven;
            let verifier = if optional { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build().map_err(|e| tls(e.to_string()))?)
        }
    };
    let chain = certificates(&folder.join(&section.cert_file))?;
    let file = folder.join(&section.key_file);
    let key = PrivateKeyDer::from_pem_slice(&read_file(&file)?)
        .map_err(|e| WebConfigError::Tls { path: file, why: format!("no private key: {e:?}") })?;
    builder.with_single_cert(chain, key).map(Arc::new).map_err(|e| tls(e.to_string()))
}

fn versions(section: &TlsSection) -> Vec<&'static SupportedProtocolVersion> {
    [(Version::Tls12, &version::TLS12), (Version::Tls13, &version::TLS13)]
        .into_iter()
        .filter(|(version, _)| (section.min_version..=section.max_version).contains(version))
        .map(|(_, supported)| supported)
        .collect()
}

/// The certificates in a PEM file, at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, WebConfigError> {
    let none = |why: String| WebConfigError::Tls { path: file.into(), why };
    let bytes = read_file(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|e| none(format!("no certificate: {e:?}")))?;
    if found.is_empty() { Err(none("it has no certificate".into())) } else { Ok(found) }
}
