import { totalmem } from 'node:os'
import { expect, it, vi } from 'vitest'
import { allocateBytes, expectRoom } from '../../src/arguments/room.js'
import { energyFloor } from '../../src/metrics/energy-distance.js'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { tinyFlow } from '../tiny-flow.js'

const OUT_OF_MEMORY = { name: 'PfgmError', code: 'ERR_PFGM_OUT_OF_MEMORY' }

it('what is larger than all memory is refused in bytes, and nothing else is', () => {
  expect(() => expectRoom(totalmem() * 2, 'film')).toThrow(
    expect.objectContaining({
      ...OUT_OF_MEMORY,
      message: expect.stringMatching(
        new RegExp(`^No room for ${totalmem() * 2} bytes of film: there are \\d+ in all$`),
      ),
    }),
  )
  expect(() => expectRoom(2 ** 20, 'film')).not.toThrow()
  expect(() => allocateBytes(2 ** 52, 'strip')).toThrow(
    expect.objectContaining({ ...OUT_OF_MEMORY, message: `No room for ${2 ** 52} bytes of strip` }),
  )
})

it('a film that memory cannot hold is refused before anything is searched or drawn', async () => {
  using flow = await tinyFlow()
  const onSearch = vi.fn()
  const prior = vi.spyOn(flow.flow, 'prior')
  const wanted = {
    count: 1_000_000,
    film: { frames: 1000 },
    solver: 'dpm2m',
    schedule: 'searched',
    onSearch,
  } as const
  const bytes = 1_000_000 * 1000 * 2 * 4
  vi.spyOn(process, 'constrainedMemory').mockReturnValue(2 ** 30)
  await expect(flow.sample(wanted)).rejects.toMatchObject({
    ...OUT_OF_MEMORY,
    message: expect.stringContaining(`No room for ${bytes} bytes of film`),
  })
  expect(onSearch).not.toHaveBeenCalled()
  expect(prior).not.toHaveBeenCalled()
  vi.restoreAllMocks()
})

it('what an allocator refuses is said in bytes too, not in its own text', async () => {
  await expect(Tensor.full([2 ** 40], 0, 'float64')).rejects.toMatchObject({
    ...OUT_OF_MEMORY,
    message: expect.stringMatching(/^No room for 8796093022208 bytes of a tensor of \[1099511627776\]: /),
  })
  await expect(native().fullTensor([2 ** 40], 0, 'float64')).rejects.toMatchObject({
    ...OUT_OF_MEMORY,
    message: 'No room for 8796093022208 bytes of numbers',
  })
})

it('a floor of more draws than can be compared is refused, and the thread stays free', async () => {
  using data = await Tensor.from(new Float32Array(4), [2, 2])
  for (const count of [1, 1_000_001, 2 ** 31, 1.5]) {
    await expect(energyFloor(data, count)).rejects.toThrow(
      new RangeError(`Expected count to be an integer from 2 to 1000000 but received ${count}`),
    )
    expect(() => native().energyFloor(data.handle, count, 1, 0, false)).toThrow(TypeError)
  }
  await expect(energyFloor(data, 2, 1001)).rejects.toThrow('repeats')
  expect(await data.data()).toHaveLength(4)
  expect(await energyFloor(data, 3, 2)).toEqual({ mean: 0, deviation: 0 })
})
