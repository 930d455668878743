//! The cluster: what a person wants of it, what kubeadm makes of that, and what is there.

pub mod certificate;
pub mod cni;
pub mod etcd_snapshot;
pub mod known;
pub mod kube_proxy;
pub mod kube_vip;
pub mod kubeadm_config;
pub mod kubeconfig;
pub mod live;
pub mod membership;
pub mod preflight;
pub mod settings;
pub mod skew;
pub mod status;
