//! One line for each host at work, on a terminal; gone when done.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Event, Renderer, Stamped, escape};

/// How many hosts have a line; the others are only counted.
const LINES: usize = 20;

/// Progress lines around another renderer, which writes while they are away.
pub struct Progress<R> {
    screen: MultiProgress,
    inner: R,
    total: Option<ProgressBar>,
    widest: usize,
    /// Hosts with a line.
    lines: Vec<(Arc<str>, ProgressBar)>,
    /// Hosts at work that wait for a free line, and what they do.
    waiting: VecDeque<(Arc<str>, String)>,
}

impl<R: Renderer> Progress<R> {
    /// Draws on `screen` (stderr) around what `inner` writes.
    pub fn new(screen: MultiProgress, inner: R) -> Self {
        Self { screen, inner, total: None, widest: 0, lines: Vec::new(), waiting: VecDeque::new() }
    }

    fn begin(&mut self, command: &str, hosts: &[Arc<str>]) {
        self.widest = hosts.iter().map(|host| host.chars().count()).max().unwrap_or(0);
        let total = self.screen.add(ProgressBar::new(hosts.len() as u64));
        total.set_style(style("{prefix}  {bar:24}  {pos} of {len} hosts  {elapsed}").progress_chars("━╸ "));
        total.set_prefix(command.to_owned());
        // from now on it draws itself at this rate, and not at every change
        total.enable_steady_tick(Duration::from_millis(100));
        self.total = Some(total);
    }

    fn does(&mut self, host: &Arc<str>, doing: String) {
        if let Some((_, line)) = self.lines.iter().find(|(name, _)| name == host) {
            line.set_message(doing);
        } else if let Some((_, waiting)) = self.waiting.iter_mut().find(|(name, _)| name == host) {
            *waiting = doing;
        } else if self.lines.len() < LINES {
            let line = self.screen.add(ProgressBar::new_spinner());
            line.set_style(style("  {prefix}  {wide_msg}"));
            line.set_prefix(format!("{:1$}", escape::line(host), self.widest));
            line.set_message(doing);
            self.lines.push((Arc::clone(host), line));
        } else {
            self.waiting.push_back((Arc::clone(host), doing));
        }
    }

    fn done(&mut self, host: &Arc<str>) {
        if let Some(total) = &self.total {
            total.inc(1);
        }
        self.waiting.retain(|(name, _)| name != host);
        if let Some(at) = self.lines.iter().position(|(name, _)| name == host) {
            self.lines.remove(at).1.finish_and_clear();
            if let Some((next, doing)) = self.waiting.pop_front() {
                self.does(&next, doing);
            }
        }
    }

    fn end(&mut self) {
        for (_, line) in self.lines.drain(..) {
            line.finish_and_clear();
        }
        if let Some(total) = self.total.take() {
            total.finish_and_clear();
        }
        self.waiting.clear();
    }
}

impl<R: Renderer> Renderer for Progress<R> {
    fn writes(&self) -> &'static str {
        self.inner.writes()
    }

    fn writes_at(&self, event: &Stamped) -> bool {
        self.inner.writes_at(event)
    }

    fn event(&mut self, event: &Stamped) -> io::Result<()> {
        match &event.event {
            Event::RunStarted { command, hosts, .. } => self.begin(command, hosts),
            Event::HostDoes { host, doing } => self.does(host, escape::line(doing)),
            Event::HostFinished(answer) => self.done(&answer.host),
            Event::RunFinished { .. } => self.end(),
            Event::Notice { .. } | Event::Found(_) | Event::TaskFinished(_) => {}
        }
        if self.inner.writes_at(event) {
            let (screen, inner) = (&self.screen, &mut self.inner);
            screen.suspend(|| inner.event(event))
        } else {
            self.inner.event(event)
        }
    }
}

/// A template of ours; were one wrong, the tests would see nothing drawn.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::super::test_screen::{Buffer, exec, run};
    use super::super::{JsonLines, test_screen::ping};
    use super::*;
    use indicatif::{InMemoryTerm, ProgressDrawTarget};

    #[test]
    fn a_line_for_each_host_at_work_and_nothing_when_done() {
        let terminal = InMemoryTerm::new(30, 60);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
        let out = Buffer::default();
        let mut progress = Progress::new(MultiProgress::with_draw_target(target), JsonLines::log(out.clone()));
        let hosts: Vec<String> = (1..=25).map(|n| format!("m{n}")).collect();
        let events = run("exec", hosts.iter().map(|host| exec(host, 0, "", "")).collect());
        let stamp = |event| Stamped::new(events[0].time, event);
        progress.event(&events[0]).unwrap();
        for host in &hosts {
            progress.event(&stamp(Event::HostDoes { host: host.as_str().into(), doing: "conn\x1b[2Jecting".into() })).unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
        progress.event(&stamp(Event::HostFinished(ping("m1", "root", 3)))).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        progress.event(&stamp(Event::HostDoes { host: "m2".into(), doing: "reading facts".into() })).unwrap();
        let seen = |text: &str| {
            let found = (0..100).any(|_| {
                std::thread::sleep(Duration::from_millis(20));
                terminal.contents().contains(text)
            });
            assert!(found, "{text} in {}", terminal.contents());
        };
        seen("1 of 25 hosts");
        seen("  m2   reading facts\n  m3   conn\\x1b[2Jecting\n");
        let drawn = terminal.contents();
        assert!(!drawn.contains("  m1 "), "{drawn}");
        assert!(drawn.contains("m21") && !drawn.contains("m22"), "the next one in the queue has a line now: {drawn}");
        progress.event(&events[events.len() - 1]).unwrap();
        assert_eq!(terminal.contents(), "");
        assert_eq!(out.text().lines().count(), 29, "the renderer inside sees every event");
    }
}
