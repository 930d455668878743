//! A person's own way into the cluster: a key that is made here and never leaves, a certificate that ends, an entry in a kubeconfig.

mod merge;
mod text;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData as _};
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

pub use merge::{Merged, merge};

use super::certificate::Certificate;

/// The group that a person's certificate is for; the rights of the cluster's admins are bound to it.
pub const GROUP: &str = "homelabctl:admins";

/// A key, and the request for a certificate of it.
#[derive(Debug)]
pub struct Asking {
    user: String,
    key: SecretString,
    /// `sha256:` of the public half, as [`Certificate::key`].
    public: String,
    /// The request, in PEM.
    pub request: String,
}

/// A certificate with all that a kubeconfig wants.
#[derive(Debug)]
pub struct Access {
    /// Whose it is.
    pub user: String,
    /// Where the API is, as a URL.
    pub server: String,
    /// The authority of the API, in PEM.
    pub authority: String,
    /// The certificate.
    pub certificate: Certificate,
    certificate_pem: String,
    key: SecretString,
}

impl Asking {
    /// A new key for that user (P-256).
    ///
    /// # Errors
    /// A name that no certificate can hold.
    pub fn new(user: &str) -> Result<Self, String> {
        let key = KeyPair::generate().map_err(|error| format!("no key could be made: {error}"))?;
        let mut params = CertificateParams::new(Vec::new()).map_err(|error| error.to_string())?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, GROUP);
        params.distinguished_name.push(DnType::CommonName, user);
        let request = params.serialize_request(&key).and_then(|request| request.pem());
        let request = request.map_err(|error| format!("no certificate can be for {user:?}: {error}"))?;
        let public = digest(&SHA256, &key.subject_public_key_info()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Ok(Self { user: user.to_owned(), key: key.serialize_pem().into(), public: format!("sha256:{public}"), request })
    }

    /// The object that asks the cluster for it; whole seconds, ten minutes at least.
    pub fn object(&self, name: &str, seconds: u32) -> Value {
        json!({
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": name},
            "spec": {
                "request": STANDARD.encode(&self.request),
                "signerName": "kubernetes.io/kube-apiserver-client",
                "expirationSeconds": seconds,
                "usages": ["client auth"],
            },
        })
    }

    /// What came of it, if it is for this key and this user.
    ///
    /// # Errors
    /// Why it is of no use.
    pub fn answered(self, server: String, authority: String, certificate_pem: String) -> Result<Access, String> {
        let certificate = Certificate::from_pem(&certificate_pem)?;
        if certificate.key != self.public || certificate.common_name.as_deref() != Some(&self.user) {
            return Err("the certificate that came is not for the key and the user that it was asked for".to_owned());
        }
        Certificate::from_pem(&authority).map_err(|why| format!("the authority of the API: {why}"))?;
        Ok(Access { user: self.user, server, authority, certificate, certificate_pem, key: self.key })
    }

    /// Its secret half, in PEM: for who must see that it is shown nowhere.
    pub fn key(&self) -> &SecretString {
        &self.key
    }
}

/// The rights of the cluster's admins for [`GROUP`].
pub fn binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": GROUP},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": GROUP}],
    })
}

impl Access {
    /// The three entries of a kubeconfig for a cluster of that name: cluster, user, context.
    fn entries(&self, name: &str) -> [(&'static str, String, Value); 3] {
        let user = format!("{}@{name}", self.user);
        let cluster = json!({"certificate-authority-data": STANDARD.encode(&self.authority), "server": self.server});
        let keys = json!({
            "client-certificate-data": STANDARD.encode(&self.certificate_pem),
            "client-key-data": STANDARD.encode(self.key.expose_secret()),
        });
        let context = json!({"cluster": name, "user": user});
        [("clusters", name.to_owned(), cluster), ("users", user, keys), ("contexts", name.to_owned(), context)]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a cluster answers that signs it.
    pub(crate) fn access(user: &str, server: &str) -> Access {
        let asking = Asking::new(user).unwrap();
        let key = KeyPair::from_pem(asking.key().expose_secret()).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, user);
        let own = params.self_signed(&key).unwrap().pem();
        let authority = CertificateParams::new(vec!["k".to_owned()]).unwrap().self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
        asking.answered(server.to_owned(), authority, own).unwrap()
    }

    #[test]
    fn only_the_certificate_that_was_asked_for_is_taken() {
        let (asking, other) = (Asking::new("pat").unwrap(), access("pat", "https://k:6443"));
        assert_eq!(super::super::certificate::request_name(&asking.request).as_deref(), Ok("pat"));
        assert!(!format!("{asking:?}").contains("PRIVATE"), "a key is not shown");
        let why = asking.answered("https://k:6443".into(), other.authority.clone(), other.certificate_pem.clone()).unwrap_err();
        assert!(why.contains("is not for the key"), "{why}");
        assert_eq!(other.entries("lab")[2], ("contexts", "lab".to_owned(), json!({"cluster": "lab", "user": "pat@lab"})));
    }
}
