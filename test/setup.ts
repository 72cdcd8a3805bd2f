import { ensureAddon } from '../scripts/install/setup.js'

/** Before all tests: the addon, for which libtorch may have to be fetched and the C++ compiled. */
export default async function setup(): Promise<void> {
  let last = ''
  await ensureAddon({
    onProgress: ({ message }) => {
      if (message !== last) process.stderr.write(`${message}\n`)
      last = message
    },
    onReport: ({ summary }) => process.stderr.write(`${summary}\n`),
  })
}
