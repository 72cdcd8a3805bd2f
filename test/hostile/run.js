// Calls the package's public functions with hostile arguments: node run.js SEED CALLS, in a folder of its own. Prints each
// call before it is made, so that whoever reads knows the one that crashed or hangs, and at the end what went wrong.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { PfgmError, setThreads } from '../../dist/index.js'
import { CALLS, callOf, fixtures } from './exports.js'
import { randomOf, twisted } from './values.js'

const [seed = 1, calls = 100] = process.argv.slice(2).map(Number)
const HOUSE = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const OWN_WORDS = /^(Expected|Could not|No room|This \w+ was disposed)/

/** Undefined for an error as this package throws them: typed, in its own words, from its own code. */
function complaint(error, signals) {
  if (signals.some(({ aborted, reason }) => aborted && reason === error)) return undefined
  if (!(error instanceof Error)) return `threw ${inspect(error)}`
  if (error instanceof PfgmError) return error.code && error.message ? undefined : 'has no code or message'
  if (!(error instanceof TypeError || error instanceof RangeError)) return `is a ${error.name}`
  if (!OWN_WORDS.test(error.message)) return 'is in words of the engine or a library'
  if (/\n/.test(error.message) || error.message.length > 2000) return 'has a message of many lines'
  const top = /^ +at .*$/m.exec(error.stack ?? '')?.[0]
  return top === undefined || /node:internal/.test(top) || top.includes(HOUSE)
    ? undefined
    : `comes from ${top}`
}

function signalsIn(value, depth = 4) {
  if (value instanceof AbortSignal) return [value]
  if (depth === 0 || typeof value !== 'object' || value === null) return []
  return Array.isArray(value) && value.length > 100
    ? []
    : Object.values(value).flatMap((inner) => signalsIn(inner, depth - 1))
}

function writeFiles({ points, images }) {
  mkdirSync('pictures')
  writeFileSync('bytes', new Uint8Array(64))
  writeFileSync(
    'table.json',
    JSON.stringify({ view: 'height', heights: [4, 0.1], steps: [{ ofX: 1, ofKnown: [-3.9] }] }),
  )
  writeFileSync(
    'images.idx',
    Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 8, ...new Uint8Array(64)),
  )
  writeFileSync('labels.idx', Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 7))
  return Promise.all([points.saveNpy('points.npy'), images.savePng('pictures/one.png')])
}

const say = (kind, value) => process.stdout.write(`${JSON.stringify({ kind, ...value })}\n`)
const show = (value) =>
  inspect(value, { depth: 3, maxArrayLength: 6, maxStringLength: 40, breakLength: Infinity })

const failures = []
let now = 'no call'
process.on('unhandledRejection', (error) =>
  failures.push({ call: now, why: 'an unhandled rejection', error: show(error) }),
)
process.on('uncaughtException', (error) =>
  failures.push({ call: now, why: 'an uncaught exception', error: show(error) }),
)

// A hook that never answers waits for the signal alone, whose timer keeps no process alive.
setInterval(() => {}, 1000)

await setThreads(1)
const held = await fixtures()
await writeFiles(held)
process.env.PFGM_CACHE = resolve('cache') // what is decoded stays in this folder; the addon is loaded
const { table, film, ...objects } = held
const random = randomOf(seed)
const names = Object.keys(CALLS)
let passed = 0
for (let n = 0; n < calls; n++) {
  const name = names[Math.floor(random() * names.length)]
  const call = await CALLS[name](held, n)
  const args = twisted(random, call.args, objects)
  now = `${name}(${args.map(show).join(', ')})`
  say('call', { n, call: now })
  try {
    await callOf(name, { ...call, args })
    passed += 1
  } catch (error) {
    const why = complaint(error, signalsIn(args))
    if (why) failures.push({ call: now, why, error: String(error?.stack ?? show(error)).slice(0, 600) })
  }
  if (name === 'setThreads') await setThreads(1)
}
say('end', { passed, failures })
process.exit(0)
