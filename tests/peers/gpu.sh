#!/bin/sh
# Everything about a GPU that can be shown in one go, on a machine with a PyTorch 2 of its own: builds the generator against that PyTorch's LibTorch,
# compares with the CPU, then times training and sampling against eager and compiled PyTorch. gpu.sh [BUILD_FOLDER [DEVICE]]
# Needs a compiler, CMake, Ninja, nlohmann/json and $PYTHON (default python3) with torch.
set -eu
build=${1:-build/engine} device=${2:-cuda}
python=${PYTHON:-python3}
torch=$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))')
abi=$("$python" -c 'import torch; print(int(torch._C._GLIBCXX_USE_CXX11_ABI))')
cmake -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DC2L_ENGINE_ONLY=ON -DC2L_TORCH_ROOT="$torch" -DC2L_TORCH_ABI="$abi"
cmake --build "$build" --target training_speed device_check
"$build/bin/device_check" "$device"
export PYTHON="$python"
for setting in "preset=tiny batch=32 sample=1,8,64" "preset=base batch=64 sample=1,8,64"; do
    for graphs in 0 1; do
        echo "$setting, CUDA graphs $graphs"
        C2L_CUDA_GRAPHS=$graphs sh "$(dirname "$0")/speed.sh" "$build" 2 "device=$device" repeats=20 ways=autocast,compile $setting
    done
done
