//! dbg
use std::sync::Arc;
use framefan_media::*;
use framefan_contract::plan::Chunk;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let s: Arc<dyn ByteSource> = Arc::new(FileSource::open(std::path::Path::new(&a[1])).unwrap());
    let t = std::time::Instant::now();
    let p = match probe(s.clone(), &Limits::default()) { Ok(p) => p, Err(e) => { println!("ERR {:?} {e}", e.kind()); return } };
    println!("{:?}\n{:?} packets={} end={} read={} notes={:?} {:.3}s", p.info, p.index.method, p.index.packets.len(), p.index.end_pts, p.bytes_read, p.notes, t.elapsed().as_secs_f64());
    if a.len() < 4 { return }
    let threads: usize = a[2].parse().unwrap();
    let starts: Vec<usize> = a[3].split(',').map(|x| x.parse().unwrap()).collect();
    let tl = framefan_planner::Timeline::new(&p.index).unwrap();
    let mut cs = vec![];
    for (i, w) in starts.windows(2).enumerate() {
        let (st, en) = (tl.times()[w[0]], tl.times().get(w[1]).copied().unwrap_or(p.index.end_pts));
        let iv = tl.interval(st, en, 0).unwrap();
        println!("chunk {i} [{st},{en}) from {:?} end {}", iv.decode_from, iv.end_packet);
        cs.push(Chunk { index: i as u32, start_pts: st, end_pts: en, start_s: 0., end_s: 0., frames: iv.frames, decode_from: iv.decode_from, end_packet: iv.end_packet, byte_range: iv.byte_range, cost: 0., times: iv.times });
    }
    let t = std::time::Instant::now();
    let mut r = FrameReader::open(s, &p.info, p.index.method, &cs, &DecodeOptions { threads, ..Default::default() }).unwrap();
    while let Some(d) = r.next().unwrap() {
        match d {
            Decoded::Frame { chunk, frame } => { if a.len() > 4 { println!("c{chunk} {} o{} {}", frame.pts(), frame.packet_ordinal(), frame.is_damaged()) } }
            Decoded::Stencil { frame, .. } => println!("stencil {}", frame.pts()),
            Decoded::ChunkEnd { chunk, frames, damaged } => println!("end {chunk} {frames} {damaged:?}"),
        }
    }
    println!("{:.3}s {:?}", t.elapsed().as_secs_f64(), r.read_metrics());
}
