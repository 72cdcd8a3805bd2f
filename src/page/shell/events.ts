import { ServiceError } from './service.js'

/** An event of the server. */
export interface ServerEvent {
  readonly name: string
  readonly data: unknown
}

/**
 * The events of an answer, as they come. `EventSource` could not send a token, and asks again by itself.
 * @throws ServiceError where the server says `error`, or the connection breaks
 */
export async function* eventsOf(response: Response): AsyncGenerator<ServerEvent> {
  for await (const block of blocksOf(response)) {
    const lines = block.split('\n')
    const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice(6))
    const name = lines.find((line) => line.startsWith('event: '))?.slice(7) ?? 'message'
    if (data.length === 0) continue
    const event = { name, data: JSON.parse(data.join('\n')) as unknown }
    if (name === 'error') {
      const { error } = event.data as { error?: { message?: string } }
      throw new ServiceError(error?.message ?? 'The service broke off.', 500)
    }
    yield event
  }
}

/** Text between empty lines. */
async function* blocksOf({ body }: Response): AsyncGenerator<string> {
  if (!body) return
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  try {
    for (;;) {
      const { value, done } = await reader.read().catch(() => {
        throw new ServiceError('The service broke off.', 0)
      })
      if (done) return
      const blocks = (rest + value).split('\n\n')
      rest = blocks.pop()!
      yield* blocks
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
