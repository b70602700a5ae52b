#!/bin/sh
# Many places: a CSV with a line for each, name,west,south,east,north,start,end; its first line is the head.
#   examples/places.sh examples/places.csv [MORE OPTIONS of dinsar run]
# Each place gets a folder of its name. One that fails is told, the others go on, and the exit code is then 1.
set -eu

places=$1
shift

failed=0
{
    read -r _
    while IFS=, read -r name west south east north start end; do
        dinsar run --roi "$west $south $east $north" --start "$start" --end "$end" --workdir "$name" "$@" </dev/null || {
            echo "$name: dinsar ended with exit code $?" >&2
            failed=1
        }
    done
} <"$places"
exit $failed
