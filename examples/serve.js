// A service that draws digits; requests at the same time share network calls, and one that is given up leaves them:
//   node examples/serve.js 8080        then: curl -o seven.png 'http://localhost:8080/7?seed=1'
import { createServer } from 'node:http'
import { PfgmError, PoissonFlow } from 'pfgm-torch'
import sharp from 'sharp'

const [port = '8080'] = process.argv.slice(2)
const flow = await PoissonFlow.load('digits')
const [channels, height, width] = flow.network.itemShape

/** A PNG of one digit of a class, ten times as large as the model's. */
async function digit(label, seed, signal) {
  const { images } = await flow.sample({ count: 1, labels: label, seed, signal })
  const pixels = Uint8ClampedArray.from(await images.data(), (value) => 127.5 * (value + 1))
  images.dispose()
  const picture = sharp(pixels, { raw: { width, height, channels } })
  return picture
    .resize({ width: 10 * width, kernel: 'nearest' })
    .png()
    .toBuffer()
}

const server = createServer(async (request, response) => {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  try {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost')
    const seed = Number(searchParams.get('seed') ?? 0)
    const png = await digit(Number(pathname.slice(1)), seed, gone.signal)
    response.writeHead(200, { 'content-type': 'image/png' }).end(png)
  } catch (error) {
    // TypeErrors and RangeErrors say what was wrong in what was asked for.
    response.writeHead(error instanceof PfgmError ? 500 : 400).end(`${error.message}\n`)
  }
})
server.listen(Number(port), 'localhost', () => console.log(`http://localhost:${server.address().port}`))
process.once('SIGTERM', () => server.close(() => flow.dispose()))
