// Requests that nobody should send: made from what the service says of itself, by fast-check and by schemathesis.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createService } from '../../src/server/serve.js'
import { runs } from '../long.js'

interface Schema {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Schema>>
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> }
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>
}

let app: FastifyInstance
let operations: { readonly path: string; readonly method: 'GET' | 'POST'; readonly operation: Operation }[]

beforeAll(async () => {
  app = await createService({
    models: { digits: 'digits' },
    tokens: [],
    limits: { count: 3, evaluations: 12, pixels: 2 ** 14 },
    logLevel: 'silent',
    maxRows: 8,
    queueLimit: 16,
  })
  const { paths } = (await app.inject('/openapi.json')).json()
  operations = Object.entries<Record<string, Operation>>(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase() as 'GET' | 'POST',
      operation,
    })),
  )
})
afterAll(() => app.close())

const junk = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e999',
    'NaN',
    'null',
    '[]',
    '{"a":1}',
    '../../etc/passwd',
    '%00',
    '9'.repeat(400),
  ),
)

/** Mostly what fits a schema, its ends among it, and now and then anything. */
function aValueOf({ type, enum: choices, minimum = -1e9, maximum = 1e9 }: Schema): fc.Arbitrary<string> {
  const fitting = choices
    ? fc.constantFrom(...choices)
    : type === 'integer'
      ? fc
          .oneof(
            fc.integer({ min: Math.max(minimum, -1e9), max: Math.min(maximum, 1e9) }),
            fc.constantFrom(minimum, maximum),
          )
          .map(String)
      : type === 'number'
        ? fc
            .oneof(fc.double({ min: minimum, max: maximum, noNaN: true }), fc.constantFrom(minimum, maximum))
            .map(String)
        : fc.string({ maxLength: 8 })
  return fc.oneof({ weight: 9, arbitrary: fitting }, { weight: 1, arbitrary: junk })
}

const rarely = <T>(weight: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

/** The values of some fields, and now and then of one that there is not. */
function fieldsOf(
  fields: Readonly<Record<string, Schema>>,
): fc.Arbitrary<Record<string, string | undefined>> {
  const some = Object.entries(fields).map(([name, schema]) => [name, rarely(4, aValueOf(schema))] as const)
  return fc.record({ ...Object.fromEntries(some), other: rarely(30, junk) })
}

const requests = () =>
  fc.nat(operations.length - 1).chain((at) => {
    const { path, method, operation } = operations[at]!
    const fields = (place: string) =>
      Object.fromEntries(
        (operation.parameters ?? [])
          .filter((each) => each.in === place)
          .map((each) => [each.name, each.schema]),
      )
    const { properties } = operation.requestBody?.content['application/json']?.schema ?? {}
    const types = [...Object.keys(operation.requestBody?.content ?? {}), 'text/plain']
    const body = properties
      ? fc.oneof(
          fieldsOf(properties).map((given) => JSON.stringify(numeric(given))),
          fc.json(),
          junk,
        )
      : fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
    return fc.record({
      method: fc.constant(method),
      query: fieldsOf(fields('query')),
      place: fieldsOf(fields('path')),
      body: method === 'POST' ? body : fc.constant(undefined),
      type: fc.constantFrom(...types),
      path: fc.constant(path),
      responses: fc.constant(operation.responses),
    })
  })

/** Values of JSON where they are numbers. */
const numeric = (given: Record<string, string | undefined>) =>
  Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      value !== undefined && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value,
    ]),
  )

it('the service answers whatever it is asked with what it says it may answer', async () => {
  const statuses = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(requests(), async ({ method, query, place, body, type, path, responses }) => {
      const given = Object.entries(query).flatMap(([name, value]) =>
        value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`],
      )
      const whole = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(place[name] ?? 'none'))
      const { statusCode, headers, payload } = await app.inject({
        method,
        url: `${whole}?${given.join('&')}`,
        ...(body !== undefined && { payload: body, headers: { 'content-type': type } }),
      })
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
      expect(Object.keys(responses)).toContain(String(statusCode))
      const answered = String(headers['content-type']).split(';')[0]!
      expect(Object.keys(responses[statusCode]!.content!)).toContain(answered)
      if (statusCode === 429) expect(Number(headers['retry-after'])).toBeGreaterThan(0)
      if (statusCode >= 400) expect(JSON.parse(payload).error.message).toMatch(/^[^\n]+$/)
    }),
    { numRuns: runs(200, 2000) },
  )
  expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([])
  expect(statuses.get(200)).toBeGreaterThan(10)
}, 600_000)

/** Where schemathesis is, and why not where it is not asked for. */
async function schemathesis(): Promise<string | undefined> {
  if (!process.env.PFGM_LONG) return undefined
  const given = process.env.PFGM_SCHEMATHESIS ?? 'schemathesis'
  const isThere = await promisify(execFile)(given, ['--version']).then(
    () => true,
    () => false,
  )
  if (isThere) return given
  console.log(`Skipped: ${given} does not run (pip install schemathesis, or name it in PFGM_SCHEMATHESIS)`)
  return undefined
}

const program = await schemathesis()
it.skipIf(program === undefined)(
  'schemathesis finds nothing in 5,000 examples',
  async () => {
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const examples = Math.ceil(5000 / operations.length)
    // What a schema cannot say is refused, too: names of classes, bytes that are no picture.
    const { stdout } = await promisify(execFile)(
      program!,
      [
        'run',
        `${url}/openapi.json`,
        '--max-examples',
        String(examples),
        '--exclude-checks',
        'positive_data_acceptance',
        '--phases',
        'examples,coverage,fuzzing',
        '--no-color',
      ],
      { maxBuffer: 2 ** 26 },
    ).catch((error: { stdout: string }) => error)
    console.log(stdout.slice(-2000))
    expect(stdout).toContain('No issues found')
  },
  3_600_000,
)
