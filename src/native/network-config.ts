/** Networks as native code makes them (`native/nn/network.h`). */

/** What a network gives: a field (v_x, v_z), an image that the flow makes a denoised one of, or that itself. */
export type NetworkOutput = 'field' | 'image' | 'denoised'

export interface NativeUnetConfig {
  readonly kind: 'unet'
  readonly channels: number
  /** Height and width. */
  readonly imageSize: readonly number[]
  readonly nf: number
  readonly chMult: readonly number[]
  readonly numResBlocks: number
  readonly attnResolutions: readonly number[]
  readonly dropout: number
  readonly fourier: boolean
  readonly fourierScale: number
  readonly fir: boolean
  readonly progressiveInput: 'none' | 'input_skip' | 'residual'
  readonly progressiveCat: boolean
  readonly ddpmBlocks: boolean
  readonly resampWithConv: boolean
  readonly skipRescale: boolean
  readonly initScale: number
  readonly centered: boolean
  readonly labels: number
  readonly output?: NetworkOutput | undefined
}

export interface NativeEdmUnetConfig {
  readonly kind: 'song' | 'dhariwal'
  readonly channels: number
  /** Height and width. */
  readonly imageSize: readonly number[]
  readonly labels: number
  readonly augment: number
  readonly modelChannels: number
  readonly channelMult: readonly number[]
  readonly numBlocks: number
  readonly attnResolutions: readonly number[]
  readonly dropout: number
  readonly fourier: boolean
  readonly channelMultNoise: number
  readonly residualEncoder: boolean
  readonly fir: boolean
}

export interface NativeDdpmConfig {
  readonly kind: 'ddpm'
  readonly channels: number
  /** Height and width. */
  readonly imageSize: readonly number[]
  readonly blockChannels: readonly number[]
  readonly layersPerBlock: number
  readonly attnResolutions: readonly number[]
  /** 0: one head. */
  readonly headChannels: number
  readonly normGroups: number
  readonly normEpsilon: number
  readonly downsamplePadding: number
  readonly cosinesFirst: boolean
  readonly frequencyShift: number
  readonly dropout: number
  readonly labels: number
}

export interface NativeKUnetConfig {
  readonly kind: 'k-unet'
  readonly channels: number
  /** Height and width. */
  readonly imageSize: readonly number[]
  readonly patchSize: number
  readonly mappingChannels: number
  readonly depths: readonly number[]
  readonly blockChannels: readonly number[]
  /** 1 or 0 a level. */
  readonly attends: readonly number[]
  readonly dropout: number
  readonly labels: number
}

export interface NativeRefinenetConfig {
  readonly kind: 'refinenet'
  readonly channels: number
  /** Height and width. */
  readonly imageSize: readonly number[]
  readonly nf: number
  readonly output?: NetworkOutput | undefined
}

export interface NativeMlpConfig {
  readonly kind: 'mlp'
  readonly dimensions: number
  readonly width: number
  readonly depth: number
  readonly output?: NetworkOutput | undefined
}

export interface NativeGaussiansConfig {
  readonly kind: 'gaussians'
  readonly dimensions: number
  readonly components: number
  readonly deviations: readonly number[]
  readonly weights: readonly number[]
  readonly gamma: number
  readonly output?: NetworkOutput | undefined
  /** Extra dimensions of the kernel. */
  readonly D: number
}

export type NativeNetworkConfig =
  | NativeUnetConfig
  | NativeEdmUnetConfig
  | NativeDdpmConfig
  | NativeKUnetConfig
  | NativeRefinenetConfig
  | NativeMlpConfig
  | NativeGaussiansConfig
