import { usableCores } from '../../scripts/install/limits.js'
import { kind, parse } from '../arguments/schema.js'
import { expectInteger } from '../check.js'
import { PfgmError } from '../errors.js'
import { cudaProblem, native } from './native.js'

/** `auto` is `cuda` where a GPU answers, else `cpu`; `cuda:N` names one of several. */
export type Device = 'auto' | 'cpu' | 'cuda' | `cuda:${number}`

/** Whether a device of that name is there, `resolveDevice` says. */
export const DEVICE = kind<Device>('auto, cpu, cuda or cuda:N', (value) => typeof value === 'string')

/** What the native code was built for and runs on. */
export interface RuntimeInfo {
  /** Version of libtorch. */
  readonly libtorch: string
  /** Version of this package that the addon was built for. */
  readonly version: string
  /** Instruction set that libtorch uses: `AVX2`, `AVX512`, … */
  readonly instructions: string
  /** Instruction set of the field's kernel: `avx512`, `avx2` or `portable`. */
  readonly fieldKernel: string
  /** Processor cores, as the system counts them. */
  readonly cores: number
  /** GPUs that answer. */
  readonly cudaDevices: number
  /** What the loader said where a GPU answers but libtorch's CUDA library does not load. */
  readonly cudaProblem?: string
}

/** Versions, instruction sets and devices. */
export function info(): RuntimeInfo {
  const problem = cudaProblem()
  return { ...native().info(), ...(problem !== undefined && { cudaProblem: problem }) }
}

/**
 * Live native objects of this thread (`handles`) and their `bytes`; memory of the process that is `resident` now and at
 * its `peak`, in bytes.
 */
export function memory(): { handles: number; bytes: number; resident: number; peak: number } {
  return native().memory()
}

/**
 * Sets how many threads the CPU's kernels use, for the whole process; where not given, all cores that the process may
 * use: a container's share of processor time counts.
 * @returns the number in force
 */
export async function setThreads(threads: number = usableCores()): Promise<number> {
  expectInteger('threads', threads, 1, 1024)
  return native().setThreads(threads)
}

/**
 * The device that a name stands for on this machine.
 * @throws PfgmError `ERR_PFGM_DEVICE` where it is not there
 */
export function resolveDevice(device: Device = 'auto'): string {
  parse('device', DEVICE, device)
  const name = device === 'auto' ? (native().info().cudaDevices > 0 ? 'cuda:0' : 'cpu') : device
  const problem = /^cuda(:\d{1,4})?$/.test(name) ? cudaProblem() : undefined
  if (problem !== undefined) {
    throw new PfgmError(
      'ERR_PFGM_DEVICE',
      `Expected a CUDA device for '${name}' but libtorch's CUDA library does not load (${problem}): run \`npx pfgm-torch doctor\` for what mends it`,
    )
  }
  native().checkDevice(name)
  return name
}
