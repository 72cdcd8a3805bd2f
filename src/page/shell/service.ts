import { token, tokenRefused } from './token.js'

/** What the service, or the way to it, has against a request, in words for whoever asked. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  constructor(
    message: string,
    /** The answer's; 0: there was none. */
    readonly status: number,
  ) {
    super(message)
  }
}

/**
 * Asks the service.
 * @param path relative to the page, without a slash before it
 * @throws ServiceError where the answer is an error, or there is none
 */
export async function ask(path: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  const headers = new Headers(init.headers)
  const known = token()
  if (known !== undefined) headers.set('authorization', `Bearer ${known}`)
  const response = await fetch(new URL(path, document.baseURI), { ...init, headers }).catch((error) => {
    if (init.signal.aborted) throw error
    throw new ServiceError('The service does not answer. Is it still running?', 0)
  })
  if (response.ok) return response
  if (response.status === 401) tokenRefused()
  throw new ServiceError(await wordsOf(response), response.status)
}

async function wordsOf(response: Response): Promise<string> {
  if (response.status === 401) return 'The service asks for a token.'
  if (response.status === 429) return 'The service has no room just now. Try again in a moment.'
  const said: unknown = await response.json().catch(() => undefined)
  const message = (said as { error?: { message?: unknown } } | undefined)?.error?.message
  return typeof message === 'string' ? message : `The service answered ${response.status}.`
}
