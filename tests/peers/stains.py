#!/usr/bin/env python3
"""Our stain estimates and normalised pixels beside independent programs on the same pixels: torchstain (Macenko; PyPI, numpy alone) and
the formulas of Reinhard et al. in numpy, with scikit-image's rgb2hed where it is at hand (Debian: python3-skimage).

    python3 tests/peers/stains.py SLIDE BUILD/bin/stain_pixels

stain_pixels writes the pixels it estimates from and what it makes of them; nothing else is shared. torchstain is run with Io = 256, ours.
"""
import argparse
import json
import subprocess
import tempfile

import numpy as np


def read(folder, name, shape):
    return np.fromfile(f"{folder}/{name}.rgb", np.uint8).reshape(shape)


def degrees(a, b):
    return float(np.degrees(np.arccos(np.clip(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


def levels(a, b):
    d = np.abs(a.astype(float) - b.astype(float))
    return f"mean {d.mean():.3f}, 99 % within {np.percentile(d, 99):.0f}, worst {d.max():.0f} grey levels"


def macenko(pixels, ours, normalised):
    try:
        from torchstain.numpy.normalizers import NumpyMacenkoNormalizer
    except ImportError:
        return print("torchstain is not at hand: Macenko not compared")
    peer = NumpyMacenkoNormalizer()
    peer.fit(pixels, Io=256)
    h, e = peer.HERef[:, 0], peer.HERef[:, 1]
    print(f"Macenko vectors, ours to torchstain's: haematoxylin {degrees(h, ours['haematoxylin']):.3f} degrees, eosin {degrees(e, ours['eosin']):.3f} degrees")
    # Amounts: torchstain takes the percentile over glass too; the pixels here are almost all tissue.
    amount = np.array(peer.maxCRef) / np.log(10)
    print(f"99th percentile of amounts: ours {ours['amount'][0]:.4f}, {ours['amount'][1]:.4f}; torchstain {amount[0]:.4f}, {amount[1]:.4f}")
    target = ours["target"]
    peer.HERef = np.array([target["haematoxylin"], target["eosin"]]).T
    peer.maxCRef = np.array(target["amount"]) * np.log(10)
    print("Macenko pixels:", levels(peer.normalize(pixels, Io=256, stains=False)[0], normalised))


def reinhard(pixels, ours, normalised):
    lms = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
    lab = np.diag(1 / np.sqrt([3, 6, 2])) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])
    x = np.log(((pixels.reshape(-1, 3).astype(float) + 1) / 256) @ lms.T) @ lab.T
    counted = pixels.reshape(-1, 3).max(axis=1) <= 256 * 10**-0.065 - 1
    mean, sd = x[counted].mean(axis=0), x[counted].std(axis=0)
    print(f"Reinhard statistics, largest difference: mean {np.abs(mean - ours['mean']).max():.1e}, deviation {np.abs(sd - ours['sd']).max():.1e}")
    y = (x - mean) / sd * np.array(ours["target"]["sd"]) + np.array(ours["target"]["mean"])
    out = np.clip(np.rint(np.exp(y @ np.linalg.inv(lab).T) @ np.linalg.inv(lms).T * 256 - 1), 0, 255)
    print("Reinhard pixels:", levels(out.reshape(pixels.shape), normalised))


def deconvolution(pixels, ours, haematoxylin):
    try:
        from skimage.color import separate_stains
    except ImportError:
        return print("scikit-image is not at hand: deconvolution not compared")
    h, e = np.array(ours["standard"]["haematoxylin"]), np.array(ours["standard"]["eosin"])
    third = np.cross(h, e)
    basis = np.array([h, e, third / np.linalg.norm(third)])
    amounts = separate_stains((pixels.astype(float) + 1) / 256, np.linalg.inv(basis))[..., 0]
    seen = np.clip(np.rint(255 - 255 / 1.5 * 6 * amounts), 0, 255)  # it scales by ln(1e-6): 6 is its unit in optical density
    print("Haematoxylin, grey:", levels(np.repeat(seen[..., None], 3, axis=2), haematoxylin))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slide")
    parser.add_argument("program")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = json.loads(subprocess.run([args.program, args.slide, folder], check=True, capture_output=True, text=True).stdout)
        shape = (ours["height"], ours["width"], 3)
        pixels = read(folder, "original", shape)
        macenko(pixels, ours, read(folder, "macenko", shape))
        reinhard(pixels, ours, read(folder, "reinhard", shape))
        deconvolution(pixels, ours, read(folder, "haematoxylin", shape))


if __name__ == "__main__":
    main()
