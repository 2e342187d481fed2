//! Bringing a block from S3: in order, repeated where it breaks, asked for twice where it is slow.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use framefan_contract::{Error, Result};

use super::Shared;
use super::block::Block;
use crate::aws::errors::{chain, failed, status};

/// Tries of a block, each of which goes on where the last one broke. The SDK repeats requests that were not answered.
const TRIES: u32 = 5;

/// How long to wait after the first broken try; doubled after each further one.
const PAUSE: Duration = Duration::from_millis(100);

/// Fills a block. Whatever happens, also when the task is ended, whoever waits for the block hears of it.
pub(super) async fn fetch(shared: Arc<Shared>, block: Arc<Block>) {
    struct Ended(Arc<Block>);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.end_with(Err(Error::retryable("reading ahead was stopped")));
        }
    }
    let ended = Ended(block);
    let block = &ended.0;
    let begun = Instant::now();
    let mut outcome = Ok(());
    for attempt in 0..TRIES {
        outcome = fill(&shared, block).await;
        match &outcome {
            Err(error) if error.kind().is_retryable() => tokio::time::sleep(PAUSE * (1 << attempt)).await,
            _ => break,
        }
    }
    if outcome.is_ok() {
        shared.pace().took(begun.elapsed());
    } else {
        shared.blocks.lock().unwrap_or_else(PoisonError::into_inner).remove(block);
    }
    block.end_with(outcome);
}

/// Asks for what of the block has not arrived. When nothing more comes for too long, asks a second time; the first to be
/// complete ends both. A request that is slow but comes along is left alone: a second one would only share its line.
async fn fill(shared: &Shared, block: &Block) -> Result<()> {
    let from = block.arrived();
    if from == block.end {
        return Ok(());
    }
    let first = request(shared, block, from);
    tokio::pin!(first);
    let patience = shared.pace().patience();
    let mut from = from;
    loop {
        tokio::select! {
            outcome = &mut first => return outcome,
            () = tokio::time::sleep(patience) => {}
        }
        let arrived = block.arrived();
        if arrived == from {
            break;
        }
        from = arrived;
    }
    if !shared.pace().may_ask_again(block.end - from, shared.fetched.load(Ordering::Relaxed)) {
        return first.await;
    }
    let second = request(shared, block, from);
    tokio::pin!(second);
    // A failure of one leaves the other.
    tokio::select! {
        outcome = &mut first => if outcome.is_ok() { outcome } else { second.await },
        outcome = &mut second => if outcome.is_ok() { outcome } else { first.await },
    }
}

/// One request for the block's bytes from `from` on.
async fn request(shared: &Shared, block: &Block, from: u64) -> Result<()> {
    let answer = shared
        .client
        .get_object()
        .bucket(&shared.bucket)
        .key(&shared.key)
        .set_version_id(shared.version_id.clone())
        .if_match(&shared.etag)
        .range(format!("bytes={from}-{}", block.end - 1))
        .send()
        .await
        .map_err(|e| match status(&e) {
            Some(412) => shared.changed(),
            _ => failed(format!("cannot read {}", shared.name), e),
        })?;
    let length = answer.content_length.unwrap_or(0);
    if u64::try_from(length).ok() != Some(block.end - from) {
        return Err(Error::retryable(format!(
            "cannot read {}: asked for the {} bytes from {from} on, the answer has {length}",
            shared.name,
            block.end - from
        )));
    }
    let broken = |why: String| Error::retryable(format!("cannot read {} at byte {from}: {why}", shared.name));
    let mut at = from;
    let mut body = answer.body;
    while at < block.end {
        let bytes = body
            .try_next()
            .await
            .map_err(|e| broken(chain(&e)))?
            .ok_or_else(|| broken("the connection ended early".to_owned()))?;
        shared.fetched.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let rest = usize::try_from(block.end - at).unwrap_or(usize::MAX);
        block.take(at, &bytes[..bytes.len().min(rest)]);
        at += bytes.len() as u64;
    }
    Ok(())
}
