import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('event-loop.js', import.meta.url))

/**
 * The event loop's delays, measured in a process of their own.
 * @param {unknown} _peer there is nothing to compare with
 * @param {{ quick: boolean }} options
 */
export async function benchEventLoop(_peer, { quick }) {
  const child = fork(PROGRAM, quick ? ['--quick'] : [])
  const exit = once(child, 'exit').then(([code]) => {
    throw new Error(`event-loop.js ended with ${code}`)
  })
  const [rows] = await Promise.race([once(child, 'message'), exit])
  child.disconnect()
  await exit.catch(() => {})
  return { rows, aimP99: 5 }
}
