//! What must hold of every plan, on random videos, checked without the planner's own data structures.

mod common;

use common::{Gop, Made, index, video};
use framefan_contract::Rational;
use framefan_contract::plan::Chunk;
use framefan_contract::video::IndexMethod;
use framefan_planner::{PlanInput, deal, plan};
use proptest::prelude::*;

fn gops() -> impl Strategy<Value = Vec<Gop>> {
    let gop = (0usize..4, 0usize..4, prop::collection::vec(1i64..400, 1..60), 0usize..5);
    let gop = gop.prop_map(|(leading, b, durations, silent_every)| Gop { leading, b, durations, silent_every });
    prop::collection::vec(gop, 1..30).prop_map(|mut gops| {
        // The first group has no group before it to refer to.
        gops[0].leading = 0;
        gops
    })
}

fn method() -> impl Strategy<Value = IndexMethod> {
    prop_oneof![Just(IndexMethod::Tables), Just(IndexMethod::DecodeScan)]
}

/// The ordinals of the frames in the chunk, and of the `stencil` frames displayed before it.
fn wanted(made: &Made, chunk: &Chunk, stencil: usize) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<(i64, usize)> =
        made.index.packets.iter().enumerate().filter_map(|(o, p)| p.pts.map(|t| (t, o))).collect();
    order.sort();
    let inside: Vec<usize> =
        order.iter().filter(|f| (chunk.start_pts..chunk.end_pts).contains(&f.0)).map(|f| f.1).collect();
    let before: Vec<usize> = order.iter().filter(|f| f.0 < chunk.start_pts).map(|f| f.1).collect();
    (inside, before[before.len().saturating_sub(stencil)..].to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_frame_is_in_one_chunk_that_can_be_decoded(
        gops in gops(),
        method in method(),
        first_pts in -5000i64..5000,
        chunk_ms in 300i64..20_000,
        stencil in 0u32..4,
    ) {
        let made = index(&gops, method, first_pts);
        let packets = &made.index.packets;
        let video = video(&made.index, Rational { num: 1, den: 1000 });
        let chunk_seconds = Rational::new(chunk_ms, 1000).unwrap();
        let plan = plan(&PlanInput {
            job_id: "j", video: &video, index: &made.index, notes: &[], chunk_seconds, stencil, sampling: None, sample_cost: 1.0,
        }).unwrap();

        let mut end = video.origin_pts;
        let mut frames = 0;
        for (number, chunk) in plan.chunks.iter().enumerate() {
            prop_assert_eq!(chunk.index as usize, number);
            prop_assert_eq!(chunk.start_pts, end, "a gap or an overlap");
            prop_assert!(chunk.start_pts < chunk.end_pts);
            end = chunk.end_pts;

            let (inside, before) = wanted(&made, chunk, stencil as usize);
            prop_assert_eq!(chunk.frames as usize, inside.len());
            prop_assert!(chunk.frames > 0);
            frames += inside.len();

            let from = chunk.decode_from.ordinal as usize;
            let to = chunk.end_packet as usize;
            for &ordinal in inside.iter().chain(&before) {
                prop_assert!(from <= ordinal && ordinal < to);
                prop_assert!(from <= made.needs[ordinal], "packet {} needs {}", ordinal, made.needs[ordinal]);
            }
            prop_assert!(to <= packets.len());
            prop_assert!(to <= inside.iter().chain(&before).max().unwrap() + 2, "more is read than needed");

            // It starts at the last key that will do, and says which packet that is.
            let first_wanted = inside.iter().chain(&before).filter_map(|&o| packets[o].pts).min().unwrap();
            let first_ordinal = *inside.iter().chain(&before).min().unwrap();
            let best = (0..=first_ordinal).rev().find(|&o| packets[o].key && packets[o].pts.is_some_and(|t| t <= first_wanted));
            prop_assert_eq!(from, best.unwrap_or(0));
            prop_assert_eq!(chunk.decode_from.pts, packets[from].pts);
            prop_assert_eq!(chunk.decode_from.pos, packets[from].pos);

            let read = &packets[from..to];
            prop_assert_eq!(chunk.byte_range[0], read.iter().map(|p| p.pos).min().unwrap());
            prop_assert_eq!(chunk.byte_range[1], read.iter().map(|p| p.pos + u64::from(p.size)).max().unwrap());
            let times = (method == IndexMethod::DecodeScan).then(|| read.iter().map(|p| p.pts).collect::<Vec<_>>());
            prop_assert_eq!(&chunk.times, &times);

            // A chunk is short only when it is alone, and long only where there was no place to cut.
            let length = chunk.end_pts - chunk.start_pts;
            prop_assert!(plan.chunks.len() == 1 || length * 3 >= chunk_ms, "{} ms", length);
            let longest_frame = 400;
            prop_assert!(length <= 7 * chunk_ms + longest_frame, "{} ms", length);
            let key = packets.iter().any(|p| p.key && p.pts == Some(chunk.start_pts));
            prop_assert!(key || number == 0 || !plan.notes.is_empty(), "cut between keyframes without saying so");
        }
        prop_assert_eq!(end, made.index.end_pts);
        prop_assert_eq!(frames, packets.iter().filter(|p| p.pts.is_some()).count());
        let duration = made.index.end_pts - video.origin_pts;
        prop_assert!(plan.chunks.len() as i64 <= duration / chunk_ms + 1);
    }

    #[test]
    fn deals_are_as_equal_as_can_be(costs in prop::collection::vec(0u32..50, 0..9), shards in 0u32..12) {
        let chunks = chunks(&costs);
        let dealt = deal("j", &chunks, shards);
        let count = (shards.max(1) as usize).min(chunks.len());
        prop_assert_eq!(dealt.len(), count);
        let mut next = 0;
        for (number, shard) in dealt.iter().enumerate() {
            prop_assert_eq!(shard.shard as usize, number);
            prop_assert_eq!(shard.first_chunk, next);
            prop_assert!(shard.end_chunk > shard.first_chunk);
            next = shard.end_chunk;
        }
        prop_assert_eq!(next as usize, chunks.len());
        let greatest = dealt.iter().map(|s| costs[s.first_chunk as usize..s.end_chunk as usize].iter().sum::<u32>()).max();
        prop_assert_eq!(greatest, best_greatest(&costs, count));
    }
}

/// Tries every way to cut.
fn best_greatest(costs: &[u32], count: usize) -> Option<u32> {
    if count == 0 {
        return None;
    }
    if count == 1 {
        return Some(costs.iter().sum());
    }
    (1..=costs.len() - (count - 1))
        .filter_map(|first| Some(best_greatest(&costs[first..], count - 1)?.max(costs[..first].iter().sum())))
        .min()
}

fn chunks(costs: &[u32]) -> Vec<Chunk> {
    let one = Gop { leading: 0, b: 0, durations: vec![10], silent_every: 0 };
    let made = index(&[one], IndexMethod::Tables, 0);
    let video = video(&made.index, Rational { num: 1, den: 1000 });
    let plan = plan(&PlanInput {
        job_id: "j",
        video: &video,
        index: &made.index,
        notes: &[],
        chunk_seconds: Rational { num: 1, den: 1 },
        stencil: 0,
        sampling: None,
        sample_cost: 0.0,
    });
    let model = plan.expect("one frame can be planned").chunks.remove(0);
    let numbered = costs.iter().enumerate();
    numbered.map(|(i, &cost)| Chunk { index: i as u32, cost: cost.into(), ..model.clone() }).collect()
}

#[test]
fn equal_chunks_are_dealt_evenly() {
    // The greatest shard must have 3 of 10 chunks; the others should not be left with 1.
    let dealt = deal("j", &chunks(&[5; 10]), 4);
    let mut sizes: Vec<u32> = dealt.iter().map(|s| s.end_chunk - s.first_chunk).collect();
    sizes.sort();
    assert_eq!(sizes, [2, 2, 3, 3]);
    let workers = |n| framefan_planner::auto_shards(&chunks(&[5; 10]), n);
    assert_eq!((workers(0), workers(4), workers(64)), (1, 4, 10));
}
