import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import { PfgmError } from '../errors.js'

/** What a client is told of an error, in the form that clients of OpenAI's interface read. */
export interface Told {
  readonly error: {
    readonly message: string
    readonly type: 'invalid_request_error' | 'rate_limit_error' | 'server_error'
    readonly code: string | null
  }
}

/** What of a request does not fit its schema, as the library says it of options. */
export function schemaError(errors: readonly FastifySchemaValidationError[], where: string): Error {
  const {
    instancePath,
    keyword,
    params,
    message = 'be another',
    data,
  } = errors[0] as FastifySchemaValidationError & {
    data?: unknown
  }
  const place = `${where}${instancePath.replaceAll('/', '.')}`.replace(/^(querystring|body)\./, '')
  const of = where === 'querystring' ? 'the query' : `the ${where}`
  if (keyword === 'additionalProperties')
    return new Error(
      `Expected no ${String(params.additionalProperty).slice(0, 100)} in ${of} but received one`,
    )
  const choices = Array.isArray(params.allowedValues)
    ? `be one of ${params.allowedValues.join(', ')}`
    : undefined
  const wanted =
    choices ??
    message
      .replace(/^must /, '')
      .replace('>=', 'at least')
      .replace('<=', 'at most')
  return new Error(
    `Expected ${place === where ? of : place} to ${wanted} but received ${(JSON.stringify(data) ?? 'none').slice(0, 100)}`,
  )
}

/** Seconds after which a client may try again. */
const RETRY_AFTER = 1

/** Answers an error: the client's with what was wrong, the service's own without a word of its inside. */
export function answerError(
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { status, told } = toldOf(error)
  if (status >= 500) request.log.error(error)
  if (status === 429) reply.header('retry-after', RETRY_AFTER)
  return reply.code(status).send(told)
}

/** The status of an error, and what a client is told of it. */
export function toldOf(error: FastifyError | Error): { status: number; told: Told } {
  const status = statusOf(error)
  const type = status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error'
  const code = error instanceof PfgmError ? error.code : ((error as FastifyError).code ?? null)
  const message = status >= 500 ? 'The service could not do this; its log says why' : error.message
  return { status, told: { error: { message, type, code } } }
}

function statusOf(error: FastifyError | Error): number {
  const status = (error as FastifyError).statusCode
  if (status !== undefined && status >= 400) return status
  if (error instanceof PfgmError) {
    if (error.code === 'ERR_PFGM_OVERLOADED') return 429
    return error.code === 'ERR_PFGM_NOT_FINITE' ? 422 : 500
  }
  // Wrong settings, by the library's own checks.
  return (error instanceof TypeError || error instanceof RangeError) && /^Expected/.test(error.message)
    ? 400
    : 500
}
