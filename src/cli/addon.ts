import { printHint } from './output.js'
import { beginProfile } from './profile.js'
import { withSetupProgress } from './setup-progress.js'

/** Sets the addon up where it is not there yet, and shows how. */
export async function ensureAddon(): Promise<void> {
  // Loaded late: it costs as much time as the rest of a command that only prints its help.
  const setup = await import('../../scripts/install/setup.js')
  const onReport = ({ summary }: { summary: string }) => printHint(summary)
  await withSetupProgress((onProgress) => setup.ensureAddon({ onProgress, onReport }))
  beginProfile()
}
