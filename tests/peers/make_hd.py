#!/usr/bin/env python3
"""Makes a Visium HD folder as Space Ranger 3 writes it, for measuring: simulated counts, no biology (Debian: python3-h5py, python3-pandas).

    python3 tests/peers/make_hd.py FOLDER [--bins 600000] [--genes 18000] [--umis 200] [--um 8] [--seed 1]

FOLDER/outs/binned_outputs/square_008um gets filtered_feature_bc_matrix.h5 (chunks of 80,000 numbers, shuffled, gzip 4; int32 counts, int64
positions), spatial/scalefactors_json.json and spatial/tissue_positions.csv; with pyarrow also tissue_positions.parquet, which is what
Space Ranger writes. Bins lie on a grid a little larger than the tissue, at an angle, 0.2738 µm per pixel.
"""
import argparse
import json
import math
import pathlib

import h5py
import numpy as np
import pandas as pd

MICRONS_PER_PIXEL = 0.2738
CHUNK = 80_000


def write_positions(folder, side, tissue, um, names):
    row, col = np.divmod(np.arange(side * side), side)
    angle, pitch = 0.01, um / MICRONS_PER_PIXEL
    table = pd.DataFrame(
        {
            "barcode": names,
            "in_tissue": tissue.astype(np.int64),
            "array_row": row,
            "array_col": col,
            "pxl_row_in_fullres": 2000 + pitch * (row * math.cos(angle) + col * math.sin(angle)),
            "pxl_col_in_fullres": 2000 + pitch * (col * math.cos(angle) - row * math.sin(angle)),
        }
    )
    table.to_csv(folder / "tissue_positions.csv", index=False)
    try:
        table.to_parquet(folder / "tissue_positions.parquet", index=False)
    except ImportError:
        print("without pyarrow: tissue_positions.parquet is left out")
    scale = {
        "spot_diameter_fullres": pitch,
        "bin_size_um": float(um),
        "microns_per_pixel": MICRONS_PER_PIXEL,
        "tissue_hires_scalef": 0.1,
        "tissue_lowres_scalef": 0.01,
    }
    (folder / "scalefactors_json.json").write_text(json.dumps(scale))


def counts_of(bins, genes, umis, random, share):
    """Row limits, genes and counts of some bins: each molecule falls on a gene by the genes' shares."""
    depth = random.negative_binomial(3, 3 / (3 + umis), bins)
    gene = np.minimum(np.searchsorted(share, random.random(int(depth.sum()))), genes - 1)
    key, count = np.unique(np.repeat(np.arange(bins, dtype=np.int64), depth) * genes + gene, return_counts=True)
    return np.bincount(key // genes, minlength=bins), key % genes, count.astype(np.int32)


def write_matrix(path, names, genes, umis, random):
    weight = 1 / (np.arange(genes) + 20.0)
    random.shuffle(weight)
    share = np.cumsum(weight / weight.sum())
    with h5py.File(path, "w") as file:
        file.attrs["filetype"] = "matrix"
        matrix = file.create_group("matrix")
        stored = dict(chunks=(CHUNK,), maxshape=(None,), compression="gzip", compression_opts=4, shuffle=True)
        data = matrix.create_dataset("data", (0,), dtype=np.int32, **stored)
        indices = matrix.create_dataset("indices", (0,), dtype=np.int64, **stored)
        limits, step = [np.zeros(1, np.int64)], 20_000
        for first in range(0, len(names), step):
            bins = min(step, len(names) - first)
            per_bin, gene, count = counts_of(bins, genes, umis, random, share)
            limits.append(limits[-1][-1] + np.cumsum(per_bin))
            for dataset, values in ((data, count), (indices, gene)):
                had = dataset.shape[0]
                dataset.resize((had + len(values),))
                dataset[had:] = values
        matrix.create_dataset("indptr", data=np.concatenate(limits), **stored)
        matrix.create_dataset("shape", data=np.array([genes, len(names)], np.int32))
        text = dict(compression="gzip", compression_opts=4, shuffle=True)
        matrix.create_dataset("barcodes", data=names.astype("S"), **text)
        features = matrix.create_group("features")
        symbols = [f"GENE{i}" for i in range(genes)]
        for key, values in (
            ("id", [f"ENSG{i:011d}" for i in range(genes)]),
            ("name", symbols),
            ("feature_type", ["Gene Expression"] * genes),
            ("genome", ["GRCh38"] * genes),
        ):
            features.create_dataset(key, data=np.array(values, "S"), **text)
        return int(limits[-1][-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--bins", type=int, default=600_000)
    parser.add_argument("--genes", type=int, default=18_000)
    parser.add_argument("--umis", type=float, default=200)
    parser.add_argument("--um", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    side = math.ceil(math.sqrt(args.bins * 1.15))
    names = np.array([f"s_{args.um:03d}um_{r:05d}_{c:05d}-1" for r in range(side) for c in range(side)])
    tissue = np.zeros(side * side, bool)
    tissue[(side * side - args.bins) // 2 :][: args.bins] = True
    folder = args.folder / "outs" / "binned_outputs" / f"square_{args.um:03d}um"
    (folder / "spatial").mkdir(parents=True, exist_ok=True)
    write_positions(folder / "spatial", side, tissue, args.um, names)
    values = write_matrix(folder / "filtered_feature_bc_matrix.h5", names[tissue], args.genes, args.umis, random)
    print(f"{folder}: {args.bins} bins x {args.genes} genes, {values} values")


if __name__ == "__main__":
    main()
