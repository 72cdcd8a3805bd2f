import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { PickledObject } from '../../src/files/pickle.js'
import { readTorchContent, readTorchFile, StoredTensor } from '../../src/files/torch-file.js'
import { Named, torchLegacy, torchPickle, Written } from '../checkpoint/torch-writer.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-pickle-'))
afterAll(() => rmSync(folder, { recursive: true }))

function fileOf(bytes: Buffer): string {
  const path = join(folder, 'file.pkl')
  writeFileSync(path, bytes)
  return path
}

async function read(value: unknown): Promise<Map<string, unknown>> {
  return (await readTorchContent(fileOf(torchLegacy(value)))).value as Map<string, unknown>
}

const dtype = (code: string, order = '<') => new Named('numpy dtype', [code, false, true], [3, order])
const scalar = (code: string, bytes: string, order?: string) =>
  new Named('numpy._core.multiarray scalar', [
    dtype(code, order),
    new Named('_codecs encode', [bytes, 'latin1']),
  ])

describe('a pickle', () => {
  it("has NumPy's numbers, sets, dictionaries of other names and objects with their state", async () => {
    const found = await read({
      rate: scalar('f8', '\x00\x00\x00\x00\x00\x00\xf8?'),
      half: scalar('f4', '\x00\x00\x00?'),
      count: scalar('i8', '\xff\xff\xff\xff\xff\xff\xff\xff'),
      is: scalar('b1', '\x01'),
      set: new Named('__builtin__ set', [[1, 2]]),
      easy: new Named('dnnlib.util EasyDict', []),
      modules: new Named('torch.nn.modules.container ModuleDict', [], { training: true }),
    })
    expect(Object.fromEntries(found)).toEqual({
      rate: 1.5,
      half: 0.5,
      count: -1,
      is: true,
      set: new Set([1, 2]),
      easy: new Map(),
      modules: new PickledObject('ModuleDict', [], new Map([['training', true]])),
    })
  })

  it('that has objects with the source of their class has their state alone', async () => {
    const meta = { type: 'class', version: 6, module_src: 'exit()', class_name: 'Loss', state: { P: 1 } }
    const found = await read({
      loss: new Named('torch_utils.persistence _reconstruct_persistent_obj', [meta]),
    })
    expect(found.get('loss')).toEqual(new PickledObject('Loss', [], new Map([['P', 1]])))
  })

  it('with tensors inside has each where it lies', async () => {
    const tensor = new Written([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6))
    const bytes = torchPickle({ tensor, other: new Written([1], Float32Array.of(7)) })
    const { value } = await readTorchContent(fileOf(bytes))
    const [first, second] = (value as Map<string, StoredTensor>).values()
    expect(first).toBeInstanceOf(StoredTensor)
    expect(first!.shape).toEqual([2, 3])
    expect(bytes.readFloatLE(first!.storage.place!.begin)).toBe(1)
    expect(first!.storage.place!.end - first!.storage.place!.begin).toBe(24)
    expect(bytes.readFloatLE(second!.storage.place!.begin)).toBe(7)
  })

  it.each([
    ['big-endian numbers', scalar('f8', '12345678', '>'), 'a number of another kind'],
    ['numbers of other kinds', scalar('c16', '1234567890123456'), 'a number of another kind'],
    ['numbers called as what every object has', scalar('constructor', 'x'), 'a number of another kind'],
    ['bytes of other encodings', new Named('_codecs encode', ['x', 'idna']), 'bytes of another encoding'],
    ['a program', new Named('builtins eval', ['1']), 'builtins.eval, which is no tensor and is not run'],
    ['a name with other signs', new Named('a\x07b c', []), 'a?b.c, which is no tensor'],
    [
      'a storage of bytes that are none',
      new Named('torch._utils _rebuild_parameter', [new Named('torch.storage _load_from_bytes', ['no'])]),
      'torch.storage._load_from_bytes',
    ],
  ])('with %s is refused', async (_, value, message) => {
    await expect(read({ value })).rejects.toThrow(message)
  })
})

describe('a pickle that asks for too much is refused', () => {
  const pickle = (...parts: (string | Buffer)[]): string =>
    fileOf(
      Buffer.concat([Buffer.from([0x80, 2]), ...parts.map((part) => Buffer.from(part as string, 'latin1'))]),
    )

  it('text that is not there', async () => {
    await expect(readTorchContent(pickle('X\xff\xff\xff\xff'))).rejects.toThrow(
      'where 4294967295 more belong',
    )
  })

  it('a number of more bytes than any has, which are not read', async () => {
    await expect(readTorchContent(pickle('\x8b\xff\xff\xff\x7f'))).rejects.toThrow(
      'a number of 2147483647 bytes',
    )
  })

  it('more operations than a model has', async () => {
    await expect(readTorchContent(pickle(Buffer.alloc(2 ** 20 + 1, 'N')))).rejects.toThrow(
      'more operations than any model has',
    )
  })

  it('tensors too deep within others', async () => {
    const deep = pickle(Buffer.alloc(1000, ']'), Buffer.alloc(999, 'a'), '.')
    await expect(readTorchFile(deep)).rejects.toThrow('nested more than 100 deep')
  })

  it('the same list in another, doubled as often as it takes', async () => {
    // Written out as text this would have 2^60 items.
    const doubled = Array.from(
      { length: 60 },
      (_, i) => `h${String.fromCharCode(i)}h${String.fromCharCode(i)}\x86q${String.fromCharCode(i + 1)}0`,
    )
    const file = pickle(']q\x000', ...doubled, '}h\x3ch\x3cs.')
    const { entries } = await readTorchFile(file)
    expect(entries.size).toBe(0)
    await expect(readTorchContent(pickle(']q\x000', ...doubled, 'h\x3ch\x3c\x93.'))).rejects.toThrow(
      'a name that is no text',
    )
  })
})
