import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { PfgmError } from '../errors.js'

/** Where the pages are, of sources too. */
const FOLDER = new URL('../../dist/page/', import.meta.url)
const TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
} as const

/** What a page may do: run its own script and ask its own service. */
export const PAGE_POLICY = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:', 'blob:'],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
}

/**
 * A view of the page at `/`, and its script and style. Files are read once, here: no path of a request leads to one.
 * @throws PfgmError `ERR_PFGM_IO` where the page was not built
 */
export async function addPage(app: FastifyInstance, view: string): Promise<void> {
  await addFile(app, '/', `${view}.html`, TYPES.html)
  await addFile(app, `/page/${view}.js`, `${view}.js`, TYPES.js)
  await addFile(app, `/page/${view}.css`, `${view}.css`, TYPES.css)
}

async function addFile(app: FastifyInstance, path: string, name: string, type: string): Promise<void> {
  const body = await readFile(new URL(name, FOLDER)).catch((error: Error) => {
    throw new PfgmError('ERR_PFGM_IO', `Could not read the page (${error.message}): npm run build makes it`)
  })
  const compressed = gzipSync(body, { level: 9 })
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
  app.get(path, { schema: { hide: true }, logLevel: 'warn' }, async (request, reply) => {
    reply.header('etag', etag).header('cache-control', 'no-cache').header('vary', 'accept-encoding')
    if (request.headers['if-none-match']?.split(/ *, */).includes(etag)) return reply.code(304).send()
    reply.type(type)
    return accepts(request, 'gzip') ? asGzip(reply, compressed) : reply.send(body)
  })
}

const accepts = ({ headers }: FastifyRequest, coding: string): boolean =>
  new RegExp(`\\b${coding}\\b(?! *; *q=0(\\.0*)?(,|$))`).test(String(headers['accept-encoding'] ?? ''))

const asGzip = (reply: FastifyReply, body: Buffer): FastifyReply =>
  reply.header('content-encoding', 'gzip').send(body)
