//! TLS over a stream: whom we trust, and who we say that we are.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
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

/// `validate_certs: false`: whoever answers will do, but it must have the key of what it shows, if that can be read.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

/// One that cannot be read (X.509 v1 on an old device) takes nothing away: whoever is in between could show one of their own.
fn unless_unreadable(verified: Result<HandshakeSignatureValid, Error>) -> Result<HandshakeSignatureValid, Error> {
    match verified {
        Err(Error::InvalidCertificate(CertificateError::BadEncoding | CertificateError::Other(_))) => {
            Ok(HandshakeSignatureValid::assertion())
        }
        verified => verified,
    }
}

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
        unless_unreadable(verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        unless_unreadable(verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::server::{ClientHello, ResolvesServerCert};
    use rustls::sign::CertifiedKey;

    use super::*;

    /// A server that shows this, whatever it is.
    #[derive(Debug)]
    struct Shows(Arc<CertifiedKey>);

    impl ResolvesServerCert for Shows {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }

    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let inside = parts.concat();
        let length = u8::try_from(inside.len()).unwrap();
        let head = if length < 128 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [head, inside].concat()
    }

    /// As X.509 v1 has it: neither version nor extensions.
    fn old(key: &rcgen::KeyPair) -> CertificateDer<'static> {
        let algorithm = der(0x30, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
        let time = der(0x17, &[b"260101000000Z"]);
        let public = rcgen::PublicKeyData::subject_public_key_info(key);
        let inside = der(0x30, &[&[2, 1, 1], &algorithm, &der(0x30, &[]), &der(0x30, &[&time, &time]), &der(0x30, &[]), &public]);
        CertificateDer::from(der(0x30, &[&inside, &algorithm, &der(3, &[&[0, 0]])]))
    }

    async fn shaken(shown: CertificateDer<'static>, key: &rcgen::KeyPair, is_insecure: bool) -> Result<(), String> {
        let provider = Arc::new(ring::default_provider());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = CertifiedKey::new(vec![shown], provider.key_provider.load_private_key(key).unwrap());
        let server = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let server = server.with_no_client_auth().with_cert_resolver(Arc::new(Shows(Arc::new(key))));
        let (ours, theirs) = tokio::io::duplex(4096);
        tokio::spawn(async move {
            let _ = tokio_rustls::TlsAcceptor::from(Arc::new(server)).accept(theirs).await;
        });
        secured(Box::new(ours), "x", &config(&Trust::default(), is_insecure).unwrap()).await.map(|_| ())
    }

    #[tokio::test]
    async fn whoever_answers_will_do_if_it_has_the_key_of_what_it_shows() {
        let [key, other] = [(); 2].map(|()| rcgen::KeyPair::generate().unwrap());
        let new = rcgen::CertificateParams::new(vec!["x".to_owned()]).unwrap().self_signed(&key).unwrap();
        assert_eq!(shaken(new.der().clone(), &key, true).await, Ok(()));
        assert!(shaken(new.der().clone(), &other, true).await.unwrap_err().contains("BadSignature"));
        assert!(shaken(new.der().clone(), &key, false).await.is_err());
        assert_eq!(shaken(old(&key), &key, true).await, Ok(()));
        assert!(shaken(old(&key), &key, false).await.is_err());
    }
}
