#!/bin/sh
# Everything about a GPU that can be shown in one go, on a machine with a PyTorch 2 of its own: builds the generator against that PyTorch's LibTorch,
# compares with the CPU, then times training and sampling against eager and compiled PyTorch. gpu.sh [BUILD_FOLDER [DEVICE]]
# Needs a compiler, CMake, Ninja, nlohmann/json and $PYTHON (default python3) with torch.
set -eu
build=${1:-build/engine} device=${2:-cuda}
python=${PYTHON:-python3}
torch=$("$python" -c 'import torch; print(torch.utils.cmake_prefix_path)')/Torch
cmake -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DC2L_ENGINE_ONLY=ON -DTorch_DIR="$torch"
cmake --build "$build"
"$build/bin/device_check" "$device"
export PYTHON="$python"
for setting in "preset=tiny batch=32 sample=1,8,64" "preset=base batch=64 sample=1,8,64"; do
    sh "$(dirname "$0")/speed.sh" "$build" 2 "device=$device" repeats=20 ways=autocast,compile $setting
done
