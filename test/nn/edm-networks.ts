/** Small networks of EDM and PFGM++; of kind `song` with one of the forms below. */
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
