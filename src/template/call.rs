//! Calls in expressions: filters, tests, functions, methods, macros.

use std::ops::Range;

use minijinja::machinery::ast::{self, CallArg, Expr};

use super::fault::{Fault, Outcome, fail};
use super::parse::range;
use super::render::Eval;
use super::run::Run;
use super::spec::{Given, Spec};
use super::value::V;
use super::{change, filters, functions, methods, tests};
use crate::yaml::{Node, Value};

/// What is given to a call.
#[derive(Default, Clone)]
pub(super) struct Args {
    pub positional: Vec<V>,
    pub named: Vec<(String, V)>,
}

impl Args {
    /// Only positional ones.
    pub fn of(positional: Vec<V>) -> Self {
        Self { positional, named: Vec::new() }
    }

    /// The first that is not defined.
    fn undefined(&self) -> Option<&V> {
        let named = self.named.iter().map(|(_, value)| value);
        self.positional.iter().chain(named).find(|value| matches!(value, V::Undefined(_)))
    }
}

/// Applies a filter. Something undefined goes through it untouched, unless the filter is made for that.
pub(super) fn filter(run: &Run, name: &str, value: &V, args: Args) -> Outcome<V> {
    let Some(spec) = filters::find(name) else { return Err(Box::new(filters::unknown(name))) };
    apply(run, spec, name, value, args)
}

/// Asks a test.
pub(super) fn test(run: &Run, name: &str, value: &V, args: Args) -> Outcome<bool> {
    let Some(spec) = tests::find(name) else { return Err(Box::new(tests::unknown(name))) };
    match apply(run, spec, name, value, args)? {
        V::Undefined(fault) => Err(Box::new((*fault).clone())),
        answer => Ok(answer.truth()),
    }
}

/// Applies what a table says.
pub(super) fn apply(run: &Run, spec: &Spec, name: &str, value: &V, args: Args) -> Outcome<V> {
    let _level = run.deeper()?;
    let filled = value.clone().filled();
    let value = if spec.lenient { value } else { &filled };
    if !spec.lenient {
        if let V::Undefined(_) = value {
            return Ok(value.clone());
        }
        if let Some(undefined) = args.undefined() {
            return Ok(undefined.clone());
        }
    }
    let given = Given::bind(run, spec, name, value, args)?;
    let result = (spec.run)(&given)?;
    if let V::Str(text) = &result {
        run.bytes(text.len())?;
    }
    Ok(result)
}

impl<'t> Eval<'t> {
    fn args(&mut self, given: &'t [CallArg<'t>]) -> Outcome<Args> {
        let mut args = Args::default();
        for arg in given {
            let (CallArg::Pos(expr) | CallArg::Kwarg(_, expr) | CallArg::PosSplat(expr) | CallArg::KwargSplat(expr)) = arg;
            let value = self.expr(expr)?;
            match arg {
                CallArg::Pos(_) => args.positional.push(value),
                CallArg::Kwarg(name, _) => args.named.push(((*name).to_owned(), value)),
                CallArg::PosSplat(_) => args.positional.extend(self.run.items(&value)?),
                CallArg::KwargSplat(_) => {
                    for (key, value) in self.run.pairs(&value)? {
                        let Some(name) = key.as_str() else { return fail("only names can be given with `**`") };
                        args.named.push((name.to_owned(), value));
                    }
                }
            }
        }
        Ok(args)
    }

    /// `value | filter(...)`
    pub fn filter(&mut self, filter: &'t ast::Filter<'t>, value: &V) -> Outcome<V> {
        let args = self.args(&filter.args)?;
        self::filter(self.run, filter.name, value, args)
    }

    /// The filters behind `{% filter %}` and `{% set x | … %}`, whose innermost one has no value of its own.
    pub fn filtered(&mut self, expr: &'t Expr<'t>, value: V) -> Outcome<V> {
        let Expr::Filter(filter) = expr else { return Ok(value) };
        let value = match &filter.expr {
            Some(inner) => self.filtered(inner, value)?,
            None => value,
        };
        self.filter(filter, &value).map_err(|fault| Box::new(fault.at(range(expr.span()))))
    }

    /// `value is test(...)`
    pub fn test(&mut self, test: &'t ast::Test<'t>) -> Outcome<V> {
        let value = self.expr(&test.expr)?;
        let args = self.args(&test.args)?;
        let name = super::spec::short(test.name);
        // only these look at what stands there: to look for it reads all facts where it is one of them
        let asks = matches!(name, "vault_encrypted" | "ansible._protomatter.tagged_with");
        if let Some(node) = if asks { self.written(&test.expr) } else { None } {
            let asked = args.positional.first().and_then(V::as_str);
            match name {
                // what was decrypted looks like any other text
                "vault_encrypted" if node.secret && node.as_str().is_some() && !node.is_template() => return Ok(V::Bool(true)),
                "vault_encrypted" if matches!(node.value, Value::Vault(_)) => return Ok(V::Bool(true)),
                "ansible._protomatter.tagged_with" if asked == Some("TrustedAsTemplate") => {
                    return Ok(V::Bool(node.as_str().is_some() && !node.literal));
                }
                _ => {}
            }
        }
        Ok(V::Bool(self::test(self.run, test.name, &value, args)?))
    }

    /// What an expression names, as it is written there: `name` or `name.key`.
    fn written(&self, expr: &Expr<'t>) -> Option<Node> {
        match expr {
            Expr::Var(var) if self.local(var.id).is_none() => self.run.scope().get(var.id),
            Expr::GetAttr(attr) => self.written(&attr.expr)?.get(attr.name).cloned(),
            _ => None,
        }
    }

    /// `something(...)`
    pub fn call(&mut self, call: &'t ast::Call<'t>) -> Outcome<V> {
        self.call_with(call, None)
    }

    /// The same with the body of a `{% call %}`.
    pub fn call_with(&mut self, call: &'t ast::Call<'t>, caller: Option<V>) -> Outcome<V> {
        let caller = caller.map(|caller| ("caller".to_owned(), caller));
        match &call.expr {
            Expr::Var(var) => self.call_name(var.id, &call.args, caller, range(var.span())),
            Expr::GetAttr(attr) => self.call_method(attr, &call.args, caller),
            other => {
                let callee = self.defined(other)?;
                let mut args = self.args(&call.args)?;
                args.named.extend(caller);
                self.call_value(&callee, args, "this")
            }
        }
    }

    fn call_name(&mut self, name: &'t str, given: &'t [CallArg<'t>], caller: Option<(String, V)>, span: Range<usize>) -> Outcome<V> {
        let own = match self.local(name) {
            Some(value) => Some(value),
            None if self.blind => None,
            None => self.run.variable(name)?,
        };
        let before = self.embedded;
        self.embedded |= own.is_none() && functions::is_lookup(name);
        let args = self.args(given);
        self.embedded = before;
        let mut args = args?;
        if let ("super", None, Some(above)) = (name, &own, if args.positional.is_empty() { self.above() } else { None }) {
            return above;
        }
        match (own, functions::find(name)) {
            (Some(V::Namespace(_)), _) if name == "loop" && args.positional.len() == 1 => {
                self.again_each(args.positional.first().unwrap_or(&V::None))
            }
            (Some(callee), _) => {
                args.named.extend(caller);
                self.call_value(&callee, args, name)
            }
            (None, Some(spec)) => apply(self.run, spec, name, &V::None, args),
            (None, None) => Err(Box::new(functions::unknown(name, &self.run.names()).at(span))),
        }
    }

    fn call_method(&mut self, attr: &'t ast::GetAttr<'t>, given: &'t [CallArg<'t>], caller: Option<(String, V)>) -> Outcome<V> {
        if let Expr::Var(var) = &attr.expr
            && var.id == "self"
            && self.local(var.id).is_none()
            && let Some(again) = self.again(attr.name)
        {
            return again;
        }
        let value = self.defined(&attr.expr)?;
        let mut args = self.args(given)?;
        // a macro of what was imported
        let own = match &value {
            V::Namespace(names) => names.borrow().get_str(attr.name).filter(|own| matches!(own, V::Macro(_))).cloned(),
            _ => None,
        };
        if let Some(own) = own {
            args.named.extend(caller);
            return self.call_value(&own, args, attr.name);
        }
        if change::changes(&value, attr.name) && args.undefined().is_none() {
            return self.change(&attr.expr, value, attr.name, &args);
        }
        self.method(&value, attr.name, &args)
    }

    fn method(&self, value: &V, name: &str, args: &Args) -> Outcome<V> {
        if let V::Namespace(names) = value {
            // `loop.cycle` is the one method of what is a namespace here
            let index = names.borrow().get_str("index0").and_then(V::as_int);
            return match (name, index.and_then(|at| usize::try_from(at).ok())) {
                ("cycle", Some(at)) if !args.positional.is_empty() => {
                    Ok(args.positional.get(at % args.positional.len()).cloned().unwrap_or(V::None))
                }
                _ => fail(format!("`{name}` is not a method here")),
            };
        }
        if let Some(undefined) = args.undefined() {
            return Ok(undefined.clone());
        }
        let result = methods::call(self.run, value, name, args)?;
        if let V::Str(text) = &result {
            self.run.bytes(text.len())?;
        }
        Ok(result)
    }

    fn call_value(&mut self, callee: &V, args: Args, name: &str) -> Outcome<V> {
        match callee {
            V::Macro(number) => self.call_macro(*number, args),
            V::Undefined(fault) => Err(Box::new((**fault).clone())),
            other => Err(Box::new(Fault::new(format!("`{name}` cannot be called: it is {}", other.kind())))),
        }
    }
}
