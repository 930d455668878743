//! Whether a host's certificate holds (PROTOCOL.certkeys, and sshkey_cert_check_host of OpenSSH).

use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate};

/// Checks a certificate whose authority is known: signature, kind, time, name, options.
///
/// # Errors
/// Why it does not hold, for a message.
pub fn check(certificate: &Certificate, principal: &str, now: SystemTime) -> Result<(), String> {
    if matches!(certificate.signature().algorithm(), Algorithm::Rsa { hash: None } | Algorithm::Dsa) {
        return Err("it is signed by an algorithm that is no longer trusted".to_owned());
    }
    certificate.verify_signature().map_err(|_| "its signature is wrong".to_owned())?;
    if certificate.cert_type() != CertType::Host {
        return Err("it is a user's certificate, not a host's".to_owned());
    }
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if now < certificate.valid_after() {
        return Err("it is not valid yet".to_owned());
    }
    if now >= certificate.valid_before() {
        return Err("it has expired".to_owned());
    }
    let principals = certificate.valid_principals();
    if !principals.is_empty() && !principals.iter().any(|name| name == principal) {
        return Err(format!("it is made out for {}, not for {principal}", principals.join(", ")));
    }
    if !certificate.critical_options().is_empty() {
        return Err("it has critical options, which host certificates must not have".to_owned());
    }
    Ok(())
}
