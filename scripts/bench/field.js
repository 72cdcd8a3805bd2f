// The field's training target against the published broadcast form.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fieldTarget, setThreads } from '../../dist/index.js'
import { compare, timed } from './compare.js'
import { inOwnProcess } from './extra-bytes.js'
import { writeFieldData } from './field-data.js'
import { benchForms } from './field-forms.js'
import { readFieldInputs } from './field-inputs.js'
import { Peer } from './peer.js'

const GAMMA = 5
const CIFAR = { dimensions: 3072, M: 291 }
const DIGITS = { dimensions: 64, M: 261 }

/**
 * `theirs` is how many of the queries the broadcast form takes at once: its arrays hold sources x queries x (N + 1)
 * numbers, so the time of a few is scaled to all where all would not fit.
 */
const CASES = [
  { ...CIFAR, sources: 2048, queries: 32, theirs: 32, repeats: 9, aim: { ratio: 100, megabytes: 16 } },
  { ...CIFAR, sources: 4096, queries: 128, theirs: 8, repeats: 7, aim: { ratio: 150, megabytes: 16 } },
  {
    ...CIFAR,
    sources: 50_000,
    queries: 128,
    theirs: 2,
    repeats: 3,
    long: true,
    aim: { ratio: 400, megabytes: 16 },
  },
  { ...DIGITS, sources: 512, queries: 128, theirs: 128, repeats: 15, aim: { ratio: 20, megabytes: 16 } },
]

/**
 * @param {Peer | undefined} peer
 * @param {{ quick: boolean }} options
 */
export async function benchField(peer, { quick }) {
  const rows = []
  // The published code has float32 sources; images are stored as pixels, which our side also takes as they are.
  for (const wanted of CASES.flatMap((one) => [
    { ...one, asPixels: true },
    { ...one, asPixels: false },
  ])) {
    if (quick && wanted.long) continue
    const repeats = quick ? Math.min(wanted.repeats, 3) : wanted.repeats
    rows.push(await benchCase(wanted, repeats, peer))
  }
  return { rows, forms: await benchForms(quick ? 1 : 5) }
}

async function benchCase(wanted, repeats, peer) {
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-bench-'))
  try {
    const data = await writeFieldData(wanted, folder)
    const extraBytes = {
      ours: await inOwnProcess('field-memory.js', data),
      theirs: peer ? await theirExtraBytes(data, wanted.theirs) : null,
    }
    const inputs = await readFieldInputs(data)
    try {
      if (peer) await peer.request('field.load', { ...theirData(data), gamma: GAMMA })
      const times = await compareTimes(wanted, repeats, inputs, peer)
      const errors = peer && (await compareErrors(wanted, inputs, folder, peer))
      return { ...described(wanted), ...times, extraBytes, errors: errors ?? null }
    } finally {
      for (const tensor of Object.values(inputs)) tensor.dispose()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const theirData = ({ sources, x, z, shape }) => ({ sources, x, z, shape })

function described({ sources, queries, dimensions, theirs, aim, asPixels }) {
  const name = `${sources.toLocaleString('en')} x ${queries}, N = ${dimensions.toLocaleString('en')}`
  return {
    name: asPixels ? `${name}, pixels` : name,
    sources,
    queries,
    dimensions,
    theirQueries: theirs,
    aim: aim ?? null,
  }
}

function compareTimes(wanted, repeats, { sources, x, z }, peer) {
  const ours = () => timed(async () => (await fieldTarget(sources, x, z, GAMMA)).dispose())
  const theirs = async () => {
    const { seconds } = await peer.request('field.target', { queries: wanted.theirs })
    return (seconds * wanted.queries) / wanted.theirs
  }
  return compare(repeats, ours, peer && theirs)
}

async function compareErrors(wanted, { sources, x, z }, folder, peer) {
  const target = await fieldTarget(sources, x, z, GAMMA)
  const ours = join(folder, 'ours')
  await writeFile(ours, await target.data())
  target.dispose()
  return peer.request('field.errors', { ours, queries: wanted.theirs })
}

/** In a process of its own too. */
async function theirExtraBytes(data, queries) {
  const peer = await Peer.start()
  try {
    await peer.request('versions', { threads: await setThreads() })
    await peer.request('field.load', { ...theirData(data), gamma: GAMMA })
    return (await peer.request('field.memory', { queries })).bytes
  } finally {
    await peer.end()
  }
}
