import { expect, it } from 'vitest'
import { run, sharedFolder, start } from './cli.js'

const folder = sharedFolder()

it('serve draws what was asked for to its end when it is told to stop', async () => {
  const serving = start(folder, 'serve', 'one=digits', '--port', '0', '--log-level', 'silent', '--json')
  let said = ''
  serving.process.stdout!.on('data', (chunk) => {
    said += chunk
  })
  await serving.line(/listening/)
  const { url } = JSON.parse(said)
  const models = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] }
  expect(models.data[0]!.id).toBe('one')
  const slow = fetch(`${url}/v1/samples?count=8&solver=heun&steps=400`)
  await new Promise((resolve) => setTimeout(resolve, 200))
  serving.process.kill('SIGTERM')
  const picture = await slow
  expect(picture.status).toBe(200)
  expect((await picture.arrayBuffer()).byteLength).toBeGreaterThan(100)
  const { code, stderr } = await serving.ended
  expect(stderr).toContain('what was asked for is drawn to its end')
  expect(code).toBe(0)
})

it('serve says what it cannot do', async () => {
  expect(await run(folder, 'serve', 'no/such/model')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no/such/model'),
  })
  expect(await run(folder, 'serve', 'digits', 'digits')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Expected models of different names but received two called digits'),
  })
  expect(await run(folder, 'serve', 'digits', '--memory', '1MB')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('the weights of digits are 2997384'),
  })
  expect(await run(folder, 'serve', 'digits', '--memory', 'much')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Expected --memory to be a size, as in 500MB or 2GB but received'),
  })
  const taken = start(folder, 'serve', 'digits', '--port', '0', '--log-level', 'silent', '--json')
  let said = ''
  taken.process.stdout!.on('data', (chunk) => {
    said += chunk
  })
  await taken.line(/listening/)
  const port = new URL(JSON.parse(said).url).port
  const second = await run(folder, 'serve', 'digits', '--port', port, '--log-level', 'silent')
  expect(second.code).toBe(1)
  expect(second.stderr).toContain(port)
  taken.process.kill('SIGTERM')
  await taken.ended
})
