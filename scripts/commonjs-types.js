// The types once more in dist/commonjs/, for TypeScript that compiles to CommonJS: there `require` loads this ES module,
// as Node.js does since 20.19, but the settings node16 and node18 refuse types that say they are an ES module's.
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = fileURLToPath(new URL('../dist', import.meta.url))
const target = join(dist, 'commonjs')

rmSync(target, { recursive: true, force: true })
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (name.endsWith('.d.ts')) cpSync(join(dist, name), join(target, name))
}
writeFileSync(join(target, 'package.json'), '{ "type": "commonjs" }\n')
