//! How Flux logs in: a key, a secret or a token that is not as it shall be is mended, with a commit only where a file says otherwise.

use super::lab::Lab;
use super::now::{FOLDER, Now, committed, sorted};
use crate::testbed::Bed;
use serde_json::json;

const SSH: &str = "ssh://git@github.com/wbyc/lab";
const HTTPS: &str = "https://github.com/wbyc/lab.git";

#[test]
fn what_flux_logs_in_by_is_mended() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    lab.done(&[]);
    let first = Now::followed(&lab);
    assert_eq!((first.url.as_str(), first.commits), (SSH, 2));
    assert_eq!(first.holds(), ["identity", "identity.pub", "known_hosts"]);
    let [(key, true)] = first.keys.as_slice() else { panic!("{:?}", first.keys) };
    assert!(first.secret["identity.pub"].starts_with(key.as_str()), "{first:?}");

    // the deploy key was deleted at GitHub, and Flux knows: the same one again
    lab.hub.with(|state| state.repos.get_mut("wbyc/lab").unwrap().keys.clear());
    lab.refused_by_github("deleted");
    let told = lab.again(&[]);
    assert!(told.out.contains("is added, read-only") && told.out.contains("no commit"), "{}", told.out);
    assert_eq!(Now::followed(&lab), first);

    // it may write once that is said, until it is said that it may not
    lab.again(&["--read-write-key"]);
    assert_eq!(Now::followed(&lab), Now { keys: vec![(key.clone(), false)], ..first.clone() });
    assert!(lab.again(&[]).out.contains("present, read and write"));
    let told = lab.again(&["--read-write-key=false"]);
    assert!(told.out.contains("is replaced, read-only"), "{}", told.out);
    assert_eq!(Now::followed(&lab), first);

    // one host key, as the Flux CLI leaves it, and somebody else's host
    let hosts: Vec<&str> = lab.ssh.known_hosts().lines().collect();
    let theirs = hosts[0].replace("github.com", "gitea.lan");
    let one = format!("{theirs}\n{}\n", hosts[1]);
    lab.patch("secret/flux-system", &json!({"stringData": {"known_hosts": one}}));
    let told = lab.again(&[]);
    assert!(told.out.contains("known_hosts: 1 of 3 of GitHub's host keys -> all 3"), "{}", told.out);
    let mended = Now::followed(&lab);
    assert_eq!(mended.secret["known_hosts"], sorted(&format!("{theirs}\n{}", lab.ssh.known_hosts())));
    assert_eq!(mended.secret["identity"], first.secret["identity"]);
    assert_eq!((&mended.head, &mended.keys), (&first.head, &first.keys));

    // the secret was deleted: a new key in the place of the old
    lab.kubectl(&["delete", "secret", "flux-system"]);
    lab.again(&[]);
    let renewed = Now::followed(&lab);
    assert_eq!((&renewed.head, renewed.keys.len(), renewed.holds()), (&first.head, 1, first.holds()));
    assert_ne!(renewed.keys, first.keys);
    assert!(renewed.secret["identity.pub"].starts_with(&renewed.keys[0].0), "{renewed:?}");
    lab.hub.assert_described();
}

#[test]
fn a_key_gives_way_to_a_token_and_a_token_to_a_key() {
    let bed = Bed::new().unwrap();
    let lab = Lab::new(&bed);
    lab.done(&[]);
    let first = Now::followed(&lab);
    let dir = lab.hub.dir("wbyc/lab");

    let told = lab.again(&["--token-auth"]);
    // it is the same repository
    assert!(!told.out.contains("no more"), "{}", told.out);
    let token = Now::followed(&lab);
    assert_eq!((token.url.as_str(), token.commits, token.holds()), (HTTPS, first.commits + 1, vec!["password", "username"]));
    assert_eq!(token.secret["password"], lab.hub.with(|state| state.token.clone()));
    assert_eq!(committed(&dir, "main"), [format!("{FOLDER}/gotk-sync.yaml")]);

    // nobody says it again: it stays so
    let told = lab.again(&[]);
    assert!(told.out.contains("no commit") && told.out.contains("objects as they shall be"), "{}", told.out);
    assert_eq!(Now::followed(&lab), token);

    // another token, and GitHub no longer takes the one that Flux has
    lab.hub.with(|state| state.token = "ghp_new-and-nobodys-business".into());
    lab.refused_by_github("rotated");
    let told = lab.again_by("ghp_new-and-nobodys-business", &[]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(!format!("{}{}", told.out, told.err).contains("nobodys"), "{told:?}");
    let rotated = Now::followed(&lab);
    assert_eq!(rotated.secret["password"], "ghp_new-and-nobodys-business");
    assert_eq!((&rotated.head, rotated.holds()), (&token.head, token.holds()));

    let told = lab.again_by("ghp_new-and-nobodys-business", &["--token-auth=false"]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(told.out.contains("is replaced, read-only") && !told.out.contains("of another cluster"), "{}", told.out);
    let key = Now::followed(&lab);
    assert_eq!((key.url.as_str(), key.commits, key.holds()), (SSH, token.commits + 1, first.holds()));
    assert_eq!(committed(&dir, "main"), [format!("{FOLDER}/gotk-sync.yaml")]);
    // the key from before went with the secret: at GitHub there is only the new one
    assert_eq!(key.keys, [(key.secret["identity.pub"].trim().to_owned(), true)]);
    lab.hub.assert_described();
}
