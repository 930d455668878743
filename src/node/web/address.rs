//! Addresses of what servers have, as far as HTTP goes: RFC 3986.

/// `http://user:password@host:port/path?query`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Whether it is `https`.
    pub(super) is_secure: bool,
    /// Name and password.
    pub(super) user: Option<(String, String)>,
    /// The server, without the brackets of an IPv6 address.
    pub(super) host: String,
    /// Its port, if it is named.
    port: Option<u16>,
    /// Path and query, which begin with `/`.
    pub(super) path: String,
}

impl Address {
    /// Reads one.
    pub(super) fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (place, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, place) = match place.rsplit_once('@') {
            Some((user, place)) => {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                (Some((decoded(name), decoded(password))), place)
            }
            None => (None, place),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(inside) => {
                let (host, behind) = inside.split_once(']')?;
                (host, behind.strip_prefix(':'))
            }
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = port.filter(|port| !port.is_empty()).map(|port| port.parse().ok()).map_or(Some(None), |port| port.map(Some))?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        (!host.is_empty()).then(|| Self { is_secure, user, host: host.to_owned(), port, path })
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(if self.is_secure { 443 } else { 80 })
    }

    /// As it stands in `Host:`.
    pub(super) fn place(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        self.port.map_or(host.clone(), |port| format!("{host}:{port}"))
    }

    /// The whole of it, as a proxy wants it.
    pub(super) fn whole(&self) -> String {
        format!("{}://{}{}", if self.is_secure { "https" } else { "http" }, self.place(), self.path)
    }

    /// Whether both lead to the same server.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        (self.is_secure, &self.host, self.port()) == (other.is_secure, &other.host, other.port())
    }

    /// Where a server sends us on to, from here.
    pub(super) fn joined(&self, place: &str) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        if place.split_once(':').is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            return place.to_owned();
        }
        if let Some(place) = place.strip_prefix("//") {
            return format!("{scheme}://{place}");
        }
        let path = self.path.split('?').next().unwrap_or_default();
        let (place, behind) = place.split_at(place.find(['?', '#']).unwrap_or(place.len()));
        let path = match place {
            "" => path.to_owned(),
            place if place.starts_with('/') => without_dots(place),
            place => without_dots(&format!("{}/{place}", path.rsplit_once('/').map_or("", |(above, _)| above))),
        };
        format!("{scheme}://{}{path}{behind}", self.place())
    }
}

/// A place as it may stand in a question, if a server left blanks or letters beyond ASCII as they are.
pub(super) fn encoded(place: &[u8]) -> String {
    let one = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    place.trim_ascii().iter().map(one).collect()
}

/// RFC 3986, 5.2.4.
fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let names: Vec<&str> = path.split('/').skip(1).collect();
    for (number, name) in names.iter().enumerate() {
        let is_last = number + 1 == names.len();
        match *name {
            "." | ".." => {
                if *name == ".." {
                    parts.pop();
                }
                if is_last {
                    parts.push("");
                }
            }
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

/// With `%41` as `A`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let address = Address::read("HTTPS://pat:s%40x@Server:8443/a/b?c=d#e").unwrap();
        assert_eq!(address.user, Some(("pat".into(), "s@x".into())));
        assert_eq!((address.place().as_str(), address.path.as_str(), address.port()), ("Server:8443", "/a/b?c=d", 8443));
        let six = Address::read("http://[fd00::1]?x").unwrap();
        assert_eq!((six.host.as_str(), six.port(), six.whole().as_str()), ("fd00::1", 80, "http://[fd00::1]/?x"));
        for bad in ["ftp://a/b", "a/b", "http://", "http://a:b/", "http://[fd00::1/"] {
            assert_eq!(Address::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn places_are_encoded_where_they_are_not() {
        assert_eq!(encoded(" /a b/\u{fc}%20?c=d#e ".as_bytes()), "/a%20b/%C3%BC%20?c=d#e");
    }

    #[test]
    fn places_are_relative_to_where_one_is() {
        let here = Address::read("http://a:81/b/c/d?q").unwrap();
        for (place, wanted) in [
            ("g", "http://a:81/b/c/g"),
            ("../g?x=../y", "http://a:81/b/g?x=../y"),
            ("/g/./h/..", "http://a:81/g/"),
            ("//other/x", "http://other/x"),
            ("https://x", "https://x"),
            ("?y", "http://a:81/b/c/d?y"),
        ] {
            assert_eq!(here.joined(place), wanted, "{place}");
        }
        assert!(here.is_at(&Address::read("http://a:81").unwrap()) && !here.is_at(&Address::read("https://a:81").unwrap()));
    }
}
