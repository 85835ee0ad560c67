// The stages of pretraining that make an autoencoder: first both halves for likeness, then the decoder for texture.
#pragma once

#include "generate/autoencoder.h"
#include "generate/pretrain_run.h"

namespace c2l::generate {

void train_autoencoder(const Run& run, PatchAutoencoder& net);

// The decoder against a critic; the encoder, and so the latents, stay. Nothing where no steps are asked for.
void train_decoder(const Run& run, PatchAutoencoder& net);

}  // namespace c2l::generate
