import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readConfigFile } from '../src/cli/config-file.js'
import { FILE_ONLY, OPTIONS } from '../src/cli/train-options.js'
import { FLOW_KINDS, FLOWS } from '../src/flow/kinds.js'
import { PRESETS, preset } from '../src/train/presets.js'
import { run, sharedFolder } from './cli/cli.js'

const folder = sharedFolder()
const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))
const json = (name: string) => JSON.parse(readFileSync(path(name), 'utf8'))

const schema = json('schema/config.json')
const isValid = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema)

/** Everything in it that is given a name of its own. */
const members = [...schema.properties.network.oneOf, ...schema.properties.flow.anyOf]
const fields: [string, { description?: string }][] = [
  ...Object.entries(schema.properties as Record<string, { description?: string }>).slice(1),
  ...members.flatMap(({ properties }) =>
    Object.entries(properties as Record<string, { description?: string }>)
      .filter(([name]) => name !== 'kind')
      .map(([name, field]): [string, { description?: string }] => [
        `${name} of ${properties.kind.const}`,
        field,
      ]),
  ),
]

describe('schema/config.json', () => {
  it('is that of the options as they are', () => {
    const { status, stderr } = spawnSync(process.execPath, [path('scripts/config-schema.js'), '--check'], {
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  it('knows every option, network and flow, and says of each field what it is and may be', () => {
    const { $schema, network, ...options } = schema.properties
    expect(Object.keys(options)).toEqual(Object.keys(OPTIONS))
    expect(members.map(({ properties }) => properties.kind.const)).toEqual(expect.arrayContaining([...FLOWS]))
    expect(fields.filter(([, { description }]) => !description).map(([name]) => name)).toEqual([])
    expect(fields.filter(([, field]) => Object.keys(field).length < 2).map(([name]) => name)).toEqual([])
  })

  it('takes the settings of every preset and flow, and configurations that are used', () => {
    const networks = PRESETS.map((name) => ({ network: preset(name).network, flow: preset(name).flow ?? {} }))
    const size = { meanNorm: 1, deviation: 0.5, dimensions: 2 }
    const flows = [...FLOW_KINDS.values()].map((kind) => ({
      flow: kind.schema.parse({ kind: kind.kind, ...kind.settingsFor({}, size) }),
    }))
    const used = [json('test/cli/tiny-points.json'), json('test/cli/tiny-images.json')]
    for (const config of [...networks, ...flows, ...used]) {
      expect(isValid(JSON.parse(JSON.stringify(config))), JSON.stringify(isValid.errors)).toBe(true)
    }
  })

  it.each([
    { stepps: 3 },
    { steps: '3' },
    { steps: 1.5 },
    { precision: 'float16' },
    { device: 'gpu' },
    { size: [1, 2, 3] },
    { flow: { kind: 'pfgm', gama: 1 } },
    { flow: { D: 3 } },
    { flow: { kind: 'pfgmpp', D: 0.5 } },
    { network: { kind: 'mlp', dimensions: 2, width: 8 } },
    { network: { ...json('test/cli/tiny-images.json').network, chMult: 2 } },
    { network: { ...json('test/cli/tiny-images.json').network, imageSize: [8] } },
  ])('refuses %j', (config) => {
    expect(isValid(config)).toBe(false)
  })

  it('says of options what the command says', async () => {
    const kinds = Object.fromEntries(Object.entries(OPTIONS).map(([name, { kind }]) => [name, kind]))
    const file = join(folder, 'any.json')
    const read = async () => {
      try {
        await readConfigFile(file, { ...kinds, ...FILE_ONLY })
        return true
      } catch {
        return false
      }
    }
    const value = fc.oneof(
      fc.constantFrom(
        ...PRESETS,
        'auto',
        'cuda:1',
        'full',
        'bfloat16',
        'cosine',
        'fd',
        '12',
        '',
        true,
        false,
      ),
      fc.constantFrom(0, 1, 3, -1, 0.5, 1e300, 2 ** 53),
      fc.constantFrom([], [1], [8, 8], [0.5, 0.9], null),
    )
    // What a flow may be is for the library to say, which comes later.
    const { flow, ...judged } = OPTIONS
    const name = fc.constantFrom(...Object.keys(judged), 'network', 'other')
    await fc.assert(
      fc.asyncProperty(name, value, async (name, value) => {
        writeFileSync(file, JSON.stringify({ [name]: value }))
        expect(isValid({ [name]: value })).toBe(await read())
      }),
      { numRuns: 500 },
    )
  })
})

describe('the command train', () => {
  it('takes a file that names its schema', async () => {
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ $schema: 'config.json', steps: 0 }))
    const { stderr } = await run(folder, 'train', 'two-moons', '--config', 'config.json')
    expect(stderr).toMatch(/^error: Expected --steps to be an integer from 1/)
  })

  it('helps with all settings of flows, their symbols and defaults', async () => {
    const { stdout } = await run(folder, 'train', '--help')
    const text = stdout.replace(/\s+/g, ' ')
    for (const { properties } of schema.properties.flow.anyOf) {
      for (const name of Object.keys(properties)) if (name !== 'kind') expect(text).toContain(` ${name} `)
    }
    expect(text).toMatch(/zMax z_max: height of the far plane.* \(default: from the data\)/)
    expect(text).toMatch(/ve, vp, subvp: /)
    expect(text).toMatch(/ cifar10 1300000 4096 128 0\.0002 5000 1 0\.9999 /)
  })
})
