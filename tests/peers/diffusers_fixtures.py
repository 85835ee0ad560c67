#!/usr/bin/env python3
"""Makes the reference tensors that tests/generate/test_import.cpp compares with: small random networks of diffusers, their weights and
configurations as diffusers saves them, and what they answer.

Needs PyPI:  pip install torch diffusers safetensors numpy
Run:         python tests/peers/diffusers_fixtures.py tests/generate/fixtures

The committed fixtures were made with the versions that fixtures/versions.json names. Weights are rounded to bfloat16 first, so that storing
them in 16 bits loses nothing and the answers, computed in fp32, belong to exactly what is stored.
"""
import json
import pathlib
import sys

import diffusers
import torch
from diffusers import AutoencoderKL, DDIMScheduler, PixArtTransformer2DModel
from safetensors.torch import load_file, save_file

torch.set_grad_enabled(False)
diffusers.utils.logging.set_verbosity_error()


def randomise(model, seed):
    """Weights that keep activations sane, and no zero or one that would hide a mistake."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if p.dim() > 1 and "scale_shift_table" not in name:
            inputs = p[0].numel()
            value = torch.randn(p.shape, generator=generator) / inputs**0.5
        elif name.endswith("weight"):
            value = 1 + 0.2 * torch.randn(p.shape, generator=generator)
        else:
            value = 0.2 * torch.randn(p.shape, generator=generator)
        p.copy_(value.bfloat16().float())
    return model.eval()


def randn(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def store(folder, model, dtype, **kwargs):
    """Saves the weights in the given dtype, as diffusers writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    model.to(dtype).save_pretrained(folder, safe_serialization=True, **kwargs)
    config = json.loads((folder / "config.json").read_text())
    config.pop("_name_or_path", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    model.float()


def autoencoder(out, name, seed, dtype, old_names=False, **config):
    settings = dict(in_channels=3, out_channels=3, down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
                    block_out_channels=[8, 8, 16, 16], layers_per_block=1, norm_num_groups=4, sample_size=32)
    settings.update(config)
    model = randomise(AutoencoderKL(**settings), seed)
    tile = randn(2, 3, 24, 24, seed=seed + 1).clamp(-1, 1)
    shift = settings.get("shift_factor") or 0.0
    latent = (model.encode(tile).latent_dist.mode() - shift) * model.config.scaling_factor
    other = randn(2, settings["latent_channels"], 3, 3, seed=seed + 2)
    image = model.decode(other / model.config.scaling_factor + shift).sample
    store(out / name, model, dtype)
    if old_names:  # as they were before diffusers 0.12, the matrices as 1x1 convolutions
        path = out / name / "diffusion_pytorch_model.safetensors"
        tensors = {}
        for key, value in load_file(path).items():
            for now, before in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
                if f".{now}." in key:
                    key = key.replace(now, before)
                    value = value[:, :, None, None] if value.dim() == 2 else value
            tensors[key] = value.contiguous()
        save_file(tensors, path)
    save_file({"tile": tile, "latent": latent.contiguous(), "decode_latent": other, "decode_tile": image.contiguous()}, out / name / "reference.safetensors")


def pixart(out, name, seed, dtype, tokens, shards=None, extra=None, side=None, **config):
    settings = dict(num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=8, num_layers=2, cross_attention_dim=24,
                    sample_size=8, patch_size=2, caption_channels=32, norm_type="ada_norm_single", use_additional_conditions=False)
    settings.update(config)
    model = randomise(PixArtTransformer2DModel(**settings), seed)
    # PixCell's transformer: the embedding of "nothing said" beside the projection, and a code of position for several tokens.
    extra = {key: value.bfloat16().float() for key, value in (extra or {}).items()}
    side = side or settings["sample_size"]
    latent = randn(2, settings["in_channels"], side, side, seed=seed + 1)
    context = randn(2, tokens, settings["caption_channels"], seed=seed + 2)
    step = torch.tensor([3.0, 741.0])
    sizes = {"resolution": torch.full((2, 2), 8.0 * side), "aspect_ratio": torch.ones(2, 1)} if model.config.use_additional_conditions else {"resolution": None, "aspect_ratio": None}
    code = extra.get("y_pos_embed.y_pos_embed", torch.zeros(()))

    def run(told):
        return model(latent, encoder_hidden_states=told + code, timestep=step, added_cond_kwargs=sizes, return_dict=False)[0].contiguous()

    reference = {"latent": latent, "step": step, "context": context, "answer": run(context)}
    null = extra.get("caption_projection.uncond_embedding", torch.zeros(1, settings["caption_channels"]))
    reference["answer_unconditional"] = run(null[None].expand(2, -1, -1))
    store(out / name, model, dtype, **({"max_shard_size": shards} if shards else {}))
    if extra:
        path = out / name / "diffusion_pytorch_model.safetensors"
        save_file({**load_file(path), **{key: value.to(dtype) for key, value in extra.items()}}, path)
        config = json.loads((out / name / "config.json").read_text())
        config.update(_class_name="PixCellTransformer2DModel", caption_num_tokens=null.shape[0])
        (out / name / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(reference, out / name / "reference.safetensors")
    return model


def schedules(out):
    """What diffusers' DDIM makes of a told noise (or v): the image, and the next latent."""
    tensors = {}
    for name, settings in {
        "linear_epsilon": dict(beta_start=1e-4, beta_end=0.02, beta_schedule="linear", prediction_type="epsilon"),
        "scaled_epsilon": dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="epsilon"),
        "linear_v": dict(beta_start=1e-4, beta_end=0.02, beta_schedule="linear", prediction_type="v_prediction"),
    }.items():
        scheduler = DDIMScheduler(num_train_timesteps=1000, clip_sample=False, set_alpha_to_one=False, timestep_spacing="leading", **settings)
        scheduler.set_timesteps(10)
        latent, told = randn(1, 4, 4, 4, seed=71), randn(1, 4, 4, 4, seed=72)
        tensors[f"{name}.latent"], tensors[f"{name}.told"] = latent, told
        for step in (0, 100, 300, 700, 900):
            result = scheduler.step(told, step, latent)
            tensors[f"{name}.{step}.alpha_squared"] = scheduler.alphas_cumprod[step].reshape(1)
            tensors[f"{name}.{step}.image"] = result.pred_original_sample.contiguous()
            tensors[f"{name}.{step}.next"] = result.prev_sample.contiguous()
    save_file(tensors, out / "schedules.safetensors")


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    half, brain, single = torch.float16, torch.bfloat16, torch.float32
    autoencoder(out, "vae-sd", 10, brain, latent_channels=4, scaling_factor=0.18215)
    autoencoder(out, "vae-sd-old", 20, half, old_names=True, latent_channels=4, layers_per_block=2, block_out_channels=[4, 4, 8, 8], norm_num_groups=2)
    autoencoder(out, "vae-sdxl", 30, single, latent_channels=4, scaling_factor=0.13025, block_out_channels=[4, 8, 8, 12], norm_num_groups=2, force_upcast=True)
    autoencoder(out, "vae-sd3", 40, brain, latent_channels=16, scaling_factor=1.5305, shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False)
    pixart(out, "pixart", 50, half, tokens=7)
    pixart(out, "pixart-sizes", 60, brain, tokens=3, use_additional_conditions=True, interpolation_scale=2, shards="24KB")
    pixart(out, "pixart-larger-tile", 65, brain, tokens=2, num_layers=1, out_channels=4, side=12, attention_bias=False)
    pixart(out, "pixcell", 80, brain, tokens=1, in_channels=16, out_channels=32, sample_size=8, interpolation_scale=0.5,
           extra={"caption_projection.uncond_embedding": randn(1, 32, seed=81)})
    pixart(out, "pixcell-tokens", 90, brain, tokens=4, num_layers=1, in_channels=16, out_channels=32, interpolation_scale=0.5,
           extra={"caption_projection.uncond_embedding": randn(4, 32, seed=91), "y_pos_embed.y_pos_embed": randn(1, 4, 32, seed=92)})
    schedules(out)
    (out / "versions.json").write_text(json.dumps({"torch": torch.__version__.split("+")[0], "diffusers": diffusers.__version__}, indent=2) + "\n")


main()
