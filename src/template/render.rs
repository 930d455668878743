//! Templates: their statements, carried out one after the other.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use minijinja::machinery::ast::{self, Expr, Stmt};

use crate::yaml::Node;

use super::call::Args;
use super::convert;
use super::fault::{Fault, Outcome, fail};
use super::file_text;
use super::options::{Newline, TemplateOptions};
use super::parse::{self, range};
use super::places;
use super::repr;
use super::run::Run;
use super::value::{Dict, V};

/// What is being rendered: one text, its variables, its output.
pub(super) struct Eval<'t> {
    pub run: &'t Run<'t>,
    pub node: &'t Node,
    pub text: &'t str,
    /// Whether backslashes in its texts stand for themselves: between `{{ }}`, because YAML was there before.
    pub raw: bool,
    /// Whether templates in its texts are rendered: in a bare expression, and in what a lookup is given.
    pub embedded: bool,
    /// What line ends between statements become, and that this is a file's text.
    file: Option<Newline>,
    frames: Vec<HashMap<String, V>>,
    pub macros: Vec<&'t ast::Macro<'t>>,
    /// Whether `{% break %}` or `{% continue %}` was met.
    jump: Option<Jump>,
}

#[derive(Clone, Copy, PartialEq)]
enum Jump {
    Break,
    Continue,
}

/// The value of a node's text as a template.
pub(super) fn template(run: &Run, node: &Node, text: &str) -> Outcome<V> {
    let place = |span| places::within(node, text, span);
    let inner = text.strip_suffix('\n').unwrap_or(text);
    let result = parse::template(inner).and_then(|tree| {
        let mut out = Vec::new();
        let mut eval = Eval::new(run, node, inner);
        if let Stmt::Template(template) = &tree {
            eval.body(&template.children, &mut out)?;
        }
        joined(run, out)
    });
    match result {
        Ok(V::Undefined(fault)) => Ok(V::Undefined(Rc::new((*fault).clone().leave(place)))),
        Ok(V::Str(rendered)) => {
            let ends = |text: &str| text.len() - text.trim_end_matches('\n').len();
            match ends(text).checked_sub(ends(&rendered)) {
                None | Some(0) => Ok(V::Str(rendered)),
                Some(missing) => Ok(V::from(format!("{rendered}{}", "\n".repeat(missing)))),
            }
        }
        Ok(value) => Ok(value),
        Err(fault) => Err(Box::new(fault.leave(place))),
    }
}

/// What a template file's text gives: always a text. Its line end at the end stays.
pub(super) fn file(run: &Run, node: &Node, text: &str, options: &TemplateOptions) -> Outcome<String> {
    let place = |span| places::within(node, text, span);
    let inner = text.strip_suffix('\n').unwrap_or(text);
    let result = file_text::syntax(options).and_then(|syntax| parse::template_in(inner, &syntax)).and_then(|tree| {
        let mut out = Vec::new();
        let mut eval = Eval::new(run, node, inner);
        eval.file = Some(options.newline);
        if let Stmt::Template(template) = &tree {
            eval.body(&template.children, &mut out)?;
        }
        match joined(run, out)?.filled() {
            V::None => Ok(String::new()),
            V::Undefined(fault) => Err(Box::new((*fault).clone())),
            value => repr::text(run, &convert::listed(run, &value)?),
        }
    });
    let rendered = result.map_err(|fault| Box::new(fault.leave(place)))?;
    let ends = |text: &str| text.len() - text.trim_end_matches('\n').len();
    let missing = ends(text).saturating_sub(ends(&rendered));
    Ok(rendered + &options.newline.text().repeat(missing))
}

/// The value of a node's text as a bare expression. One that stands in braces is taken too, as in Ansible.
pub(super) fn expression(run: &Run, node: &Node, text: &str) -> Outcome<V> {
    if parse::is_in_braces(text) {
        return template(run, node, text.trim());
    }
    let bare = parse::without_braces(text);
    let text = bare.as_deref().unwrap_or(text);
    let place = |span| places::within(node, text, span);
    let result = parse::expression(text).and_then(|tree| {
        let mut eval = Eval::new(run, node, text);
        eval.embedded = true;
        eval.expr(&tree)
    });
    result.map_err(|fault| Box::new(fault.leave(place)))
}

/// One value stays what it is; several become a text. `None` leaves nothing behind.
fn joined(run: &Run, out: Vec<V>) -> Outcome<V> {
    let mut values: Vec<V> = out.into_iter().filter(|value| !matches!(value, V::None)).collect();
    match values.len() {
        0 => Ok(V::None),
        1 => Ok(values.pop().unwrap_or(V::None)),
        _ => {
            let mut all = String::new();
            for value in values.into_iter().map(V::filled) {
                let value = &value;
                let text = repr::text(run, &convert::listed(run, value)?)?;
                run.bytes(text.len())?;
                all.push_str(&text);
            }
            Ok(V::from(all))
        }
    }
}

impl<'t> Eval<'t> {
    fn new(run: &'t Run<'t>, node: &'t Node, text: &'t str) -> Self {
        Self { run, node, text, raw: false, embedded: false, file: None, frames: vec![HashMap::new()], macros: Vec::new(), jump: None }
    }

    /// Something undefined, which knows where it is.
    pub fn undefined(&self, fault: Fault, span: std::ops::Range<usize>) -> V {
        V::Undefined(Rc::new(fault.at(span).leave(|span| places::within(self.node, self.text, span))))
    }

    /// The value of a name inside the template.
    pub fn local(&self, name: &str) -> Option<V> {
        self.frames.iter().rev().find_map(|frame| frame.get(name)).cloned()
    }

    fn set(&mut self, name: &str, value: V) {
        if let Some(frame) = self.frames.last_mut() {
            frame.insert(name.to_owned(), value);
        }
    }

    fn body(&mut self, statements: &'t [Stmt<'t>], out: &mut Vec<V>) -> Outcome<()> {
        let _level = self.run.deeper()?;
        for statement in statements {
            self.statement(statement, out)?;
            if self.jump.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// What statements write, as one value.
    fn captured(&mut self, statements: &'t [Stmt<'t>]) -> Outcome<V> {
        let mut out = Vec::new();
        self.body(statements, &mut out)?;
        joined(self.run, out)
    }

    fn statement(&mut self, statement: &'t Stmt<'t>, out: &mut Vec<V>) -> Outcome<()> {
        self.run.spend(1)?;
        match statement {
            Stmt::EmitRaw(raw) => {
                self.run.bytes(raw.raw.len())?;
                out.push(match self.file {
                    None | Some(Newline::Unix) => V::from(raw.raw),
                    Some(newline) => V::from(raw.raw.replace('\n', newline.text())),
                });
            }
            Stmt::EmitExpr(emit) => {
                let before = std::mem::replace(&mut self.raw, self.file.is_none());
                let value = self.expr(&emit.expr);
                self.raw = before;
                let value = value?;
                // what is printed beside other text is reported where it is printed
                if let V::Undefined(fault) = &value
                    && !fault.blank
                    && !out.is_empty()
                {
                    return Err(Box::new((**fault).clone()));
                }
                out.push(value);
            }
            Stmt::IfCond(cond) => {
                let truth = self.truth(&cond.expr)?;
                self.body(if truth { &cond.true_body } else { &cond.false_body }, out)?;
            }
            Stmt::ForLoop(each) => self.each(each, out).map_err(|fault| Box::new(fault.at(range(each.iter.span()))))?,
            Stmt::Set(set) => {
                let value = self.expr(&set.expr)?;
                self.assign(&set.target, value)?;
            }
            Stmt::SetBlock(set) => {
                let mut value = self.captured(&set.body)?;
                if let Some(filter) = &set.filter {
                    value = self.filtered(filter, value)?;
                }
                self.assign(&set.target, value)?;
            }
            Stmt::WithBlock(with) => {
                self.frames.push(HashMap::new());
                for (target, expr) in &with.assignments {
                    let value = self.expr(expr)?;
                    self.assign(target, value)?;
                }
                let result = self.body(&with.body, out);
                self.frames.pop();
                result?;
            }
            Stmt::FilterBlock(block) => {
                let text = self.captured(&block.body)?;
                out.push(self.filtered(&block.filter, text)?);
            }
            Stmt::AutoEscape(block) => self.body(&block.body, out)?,
            Stmt::Macro(r#macro) => self.declare(r#macro),
            Stmt::CallBlock(block) => {
                let at = self.macros.len();
                self.macros.push(&*block.macro_decl);
                self.frames.push(HashMap::from([("caller".to_owned(), V::Macro(at))]));
                let value = self.call(&block.call);
                self.frames.pop();
                out.push(value?);
            }
            Stmt::Do(block) => {
                self.call(&block.call)?;
            }
            Stmt::Continue(_) => self.jump = Some(Jump::Continue),
            Stmt::Break(_) => self.jump = Some(Jump::Break),
            Stmt::Template(template) => self.body(&template.children, out)?,
        }
        Ok(())
    }

    fn declare(&mut self, r#macro: &'t ast::Macro<'t>) {
        let at = self.macros.len();
        self.macros.push(r#macro);
        self.set(r#macro.name, V::Macro(at));
    }

    /// Whether an expression is true; something undefined is neither.
    pub fn truth(&mut self, expr: &'t Expr<'t>) -> Outcome<bool> {
        Ok(self.defined(expr)?.truth())
    }

    fn assign(&mut self, target: &'t Expr<'t>, value: V) -> Outcome<()> {
        match target {
            Expr::Var(var) => self.set(var.id, value),
            Expr::Tuple(names) => self.unpack(&names.items, &value, target)?,
            Expr::List(names) => self.unpack(&names.items, &value, target)?,
            Expr::GetAttr(attr) => match self.expr(&attr.expr)? {
                V::Namespace(names) => {
                    names.borrow_mut().set(attr.name, value);
                }
                other => {
                    let message = format!("only into a `namespace()` can be assigned, not into {}", other.kind());
                    return Err(Box::new(Fault::new(message).at(range(target.span()))));
                }
            },
            _ => return fail("this cannot be assigned to"),
        }
        Ok(())
    }

    fn unpack(&mut self, names: &'t [Expr<'t>], value: &V, target: &Expr) -> Outcome<()> {
        let values = self.run.items(value)?;
        if values.len() != names.len() {
            let message = format!("{} names are given here for {} values", names.len(), values.len());
            return Err(Box::new(Fault::new(message).at(range(target.span()))));
        }
        for (name, value) in names.iter().zip(values) {
            self.assign(name, value)?;
        }
        Ok(())
    }

    fn each(&mut self, each: &'t ast::ForLoop<'t>, out: &mut Vec<V>) -> Outcome<()> {
        if each.recursive {
            return fail_recursive();
        }
        let value = self.defined(&each.iter)?;
        let mut items = self.run.items(&value)?;
        if let Some(filter) = &each.filter_expr {
            let mut kept = Vec::new();
            for item in items {
                self.frames.push(HashMap::new());
                let keep = self.assign(&each.target, item.clone()).and_then(|()| self.truth(filter));
                self.frames.pop();
                if keep? {
                    kept.push(item);
                }
            }
            items = kept;
        }
        if items.is_empty() {
            return self.body(&each.else_body, out);
        }
        // few loops look at `loop`, and it takes longer to make than most bodies
        let told = self.text.contains("loop");
        for at in 0..items.len() {
            let Some(item) = items.get(at) else { break };
            let frame = if told { HashMap::from([("loop".to_owned(), loop_value(&items, at))]) } else { HashMap::new() };
            self.frames.push(frame);
            let result = self.assign(&each.target, item.clone()).and_then(|()| self.body(&each.body, out));
            self.frames.pop();
            result?;
            if self.jump.take() == Some(Jump::Break) {
                break;
            }
        }
        Ok(())
    }

    /// What a macro writes.
    pub fn call_macro(&mut self, number: usize, args: Args) -> Outcome<V> {
        let Some(r#macro) = self.macros.get(number).copied() else { return fail("the macro is not there any more") };
        let mut frame = HashMap::new();
        let (mut positional, mut named) = (args.positional.into_iter(), args.named);
        let first_default = r#macro.args.len().saturating_sub(r#macro.defaults.len());
        for (at, arg) in r#macro.args.iter().enumerate() {
            let Expr::Var(name) = arg else { continue };
            let given = positional.next().or_else(|| named.iter().position(|(key, _)| key == name.id).map(|at| named.swap_remove(at).1));
            let value = match (given, at.checked_sub(first_default).and_then(|at| r#macro.defaults.get(at))) {
                (Some(value), _) => value,
                (None, Some(default)) => self.expr(default)?,
                (None, None) => {
                    let fault = Fault::undefined(format!("`{}` was not given to the macro `{}`", name.id, r#macro.name));
                    self.undefined(fault, range(arg.span()))
                }
            };
            frame.insert(name.id.to_owned(), value);
        }
        if positional.next().is_some() || named.iter().any(|(name, _)| name != "caller") {
            return fail(format!("the macro `{}` takes no more than {} values", r#macro.name, r#macro.args.len()));
        }
        if let Some((_, caller)) = named.pop() {
            frame.insert("caller".to_owned(), caller);
        }
        self.frames.push(frame);
        let raw = std::mem::replace(&mut self.raw, false);
        let result = self.captured(&r#macro.body);
        self.raw = raw;
        self.frames.pop();
        result
    }
}

fn fail_recursive() -> Outcome<()> {
    fail("`recursive` loops are not supported")
}

/// `loop` inside a loop.
fn loop_value(items: &[V], at: usize) -> V {
    let number = |number: usize| V::Int(number as i128);
    let mut dict = Dict::new();
    dict.set("index", number(at + 1));
    dict.set("index0", number(at));
    dict.set("revindex", number(items.len() - at));
    dict.set("revindex0", number(items.len() - at - 1));
    dict.set("first", V::Bool(at == 0));
    dict.set("last", V::Bool(at + 1 == items.len()));
    dict.set("length", number(items.len()));
    if let Some(item) = at.checked_sub(1).and_then(|at| items.get(at)) {
        dict.set("previtem", item.clone());
    }
    if let Some(item) = items.get(at + 1) {
        dict.set("nextitem", item.clone());
    }
    V::Namespace(Rc::new(RefCell::new(dict)))
}
