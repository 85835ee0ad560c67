#!/bin/sh
# Ours against PyTorch, the same network on the same machine in turn: speed.sh BUILD_FOLDER [ROUNDS] [name=value…]
# Names: preset, device, threads, repeats, batch, sample (see training_speed.cpp), and ways, the peer's (see eager.py).
# Checks first that both compute the same. Prints the best wall and processor milliseconds of all rounds and their ratios (the
# peer's over ours), one line for each of the peer's ways. Needs torch: Debian's python3-torch, or $PYTHON with another.
set -eu
build=$1 rounds=${2:-3}
shift; [ $# -gt 0 ] && shift
preset=tiny ours= ways=
for word in "$@"; do
    case $word in
        ways=*) ways=$word ;;
        preset=*) preset=${word#preset=}; ours="$ours $word" ;;
        *) ours="$ours $word" ;;
    esac
done
peers=$(dirname "$0")
log=$(mktemp) weights=$(mktemp)
trap 'rm -f "$log" "$weights"' EXIT
python=${PYTHON:-/usr/bin/python3}
"$build/bin/training_speed" check "$weights" "preset=$preset"
"$python" "$peers/eager.py" check "$weights" "preset=$preset"
for round in $(seq "$rounds"); do
    "$build/bin/training_speed" time $ours | grep '^ours' >>"$log"
    "$python" "$peers/eager.py" time $ours $ways >>"$log"
done
# Lines: WAY WHAT…: wall BEST MEDIAN cpu BEST MEDIAN ms
awk -v preset="$preset" '
    { way = $1; what = $0; sub(/^[^ ]+ /, "", what); sub(/:.*/, "", what)
      wall = $(NF - 5); cpu = $(NF - 2); key = way " " what; keys[key] = what
      if (!(key in best_wall) || wall < best_wall[key]) best_wall[key] = wall
      if (!(key in best_cpu) || cpu < best_cpu[key]) best_cpu[key] = cpu }
    END { for (key in keys) {
        if (key ~ /^ours /) continue
        what = keys[key]; ours = "ours " what; way = key; sub(/ .*/, "", way)
        printf "%s %s: wall ours %.1f %s %.1f ms, ratio %.2f; processor ours %.1f %s %.1f ms, ratio %.2f\n", preset, what,
            best_wall[ours], way, best_wall[key], best_wall[key] / best_wall[ours], best_cpu[ours], way, best_cpu[key], best_cpu[key] / best_cpu[ours] } }' "$log" | sort
