//! Whether a text has the shape that a setting wants, and what it should look like instead.

use std::net::IpAddr;

use ipnet::IpNet;

use super::field::Shape;

impl Shape {
    /// What is wrong with a text, in words that follow the setting's name; none if it is good.
    pub fn complaint(self, text: &str) -> Option<String> {
        let is_good = match self {
            Self::Any | Self::File => !text.is_empty(),
            Self::Label => is_label(text),
            Self::Host => is_host(text),
            Self::Address => text.parse::<IpAddr>().is_ok(),
            Self::HostOrAddress => text.parse::<IpAddr>().is_ok() || (is_host(text) && !looks_like_address(text)),
            Self::Network => return network_complaint(text),
            Self::Kubernetes => KubernetesVersion::parse(text).is_some(),
            Self::Version => semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).is_ok(),
            Self::Url => url_host(text).is_some(),
            Self::CertificateName => {
                Self::HostOrAddress.complaint(text.strip_prefix("*.").filter(|rest| is_host(rest)).unwrap_or(text)).is_none()
            }
            Self::Registry => text == "_default" || is_registry(text),
            Self::LabelKey => is_label_key(text),
            Self::LabelValue => text.is_empty() || is_qualified(text),
            Self::Taint => taint(text).is_some(),
        };
        (!is_good).then(|| format!("is {}, not `{text}`", self.wanted()))
    }

    /// What the text may have been meant to be, or what one looks like: for the hint.
    pub fn instead(self, text: &str) -> Option<String> {
        let tidied = match self {
            Self::Label => text.trim_matches(['-', '_', '.', ' ']).to_ascii_lowercase().replace(['_', '.', ' '], "-"),
            Self::HostOrAddress | Self::CertificateName => url_host(text).or_else(|| Some(text.split_once(':')?.0))?.to_owned(),
            Self::Address => text.split_once('/')?.0.to_owned(),
            Self::Kubernetes | Self::Version => format!("{text}.0"),
            Self::Url => format!("https://{text}"),
            Self::Registry => url_host(text)?.to_owned(),
            Self::Taint => match text.rsplit_once(':') {
                Some((what, effect)) => format!("{what}:{}", EFFECTS.iter().find(|one| one.eq_ignore_ascii_case(effect))?),
                None => format!("{text}:NoSchedule"),
            },
            Self::LabelKey | Self::LabelValue => text.trim().replace(' ', "-"),
            Self::Any | Self::Host | Self::Network | Self::File => return None,
        };
        (self.complaint(&tidied).is_none()).then_some(tidied)
    }

    /// How to write one, where nothing can be guessed.
    pub fn how(self) -> &'static str {
        match self {
            Self::Any => "leave the setting out, or write something there",
            Self::Label => "for example `homelab`",
            Self::Host => "letters, digits and hyphens, with dots between them: `cluster.local`",
            Self::Address => "four numbers up to 255 with dots between them, or an address of version 6",
            Self::HostOrAddress => "letters, digits and hyphens with dots between them, or four numbers up to 255; no port, no https://",
            Self::CertificateName => "a name such as `kube.example.net`, without a port",
            Self::Network => "the first address of the network, a slash, and how many bits are its own: `10.244.0.0/16`",
            Self::Kubernetes => "a released version with all three numbers; https://kubernetes.io/releases lists them",
            Self::Version => "all three numbers of a released version",
            Self::Url => "for example `https://mirror.example.net`",
            Self::Registry => "the host that stands before an image's name, without https://",
            Self::LabelKey => "letters, digits, `-`, `_` and `.`, perhaps with a domain and a slash before them",
            Self::LabelValue => "take the other letters out: they belong into an annotation",
            Self::Taint => "the effects are NoSchedule, PreferNoSchedule and NoExecute",
            Self::File => "leave the setting out, or name a file",
        }
    }

    /// What it should look like.
    pub fn wanted(self) -> &'static str {
        match self {
            Self::Any => "a text that is not empty",
            Self::Label => "a name of small letters, digits and hyphens, at most 63",
            Self::Host => "a host's name such as `kube.example.net`",
            Self::Address => "an address such as `192.168.2.50`",
            Self::HostOrAddress => "a host's name or an address",
            Self::Network => "a network such as `10.244.0.0/16`",
            Self::Kubernetes => "a version such as `v1.34.2`",
            Self::Version => "a version such as `1.18.4`",
            Self::Url => "an address that begins with https:// or http://",
            Self::CertificateName => "a host's name, one that begins with `*.`, or an address",
            Self::Registry => "a registry such as `docker.io` or `registry.lan:5000`",
            Self::LabelKey => "a label's key such as `example.net/rack`",
            Self::LabelValue => "a label's value: at most 63 letters, digits, `-`, `_` and `.`",
            Self::Taint => "a taint such as `key=value:NoSchedule`",
            Self::File => "a file's path",
        }
    }
}

/// What a taint does to pods that do not bear it.
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// A released version of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubernetesVersion {
    /// The second part.
    pub minor: u32,
    /// The third part.
    pub patch: u32,
}

impl KubernetesVersion {
    /// `v1.34.2`; without the `v` too.
    pub fn parse(text: &str) -> Option<Self> {
        let version = semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()?;
        let is_release = version.major == 1 && version.pre.is_empty() && version.build.is_empty();
        Some(Self { minor: u32::try_from(version.minor).ok()?, patch: u32::try_from(version.patch).ok()? }).filter(|_| is_release)
    }
}

impl std::fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v1.{}.{}", self.minor, self.patch)
    }
}

/// Key, value and effect of a taint.
pub fn taint(text: &str) -> Option<(&str, &str, &str)> {
    let (what, effect) = text.rsplit_once(':')?;
    let (key, value) = what.split_once('=').unwrap_or((what, ""));
    let is_good = is_label_key(key) && (value.is_empty() || is_qualified(value));
    (is_good && EFFECTS.contains(&effect)).then_some((key, value, effect))
}

/// RFC 1123.
fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.len() <= 63 && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_host(text: &str) -> bool {
    text.len() <= 253 && text.to_ascii_lowercase().split('.').all(is_label)
}

/// A host's last part is never a number (RFC 3696): such a text is a mistyped address.
fn looks_like_address(text: &str) -> bool {
    text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
}

/// The name part of a label's key, or a value (apimachinery's `IsQualifiedName`).
fn is_qualified(text: &str) -> bool {
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.len() <= 63 && text.bytes().all(inner) && ends(text.bytes().next()) && ends(text.bytes().last())
}

fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_host(prefix) && prefix == prefix.to_ascii_lowercase() && is_qualified(name),
        None => is_qualified(text),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "5000"));
    (is_host(host) || host.parse::<IpAddr>().is_ok()) && port.parse::<u16>().is_ok()
}

/// The host of an address of the web.
fn url_host(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = rest.split(['/', ':']).next()?;
    (!host.is_empty() && !text.contains(char::is_whitespace)).then_some(host)
}

fn network_complaint(text: &str) -> Option<String> {
    let Ok(network) = text.parse::<IpNet>() else {
        let more = match text.parse::<IpAddr>() {
            Ok(_) => ": how many bits are the network's is missing",
            Err(_) => "",
        };
        return Some(format!("is {}, not `{text}`{more}", Shape::Network.wanted()));
    };
    let first = network.trunc();
    (first != network).then(|| format!("is a network, and `{text}` is an address in one: write `{first}`"))
}

impl<'de> serde::Deserialize<'de> for KubernetesVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no version of Kubernetes")))
    }
}
