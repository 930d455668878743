//! Lookups of files on this machine, looked for where the task's files are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::convert;
use super::super::fault::{Outcome, fail, fail_hint};
use super::super::files;
use super::super::options::{Newline, TemplateOptions};
use super::super::over::Over;
use super::super::render;
use super::super::repr;
use super::super::value::V;
use super::Asked;
use crate::diagnostics::Source;
use crate::yaml::{Node, Value};

pub(super) fn file(asked: &Asked) -> Outcome<Vec<V>> {
    let one = |name: String| {
        let content = content(asked, &name)?;
        let content = if asked.flag("lstrip", false) { content.trim_start() } else { &content };
        Ok(V::from(if asked.flag("rstrip", true) { content.trim_end() } else { content }))
    };
    asked.texts()?.into_iter().map(one).collect()
}

pub(super) fn unvault(asked: &Asked) -> Outcome<Vec<V>> {
    asked.texts()?.iter().map(|name| content(asked, name).map(V::from)).collect()
}

/// A file's text, opened if it is encrypted.
fn content(asked: &Asked, name: &str) -> Outcome<String> {
    let run = asked.given.run;
    let Some(path) = files::find(run, "files", name)? else {
        let path = files::path(run, name);
        // the reason of the system says more than that it was not found
        return files::read(run, &path);
    };
    let text = files::read(run, &path)?;
    if !crate::yaml::is_encrypted(&text) {
        return Ok(text);
    }
    run.touch(true);
    (run.around.decrypt)(&text).or_else(|(why, hint)| fail_hint(format!("`{}`: {why}", path.display()), hint))
}

pub(super) fn template(asked: &Asked) -> Outcome<Vec<V>> {
    let run = asked.given.run;
    let mut options = TemplateOptions::default();
    let texts = [
        ("variable_start_string", &mut options.variable_start),
        ("variable_end_string", &mut options.variable_end),
        ("block_start_string", &mut options.block_start),
        ("block_end_string", &mut options.block_end),
        ("comment_start_string", &mut options.comment_start),
        ("comment_end_string", &mut options.comment_end),
    ];
    for (name, slot) in texts {
        if let Some(text) = asked.text_option(name)? {
            *slot = text;
        }
    }
    options.trim_blocks = asked.flag("trim_blocks", true);
    options.lstrip_blocks = asked.flag("lstrip_blocks", false);
    options.newline = Newline::Unix;
    let mut found = Vec::new();
    for name in asked.texts()? {
        let Some(path) = files::find(run, "templates", &name)? else {
            return fail_hint(
                format!("there is no template `{}`", super::super::fault::shown(&name)),
                "it is looked for in `templates` of the role and of the playbook, and beside them",
            );
        };
        let text = files::read(run, &path)?;
        let source = Source::new(path.display().to_string(), text.as_str());
        let node = Node::new(text.as_str(), source.whole());
        let full = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        let mut own: BTreeMap<String, Node> = BTreeMap::new();
        let text_node = |text: &str| Node { literal: true, ..Node::new(text, source.whole()) };
        own.insert("template_path".to_owned(), text_node(&name));
        if run.variable("ansible_managed")?.is_none() {
            own.insert("ansible_managed".to_owned(), text_node("Ansible managed"));
        }
        own.insert("template_fullpath".to_owned(), text_node(&full.display().to_string()));
        let about = super::super::about_file(&full);
        own.extend(about.into_iter().map(|(name, value)| (name.to_owned(), Node { literal: true, ..Node::new(value, source.whole()) })));
        // its own directory is the first where what it includes is looked for
        let mut dirs: Vec<PathBuf> = full.parent().map(Path::to_owned).into_iter().collect();
        dirs.extend(files::search(run)?);
        let dirs = dirs.iter().map(|dir| text_node(&dir.display().to_string())).collect();
        own.insert(files::SEARCH.to_owned(), Node { literal: true, ..Node::new(Value::List(dirs), source.whole()) });
        if let Some(more) = asked.option("template_vars") {
            for (key, value) in run.pairs(more)? {
                own.insert(repr::text(run, &key)?, convert::node(run, &value, &source.whole())?);
            }
        }
        let over = Over::new(own, run.scope());
        let (text, options) = super::super::file_text::opened(&text, &options)?;
        let owner = format!("{} {}", run.owner(), name);
        let scope: Arc<dyn super::super::Scope> = Arc::new(over);
        let rendered = run.within(&scope, &owner, || {
            let _level = run.deeper()?;
            render::page(run, &node, &text, &options)
        })?;
        found.push(convert::forced(run, &rendered)?);
    }
    Ok(found)
}

pub(super) fn fileglob(asked: &Asked) -> Outcome<Vec<V>> {
    let run = asked.given.run;
    let mut found = Vec::new();
    for term in asked.texts()? {
        let (folder, name) = term.rsplit_once('/').map_or((None, term.as_str()), |(folder, name)| (Some(folder), name));
        let places: Vec<PathBuf> = match folder {
            Some("") => vec![PathBuf::from("/")],
            Some(folder) => files::find(run, "files", folder)?.into_iter().collect(),
            None => files::search(run)?.into_iter().flat_map(|dir| [dir.join("files"), dir]).collect(),
        };
        for place in places {
            run.spend(100)?;
            let pattern = format!("{}/{name}", glob::Pattern::escape(&place.display().to_string()).trim_end_matches('/'));
            let options =
                glob::MatchOptions { require_literal_leading_dot: true, require_literal_separator: true, ..glob::MatchOptions::new() };
            let Ok(paths) = glob::glob_with(&pattern, options) else { return fail(format!("`{term}` is no pattern of file names")) };
            let paths: Vec<V> =
                paths.flatten().filter(|path| path.is_file()).map(|path| V::from(path.to_string_lossy().into_owned())).collect();
            run.spend(paths.len() as u64)?;
            if !paths.is_empty() {
                found.extend(paths);
                break;
            }
        }
    }
    Ok(found)
}

/// The names in a list, in lists in it, or in a text with these between them.
fn split(asked: &Asked, value: &V, marks: &[char], out: &mut Vec<String>) -> Outcome<()> {
    let _level = asked.given.run.deeper()?;
    match value {
        V::None => {}
        V::Undefined(_) if asked.option(super::FOLDER).is_some() => {}
        V::Str(text) => out.extend(text.split(marks).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)),
        value => asked.given.items(value)?.iter().try_for_each(|item| split(asked, item, marks, out))?,
    }
    Ok(())
}

pub(super) fn first_found(asked: &Asked) -> Outcome<Vec<V>> {
    let run = asked.given.run;
    let mut terms: Vec<V> = asked.terms.to_vec();
    if terms.is_empty() {
        terms.extend(asked.option("files").cloned());
    }
    let mut skip = asked.flag("skip", false);
    let (mut flat, mut names) = (Vec::new(), Vec::new());
    terms.iter().try_for_each(|term| asked.flatten(term, usize::MAX, &mut flat))?;
    for term in flat {
        let (mut wanted, mut paths) = (Vec::new(), Vec::new());
        if term.is_map() {
            for (key, value) in run.pairs(&term)? {
                match key.as_str() {
                    Some("files") => split(asked, &value, &[',', ';'], &mut wanted)?,
                    Some("paths") => split(asked, &value, &[',', ':', ';'], &mut paths)?,
                    Some("skip") => skip = value.truth(),
                    _ => return fail("`first_found` takes files, paths and skip"),
                }
            }
        } else {
            match &term {
                V::Str(_) => split(asked, &term, &[',', ';'], &mut wanted)?,
                V::Undefined(_) if asked.option(super::FOLDER).is_some() => {}
                V::Undefined(fault) => return Err(Box::new((**fault).clone())),
                other => return fail(format!("`first_found` takes texts, mappings and lists, not '{}'", other.python_type())),
            }
            if let Some(value) = asked.option("paths") {
                split(asked, value, &[',', ':', ';'], &mut paths)?;
            }
        }
        match paths.is_empty() {
            true => names.extend(wanted),
            false => {
                names.extend(paths.iter().flat_map(|path| wanted.iter().map(move |name| format!("{}/{name}", path.trim_end_matches('/')))))
            }
        }
    }
    // a loop looks where its task's files are
    let folder = asked.text_option(super::FOLDER)?.unwrap_or_default();
    for name in names {
        run.spend(50)?;
        if let Some(path) = files::find(run, &folder, &name)? {
            return Ok(vec![V::from(files::plain(&path).to_string_lossy().into_owned())]);
        }
    }
    if skip { Ok(Vec::new()) } else { fail_hint("none of the files was found", "`skip=True` takes that as an empty list") }
}
