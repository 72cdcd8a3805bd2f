import type { ZodType } from 'zod'
import type { FlowHandle, NativeDivergence } from '../native/addon.js'
import { NativeObject, native } from '../native/native.js'
import type { Precision } from '../native/precision.js'
import type { Network } from '../nn/network.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Denoised } from './arithmetic.js'
import type { Batch, BatchDraw } from './batch.js'
import type { Sde } from './sde.js'

/** An end of a flow's paths, and what the flow calls that height: `z_max`. */
export interface End {
  /** Its height: z, or sigma. */
  readonly height: number
  /** What the flow calls it. */
  readonly name: string
}

/** A height at which a flow's formula changes, so that its drift jumps. At the height itself the formula of above holds. */
export interface Jump {
  /** Its height: z, or sigma. */
  readonly height: number
  /** Whether one evaluation gives what both formulas say, at the height, above it and just below. */
  readonly bothSides: boolean
}

/** How a flow is followed. */
export interface DriftOptions {
  /** With the small constants that the published code for samples, or for likelihoods, adds before it divides. */
  readonly published?: 'samples' | 'likelihood' | undefined
  /** Evaluates the network in tiles of a fixed size on every device, as it always does on a CPU. Default false. */
  readonly deterministic?: boolean
  /** What the network's products are rounded to. Default float32. */
  readonly precision?: Precision
  /** bfloat16: at this height and below, float32 all the same. Default 0. */
  readonly bfloat16Above?: number
}

/**
 * A flow answers one question: at a height, which way is the data? Everything after that question is shared by all
 * kinds: solvers, pool, films, likelihoods, training.
 */
export interface Flow {
  /** What the flow calls the height along its paths, in errors and events: `z`. */
  readonly heightName: string
  /** Where samples start. */
  readonly far: End
  /** Where they have arrived. */
  readonly near: End
  /** Whether samples end in what is denoised at the near end, one evaluation more, rather than in their states there. */
  readonly endsDenoised?: boolean
  /** Where the drift jumps, if it does. */
  readonly jump?: Jump
  /** Whether states are not data and noise of deviation height, so that x - dx / d(ln height) is no denoised image. */
  readonly isInTime?: boolean
  /** Whether states at a height are data and Gaussian noise of that deviation, to which a step may add more. */
  readonly isGaussian?: boolean
  /** The SDE whose probability flow it is, where samplers with noise can follow one. */
  readonly sde?: Sde | undefined
  /** No path starts farther out than this norm; `name` says what it is. */
  readonly farthest: {
    /** The norm. */
    readonly norm: number
    /** What it is, in errors. */
    readonly name: string
  }
  /**
   * Starts at the far end, one a key, float64 `[keys, dimensions]`. A start depends on its own key alone.
   * @param temperature scales their norms
   */
  prior(keys: BigUint64Array, dimensions: number, temperature?: number): Promise<Tensor<'float64'>>
  /**
   * ln of the prior's density at the far end, at a distance from its centre.
   * @param constant `published`: with the normalising constant of the published code, where that is another
   */
  logPrior(radius: number, dimensions: number, constant: 'exact' | 'published'): number
  /** Points of the perturbation kernel at a height around data `[n, ...]`, one key a row: float64 `[n, N]`. */
  perturb(data: Tensor, keys: BigUint64Array, height: number): Promise<Tensor<'float64'>>
  /** The flow of a network, as the ODE that native code evaluates. */
  drift(network: Network, options?: DriftOptions): NativeFlow
  /** A batch to train a network with, on a device. */
  batch(data: Tensor, draw: BatchDraw, device: string): Promise<Batch>
}

/** What native code evaluates. */
export class NativeFlow extends NativeObject<FlowHandle> {
  constructor(handle: FlowHandle) {
    super(handle)
  }

  /** The same with the integrals of its divergence as further numbers of a state: its own to dispose of. */
  withDivergence(divergence: NativeDivergence): NativeFlow {
    return new NativeFlow(native().withDivergence(this.handle, divergence))
  }
}

/** A kind of flow: what its settings are, and the flow of them. Adding a kind is a file with one of these, and a line in `kinds.ts`. */
export interface FlowKind<S extends { readonly kind: string }> {
  readonly kind: S['kind']
  /** Of settings with the kind, which may be missing for Poisson's. */
  readonly schema: ZodType<S>
  /** All settings for data, from those that are given; the rest as published, or from the data. */
  settingsFor(given: Partial<S>, data: DataSize): Record<string, unknown>
  /** Those that follow from how many values an item has. */
  readonly ofSize?: readonly string[]
  create(settings: S): Flow
  /** What its networks give. */
  readonly output: 'field' | 'image'
  /** How they are to embed what tells the noise, where only one way has a meaning. */
  readonly embedding?: 'positional'
  /**
   * The denoised image d that the flow leads to, dx / d(ln height) = x - d, in coordinates in which x is data and noise of
   * deviation height: what the native flow computes, for whoever evaluates the network elsewhere.
   */
  denoised?<V>(settings: S, of: Denoised<V>): V
}

/** What settings are derived from. */
export interface DataSize {
  /** Mean over the items of |y|. */
  readonly meanNorm: number
  /** Standard deviation of all values about their one mean. */
  readonly deviation: number
  /** Number of values of an item. */
  readonly dimensions: number
}
