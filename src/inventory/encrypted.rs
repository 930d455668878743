//! Encrypted values that no password can open.

use super::data::Inventory;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::yaml::{Keys, Value, VaultError};

/// Says which are damaged. They are not opened: that takes time, and a run may not need them.
pub(super) fn check(inventory: &Inventory, keys: &Keys, problems: &mut Diagnostics) {
    for variable in inventory.all_variables() {
        variable.value.each(&mut |node| {
            let Value::Vault(text) = &node.value else { return };
            if let Err(error @ VaultError::Format(_)) = keys.look(text) {
                let message = if text.trim_start().starts_with("$ANSIBLE_VAULT") {
                    format!("this cannot be decrypted: {error}")
                } else {
                    "what stands behind this `!vault` is not encrypted".to_owned()
                };
                let hint = format!("encrypt it: `ansible-vault encrypt_string --name {}`", variable.name);
                problems.push(Diagnostic::error(message).at(node.place.clone()).hint(hint));
            }
        });
    }
}
