//! kube-proxy of a simulated cluster, as one of its control planes has it.

use super::world::{Stop, World};
use crate::node::facts::{KubeProxyState, RunningProxy};
use crate::node::steps::{ConfigureKubeProxy, RollOutKubeProxy};
use crate::plan::Reading;

impl World {
    /// The cluster has kube-proxy with that configuration, before anything happens.
    pub fn add_kube_proxy(&mut self, config: &str, version: &str) {
        let resource_version = "7".to_owned();
        self.kube_proxy = Some(KubeProxyState { resource_version, config: config.into(), rolled_out: None, version: Some(version.into()) });
    }

    /// What its pods were made for last, before anything happens.
    pub fn set_kube_proxy_rolled_out(&mut self, digest: &str) {
        if let Some(proxy) = &mut self.kube_proxy {
            proxy.rolled_out = Some(digest.into());
        }
    }

    /// What runs on this node, before anything happens.
    pub fn set_running_kube_proxy(&mut self, mode: &str, ipvs_services: u32) {
        self.running_kube_proxy = Some(RunningProxy { mode: mode.into(), ipvs_services });
    }

    pub(super) fn kube_proxy_fact(&self) -> Reading {
        if self.content("/etc/kubernetes/admin.conf").is_none() {
            return Reading::unknown("there is no /etc/kubernetes/admin.conf: it is no control plane");
        }
        self.kube_proxy.as_ref().map_or(Reading::Absent, Reading::present)
    }

    pub(super) fn running_kube_proxy_fact(&self) -> Reading {
        self.running_kube_proxy.as_ref().map_or(Reading::Absent, Reading::present)
    }

    pub(super) fn configure_kube_proxy(&mut self, step: &ConfigureKubeProxy) -> Result<(), Stop> {
        let is = self.kube_proxy.as_ref().map(|proxy| proxy.resource_version.clone());
        if is.as_ref() != Some(&step.resource_version) {
            return Err(String::from("Operation cannot be fulfilled: the object has been modified").into());
        }
        if self.tick()?
            && let Some(proxy) = &mut self.kube_proxy
        {
            proxy.config.clone_from(&step.config);
            proxy.resource_version.push('1');
        }
        Ok(())
    }

    pub(super) fn roll_out_kube_proxy(&mut self, step: &RollOutKubeProxy) -> Result<(), Stop> {
        if self.kube_proxy.is_none() {
            return Err(String::from("daemonsets.apps \"kube-proxy\" not found").into());
        }
        if self.tick()?
            && let Some(proxy) = &mut self.kube_proxy
        {
            proxy.rolled_out = Some(step.digest.clone());
        }
        Ok(())
    }
}
