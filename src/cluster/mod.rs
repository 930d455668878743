//! The cluster: what a person wants of it, and what kubeadm makes of that.

pub mod certificate;
pub mod kube_proxy;
pub mod kubeadm_config;
pub mod membership;
pub mod settings;
