//! The threads that requests run on.

use framefan_contract::{Error, Result};
use tokio::runtime::{Builder, Handle};

/// A runtime of its own, which may be dropped anywhere, also inside another one.
pub(super) struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    pub(super) fn start() -> Result<Self> {
        // They wait for the network and decrypt; the cores are for the video.
        let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("aws")
            .enable_all()
            .build()
            .map_err(|e| Error::io("cannot start the threads for requests to AWS", e))?;
        Ok(Runtime(Some(runtime)))
    }

    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.get().block_on(future)
    }

    pub(super) fn handle(&self) -> &Handle {
        self.get().handle()
    }

    fn get(&self) -> &tokio::runtime::Runtime {
        self.0.as_ref().expect("the runtime is there until it is dropped")
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Dropping it plainly would wait for its threads, which is forbidden inside another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
