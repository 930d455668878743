//! Templates: their statements, carried out one after the other.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use minijinja::machinery::ast::{self, Expr, Stmt};

use crate::yaml::Node;

use super::call::Args;
use super::convert;
use super::fault::{Fault, Outcome, fail};
use super::file_text;
use super::options::{Newline, TemplateOptions};
use super::pages::{Extended, Opened, Page};
use super::parse::{self, range};
use super::places;
use super::repr;
use super::run::Run;
use super::shelf::Shelf;
use super::value::{Dict, V};

/// The names of one level, shared with the macros that see them.
pub(super) type Frame = Rc<RefCell<HashMap<String, V>>>;

/// What `{% macro %}` and `{% call %}` declare, with what is around it.
pub(super) struct Declared<'t> {
    r#macro: &'t ast::Macro<'t>,
    text: &'t str,
    node: &'t Node,
    pub frames: Vec<Frame>,
    blind: bool,
}

/// What is being rendered: one text, its variables, its output.
pub(super) struct Eval<'t> {
    pub run: &'t Run<'t>,
    pub node: &'t Node,
    pub text: &'t str,
    /// Whether backslashes in its texts stand for themselves: between `{{ }}`, because YAML was there before.
    pub raw: bool,
    /// Whether templates in its texts are rendered: in a bare expression, and in what a lookup is given.
    pub embedded: bool,
    /// How a file's text is written, and that this is one.
    pub file: Option<&'t TemplateOptions>,
    pub frames: Vec<Frame>,
    pub macros: Vec<Declared<'t>>,
    /// Loops with `recursive` around this.
    recursive: Vec<&'t ast::ForLoop<'t>>,
    /// Whether `{% break %}` or `{% continue %}` was met.
    pub jump: Option<Jump>,
    /// Whether the variables are not to be seen: in what is imported without them.
    pub blind: bool,
    /// Other files that were opened, by their path.
    pub pages: Vec<(PathBuf, Page<'t>)>,
    pub opened: &'t Shelf<Opened>,
    pub trees: &'t Shelf<Stmt<'t>>,
    pub extended: Extended<'t>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Jump {
    Break,
    Continue,
}

/// The value of a node's text as a template.
pub(super) fn template(run: &Run, node: &Node, text: &str) -> Outcome<V> {
    let place = |span| places::within(node, text, span);
    let unsigned = parse::unsigned(text.strip_suffix('\n').unwrap_or(text), None)?;
    let inner = &*unsigned;
    let (opened, trees) = (Shelf::default(), Shelf::default());
    let result = parse::template(inner).and_then(|tree| {
        let mut out = Vec::new();
        let mut eval = Eval::new(run, node, inner, &opened, &trees);
        if let Stmt::Template(template) = trees.keep(tree) {
            eval.whole(&template.children, &mut out)?;
        }
        joined(run, out)
    });
    match result {
        Ok(V::Undefined(fault)) => Ok(V::Undefined(Rc::new((*fault).clone().leave(place)))),
        Ok(V::Str(rendered)) => match ends(text).checked_sub(ends(&rendered)) {
            None | Some(0) => Ok(V::Str(rendered)),
            Some(missing) => Ok(V::from(format!("{rendered}{}", "\n".repeat(missing)))),
        },
        Ok(value) => Ok(value),
        Err(fault) => Err(Box::new(fault.leave(place))),
    }
}

/// What a template file's text gives: always a text. Its line end at the end stays.
pub(super) fn file(run: &Run, node: &Node, text: &str, options: &TemplateOptions) -> Outcome<String> {
    let place = |span| places::within(node, text, span);
    let whole = |value: V| match value.filled() {
        V::None => Ok(String::new()),
        V::Undefined(fault) => Err(Box::new((*fault).clone())),
        value => repr::text(run, &convert::listed(run, &value)?),
    };
    let value = page(run, node, text, options).map_err(|fault| Box::new(fault.leave(place)))?;
    // a text has its line ends already, whichever they are
    let is_text = matches!(value, V::Str(_));
    let rendered = whole(value).map_err(|fault| Box::new(fault.leave(place)))?;
    if is_text {
        return Ok(rendered);
    }
    let missing = ends(text).saturating_sub(ends(&rendered));
    Ok(rendered + &options.newline.text().repeat(missing))
}

fn ends(text: &str) -> usize {
    text.len() - text.trim_end_matches('\n').len()
}

/// What a template file's text is: what its one expression gives, or a text.
pub(super) fn page(run: &Run, node: &Node, text: &str, options: &TemplateOptions) -> Outcome<V> {
    let place = |span| places::within(node, text, span);
    let unsigned = parse::unsigned(text.strip_suffix('\n').unwrap_or(text), Some(options))?;
    let inner = &*unsigned;
    let (opened, trees) = (Shelf::default(), Shelf::default());
    let result = file_text::syntax(options).and_then(|syntax| parse::template_in(inner, &syntax)).and_then(|tree| {
        let mut out = Vec::new();
        let mut eval = Eval::new(run, node, inner, &opened, &trees);
        eval.file = Some(options);
        if let Stmt::Template(template) = trees.keep(tree) {
            eval.whole(&template.children, &mut out)?;
        }
        joined(run, out)
    });
    Ok(match result.map_err(|fault| Box::new(fault.leave(place)))? {
        V::Str(rendered) => {
            let missing = ends(text).saturating_sub(ends(&rendered));
            V::from(format!("{rendered}{}", options.newline.text().repeat(missing)))
        }
        value => value,
    })
}

/// The value of a node's text as a bare expression. One that stands in braces is taken too, as in Ansible.
pub(super) fn expression(run: &Run, node: &Node, text: &str) -> Outcome<V> {
    if parse::is_in_braces(text) {
        return template(run, node, text.trim());
    }
    let bare = parse::without_braces(text);
    let unsigned = parse::unsigned_expression(bare.as_deref().unwrap_or(text))?;
    let text = &*unsigned;
    let place = |span| places::within(node, text, span);
    let (opened, trees, trunk) = (Shelf::default(), Shelf::default(), Shelf::default());
    let result = parse::expression(text).and_then(|tree| {
        let mut eval = Eval::new(run, node, text, &opened, &trees);
        eval.embedded = true;
        eval.expr(trunk.keep(tree))
    });
    result.map_err(|fault| Box::new(fault.leave(place)))
}

/// One value stays what it is; several become a text. `None` leaves nothing behind.
pub(super) fn joined(run: &Run, out: Vec<V>) -> Outcome<V> {
    let mut values: Vec<V> = out.into_iter().filter(|value| !matches!(value, V::None)).collect();
    match values.len() {
        0 => Ok(V::None),
        1 => match values.pop().unwrap_or(V::None) {
            V::Namespace(module) if !module.borrow().written.is_empty() => repr::text(run, &V::Namespace(module)).map(V::from),
            value => Ok(value),
        },
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
    fn new(run: &'t Run<'t>, node: &'t Node, text: &'t str, opened: &'t Shelf<Opened>, trees: &'t Shelf<Stmt<'t>>) -> Self {
        Self {
            run,
            node,
            text,
            raw: false,
            embedded: false,
            file: None,
            frames: vec![Frame::default()],
            macros: Vec::new(),
            recursive: Vec::new(),
            jump: None,
            blind: false,
            pages: Vec::new(),
            opened,
            trees,
            extended: Extended::default(),
        }
    }

    /// Something undefined, which knows where it is.
    pub fn undefined(&self, fault: Fault, span: std::ops::Range<usize>) -> V {
        V::Undefined(Rc::new(fault.at(span).leave(|span| places::within(self.node, self.text, span))))
    }

    /// The value of a name inside the template.
    pub fn local(&self, name: &str) -> Option<V> {
        self.frames.iter().rev().find_map(|frame| frame.borrow().get(name).cloned())
    }

    fn set(&mut self, name: &str, value: V) {
        if let Some(frame) = self.frames.last() {
            frame.borrow_mut().insert(name.to_owned(), value);
        }
    }

    pub fn body(&mut self, statements: &'t [Stmt<'t>], out: &mut Vec<V>) -> Outcome<()> {
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
                out.push(match self.file.map(|options| options.newline) {
                    None | Some(Newline::Unix) => V::from(raw.raw),
                    Some(newline) => V::from(raw.raw.replace('\n', newline.text())),
                });
            }
            Stmt::EmitExpr(emit) => {
                let raw = self.file.is_none() && !self.is_other_page();
                let before = std::mem::replace(&mut self.raw, raw);
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
                self.frames.push(Frame::default());
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
                let caller = self.declared(&block.macro_decl);
                out.push(self.call_with(&block.call, Some(caller))?);
            }
            Stmt::Do(block) => {
                self.call(&block.call)?;
            }
            Stmt::Include(include) => self.include(include, out).map_err(|fault| Box::new(fault.at(range(include.span()))))?,
            Stmt::Import(import) => self.import(import).map_err(|fault| Box::new(fault.at(range(import.span()))))?,
            Stmt::FromImport(import) => self.import_names(import).map_err(|fault| Box::new(fault.at(range(import.span()))))?,
            Stmt::Extends(extends) => self.extends(extends).map_err(|fault| Box::new(fault.at(range(extends.span()))))?,
            Stmt::Block(block) => self.block(block, range(block.span()), out)?,
            Stmt::Continue(_) => self.jump = Some(Jump::Continue),
            Stmt::Break(_) => self.jump = Some(Jump::Break),
            Stmt::Template(template) => self.body(&template.children, out)?,
        }
        Ok(())
    }

    fn declare(&mut self, r#macro: &'t ast::Macro<'t>) {
        let declared = self.declared(r#macro);
        self.set(r#macro.name, declared);
    }

    /// A macro sees what is around it where it is declared.
    fn declared(&mut self, r#macro: &'t ast::Macro<'t>) -> V {
        let (text, node, frames, blind) = (self.text, self.node, self.frames.clone(), self.blind);
        self.macros.push(Declared { r#macro, text, node, frames, blind });
        V::Macro(self.macros.len() - 1)
    }

    /// Whether another file than the first is being rendered.
    fn is_other_page(&self) -> bool {
        self.pages.iter().any(|(_, page)| std::ptr::eq(page.node, self.node))
    }

    /// Whether an expression is true; something undefined is neither.
    pub fn truth(&mut self, expr: &'t Expr<'t>) -> Outcome<bool> {
        Ok(self.defined(expr)?.truth())
    }

    pub fn assign(&mut self, target: &'t Expr<'t>, value: V) -> Outcome<()> {
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
        let value = self.defined(&each.iter)?;
        if !each.recursive {
            return self.each_of(each, &value, out);
        }
        self.recursive.push(each);
        let result = self.each_of(each, &value, out);
        self.recursive.pop();
        result
    }

    /// `loop(…)`: the innermost `recursive` loop with other items.
    pub fn again_each(&mut self, value: &V) -> Outcome<V> {
        let Some(each) = self.recursive.last().copied() else { return fail("only a loop that is `recursive` can be called") };
        let _level = self.run.deeper()?;
        self.recursive.push(each);
        let mut out = Vec::new();
        let result = self.each_of(each, value, &mut out);
        self.recursive.pop();
        result.and_then(|()| joined(self.run, out))
    }

    fn each_of(&mut self, each: &'t ast::ForLoop<'t>, value: &V, out: &mut Vec<V>) -> Outcome<()> {
        let mut items = self.run.items(value)?;
        let depth = self.recursive.len().max(1);
        if let Some(filter) = &each.filter_expr {
            let mut kept = Vec::new();
            for item in items {
                self.frames.push(Frame::default());
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
            let frame = if told { HashMap::from([("loop".to_owned(), loop_value(&items, at, depth))]) } else { HashMap::new() };
            self.frames.push(Rc::new(RefCell::new(frame)));
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
        let Some(declared) = self.macros.get(number) else { return fail("the macro is not there any more") };
        let (r#macro, blind) = (declared.r#macro, declared.blind);
        let page = (declared.text, declared.node);
        let mut frames = declared.frames.clone();
        frames.push(Frame::default());
        let frames = std::mem::replace(&mut self.frames, frames);
        let blind = std::mem::replace(&mut self.blind, blind);
        let raw = std::mem::replace(&mut self.raw, false);
        let elsewhere = !std::ptr::eq(page.1, self.node);
        let before = (std::mem::replace(&mut self.text, page.0), std::mem::replace(&mut self.node, page.1));
        let mut result = self.given(r#macro, args).and_then(|()| self.captured(&r#macro.body));
        if elsewhere {
            result = result.map_err(|fault| Box::new(fault.leave(|span| places::within(page.1, page.0, span))));
        }
        (self.text, self.node) = before;
        (self.frames, self.blind, self.raw) = (frames, blind, raw);
        result
    }

    /// Gives a macro's names their values.
    fn given(&mut self, r#macro: &'t ast::Macro<'t>, args: Args) -> Outcome<()> {
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
            self.set(name.id, value);
        }
        if let Some(at) = named.iter().position(|(name, _)| name == "caller") {
            let caller = named.swap_remove(at).1;
            self.set("caller", caller);
        }
        // a macro that looks at `varargs` or `kwargs` takes more than it names
        let rest: Vec<V> = positional.collect();
        let (takes_more, takes_named) = (self.text.contains("varargs"), self.text.contains("kwargs"));
        if (!rest.is_empty() && !takes_more) || (!named.is_empty() && !takes_named) {
            return fail(format!("the macro `{}` takes no more than {} values", r#macro.name, r#macro.args.len()));
        }
        if takes_more {
            self.set("varargs", V::tuple(rest));
        }
        if takes_named {
            let mut dict = Dict::new();
            named.into_iter().for_each(|(name, value)| dict.set(&name, value));
            self.set("kwargs", V::dict(dict));
        }
        Ok(())
    }
}

/// `loop` inside a loop.
fn loop_value(items: &[V], at: usize, depth: usize) -> V {
    let number = |number: usize| V::Int(number as i128);
    let mut dict = Dict::new();
    dict.set("index", number(at + 1));
    dict.set("index0", number(at));
    dict.set("revindex", number(items.len() - at));
    dict.set("revindex0", number(items.len() - at - 1));
    dict.set("first", V::Bool(at == 0));
    dict.set("last", V::Bool(at + 1 == items.len()));
    dict.set("length", number(items.len()));
    dict.set("depth", number(depth));
    dict.set("depth0", number(depth - 1));
    if let Some(item) = at.checked_sub(1).and_then(|at| items.get(at)) {
        dict.set("previtem", item.clone());
    }
    if let Some(item) = items.get(at + 1) {
        dict.set("nextitem", item.clone());
    }
    V::Namespace(Rc::new(RefCell::new(dict)))
}
