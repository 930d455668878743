//! TLS over a stream: whom we trust, and who we say that we are.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use crate::transport::Tunnel;

/// What TLS needs of files, as PEM.
#[derive(Clone, Default)]
pub(in crate::node) struct Trust {
    /// The authorities that are trusted.
    pub(in crate::node) authorities: Vec<u8>,
    /// Our own certificate, perhaps with its key.
    pub(in crate::node) own: Option<Vec<u8>>,
    /// Its key.
    pub(in crate::node) key: Option<Vec<u8>>,
}

/// How a connection is made.
///
/// # Errors
/// A file that holds none of what it should, in words for people.
pub(super) fn config(trust: &Trust, is_insecure: bool) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let builder = if is_insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider)))
    } else {
        let mut roots = RootCertStore::empty();
        // as OpenSSL does: one that cannot be read is one that nobody is trusted by
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&trust.authorities).filter_map(Result::ok));
        builder.with_root_certificates(roots)
    };
    let mut config = match &trust.own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let chain: Vec<_> = CertificateDer::pem_slice_iter(own).filter_map(Result::ok).collect();
            let key = PrivateKeyDer::from_pem_slice(trust.key.as_deref().unwrap_or(own));
            let key = key.map_err(|error| format!("the key of our certificate cannot be read: {error}"))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| format!("our certificate cannot be used: {error}"))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The same stream, inside TLS.
///
/// # Errors
/// The server is not who it should be, or does not speak it: in words for people.
pub(super) async fn secured(tunnel: Tunnel, host: &str, config: &Arc<ClientConfig>) -> Result<Tunnel, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| format!("{host}: {error}"))?;
    match TlsConnector::from(Arc::clone(config)).connect(name, tunnel).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(format!("TLS with {host}: {error}")),
    }
}

/// `validate_certs: false`: whoever answers will do, but it must have the key of what it shows.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
