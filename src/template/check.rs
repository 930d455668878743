//! What can be said about a template without evaluating it.

use std::ops::Range;

use minijinja::machinery::ast::{CallArg, Expr, Stmt};

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::yaml::{Node, looks_like_template};

use super::fault::Fault;
use super::file_text;
use super::options::TemplateOptions;
use super::parse::{self, range};
use super::{filters, functions, lookups, places, tests};

/// Filters that take the name of a test, and those that take the name of a filter.
const TAKES_TEST: [&str; 4] = ["select", "reject", "selectattr", "rejectattr"];

struct Checker<'c> {
    node: &'c Node,
    text: &'c str,
    problems: &'c mut Diagnostics,
    /// Names that the template gives itself: they may be macros.
    own: Vec<String>,
}

/// Everything that is wrong with a node's text as a template.
pub(super) fn template(node: &Node, text: &str, problems: &mut Diagnostics) {
    let mut checker = Checker { node, text, problems, own: Vec::new() };
    let text = parse::unsigned(text, None);
    match text.as_deref().map_err(Clone::clone).and_then(parse::template) {
        Ok(tree) => checker.whole(&tree),
        Err(fault) => checker.fault(*fault),
    }
}

/// Everything that is wrong with a template file's text.
pub(super) fn file(node: &Node, text: &str, options: &TemplateOptions, problems: &mut Diagnostics) {
    let mut checker = Checker { node, text, problems, own: Vec::new() };
    let text = parse::unsigned(text, Some(options));
    let parsed = text.as_deref().map_err(Clone::clone);
    match parsed.and_then(|text| file_text::syntax(options).and_then(|syntax| parse::template_in(text, &syntax))) {
        Ok(tree) => checker.whole(&tree),
        Err(fault) => checker.fault(*fault),
    }
}

/// Everything that is wrong with a node's text as a bare expression.
pub(super) fn expression(node: &Node, text: &str, problems: &mut Diagnostics) {
    if parse::is_in_braces(text) {
        let warning = Diagnostic::warning("an expression is a template already").at(node.place.clone());
        problems.push(warning.hint("write it without `{{ }}`"));
        return template(node, text.trim(), problems);
    }
    let bare = parse::without_braces(text);
    if bare.is_some() {
        let warning = Diagnostic::warning("this expression has templates in it").at(node.place.clone());
        problems.push(warning.label("each is taken for its value").hint("write it without `{{ }}`"));
    }
    let text = bare.as_deref().unwrap_or(text);
    let mut checker = Checker { node, text, problems, own: Vec::new() };
    let text = parse::unsigned_expression(text);
    match text.as_deref().map_err(Clone::clone).and_then(parse::expression) {
        Ok(tree) => checker.expr(&tree),
        Err(fault) => checker.fault(*fault),
    }
}

impl Checker<'_> {
    fn fault(&mut self, fault: Fault) {
        let fault = fault.leave(|span| places::within(self.node, self.text, span));
        self.problems.push(fault.diagnostic(&self.node.place, Vec::new));
    }

    fn problem(&mut self, fault: Fault, span: Range<usize>) {
        self.fault(fault.at(span));
    }

    /// Macros may call those that stand below them.
    fn whole(&mut self, tree: &Stmt) {
        macros(std::slice::from_ref(tree), &mut self.own);
        self.statement(tree);
    }

    fn body(&mut self, statements: &[Stmt]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Template(template) => self.body(&template.children),
            Stmt::EmitExpr(emit) => self.expr(&emit.expr),
            Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
            Stmt::ForLoop(each) => {
                self.expr(&each.iter);
                each.filter_expr.iter().for_each(|filter| self.expr(filter));
                self.body(&each.body);
                self.body(&each.else_body);
            }
            Stmt::IfCond(cond) => {
                self.expr(&cond.expr);
                self.body(&cond.true_body);
                self.body(&cond.false_body);
            }
            Stmt::WithBlock(with) => {
                with.assignments.iter().for_each(|(_, value)| self.expr(value));
                self.body(&with.body);
            }
            Stmt::Set(set) => {
                if let Expr::Var(var) = &set.target {
                    self.own.push(var.id.to_owned());
                }
                self.expr(&set.expr);
            }
            Stmt::SetBlock(set) => {
                set.filter.iter().for_each(|filter| self.expr(filter));
                self.body(&set.body);
            }
            Stmt::AutoEscape(block) => self.body(&block.body),
            Stmt::FilterBlock(block) => {
                self.expr(&block.filter);
                self.body(&block.body);
            }
            Stmt::Macro(r#macro) => {
                r#macro.defaults.iter().for_each(|default| self.expr(default));
                self.body(&r#macro.body);
            }
            Stmt::CallBlock(block) => {
                self.expr(&block.call.expr);
                self.args(&block.call.args);
                self.body(&block.macro_decl.body);
            }
            Stmt::Do(call) => {
                self.expr(&call.call.expr);
                self.args(&call.call.args);
            }
            Stmt::Include(include) => self.expr(&include.name),
            Stmt::Extends(extends) => self.expr(&extends.name),
            Stmt::Block(block) => self.body(&block.body),
            Stmt::Import(import) => {
                self.expr(&import.expr);
                self.gives(&import.name);
            }
            Stmt::FromImport(import) => {
                self.expr(&import.expr);
                import.names.iter().for_each(|(name, alias)| self.gives(alias.as_ref().unwrap_or(name)));
            }
        }
    }

    /// A name that may be a macro from now on.
    fn gives(&mut self, target: &Expr) {
        if let Expr::Var(var) = target {
            self.own.push(var.id.to_owned());
        }
    }

    fn args(&mut self, args: &[CallArg]) {
        for arg in args {
            match arg {
                CallArg::Pos(expr) | CallArg::Kwarg(_, expr) | CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => self.expr(expr),
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Var(_) | Expr::Const(_) => {}
            Expr::Slice(slice) => {
                self.expr(&slice.expr);
                [&slice.start, &slice.stop, &slice.step].into_iter().flatten().for_each(|bound| self.expr(bound));
            }
            Expr::UnaryOp(op) => self.expr(&op.expr),
            Expr::BinOp(op) => {
                self.expr(&op.left);
                self.expr(&op.right);
            }
            Expr::Compare(chain) => {
                self.expr(&chain.expr);
                chain.ops.iter().for_each(|op| self.expr(&op.expr));
            }
            Expr::IfExpr(choice) => {
                self.expr(&choice.test_expr);
                self.expr(&choice.true_expr);
                choice.false_expr.iter().for_each(|expr| self.expr(expr));
            }
            Expr::Filter(filter) => {
                filter.expr.iter().for_each(|expr| self.expr(expr));
                let span = range(expr.span());
                if filters::find(filter.name).is_none() {
                    self.problem(filters::unknown(filter.name), span.start..span.start + filter.name.len());
                }
                self.named(super::spec::short(filter.name), &filter.args);
                self.args(&filter.args);
            }
            Expr::Test(test) => {
                self.expr(&test.expr);
                let span = range(expr.span());
                if tests::find(test.name).is_none() {
                    self.problem(tests::unknown(test.name), span.start..span.start + test.name.len());
                }
                self.args(&test.args);
            }
            Expr::GetAttr(attr) => self.expr(&attr.expr),
            Expr::GetItem(item) => {
                self.expr(&item.expr);
                self.expr(&item.subscript_expr);
            }
            Expr::Call(call) => {
                match &call.expr {
                    Expr::Var(var) if functions::is_lookup(var.id) => self.lookup(&call.args),
                    Expr::Var(var)
                        if functions::known(var.id)
                            || matches!(var.id, "caller" | "super" | "loop")
                            || self.own.iter().any(|own| own == var.id) => {}
                    Expr::Var(var) => self.problem(functions::unknown(var.id, &[]), range(var.span())),
                    other => self.expr(other),
                }
                self.args(&call.args);
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.expr(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.expr(item)),
            Expr::Map(map) => map.keys.iter().chain(&map.values).for_each(|item| self.expr(item)),
        }
    }

    /// `map('filter')` and `select('test')`
    fn named(&mut self, filter: &str, args: &[CallArg]) {
        let at = usize::from(filter.ends_with("attr"));
        let Some(CallArg::Pos(Expr::Const(name))) = args.get(at) else { return };
        let (span, Some(name)) = (range(name.span()), name.value.as_str()) else { return };
        if filter == "map" && filters::find(name).is_none() {
            self.problem(filters::unknown(name), span);
        } else if TAKES_TEST.contains(&filter) && tests::find(name).is_none() {
            self.problem(tests::unknown(name), span);
        }
    }

    fn lookup(&mut self, args: &[CallArg]) {
        let Some(CallArg::Pos(Expr::Const(name))) = args.first() else { return };
        if let Some(fault) = name.value.as_str().and_then(lookups::problem) {
            self.problem(fault, range(name.span()));
        }
        for arg in args {
            if let CallArg::Pos(Expr::Const(text)) = arg
                && text.value.as_str().is_some_and(looks_like_template)
            {
                let place = places::within(self.node, self.text, Some(range(text.span())));
                let warning = Diagnostic::warning("a template stands inside a template");
                self.problems.push(warning.at(place).hint("write the expression itself: `'/etc/' ~ name` instead of `'/etc/{{ name }}'`"));
            }
        }
    }
}

/// The names of all macros in statements.
fn macros(statements: &[Stmt], names: &mut Vec<String>) {
    for statement in statements {
        match statement {
            Stmt::Macro(r#macro) => {
                names.push(r#macro.name.to_owned());
                macros(&r#macro.body, names);
            }
            Stmt::Template(template) => macros(&template.children, names),
            Stmt::IfCond(cond) => [&cond.true_body, &cond.false_body].iter().for_each(|body| macros(body, names)),
            Stmt::ForLoop(each) => [&each.body, &each.else_body].iter().for_each(|body| macros(body, names)),
            Stmt::WithBlock(block) => macros(&block.body, names),
            Stmt::AutoEscape(block) => macros(&block.body, names),
            _ => {}
        }
    }
}
