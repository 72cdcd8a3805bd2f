import { DEVICE, INTEGER } from './kinds.js'

/** Where the network runs. */
export const DEVICE_OPTION = {
  device: { kind: DEVICE, value: 'name', help: 'auto, cpu, cuda or cuda:N (default: auto)' },
} as const

export const THREADS_OPTION = {
  threads: { kind: INTEGER, value: 'n', help: 'of the CPU (default: all that may be used)' },
} as const
