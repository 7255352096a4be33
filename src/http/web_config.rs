//! The web-config file of Prometheus' exporter-toolkit, as far as this server goes:
//! <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>.

use super::auth::Users;
use super::protection::Protection;
use super::tls;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// A web-config file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebConfigError {
    /// It, or a file that it names, cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is no web-config file, or asks for what this server does not have.
    #[error("{path}: {why}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Certificate and key make no server.
    #[error("{path}: TLS cannot be set up: {why}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

/// The file. Keys that are not here are refused: whoever asks for more protection than there is must know.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    tls_server_config: Option<TlsSection>,
    #[serde(default)]
    basic_auth_users: BTreeMap<String, String>,
    #[serde(rename = "http_server_config")]
    _http_server_config: Option<HttpSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsSection {
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    #[serde(default)]
    pub client_auth_type: ClientAuth,
    pub client_ca_file: Option<PathBuf>,
    #[serde(default)]
    pub min_version: Version,
    #[serde(default = "newest")]
    pub max_version: Version,
}

/// Whose certificates are asked for. The toolkit's two kinds that do not verify them are no protection.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum ClientAuth {
    #[default]
    NoClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) enum Version {
    #[default]
    #[serde(rename = "TLS12")]
    Tls12,
    #[serde(rename = "TLS13")]
    Tls13,
}

fn newest() -> Version {
    Version::Tls13
}

/// Allowed, since files shared with other exporters have it: this server speaks HTTP/1.1 whatever it says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpSection {
    #[serde(default, rename = "http2")]
    _http2: bool,
}

/// What the file at `path` asks for.
///
/// # Errors
/// [`WebConfigError`], with the file that is at fault.
pub(super) fn read(path: &Path) -> Result<Protection, WebConfigError> {
    let text = String::from_utf8_lossy(&read_file(path)?).into_owned();
    let form = |why: String| WebConfigError::Form { path: path.into(), why };
    let raw: Raw = if text.trim().is_empty() {
        Raw::default()
    } else {
        serde_saphyr::from_str(&text).map_err(|e| form(e.to_string()))?
    };
    let users = Users::new(raw.basic_auth_users).map_err(|user| {
        form(format!("basic_auth_users: the hash of {user} is none of bcrypt; `htpasswd -nBC 10 {user}` makes one"))
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let certificates = raw
        .tls_server_config
        .as_ref()
        .is_some_and(|tls| tls.client_auth_type == ClientAuth::RequireAndVerifyClientCert);
    let tls = raw.tls_server_config.map(|section| tls::config(path, folder, &section)).transpose()?;
    Ok(Protection { tls, certificates, users })
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, WebConfigError> {
    std::fs::read(path).map_err(|source| WebConfigError::Read { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        std::fs::write(&path, text).unwrap();
        read(&path).unwrap_err().to_string()
    }

    #[test]
    fn what_this_server_does_not_have_is_refused_by_name() {
        assert!(refused("tls_server_config: {cert_file: a, key_file: b, cipher_suites: []}").contains("cipher_suites"));
        assert!(refused("http_server_config: {headers: {X-Frame-Options: deny}}").contains("headers"));
        assert!(refused("basic_auth_users: {eve: secret}").contains("the hash of eve is none of bcrypt"));
        assert!(refused("rate_limit: {}").contains("rate_limit"));
        assert!(
            refused("tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequestClientCert}")
                .contains("RequestClientCert")
        );
        assert!(refused("tls_server_config: {cert_file: nowhere.pem, key_file: b}").contains("nowhere.pem"));
        assert!(refused("[1, 2").contains("web.yml"));
    }

    #[test]
    fn an_empty_file_protects_nothing_and_http2_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        for text in ["", "# nothing\n", "http_server_config: {http2: true}\n"] {
            std::fs::write(&path, text).unwrap();
            let protection = read(&path).unwrap_or_else(|e| panic!("{text:?}: {e}"));
            assert!(protection.tls.is_none() && protection.users.is_empty());
        }
    }
}
