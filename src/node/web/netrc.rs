//! Names and passwords of ~/.netrc.

/// Name and password for a host.
pub(super) fn login(netrc: &str, host: &str) -> Option<(String, String)> {
    let words = netrc.lines().flat_map(|line| line.split_whitespace().take_while(|word| !word.starts_with('#')));
    let (mut is_ours, mut name, mut password) = (false, None, String::new());
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        match word {
            // of several the first counts
            "machine" | "default" if is_ours && name.is_some() => break,
            "machine" => (is_ours, name, password) = (words.next() == Some(host), None, String::new()),
            "default" => (is_ours, name, password) = (true, None, String::new()),
            "login" if is_ours => name = words.next(),
            "password" if is_ours => password = words.next().unwrap_or_default().to_owned(),
            _ => {}
        }
    }
    name.filter(|_| is_ours).map(|name| (name.to_owned(), password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_fits() {
        let netrc = "machine a login x\n password p # not this\nmachine b login y password q\ndefault login z password r\n";
        for (host, wanted) in [("a", ("x", "p")), ("b", ("y", "q")), ("c", ("z", "r"))] {
            assert_eq!(login(netrc, host), Some((wanted.0.into(), wanted.1.into())), "{host}");
        }
        assert_eq!(login("machine a login x password p", "b"), None);
    }
}
