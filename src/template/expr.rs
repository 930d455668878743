//! Expressions.

use minijinja::machinery::ast::{self, BinOpKind, CompareOpKind, Expr, UnaryOpKind};

use crate::yaml::looks_like_template;

use super::compare;
use super::fault::{Fault, Names, Outcome, fail_hint, shown};
use super::methods;
use super::operators;
use super::parse::range;
use super::render::{self, Eval};
use super::strings;
use super::value::{Dict, V};

impl<'t> Eval<'t> {
    /// The value of an expression. Something undefined is a value, until it is used.
    pub fn expr(&mut self, expr: &'t Expr<'t>) -> Outcome<V> {
        let _level = self.run.deeper()?;
        self.value_of(expr).map_err(|fault| Box::new(fault.at(range(expr.span()))))
    }

    /// The value of an expression that has to be there.
    pub fn defined(&mut self, expr: &'t Expr<'t>) -> Outcome<V> {
        match self.expr(expr)?.filled() {
            V::Undefined(fault) => Err(Box::new((*fault).clone().at(range(expr.span())))),
            value => Ok(value),
        }
    }

    /// Only tells who does it: expressions nest, and each arm would take room on the stack of every level.
    fn value_of(&mut self, expr: &'t Expr<'t>) -> Outcome<V> {
        match expr {
            Expr::Var(var) => self.variable(var.id, expr),
            Expr::Const(constant) => self.constant(constant, expr),
            Expr::Slice(slice) => self.slice(slice),
            Expr::UnaryOp(op) => self.unary(op),
            Expr::BinOp(op) => self.binary(op),
            Expr::Compare(chain) => self.chain(chain),
            Expr::IfExpr(choice) => self.choice(choice, expr),
            Expr::Filter(filter) => self.piped(filter),
            Expr::Test(test) => self.test(test),
            Expr::GetAttr(attr) => self.attribute(attr, expr),
            Expr::GetItem(item) => self.item(item, expr),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.several(&list.items).map(V::list),
            Expr::Tuple(tuple) => self.several(&tuple.items).map(V::tuple),
            Expr::Map(map) => self.mapping(map),
        }
    }

    fn unary(&mut self, op: &'t ast::UnaryOp<'t>) -> Outcome<V> {
        match op.op {
            UnaryOpKind::Not => Ok(V::Bool(!self.truth(&op.expr)?)),
            UnaryOpKind::Neg => operators::negated(&self.defined(&op.expr)?),
        }
    }

    fn chain(&mut self, chain: &'t ast::Compare<'t>) -> Outcome<V> {
        let mut left = self.defined(&chain.expr)?;
        for op in &chain.ops {
            let right = self.defined(&op.expr)?;
            if !compare::holds(self.run, op.op, &left, &right)? {
                return Ok(V::Bool(false));
            }
            left = right;
        }
        Ok(V::Bool(true))
    }

    fn choice(&mut self, choice: &'t ast::IfExpr<'t>, expr: &Expr) -> Outcome<V> {
        if self.truth(&choice.test_expr)? {
            return self.expr(&choice.true_expr);
        }
        match &choice.false_expr {
            Some(otherwise) => self.expr(otherwise),
            None => Ok(self.nothing_otherwise(expr)),
        }
    }

    fn nothing_otherwise(&self, expr: &Expr) -> V {
        let mut fault = Fault::undefined("the condition is false, and there is no `else`").hint("write `… else ''`");
        fault.blank = true;
        self.undefined(fault, range(expr.span()))
    }

    fn piped(&mut self, filter: &'t ast::Filter<'t>) -> Outcome<V> {
        let value = match &filter.expr {
            Some(inner) => self.expr(inner)?,
            None => V::None,
        };
        self.filter(filter, &value)
    }

    fn several(&mut self, items: &'t [Expr<'t>]) -> Outcome<Vec<V>> {
        self.run.spend(items.len() as u64)?;
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(self.expr(item)?);
        }
        Ok(values)
    }

    fn mapping(&mut self, map: &'t ast::Map<'t>) -> Outcome<V> {
        self.run.spend(map.keys.len() as u64 * 2)?;
        let mut dict = Dict::new();
        for (key, value) in map.keys.iter().zip(&map.values) {
            let (name, value) = (self.defined(key)?, self.expr(value)?);
            if !dict.insert(name, value) {
                return Err(Box::new(Fault::new("a list or a mapping cannot be a key").at(range(key.span()))));
            }
        }
        Ok(V::dict(dict))
    }

    fn constant(&mut self, constant: &ast::Const, expr: &Expr) -> Outcome<V> {
        if let Some(text) = constant.value.as_str() {
            let source = self.text.get(range(expr.span())).unwrap_or("");
            let text = self.raw.then(|| strings::raw(source)).flatten().unwrap_or_else(|| text.to_owned());
            // Ansible renders texts of templates in these two places, and warns
            if self.embedded && looks_like_template(&text) {
                return render::template(self.run, self.node, &text);
            }
            return Ok(V::from(text));
        }
        Ok(strings::constant(&constant.value))
    }

    fn variable(&mut self, name: &str, expr: &Expr) -> Outcome<V> {
        if let Some(value) = self.local(name) {
            return Ok(value);
        }
        if let Some(value) = if self.blind { None } else { self.run.variable(name)? } {
            return Ok(match value {
                // where it is used belongs to it as well
                V::Undefined(fault) => self.undefined((*fault).clone(), range(expr.span())),
                value => value,
            });
        }
        if super::functions::known(name) {
            return fail_hint(format!("`{name}` is a function"), format!("call it: `{name}(…)`"));
        }
        let mut fault = Fault::undefined(format!("`{}` is not defined", shown(name)));
        match name {
            "omit" => fault.hint = Some("`omit` leaves out what a task is given; here something has to be given".to_owned()),
            name => fault.wanted = Some((name.to_owned(), Names::Variables)),
        }
        Ok(self.undefined(fault, range(expr.span())))
    }

    /// `value.name`
    fn attribute(&mut self, attr: &'t ast::GetAttr<'t>, expr: &Expr) -> Outcome<V> {
        if let Expr::Var(var) = &attr.expr
            && matches!(var.id, "ansible_facts" | "vars")
            && self.local(var.id).is_none()
            && let Some(value) = self.run.entry(var.id, attr.name)?
        {
            return Ok(value);
        }
        let value = self.expr(&attr.expr)?;
        if let V::Undefined(_) = value {
            return Ok(value);
        }
        self.named(&value, attr.name, expr, &attr.expr)
    }

    fn named(&self, value: &V, name: &str, expr: &Expr, of: &Expr) -> Outcome<V> {
        if let (false, Some(found)) = (methods::known(value, name), self.run.get(value, &V::from(name))?) {
            return Ok(self.referred(found, expr));
        }
        if methods::known(value, name) {
            let hint = format!("call it: `.{name}()`; a key of that name is read with `['{name}']`");
            return fail_hint(format!("`{name}` is a method of {}", value.kind()), hint);
        }
        Ok(self.missing(value, &V::from(name), expr, of))
    }

    /// `value[key]`
    fn item(&mut self, item: &'t ast::GetItem<'t>, expr: &Expr) -> Outcome<V> {
        if let Expr::Var(var) = &item.expr
            && super::run::Run::has_entries(var.id)
            && self.local(var.id).is_none()
        {
            let key = self.defined(&item.subscript_expr)?;
            if let Some(value) = key.as_str().map(|key| self.run.entry(var.id, key)).transpose()?.flatten() {
                return Ok(value);
            }
        }
        let value = self.expr(&item.expr)?;
        let key = self.defined(&item.subscript_expr)?;
        if let V::Undefined(_) = value {
            return Ok(value);
        }
        Ok(match self.run.get(&value, &key)? {
            Some(found) => self.referred(found, expr),
            None => self.missing(&value, &key, expr, &item.expr),
        })
    }

    fn referred(&self, found: V, expr: &Expr) -> V {
        match found {
            V::Undefined(fault) => self.undefined((*fault).clone(), range(expr.span())),
            found => found,
        }
    }

    fn missing(&self, value: &V, key: &V, expr: &Expr, of: &Expr) -> V {
        if let (Expr::Var(var), Some(name)) = (of, key.as_str())
            && self.local(var.id).is_none()
        {
            self.run.missed(var.id, name);
        }
        let owner = self.text.get(range(of.span())).filter(|text| text.len() < 60 && !text.contains(['\n', '\'', '"']));
        let owner = owner.map_or_else(|| value.kind().to_owned(), |owner| format!("`{owner}`"));
        let mut fault = match key {
            // a key that was computed may be a secret; one that is written in the template is not
            V::Str(name) if self.text.contains(&**name) => {
                let mut fault = match value.is_map() || matches!(value, V::Namespace(_)) {
                    true => Fault::undefined(format!("{owner} has no `{}`", shown(name))),
                    false => Fault::undefined(format!("{owner} has no `{}`: it is {}", shown(name), value.kind())),
                };
                fault.wanted = Some((name.to_string(), Names::Keys(value.clone())));
                fault
            }
            V::Int(number) if value.is_list() => Fault::undefined(format!("{owner} has no item {number}")),
            _ => Fault::undefined(format!("{owner} has no such item")),
        };
        if value.is_list() && key.as_str().is_some() {
            fault.wanted = None;
        }
        self.undefined(fault, range(expr.span()))
    }

    fn slice(&mut self, slice: &'t ast::Slice<'t>) -> Outcome<V> {
        let value = self.defined(&slice.expr)?;
        let mut bounds = [None, None, None];
        for (bound, expr) in bounds.iter_mut().zip([&slice.start, &slice.stop, &slice.step]) {
            if let Some(expr) = expr {
                match self.defined(expr)? {
                    V::None => {}
                    V::Int(number) => *bound = Some(number),
                    other => return super::fault::fail(format!("a slice needs whole numbers, not {}", other.kind())),
                }
            }
        }
        let [start, stop, step] = bounds;
        operators::slice(self.run, &value, start, stop, step.unwrap_or(1))
    }

    fn binary(&mut self, op: &'t ast::BinOp<'t>) -> Outcome<V> {
        let left = self.defined(&op.left)?;
        match op.op {
            BinOpKind::ScAnd => return if left.truth() { self.defined(&op.right) } else { Ok(left) },
            BinOpKind::ScOr => return if left.truth() { Ok(left) } else { self.defined(&op.right) },
            _ => {}
        }
        let right = self.defined(&op.right)?;
        let comparison = match op.op {
            BinOpKind::Eq => CompareOpKind::Eq,
            BinOpKind::Ne => CompareOpKind::Ne,
            BinOpKind::Lt => CompareOpKind::Lt,
            BinOpKind::Lte => CompareOpKind::Lte,
            BinOpKind::Gt => CompareOpKind::Gt,
            BinOpKind::Gte => CompareOpKind::Gte,
            BinOpKind::In => CompareOpKind::In,
            other => return operators::binary(self.run, other, &left, &right),
        };
        Ok(V::Bool(compare::holds(self.run, comparison, &left, &right)?))
    }
}
