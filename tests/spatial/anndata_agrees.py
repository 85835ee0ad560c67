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


# anndata before 0.7: obs, var and obsm are one dataset of records each, categories lie in uns, raw beside X under names with a dot. Text
# of variable length as its last versions wrote it, of fixed width as the first did; in one piece and in compressed chunks.
def records(frame, text, **categories):
    columns = [("index", text(frame.index))] + [(c, categories.get(c, frame[c].to_numpy())) for c in frame.columns]
    out = np.empty(len(frame), dtype=[(name, values.dtype) for name, values in columns])
    for name, values in columns:
        out[name] = values
    return out


def variable(values):
    return np.array(list(values), dtype=h5py.string_dtype())


def fixed(values):
    return np.array([v.encode() for v in values])


def write_before_07(name, text, x, raw=None, **storage):
    source = a.obs["source"].astype("category")
    labels = a.obs[["in_tissue", "array_row", "array_col", "source"]].copy()
    labels["flag"] = np.arange(len(labels)) % 2 == 0
    labels["note"] = [f"note {i}" for i in range(len(labels))]
    with h5py.File(f"{folder}/{name}.h5ad", "w") as f:
        obs = records(labels, text, source=source.cat.codes.to_numpy(), note=text(labels["note"]))
        f.create_dataset("obs", data=obs, **storage)
        f.create_dataset("var", data=records(a.var[[]], text), **storage)
        f.create_dataset("uns/source_categories", data=text(source.cat.categories))
        obsm = np.empty(len(labels), dtype=[("X_pca", "<f4", (3,)), ("spatial", "<f8", (2,))])
        obsm["X_pca"], obsm["spatial"] = 0, a.obsm["spatial"]
        f.create_dataset("obsm", data=obsm)
        for key, matrix, frame in [("X", x, None), ("raw.X", raw, "raw.var")]:
            if matrix is None:
                continue
            m = sp.csr_matrix(matrix)
            g = f.create_group(key)
            g.attrs["h5sparse_format"], g.attrs["h5sparse_shape"] = "csr", m.shape
            for part in ("data", "indices", "indptr"):
                g.create_dataset(part, data=getattr(m, part))
            if frame:
                f.create_dataset(frame, data=records(a.var[[]], text), **storage)


write_before_07("records", variable, counts)
write_before_07("records_fixed", fixed, counts)
write_before_07("records_chunked", variable, counts, chunks=(8,), compression="gzip")
write_before_07("records_raw", variable, scaled, raw=counts)

# anndata 0.11 and later with pandas' own strings: values and a mask, also as row names.
write("nullable", sp.csr_matrix(counts))
with h5py.File(f"{folder}/nullable.h5ad", "r+") as f:
    for frame, key, names in (("obs", "_index", list(a.obs_names)), ("var", "_index", list(a.var_names)), ("obs", "remark", ["r"] * 37)):
        if key in f[frame]:
            del f[frame][key]
        g = f[frame].create_group(key)
        g.attrs["encoding-type"], g.attrs["encoding-version"] = "nullable-string-array", "0.1.0"
        g.create_dataset("values", data=names, dtype=h5py.string_dtype())
        g.create_dataset("mask", data=np.array([key == "remark" and i == 4 for i in range(len(names))]))
    f["obs"].attrs["column-order"] = [*f["obs"].attrs["column-order"], "remark"]

# Names of spots as categories; layers that are sparse; the scale factors of Visium HD.
write("names_by_category", sp.csr_matrix(counts))
with h5py.File(f"{folder}/names_by_category.h5ad", "r+") as f:
    names = f["obs/_index"][:]
    del f["obs/_index"]
    g = f["obs"].create_group("_index")
    g.create_dataset("categories", data=names[::-1], dtype=h5py.string_dtype())
    g.create_dataset("codes", data=np.arange(len(names), dtype=np.int8)[::-1])
write("sparse_layers", sp.csr_matrix(counts), layers={"spliced": sp.csr_matrix(counts), "unspliced": sp.csc_matrix(counts), "smooth": counts / 2})
write("bins", sp.csr_matrix(counts))
with h5py.File(f"{folder}/bins.h5ad", "r+") as f:
    f["uns/spatial/C4/scalefactors/bin_size_um"] = 8.0
