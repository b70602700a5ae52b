#!/bin/sh
# One pair per month: the first and the last acquisition of each month of a year, over one area and on one track.
#   examples/monthly.sh '37.0 37.0 37.4 37.4' 2023 21 [MORE OPTIONS of dinsar run]
# A month with fewer than two acquisitions (exit code 3) is told and left out; any other error ends it.
set -eu

roi=$1 year=$2 track=$3
shift 3

for month in 01 02 03 04 05 06 07 08 09 10 11 12; do
    case $month in
        02) if [ $((year % 4)) -eq 0 ]; then last=29; else last=28; fi ;;
        04 | 06 | 09 | 11) last=30 ;;
        *) last=31 ;;
    esac
    code=0
    dinsar run --roi "$roi" --track "$track" --start "$year-$month-01" --end "$year-$month-$last" "$@" || code=$?
    case $code in
        0) ;;
        3) echo "$year-$month: no pair" >&2 ;;
        *) exit "$code" ;;
    esac
done
