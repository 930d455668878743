//! `password_hash`: what a login compares a password with (SHA-crypt).

use sha2::{Digest, Sha256, Sha512};

use super::super::fault::{Outcome, fail, fail_hint, shown};
use super::super::run::Run;
use super::super::spec::{Given, Spec, spec};
use super::super::value::V;

pub(super) const TABLE: &[Spec] = &[spec("password_hash", &["hashtype", "salt", "salt_size", "rounds", "ident"], password_hash)];

/// crypt's own digits, of which salts are made as well.
const ALPHABET: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn password_hash(given: &Given) -> Outcome<V> {
    let size = match given.arg(2) {
        None | Some(V::None) => 16,
        Some(size) => match size.as_int().map(usize::try_from) {
            Some(Ok(size)) if size <= 16 => size,
            Some(_) => return fail("could not hash the secret: the salt has at most 16 characters"),
            None => return fail("salt_size must be an integer"),
        },
    };
    let salt = match given.text(1)?.filter(|salt| !salt.is_empty()) {
        Some(salt) => salt,
        None => made_salt(size),
    };
    let rounds = given.arg(3).map(|_| given.size(3, 0)).transpose()?.filter(|rounds| *rounds > 0);
    hashed(given.run, &given.own_text()?, &given.text_or(0, "sha512")?, &salt, rounds).map(V::from)
}

/// A salt that nobody has: with it the same password gives another hash each time.
pub(in super::super) fn made_salt(size: usize) -> String {
    (0..size.min(16)).filter_map(|_| ALPHABET.get(rand::random_range(0..ALPHABET.len()))).map(|b| char::from(*b)).collect()
}

/// A password's hash, with as many rounds as Ansible takes if nothing is said.
pub(in super::super) fn hashed(run: &Run, password: &str, kind: &str, salt: &str, rounds: Option<usize>) -> Outcome<String> {
    let (id, usual) = match kind {
        "sha512" | "sha512_crypt" => ('6', 656_000),
        "sha256" | "sha256_crypt" => ('5', 535_000),
        other => {
            let why = format!("{} is not in the list of supported passlib algorithms", shown(other));
            return fail_hint(why, "there are sha512 and sha256");
        }
    };
    if salt.len() > 16 || !salt.chars().all(|c| c.is_ascii_alphanumeric() || "./".contains(c)) {
        return fail("the salt has at most 16 letters, digits, dots and slashes");
    }
    let rounds = rounds.unwrap_or(usual);
    if !(1000..=999_999_999).contains(&rounds) {
        return fail("could not hash the secret: `rounds` is a number from 1000 on");
    }
    run.spend(rounds as u64 / 8)?;
    run.bytes(password.len().saturating_mul(password.len()))?;
    let digest = match id {
        '6' => crypt::<Sha512>(password.as_bytes(), salt.as_bytes(), rounds),
        _ => crypt::<Sha256>(password.as_bytes(), salt.as_bytes(), rounds),
    };
    // five thousand is what everybody assumes where nothing is said
    let told = if rounds == 5000 { String::new() } else { format!("rounds={rounds}$") };
    Ok(format!("${id}${told}{salt}${}", text(&digest)))
}

fn digest<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = D::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().as_slice().to_vec()
}

/// As many bytes as wanted, by repeating some.
fn repeated(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(length).collect()
}

/// <https://www.akkadia.org/drepper/SHA-crypt.txt>
fn crypt<D: Digest>(key: &[u8], salt: &[u8], rounds: usize) -> Vec<u8> {
    let other = digest::<D>(&[key, salt, key]);
    let mut first = D::new();
    first.update(key);
    first.update(salt);
    first.update(repeated(&other, key.len()));
    let mut length = key.len();
    while length > 0 {
        if length & 1 == 1 {
            first.update(&other)
        } else {
            first.update(key)
        }
        length >>= 1;
    }
    let mut result = first.finalize().as_slice().to_vec();
    let keys = repeated(&digest::<D>(&[&key.repeat(key.len())]), key.len());
    let salts = salt.repeat(16 + usize::from(result.first().copied().unwrap_or(0)));
    let salts = repeated(&digest::<D>(&[&salts]), salt.len());
    for round in 0..rounds {
        let odd = round % 2 == 1;
        let mut next = D::new();
        next.update(if odd { &keys } else { &result });
        if round % 3 != 0 {
            next.update(&salts);
        }
        if round % 7 != 0 {
            next.update(&keys);
        }
        next.update(if odd { &result } else { &keys });
        result = next.finalize().as_slice().to_vec();
    }
    result
}

/// The bytes in crypt's own order and alphabet.
fn text(digest: &[u8]) -> String {
    let byte = |at: usize| digest.get(at).copied().map_or(0, u32::from);
    let mut out = String::new();
    let mut write = |mut bits: u32, letters: usize| {
        for _ in 0..letters {
            out.extend(ALPHABET.get((bits & 63) as usize).copied().map(char::from));
            bits >>= 6;
        }
    };
    let third = digest.len() / 3;
    for group in 0..third {
        let mut bytes = [byte(group), byte(group + third), byte(group + 2 * third)];
        bytes.rotate_left(if digest.len() == 64 { group % 3 } else { 2 * group % 3 });
        let [high, middle, low] = bytes;
        write(high << 16 | middle << 8 | low, 4);
    }
    if digest.len() == 64 {
        write(byte(63), 2)
    } else {
        write(byte(31) << 8 | byte(30), 3)
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_libc_makes_them() {
        let long = "a much longer päss phrase than one block of the digest can hold, really ".repeat(2);
        for (key, salt, rounds, sha512, expected) in VECTORS {
            let key = if *key == "long" { &long } else { *key };
            let digest = if *sha512 {
                crypt::<Sha512>(key.as_bytes(), salt.as_bytes(), *rounds)
            } else {
                crypt::<Sha256>(key.as_bytes(), salt.as_bytes(), *rounds)
            };
            assert_eq!(text(&digest), *expected, "{key}");
        }
    }

    #[test]
    fn a_salt_that_is_not_given_is_drawn() {
        let decrypt: crate::template::Decrypt = std::sync::Arc::new(|_| Err((String::new(), String::new())));
        let engine = crate::template::Engine::new(crate::template::Surroundings {
            env: std::collections::BTreeMap::new(),
            dir: ".".into(),
            home: ".".into(),
            decrypt,
            from_yaml: None,
            programs: false,
        });
        let hash = |text: &str| {
            let source = crate::diagnostics::Source::new("t", text);
            let node = crate::yaml::Node::new(text, source.whole());
            let scope = std::sync::Arc::new(std::collections::BTreeMap::<String, crate::yaml::Node>::new());
            engine.render(&node, scope).unwrap().as_str().unwrap().to_owned()
        };
        let (first, second) = (hash("{{ 'x' | password_hash(rounds=1000) }}"), hash("{{ 'x' | password_hash(rounds=1000) }}"));
        assert!(first != second && first.len() == "$6$rounds=1000$".len() + 16 + 1 + 86, "{first} {second}");
        let salt: Vec<String> =
            hash("{{ 'x' | password_hash('sha256', salt_size=8, rounds=5000) }}").split('$').map(str::to_owned).collect();
        assert_eq!(salt[2].len(), 8, "{salt:?}");
    }

    const VECTORS: &[(&str, &str, usize, bool, &str)] = &[
        ("secret", "saltsalt", 5000, true, "TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1"),
        ("secret", "saltsalt", 1000, true, "LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/"),
        ("secret", "saltsalt", 5000, false, "0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA"),
        ("long", "0123456789abcdef", 1003, true, "1wWx1wCCIO4bdQsT9pi6AD0u8drK0kkrOlBBb.Hsqa7T6dHB4vc2MwGDEdk5dtbYBm/E1DTTk3m1PafFnbT5z0"),
        ("", "x", 1000, false, "kIBhdUvT3pHpfTjzR8s1XJu3y/HRJeFxMSffBtF8jx9"),
        ("long", "a/.b", 1001, false, "FbyHr2fqGnizHE/Tw.PeYs5ncYkmYq8Cd5o4XAiP3R."),
    ];
}
