import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../../scripts/install/cache.js'
import { type Holder, releaseLock, takeLock, withLock } from '../../scripts/install/lock.js'
import { put, runProgram, temporaryFolder } from './helpers.js'

const LOCK = JSON.stringify(pathToFileURL(join(packageRoot, 'scripts/install/lock.js')).href)

const newFile = () => join(temporaryFolder(), 'lock')

const silence = (file: string) => utimesSync(file, new Date(), new Date(Date.now() - 600_000))

/** Leaves a lock as this process would write it, with something changed. */
function leave(file: string, change: Partial<Holder>): void {
  const { lock } = takeLock(`${file}.mine`)
  const holder = JSON.parse(readFileSync(`${file}.mine`, 'utf8'))
  releaseLock(lock!)
  put(file, JSON.stringify({ ...holder, ...change }))
}

/** Takes the lock at once and gives it back. */
function isFree(file: string): boolean {
  const { lock } = takeLock(file)
  if (lock) releaseLock(lock)
  return lock !== undefined
}

/** A process that holds the lock until it is killed, started by a shell's command. */
async function startHolder(
  file: string,
  wrap = (command: string) => `exec ${command}`,
): Promise<ChildProcess> {
  const code = `const { lock } = (await import(${LOCK})).takeLock(process.argv[1])
    process.stdout.write(lock ? 'taken' : 'refused'); setInterval(() => {}, 1000)`
  const command = wrap('"$0" --input-type=module -e "$1" "$2"')
  const child = spawn('sh', ['-c', command, process.execPath, code, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said = await new Promise((done) => child.stdout.once('data', (text) => done(String(text))))
  expect(said).toBe('taken')
  return child
}

function kill({ pid }: { pid: number }): Promise<void> {
  process.kill(pid, 'SIGKILL')
  return new Promise((done) => setTimeout(done, 200))
}

describe('a lock', () => {
  it('lets one in at a time and is gone afterwards', async () => {
    const file = newFile()
    leave(file, { pid: 2 ** 30 })
    let inside = 0
    const enter = () =>
      withLock(file, async () => {
        expect(++inside).toBe(1)
        await new Promise((done) => setTimeout(done, 20))
        inside--
      })
    await Promise.all([enter(), enter(), enter()])
    expect(existsSync(file)).toBe(false)
  })

  it('whose holders die is taken by one of many processes that wait', async () => {
    const file = newFile()
    const log = `${file}.log`
    const code = `
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
const { takeLock } = await import(${LOCK})
const [file, log] = process.argv.slice(1)
for (let round = 0; round < 100; round++) {
  let lock
  while (!(lock = takeLock(file).lock)) await setImmediate()
  appendFileSync(log, '+')
  await setImmediate()
  appendFileSync(log, '-')
  clearInterval(lock.beat)
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file)), pid: 2 ** 30 })) // as one that died leaves it
}`
    const args = ['--input-type=module', '-e', code, file, log]
    const ended = await Promise.all([1, 2, 3, 4].map(() => runProgram(process.execPath, args)))
    expect(ended.map(({ stderr }) => stderr)).toEqual(['', '', '', ''])
    expect(readFileSync(log, 'utf8')).toBe('+-'.repeat(400))
    expect(isFree(file)).toBe(true)
  })

  it('is held by a process that is suspended, however long, and by none that was killed', async () => {
    const file = newFile()
    const { pid } = await startHolder(file)
    process.kill(pid!, 'SIGSTOP')
    silence(file)
    expect(takeLock(file)).toMatchObject({ holder: { pid } })
    await kill({ pid: pid! })
    expect(isFree(file)).toBe(true)
  })

  it.runIf(process.platform === 'linux')('is not held by a dead process that nobody has reaped', async () => {
    const file = newFile()
    await startHolder(file, (command) => `${command} & exec sleep 60`)
    const { holder } = takeLock(file)
    expect(holder).toBeDefined()
    await kill(holder!)
    expect(process.kill(holder!.pid, 0)).toBe(true)
    expect(isFree(file)).toBe(true)
  })

  it.runIf(process.platform === 'linux')('is not held by a later process of the same number', () => {
    const file = newFile()
    leave(file, {})
    expect(isFree(file)).toBe(false)
    leave(file, { birth: '1' })
    expect(isFree(file)).toBe(true)
  })

  it.each([
    [
      'of another machine or container',
      JSON.stringify({ pid: 2 ** 30, host: 'other', processes: 'other', key: 'k' }),
    ],
    ['that is opened and not yet written', ''],
  ])('%s is judged by its beat', (_, text) => {
    const file = newFile()
    put(file, text)
    expect(isFree(file)).toBe(false)
    silence(file)
    expect(isFree(file)).toBe(true)
  })

  it('that another has taken over is left to it', () => {
    const file = newFile()
    const { lock } = takeLock(file)
    leave(file, {})
    releaseLock(lock!)
    expect(existsSync(file)).toBe(true)
  })
})
