#!/bin/sh
# Ours against PyTorch eager, the same network on the same machine in turn: speed.sh BUILD_FOLDER [THREADS [ROUNDS [REPEATS]]]
# Checks first that both compute the same. Prints the best wall and processor milliseconds of all rounds and their ratios
# (eager over ours), the faster of the peer's ways to bfloat16 counting. Needs python3-torch.
set -eu
build=$1 threads=${2:-2} rounds=${3:-3} repeats=${4:-10}
peers=$(dirname "$0")
log=$(mktemp) weights=$(mktemp)
trap 'rm -f "$log" "$weights"' EXIT
python=${PYTHON:-/usr/bin/python3}
"$build/bin/training_speed" check "$weights"
"$python" "$peers/tiny_eager.py" check "$weights"
for round in $(seq "$rounds"); do
    "$build/bin/training_speed" "$threads" cpu "$repeats" | grep '^ours' >>"$log"
    "$python" "$peers/tiny_eager.py" time "$threads" "$repeats" >>"$log"
done
# Lines: WAY WHAT…: wall BEST MEDIAN cpu BEST MEDIAN ms
awk -v threads="$threads" '
    { way = ($1 == "ours") ? "ours" : "eager"; what = $0; sub(/^[^ ]+ /, "", what); sub(/:.*/, "", what)
      wall = $(NF - 5); cpu = $(NF - 2); key = way " " what; names[what]
      if (!(key in best_wall) || wall < best_wall[key]) best_wall[key] = wall
      if (!(key in best_cpu) || cpu < best_cpu[key]) best_cpu[key] = cpu }
    END { for (what in names)
        printf "%s, %d threads: wall ours %.1f eager %.1f ms, ratio %.2f; processor ours %.1f eager %.1f ms, ratio %.2f\n", what, threads,
            best_wall["ours " what], best_wall["eager " what], best_wall["eager " what] / best_wall["ours " what],
            best_cpu["ours " what], best_cpu["eager " what], best_cpu["eager " what] / best_cpu["ours " what] }' "$log" | sort
