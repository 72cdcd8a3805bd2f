import { type Device, info } from '../index.js'

/** The device that a model is to be loaded on: a GPU where one answers, if nothing else was asked for. */
export function deviceName(device: Device = 'auto'): string {
  if (device !== 'auto') return device
  return info().cudaDevices > 0 ? 'cuda:0' : 'cpu'
}
