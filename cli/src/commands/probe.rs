//! `framefan probe`.

use framefan_contract::Result;
use framefan_media::Limits;

use crate::args::Probe;
use crate::output;

pub fn probe(args: &Probe) -> Result<()> {
    let opened = framefan_jobs::open(&args.video, &Limits::default())?;
    let (probe, info) = (&opened.probe, &opened.probe.info);
    let keyframes = probe.index.packets.iter().filter(|p| p.key && p.pts.is_some()).count();
    if args.json {
        let value = serde_json::json!({
            "source": opened.source, "video": info, "index_method": probe.index.method,
            "keyframes": keyframes, "bytes_read": probe.bytes_read, "notes": probe.notes,
        });
        return output::line(&value.to_string());
    }
    let method = output::name_of(&probe.index.method);
    let mut text = format!(
        "{video}\n\
         \x20 container    {container}, {size}\n\
         \x20 video        stream {stream}: {codec}, {pixel_format}, {matrix} {range} range\n\
         \x20 picture      {width}×{height} as displayed, coded {cw}×{ch}, rotation {rotation}°, pixel aspect {sar}\n\
         \x20 time         {duration}, {frames} frames, {fps:.3} fps on average, {keyframes} keyframes\n\
         \x20 audio        {audio} stream{s}\n\
         \x20 index        {method}; {read} read\n",
        video = args.video,
        container = info.container,
        size = output::bytes(info.size_bytes),
        stream = info.stream,
        codec = info.codec,
        pixel_format = info.pixel_format,
        matrix = info.color_matrix,
        range = info.color_range,
        width = info.width,
        height = info.height,
        cw = info.coded_width,
        ch = info.coded_height,
        rotation = info.rotation,
        sar = info.sample_aspect_ratio,
        duration = output::duration(info.duration_s),
        frames = info.frames,
        fps = info.average_fps.as_f64(),
        audio = info.audio_streams,
        s = if info.audio_streams == 1 { "" } else { "s" },
        read = output::bytes(probe.bytes_read),
    );
    for note in &probe.notes {
        text.push_str(&format!("  note         {note}\n"));
    }
    output::text(&text)
}
