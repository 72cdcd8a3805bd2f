import { library } from './library.js'
import { printHint } from './output.js'
import { beginProfile } from './profile.js'
import { withSetupProgress } from './setup-progress.js'

/** Sets the addon up where it is not there yet, and shows how. */
export async function ensureAddon(): Promise<void> {
  const setup = await import('../../scripts/install/setup.js')
  const onReport = ({ summary }: { summary: string }) => printHint(summary)
  await withSetupProgress((onProgress) => setup.ensureAddon({ onProgress, onReport }))
  await beginProfile()
}

/** The same, and has it compute on so many threads, where not given on all that may be used. */
export async function ensureAddonWith({ threads }: { threads?: number }): Promise<void> {
  await ensureAddon()
  const { setThreads } = await library()
  await setThreads(threads)
}
