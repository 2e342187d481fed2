//! Progress of something with an end, on standard error: a bar on a terminal, lines now and then elsewhere.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// How often a line is printed where there is no terminal, unless the words change.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Shows how far something is.
pub struct Meter {
    bar: Option<ProgressBar>,
    last: RefCell<Option<(Instant, String)>>,
}

impl Meter {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3}%  {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Meter { bar, last: RefCell::new(None) }
    }

    /// Shows that `done` of `all` is done. Elsewhere than on a terminal a line appears when `words` change, and every half
    /// a minute.
    pub fn set(&self, done: u64, all: u64, words: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(words.to_owned());
            bar.set_length(all.max(1));
            bar.set_position(done.min(all));
            return;
        }
        let mut last = self.last.borrow_mut();
        let is_news = last.as_ref().is_none_or(|(at, said)| said != words || at.elapsed() >= LINE_EVERY);
        if is_news {
            *last = Some((Instant::now(), words.to_owned()));
            output::note(&format!("{:>3}%  {words}", done.min(all) * 100 / all.max(1)));
        }
    }
}

impl Meter {
    /// Says something once, above the bar where there is one.
    pub fn say(&self, words: &str) {
        match &self.bar {
            Some(bar) => bar.println(words),
            None => output::note(words),
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
