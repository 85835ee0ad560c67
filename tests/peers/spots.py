#!/usr/bin/env python3
"""Spot data opened by tests/benchmarks/spot_reads and by Python's libraries in turn: how many times faster ours is.

    python3 tests/peers/make_hd.py /tmp/hd
    python3 tests/peers/spots.py BUILD/bin/spot_reads hd  /tmp/hd/outs/binned_outputs/square_008um [--repeats 3]
    python3 tests/peers/spots.py BUILD/bin/spot_reads tsv her2st/spots/C4_selection.tsv her2st/counts/C4.tsv.gz [--repeats 5]

Debian: python3-anndata, python3-h5py, python3-pandas, python3-scipy. Each reading is a process of its own, timed without start and imports,
and the two take turns. Both end with spots x genes as float32 CSR, positions joined by barcode, as an AnnData on the peer's side. The
peer's way is that of scanpy.read_10x_h5 and squidpy (h5py, then pandas), without their checks. Beside the wall clock stands the processor
time (user + system), which other work on the machine disturbs less; goal: twice as fast, at most 20 s and 3 GB for hd on two cores.
"""
import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time


def read_hd(folder):
    import anndata
    import h5py
    import numpy as np
    import pandas as pd
    import scipy.sparse as sp

    def read():
        folder_ = pathlib.Path(folder)
        with h5py.File(folder_ / "filtered_feature_bc_matrix.h5") as file:
            m = file["matrix"]
            barcodes = m["barcodes"][:].astype(str)
            genes = m["features/name"][:].astype(str)
            shape = (len(barcodes), len(genes))
            x = sp.csr_matrix((m["data"][:].astype(np.float32), m["indices"][:], m["indptr"][:]), shape=shape)
        positions = pd.read_csv(folder_ / "spatial" / "tissue_positions.csv", index_col=0)
        positions = positions[positions["in_tissue"] == 1]
        a = anndata.AnnData(x, obs=pd.DataFrame(index=barcodes), var=pd.DataFrame(index=genes))
        positions = positions.reindex(a.obs_names)
        a.obs = positions[["in_tissue", "array_row", "array_col"]]
        a.obsm["spatial"] = positions[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy()
        a.var_names_make_unique()
        return a

    return read


def read_tsv(spots, counts):
    import anndata
    import numpy as np
    import pandas as pd
    import scipy.sparse as sp

    def read():
        table = pd.read_csv(counts, sep="\t", index_col=0)
        positions = pd.read_csv(spots, sep="\t")
        positions = positions[positions["selected"] == 1] if "selected" in positions else positions
        positions.index = positions["x"].astype(str) + "x" + positions["y"].astype(str)
        both = positions.index.intersection(table.index)
        table, positions = table.loc[both], positions.loc[both]
        a = anndata.AnnData(sp.csr_matrix(table.to_numpy(np.float32)), obs=pd.DataFrame(index=both), var=pd.DataFrame(index=table.columns))
        a.obsm["spatial"] = positions[["pixel_x", "pixel_y"]].to_numpy()
        return a

    return read


READERS = {"hd": read_hd, "tsv": read_tsv}


def measure_peer(kind, files):
    read = READERS[kind](*files)
    wall, cpu = time.perf_counter(), time.process_time()
    a = read()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"spots": a.n_obs, "genes": a.n_vars, "values": int(a.X.nnz), "total": float(a.X.sum(dtype=float)), "wall_s": wall, "cpu_s": cpu, "peak_memory_mb": peak}))


def main():
    if sys.argv[1:2] == ["--peer"]:
        return measure_peer(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("kind", choices=READERS)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    commands = {"ours": [args.program, *args.files], "peer": [sys.executable, "-W", "ignore", __file__, "--peer", args.kind, *args.files]}
    runs = {name: [] for name in commands}
    for _ in range(args.repeats):
        for name, command in commands.items():
            runs[name].append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout))
    for key in ("spots", "genes", "values", "total"):
        if len({run[key] for both in runs.values() for run in both}) != 1:
            raise SystemExit(f"not the same data: {key} {[[run[key] for run in both] for both in runs.values()]}")
    first = runs["ours"][0]
    print(f"{first['spots']} spots x {first['genes']} genes, {first['values']} values; {args.repeats} runs in turn, medians")
    for key, what in (("wall_s", "seconds"), ("cpu_s", "processor seconds")):
        ours, peer = (statistics.median(run[key] for run in runs[name]) for name in ("ours", "peer"))
        ratios = sorted(p[key] / o[key] for o, p in zip(runs["ours"], runs["peer"]))
        print(f"{what:18} ours {ours:8.3f}  peer {peer:8.3f}  ratio {peer / ours:.2f} ({ratios[0]:.2f} .. {ratios[-1]:.2f})")
    ours, peer = (max(run["peak_memory_mb"] for run in runs[name]) for name in ("ours", "peer"))
    print(f"{'peak memory, MB':18} ours {ours:8.0f}  peer {peer:8.0f}")


if __name__ == "__main__":
    main()
