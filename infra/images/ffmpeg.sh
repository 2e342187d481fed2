#!/bin/sh
# Builds the FFmpeg that the images have: Debian's source package with Debian's patches, and of it only what framefan reads.
#
#   ffmpeg.sh VERSION DESTINATION     # VERSION as Debian names it; installs below DESTINATION/usr/local
#
# Debian's own is 207 libraries; of this one the programs load three, plus dav1d. What is left out cannot be attacked: no
# network, no files (framefan hands over its own bytes), no encoders, filters or devices.
#
# Licence: without --enable-gpl and --enable-nonfree FFmpeg is under the LGPL, version 2.1 or later. It is linked dynamically,
# and the licence and the exact source version stand in /usr/local/share/doc/ffmpeg.
set -eu
version=$1
destination=$2

# crates/media names containers and codecs in FORMATS (demux.rs) and CODECS (decoder.rs); these are the same ones.
demuxers=mov,matroska,avi,mpegts,mpegps
decoders=h264,hevc,vp8,vp9,libdav1d,mpeg1video,mpeg2video,mpeg4,mjpeg
# A transport or program stream need not say what its streams are: libavformat then asks these, by the streams' first bytes.
# They are the list in set_codec_from_probe_data; crates/media does not let them open a file.
probes=aac,ac3,aptx,dts,dvbsub,dvbtxt,eac3,h264,hevc,loas,m4v,mjpeg_2000,mp3,mpegvideo,truehd
# Sound is never decoded, but its parsers decide how far a file is read until all streams are known.
parsers=h264,hevc,vp8,vp9,av1,mpegvideo,mpeg4video,mjpeg,aac,aac_latm,ac3,dca,flac,mlp,mpegaudio,opus,vorbis
filters=extract_extradata,vp9_superframe_split

work=$(mktemp -d)
cd "$work"
echo "deb-src http://deb.debian.org/debian bookworm main
deb-src http://deb.debian.org/debian bookworm-updates main
deb-src http://deb.debian.org/debian-security bookworm-security main" > /etc/apt/sources.list.d/sources.list
apt-get update
apt-get install -y --no-install-recommends dpkg-dev gcc libc6-dev libdav1d-dev make nasm pkg-config zlib1g-dev
if ! apt-get source --download-only "ffmpeg=$version"; then
  echo "Debian bookworm no longer has ffmpeg $version: raise FFMPEG in the Dockerfile to what it has:" >&2
  apt-cache madison ffmpeg >&2
  exit 1
fi
dpkg-source -x ffmpeg_*.dsc source
cd source
# libavdevice and libavfilter, empty: the Rust bindings want to see them; no program of ours loads them.
# Debian's own flags, hardened; assembly as in Debian's build, chosen at run time by what the processor has.
./configure --prefix=/usr/local --libdir=/usr/local/lib \
  --extra-cflags="$(dpkg-buildflags --get CFLAGS) $(dpkg-buildflags --get CPPFLAGS)" \
  --extra-ldflags="$(dpkg-buildflags --get LDFLAGS)" \
  --enable-shared --disable-static --disable-debug --disable-doc --disable-programs \
  --disable-autodetect --disable-everything --disable-network --disable-postproc \
  --enable-zlib --enable-libdav1d \
  --enable-demuxer="$demuxers,$probes" --enable-decoder="$decoders" --enable-parser="$parsers" --enable-bsf="$filters"
# A name that FFmpeg does not know is a warning to configure.
for kind in "demuxer:$demuxers,$probes" "decoder:$decoders" "parser:$parsers" "bsf:$filters"; do
  for name in $(echo "${kind#*:}" | tr , ' '); do
    symbol=CONFIG_$(echo "${name}_${kind%%:*}" | tr a-z A-Z)
    grep -q "^#define $symbol 1$" config_components.h || { echo "FFmpeg has no ${kind%%:*} $name" >&2; exit 1; }
  done
done
grep -q '^#define CONFIG_GPL 0$' config.h && grep -q '^#define CONFIG_NONFREE 0$' config.h
make -j"$(nproc)"
make install DESTDIR="$destination"
strip --strip-unneeded "$destination"/usr/local/lib/*.so.*
mkdir -p "$destination/usr/local/share/doc/ffmpeg"
cp COPYING.LGPLv2.1 LICENSE.md "$destination/usr/local/share/doc/ffmpeg/"
echo "Debian source package ffmpeg $version, configured by framefan's infra/images/ffmpeg.sh" \
  > "$destination/usr/local/share/doc/ffmpeg/SOURCE"
rm -rf "$work"
