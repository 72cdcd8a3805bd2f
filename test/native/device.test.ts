import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { PfgmError } from '../../src/errors.js'
import { info, resolveDevice } from '../../src/native/device.js'
import { addonWithCuda } from '../install/helpers.js'

vi.mock('../../scripts/install/machine.js', async (original) => ({
  ...(await original<object>()),
  gpuAnswers: () => true,
}))

it.runIf(process.platform === 'linux')(
  'a CUDA library that does not load is told to who asks for a GPU',
  () => {
    vi.stubEnv('PFGM_ADDON', addonWithCuda(fileURLToPath(import.meta.url)))
    expect(resolveDevice('auto')).toBe('cpu')
    expect(resolveDevice('cpu')).toBe('cpu')
    expect(info().cudaProblem).toMatch(/libtorch_cuda\.so: invalid ELF header/)
    for (const device of ['cuda', 'cuda:1'] as const) {
      expect(() => resolveDevice(device)).toThrow(PfgmError)
      expect(() => resolveDevice(device)).toThrow(
        expect.objectContaining({
          code: 'ERR_PFGM_DEVICE',
          message: expect.stringMatching(/'cuda.*does not load \(.*invalid ELF header\).*pfgm-torch doctor/),
        }),
      )
    }
  },
)

it.each(['cuda:1x', 'cuda:', 'cuda:-1', 'cuda: 1', 'cuda:99999', 'cuda0', 'gpu', ''])(
  'a device named %j is refused, whatever there is',
  (name) => {
    expect(() => resolveDevice(name as never)).toThrow(
      `Expected device to be cpu, cuda or cuda:N but received '${name}'`,
    )
  },
)
