//! The table of all settings.

use super::field::{Field, Kind, Shape};

const WORDS: Kind = Kind::List(&Kind::Text(Shape::Any));
const GROUPS: Kind = Kind::List(&Kind::Text(Shape::Any));
/// Arguments of a program, by their names without the hyphens.
const ARGUMENTS: Kind = Kind::Map(Shape::Any, &Kind::Text(Shape::Any));
const OF_CERTIFICATES: &str = "every certificate and kubeconfig of the cluster carries it";
const BY_JOIN: &str = "each control plane's manifests were written when it joined; `kubeadm init phase control-plane` writes them anew";
const STAYS: &str = "one that is no longer named stays on its Node";
const OF_ROLES: &str = "a host that is no longer named stays a node, and one that would become the other kind is refused";
const OF_PODS: &str = "what runs in the cluster has addresses of it";

/// What `cluster` may hold.
pub static SETTINGS: &[Field] = &[
    Field::new("name", Kind::Text(Shape::Label))
        .required()
        .fixed("kubeconfigs and the GitOps repository name it")
        .about("What the cluster is called"),
    Field::new("version", Kind::Text(Shape::Kubernetes))
        .default("v1.34.2")
        .fixed("an upgrade is more than another package: control planes first, one minor version at a time")
        .about("Version of Kubernetes"),
    Field::parts("endpoint", ENDPOINT).required().about("Where the API is reached, whichever control plane is up"),
    Field::parts("network", NETWORK).about("Addresses of pods and services"),
    Field::parts("cni", CNI).about("What connects pods across nodes"),
    Field::parts("kube_proxy", KUBE_PROXY).about("What leads from a service's address to its pods"),
    Field::parts("groups", GROUPS_OF_HOSTS).about("Groups of the inventory that the nodes are in"),
    Field::new("labels", Kind::Map(Shape::Any, &Kind::Map(Shape::LabelKey, &Kind::Text(Shape::LabelValue))))
        .note(STAYS)
        .about("Labels of nodes, by host or group"),
    Field::new("taints", Kind::Map(Shape::Any, &Kind::List(&Kind::Text(Shape::Taint))))
        .note(STAYS)
        .about("Taints of nodes, by host or group; a control plane that is named here has these instead of kubeadm's own"),
    Field::new("kubelet", Kind::Free)
        .drift("each node took it from the cluster when it joined; the ConfigMap kubelet-config and `kubeadm upgrade node phase kubelet-config` change it")
        .about("Fields of KubeletConfiguration, as its documentation names them"),
    Field::new("feature_gates", Kind::Map(Shape::Any, &Kind::Bool))
        .drift("they stand in each control plane's manifests, in the ConfigMaps and on every node, and have to change together")
        .about("Feature gates of all components"),
    Field::new("extra_arguments", Kind::Fields(ARGUMENTS_OF)).drift(BY_JOIN).about("Arguments of the control plane's programs, without hyphens"),
    Field::new("certificate_names", Kind::List(&Kind::Text(Shape::CertificateName)))
        .drift("each control plane's certificate was made when it joined; `kubeadm init phase certs apiserver` makes it anew")
        .about("Further names and addresses that the API's certificate is good for"),
    Field::new("registry_mirrors", Kind::Map(Shape::Registry, &Kind::List(&Kind::Text(Shape::Url))))
        .about("Where containerd asks first for images of a registry"),
    Field::new("image_bundle", Kind::Text(Shape::File)).about("Archive of images for machines that reach no registry"),
    Field::new("ignore_preflight_errors", WORDS).about("Checks of kubeadm's and of preflight's that may fail, by their names"),
    Field::parts("packages", PACKAGES).about("Where kubelet, kubeadm and kubectl come from"),
];

static ENDPOINT: &[Field] = &[
    Field::new("host", Kind::Text(Shape::HostOrAddress))
        .required()
        .fixed(OF_CERTIFICATES)
        .about("Name or address that nodes and people use"),
    Field::new("port", Kind::Whole(1, 65535)).default("6443").fixed(OF_CERTIFICATES).about("Port of the API behind it"),
    Field::new("served_by", Kind::Choice(&["external", "kube-vip"]))
        .required()
        .drift("a kube-vip that is missing is put up; one that is no longer wanted goes on until its manifest is taken away")
        .about("Who brings it to a control plane that is up: something of yours (external), or kube-vip on the control planes"),
    Field::new("address", Kind::Text(Shape::Address))
        .fixed(OF_CERTIFICATES)
        .about("Virtual address that kube-vip holds; `host` if that is one"),
    Field::new("version", Kind::Text(Shape::Version))
        .default("1.0.0")
        .drift("a new one that does not come up takes the endpoint with it; change `image` in kube-vip.yaml, one control plane after the other")
        .about("Version of kube-vip"),
];

static NETWORK: &[Field] = &[
    Field::new("pods", Kind::Text(Shape::Network)).default("10.244.0.0/16").fixed(OF_PODS).about("Network of the pods"),
    Field::new("services", Kind::Text(Shape::Network)).default("10.96.0.0/12").fixed(OF_PODS).about("Network of the services"),
    Field::new("domain", Kind::Text(Shape::Host))
        .default("cluster.local")
        .fixed("programs in the cluster have it in their settings")
        .about("Domain of services"),
];

static CNI: &[Field] = &[
    Field::new("name", Kind::Choice(&["cilium", "flannel", "manifest", "none"]))
        .default("cilium")
        .fixed("pods keep the addresses that another one gave them until each was made anew")
        .about("Which one"),
    Field::new("version", Kind::Text(Shape::Version)).about("Version of Cilium's chart or of flannel; a tested one if not given"),
    Field::new("values", Kind::Free).about("Values of Cilium's chart, over those that this program gives"),
    Field::new("manifest", Kind::Text(Shape::File)).about("Objects to apply, with `name: manifest`"),
];

static KUBE_PROXY: &[Field] = &[
    Field::new("mode", Kind::Choice(&["ipvs", "iptables", "nftables"])).default("ipvs").about("How packets are led"),
    Field::new("strict_arp", Kind::Bool)
        .default("true")
        .about("Whether a node answers ARP for its own addresses only, as MetalLB wants it with IPVS"),
    Field::new("scheduler", Kind::Choice(&["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "mh"]))
        .default("rr")
        .about("How IPVS chooses a pod"),
];

static GROUPS_OF_HOSTS: &[Field] = &[
    Field::new("control_planes", GROUPS)
        .default("[masters, kube_control_plane]")
        .note(OF_ROLES)
        .about("Groups whose hosts are control planes"),
    Field::new("workers", GROUPS).default("[workers, kube_node]").note(OF_ROLES).about("Groups whose hosts are workers"),
];

static ARGUMENTS_OF: &[Field] = &[
    Field::new("api_server", ARGUMENTS).drift(BY_JOIN).about("Of kube-apiserver"),
    Field::new("controller_manager", ARGUMENTS).drift(BY_JOIN).about("Of kube-controller-manager"),
    Field::new("scheduler", ARGUMENTS).drift(BY_JOIN).about("Of kube-scheduler"),
    Field::new("etcd", ARGUMENTS).drift(BY_JOIN).about("Of etcd"),
    Field::new("kubelet", ARGUMENTS)
        .drift("it stands in /var/lib/kubelet/kubeadm-flags.env of each node since it joined, and is read there")
        .about("Of every kubelet"),
];

static PACKAGES: &[Field] = &[
    Field::new("url", Kind::Text(Shape::Url))
        .default("https://pkgs.k8s.io/core:/stable:/{minor}/deb/")
        .about("Address of the repository; `{minor}` is the minor version, `v1.34`"),
    Field::new("key", Kind::Text(Shape::Any))
        .default("https://pkgs.k8s.io/core:/stable:/{minor}/deb/Release.key")
        .about("Its key: an address or a file"),
];
