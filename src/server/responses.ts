/** What routes answer, for their schemas and so for OpenAPI. */
import { z } from 'zod'

/** A zod schema as Fastify and OpenAPI read it. */
export const schemaOf = (schema: z.ZodType): object =>
  z.toJSONSchema(schema, { io: 'input', target: 'draft-7' })

const TOLD = schemaOf(
  z.object({
    error: z.object({
      message: z.string(),
      type: z.enum(['invalid_request_error', 'rate_limit_error', 'server_error']),
      code: z.string().nullable(),
    }),
  }),
)

const ERRORS = {
  400: 'What is asked for is not right: the message says what was expected',
  401: 'A token is missing or wrong, where the service asks for one',
  404: 'There is no such model',
  413: 'The body is too large',
  414: 'The address is longer than that of any model',
  415: 'The body is of another type',
  422: 'A path came to no end',
  429: 'There is no room: to be tried again after the seconds of Retry-After',
} as const

type Status = keyof typeof ERRORS

/** Of pictures; OpenAPI 3.1 describes bytes by saying nothing. */
const BYTES = { schema: {} }

/** Bytes of types. */
export const bytes = (...types: string[]): Record<string, object> =>
  Object.fromEntries(types.map((type) => [type, BYTES]))

export const json = (schema: z.ZodType): Record<string, object> => ({
  'application/json': { schema: schemaOf(schema) },
})

/** Answers of a route: what it is when all is well, and errors beside 401. */
export function responses(
  description: string,
  content: Record<string, object>,
  ...statuses: Status[]
): Record<number, object> {
  const errors = ([...statuses, 401] as const).map((status) => [
    status,
    { description: ERRORS[status], content: { 'application/json': { schema: TOLD } } },
  ])
  return { 200: { description, content }, ...Object.fromEntries(errors) }
}

/** The body of a request that is a picture. */
export const pictureBody = (...types: string[]): object => ({ content: bytes(...types) })

const numbers = z.array(z.number())

/** Samples in whatever format. */
export const SAMPLES = {
  ...bytes('image/png', 'image/webp', 'application/octet-stream'),
  ...json(
    z.object({
      shape: numbers,
      evaluations: numbers,
      status: z.array(z.string()),
      milliseconds: z.object({ queued: z.number(), drawn: z.number() }),
      images: z.array(z.string()).describe('A PNG each, in base64'),
    }),
  ),
}

/** Of requests for samples. */
export const SAMPLES_ERRORS = [400, 404, 422, 429] as const
