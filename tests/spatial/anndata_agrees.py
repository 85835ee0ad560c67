"""Opens FOLDER/ours.h5ad with anndata and writes it again in every encoding that readers meet."""
import sys
import warnings

import anndata
import h5py
import numpy as np
import scipy.sparse as sp

warnings.simplefilter("ignore")
folder = sys.argv[1]
a = anndata.read_h5ad(f"{folder}/ours.h5ad")
assert a.shape == (37, 20), a.shape
assert sp.issparse(a.X) and a.X.dtype == np.float32
assert set(a.layers) == {"predicted", "lower"} and a.layers["lower"][3, 4] == -1.5
assert a.obsm["spatial"].shape == (37, 2) and a.obsm["spatial"].dtype == np.float64
assert list(a.var_names[:2]) == ["G0", "G1"] and a.obs_names[36] == "spot-36"
assert a.obs["source"].dtype.name == "category" and a.obs["source"][1] == 'größer, "b"'
assert list(a.obs.columns) == ["in_tissue", "array_row", "array_col", "in_distribution", "source"], a.obs.columns
library = a.uns["spatial"]["C4"]
assert library["images"]["hires"].shape == (30, 40, 3) and library["images"]["hires"].dtype == np.uint8
assert library["scalefactors"]["tissue_hires_scalef"] == 0.05
assert library["scalefactors"]["spot_diameter_fullres"] == 145.5
assert a.uns["c2l"]["provenance"] == '{"step":"predict"}'

counts = a.X.toarray()
log = np.log1p(1e4 * counts / np.maximum(counts.sum(1, keepdims=True), 1))


def write(name, x, keep_layers=False, raw=None, layers=None):
    b = anndata.AnnData(x, obs=a.obs.copy(), var=a.var.copy(), obsm=dict(a.obsm))
    for key, value in (layers or {}).items():
        b.layers[key] = value
    if raw is not None:
        b.raw = anndata.AnnData(raw, obs=a.obs.copy(), var=a.var.copy())
    b.write_h5ad(f"{folder}/{name}.h5ad")


scaled = (log - log.mean(0)) / (log.std(0) + 1)
write("dense", counts)
write("csr", sp.csr_matrix(counts))
write("csc", sp.csc_matrix(counts))
write("layer", log, layers={"counts": sp.csr_matrix(counts)})
write("raw", scaled, raw=sp.csr_matrix(counts))
write("log", sp.csr_matrix(log.astype(np.float32)))
write("scaled", scaled)
nan = counts.copy()
nan[2, 2] = np.nan
write("nan", nan)
b = anndata.AnnData(counts, obs=a.obs.copy(), var=a.var.copy())
b.write_h5ad(f"{folder}/nowhere.h5ad")

# anndata 0.7: categories beside the columns, referenced; sparse matrices without encoding of their parts.
write("old", sp.csr_matrix(counts))
with h5py.File(f"{folder}/old.h5ad", "r+") as f:
    codes = f["obs/source/codes"][:]
    categories = f["obs/source/categories"][:]
    del f["obs/source"]
    f["obs"].create_group("__categories").create_dataset("source", data=categories, dtype=h5py.string_dtype())
    f["obs"].create_dataset("source", data=codes)
    f["obs/source"].attrs["categories"] = f["obs/__categories/source"].ref
    for key in ("encoding-type", "encoding-version", "shape"):
        del f["X"].attrs[key]
    f["X"].attrs["h5sparse_format"] = "csr"
    f["X"].attrs["h5sparse_shape"] = counts.shape
