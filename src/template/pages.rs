//! Other template files in a template: `include`, `import`, `from … import`, `extends`, `block`, `super()` and `self.block()`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;

use minijinja::machinery::ast::{self, Expr, Stmt};

use super::fault::{Fault, Outcome, fail, fail_hint};
use super::file_text;
use super::files;
use super::parse::{self, range};
use super::places;
use super::render::{Eval, Frame, joined};
use super::repr;
use super::value::{Dict, V};
use crate::diagnostics::Source;
use crate::yaml::Node;

/// So many different files may one rendering open.
const FILES: usize = 500;

/// A template file that was opened.
pub(super) struct Opened {
    text: String,
    node: Node,
}

/// One that was read: what it says, and its tree.
#[derive(Clone, Copy)]
pub(super) struct Page<'t> {
    pub text: &'t str,
    pub node: &'t Node,
    tree: &'t [Stmt<'t>],
}

/// A `{% block %}` of one of the files that extend each other.
#[derive(Clone, Copy)]
pub(super) struct Part<'t> {
    page: Page<'t>,
    block: &'t ast::Block<'t>,
}

/// The files that extend each other, while the first of them is rendered.
#[derive(Default)]
pub(super) struct Extended<'t> {
    /// Blocks by their name, the one that counts first.
    blocks: HashMap<&'t str, Vec<Part<'t>>>,
    /// What the file that is being rendered extends.
    parent: Option<Page<'t>>,
    /// The blocks that are being rendered, and how far each is from the one that counts.
    current: Vec<(&'t str, usize)>,
}

impl<'t> Eval<'t> {
    /// What a whole template writes, and what it extends.
    pub fn whole(&mut self, tree: &'t [Stmt<'t>], out: &mut Vec<V>) -> Outcome<()> {
        let page = Page { text: self.text, node: self.node, tree };
        self.parts(page, tree);
        let mut found = self.children(page, out);
        // what a file extends may extend another
        while let (Ok(()), Some(parent)) = (&found, self.extended.parent.take()) {
            self.parts(parent, parent.tree);
            found = self.at_page(parent, |eval| eval.children(parent, out));
        }
        found
    }

    /// Statements of a file; what stands behind `extends` is not written.
    fn children(&mut self, page: Page<'t>, out: &mut Vec<V>) -> Outcome<()> {
        let split = page.tree.iter().position(|statement| matches!(statement, Stmt::Extends(_))).unwrap_or(page.tree.len());
        let (before, after) = page.tree.split_at(split);
        self.body(before, out)?;
        let mut unseen = Vec::new();
        self.body(after, &mut unseen)
    }

    /// Takes note of the blocks of a file.
    fn parts(&mut self, page: Page<'t>, statements: &'t [Stmt<'t>]) {
        for statement in statements {
            match statement {
                Stmt::Block(block) => {
                    self.extended.blocks.entry(block.name).or_default().push(Part { page, block });
                    self.parts(page, &block.body);
                }
                Stmt::IfCond(cond) => {
                    self.parts(page, &cond.true_body);
                    self.parts(page, &cond.false_body);
                }
                Stmt::ForLoop(each) => {
                    self.parts(page, &each.body);
                    self.parts(page, &each.else_body);
                }
                Stmt::WithBlock(with) => self.parts(page, &with.body),
                Stmt::FilterBlock(filter) => self.parts(page, &filter.body),
                Stmt::AutoEscape(block) => self.parts(page, &block.body),
                _ => {}
            }
        }
    }

    /// Does something in another file: what is wrong there has its place there.
    fn at_page<T>(&mut self, page: Page<'t>, what: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        let before = (std::mem::replace(&mut self.text, page.text), std::mem::replace(&mut self.node, page.node));
        let embedded = std::mem::replace(&mut self.embedded, false);
        let raw = std::mem::replace(&mut self.raw, false);
        let result = what(self).map_err(|fault| Box::new(fault.leave(|span| places::within(page.node, page.text, span))));
        (self.text, self.node, self.embedded, self.raw) = (before.0, before.1, embedded, raw);
        result
    }

    /// `{% include %}`
    pub fn include(&mut self, include: &'t ast::Include<'t>, out: &mut Vec<V>) -> Outcome<()> {
        let names = self.names_of(&include.name)?;
        let Some(page) = self.first_page(&names)? else {
            return if include.ignore_missing { Ok(()) } else { missing(&names) };
        };
        let blind = self.marked(&include.name, "without context");
        self.inside(page, blind, |eval| eval.whole(page.tree, out)).map(|_| ())
    }

    /// `{% import %}`
    pub fn import(&mut self, import: &'t ast::Import<'t>) -> Outcome<()> {
        let module = self.module(&import.expr)?;
        self.assign(&import.name, V::Namespace(Rc::new(RefCell::new(module))))
    }

    /// `{% from … import … %}`
    pub fn import_names(&mut self, import: &'t ast::FromImport<'t>) -> Outcome<()> {
        let module = self.module(&import.expr)?;
        for (name, alias) in &import.names {
            let Expr::Var(var) = name else { continue };
            let value = match module.get_str(var.id) {
                Some(value) => value.clone(),
                None => {
                    let fault = Fault::undefined(format!("the template that is imported from has no `{}`", super::fault::shown(var.id)));
                    self.undefined(fault, range(name.span()))
                }
            };
            self.assign(alias.as_ref().unwrap_or(name), value)?;
        }
        Ok(())
    }

    /// What a file sets at its top.
    fn module(&mut self, expr: &'t Expr<'t>) -> Outcome<Dict> {
        let names = self.names_of(expr)?;
        let Some(page) = self.first_page(&names)? else { return missing(&names) };
        let blind = !self.marked(expr, "with context");
        let mut unseen = Vec::new();
        let frame = self.inside(page, blind, |eval| eval.whole(page.tree, &mut unseen))?;
        let mut module = Dict::new();
        module.written = unseen;
        for (name, value) in frame.borrow().iter().filter(|(name, _)| !name.starts_with('_')) {
            module.set(name, value.clone());
        }
        Ok(module)
    }

    /// Renders a file that stands for itself; gives what it set. `blind`: without the variables.
    fn inside(&mut self, page: Page<'t>, blind: bool, what: impl FnOnce(&mut Self) -> Outcome<()>) -> Outcome<Frame> {
        let _level = self.run.deeper()?;
        let frame = Frame::default();
        let mut frames = if blind { Vec::new() } else { self.frames.clone() };
        frames.push(Rc::clone(&frame));
        let frames = std::mem::replace(&mut self.frames, frames);
        let extended = std::mem::take(&mut self.extended);
        let hidden = blind || self.blind;
        let blind = std::mem::replace(&mut self.blind, hidden);
        let jump = self.jump.take();
        let result = self.at_page(page, what);
        (self.frames, self.extended, self.blind, self.jump) = (frames, extended, blind, jump);
        result.map(|()| frame)
    }

    /// `{% extends %}`
    pub fn extends(&mut self, extends: &'t ast::Extends<'t>) -> Outcome<()> {
        if self.extended.parent.is_some() {
            return fail("a template extends one other, and this one extends two");
        }
        let names = self.names_of(&extends.name)?;
        let Some(page) = self.first_page(&names)? else { return missing(&names) };
        self.extended.parent = Some(page);
        self.run.deeper().map(drop)?;
        self.run.spend(100)
    }

    /// `{% block %}`: in a file that extends another it stands where that one has it.
    pub fn block(&mut self, block: &'t ast::Block<'t>, span: Range<usize>, out: &mut Vec<V>) -> Outcome<()> {
        if self.extended.parent.is_some() {
            return Ok(());
        }
        let scoped = self.head(span).contains("scoped");
        self.part(block.name, 0, scoped, out)
    }

    fn part(&mut self, name: &'t str, level: usize, scoped: bool, out: &mut Vec<V>) -> Outcome<()> {
        let _level = self.run.deeper()?;
        let Some(part) = self.extended.blocks.get(name).and_then(|parts| parts.get(level)).copied() else {
            return fail(format!("there is no block `{}` further up", super::fault::shown(name)));
        };
        if part.block.required {
            return fail(format!("the block `{}` has to be given by the template that extends this one", super::fault::shown(name)));
        }
        // a block sees what the files set at their top, and what is around it only if it is `scoped`
        let mut frames = if scoped { self.frames.clone() } else { self.frames.first().cloned().into_iter().collect() };
        frames.push(Frame::default());
        let frames = std::mem::replace(&mut self.frames, frames);
        self.extended.current.push((name, level));
        let result = self.at_page(part.page, |eval| eval.body(&part.block.body, out));
        self.extended.current.pop();
        self.frames = frames;
        result
    }

    /// `super()`: the block that this one stands for.
    pub fn above(&mut self) -> Option<Outcome<V>> {
        let (name, level) = *self.extended.current.last()?;
        let mut out = Vec::new();
        Some(self.part(name, level + 1, true, &mut out).and_then(|()| joined(self.run, out)))
    }

    /// `self.name()`: a block once more.
    pub fn again(&mut self, name: &'t str) -> Option<Outcome<V>> {
        self.extended.blocks.contains_key(name).then(|| {
            let mut out = Vec::new();
            self.part(name, 0, false, &mut out).and_then(|()| joined(self.run, out))
        })
    }

    /// The text of a statement's head, from its first word to its end.
    fn head(&self, span: Range<usize>) -> &'t str {
        let rest = self.text.get(span.start..).unwrap_or_default();
        let end = self.file.map_or("%}", |options| options.block_end.as_str());
        rest.find(end).and_then(|at| rest.get(..at)).unwrap_or(rest)
    }

    /// Whether these words stand behind an expression, in its statement.
    fn marked(&self, expr: &Expr, words: &str) -> bool {
        let behind = self.head(range(expr.span()).end..self.text.len());
        behind.split_whitespace().collect::<Vec<_>>().join(" ").contains(words)
    }

    /// The name of a file, or the names of several of which the first that is there is meant.
    fn names_of(&mut self, expr: &'t Expr<'t>) -> Outcome<Vec<String>> {
        let value = self.defined(expr)?;
        match value.as_str() {
            Some(name) => Ok(vec![name.to_owned()]),
            None if value.is_list() => self.run.items(&value)?.iter().map(|name| repr::text(self.run, name)).collect(),
            None => fail(format!("the name of a template is a text, not {}", value.kind())),
        }
    }

    fn first_page(&mut self, names: &[String]) -> Outcome<Option<Page<'t>>> {
        for name in names {
            self.run.spend(100)?;
            if let Some(path) = files::template(self.run, name)? {
                return self.page(path).map(Some);
            }
        }
        Ok(None)
    }

    /// Reads a file, once.
    fn page(&mut self, path: PathBuf) -> Outcome<Page<'t>> {
        if let Some((_, page)) = self.pages.iter().find(|(known, _)| *known == path) {
            return Ok(*page);
        }
        if self.pages.len() >= FILES {
            return fail_hint(format!("more than {FILES} templates are named here"), "this may be a circle");
        }
        let text = files::read(self.run, &path)?.replace("\r\n", "\n").replace('\r', "\n");
        let source = Source::new(path.display().to_string(), text.as_str());
        let node = Node::new(text.as_str(), source.whole());
        // the line end at the end of what is included is not written
        let inner = parse::unsigned(text.strip_suffix('\n').unwrap_or(&text), self.file)?.into_owned();
        let opened = self.opened.keep(Opened { text: inner, node });
        let place = |fault: Box<Fault>| Box::new(fault.leave(|span| places::within(&opened.node, &opened.text, span)));
        let tree = match self.file {
            Some(options) => file_text::syntax(options).and_then(|syntax| parse::template_in(&opened.text, &syntax)).map_err(place)?,
            None => parse::template(&opened.text).map_err(place)?,
        };
        let Stmt::Template(tree) = self.trees.keep(tree) else { return fail("a template is a list of statements") };
        let page = Page { text: &opened.text, node: &opened.node, tree: &tree.children };
        self.pages.push((path, page));
        Ok(page)
    }
}

fn missing<T>(names: &[String]) -> Outcome<T> {
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", super::fault::shown(name))).collect();
    fail_hint(
        format!("there is no template {}", names.join(", ")),
        "it is looked for in `templates` of the role and of the playbook, beside the template itself, and beside the playbook",
    )
}

#[cfg(test)]
mod tests;
