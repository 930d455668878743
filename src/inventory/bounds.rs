//! Short texts that ask for much: each is answered at once, and in little memory.

use std::time::{Duration, Instant};

use super::Pattern;
use super::testing::{inventory, read_all};
use crate::diagnostics::{Diagnostics, Source};
use crate::inventory::{Given, Inventory};

/// As long as the texts are.
const LENGTH: usize = 64 << 10;

fn read(text: &str) -> Result<(Inventory, Diagnostics), Diagnostics> {
    read_all(&[Given::Text(Source::new("hosts", text))])
}

fn fill(head: &str, line: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for count in 0.. {
        let line = line(count);
        if text.len() + line.len() > LENGTH {
            return text;
        }
        text += &line;
    }
    text
}

/// A second for what is optimised; tests are not, and share the machine.
fn at_once<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{what} took {took:?}");
    result
}

#[test]
fn what_stands_in_files() {
    let chain = |count: usize| format!("[a{count}:children]\na{}\n", count + 1);
    for (what, text, error) in [
        ("many ranges", fill("", |count| format!("a{count}-[1:99999]\n")), "stand for more than"),
        ("many variables in a range", fill("a[1:99999]", |count| format!(" v{count}=1")), "stand for more than"),
        ("a long value in a range", fill("a[1:99999] v=", |_| "x".into()), "stand for more than"),
        ("a long name with a range", fill("a[1:99999]", |_| "x".into()), "stands for more than"),
        ("the same range in many groups", fill("", |count| format!("[g{count}]\na[1:9999]\n")), "stand for more than"),
        ("ranges with a number each", fill("", |_| "[1:1]".into()), ""),
        ("undeclared groups", fill("[a]\n[c:children]\n", |count| format!("x{count}\n")), "nowhere declared"),
        ("as many declared ones", fill("", |count| format!("[g{count}]\n[g{count}:children]\nx{count}\n")), "nowhere declared"),
        ("two long names", format!("[c:children]\n{0}a\n[{0}b]\n", "x".repeat(LENGTH / 2)), "nowhere declared"),
        ("circles", fill("", |count| format!("[a{count}:children]\na0\na{}\n", count + 1)) + "[a0]\n", "is in itself"),
        ("a long chain", fill("", chain), "nowhere declared"),
        ("a host in many groups", fill("", |count| format!("[a{count}]\nm\n")), ""),
        ("many children", fill("[c:children]\n", |count| format!("x{count}\n")) + "[x0]\n", "nowhere declared"),
        ("many members of a set", fill("m\n[m:vars]\nx={0", |count| format!(",{count}")) + "}\n[m]\n", ""),
        ("a deep literal", fill("[all:vars]\nx=", |_| "[".into()), ""),
        ("a large number", fill("[all:vars]\nx=1", |_| "1".into()), ""),
        ("many mistakes", fill("", |_| "m a\n".into()), "sets no variable"),
        ("many sections", fill("", |_| "[x:y]\n".into()), "unknown kind of section"),
        ("brackets", fill("a: ", |_| "[".into()), ""),
        ("dashes", fill("", |_| "- ".into()), ""),
        ("questions", fill("", |_| "? ".into()), ""),
        ("many aliases", fill("all: {vars: {a: &a [x], b: [", |_| "*a,".into()) + "x]}}\n", ""),
        ("aliases of a long list", fill("all: {vars: {a: &a [", |_| "1,".into()) + &"*b".repeat(9) + "]}}\n", ""),
        ("a long line", fill("all: {vars: {a: '", |_| "''".into()) + "'}}\n", ""),
        ("many directives", fill("", |count| format!("%TAG !{count}! x\n")) + "--- {}\n", ""),
        (
            "one value in many",
            {
                let list = "x,".repeat(LENGTH / 4);
                fill(&format!("all: {{vars: {{a: &a [{list}], b: ["), |_| "*a,".into()) + "]}}\n"
            },
            "more than 2000000 values",
        ),
        (
            "merges of one mapping",
            {
                let map: String = (0..3000).map(|count| format!("k{count}: ,")).collect();
                fill(&format!("all: {{vars: {{a: &a {{{map}}}, b: {{<<: ["), |_| "*a,".into()) + "]}}}\n"
            },
            "",
        ),
    ] {
        let (_, problems) = match at_once(what, || read(&text)) {
            Ok((inventory, warnings)) => {
                at_once("listed", || inventory.list_json(&inventory.all_hosts(), super::ansible_look(None)));
                (Some(inventory), warnings)
            }
            Err(problems) => (None, problems),
        };
        let said = problems.0.iter().any(|problem| problem.message.contains(error));
        assert!(said || error.is_empty(), "{what}: {:?}", problems.0.first());
    }
}

#[test]
fn graphs_that_double_with_every_level() {
    let text = fill("", |count| format!("[a{count}:children]\na{0}\nb{0}\n[b{count}:children]\na{0}\nb{0}\n", count + 1));
    let last = text.rsplit("[a").next().unwrap().split(':').next().unwrap().parse::<usize>().unwrap() + 1;
    let (inventory, _) = read(&format!("{text}[a{last}]\nm\n[b{last}]\n")).unwrap();
    let graph = at_once("a graph", || inventory.graph(inventory.group("all").unwrap(), true, false));
    assert!(graph.len() < 300 << 20 && graph.ends_with("(the rest is left out: the graph is too large)"));
}

#[test]
fn patterns() {
    let many = inventory(&fill("", |count| format!("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{count}\n")));
    for (pattern, error) in [
        ("~(a|a)*\\1x".to_owned(), "takes too many steps"),
        ("~(?:a+)+(?=x)b".to_owned(), ""),
        ("~(?:(?1)(?1)(?1)|(a(?1)(?1)(?1)))".to_owned(), "is no regular expression"),
        ("~(((a{1000}){1000}){1000}){1000}".to_owned(), ""),
        ("~((((\\1a){1000}){1000}){1000}){1000}".to_owned(), ""),
        (fill("~", |_| "(".into()), "is no regular expression"),
        (fill("~", |_| "a?".into()), ""),
        (fill("", |_| "*".into()), ""),
        (fill("", |_| "*a".into()), "no host and no group matches"),
        (fill("", |_| "[".into()), "no host and no group matches"),
        (fill("", |count| format!("x{count},")), "no host and no group matches"),
    ] {
        let what = &pattern[..pattern.len().min(40)];
        let result = at_once(what, || Pattern::new("--limit", &pattern).select(&many).map(|hosts| hosts.len()));
        let said = result.is_err_and(|problems| problems.0.iter().any(|problem| problem.message.contains(error)));
        assert!(said || error.is_empty(), "{what}");
    }
}
