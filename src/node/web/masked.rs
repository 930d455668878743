//! Addresses as they are shown.

/// An address without the password in it.
pub fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (place, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b']');
    // a password with such a character in it ends the server's name too early
    let is_cut = !place.contains('@') && place.rsplit_once(':').is_some_and(|(_, port)| !is_port(port));
    let end = if is_cut { rest.rfind('@') } else { place.rfind('@') };
    match end.and_then(|end| Some((rest.get(..end)?.split_once(':')?.0, rest.get(end..)?))) {
        Some((user, behind)) => format!("{scheme}://{user}:********{behind}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_masked() {
        for (url, expected) in [
            ("https://pat:secret@a/b@c:d", "https://pat:********@a/b@c:d"),
            ("https://pat:se@cret@a:1/b", "https://pat:********@a:1/b"),
            ("https://pat:s/e?cret@a/b", "https://pat:********@a/b"),
            ("https://a/b", "https://a/b"),
            ("https://pat@a:80/b@c:d", "https://pat@a:80/b@c:d"),
            ("http://[::1]/b@c", "http://[::1]/b@c"),
            ("http://a:80/b@c", "http://a:80/b@c"),
        ] {
            assert_eq!(masked(url), expected);
        }
    }
}
