#!/bin/sh
# Three tracks of an event: the shortest pair around it on each, which sees the ground from other sides.
#   examples/event.sh area.geojson 2023-02-06T01:17:34 14 21 123 [-- MORE OPTIONS of dinsar run]
# `dinsar search --roi area.geojson --start ... --end ...` shows which tracks there are.
set -eu

roi=$1 event=$2
shift 2
tracks=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    tracks="$tracks $1"
    shift
done
[ $# -eq 0 ] || shift

for track in $tracks; do
    dinsar run --roi "$roi" --event "$event" --track "$track" --workdir "event_T$track" "$@"
done
