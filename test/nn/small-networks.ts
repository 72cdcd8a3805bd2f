import type { DdpmConfig, KUnetConfig } from '../../src/nn/config.js'

/** Small networks of other papers. Those of EDM and PFGM++; of kind `song` with one of the forms below. */
export const SMALL = {
  channels: 1,
  imageSize: 8,
  labels: 0,
  augment: 0,
  modelChannels: 16,
  channelMult: [1, 2],
  numBlocks: 1,
  attnResolutions: [4],
  dropout: 0.1,
}
export const NCSNPP = { embedding: 'fourier', channelMultNoise: 2, encoder: 'residual', fir: true } as const
export const DDPMPP = {
  embedding: 'positional',
  channelMultNoise: 1,
  encoder: 'standard',
  fir: false,
} as const

/** A small network of DDPM, as diffusers has it: two heads where it is halved. */
export const DDPM: DdpmConfig = {
  kind: 'ddpm',
  channels: 1,
  imageSize: 8,
  blockChannels: [16, 32],
  layersPerBlock: 1,
  attnResolutions: [4],
  headChannels: 16,
  normGroups: 8,
  normEpsilon: 1e-5,
  downsamplePadding: 1,
  cosinesFirst: true,
  frequencyShift: 0,
  dropout: 0.1,
  labels: 3,
}

/** A small network of k-diffusion. */
export const K_UNET: KUnetConfig = {
  kind: 'k-unet',
  channels: 1,
  imageSize: 8,
  mappingChannels: 16,
  depths: [1, 2],
  blockChannels: [16, 32],
  attends: [false, true],
  dropout: 0.1,
  labels: 3,
}
