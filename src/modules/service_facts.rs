//! `ansible.builtin.service_facts`

use serde_json::Map;

use super::{Act, Decision, Module, Spec, Task};
use crate::node::facts::Services;
use crate::plan::{Facts, Stop};

/// What services there are, as the fact `services`.
#[derive(Debug)]
pub struct ServiceFacts;

static SPEC: Spec = Spec {
    about: "Tells what services there are and whether they run, as the fact `services`",
    notes: &["Services of systemd and init scripts are told of; those of other service managers are not."],
    example: "- name: what runs\n  ansible.builtin.service_facts:\n\n- name: only where it runs\n  ansible.builtin.debug:\n    msg: chrony \
              runs\n  when: ansible_facts.services['chrony.service'].state | default('') == 'running'\n",
    ..Spec::new("ansible.builtin", "service_facts")
};

impl Module for ServiceFacts {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, _task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let services = facts.get(Services)?.unwrap_or_default();
        if services.is_empty() {
            let why = "Failed to find any services. This can be due to privileges or some other configuration issue.";
            return Ok(Decision { act: Act::Skip(why.into()), ..Decision::unchanged() });
        }
        let services = serde_json::to_value(services).unwrap_or_default();
        Ok(Decision::unchanged().with("ansible_facts", Map::from_iter([("services".to_owned(), services)])))
    }
}
