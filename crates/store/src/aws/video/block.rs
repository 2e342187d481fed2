//! A piece of a video: bytes that arrive in order and may be read as soon as they are there.

use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use framefan_contract::{Error, ErrorKind, Result};
use tokio::task::AbortHandle;

/// The bytes `[start, end)`, or what of them has arrived.
pub(super) struct Block {
    pub(super) start: u64,
    pub(super) end: u64,
    state: Mutex<State>,
    changed: Condvar,
    task: OnceLock<AbortHandle>,
}

#[derive(Default)]
struct State {
    /// From `start` on.
    bytes: Vec<u8>,
    /// Nothing more comes: all is there, or why not.
    over: Option<Result<(), (ErrorKind, String)>>,
}

impl Block {
    pub(super) fn new(start: u64, end: u64) -> Self {
        Block { start, end, state: Mutex::default(), changed: Condvar::new(), task: OnceLock::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to where bytes have arrived.
    pub(super) fn arrived(&self) -> u64 {
        self.start + self.lock().bytes.len() as u64
    }

    /// Whether nothing more comes.
    pub(super) fn is_over(&self) -> bool {
        self.lock().over.is_some()
    }

    /// Takes bytes that begin at `at`; what has arrived already is skipped, so two requests may bring the same bytes.
    pub(super) fn take(&self, at: u64, bytes: &[u8]) {
        let mut state = self.lock();
        let arrived = self.start + state.bytes.len() as u64;
        let known = usize::try_from(arrived.saturating_sub(at)).unwrap_or(usize::MAX);
        if at > arrived || known >= bytes.len() {
            return;
        }
        if state.bytes.is_empty() {
            state.bytes.reserve_exact(usize::try_from(self.end - self.start).unwrap_or(0));
        }
        state.bytes.extend_from_slice(&bytes[known..]);
        drop(state);
        self.changed.notify_all();
    }

    /// Says that nothing more comes. The first word stands.
    pub(super) fn end_with(&self, outcome: Result<()>) {
        let mut state = self.lock();
        let outcome = outcome.map_err(|error| (error.kind(), error.message().to_owned()));
        state.over.get_or_insert(outcome);
        drop(state);
        self.changed.notify_all();
    }

    /// Copies bytes from `at` on, at least one, as soon as they are there.
    pub(super) fn copy(&self, at: u64, buf: &mut [u8]) -> Result<usize> {
        let from = usize::try_from(at - self.start).map_err(|_| Error::defect("a block is larger than memory"))?;
        let mut state = self.lock();
        loop {
            if let Some(there) = state.bytes.get(from..).filter(|there| !there.is_empty()) {
                let count = buf.len().min(there.len());
                buf[..count].copy_from_slice(&there[..count]);
                return Ok(count);
            }
            match &state.over {
                Some(Err((kind, message))) => return Err(Error::new(*kind, message.clone())),
                Some(Ok(())) => return Err(Error::defect(format!("a fetched block ends before byte {at}"))),
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Remembers the task that fetches it.
    pub(super) fn fetched_by(&self, task: AbortHandle) {
        let _ = self.task.set(task);
    }

    /// Ends the task that fetches it.
    pub(super) fn abort(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}
