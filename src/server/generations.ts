import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { pngsOf } from './answers.js'
import { draws } from './draws.js'
import { drawingFields, type Limits, modelField, requestOf } from './fields.js'
import type { Served } from './place.js'
import { json, responses, SAMPLES_ERRORS, schemaOf } from './responses.js'
import { expectPixels } from './samples.js'
import type { Shelf } from './shelf.js'

/** Seeds that are drawn where a request has none. */
const SEEDS = 2 ** 48

const PICTURES = json(
  z.object({
    created: z.number(),
    seed: z.number().describe('Of the first one'),
    output_format: z.string(),
    data: z.array(z.object({ b64_json: z.string() })),
  }),
)

/** Pictures in the form of OpenAI's interface: a prompt that is a class's name asks for it, any other is passed over. */
export function addGenerations(app: FastifyInstance, shelf: Shelf, limits: Limits): void {
  const body = z.object({
    model: modelField,
    prompt: z.string().max(32_000).optional().describe("A class's name or number, or anything"),
    n: z.number().int().min(1).max(limits.count).default(1).describe('Pictures'),
    size: z
      .string()
      .max(20)
      .optional()
      .describe('auto, or width x height: a multiple of the pictures’ own size, 64x64 of 8 x 8'),
    seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional().describe('Drawn where not given'),
    response_format: z.enum(['b64_json']).default('b64_json'),
    ...drawingFields(limits),
  })
  app.post<{ Body: z.infer<typeof body> }>(
    '/v1/images/generations',
    {
      schema: {
        summary: 'Pictures, as clients of OpenAI ask for them',
        tags: ['samples'],
        body: schemaOf(body),
        response: responses('The pictures', PICTURES, ...SAMPLES_ERRORS, 413, 415),
      },
    },
    async (request, reply) => {
      const { model: name, prompt, n, size, seed, response_format: _, ...drawing } = request.body
      return shelf.use(name, async (served) => {
        const zoom = zoomFor(served, size)
        expectPixels(served, { count: n, zoom }, limits)
        const first = seed ?? Math.floor(Math.random() * SEEDS)
        const label = drawing.label ?? classIn(served, prompt)
        const known = pickDrawing({ ...drawing, ...(label !== undefined && { label }) }, limits)
        const samples = await draws(served, requestOf({ ...known, seed: first, count: n }, limits), reply)
        const pictures = await pngsOf(samples, zoom)
        return {
          created: Math.floor(Date.now() / 1000),
          seed: first,
          output_format: 'png',
          data: pictures.map((png) => ({ b64_json: png.toString('base64') })),
        }
      })
    },
  )
}

/** Fields of others' clients (quality, style, user) are passed over. */
function pickDrawing(given: object, limits: Limits) {
  const names = Object.keys(drawingFields(limits))
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)))
}

function classIn({ sampler: { model } }: Served, prompt: string | undefined): string | undefined {
  const wanted = prompt?.trim()
  if (wanted === undefined || model.classCount === 0) return undefined
  const named = model.config.classes?.find((each) => each.toLowerCase() === wanted.toLowerCase())
  if (named !== undefined) return named
  return /^\d{1,5}$/.test(wanted) && Number(wanted) < model.classCount ? wanted : undefined
}

/** @throws RangeError where a size is no multiple of the model's */
function zoomFor({ sampler: { model } }: Served, size: string | undefined): number {
  const [, height = 1, width = 1] = model.network.itemShape
  if (size === undefined || size === 'auto') return 1
  const [wide, high] = size.split('x').map(Number)
  const zoom = (wide ?? 0) / width
  if (Number.isInteger(zoom) && zoom >= 1 && (high ?? 0) / height === zoom) return zoom
  throw new RangeError(
    `Expected size to be auto or a multiple of ${width}x${height} but received ${JSON.stringify(size)}`,
  )
}
