//! X.509 certificates, as far as they have to be read: whose key it is, whose name, until when. Nothing is verified here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ring::digest::{SHA256, digest};

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// `sha256:` and the digest of its public key in DER, as `kubeadm join` takes it (RFC 7469 pins the same).
    pub key: String,
    /// Its subject's common name; a kubelet's is `system:node:` and the Node's name.
    pub common_name: Option<String>,
    /// When it ends.
    pub not_after: Timestamp,
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// 2.5.4.3
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

impl Certificate {
    /// The first certificate of a PEM text.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----").ok_or("it holds no certificate")?;
        let (body, _) = rest.split_once("-----END CERTIFICATE-----").ok_or("its certificate is cut off")?;
        let body: String = body.split_whitespace().collect();
        Self::from_der(&STANDARD.decode(body).map_err(|_| "its certificate is not in base64")?)
    }

    /// A certificate in DER (RFC 5280 §4.1).
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn from_der(bytes: &[u8]) -> Result<Self, String> {
        Self::read(bytes).ok_or_else(|| "its certificate is no X.509".to_owned())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut outer = Parts(bytes);
        let mut certificate = Parts(outer.take(SEQUENCE)?.inside);
        let mut fields = Parts(certificate.take(SEQUENCE)?.inside);
        if fields.tag() == Some(VERSION) {
            fields.any()?;
        }
        // serial number, signature's algorithm, issuer
        for _ in 0..3 {
            fields.any()?;
        }
        let mut validity = Parts(fields.take(SEQUENCE)?.inside);
        validity.any()?;
        let not_after = time(&validity.any()?)?;
        let common_name = common_name(fields.take(SEQUENCE)?.inside);
        let key = fields.take(SEQUENCE)?.whole;
        let digest: String = digest(&SHA256, key).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { key: format!("sha256:{digest}"), common_name, not_after })
    }
}

/// The common name in a request for a certificate, in PEM (RFC 2986 §4.1).
///
/// # Errors
/// What is wrong with the text.
pub fn request_name(text: &str) -> Result<String, String> {
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE REQUEST-----").ok_or("it holds no request")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE REQUEST-----").ok_or("its request is cut off")?;
    let body: String = body.split_whitespace().collect();
    let bytes = STANDARD.decode(body).map_err(|_| "its request is not in base64")?;
    let name = || {
        let mut request = Parts(Parts(&bytes).take(SEQUENCE)?.inside);
        let mut fields = Parts(request.take(SEQUENCE)?.inside);
        // version
        fields.any()?;
        common_name(fields.take(SEQUENCE)?.inside)
    };
    name().ok_or_else(|| "its request names nobody".to_owned())
}

/// Values of DER, one behind the other.
struct Parts<'a>(&'a [u8]);

struct Part<'a> {
    tag: u8,
    inside: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Parts<'a> {
    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value.
    fn any(&mut self) -> Option<Part<'a>> {
        let (tag, first) = (*self.0.first()?, *self.0.get(1)?);
        let (length, header) = if first < 0x80 {
            (usize::from(first), 2)
        } else {
            // 4 GiB are enough for a certificate
            let count = usize::from(first & 0x7f);
            let digits = self.0.get(2..2 + count).filter(|digits| (1..=4).contains(&digits.len()))?;
            (digits.iter().fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit)), 2 + count)
        };
        let whole = self.0.get(..header.checked_add(length)?)?;
        self.0 = self.0.get(whole.len()..)?;
        Some(Part { tag, inside: whole.get(header..)?, whole })
    }

    /// The next value, if it is of that kind.
    fn take(&mut self, tag: u8) -> Option<Part<'a>> {
        self.any().filter(|part| part.tag == tag)
    }
}

fn common_name(subject: &[u8]) -> Option<String> {
    let mut names = Parts(subject);
    while let Some(set) = names.any() {
        let mut pairs = Parts(set.inside);
        while let Some(pair) = pairs.take(SEQUENCE) {
            let mut pair = Parts(pair.inside);
            let (kind, value) = (pair.any()?, pair.any()?);
            if kind.inside == COMMON_NAME {
                return String::from_utf8(value.inside.to_vec()).ok();
            }
        }
    }
    None
}

fn time(part: &Part<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(part.inside).ok()?;
    let whole = match part.tag {
        // RFC 5280 §4.1.2.5.1: 50 and more are of the last century
        UTC_TIME if text.get(..2)? >= "50" => format!("19{text}"),
        UTC_TIME => format!("20{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let at = DateTime::strptime("%Y%m%d%H%M%SZ", whole).ok()?;
    at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData as _, date_time_ymd};

    use super::*;

    #[test]
    fn a_kubelets_certificate_names_its_node() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
        params.distinguished_name.push(DnType::CommonName, "system:node:w1");
        for (year, end) in [(2027, "2027-11-26T00:00:00Z"), (2060, "2060-11-26T00:00:00Z")] {
            params.not_after = date_time_ymd(year, 11, 26);
            let read = Certificate::from_pem(&format!("a word before\n{}", params.self_signed(&key).unwrap().pem())).unwrap();
            assert_eq!((read.common_name.as_deref(), read.not_after.to_string().as_str()), (Some("system:node:w1"), end));
            let spki = key.subject_public_key_info();
            let wanted: String = digest(&SHA256, &spki).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(read.key, format!("sha256:{wanted}"));
        }
    }

    #[test]
    fn a_request_names_who_asks() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
        params.distinguished_name.push(DnType::CommonName, "system:node:w1");
        let request = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
        assert_eq!(request_name(&request).as_deref(), Ok("system:node:w1"));
        assert!(request_name("").is_err() && request_name(&request.replace("END", "END OF")).is_err());
        assert_eq!(
            request_name("-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----"),
            Err("its request names nobody".to_owned())
        );
    }

    #[test]
    fn what_is_none_is_said() {
        let of = |text: &str| Certificate::from_pem(text).unwrap_err();
        assert_eq!(of(""), "it holds no certificate");
        assert_eq!(of("-----BEGIN CERTIFICATE-----\nMIIB"), "its certificate is cut off");
        assert_eq!(of("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"), "its certificate is not in base64");
        assert_eq!(of("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"), "its certificate is no X.509");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..80), cut in 0_usize..400, at in 0_usize..400) {
            let _ = Certificate::from_der(&bytes);
            let params = CertificateParams::new(vec!["a".to_owned()]).unwrap();
            let mut der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
            if let Some(byte) = der.get_mut(at) {
                *byte ^= 0x55;
            }
            der.truncate(der.len().saturating_sub(cut));
            let _ = Certificate::from_der(&der);
        }
    }
}
