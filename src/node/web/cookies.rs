//! What servers want to be told again: RFC 6265, as far as one question and its redirections go.

use std::collections::BTreeMap;

use super::address::Address;

/// The cookies that were had so far: by host, then by name.
#[derive(Default)]
pub(super) struct Cookies(BTreeMap<String, BTreeMap<String, Cookie>>);

struct Cookie {
    value: String,
    /// Whether nobody may read it on its way.
    is_secure: bool,
}

impl Cookies {
    /// Takes what a server says in `Set-Cookie`.
    pub(super) fn take(&mut self, from: &Address, said: &str) {
        let mut parts = said.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let is_secure = parts.any(|part| part.trim().eq_ignore_ascii_case("secure"));
        // 5.4 of the draft that follows: who could be anybody sets none that others rely on
        if is_secure && !from.is_secure {
            return;
        }
        let cookie = Cookie { value: value.trim().to_owned(), is_secure };
        self.0.entry(from.host.to_ascii_lowercase()).or_default().insert(name.trim().to_owned(), cookie);
    }

    /// What is told a server in `Cookie`.
    pub(super) fn of(&self, to: &Address) -> Option<String> {
        let known = self.0.get(&to.host.to_ascii_lowercase())?;
        let said = known.iter().filter(|(_, cookie)| to.is_secure || !cookie.is_secure);
        let said: Vec<String> = said.map(|(name, cookie)| format!("{name}={}", cookie.value)).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secure_one_never_goes_in_clear() {
        let [secure, clear, other] = ["https://a/", "http://A/", "https://b/"].map(|url| Address::read(url).unwrap());
        let mut cookies = Cookies::default();
        for said in ["s=1; Path=/; Secure", "c = 2 ;HttpOnly", "nothing"] {
            cookies.take(&secure, said);
        }
        cookies.take(&clear, "s=stolen; secure");
        assert_eq!(cookies.of(&secure).as_deref(), Some("c=2; s=1"));
        assert_eq!(cookies.of(&clear).as_deref(), Some("c=2"));
        assert_eq!(cookies.of(&other), None);
    }
}
