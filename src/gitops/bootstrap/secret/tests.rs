use super::super::super::github::deploy_key::generate;
use super::*;

const KNOWN: &str = "github.com ecdsa-sha2-nistp256 BBBB\ngithub.com ssh-ed25519 AAAA\n";

fn ssh() -> Login {
    Login::Ssh { host: "github.com".into(), known_hosts: KNOWN.into() }
}

fn token(text: &str) -> Login {
    Login::Token { token: SecretString::from(text), authority: None }
}

fn secret(data: &[(&str, &str)]) -> Value {
    let data: BTreeMap<&str, String> = data.iter().map(|(key, value)| (*key, STANDARD.encode(value))).collect();
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "flux-system", "resourceVersion": "7" }, "data": data })
}

fn decided(existing: Option<&Value>, login: &Login) -> Decided {
    decide(existing, "flux-system/flux-system", login).unwrap()
}

/// The secret that a decision makes, and that the next one leaves alone.
fn settled(existing: Option<&Value>, login: &Login) -> BTreeMap<String, Vec<u8>> {
    let first = decided(existing, login);
    let key = first.wants_key.then(|| generate().unwrap());
    let object = first.object("flux-system", "flux-system", key.as_ref()).unwrap();
    let second = decided(Some(&object), login);
    assert!(!second.is_change(), "{:?}", second.changes);
    assert_eq!(second.public, key.map(|key| key.public).or(first.public));
    data(&object)
}

#[test]
fn a_new_secret_has_a_key_and_all_host_keys() {
    let data = settled(None, &ssh());
    assert_eq!(data.keys().collect::<Vec<_>>(), ["identity", "identity.pub", "known_hosts"]);
    assert_eq!(data["known_hosts"], KNOWN.as_bytes());
    assert!(decided(None, &ssh()).wants_key);
}

#[test]
fn a_key_that_is_there_stays() {
    let key = generate().unwrap();
    let private = key.private.expose_secret();
    let one = secret(&[("identity", private), ("identity.pub", &format!("{} me@lab", key.public)), ("known_hosts", KNOWN)]);
    let kept = decided(Some(&one), &ssh());
    assert!(!kept.is_change() && !kept.wants_key);
    assert_eq!(kept.public.as_ref(), Some(&key.public));
    // another's public half beside it
    let other = secret(&[("identity", private), ("identity.pub", "ssh-ed25519 CCCC"), ("known_hosts", KNOWN)]);
    assert_eq!(settled(Some(&other), &ssh())["identity.pub"], format!("{}\n", key.public).into_bytes());
    let object = decided(Some(&other), &ssh()).object("a", "b", None).unwrap();
    assert_eq!(object["metadata"]["resourceVersion"], "7");
}

#[test]
fn a_renewed_key_is_a_new_one_without_the_old_ones_passphrase() {
    let key = generate().unwrap();
    let old = [("identity", key.private.expose_secret()), ("identity.pub", &key.public), ("known_hosts", KNOWN), ("password", "opens it")];
    let mut renewed = Decided { before: Some(secret(&old)), public: Some(key.public.clone()), ..Decided::default() };
    renewed.renew();
    assert!(renewed.is_change() && renewed.wants_key && renewed.public.is_none());
    let new = generate().unwrap();
    let after = data(&renewed.object("flux-system", "flux-system", Some(&new)).unwrap());
    assert_eq!(after.keys().collect::<Vec<_>>(), ["identity", "identity.pub", "known_hosts"]);
    assert_eq!(after["identity.pub"], format!("{}\n", new.public).into_bytes());
    assert_eq!(after["identity"], new.private.expose_secret().as_bytes());
    // what else was to change still does
    let mut both = decided(Some(&secret(&[("identity", key.private.expose_secret())])), &ssh());
    both.renew();
    assert_eq!(data(&both.object("a", "b", Some(&new)).unwrap())["known_hosts"], KNOWN.as_bytes());
}

#[test]
fn host_keys_are_mended_and_other_hosts_stay() {
    let key = generate().unwrap();
    let known = "# mine\ngit.lab ssh-rsa DDDD\ngithub.com ssh-ed25519 AAAA\ngithub.com ssh-rsa OLD\n";
    let one = secret(&[("identity", key.private.expose_secret()), ("identity.pub", &key.public), ("known_hosts", known)]);
    assert_eq!(decided(Some(&one), &ssh()).changes, ["known_hosts: 1 of 2 of GitHub's host keys -> all 2"]);
    let after = String::from_utf8(settled(Some(&one), &ssh())["known_hosts"].clone()).unwrap();
    assert_eq!(after, format!("# mine\ngit.lab ssh-rsa DDDD\n{KNOWN}"));
    // in another order it is the same
    let turned = "github.com ssh-ed25519 AAAA\ngithub.com ecdsa-sha2-nistp256 BBBB";
    let one = secret(&[("identity", key.private.expose_secret()), ("identity.pub", &key.public), ("known_hosts", turned)]);
    assert!(!decided(Some(&one), &ssh()).is_change());
}

#[test]
fn from_ssh_to_a_token_and_back_nothing_stale_is_left() {
    let key = generate().unwrap();
    let one = secret(&[("identity", key.private.expose_secret()), ("identity.pub", &key.public), ("known_hosts", KNOWN)]);
    let data = settled(Some(&one), &token("ghp_1"));
    assert_eq!(data.keys().collect::<Vec<_>>(), ["password", "username"]);
    let one = secret(&[("username", "git"), ("password", "ghp_1")]);
    assert_eq!(settled(Some(&one), &ssh()).keys().collect::<Vec<_>>(), ["identity", "identity.pub", "known_hosts"]);
    assert_eq!(decided(Some(&one), &token("ghp_2")).changes, ["the token"]);
    assert!(!decided(Some(&one), &token("ghp_1")).is_change());
}

#[test]
fn a_key_that_cannot_be_read_is_not_thrown_away() {
    let one = secret(&[("identity", "no key")]);
    let error = decide(Some(&one), "flux-system/lab", &ssh()).unwrap_err();
    assert_eq!(error.to_string(), "the secret flux-system/lab has an `identity` that is no private key");
    assert_eq!(error.hint(), "`kubectl --namespace flux-system delete secret lab` lets the next run make a new key");
}

#[test]
fn another_way_to_log_in_is_left_to_whoever_made_it() {
    for key in ["githubAppID", "bearerToken"] {
        let one = secret(&[(key, "1")]);
        let decided = decided(Some(&one), &ssh());
        assert!(decided.is_foreign && !decided.is_change() && !decided.wants_key);
    }
}

#[test]
fn nothing_of_it_is_shown() {
    let one = secret(&[("username", "git"), ("password", "ghp_hidden")]);
    let shown = format!("{:?} {:?}", decided(Some(&one), &token("ghp_other")), token("ghp_other"));
    assert!(!shown.contains("ghp_"), "{shown}");
    assert!(!shown.contains(&STANDARD.encode("ghp_hidden")), "{shown}");
}
