import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { peerPython } from './peer-environment.js'

const PROGRAM = fileURLToPath(new URL('peer/peer.py', import.meta.url))

/** As the user's shell has it: loading the library sets what suits the library. */
const ENVIRONMENT = { ...process.env }

/** The comparison program: a process that stays and answers one request at a time. */
export class Peer {
  #process
  #answers
  #errors = ''

  /** @param {string} python */
  constructor(python) {
    this.#process = spawn(python, ['-W', 'ignore', PROGRAM], {
      env: ENVIRONMENT,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#process.stdin.on('error', () => {}) // a peer that ended is reported by the answer that is missing
    this.#process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#errors = (this.#errors + text).slice(-4000)
    })
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()
  }

  /** A new one; undefined, with a word why, where Python or torch cannot be had. */
  static async start() {
    try {
      return new Peer(await peerPython())
    } catch (error) {
      console.warn(`Measuring without the PyTorch side: ${error.message}`)
      return undefined
    }
  }

  /**
   * @param {string} op
   * @param {Record<string, unknown>} [request]
   * @returns {Promise<any>}
   */
  async request(op, request = {}) {
    this.#process.stdin.write(`${JSON.stringify({ op, ...request })}\n`)
    const { value, done } = await this.#answers.next()
    if (done) throw new Error(`The PyTorch side ended: ${this.#errors}`)
    const answer = JSON.parse(value)
    if (answer.error) throw new Error(`The PyTorch side failed in ${op}: ${answer.error}`)
    return answer
  }

  /** Resolves when the process has ended, and its memory is free. */
  async end() {
    const ended = this.#process.exitCode === null ? once(this.#process, 'exit') : undefined
    this.#process.stdin.end()
    await ended
  }
}
