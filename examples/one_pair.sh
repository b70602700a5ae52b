#!/bin/sh
# One pair: an area and two dates in, displacement maps out.
#   examples/one_pair.sh '37.0 37.0 37.4 37.4' 2023-01-20 2023-02-20 [MORE OPTIONS of dinsar run]
# The pair is the first acquisition from the first day on and the last up to the second. To see the choice first:
#   examples/one_pair.sh '37.0 37.0 37.4 37.4' 2023-01-20 2023-02-20 --dry-run
set -eu

roi=$1 start=$2 end=$3
shift 3

dinsar run --roi "$roi" --start "$start" --end "$end" "$@"
