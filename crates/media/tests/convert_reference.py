"""Random pictures and what becomes of them by the definition in crates/media/src/convert.rs, in float64 and by other means:
interpolation is np.interp between sample centres, rotation turns the finished picture, and OpenCV resizes grey ones.

usage: convert_reference.py definition|grey SEED CASES FOLDER
FOLDER/cases.txt has a line per case: format width height range matrix location rotation mirrored long_side W H, then bytes:stride per
plane; N.planes holds the planes, N.rgb the letterboxed [3, H, W] in float64, N.luma the displayed luma in 0..1 in float64."""
import sys, numpy as np, cv2
what, seed, cases, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
rng = np.random.default_rng(seed)
cv2.setNumThreads(1)

# name: (kind, depth, log2 chroma width, log2 chroma height, how the samples are packed, byte order, shift)
FORMATS = {
    'yuv420p': ('yuv', 8, 1, 1, 'planar', '<', 0), 'yuv422p': ('yuv', 8, 1, 0, 'planar', '<', 0),
    'yuv444p': ('yuv', 8, 0, 0, 'planar', '<', 0), 'yuv440p': ('yuv', 8, 0, 1, 'planar', '<', 0),
    'yuv411p': ('yuv', 8, 2, 0, 'planar', '<', 0), 'yuv410p': ('yuv', 8, 2, 2, 'planar', '<', 0),
    'nv12': ('yuv', 8, 1, 1, 'semi', '<', 0), 'yuyv422': ('yuv', 8, 1, 0, 'yuyv', '<', 0),
    'yuv420p10le': ('yuv', 10, 1, 1, 'planar', '<', 0), 'yuv422p10le': ('yuv', 10, 1, 0, 'planar', '<', 0),
    'yuv444p12le': ('yuv', 12, 0, 0, 'planar', '<', 0), 'yuv420p10be': ('yuv', 10, 1, 1, 'planar', '>', 0),
    'p010le': ('yuv', 10, 1, 1, 'semi', '<', 6), 'yuv420p16le': ('yuv', 16, 1, 1, 'planar', '<', 0),
    'gray': ('grey', 8, 0, 0, 'planar', '<', 0), 'gray10le': ('grey', 10, 0, 0, 'planar', '<', 0),
    'rgb24': ('rgb', 8, 0, 0, 'packed', '<', 0), 'gbrp': ('rgb', 8, 0, 0, 'gbr', '<', 0), 'gbrp10le': ('rgb', 10, 0, 0, 'gbr', '<', 0),
}
KR_KB = {'bt601': (0.299, 0.114), 'bt709': (0.2126, 0.0722), 'bt2020': (0.2627, 0.0593)}
# Centre of chroma sample i among s pixels, across and down: 0 first pixel, 1/2 middle, 1 last.
SITES = {'left': (0, .5), 'center': (.5, .5), 'topleft': (0, 0), 'top': (.5, 0), 'bottomleft': (0, 1), 'bottom': (.5, 1)}

def weights(pixels, samples, factor, site, outputs):
    """[outputs, samples]: linear interpolation between sample centres, constant beyond the outer ones."""
    t = (np.arange(outputs) + 0.5) * pixels / outputs
    centres = factor * np.arange(samples) + 0.5 + site * (factor - 1)
    return np.stack([np.interp(t, centres, unit) for unit in np.eye(samples)], axis=1)

def scaled(plane, w, h, factor, site, width, height):
    return weights(h, plane.shape[0], factor[1], site[1], height) @ plane @ weights(w, plane.shape[1], factor[0], site[0], width).T

def to_rgb(planes, kind, depth, full, matrix):
    k = 2.0 ** (depth - 8); top = 2.0 ** depth - 1
    level = (lambda v: v / top) if full else (lambda v: (v - 16 * k) / (219 * k))
    if kind != 'yuv':
        rgb = [level(p) for p in planes]
        return np.stack(rgb * 3 if kind == 'grey' else rgb)
    kr, kb = KR_KB[matrix]; kg = 1 - kr - kb
    y, (u, v) = level(planes[0]), [(p - 128 * k) / (top if full else 224 * k) for p in planes[1:]]
    r, b = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    return np.stack([r, (y - kr * r - kb * b) / kg, b])

def displayed(image, rotation, mirrored):
    image = np.rot90(image, -rotation // 90, axes=(-2, -1))
    return image[..., ::-1] if mirrored else image

def packed(planes, how, depth, order, shift):
    """The planes as bytes with padded rows, and their strides."""
    dtype = np.dtype('u1' if depth == 8 else order + 'u2')
    # Bits below and above a sample are noise where a format leaves room for them.
    bits = (2 ** depth - 1) << shift
    planes = [(p << shift | rng.integers(0, 256 ** dtype.itemsize, p.shape) & ~bits).astype(dtype) for p in planes]
    if how == 'semi':
        planes = [planes[0], np.stack(planes[1:], -1).reshape(planes[1].shape[0], -1)]
    elif how == 'packed':
        planes = [np.stack(planes, -1).reshape(planes[0].shape[0], -1)]
    elif how == 'gbr':
        planes = [planes[1], planes[2], planes[0]]
    elif how == 'yuyv':
        y, u, v = planes
        y = np.pad(y, ((0, 0), (0, y.shape[1] % 2)))
        planes = [np.stack([y[:, ::2], u, y[:, 1::2], v], -1).reshape(y.shape[0], -1)]
    strides = [p.shape[1] * dtype.itemsize + int(rng.integers(0, 3)) * dtype.itemsize for p in planes]
    data = []
    for p, stride in zip(planes, strides):
        rows = rng.integers(0, 256, (p.shape[0], stride), np.uint8)
        rows[:, :p.shape[1] * dtype.itemsize] = np.ascontiguousarray(p).view(np.uint8)
        data.append(rows.tobytes())
    return data, strides

lines = []
for n in range(cases):
    names = ['gray'] if what == 'grey' else list(FORMATS)
    name = names[n % len(names)]; kind, depth, lw, lh, how, order, shift = FORMATS[name]
    limit = 150 if what == 'definition' else 700 if n % 4 == 0 else 128
    w, h = (int(rng.integers(1, limit)) for _ in range(2))
    long_side = int(rng.integers(1, 260))
    full = what == 'grey' or bool(rng.integers(2)); matrix = str(rng.choice(list(KR_KB))) if kind == 'yuv' else 'rgb'
    location = str(rng.choice(list(SITES))); site = SITES[location]
    rotation, mirrored = (0, False) if what == 'grey' else (90 * int(rng.integers(4)), bool(rng.integers(2)))
    sizes = [(h, w)] + ([] if kind == 'grey' else [(-(-h // 2 ** lh), -(-w // 2 ** lw))] * 2)
    planes = [rng.integers(0, 2 ** depth, size) for size in sizes]
    dw, dh = (h, w) if rotation % 180 else (w, h)
    big, short = -(-long_side // 32) * 32, min(dw, dh); short = -(-short * big // (max(dw, dh) * 32)) * 32
    W, H = (big, short) if dw >= dh else (short, big)
    r = min(H / dh, W / dw); nw, nh = max(1, round(dw * r)), max(1, round(dh * r)); y0, x0 = (H - nh) // 2, (W - nw) // 2
    if what == 'grey':
        image = cv2.resize(planes[0].astype(np.float32), (nw, nh), interpolation=cv2.INTER_LINEAR).reshape(nh, nw)[None].repeat(3, 0) / 255.0
    else:
        sw, sh = (nh, nw) if rotation % 180 else (nw, nh)
        factors = [(1, 1)] + [(2 ** lw, 2 ** lh)] * 2
        parts = [scaled(p.astype(np.float64), w, h, f, site, sw, sh) for p, f in zip(planes, factors)]
        image = displayed(np.clip(to_rgb(parts, kind, depth, full, matrix), 0, 1), rotation, mirrored)
    out = np.full((3, H, W), 114 / 255); out[:, y0:y0 + nh, x0:x0 + nw] = image
    if kind == 'rgb':
        luma = np.tensordot([0.299, 0.587, 0.114], np.clip(to_rgb(planes, kind, depth, full, matrix), 0, 1), 1)
    else:
        luma = np.clip(to_rgb(planes[:1], 'grey', depth, full, matrix)[0], 0, 1)
    data, strides = packed(planes, how, depth, order, shift)
    open(f'{folder}/{n}.planes', 'wb').write(b''.join(data))
    out.astype('<f8').tofile(f'{folder}/{n}.rgb'); np.ascontiguousarray(displayed(luma, rotation, mirrored)).astype('<f8').tofile(f'{folder}/{n}.luma')
    lines.append(' '.join(map(str, [name, w, h, 'full' if full else 'limited', matrix, location, rotation, int(mirrored), long_side, W, H]
                              + [f'{len(d)}:{s}' for d, s in zip(data, strides)])))
open(f'{folder}/cases.txt', 'w').write('\n'.join(lines) + '\n')
