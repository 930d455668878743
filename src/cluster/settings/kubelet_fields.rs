//! Fields of KubeletConfiguration (kubelet.config.k8s.io/v1beta1, as in v1.34): the kubelet passes over one that it does not know.

use serde_json::{Value, json};

use super::agree::Check;
use crate::diagnostics::suggestion;

/// The minor version whose fields stand here.
const MINOR: u32 = 34;

/// What this program or kubeadm sets.
pub(super) const OWNED: [(&str, &str); 7] = [
    ("cgroupDriver", "it is systemd, as containerd's"),
    ("clusterDNS", "it is made of `network.services`"),
    ("clusterDomain", "it is `network.domain`"),
    ("featureGates", "they are `feature_gates`"),
    ("apiVersion", "it is kubelet.config.k8s.io/v1beta1"),
    ("kind", "it is KubeletConfiguration"),
    ("staticPodPath", "kubeadm's manifests are there"),
];

pub(super) fn check(check: &mut Check) {
    let settings = check.settings;
    for (name, value) in &settings.kubelet {
        let path = ["kubelet", name.as_str()];
        if let Some((_, why)) = OWNED.iter().find(|(owned, _)| owned == name) {
            check.error(&path, format!("`kubelet.{name}` is not yours to set: {why}"), "take it away");
            continue;
        }
        let Some(kind) = Kind::of(name) else {
            if !check.knows(&["version"]) {
                continue;
            }
            let message = format!("KubeletConfiguration of v1.{MINOR} has no field `{name}`");
            let names = KINDS.iter().flat_map(|(_, names)| names.iter().copied());
            let page = "its fields stand in kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1";
            let hint = suggestion(name, names).unwrap_or_else(|| page.to_owned());
            // another version may have it
            if settings.version.minor > MINOR {
                check.warning(&path, message, &hint);
            } else {
                check.error(&path, message, &hint);
            }
            continue;
        };
        if !kind.takes(value) {
            let (wanted, example) = kind.words();
            check.error(&path, format!("`kubelet.{name}` is {wanted}"), &format!("for example `{name}: {example}`"));
        }
    }
}

/// What a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Truth,
    Number,
    Text,
    Duration,
    List,
    Mapping,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        KINDS.iter().find(|(_, names)| names.contains(&name)).map(|(kind, _)| *kind)
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Truth => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::Text => value.is_string(),
            Self::Duration => value.as_str().is_some_and(|text| duration(text).is_some()),
            Self::List => value.is_array(),
            Self::Mapping => value.is_object(),
        }
    }

    /// For editors.
    pub(super) fn schema(self) -> Value {
        let name = match self {
            Self::Truth => "boolean",
            Self::Number => "number",
            Self::Text => "string",
            Self::Duration => return json!({ "type": "string", "pattern": r"^(0|([0-9.]+(ns|us|µs|ms|s|m|h))+)$" }),
            Self::List => "array",
            Self::Mapping => "object",
        };
        json!({ "type": name })
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Truth => ("true or false", "true"),
            Self::Number => ("a number", "110"),
            Self::Text => ("a text", "'some text'"),
            Self::Duration => ("a duration with its unit", "30s"),
            Self::List => ("a list", "[one, other]"),
            Self::Mapping => ("a mapping", "{memory.available: 200Mi}"),
        }
    }
}

/// Nanoseconds of a duration as Go reads and writes one: `1h30m`, `1.5s`, `0`; none if it is no duration.
pub fn duration(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 7] = [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)];
    let (mut rest, mut total) = (text, 0.0);
    while !rest.is_empty() && text != "0" {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number: f64 = rest.strip_suffix(after)?.parse().ok()?;
        let (unit, nanoseconds) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        total += number * nanoseconds;
        rest = after.strip_prefix(unit)?;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers without a sign; Go's longest is 292 years")]
    (!text.is_empty()).then_some(total as u64)
}

/// The fields, by what they are.
pub(super) const KINDS: [(Kind, &[&str]); 6] = [
    (Kind::Truth, TRUTHS),
    (Kind::Number, NUMBERS),
    (Kind::Text, TEXTS),
    (Kind::Duration, DURATIONS),
    (Kind::List, LISTS),
    (Kind::Mapping, MAPPINGS),
];

const TRUTHS: &[&str] = &[
    "enableServer",
    "rotateCertificates",
    "serverTLSBootstrap",
    "enableDebuggingHandlers",
    "enableContentionProfiling",
    "cgroupsPerQOS",
    "singleProcessOOMKill",
    "runOnce",
    "cpuCFSQuota",
    "serializeImagePulls",
    "mergeDefaultEvictionSettings",
    "enableControllerAttachDetach",
    "protectKernelDefaults",
    "makeIPTablesUtilChains",
    "failSwapOn",
    "kernelMemcgNotification",
    "enableSystemLogHandler",
    "enableSystemLogQuery",
    "enableProfilingHandler",
    "enableDebugFlagsHandler",
    "seccompDefault",
    "registerNode",
    "localStorageCapacityIsolation",
    "failCgroupV1",
];

const NUMBERS: &[&str] = &[
    "port",
    "readOnlyPort",
    "registryPullQPS",
    "registryBurst",
    "eventRecordQPS",
    "eventBurst",
    "healthzPort",
    "oomScoreAdj",
    "nodeLeaseDurationSeconds",
    "imageGCHighThresholdPercent",
    "imageGCLowThresholdPercent",
    "maxPods",
    "podPidsLimit",
    "nodeStatusMaxImages",
    "maxOpenFiles",
    "kubeAPIQPS",
    "kubeAPIBurst",
    "maxParallelImagePulls",
    "evictionMaxPodGracePeriod",
    "podsPerCore",
    "iptablesMasqueradeBit",
    "iptablesDropBit",
    "containerLogMaxFiles",
    "containerLogMaxWorkers",
    "memoryThrottlingFactor",
];

const TEXTS: &[&str] = &[
    "staticPodPath",
    "podLogsDir",
    "staticPodURL",
    "address",
    "tlsCertFile",
    "tlsPrivateKeyFile",
    "tlsMinVersion",
    "imagePullCredentialsVerificationPolicy",
    "healthzBindAddress",
    "clusterDomain",
    "kubeletCgroups",
    "systemCgroups",
    "cgroupRoot",
    "cgroupDriver",
    "cpuManagerPolicy",
    "memoryManagerPolicy",
    "topologyManagerPolicy",
    "topologyManagerScope",
    "hairpinMode",
    "podCIDR",
    "resolvConf",
    "contentType",
    "containerLogMaxSize",
    "configMapAndSecretChangeDetectionStrategy",
    "reservedSystemCPUs",
    "showHiddenMetricsForVersion",
    "systemReservedCgroup",
    "kubeReservedCgroup",
    "volumePluginDir",
    "providerID",
    "containerRuntimeEndpoint",
    "imageServiceEndpoint",
];

const DURATIONS: &[&str] = &[
    "syncFrequency",
    "fileCheckFrequency",
    "httpCheckFrequency",
    "streamingConnectionIdleTimeout",
    "nodeStatusUpdateFrequency",
    "nodeStatusReportFrequency",
    "imageMinimumGCAge",
    "imageMaximumGCAge",
    "volumeStatsAggPeriod",
    "cpuManagerReconcilePeriod",
    "runtimeRequestTimeout",
    "cpuCFSQuotaPeriod",
    "evictionPressureTransitionPeriod",
    "containerLogMonitorInterval",
    "shutdownGracePeriod",
    "shutdownGracePeriodCriticalPods",
];

const LISTS: &[&str] = &[
    "tlsCipherSuites",
    "preloadedImagesVerificationAllowlist",
    "clusterDNS",
    "enforceNodeAllocatable",
    "allowedUnsafeSysctls",
    "shutdownGracePeriodByPodPriority",
    "reservedMemory",
    "registerWithTaints",
];

const MAPPINGS: &[&str] = &[
    "staticPodURLHeader",
    "authentication",
    "authorization",
    "cpuManagerPolicyOptions",
    "topologyManagerPolicyOptions",
    "qosReserved",
    "evictionHard",
    "evictionSoft",
    "evictionSoftGracePeriod",
    "evictionMinimumReclaim",
    "featureGates",
    "memorySwap",
    "systemReserved",
    "kubeReserved",
    "logging",
    "crashLoopBackOff",
    "tracing",
    "userNamespaces",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        let good =
            [("30s", 30_000_000_000), ("1h30m", 5_400_000_000_000), ("1.5s", 1_500_000_000), ("0", 0), ("1h0m0s", 3_600_000_000_000)];
        for (text, nanoseconds) in good {
            assert_eq!(duration(text), Some(nanoseconds), "{text}");
        }
        for text in ["30", "", "s", "1d", "5m x", "1.2.3s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
