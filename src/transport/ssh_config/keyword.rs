//! The keywords of ssh_config(5), and what this program makes of each.

/// A keyword that has an effect here. The spelling of the variants is that of ssh_config(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Keyword {
    AddressFamily,
    BatchMode,
    BindAddress,
    CertificateFile,
    ConnectTimeout,
    ConnectionAttempts,
    GlobalKnownHostsFile,
    HashKnownHosts,
    Host,
    HostKeyAlgorithms,
    HostKeyAlias,
    HostName,
    IdentitiesOnly,
    IdentityAgent,
    IdentityFile,
    IgnoreUnknown,
    Include,
    KbdInteractiveAuthentication,
    Match,
    NumberOfPasswordPrompts,
    PasswordAuthentication,
    Port,
    PreferredAuthentications,
    ProxyCommand,
    ProxyJump,
    PubkeyAuthentication,
    ServerAliveCountMax,
    ServerAliveInterval,
    StrictHostKeyChecking,
    TcpKeepAlive,
    User,
    UserKnownHostsFile,
}

/// What a word at the start of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It is acted on.
    Honoured(Keyword),
    /// OpenSSH acts on it and this program does not; the person is told.
    NotHonoured(&'static str),
    /// It cannot matter to a program without terminal, display and forwarding, or OpenSSH ignores it too.
    Irrelevant,
    /// OpenSSH does not support it any more and says so.
    Unsupported,
    /// OpenSSH does not know it either.
    Unknown,
}

use Keyword as K;

/// Small letters, as they are compared.
const HONOURED: &[(&str, Keyword)] = &[
    ("addressfamily", K::AddressFamily),
    ("batchmode", K::BatchMode),
    ("bindaddress", K::BindAddress),
    ("certificatefile", K::CertificateFile),
    ("challengeresponseauthentication", K::KbdInteractiveAuthentication),
    ("connectionattempts", K::ConnectionAttempts),
    ("connecttimeout", K::ConnectTimeout),
    ("dsaauthentication", K::PubkeyAuthentication),
    ("globalknownhostsfile", K::GlobalKnownHostsFile),
    ("hashknownhosts", K::HashKnownHosts),
    ("host", K::Host),
    ("hostkeyalgorithms", K::HostKeyAlgorithms),
    ("hostkeyalias", K::HostKeyAlias),
    ("hostname", K::HostName),
    ("identitiesonly", K::IdentitiesOnly),
    ("identityagent", K::IdentityAgent),
    ("identityfile", K::IdentityFile),
    ("identityfile2", K::IdentityFile),
    ("ignoreunknown", K::IgnoreUnknown),
    ("include", K::Include),
    ("kbdinteractiveauthentication", K::KbdInteractiveAuthentication),
    ("keepalive", K::TcpKeepAlive),
    ("match", K::Match),
    ("numberofpasswordprompts", K::NumberOfPasswordPrompts),
    ("passwordauthentication", K::PasswordAuthentication),
    ("port", K::Port),
    ("preferredauthentications", K::PreferredAuthentications),
    // Debian's other names for ServerAliveInterval.
    ("protocolkeepalives", K::ServerAliveInterval),
    ("proxycommand", K::ProxyCommand),
    ("proxyjump", K::ProxyJump),
    ("pubkeyauthentication", K::PubkeyAuthentication),
    ("serveralivecountmax", K::ServerAliveCountMax),
    ("serveraliveinterval", K::ServerAliveInterval),
    ("setuptimeout", K::ServerAliveInterval),
    ("skeyauthentication", K::KbdInteractiveAuthentication),
    ("stricthostkeychecking", K::StrictHostKeyChecking),
    ("tcpkeepalive", K::TcpKeepAlive),
    ("tisauthentication", K::KbdInteractiveAuthentication),
    ("user", K::User),
    ("userknownhostsfile", K::UserKnownHostsFile),
];

/// In ssh_config(5)'s spelling, for people.
const NOT_HONOURED: &[&str] = &[
    "BindInterface",
    "CanonicalDomains",
    "CanonicalizeFallbackLocal",
    "CanonicalizeHostname",
    "CanonicalizeMaxDots",
    "CanonicalizePermittedCNAMEs",
    "CASignatureAlgorithms",
    "ChannelTimeout",
    "Ciphers",
    "ClearAllForwardings",
    "Compression",
    "ControlMaster",
    "ControlPath",
    "ControlPersist",
    "DynamicForward",
    "ForwardAgent",
    "HostbasedAcceptedAlgorithms",
    "HostbasedAuthentication",
    "HostbasedKeyTypes",
    "IPQoS",
    "KbdInteractiveDevices",
    "KexAlgorithms",
    "KnownHostsCommand",
    "LocalCommand",
    "LocalForward",
    "MACs",
    "NoHostAuthenticationForLocalhost",
    "PermitLocalCommand",
    "PermitRemoteOpen",
    "PKCS11Provider",
    "PubkeyAcceptedAlgorithms",
    "PubkeyAcceptedKeyTypes",
    "RekeyLimit",
    "RemoteCommand",
    "RemoteForward",
    "RequiredRSASize",
    "RevokedHostKeys",
    "SecurityKeyProvider",
    "SetEnv",
    "SmartcardDevice",
    "Tag",
    "Tunnel",
    "TunnelDevice",
    "VerifyHostKeyDNS",
    "VersionAddendum",
];

const IRRELEVANT: &[&str] = &[
    "addkeystoagent",
    "checkhostip",
    "cipher",
    "enableescapecommandline",
    "enablesshkeysign",
    "escapechar",
    "exitonforwardfailure",
    "fallbacktorsh",
    "fingerprinthash",
    "forkafterauthentication",
    "forwardx11",
    "forwardx11timeout",
    "forwardx11trusted",
    "gatewayports",
    "globalknownhostsfile2",
    // Debian turns GSSAPI on for everybody; to name it on every run would help nobody.
    "gssapiauthentication",
    "gssapiclientidentity",
    "gssapidelegatecredentials",
    "gssapikexalgorithms",
    "gssapikeyexchange",
    "gssapirenewalforcesrekey",
    "gssapiserveridentity",
    "gssapitrustdns",
    "loglevel",
    "logverbose",
    "obscurekeystroketiming",
    "protocol",
    "proxyusefdpass",
    "requesttty",
    "rhostsauthentication",
    // Debian sends the locale for everybody; scripts here run in a locale of their own.
    "sendenv",
    "sessiontype",
    "stdinnull",
    "streamlocalbindmask",
    "streamlocalbindunlink",
    "syslogfacility",
    "updatehostkeys",
    "useblacklistedkeys",
    "useprivilegedport",
    "userknownhostsfile2",
    "useroaming",
    "usersh",
    "visualhostkey",
    "xauthlocation",
];

const UNSUPPORTED: &[&str] = &[
    "afstokenpassing",
    "compressionlevel",
    "kerberosauthentication",
    "kerberostgtpassing",
    "rhostsrsaauthentication",
    "rsaauthentication",
];

/// What the word at the start of a line means; letters' case does not matter.
pub fn meaning(word: &str) -> Meaning {
    let word = word.to_ascii_lowercase();
    if let Some(&(_, keyword)) = HONOURED.iter().find(|&&(name, _)| name == word) {
        return Meaning::Honoured(keyword);
    }
    if let Some(name) = NOT_HONOURED.iter().find(|name| name.eq_ignore_ascii_case(&word)) {
        return Meaning::NotHonoured(name);
    }
    if IRRELEVANT.contains(&word.as_str()) {
        return Meaning::Irrelevant;
    }
    if UNSUPPORTED.contains(&word.as_str()) { Meaning::Unsupported } else { Meaning::Unknown }
}

/// The keyword that `word` was probably meant to be.
pub fn similar(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let honoured = HONOURED.iter().map(|&(name, _)| name);
    honoured
        .chain(NOT_HONOURED.iter().copied())
        .chain(IRRELEVANT.iter().copied())
        // Slips allowed for a name of that length; a difference in length alone is as many.
        .filter(|name| name.len().abs_diff(word.len()) <= 1 + name.len() / 8)
        .map(|name| (distance(&word, &name.to_ascii_lowercase()), name))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, name)| distance <= 1 + name.len() / 8)
        .map(|(_, name)| name)
}

/// How many characters have to be put in, taken out, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&above, j) + usize::from(x != y)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(&y) && b.get(j - 1) == Some(&x) {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_keyword_is_listed_twice() {
        let mut names: Vec<String> = HONOURED.iter().map(|&(name, _)| name.to_owned()).collect();
        names.extend(NOT_HONOURED.iter().map(|name| name.to_ascii_lowercase()));
        names.extend(IRRELEVANT.iter().chain(UNSUPPORTED).map(|&name| name.to_owned()));
        names.sort();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn case_does_not_matter() {
        assert_eq!(meaning("HOSTname"), Meaning::Honoured(Keyword::HostName));
        assert_eq!(meaning("macs"), Meaning::NotHonoured("MACs"));
        assert_eq!(meaning("LogLevel"), Meaning::Irrelevant);
        assert_eq!(meaning("Hosntame"), Meaning::Unknown);
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(similar("Hosntame"), Some("hostname"));
        assert_eq!(similar("IdentiyFile"), Some("identityfile"));
        assert_eq!(similar("StrictHostKeyCheking"), Some("stricthostkeychecking"));
        assert_eq!(similar("frobnicate"), None);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
