//! A certificate authority of a cluster's, and what it signs.

use crate::testbed::error::{Doing, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use std::io::Error;

/// An authority with its key.
pub struct Authority {
    /// Its certificate, as PEM.
    pub certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, both as PEM.
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// Its key, as PKCS#8.
    pub key: String,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// None that comes up in practice.
    pub fn new(name: &str) -> Result<Authority> {
        let mut params = named(name, &[], &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = new_key()?;
        let certificate = params.self_signed(&key).map_err(Error::other).doing(|| format!("cannot sign {name}"))?;
        Ok(Authority { certificate: certificate.pem(), issuer: Issuer::new(params, key) })
    }

    /// Signs a new key for `name`, member of `groups` (what Kubernetes takes for a user and its groups), a server at `addresses`, which
    /// are names or IP addresses.
    ///
    /// # Errors
    /// A name that no certificate can hold.
    pub fn sign(&self, name: &str, groups: &[&str], addresses: &[&str]) -> Result<Signed> {
        self.sign_key(new_key()?, name, groups, addresses)
    }

    /// The same for a key that is there, as PEM.
    ///
    /// # Errors
    /// A name that no certificate can hold; no key.
    pub fn sign_pem(&self, key: &str, name: &str, groups: &[&str]) -> Result<Signed> {
        let key = KeyPair::from_pem(key).map_err(Error::other).doing(|| "no key".into())?;
        self.sign_key(key, name, groups, &[])
    }

    fn sign_key(&self, key: KeyPair, name: &str, groups: &[&str], addresses: &[&str]) -> Result<Signed> {
        let mut params = named(name, groups, addresses)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer).map_err(Error::other).doing(|| format!("cannot sign {name}"))?;
        Ok(Signed { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// A new key, P-256.
pub fn new_key() -> Result<KeyPair> {
    KeyPair::generate().map_err(Error::other).doing(|| "cannot make a key".into())
}

fn named(name: &str, groups: &[&str], addresses: &[&str]) -> Result<CertificateParams> {
    let addresses: Vec<String> = addresses.iter().map(|&address| address.into()).collect();
    let mut params = CertificateParams::new(addresses).map_err(Error::other).doing(|| format!("no addresses: of {name}"))?;
    params.distinguished_name.push(DnType::CommonName, name);
    for group in groups {
        params.distinguished_name.push(DnType::OrganizationName, *group);
    }
    Ok(params)
}
