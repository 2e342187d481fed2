//! Chunks to shards: consecutive, and as equal in cost as can be.

use framefan_contract::plan::{Chunk, Shard};

/// The most expensive chunk in integer units: sums are then exact, and thousands of chunks do not overflow.
const UNITS: f64 = (1u64 << 40) as f64;

/// Deals consecutive chunks out to `shards` shards, or one for each chunk where there are fewer chunks, so that the
/// costliest shard is as cheap as possible and the others are near the average. Every chunk is in exactly one shard and
/// no shard is empty: without chunks there are none. `shards` of 0 is taken as 1.
pub fn deal(job_id: &str, chunks: &[Chunk], shards: u32) -> Vec<Shard> {
    let costs = units(chunks);
    let count = (shards.max(1) as usize).min(chunks.len());
    split(&costs, count)
        .into_iter()
        .enumerate()
        .map(|(number, range)| Shard {
            job_id: job_id.to_owned(),
            shard: number as u32,
            first_chunk: chunks[range.start].index,
            end_chunk: chunks[range.end - 1].index + 1,
        })
        .collect()
}

/// How many shards suit `workers` workers: one each, since every shard more loads the models once more and decodes
/// again up to its first chunk; never more than there are chunks, never 0.
pub fn auto_shards(chunks: &[Chunk], workers: u32) -> u32 {
    workers.min(u32::try_from(chunks.len()).unwrap_or(u32::MAX)).max(1)
}

/// Costs as integers. What is no cost (negative, not a number) counts as nothing.
fn units(chunks: &[Chunk]) -> Vec<u64> {
    let costs = chunks.iter().map(|c| if c.cost.is_finite() { c.cost.max(0.0) } else { 0.0 });
    let most = costs.clone().fold(0.0, f64::max);
    if most == 0.0 {
        return vec![1; chunks.len()];
    }
    costs.map(|cost| (cost / most * UNITS).round() as u64).collect()
}

/// Cuts the row into `count` non-empty consecutive pieces with the least possible greatest sum.
fn split(costs: &[u64], count: usize) -> Vec<std::ops::Range<usize>> {
    if count == 0 {
        return Vec::new();
    }
    let limit = least_limit(costs, count);
    let needed = pieces_needed(costs, limit);
    let mut pieces = Vec::with_capacity(count);
    let mut start = 0;
    let mut rest: u64 = costs.iter().sum();
    for left in (1..=count).rev() {
        // Near the average of what is left, but never over the limit, and so that the rest still fits the pieces left.
        let target = rest / left as u64;
        let mut end = start + 1;
        let mut sum = costs[start];
        while end < costs.len() - (left - 1) {
            let next = costs[end];
            let rest_fits = needed[end] < left;
            if sum + next > limit || (rest_fits && sum + next / 2 >= target) {
                break;
            }
            sum += next;
            end += 1;
        }
        pieces.push(start..end);
        rest -= sum;
        start = end;
    }
    pieces
}

/// The least limit under which `count` pieces are enough, by bisection.
fn least_limit(costs: &[u64], count: usize) -> u64 {
    let mut low = costs.iter().copied().max().unwrap_or(0);
    let mut high = costs.iter().sum();
    while low < high {
        let middle = low + (high - low) / 2;
        if pieces_needed(costs, middle)[0] <= count { high = middle } else { low = middle + 1 }
    }
    low
}

/// For each position, the fewest pieces of sum at most `limit` that cover the row from there; no cost is over `limit`.
fn pieces_needed(costs: &[u64], limit: u64) -> Vec<usize> {
    let mut needed = vec![0; costs.len() + 1];
    let mut end = costs.len();
    let mut sum = 0;
    for start in (0..costs.len()).rev() {
        sum += costs[start];
        while sum > limit {
            end -= 1;
            sum -= costs[end];
        }
        needed[start] = 1 + needed[end];
    }
    needed
}
