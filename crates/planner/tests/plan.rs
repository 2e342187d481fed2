//! Plans of made-up videos: what is cut where, and what is refused.

mod common;

use common::{Gop, index, video};
use framefan_contract::plan::{Chunk, Plan};
use framefan_contract::video::{FrameIndex, IndexMethod, IndexedPacket, VideoInfo};
use framefan_contract::{ErrorKind, Rational};
use framefan_planner::{PlanInput, chunk_for_interval, plan};

/// Milliseconds.
const MS: Rational = Rational { num: 1, den: 1000 };

fn seconds(s: i64) -> Rational {
    Rational { num: s, den: 1 }
}

/// 25 frames a second, `frames` a group.
fn gop(frames: usize, b: usize, leading: usize) -> Gop {
    Gop { leading, b, durations: vec![40; frames - leading], silent_every: 0 }
}

fn input<'a>(video: &'a VideoInfo, index: &'a FrameIndex, chunk_seconds: Rational) -> PlanInput<'a> {
    PlanInput { job_id: "j", video, index, notes: &[], chunk_seconds, stencil: 0, sampling: None, sample_cost: 0.0 }
}

fn planned(index: &FrameIndex, chunk_seconds: Rational) -> Plan {
    let video = video(index, MS);
    plan(&input(&video, index, chunk_seconds)).expect("this video can be planned")
}

fn starts(plan: &Plan) -> Vec<i64> {
    plan.chunks.iter().map(|c| c.start_pts).collect()
}

#[test]
fn chunks_start_at_the_first_keyframe_after_each_multiple() {
    // Keyframes every 4 s, chunks of 10 s: 0, 12, 20, 32, 40, … and the last ends with the video at 60 s.
    let made = index(&vec![gop(100, 2, 0); 15], IndexMethod::Tables, 0);
    let plan = planned(&made.index, seconds(10));
    assert_eq!(starts(&plan), [0, 12_000, 20_000, 32_000, 40_000, 52_000]);
    assert_eq!(plan.chunks[5].end_pts, 60_000);
    assert_eq!(plan.chunks[1].frames, 200);
    assert_eq!((plan.chunks[1].start_s, plan.chunks[1].end_s), (12.0, 20.0));
    assert_eq!(plan.chunks[1].decode_from.ordinal, 300);
    // 200 packets and one of slack.
    assert_eq!(plan.chunks[1].end_packet, 501);
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
}

#[test]
fn the_grid_counts_from_the_first_frame_wherever_the_file_starts() {
    let made = index(&vec![gop(100, 0, 0); 15], IndexMethod::Tables, -7_777_123);
    assert_eq!(starts(&planned(&made.index, seconds(10)))[..3], [-7_777_123, -7_777_123 + 12_000, -7_777_123 + 20_000]);
}

#[test]
fn a_short_remainder_joins_the_chunk_before() {
    // 43 s: the last 3 s are less than a third of 10 s. 44 s: they are not.
    let mut gops = vec![gop(25, 0, 0); 43];
    assert_eq!(starts(&planned(&index(&gops, IndexMethod::Tables, 0).index, seconds(10))), [0, 10_000, 20_000, 30_000]);
    gops.push(gop(25, 0, 0));
    assert_eq!(planned(&index(&gops, IndexMethod::Tables, 0).index, seconds(10)).chunks.len(), 5);
}

#[test]
fn long_gops_are_cut_between_keyframes_and_the_plan_says_so() {
    // One keyframe in 50 s.
    let made = index(&[gop(1250, 2, 0)], IndexMethod::Tables, 0);
    let plan = planned(&made.index, seconds(10));
    assert_eq!(starts(&plan), [0, 10_000, 20_000, 30_000, 40_000]);
    assert!(plan.chunks.iter().all(|c| c.decode_from.ordinal == 0));
    assert!(plan.notes.iter().any(|n| n.contains("between keyframes")), "{:?}", plan.notes);

    // Exactly four lengths apart is not yet long.
    let made = index(&vec![gop(1000, 2, 0); 2], IndexMethod::Tables, 0);
    assert_eq!(starts(&planned(&made.index, seconds(10))), [0, 40_000]);
}

#[test]
fn leading_pictures_of_an_open_gop_are_decoded_from_the_keyframe_before() {
    // Groups of 2 s; two leading pictures are displayed 2 and 1 ms before the second key.
    let made = index(&[gop(50, 2, 0), gop(52, 2, 2), gop(50, 2, 0)], IndexMethod::Tables, 0);
    assert_eq!(made.needs[50..54], [50, 0, 0, 50]);
    let interval = |from, to, stencil| chunk_for_interval(&made.index, from, to, stencil).unwrap();
    assert_eq!(interval(2002, 4002, 0).decode_from.ordinal, 50);
    assert_eq!(interval(2001, 4002, 0).decode_from.ordinal, 0);
    assert_eq!(interval(2002, 4002, 1).decode_from.ordinal, 0);
    // The first chunk ends with the leading pictures, whose packets come after the key's.
    let first = interval(0, 2002, 0);
    assert_eq!((first.frames, first.end_packet), (52, 54));
}

#[test]
fn intervals_name_the_bytes_and_times_of_their_packets() {
    let mut made = index(&vec![gop(10, 0, 0); 3], IndexMethod::DecodeScan, 0);
    made.index.packets[15].pts = None;
    // Found out of order in the file.
    made.index.packets[12].pos = 500_000;
    made.index.packets[13].pos = 7;
    let interval = chunk_for_interval(&made.index, 400, 800, 0).unwrap();
    assert_eq!((interval.decode_from.ordinal, interval.end_packet, interval.frames), (10, 21, 9));
    assert_eq!(interval.byte_range, [7, 500_000 + u64::from(made.index.packets[12].size)]);
    let times = interval.times.unwrap();
    assert_eq!(times.len(), 11);
    assert_eq!((times[0], times[5], times[10]), (Some(400), None, Some(800)));

    made.index.method = IndexMethod::PacketScan;
    assert_eq!(chunk_for_interval(&made.index, 400, 800, 0).unwrap().times, None);
}

#[test]
fn cost_counts_decoded_and_sampled_frames() {
    // 25 fps sampled at 10 fps: the first frame of each 100 ms.
    let made = index(&vec![gop(25, 0, 0); 20], IndexMethod::Tables, 0);
    let video = video(&made.index, MS);
    let sampled =
        PlanInput { sampling: Some(seconds(10)), sample_cost: 3.0, ..input(&video, &made.index, seconds(10)) };
    let costs = |input| plan(input).unwrap().chunks.iter().map(|c: &Chunk| c.cost).collect::<Vec<_>>();
    assert_eq!(costs(&sampled), [250.0 + 300.0; 2]);
    assert_eq!(costs(&PlanInput { sampling: None, ..sampled }), [250.0 * 4.0; 2]);
}

#[test]
fn notes_of_the_probe_come_first() {
    let made = index(&[gop(1250, 2, 0)], IndexMethod::Tables, 0);
    let video = video(&made.index, MS);
    let notes = ["an edit list skips 2 frames".to_owned()];
    let plan = plan(&PlanInput { notes: &notes, ..input(&video, &made.index, seconds(10)) }).unwrap();
    assert_eq!((plan.notes.len(), &plan.notes[0]), (2, &notes[0]));
}

#[test]
fn absurd_inputs_are_refused_with_the_right_kind() {
    let made = index(&vec![gop(25, 0, 0); 4], IndexMethod::Tables, 0);
    let video = video(&made.index, MS);
    let good = input(&video, &made.index, seconds(1));
    let kind = |input: PlanInput<'_>| plan(&input).unwrap_err().kind();
    assert_eq!(kind(PlanInput { chunk_seconds: seconds(0), ..good }), ErrorKind::Usage);
    assert_eq!(kind(PlanInput { chunk_seconds: seconds(-3), ..good }), ErrorKind::Usage);
    assert_eq!(kind(PlanInput { sampling: Some(seconds(0)), ..good }), ErrorKind::Usage);
    assert_eq!(kind(PlanInput { sample_cost: f64::NAN, ..good }), ErrorKind::Usage);
    let no_time = VideoInfo { time_base: seconds(0), ..video.clone() };
    assert_eq!(kind(PlanInput { video: &no_time, ..good }), ErrorKind::BadInput);

    let silent = IndexedPacket { pts: None, dts: None, pos: 0, size: 1, key: true };
    for packets in [vec![], vec![silent; 3]] {
        let empty = FrameIndex { packets, ..made.index.clone() };
        assert_eq!(kind(PlanInput { index: &empty, ..good }), ErrorKind::BadInput);
    }
    let endless = FrameIndex { packets: vec![IndexedPacket { pts: Some(i64::MAX), ..silent }], ..made.index.clone() };
    assert_eq!(kind(PlanInput { index: &endless, ..good }), ErrorKind::BadInput);

    let interval = |from, to| chunk_for_interval(&made.index, from, to, 0).unwrap_err().kind();
    assert_eq!(interval(40, 40), ErrorKind::Usage);
    assert_eq!(interval(1, 39), ErrorKind::BadInput);
}

#[test]
fn extreme_timestamps_do_not_overflow() {
    for pts in [[i64::MIN, 0, i64::MAX - 1], [i64::MIN, i64::MIN + 1, i64::MIN + 2]] {
        let packets = pts.iter().map(|&p| IndexedPacket { pts: Some(p), dts: None, pos: u64::MAX, size: 9, key: true });
        let index = FrameIndex { method: IndexMethod::Tables, packets: packets.collect(), end_pts: i64::MAX };
        let plan = planned(&index, Rational { num: 1, den: 1_000_000_000 });
        assert_eq!(plan.chunks.iter().map(|c| c.frames).sum::<u32>(), 3);
    }
}

#[test]
fn hostile_indexes_cost_bounded_time_and_memory() {
    let packet =
        |i: usize, pts: i64, key: bool| IndexedPacket { pts: Some(pts), dts: None, pos: i as u64, size: 1, key };
    let frames = 500_000usize;
    // One keyframe in hours, indexed by decoding; keyframes stored backwards; a keyframe each millisecond.
    let one_key = (0..frames).map(|i| packet(i, i as i64 * 40, i == 0)).collect();
    let backwards = (0..frames).map(|i| packet(i, (frames - i) as i64 * 40, true)).collect();
    let dense = (0..frames).map(|i| packet(i, i as i64, true)).collect();
    for packets in [one_key, backwards, dense] {
        let index = FrameIndex { method: IndexMethod::DecodeScan, packets, end_pts: frames as i64 * 40 + 40 };
        let video = video(&index, MS);
        let begun = std::time::Instant::now();
        let plan = plan(&PlanInput { stencil: 1, ..input(&video, &index, Rational { num: 1, den: 1000 }) }).unwrap();
        let named: usize = plan.chunks.iter().map(|c| c.times.as_ref().unwrap().len()).sum();
        println!("{} chunks, {named} packets, {:?}", plan.chunks.len(), begun.elapsed());
        assert!(plan.chunks.len() <= 10_000 && named <= 8 << 20);
        assert_eq!(plan.chunks.iter().map(|c| c.frames as usize).sum::<usize>(), frames);
        assert!(plan.notes.iter().any(|n| n.contains("longer than")), "{:?}", plan.notes);
        assert!(begun.elapsed().as_secs() < 10);
    }
}

#[test]
fn long_videos_are_planned_at_once() {
    // An hour, and seven, at 60 fps with a keyframe every 2 s. The limits are far above what it takes, for busy machines.
    for (hours, limit_ms) in [(1, 1000), (7, 7000)] {
        let gops = vec![Gop { leading: 2, b: 2, durations: vec![17; 118], silent_every: 0 }; hours * 1800];
        let made = index(&gops, IndexMethod::Tables, 0);
        let video = video(&made.index, MS);
        let begun = std::time::Instant::now();
        let sampled = PlanInput { stencil: 1, sampling: Some(seconds(10)), ..input(&video, &made.index, seconds(30)) };
        let plan = plan(&sampled).unwrap();
        println!("{} packets, {} chunks: {:?}", made.index.packets.len(), plan.chunks.len(), begun.elapsed());
        assert!(begun.elapsed().as_millis() < limit_ms);
        assert_eq!(plan.chunks.iter().map(|c| u64::from(c.frames)).sum::<u64>(), made.index.packets.len() as u64);
    }
}
