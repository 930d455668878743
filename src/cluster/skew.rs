//! Which versions of Kubernetes may stand beside each other (its version skew policy).

use super::settings::KubernetesVersion;

/// How many minor versions a kubelet may be older than the API server.
const KUBELET_BEHIND: u32 = 3;
/// How many minor versions kubeadm may be away from the cluster that it joins a machine to.
const KUBEADM_APART: u32 = 1;

/// Why a machine with kubelet and kubeadm of the version `wanted` is none for a cluster whose API servers have these; none if it is.
///
/// Only minor versions count. While some of the API servers are upgraded, the oldest of them bounds a kubelet from above.
pub fn refused(wanted: KubernetesVersion, api_servers: &[KubernetesVersion]) -> Option<String> {
    let (oldest, newest) = (api_servers.iter().min()?, api_servers.iter().max()?);
    if wanted.minor > oldest.minor {
        return Some(format!("kubelet {wanted} would be newer than the cluster's API server {oldest}, which it must not be"));
    }
    if newest.minor - wanted.minor > KUBELET_BEHIND {
        return Some(format!("kubelet {wanted} is more than {KUBELET_BEHIND} minor versions older than the cluster's API server {newest}"));
    }
    (newest.minor - wanted.minor > KUBEADM_APART)
        .then(|| format!("kubeadm {wanted} is more than {KUBEADM_APART} minor version older than the cluster ({newest})"))
}

/// The version of the API server in the manifest that kubeadm wrote for it; none if its image names none.
pub fn of_manifest(text: &str) -> Option<KubernetesVersion> {
    let image = text.lines().find_map(|line| line.trim().trim_start_matches("- ").strip_prefix("image:"))?;
    let name = image.trim().trim_matches(['"', '\'']).rsplit('/').next()?;
    KubernetesVersion::parse(name.strip_prefix("kube-apiserver:")?.split('@').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> KubernetesVersion {
        KubernetesVersion::parse(text).unwrap()
    }

    #[test]
    fn what_may_stand_beside_what() {
        let refused = |wanted: &str, others: &[&str]| refused(version(wanted), &others.iter().map(|one| version(one)).collect::<Vec<_>>());
        assert_eq!(refused("1.34.2", &[]), None);
        assert_eq!(refused("1.34.2", &["1.34.0"]), None);
        assert_eq!(refused("1.33.9", &["1.34.0"]), None);
        for (wanted, others, why) in [
            ("1.34.2", ["1.34.2", "1.33.5"], "newer than the cluster's API server v1.33.5"),
            ("1.30.0", ["1.34.2", "1.34.2"], "kubelet v1.30.0 is more than 3 minor versions older"),
            ("1.32.0", ["1.33.2", "1.34.2"], "kubeadm v1.32.0 is more than 1 minor version older"),
        ] {
            let is = refused(wanted, &others).unwrap();
            assert!(is.contains(why), "{is}");
        }
    }

    #[test]
    fn a_manifest_names_its_version_or_not() {
        let manifest = |image: &str| format!("spec:\n  containers:\n  - command:\n    - kube-apiserver\n    image: {image}\n");
        assert_eq!(of_manifest(&manifest("registry.k8s.io/kube-apiserver:v1.34.2")), Some(version("1.34.2")));
        assert_eq!(of_manifest(&manifest("\"mirror.lan:5000/kube-apiserver:v1.33.1@sha256:00\"")), Some(version("1.33.1")));
        assert_eq!(of_manifest(&manifest("mirror.lan:5000/kube-apiserver@sha256:00")), None);
        assert_eq!(of_manifest("kind: Pod\n"), None);
    }
}
