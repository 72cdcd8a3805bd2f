import { printHint } from './output.js'
import { withSetupProgress } from './setup-progress.js'

/** Sets the addon up where it is not there yet, and shows how. */
export async function ensureAddon(): Promise<void> {
  // Loaded late, as what it builds with reads the command line for a --config of its own while it loads.
  const setup = await import('../../scripts/install/setup.js')
  const onReport = ({ summary }: { summary: string }) => printHint(summary)
  await withSetupProgress((onProgress) => setup.ensureAddon({ onProgress, onReport }))
}
