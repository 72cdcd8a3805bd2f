// npm's install script. It uses only a libtorch that is already there, and never makes `npm install` fail.
import { messageOf } from './error.js'

const NEXT = 'Run `npx pfgm-torch setup` (the first `npx pfgm-torch` command does so by itself).'

try {
  // Imported here, as a dependency that is missing must not make the installation fail either.
  const { setup } = await import('./setup.js')
  const report = await setup({ download: false })
  console.log(
    report.ok || report.summary.includes('npx pfgm-torch setup')
      ? report.summary
      : `${report.summary} ${NEXT}`,
  )
} catch (error) {
  console.log(`pfgm-torch is not set up: ${messageOf(error)}. ${NEXT}`)
}
