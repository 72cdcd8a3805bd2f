// A route of Next.js, app/digits/route.js: previews of a digit while it forms, as lines of JSON. Next.js must not bundle the
// package: next.config.js needs serverExternalPackages: ['pfgm-torch']. By itself it answers one request:
//   node examples/next-route.js 'http://localhost/digits?seed=3&label=7'
import { pathToFileURL } from 'node:url'
import { createSampler } from 'pfgm-torch'

/** One for all requests, and for all versions of this module that a development server loads. */
globalThis.digits ??= createSampler({ model: 'digits', maxRows: 32 })

export async function GET(request) {
  const { searchParams } = new URL(request.url)
  const [seed, labels] = ['seed', 'label'].map((name) => Number(searchParams.get(name) ?? 0))
  try {
    const sampler = await globalThis.digits
    const submission = sampler.submit({ seed, labels, previews: true, signal: request.signal })
    return new Response(ReadableStream.from(linesOf(submission)), {
      headers: { 'content-type': 'application/x-ndjson' },
    })
  } catch (error) {
    return new Response(`${error.message}\n`, { status: 400 })
  }
}

async function* linesOf(submission) {
  const encoder = new TextEncoder()
  const line = (value) => encoder.encode(`${JSON.stringify(value)}\n`)
  for await (const { height, values } of submission) yield line({ height, pixels: [...values] })
  const { values, evaluations } = await submission.result
  yield line({ pixels: [...values], evaluations: evaluations[0] })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const response = await GET(new Request(process.argv[2]))
  console.log(await response.text())
  await (await globalThis.digits).close()
}
