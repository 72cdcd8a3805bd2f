import { ensureAddon } from '../scripts/install/setup.js'

/** Before all tests: the addon, for which libtorch may have to be fetched and the C++ compiled. */
export default async function setup(): Promise<void> {
  await ensureAddon({
    onProgress: ({ message }) => process.stderr.write(`${message}\n`),
    onReport: ({ summary }) => process.stderr.write(`${summary}\n`),
  })
}
