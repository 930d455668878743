//! Filters for any value: defaults, truth, types.

use super::super::convert;
use super::super::fault::{Fault, Names, Outcome};
use super::super::spec::{Given, Spec, lenient, spec};
use super::super::value::V;

pub(super) const TABLE: &[Spec] = &[
    // Ansible's own tests ask for values as they are once they leave a template
    spec("ansible._protomatter.finalize", &[], |given| convert::listed(given.run, given.value)),
    lenient("default", &["default_value", "boolean"], default),
    lenient("d", &["default_value", "boolean"], default),
    lenient("mandatory", &["msg"], mandatory),
    lenient("ternary", &["true_val", "false_val", "none_val"], ternary),
    spec("attr", &["name"], attr),
    lenient("type_debug", &[], type_debug),
    spec("bool", &[], boolean),
    spec("string", &[], string),
];

/// A value by its name, as `value.name` reads it.
fn attr(given: &Given) -> Outcome<V> {
    let name = given.need(0, "a name")?;
    Ok(given.run.get(given.value, name)?.unwrap_or_else(|| {
        let fault = Fault::undefined(format!("{} has no such name", given.value.kind()));
        V::Undefined(std::rc::Rc::new(fault))
    }))
}

fn default(given: &Given) -> Outcome<V> {
    let missing = match given.value {
        V::Undefined(fault) => !fault.blank,
        value => given.flag(1, false) && !value.truth(),
    };
    Ok(if missing { given.arg(0).cloned().unwrap_or_else(|| V::from("")) } else { given.value.clone() })
}

fn mandatory(given: &Given) -> Outcome<V> {
    match given.value {
        V::Undefined(fault) => {
            // whoever wrote the message means it to be read; `default` cannot help any more
            let mut fault: Fault = (**fault).clone();
            fault.undefined = false;
            match (given.text(0)?, &fault.wanted) {
                (Some(message), _) => fault.message = message,
                (None, Some((name, Names::Variables))) => fault.message = format!("mandatory variable `{name}` is not defined"),
                (None, _) => {}
            }
            Err(Box::new(fault))
        }
        value => Ok(value.clone()),
    }
}

fn ternary(given: &Given) -> Outcome<V> {
    let value = match given.value {
        V::Undefined(fault) => return Err(Box::new((**fault).clone())),
        value => value,
    };
    let (yes, no) = (given.need(0, "two values")?, given.need(1, "two values")?);
    Ok(match (value, given.arg(2)) {
        (V::None, Some(none)) if !matches!(none, V::None) => none.clone(),
        (value, _) => if value.truth() { yes } else { no }.clone(),
    })
}

fn type_debug(given: &Given) -> Outcome<V> {
    Ok(V::from(given.value.python_type()))
}

#[allow(clippy::float_cmp)]
fn boolean(given: &Given) -> Outcome<V> {
    Ok(V::Bool(match given.value {
        V::Bool(truth) => *truth,
        V::Int(number) => *number == 1,
        V::Float(number) => *number == 1.0,
        V::Str(text) => matches!(text.to_lowercase().as_str(), "yes" | "on" | "true" | "1"),
        _ => false,
    }))
}

fn string(given: &Given) -> Outcome<V> {
    given.own_text().map(V::from)
}
